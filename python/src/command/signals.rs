//! Serving on a thread of its own, while the main thread waits for signals and for Python's needs.

use std::{
    io::{self, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    sync::{
        Arc, OnceLock,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use narthex_adapters::{Door, Result, Stop, Stopping};
use narthex_core::{Journal, Level, Site};
use narthex_supervisor::{Message, systemd::Manager};
use pyo3::{
    exceptions::{PyKeyboardInterrupt, PySystemExit},
    prelude::*,
    types::PyDict,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2},
    iterator::Signals,
    low_level::{exit, signal_name},
};

use super::{heartbeat::Heart, worker::Tie};
use crate::journal::Log;

/// Python code may run on the thread that serves: as much stack as a main thread has.
const STACK: usize = 8 << 20;

/// How long requests that were told to end at once may take to do so.
const PATIENCE: Duration = Duration::from_secs(2);

/// Two signals within this time are one.
const ECHO: Duration = Duration::from_millis(100);

/// Handlers that hold the place of ours while the application is imported.
pub(super) struct Hold(Py<PyAny>);

impl Hold {
    /// Makes them do nothing.
    ///
    /// # Errors
    /// The process was told to stop, whatever has become of that; or Python cannot.
    pub(super) fn release(&self, py: Python<'_>) -> PyResult<()> {
        py.check_signals()?; // those that have come and were not heard
        self.0.call0(py).map(drop)
    }
}

/// Handles signals until [`serve`] does so. A worker does not speak of them: its parent does.
///
/// # Errors
/// Python cannot.
pub(super) fn hold(py: Python<'_>, tie: Option<&Tie>) -> PyResult<Hold> {
    let hold = py.import("narthex._command")?.call_method1("hold_signals", (tie.is_none(),))?;
    Ok(Hold(hold.unbind()))
}

/// What is to be known before signals are acted upon.
pub(super) struct Caught<'a> {
    /// What has held their place.
    pub(super) hold: Hold,
    /// Of a worker.
    pub(super) tie: Option<&'a Tie>,
    /// A web server has started the process, which asks it to go by SIGUSR1, as FastCGI servers do.
    pub(super) web_servers_child: bool,
}

enum Event {
    /// The backend has stopped.
    Ended(Result<()>),
    /// It was told to and does not.
    Abandoned,
}

/// Serves `site` until a signal stops it; calls `ready` when every signal finds its handler.
///
/// The main thread stays Python's: it runs the handlers that the application has set, as soon as
/// their signals arrive, and is otherwise asleep.
///
/// # Errors
/// Python's signal machinery or a thread could not be set up.
pub(super) fn serve(
    py: Python<'_>,
    door: Box<dyn Door>,
    site: Arc<Site>,
    log: &Arc<Log>,
    caught: &Caught<'_>,
    ready: impl FnOnce(&Stop),
) -> PyResult<Result<()>> {
    let &Caught { ref hold, tie, web_servers_child } = caught;
    let (bell, mut bed) = UnixStream::pair()?;
    bell.set_nonblocking(true)?;
    let (sender, events) = mpsc::channel();
    let stop = Stop::new();
    // After the application's import: our handlers call those it has set, not the reverse.
    let mut arriving =
        Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU])?;
    hold.release(py)?;
    // A worker's parent is the one that systemd has started.
    let manager = tie.is_none().then(Manager::from_environment).map(Arc::new);
    let guard = Arc::new(Guard {
        stop: stop.clone(),
        log: Arc::clone(log),
        graceful: site.timeouts.graceful,
        tie: tie.cloned(),
        web_servers_child,
        manager: manager.clone(),
        bell: bell.try_clone()?,
        sender: sender.clone(),
        first_stop: OnceLock::new(),
    });
    if let Some(tie) = tie {
        let guard = Arc::clone(&guard);
        tie.when_orphaned(move || guard.orphaned());
    }
    // To the end of the process: what runs at exit can still be stopped.
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in arriving.forever() {
            guard.act(signal);
            ring(&guard.bell);
        }
    })?;
    let waking = python_wakes(py, &bell)?;
    let heart = Heart::new(door.addresses(), bell.try_clone()?);
    ready(&stop);
    if let Some(manager) = manager {
        manager.ready("serving");
        heart.beat(manager)?;
    }
    thread::Builder::new().name("server".to_owned()).stack_size(STACK).spawn({
        let (bell, stop) = (bell.try_clone()?, stop.clone());
        move || {
            let outcome = door.serve(site, &stop);
            // The receiver is gone only when the process is about to end.
            let _ = sender.send(Event::Ended(outcome));
            ring(&bell);
        }
    })?;
    let outcome = wait(py, &mut bed, &events, &stop, &heart);
    log.flush(); // nothing below comes back for certain
    if waking {
        py.import("signal")?.call_method1("set_wakeup_fd", (-1,))?;
    }
    Ok(outcome)
}

/// Sleeps until the backend has stopped, running Python's signal handlers meanwhile.
fn wait(
    py: Python<'_>,
    bed: &mut UnixStream,
    events: &Receiver<Event>,
    stop: &Stop,
    heart: &Heart,
) -> Result<()> {
    loop {
        heart.python_runs();
        if let Err(error) = py.check_signals() {
            // A handler of the application's own ends the server as it would end a script.
            if error.is_instance_of::<PyKeyboardInterrupt>(py)
                || error.is_instance_of::<PySystemExit>(py)
            {
                stop.request(Stopping::Graceful);
            } else {
                error.print(py);
            }
        }
        match events.try_recv() {
            Ok(Event::Ended(outcome)) => return outcome,
            Ok(Event::Abandoned) => return Ok(()),
            Err(_) => {}
        }
        // To be interrupted by a signal is to be woken.
        let _ = py.detach(|| bed.read(&mut [0; 64]));
    }
}

/// Wakes the main thread at signals that only Python handles, unless the application does so.
fn python_wakes(py: Python<'_>, bell: &UnixStream) -> PyResult<bool> {
    let signal = py.import("signal")?;
    let options = PyDict::new(py);
    options.set_item("warn_on_full_buffer", false)?;
    let wake = |number: i32| signal.call_method("set_wakeup_fd", (number,), Some(&options));
    let before: i32 = wake(bell.as_raw_fd())?.extract()?;
    if before >= 0 {
        wake(before)?;
    }
    Ok(before < 0)
}

fn ring(mut bell: &UnixStream) {
    // When it cannot be written to, it is full of bytes that wake as well.
    let _: io::Result<usize> = bell.write(&[0]);
}

/// What signals do.
struct Guard {
    stop: Stop,
    log: Arc<Log>,
    graceful: Duration,
    /// A worker's tie to its parent, which gets the signals meant for the server.
    tie: Option<Tie>,
    web_servers_child: bool,
    manager: Option<Arc<Manager>>,
    bell: UnixStream,
    sender: Sender<Event>,
    /// When the first signal to stop came.
    first_stop: OnceLock<Instant>,
}

impl Guard {
    fn act(&self, signal: i32) {
        match signal {
            // Ctrl-C goes to the parent as well, which then tells its workers to stop.
            SIGINT if self.tie.is_some() => {}
            SIGINT | SIGTERM => self.end(signal),
            SIGUSR1 if self.web_servers_child => self.end(signal),
            SIGQUIT => self.stop_now(signal),
            SIGUSR1 => match self.log.reopen() {
                Ok(true) => self.say(signal, "logs reopened"),
                Ok(false) => self.say(signal, "there is no log file to reopen"),
                Err(error) => {
                    let message = format_args!("SIGUSR1: a log is not reopened: {error}");
                    self.log.write(Level::Error, &message);
                }
            },
            SIGHUP | SIGTTIN | SIGTTOU => {
                self.say(signal, "ignored: there is no parent process; start it with --supervise");
            }
            _ => self.say(signal, "ignored"),
        }
    }

    fn end(&self, signal: i32) {
        match self.stop.stopping() {
            Stopping::No => {
                self.say(signal, "finishing running requests; again to stop at once");
                self.stop_gracefully();
            }
            _ if self.is_echo() || self.tie.as_ref().is_some_and(Tie::is_orphan) => {}
            _ => self.stop_now(signal),
        }
    }

    fn stop_gracefully(&self) {
        // Only the first counts.
        let _ = self.first_stop.set(Instant::now());
        if let Some(manager) = &self.manager {
            manager.stopping();
        }
        self.stop.request(Stopping::Graceful);
        // Not before: whoever waits for a reload is told by this that it is over.
        if let Some(tie) = &self.tie {
            tie.say(&Message::Stopping);
        }
        self.insist(self.graceful + PATIENCE);
    }

    /// Ends a worker whose parent has gone, after the running requests.
    fn orphaned(&self) {
        if self.stop.stopping() == Stopping::No {
            self.log.write(Level::Warning, &"the parent process has gone: stopping");
            self.stop_gracefully();
        }
    }

    /// Whether a signal is the last one once more: `timeout`, `uv run` and others send to the
    /// process what its group gets anyway.
    fn is_echo(&self) -> bool {
        self.first_stop.get().is_some_and(|first| first.elapsed() < ECHO)
    }

    fn stop_now(&self, signal: i32) {
        self.say(signal, "stopping at once");
        self.stop.request(Stopping::Now);
        self.insist(PATIENCE);
    }

    fn say(&self, signal: i32, what: &str) {
        let name = signal_name(signal).unwrap_or("signal");
        // The parent has said it for all its workers.
        let level = if self.tie.is_some() { Level::Debug } else { Level::Info };
        self.log.write(level, &format_args!("{name}: {what}"));
    }

    /// Ends the process after `time` even if a request does not.
    ///
    /// First the main thread leaves without it; if not even that succeeds, since C code holds
    /// Python's lock, the process just ends.
    fn insist(&self, time: Duration) {
        let (log, sender) = (Arc::clone(&self.log), self.sender.clone());
        let Ok(bell) = self.bell.try_clone() else { return };
        // Without this thread the backend's own patience is what remains.
        let _ = thread::Builder::new().name("deadline".to_owned()).spawn(move || {
            thread::sleep(time);
            log.write(Level::Warning, &"requests do not end: stopping without them");
            let _ = sender.send(Event::Abandoned);
            ring(&bell);
            thread::sleep(PATIENCE);
            // Not here: who does not read a log must not keep the process.
            let _ = thread::Builder::new().spawn(move || log.flush());
            thread::sleep(ECHO);
            exit(0);
        });
    }
}
