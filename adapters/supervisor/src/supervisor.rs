//! Does what the fleet decides: processes, links, signals, the control socket, and time.
//!
//! Everything happens on the thread that calls [`Supervisor::run`], which has to be the main one: the
//! system ties the death signal of a child to the thread that started it (prctl(2)).

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    path::PathBuf,
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use narthex_core::{Journal, Level};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{FdFlags, fcntl_setfd},
    process::{Pid, Signal, kill_process},
};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2},
    iterator::Signals,
    low_level::signal_name,
};

use crate::{
    Error, Manner, Policy, Result, Worker,
    control::{self, Request},
    fleet::{Action, Event, Fleet},
    link::{Heard, Link, Message},
    memory,
    runtime::Socket,
    status::{Status, WorkerStatus},
    systemd::Manager,
};

/// How often the memory of workers is looked at.
const LOOK: Duration = Duration::from_secs(1);

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

    /// Hears the figures of a worker.
    fn metrics(&mut self, _worker: Worker, _figures: &[u64]) {}

    /// Hears that a worker has gone: it will have no more figures.
    fn gone(&mut self, _worker: Worker) {}

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

#[derive(Debug)]
struct Process {
    child: Child,
    link: Option<Link>,
    since: Instant,
    lines: Vec<String>,
}

impl Supervisor {
    /// A supervisor that from now on handles the signals of this process.
    ///
    /// # Errors
    /// The system refuses a socket or a thread.
    pub fn new(settings: Settings) -> Result<(Self, Remote)> {
        let Settings { name, policy, max_memory, control } = settings;
        let failed = || Error::system("the supervisor cannot be set up");
        let (bell, bed) = UnixStream::pair().map_err(failed())?;
        bell.set_nonblocking(true).map_err(failed())?;
        bed.set_nonblocking(true).map_err(failed())?;
        let (sender, orders) = mpsc::channel();
        let remote = Remote { sender, bell: Arc::new(bell) };
        let control = control.map(control::Server::new).transpose().map_err(failed())?;
        catch(remote.clone()).map_err(failed())?;
        let now = Instant::now();
        let supervisor = Self {
            name,
            max_memory,
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

    fn start(&mut self, worker: Worker, owner: &mut dyn Owner) {
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

    fn signal(&self, worker: Worker, signal: Signal) {
        // One that has ended and was not reaped yet keeps its number: no other process is hit.
        let process = self.processes.get(&worker).and_then(|process| pid(&process.child));
        if let Some(process) = process {
            let _ = kill_process(process, signal);
        }
    }

    fn heed(&mut self, signal: i32, owner: &mut dyn Owner, journal: &dyn Journal) {
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
            SIGQUIT => self.stop(Manner::Now, name, journal),
            _ => self.stop(Manner::Graceful, name, journal),
        };
        self.events.push_back(event);
    }

    fn stop(&self, manner: Manner, reason: &str, journal: &dyn Journal) -> Event {
        let what = match manner {
            Manner::Graceful => "finishing running requests; again to stop at once",
            Manner::Now => "stopping at once",
        };
        journal.write(Level::Info, &format_args!("{reason}: {what}"));
        self.manager.stopping();
        Event::Stop(manner)
    }

    /// Hears what the workers say.
    fn listen(&mut self, owner: &mut dyn Owner, journal: &dyn Journal) {
        let workers: Vec<_> = self.processes.keys().copied().collect();
        for worker in workers {
            self.hear(worker, owner, journal);
        }
    }

    fn hear(&mut self, worker: Worker, owner: &mut dyn Owner, journal: &dyn Journal) {
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
                Message::Retire(why) => Event::Retire(worker, why),
                Message::Stopping => Event::Leaving(worker),
                Message::Stuck(text) => {
                    let process = process.child.id();
                    journal.write(Level::Error, &format_args!("worker {process} hangs: {text}"));
                    Event::Stuck(worker)
                }
                Message::Modules(directories) => {
                    owner.modules(directories);
                    continue;
                }
                Message::Metrics(figures) => {
                    owner.metrics(worker, &figures);
                    continue;
                }
            };
            self.events.push_back(event);
        }
    }

    /// Takes note of the workers that have ended, after all that they had to say.
    fn reap(&mut self, owner: &mut dyn Owner) {
        let ended: Vec<(Worker, ExitStatus)> = self
            .processes
            .iter_mut()
            .filter_map(|(&worker, process)| Some((worker, process.child.try_wait().ok()??)))
            .collect();
        for (worker, status) in ended {
            // What it said in its last moment, after it had been listened to.
            self.hear(worker, owner, &narthex_core::Silent);
            if let Some(process) = self.processes.remove(&worker) {
                owner.gone(worker);
                let how = format!("process {} {}", process.child.id(), ending(status));
                let by_itself = self.fleet.standing(worker) == crate::fleet::Standing::Serving;
                self.deaths += u64::from(by_itself);
                self.events.push_back(Event::Ended(worker, how));
            }
        }
    }

    fn obey_commands(&mut self, owner: &mut dyn Owner, journal: &dyn Journal) {
        let Some(mut control) = self.control.take() else { return };
        let requests = control.requests(Instant::now());
        for (place, request) in requests {
            match request {
                Request::Status { json: true } => control.answer(place, &self.status().json()),
                Request::Status { json: false } => control.answer(place, &self.status().text()),
                Request::Reload => {
                    self.events.push_back(Event::Reload("narthex reload".to_owned()));
                    self.control = Some(control);
                    self.decide(owner, journal);
                    control = self.control.take().expect("it was put there above");
                    control.put_off(place, self.fleet.ticket());
                }
                Request::Stop(manner) => {
                    let stop = self.stop(manner, "narthex stop", journal);
                    self.events.push_back(stop);
                    control.put_off_to_the_end(place);
                }
            }
        }
        self.control = Some(control);
    }

    fn status(&self) -> Status {
        let workers = self.processes.iter().map(|(&worker, process)| WorkerStatus {
            process: process.child.id(),
            standing: self.fleet.standing(worker).name(),
            age: process.since.elapsed().as_secs(),
            memory: memory::resident(process.child.id()).unwrap_or(0),
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

    /// Replaces workers that have grown too large.
    fn look(&mut self) {
        let Some(most) = self.max_memory else { return };
        let now = Instant::now();
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        for (&worker, process) in &self.processes {
            let number = process.child.id();
            if let Some(size) = memory::resident(number).filter(|&size| size > most) {
                let why = format!("process {number} has {} MiB resident", size >> 20);
                self.events.push_back(Event::Retire(worker, why));
            }
        }
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

/// Starts a worker. No other child can be started meanwhile, so that none inherits its link.
fn spawn(owner: &mut dyn Owner) -> io::Result<Process> {
    let (ours, theirs) = Link::pair()?;
    let mut command = owner.command(theirs.as_fd())?;
    fcntl_setfd(&theirs, FdFlags::empty())?;
    let child = command.spawn()?;
    Ok(Process { child, link: Some(ours), since: Instant::now(), lines: Vec::new() })
}

/// Hands signals over from a thread of their own.
fn catch(remote: Remote) -> io::Result<()> {
    let mut caught = Signals::new([
        SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGCHLD,
    ])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in caught.forever() {
            remote.send(Order::Signal(signal));
        }
    })?;
    Ok(())
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
