//! Does what fleets decide: processes, links, signals, the control socket, and time.
//!
//! | file | what it does |
//! |---|---|
//! | `rounds.rs` | the loop: one thread, one wait, whatever it looks after |
//! | `troop.rs` | one fleet with its processes |
//! | `workers.rs`, `orders.rs` | of a troop: its processes, and what it is told |

mod orders;
mod rounds;
mod troop;
mod workers;

use std::{io, ops::ControlFlow, os::fd::BorrowedFd, path::PathBuf, process::Command};

use narthex_core::Journal;

use crate::{Policy, Result, runtime::Socket, systemd::Manager};
pub use rounds::{Charge, Remote, Rounds, Told, Waits};
pub use troop::Troop;

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

    /// Hears that a reload has ended, and how.
    fn reloaded(&mut self, _outcome: &std::result::Result<(), String>) {}

    /// Hears that log files have been moved away. The workers have been told.
    fn reopen(&mut self) {}
}

/// The supervisor of one server, before it runs.
#[derive(Debug)]
pub struct Supervisor {
    rounds: Rounds,
    troop: Troop,
}

impl Supervisor {
    /// A supervisor that from now on handles the signals of this process.
    ///
    /// # Errors
    /// The system refuses a socket or a thread.
    pub fn new(settings: Settings) -> Result<(Self, Remote)> {
        let (rounds, remote) = Rounds::new()?;
        let troop = Troop::new(settings, Manager::from_environment())?;
        Ok((Self { rounds, troop }, remote))
    }

    /// Starts the workers and looks after them until the last has ended. On the main thread only.
    ///
    /// # Errors
    /// The first set does not start.
    pub fn run(self, owner: &mut dyn Owner, journal: &dyn Journal) -> Result<()> {
        let mut single = Single { troop: self.troop, owner, journal, outcome: Ok(()) };
        self.rounds.go(&mut single);
        single.outcome
    }
}

/// The one troop of a server.
struct Single<'a> {
    troop: Troop,
    owner: &'a mut dyn Owner,
    journal: &'a dyn Journal,
    outcome: Result<()>,
}

impl Charge for Single<'_> {
    fn heed(&mut self, told: Told) {
        match told {
            Told::Signal(signal) => self.troop.heed(signal, self.owner, self.journal),
            Told::Reload(reason) => self.troop.reload(reason),
        }
    }

    fn turn(&mut self) -> ControlFlow<()> {
        match self.troop.turn(self.owner, self.journal) {
            Some(outcome) => {
                self.outcome = outcome;
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn waits<'a>(&'a self, waits: &mut Waits<'a>) {
        self.troop.waits(waits);
    }
}
