//! The processes of workers: started, told, heard, and looked at.

use std::{
    io,
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

use narthex_core::{Journal, Level, Silent};
use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{Pid, Signal, kill_process},
};
use signal_hook::low_level::signal_name;

use super::{Owner, Troop};
use crate::{
    Link, Message, Worker,
    fleet::{Event, Standing},
    link::Heard,
    memory,
};

/// How often the memory of workers is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A worker's process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) link: Option<Link>,
    pub(super) since: Instant,
    pub(super) lines: Vec<String>,
}

impl Troop {
    pub(super) fn start(&mut self, worker: Worker, owner: &mut dyn Owner) {
        match spawn(owner) {
            Ok(process) => {
                self.processes.insert(worker, process);
            }
            Err(error) => {
                let how = format!("its process cannot be made ({error})");
                self.events.push_back(Event::Ended(worker, how));
            }
        }
    }

    pub(super) fn signal(&self, worker: Worker, signal: Signal) {
        // One that has ended and was not reaped yet keeps its number: no other process is hit.
        let process = self.processes.get(&worker).and_then(|process| pid(&process.child));
        if let Some(process) = process {
            let _ = kill_process(process, signal);
        }
    }

    /// Hears what the workers say.
    pub(super) fn listen(&mut self, owner: &mut dyn Owner, journal: &dyn Journal) {
        let workers: Vec<_> = self.processes.keys().copied().collect();
        for worker in workers {
            self.hear(worker, owner, journal);
        }
    }

    pub(super) fn hear(&mut self, worker: Worker, owner: &mut dyn Owner, journal: &dyn Journal) {
        let speaks_for_all = self.processes.keys().next() == Some(&worker);
        let Some(process) = self.processes.get_mut(&worker) else { return };
        while let Some(link) = &process.link {
            let message = match link.hear(&mut self.buffer) {
                Heard::Message(message) => message,
                Heard::Nothing => return,
                Heard::End => {
                    process.link = None;
                    return;
                }
            };
            let event = match message {
                Message::Ready(lines) => {
                    process.lines = lines;
                    Event::Ready(worker)
                }
                Message::Failed(summary, screen) => {
                    self.screen = Some(screen);
                    Event::Failed(worker, summary)
                }
                // All of them see it.
                Message::Changed(what) if speaks_for_all => Event::Reload(what),
                Message::Changed(_) => continue,
                Message::Retire(why) => Event::Retire(worker, why),
                Message::Idle(idle) => Event::Idle(worker, idle),
                Message::Stopping => Event::Leaving(worker),
                Message::Stuck(text) => {
                    let process = process.child.id();
                    let message = format_args!("process {process} hangs and is replaced: {text}");
                    journal.write(Level::Warning, &message);
                    Event::Stuck(worker)
                }
                Message::Modules(directories) => {
                    owner.modules(directories);
                    continue;
                }
                Message::Metrics(figures) => {
                    owner.metrics(process.child.id(), &figures);
                    continue;
                }
            };
            self.events.push_back(event);
        }
    }

    /// Takes note of the workers that have ended, after all that they had to say.
    pub(super) fn reap(&mut self, owner: &mut dyn Owner) {
        let ended: Vec<(Worker, ExitStatus)> = self
            .processes
            .iter_mut()
            .filter_map(|(&worker, process)| Some((worker, process.child.try_wait().ok()??)))
            .collect();
        for (worker, status) in ended {
            // What it said in its last moment, after it had been listened to.
            self.hear(worker, owner, &Silent);
            if let Some(process) = self.processes.remove(&worker) {
                let how = format!("process {} {}", process.child.id(), ending(status));
                let by_itself = self.fleet.standing(worker) == Standing::Serving;
                self.deaths += u64::from(by_itself);
                owner.gone(process.child.id(), by_itself);
                self.events.push_back(Event::Ended(worker, how));
            }
        }
    }

    /// Replaces workers that have grown too large.
    pub(super) fn look(&mut self) {
        let Some(most) = self.max_memory else { return };
        let now = Instant::now();
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        for (&worker, process) in &self.processes {
            let number = process.child.id();
            if let Some(size) = memory::resident_memory(number).filter(|&size| size > most) {
                let why = format!("process {number} has {} MiB resident", size >> 20);
                self.events.push_back(Event::Retire(worker, why));
            }
        }
    }
}

/// Starts a worker. No other child can be started meanwhile, so that none inherits its link.
fn spawn(owner: &mut dyn Owner) -> io::Result<Process> {
    let (ours, theirs) = Link::pair()?;
    let mut command = owner.command(theirs.as_fd())?;
    fcntl_setfd(&theirs, FdFlags::empty())?;
    let child = command.spawn()?;
    Ok(Process { child, link: Some(ours), since: Instant::now(), lines: Vec::new() })
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}

fn ending(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!("was ended by {name}"),
            None => format!("was ended by signal {signal}"),
        },
        (None, Some(code)) => format!("exited with status {code}"),
        (None, None) => "ended".to_owned(),
    }
}
