//! What the supervisor is told: by signals, and by commands.

use std::time::Instant;

use narthex_core::{Journal, Level};
use rustix::process::Signal;
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGQUIT, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2},
    low_level::signal_name,
};

use super::{Owner, Troop};
use crate::{
    Manner,
    control::Request,
    fleet::Event,
    memory,
    status::{Status, WorkerStatus},
};

impl Troop {
    pub(super) fn heed(&mut self, signal: i32, owner: &mut dyn Owner, journal: &dyn Journal) {
        let name = signal_name(signal).unwrap_or("signal");
        let say = |what: &str| journal.write(Level::Info, &format_args!("{name}: {what}"));
        let event = match signal {
            SIGCHLD => return,
            SIGHUP => Event::Reload(name.to_owned()),
            SIGTTIN => {
                say("one worker is added");
                Event::More
            }
            SIGTTOU => {
                say("one worker is taken away");
                Event::Fewer
            }
            SIGUSR1 if self.web_servers_child => self.stopping(Manner::Graceful, name, journal),
            SIGUSR1 => {
                say("log files are opened again");
                owner.reopen();
                let workers: Vec<_> = self.processes.keys().copied().collect();
                return workers.into_iter().for_each(|worker| self.signal(worker, Signal::USR1));
            }
            SIGUSR2 => {
                return say(
                    "ignored: sockets are not handed to another supervisor; SIGHUP reloads",
                );
            }
            SIGQUIT => self.stopping(Manner::Now, name, journal),
            _ => self.stopping(Manner::Graceful, name, journal),
        };
        self.events.push_back(event);
    }

    fn stopping(&self, manner: Manner, reason: &str, journal: &dyn Journal) -> Event {
        let what = match manner {
            Manner::Graceful => "finishing running requests; again to stop at once",
            Manner::Now => "stopping at once",
        };
        journal.write(Level::Info, &format_args!("{reason}: {what}"));
        self.manager.stopping();
        Event::Stop(manner)
    }

    pub(super) fn obey_commands(&mut self, owner: &mut dyn Owner, journal: &dyn Journal) {
        let Some(mut control) = self.control.take() else { return };
        let requests = control.requests(Instant::now());
        for (place, request) in requests {
            match request {
                Request::Status { json } => control.answer(place, &self.status(json)),
                Request::Reload => {
                    self.events.push_back(Event::Reload("narthex reload".to_owned()));
                    self.control = Some(control);
                    self.decide(owner, journal);
                    control = self.control.take().expect("it was put there above");
                    control.put_off(place, self.fleet.ticket());
                }
                Request::Stop(manner) => {
                    let stop = self.stopping(manner, "narthex stop", journal);
                    self.events.push_back(stop);
                    control.put_off_to_the_end(place);
                }
            }
        }
        control.let_go();
        self.control = Some(control);
    }

    pub(super) fn state(&self) -> Status {
        let workers = self.processes.iter().map(|(&worker, process)| WorkerStatus {
            process: process.child.id(),
            standing: self.fleet.standing(worker).name(),
            age: process.since.elapsed().as_secs(),
            memory: memory::resident_memory(process.child.id()).unwrap_or(0),
        });
        Status {
            name: self.name.clone(),
            process: std::process::id(),
            uptime: self.started.elapsed().as_secs(),
            wanted: self.fleet.wanted(),
            serving: self.fleet.serving(),
            reloading: self.fleet.is_reloading(),
            deaths: self.deaths,
            reloads: self.reloads,
            workers: workers.collect(),
        }
    }
}
