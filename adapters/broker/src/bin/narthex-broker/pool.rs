//! One pool: a group's processes for one application, as long as they are needed.

use std::{
    io,
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use narthex_core::{Journal, Level};
use narthex_supervisor::{Backoff, Manner, Troop, Waits, systemd::Manager};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    log::About,
    place::Socket,
    processes::{Processes, Spec},
    turn_away::turn_away,
};

/// A pool. While it has no processes it watches its socket.
pub(crate) struct Pool {
    /// What the log calls it.
    name: String,
    arguments: Vec<Vec<u8>>,
    spec: Arc<Spec>,
    socket: Socket,
    /// Those that take connections, or will.
    current: Option<Crew>,
    /// Those that are to follow them, since the group has changed.
    next: Option<Crew>,
    /// Those that finish their requests.
    ending: Vec<Crew>,
    trouble: Option<Trouble>,
    backoff: Backoff,
}

struct Crew {
    troop: Troop,
    processes: Processes,
    /// Why none of them starts.
    trouble: Option<String>,
}

/// Why no process starts, and until when none is tried.
struct Trouble {
    why: String,
    until: Instant,
}

impl Crew {
    /// Does what there is to do; `false` when all has ended.
    fn turn(&mut self) -> bool {
        let Self { troop, processes, trouble } = self;
        let journal = About(processes.journal.0.clone());
        let outcome = troop.turn(processes, &journal);
        if let Some(error) = outcome.as_ref().map_or(troop.trouble(), |it| it.as_ref().err()) {
            *trouble = Some(error.to_string());
        }
        outcome.is_none()
    }
}

impl Pool {
    /// A pool of this name, which the log shows, at `socket`.
    pub(crate) fn new(
        name: String,
        spec: Arc<Spec>,
        arguments: Vec<Vec<u8>>,
        socket: Socket,
    ) -> Self {
        Self {
            name,
            arguments,
            spec,
            socket,
            current: None,
            next: None,
            ending: Vec::new(),
            trouble: None,
            backoff: Backoff::default(),
        }
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whether it has no processes.
    pub(crate) fn is_empty(&self) -> bool {
        self.current.is_none() && self.next.is_none() && self.ending.is_empty()
    }

    /// Does what there is to do. `takes` says whether connections that wait are a reason to start.
    pub(crate) fn turn(&mut self, takes: bool) {
        self.ending.retain_mut(Crew::turn);
        self.turn_current();
        self.turn_next();
        if takes && self.has_nobody() && self.is_wanted() {
            self.start_or_turn_away();
        }
    }

    fn turn_current(&mut self) {
        let Some(crew) = &mut self.current else { return };
        let goes_on = crew.turn();
        if goes_on && !crew.troop.is_ending() {
            return;
        }
        if let Some(why) = crew.trouble.take() {
            self.trouble(&why);
        }
        if let Some(crew) = self.current.take().filter(|_| goes_on) {
            self.ending.push(crew);
        }
    }

    fn turn_next(&mut self) {
        let Some(crew) = &mut self.next else { return };
        let goes_on = crew.turn();
        if crew.processes.since.is_some() {
            self.end_current(Manner::Graceful);
            self.current = self.next.take();
        } else if !goes_on || crew.troop.is_ending() {
            let why = crew.trouble.take().unwrap_or_default();
            self.say(Level::Error, &format!("{why}; the processes of before go on"));
            self.ending.extend(self.next.take().filter(|_| goes_on));
        }
    }

    fn end_current(&mut self, manner: Manner) {
        if let Some(mut crew) = self.current.take() {
            crew.troop.stop(manner);
            if crew.turn() {
                self.ending.push(crew);
            }
        }
    }

    /// Whether there is nobody who takes connections, or will.
    fn has_nobody(&self) -> bool {
        self.current.is_none() && self.next.is_none()
    }

    /// Whether a connection waits.
    fn is_wanted(&self) -> bool {
        let mut polled = [PollFd::new(&self.socket.listener, PollFlags::IN)];
        matches!(poll(&mut polled, Some(&Timespec::default())), Ok(1..))
    }

    fn start_or_turn_away(&mut self) {
        let now = Instant::now();
        match &self.trouble {
            Some(trouble) if now < trouble.until => {
                turn_away(&self.socket.listener, &trouble.why);
            }
            _ => {
                self.trouble = None;
                match self.crew() {
                    Ok(crew) => self.current = Some(crew),
                    Err(error) => self.trouble(&format!("it cannot be started: {error}")),
                }
                self.turn_current();
            }
        }
    }

    /// Processes that are about to start.
    fn crew(&self) -> io::Result<Crew> {
        let listener = self.socket.listener.try_clone()?;
        let (spec, journal) = (Arc::clone(&self.spec), About(self.name.clone()));
        let settings = self.spec.settings(self.name.clone());
        let troop = Troop::new(settings, Manager::none()).map_err(io::Error::other)?;
        let processes = Processes::new(spec, journal, self.arguments.clone(), listener);
        Ok(Crew { troop, processes, trouble: None })
    }

    /// Remembers why nothing starts, and tells those who wait.
    fn trouble(&mut self, why: &str) {
        let now = Instant::now();
        let served = self.current.as_ref().and_then(|crew| crew.processes.since);
        let wait = self.backoff.next(served.map_or(Duration::ZERO, |since| now - since));
        let mut lines = why.lines();
        let why = format!("{}: {}", self.name, lines.next().unwrap_or_default());
        crate::log::write(Level::Error, &why);
        turn_away(&self.socket.listener, &why);
        self.trouble = Some(Trouble { why, until: now + wait });
    }

    /// Names what the next turn waits for, which `takes` connections or does not.
    pub(crate) fn waits<'a>(&'a self, takes: bool, waits: &mut Waits<'a>) {
        for crew in self.current.iter().chain(&self.next).chain(&self.ending) {
            crew.troop.waits(waits);
        }
        if takes && self.has_nobody() {
            waits.input(self.socket.listener.as_fd());
        }
    }

    /// Goes by another definition of its group: what runs is replaced when others are ready.
    pub(crate) fn redefine(&mut self, spec: Arc<Spec>) {
        if self.spec == spec {
            return;
        }
        self.spec = spec;
        self.trouble = None;
        if let Err(error) = self.socket.hold(self.spec.group.queue) {
            self.say(Level::Warning, &format!("its queue keeps its length: {error}"));
        }
        if let Some(mut crew) = self.next.take() {
            crew.troop.stop(Manner::Now);
            self.ending.push(crew);
        }
        if self.current.is_some() {
            match self.crew() {
                Ok(crew) => self.next = Some(crew),
                Err(error) => self.say(Level::Error, &format!("it is not changed: {error}")),
            }
        }
    }

    /// Has the application loaded anew, for this reason.
    pub(crate) fn reload(&mut self, reason: &str) {
        self.trouble = None; // it may have been mended
        if let Some(crew) = &mut self.current {
            crew.processes.reloaded = None;
            crew.troop.reload(reason.to_owned());
        }
    }

    /// Whether a reload is going on.
    pub(crate) fn is_reloading(&self) -> bool {
        self.current.as_ref().is_some_and(|crew| crew.troop.is_reloading())
    }

    /// Why the last reload has failed, once.
    pub(crate) fn failure(&mut self) -> Option<String> {
        self.current.as_mut()?.processes.reloaded.take()?.err()
    }

    /// Has all processes end. The next connection starts others.
    pub(crate) fn stop(&mut self, manner: Manner) {
        if let Some(mut crew) = self.next.take() {
            crew.troop.stop(Manner::Now);
            self.ending.push(crew);
        }
        self.end_current(manner);
        if manner == Manner::Now {
            self.ending.iter_mut().for_each(|crew| crew.troop.stop(manner));
        }
    }

    /// Whether processes are ending.
    pub(crate) fn is_ending(&self) -> bool {
        !self.ending.is_empty()
    }

    /// How long its requests may take.
    pub(crate) fn patience(&self) -> Duration {
        self.spec.group.graceful
    }

    /// How its processes are, if it has any.
    pub(crate) fn status(&self, json: bool) -> Option<String> {
        Some(self.current.as_ref()?.troop.status(json))
    }

    fn say(&self, level: Level, text: &str) {
        About(self.name.clone()).write(level, &text);
    }
}
