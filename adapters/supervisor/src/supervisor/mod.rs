//! Does what the fleet decides: processes, links, signals, the control socket, and time.
//!
//! Everything happens on the thread that calls [`Supervisor::run`], which has to be the main one: the
//! system ties the death signal of a child to the thread that started it (prctl(2)).

mod orders;
mod workers;

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use narthex_core::Journal;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::Signal,
};

use crate::{
    Error, Manner, Policy, Result, Worker, control,
    fleet::{Action, Event, Fleet},
    runtime::Socket,
    systemd::Manager,
};
use workers::Process;

/// What a supervisor is to do beside starting workers.
#[derive(Debug)]
pub struct Settings {
    /// What the server is called.
    pub name: String,
    /// What the fleet is to be like.
    pub policy: Policy,
    /// Resident bytes from which on a worker is replaced.
    pub max_memory: Option<u64>,
    /// Where commands arrive.
    pub control: Option<Socket>,
    /// Whether a web server has started it, which asks it to go by `SIGUSR1`, as FastCGI servers do.
    pub web_servers_child: bool,
}

/// Who knows what the workers are.
pub trait Owner {
    /// How a worker is started that speaks through the descriptor `link`, which it inherits.
    ///
    /// # Errors
    /// There is nothing to start.
    fn command(&mut self, link: BorrowedFd<'_>) -> io::Result<Command>;

    /// Hears that a set of workers serves, with what one of them says.
    fn serving(&mut self, lines: &[String], first: bool);

    /// Hears why the first set does not start, as the user is to see it.
    fn not_started(&mut self, screen: &str);

    /// Hears where files lie that make up the application.
    fn modules(&mut self, _directories: Vec<PathBuf>) {}

    /// Hears how many workers serve, each time something has been decided.
    fn strength(&mut self, _serving: usize) {}

    /// Hears the figures of a worker process.
    fn metrics(&mut self, _process: u32, _figures: &[u64]) {}

    /// Hears that a worker process has gone, `by_itself` or not: it will have no more figures.
    fn gone(&mut self, _process: u32, _by_itself: bool) {}

    /// Hears that log files have been moved away. The workers have been told.
    fn reopen(&mut self) {}
}

/// Reaches a supervisor from other threads.
#[derive(Clone, Debug)]
pub struct Remote {
    sender: Sender<Order>,
    bell: Arc<UnixStream>,
}

#[derive(Debug)]
enum Order {
    Signal(i32),
    Reload(String),
}

impl Remote {
    /// Asks for a reload, for this reason.
    pub fn reload(&self, reason: String) {
        self.send(Order::Reload(reason));
    }

    fn send(&self, order: Order) {
        // The receiver is gone only when the process is about to end.
        let _ = self.sender.send(order);
        // When it cannot be written to, it is full of bytes that wake as well.
        let _: io::Result<usize> = (&*self.bell).write(&[0]);
    }
}

/// A supervisor, before it runs.
#[derive(Debug)]
pub struct Supervisor {
    name: String,
    max_memory: Option<u64>,
    web_servers_child: bool,
    control: Option<control::Server>,
    fleet: Fleet,
    processes: BTreeMap<Worker, Process>,
    events: VecDeque<Event>,
    orders: Receiver<Order>,
    bed: UnixStream,
    manager: Manager,
    started: Instant,
    deaths: u64,
    reloads: u64,
    /// As the user is to see why a worker did not start.
    screen: Option<String>,
    next_look: Instant,
    next_beat: Instant,
    outcome: Option<Result<()>>,
    not_started: Option<Error>,
    buffer: Vec<u8>,
}

impl Supervisor {
    /// A supervisor that from now on handles the signals of this process.
    ///
    /// # Errors
    /// The system refuses a socket or a thread.
    pub fn new(settings: Settings) -> Result<(Self, Remote)> {
        let Settings { name, policy, max_memory, control, web_servers_child } = settings;
        let failed = || Error::system("the supervisor cannot be set up");
        let (bell, bed) = UnixStream::pair().map_err(failed())?;
        bell.set_nonblocking(true).map_err(failed())?;
        bed.set_nonblocking(true).map_err(failed())?;
        let (sender, orders) = mpsc::channel();
        let remote = Remote { sender, bell: Arc::new(bell) };
        let control = control.map(control::Server::new).transpose().map_err(failed())?;
        orders::catch(remote.clone()).map_err(failed())?;
        let now = Instant::now();
        let supervisor = Self {
            name,
            max_memory,
            web_servers_child,
            control,
            fleet: Fleet::new(policy),
            processes: BTreeMap::new(),
            events: VecDeque::new(),
            orders,
            bed,
            manager: Manager::from_environment(),
            started: now,
            deaths: 0,
            reloads: 0,
            screen: None,
            next_look: now,
            next_beat: now,
            outcome: None,
            not_started: None,
            buffer: Vec::new(),
        };
        Ok((supervisor, remote))
    }

    /// Starts the workers and looks after them until the last has ended. On the main thread only.
    ///
    /// # Errors
    /// The first set does not start.
    pub fn run(mut self, owner: &mut dyn Owner, journal: &dyn Journal) -> Result<()> {
        self.events.push_back(Event::Begin);
        loop {
            self.decide(owner, journal);
            if let Some(outcome) = self.outcome.take() {
                return outcome;
            }
            self.wait();
            while let Ok(order) = self.orders.try_recv() {
                match order {
                    Order::Signal(signal) => self.heed(signal, owner, journal),
                    Order::Reload(reason) => self.events.push_back(Event::Reload(reason)),
                }
            }
            self.listen(owner, journal);
            self.reap(owner);
            self.obey_commands(owner, journal);
            self.look();
            self.beat();
            self.events.push_back(Event::Tick);
        }
    }

    /// Sleeps until there is something to do.
    fn wait(&mut self) {
        let memory = self.max_memory.map(|_| self.next_look);
        let beat = self.manager.heartbeat().map(|_| self.next_beat);
        let control = self.control.as_ref().and_then(control::Server::deadline);
        let deadline = [self.fleet.deadline(), memory, beat, control].into_iter().flatten().min();
        let timeout = deadline.map(|at| {
            // A tick too early would find nothing due, and another follow at once.
            let left = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let links = self.processes.values().filter_map(|process| process.link.as_ref());
        let control = self.control.iter().flat_map(control::Server::descriptors);
        let mut polled: Vec<_> = std::iter::once(self.bed.as_fd())
            .chain(links.map(AsFd::as_fd))
            .chain(control)
            .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
            .collect();
        // To be interrupted is to be woken; whoever has something to say is asked in any case.
        let _ = poll(&mut polled, timeout.as_ref());
        let _ = self.bed.read(&mut [0; 64]);
    }

    /// Lets the fleet decide about what has happened, and does what it decides.
    fn decide(&mut self, owner: &mut dyn Owner, journal: &dyn Journal) {
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
