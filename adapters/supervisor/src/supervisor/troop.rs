//! One fleet with its processes: what it decides is done.

use std::{
    collections::{BTreeMap, VecDeque},
    os::fd::AsFd,
    time::Instant,
};

use narthex_core::Journal;
use rustix::process::Signal;

use super::{Owner, Settings, Waits, workers::Process};
use crate::{
    Error, Manner, Result, Worker, control,
    fleet::{Action, Event, Fleet},
    systemd::Manager,
};

/// Workers of one kind: a fleet, and its processes.
#[derive(Debug)]
pub struct Troop {
    pub(super) name: String,
    pub(super) max_memory: Option<u64>,
    pub(super) web_servers_child: bool,
    pub(super) control: Option<control::Server>,
    pub(super) fleet: Fleet,
    pub(super) processes: BTreeMap<Worker, Process>,
    pub(super) events: VecDeque<Event>,
    pub(super) manager: Manager,
    pub(super) started: Instant,
    pub(super) deaths: u64,
    pub(super) reloads: u64,
    /// As the user is to see why a worker did not start.
    pub(super) screen: Option<String>,
    pub(super) next_look: Instant,
    next_beat: Instant,
    outcome: Option<Result<()>>,
    not_started: Option<Error>,
    pub(super) buffer: Vec<u8>,
}

impl Troop {
    /// Workers as `settings` want them, which start with the first turn. The service `manager` is told
    /// of them.
    ///
    /// # Errors
    /// The socket for commands cannot be used.
    pub fn new(settings: Settings, manager: Manager) -> Result<Self> {
        let Settings { name, policy, max_memory, control, web_servers_child } = settings;
        let failed = Error::system("the supervisor cannot be set up");
        let control = control.map(control::Server::new).transpose().map_err(failed)?;
        let now = Instant::now();
        Ok(Self {
            name,
            max_memory,
            web_servers_child,
            control,
            fleet: Fleet::new(policy),
            processes: BTreeMap::new(),
            events: VecDeque::from([Event::Begin]),
            manager,
            started: now,
            deaths: 0,
            reloads: 0,
            screen: None,
            next_look: now,
            next_beat: now,
            outcome: None,
            not_started: None,
            buffer: Vec::new(),
        })
    }

    /// Does what there is to do; the outcome, when the last worker has ended.
    pub fn turn(&mut self, owner: &mut dyn Owner, journal: &dyn Journal) -> Option<Result<()>> {
        self.listen(owner, journal);
        self.reap(owner);
        self.obey_commands(owner, journal);
        self.look();
        self.beat();
        self.events.push_back(Event::Tick);
        self.decide(owner, journal);
        self.outcome.take()
    }

    /// Names what the next turn waits for.
    pub fn waits<'a>(&'a self, waits: &mut Waits<'a>) {
        let links = self.processes.values().filter_map(|process| process.link.as_ref());
        let control = self.control.iter().flat_map(control::Server::descriptors);
        for descriptor in links.map(AsFd::as_fd).chain(control) {
            waits.input(descriptor);
        }
        waits.until(self.fleet.deadline());
        waits.until(self.max_memory.map(|_| self.next_look));
        waits.until(self.manager.heartbeat().map(|_| self.next_beat));
        waits.until(self.control.as_ref().and_then(control::Server::deadline));
    }

    /// Has the application loaded anew with the next turn.
    pub fn reload(&mut self, reason: String) {
        self.events.push_back(Event::Reload(reason));
    }

    /// Has all workers end, from the next turn on.
    pub fn stop(&mut self, manner: Manner) {
        self.events.push_back(Event::Stop(manner));
    }

    /// Whether its workers are ending, and no more will start.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.fleet.is_stopping()
    }

    /// Whether all workers are being replaced, or are about to be.
    #[must_use]
    pub fn is_reloading(&self) -> bool {
        let asked = |event: &Event| matches!(event, Event::Reload(_));
        self.fleet.is_reloading() || self.events.iter().any(asked)
    }

    /// How it goes, for people or as JSON.
    #[must_use]
    pub fn status(&self, json: bool) -> String {
        let status = self.state();
        if json { status.json() } else { status.text() }
    }

    /// How many workers serve.
    #[must_use]
    pub fn serving(&self) -> usize {
        self.fleet.serving()
    }

    /// Why no worker starts, once that is so.
    #[must_use]
    pub fn trouble(&self) -> Option<&Error> {
        self.not_started.as_ref()
    }

    /// Lets the fleet decide about what has happened, and does what it decides.
    pub(super) fn decide(&mut self, owner: &mut dyn Owner, journal: &dyn Journal) {
        while let Some(event) = self.events.pop_front() {
            for action in self.fleet.handle(event, Instant::now()) {
                self.act(action, owner, journal);
            }
        }
        owner.strength(self.fleet.serving());
    }

    fn act(&mut self, action: Action, owner: &mut dyn Owner, journal: &dyn Journal) {
        match action {
            Action::Start(worker) => self.start(worker, owner),
            Action::Tell(worker, Manner::Graceful) => self.signal(worker, Signal::TERM),
            Action::Tell(worker, Manner::Now) => self.signal(worker, Signal::QUIT),
            Action::Kill(worker) => self.signal(worker, Signal::KILL),
            Action::Say(level, text) => journal.write(level, &text),
            Action::Serving => {
                self.announce(owner, true);
                self.manager.ready(&self.summary());
            }
            Action::NotStarted(why) => {
                let screen = self.screen.take();
                if let Some(screen) = &screen {
                    owner.not_started(screen);
                }
                self.not_started = Some(Error::Start(why, screen.is_some()));
            }
            Action::Reloading => self.manager.reloading(),
            Action::Reloaded(number, outcome) => {
                self.reloads += u64::from(outcome.is_ok());
                if let Some(screen) = self.screen.take() {
                    owner.not_started(&screen);
                }
                self.announce(owner, false);
                self.manager.ready(&self.summary());
                owner.reloaded(&outcome);
                if let Some(control) = &mut self.control {
                    control.reloaded(number, &outcome);
                }
            }
            Action::Finish => {
                self.outcome = Some(self.not_started.take().map_or(Ok(()), Err));
            }
        }
    }

    fn announce(&self, owner: &mut dyn Owner, first: bool) {
        // The newest: an old one would speak of the old application.
        if let Some(process) = self.processes.values().rev().find(|it| !it.lines.is_empty()) {
            owner.serving(&process.lines, first);
        }
    }

    fn summary(&self) -> String {
        format!("{} of {} workers serve", self.fleet.serving(), self.fleet.wanted())
    }

    /// Tells the service manager that this loop goes round.
    fn beat(&mut self) {
        let Some(period) = self.manager.heartbeat() else { return };
        let now = Instant::now();
        if now >= self.next_beat {
            self.next_beat = now + period;
            self.manager.alive();
            self.manager.status(&self.summary());
        }
    }
}
