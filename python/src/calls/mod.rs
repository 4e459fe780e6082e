//! The calls that the application is busy with, and for how long.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | what the rest of the engine says: a call begins, waits for its client, ends |
//! | `slot.rs` | the call that one thread is in |
//! | `watch.rs` | looks at the slots, reports slow calls, ends those past their deadline |
//! | `stacks.rs`, `dump.rs` | Python stacks: with the GIL, and without |
//!
//! Without `--slow` and `--timeout` all of it is one branch per call.

mod dump;
mod slot;
mod stacks;
mod watch;

use std::{
    cell::OnceCell,
    fmt,
    marker::PhantomData,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
            fence,
        },
        mpsc::{self, Sender},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use narthex_core::{Exchange, Journal, RequestHead};
use pyo3::{intern, prelude::*};

use crate::hold::hold;
use slot::{Running, Slot, Subject};
use stacks::Stacks;

/// What is watched for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// From here on a call is reported.
    pub(crate) slow: Option<Duration>,
    /// From here on it is ended.
    pub(crate) timeout: Option<Duration>,
    /// Threads that serve connections.
    pub(crate) threads: usize,
}

/// A call of this length may be one that never returns.
pub(crate) const HELD: Duration = Duration::from_millis(20);

/// Told of each call that has passed its deadline: the process is no longer whole.
pub(crate) type OnStuck = Box<dyn Fn(&str) + Send + Sync>;

/// The descriptor of standard error.
const STDERR: i32 = 2;

/// The calls of this process.
struct Calls {
    limits: Limits,
    journal: Arc<dyn Journal>,
    slots: Mutex<Vec<Weak<Slot>>>,
    next: AtomicU64,
    /// Lines for the end of calls of which the log has heard.
    ended: Sender<String>,
    /// Calls on threads that serve connections.
    inline: AtomicUsize,
    /// The watcher sleeps until there is a call.
    asleep: AtomicBool,
    watcher: OnceLock<Thread>,
}

/// One process serves one application.
static CALLS: OnceLock<Arc<Calls>> = OnceLock::new();

thread_local! {
    static SLOT: OnceCell<Arc<Slot>> = const { OnceCell::new() };
}

/// Watches the calls of this process from now on, if there is anything to watch for.
///
/// Called when the application has been imported: signals that it uses are left to it.
///
/// # Errors
/// Python or the system refuses what is needed.
pub(crate) fn start(
    py: Python<'_>,
    limits: Limits,
    journal: Arc<dyn Journal>,
    on_stuck: OnStuck,
) -> PyResult<()> {
    if limits.slow.is_none() && limits.timeout.is_none() {
        return Ok(());
    }
    let stacks = Stacks::new(py)?;
    let (ended, endings) = mpsc::channel();
    let calls = Arc::new(Calls {
        limits,
        journal,
        slots: Mutex::default(),
        next: AtomicU64::new(1),
        ended,
        inline: AtomicUsize::new(0),
        asleep: AtomicBool::new(false),
        watcher: OnceLock::new(),
    });
    if CALLS.set(Arc::clone(&calls)).is_ok() {
        let watcher = watch::start(Arc::clone(&calls), endings, stacks, on_stuck)?;
        let _ = calls.watcher.set(watcher);
    }
    Ok(())
}

/// Makes a crash show the stacks of the threads that it ends, unless that is seen to already.
///
/// # Errors
/// Python cannot.
pub(crate) fn show_crashes(py: Python<'_>) -> PyResult<()> {
    let faulthandler = py.import("faulthandler")?;
    if faulthandler.call_method0("is_enabled")?.is_truthy()? {
        return Ok(());
    }
    // Not sys.stderr: an application may replace or close that.
    faulthandler.call_method1("enable", (STDERR,)).map(drop)
}

/// Gives the calling thread its slot, while Python can still say what it calls the thread.
pub(crate) fn thread_started() {
    if let Some(calls) = CALLS.get() {
        let ident = Python::attach(|py| {
            let threading = py.import(intern!(py, "threading"))?;
            threading.call_method0(intern!(py, "get_ident"))?.extract::<u64>()
        });
        // Without it the thread is watched, and has no stack to show.
        let _ = SLOT.with(|slot| slot.set(calls.slot(ident.unwrap_or(0))));
    }
}

/// Notes that the application is called for `request` on this thread, until the result is dropped.
///
/// Call it before Python is attached to: whoever waits for the GIL keeps a client waiting.
pub(crate) fn enter(request: &RequestHead, at: Where) -> Option<Call> {
    let calls = CALLS.get()?;
    Some(calls.enter(Subject::alone(request, calls.limits.timeout.is_some()), at))
}

/// As [`enter`], for a request that reads and writes through `exchange`.
pub(crate) fn enter_exchange(exchange: &Arc<Exchange>, at: Where) -> Option<Call> {
    Some(CALLS.get()?.enter(Subject::Exchange(Arc::downgrade(exchange)), at))
}

/// Whether a call made on this thread could take the last one that serves connections, since calls
/// hold all others.
pub(crate) fn would_take_last() -> bool {
    CALLS.get().is_some_and(|calls| {
        let others = calls.limits.threads.saturating_sub(1);
        calls.inline.load(Relaxed) >= others && {
            let now = Instant::now();
            calls.slots().iter().filter(|slot| slot.is_held(now)).count() >= others
        }
    })
}

/// Notes that the call of this thread waits for its client, until the result is dropped. From then
/// on its time counts anew.
pub(crate) fn pause() -> Option<Pause> {
    CALLS.get()?;
    let slot = SLOT.with(|slot| slot.get().cloned())?;
    slot.pause();
    Some(Pause { slot, _thread: PhantomData })
}

/// Where a call is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Where {
    /// On a thread that serves connections.
    Inline,
    /// Where it holds up nobody.
    Aside,
}

/// A call of the application.
pub(crate) struct Call {
    slot: Arc<Slot>,
    /// The call in which this one was made.
    outer: Option<Running>,
    _thread: PhantomData<*const ()>,
}

/// A call that waits for its client.
pub(crate) struct Pause {
    slot: Arc<Slot>,
    _thread: PhantomData<*const ()>,
}

impl Calls {
    fn slot(&self, ident: u64) -> Arc<Slot> {
        let slot = Arc::new(Slot::new(ident));
        hold(&self.slots).push(Arc::downgrade(&slot));
        slot
    }

    fn enter(&self, subject: Subject, at: Where) -> Call {
        let slot = SLOT.with(|slot| Arc::clone(slot.get_or_init(|| self.slot(0))));
        let running = Running::new(self.next.fetch_add(1, Relaxed), subject, at);
        if at == Where::Inline {
            self.inline.fetch_add(1, Relaxed);
        }
        let outer = slot.replace(Some(running));
        // Either the watcher sees the slot before it sleeps, or this sees that it sleeps.
        fence(SeqCst);
        if self.asleep.load(Relaxed) && self.asleep.swap(false, Relaxed) {
            self.wake();
        }
        Call { slot, outer, _thread: PhantomData }
    }

    fn wake(&self) {
        if let Some(watcher) = self.watcher.get() {
            watcher.unpark();
        }
    }

    /// All slots of threads that live.
    fn slots(&self) -> Vec<Arc<Slot>> {
        let mut slots = hold(&self.slots);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Some(ended) = self.slot.replace(self.outer.take()) else { return };
        let Some(calls) = CALLS.get() else { return };
        if ended.at == Where::Inline {
            calls.inline.fetch_sub(1, Relaxed);
        }
        if ended.expired.is_some() || ended.reported {
            let total = Seconds(ended.begun.elapsed());
            let what = match ended.expired {
                Some(_) => "request ended after its deadline",
                None => "slow request ended",
            };
            // It is the watcher's to write, so that it comes after what it ends.
            let _ = calls.ended.send(format!("{what} ({}, {total})", ended.name));
            calls.wake();
        }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.slot.resume(Instant::now());
    }
}

/// A time as the log spells it.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 10.0 { write!(f, "{seconds:.2} s") } else { write!(f, "{seconds:.1} s") }
    }
}
