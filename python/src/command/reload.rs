//! `--reload`: a process that holds the port and restarts the one that serves.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::Read,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::{ffi::OsStrExt, net::UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use narthex_adapters::Listener;
use narthex_core::{Journal, Level};
use pyo3::prelude::*;
use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{Pid, Signal, kill_process},
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2},
    iterator::Signals,
};

use super::{
    failure::Failure,
    options::sockets,
    plan::{INSECURE, Plan},
    ports, signals,
    watch::{Change, Watcher},
};
use crate::journal::Log;

/// How long no file must have changed before the application is restarted: one save is several
/// changes.
const SETTLED: Duration = Duration::from_millis(50);

/// How long running requests may hold up a restart.
const PATIENCE: Duration = Duration::from_millis(300);

enum Event {
    Signal(i32),
    Change(Change),
    /// The child with this process number says that its modules lie there.
    Modules(Vec<PathBuf>),
    /// The child with this process number has ended.
    Ended(u32, ExitStatus),
}

/// Runs the application in a child process and restarts it when a file changes.
///
/// Returns the exit status.
///
/// # Errors
/// An address cannot be had, or nothing can be watched or started.
pub(super) fn run(py: Python<'_>, plan: &Plan, arguments: &[OsString]) -> Result<i32, Failure> {
    plan.change_directory()?;
    let mut listeners = Vec::new();
    for (binds, mark) in [(plan.binds()?, ""), (plan.insecure_binds()?, INSECURE)] {
        for bind in binds {
            let bound = bind.listen(plan.listening.backlog);
            let bound = bound.map_err(|error| ports::failure(&error))?;
            listeners.extend(bound.into_iter().map(|listener| (listener, mark)));
        }
    }
    sockets::forget(py)?;
    // From here on Python's own handlers do nothing: the child is told what is to be done.
    signals::hold(py)?.release(py)?;
    let python: OsString = py.import("sys")?.getattr("executable")?.extract()?;
    let flags: Vec<OsString> =
        py.import("subprocess")?.call_method0("_args_from_interpreter_flags")?.extract()?;
    let (sender, events) = mpsc::channel();
    let mut reloader = Reloader {
        log: plan.application.logs.standard(),
        start: Start { python, flags, arguments: arguments.to_vec(), listeners },
        watcher: Watcher::new(sender.clone(), Event::Change).map_err(|error| cannot(&error))?,
        sender,
        child: None,
    };
    py.detach(move || reloader.run(&events)).map_err(|error| cannot(error.as_ref()))
}

fn cannot(error: &dyn std::error::Error) -> Failure {
    Failure::new(
        "N209",
        &format!("--reload cannot work here: {}", ports::full(error)),
        Vec::new(),
        vec!["leave out --reload".to_owned()],
    )
}

/// How the child is started.
struct Start {
    python: OsString,
    flags: Vec<OsString>,
    arguments: Vec<OsString>,
    /// With what marks those that do not speak TLS.
    listeners: Vec<(Listener, &'static str)>,
}

struct Reloader {
    log: Log,
    start: Start,
    watcher: Watcher,
    sender: Sender<Event>,
    /// Process number of the child, until it is known to have ended.
    child: Option<u32>,
}

impl Reloader {
    fn run(
        &mut self,
        events: &Receiver<Event>,
    ) -> Result<i32, Box<dyn std::error::Error + Send + Sync>> {
        let mut caught = Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2])?;
        let sender = self.sender.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in caught.forever() {
                // The receiver is gone only when the process is about to end.
                let _ = sender.send(Event::Signal(signal));
            }
        })?;
        self.watch(&env::current_dir()?);
        self.spawn()?;
        loop {
            match events.recv()? {
                Event::Signal(SIGINT | SIGTERM) => return Ok(self.stop(Signal::TERM, events)),
                Event::Signal(SIGQUIT) => return Ok(self.stop(Signal::QUIT, events)),
                Event::Signal(SIGHUP) => self.restart("SIGHUP", events)?,
                Event::Signal(SIGUSR1) => self.tell(Signal::USR1),
                Event::Signal(_) => self.log.write(Level::Info, &"SIGUSR2: ignored"),
                Event::Modules(directories) => {
                    for directory in &directories {
                        self.watch(directory);
                    }
                }
                Event::Change(Change::Directory(path)) => self.watch_new(&path),
                Event::Change(Change::File(path)) => {
                    let name = self.settle(path, events);
                    self.restart(&format!("{} changed", name.display()), events)?;
                }
                Event::Ended(process, status) if self.child == Some(process) => {
                    self.child = None;
                    let message =
                        format_args!("the application ended ({status}); waiting for a change");
                    self.log.write(Level::Warning, &message);
                }
                Event::Ended(..) => {}
            }
        }
    }

    /// Waits until files have stopped changing. Returns the first that did.
    fn settle(&mut self, first: PathBuf, events: &Receiver<Event>) -> PathBuf {
        let mut kept = Vec::new();
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience {
            match events.recv_timeout(SETTLED) {
                Ok(Event::Change(Change::File(_))) => {}
                Ok(Event::Change(Change::Directory(path))) => self.watch_new(&path),
                Ok(event) => kept.push(event),
                Err(_) => break,
            }
        }
        for event in kept {
            let _ = self.sender.send(event);
        }
        match env::current_dir() {
            Ok(here) => first.strip_prefix(&here).map_or_else(|_| first.clone(), Path::to_owned),
            Err(_) => first,
        }
    }

    fn restart(
        &mut self,
        reason: &str,
        events: &Receiver<Event>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.log.write(Level::Info, &format_args!("{reason}: restarting"));
        for signal in [Signal::TERM, Signal::KILL] {
            self.tell(signal);
            self.await_end(PATIENCE, events);
        }
        self.spawn()?;
        Ok(())
    }

    /// Waits for the end of the child; what else happens meanwhile happens afterwards.
    fn await_end(&mut self, patience: Duration, events: &Receiver<Event>) {
        let deadline = Instant::now() + patience;
        let mut kept = Vec::new();
        while let Some(child) = self.child {
            let left = deadline.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(Event::Ended(process, _)) if process == child => self.child = None,
                Ok(event) => kept.push(event),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        for event in kept {
            let _ = self.sender.send(event);
        }
    }

    /// Passes the stop on until the child has ended. Returns the exit status.
    fn stop(&mut self, signal: Signal, events: &Receiver<Event>) -> i32 {
        self.tell(signal);
        while let Some(child) = self.child {
            match events.recv() {
                Ok(Event::Signal(SIGINT | SIGTERM)) => self.tell(Signal::TERM),
                Ok(Event::Signal(SIGQUIT)) => self.tell(Signal::QUIT),
                Ok(Event::Ended(process, _)) if process == child => self.child = None,
                Ok(_) => {}
                Err(_) => break,
            }
        }
        0
    }

    fn tell(&self, signal: Signal) {
        let process = self.child.and_then(|child| Pid::from_raw(i32::try_from(child).ok()?));
        if let Some(process) = process {
            // Gone already is as good as told.
            let _ = kill_process(process, signal);
        }
    }

    fn spawn(&mut self) -> std::io::Result<()> {
        let (report, theirs) = UnixStream::pair()?;
        let mut child = self.start.command(&theirs)?.spawn()?;
        let process = child.id();
        self.child = Some(process);
        let sender = self.sender.clone();
        thread::Builder::new().name("child".to_owned()).spawn(move || {
            if let Ok(status) = child.wait() {
                let _ = sender.send(Event::Ended(process, status));
            }
        })?;
        let sender = self.sender.clone();
        thread::Builder::new().name("report".to_owned()).spawn(move || {
            let mut text = Vec::new();
            if (&report).read_to_end(&mut text).is_ok() {
                let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
                let paths = lines.map(|line| PathBuf::from(OsStr::from_bytes(line))).collect();
                let _ = sender.send(Event::Modules(paths));
            }
        })?;
        Ok(())
    }

    fn watch(&mut self, directory: &Path) {
        let added = self.watcher.add(directory);
        self.warn(directory, added);
    }

    fn watch_new(&mut self, directory: &Path) {
        let added = self.watcher.add_new(directory);
        self.warn(directory, added);
    }

    fn warn(&self, directory: &Path, added: notify::Result<()>) {
        if let Err(error) = added {
            let name = directory.display();
            let message = format_args!("not all of {name} is watched for changes: {error}");
            self.log.write(Level::Warning, &message);
        }
    }
}

impl Start {
    /// The child's command; it inherits the listeners and the end of the pipe it reports by.
    fn command(&self, report: &UnixStream) -> std::io::Result<Command> {
        let mut command = Command::new(&self.python);
        command.args(&self.flags).args(["-m", "narthex"]);
        let (action, rest) = self.arguments.split_at(1);
        command.args(action);
        command.args(["--reload-parent", &std::process::id().to_string()]);
        command.args(["--reload-report", &report.as_raw_fd().to_string()]);
        fcntl_setfd(report, FdFlags::empty())?;
        for (listener, mark) in &self.listeners {
            let descriptor: BorrowedFd<'_> = match listener {
                Listener::Tcp(listener) => listener.as_fd(),
                Listener::Unix(listener, _) => listener.as_fd(),
            };
            fcntl_setfd(descriptor, FdFlags::empty())?;
            command.args(["--reload-bind", &format!("{mark}fd://{}", descriptor.as_raw_fd())]);
        }
        command.args(rest);
        Ok(command)
    }
}
