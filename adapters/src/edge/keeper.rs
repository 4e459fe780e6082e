//! Keeps the time of all connections: one timer, no cost to a request.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use narthex_core::{Expire, Timeouts};

/// How long a connection is kept open for a client that is still sending after its last answer.
const LINGER: Duration = Duration::from_secs(3);

/// Looks at every connection now and then, and ends those that take too long.
///
/// A timer for each phase of each request would cost more than the request.
pub(crate) struct Keeper {
    timeouts: Timeouts,
    connections: Mutex<HashMap<u64, Entry>>,
    next: AtomicU64,
}

#[derive(Clone)]
struct Entry {
    look: Weak<dyn Look>,
    state: Arc<State>,
}

/// A connection that can be looked at.
pub(crate) trait Look: Expire {
    /// Asks `judge` about what the connection waits for, with a number that changes when it gets on.
    ///
    /// Where that has taken too long the answer is `true`: a head or a body that is waited for is to
    /// be refused, and whoever polls the connection to be woken.
    fn look(&self, judge: &mut dyn FnMut(Doing, u64) -> bool);
}

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Doing {
    /// The next request.
    Idle,
    /// The rest of a request's head.
    Head,
    /// More of a body that the application wants.
    Body,
    /// Its application.
    Application,
    /// Room for a response.
    Writing,
    /// The client's last bytes.
    Lingering,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It ends after what it is doing.
    Close,
    /// It ends now.
    Drop,
}

/// A connection's place with the keeper, given up on drop.
pub(crate) struct Watched {
    keeper: Arc<Keeper>,
    number: u64,
    state: Arc<State>,
    look: Arc<dyn Look>,
}

#[derive(Debug)]
struct State {
    verdict: AtomicU8,
    lingering: AtomicBool,
    last: Mutex<(Doing, u64, Instant)>,
}

impl Keeper {
    /// A keeper of `timeouts`.
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, connections: Mutex::default(), next: AtomicU64::new(0) }
    }

    /// Takes a connection under watch.
    pub(crate) fn watch(self: &Arc<Self>, look: Arc<dyn Look>) -> Watched {
        let state = Arc::new(State {
            verdict: AtomicU8::new(0),
            lingering: AtomicBool::new(false),
            last: Mutex::new((Doing::Idle, 0, Instant::now())),
        });
        let number = self.next.fetch_add(1, Relaxed);
        let entry = Entry { look: Arc::downgrade(&look), state: Arc::clone(&state) };
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).insert(number, entry);
        Watched { keeper: Arc::clone(self), number, state, look }
    }

    /// How often it looks.
    pub(crate) fn period(&self) -> Duration {
        let Timeouts { header, body, keep_alive, write, .. } = self.timeouts;
        let shortest = header.min(body).min(keep_alive).min(write);
        (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// Looks after the connections for ever, waiting by `sleep` in between.
    pub(crate) async fn keep<F: Future<Output = ()>>(
        self: Arc<Self>,
        sleep: impl Fn(Duration) -> F,
    ) {
        let period = self.period();
        loop {
            sleep(period).await;
            let now = Instant::now();
            let entries: Vec<_> = {
                let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
                connections.values().cloned().collect()
            };
            for Entry { look, state } in entries {
                if let Some(look) = look.upgrade() {
                    look.look(&mut |doing, progress| {
                        state.judge(doing, progress, now, &self.timeouts)
                    });
                }
            }
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

impl State {
    /// Whether the connection has waited too long; decides what becomes of it where that is no
    /// matter of its messages.
    fn judge(&self, doing: Doing, progress: u64, now: Instant, timeouts: &Timeouts) -> bool {
        let lingering = self.lingering.load(Relaxed);
        let (doing, progress) = if lingering { (Doing::Lingering, 0) } else { (doing, progress) };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if (last.0, last.1) != (doing, progress) {
            *last = (doing, progress, now);
            return false;
        }
        let closing = self.verdict.load(Relaxed) != 0;
        let allowed = match doing {
            Doing::Application => return false,
            // What ends a connection in good order may wait for its client: not for ever.
            Doing::Idle if closing => LINGER.min(timeouts.keep_alive),
            Doing::Idle => timeouts.keep_alive,
            Doing::Head => timeouts.header,
            Doing::Body => timeouts.body,
            Doing::Writing => timeouts.write,
            Doing::Lingering => LINGER,
        };
        if now.saturating_duration_since(last.2) < allowed {
            return false;
        }
        match doing {
            Doing::Application | Doing::Head | Doing::Body => {}
            Doing::Idle => self.verdict.store(if closing { 2 } else { 1 }, Relaxed),
            Doing::Writing | Doing::Lingering => self.verdict.store(2, Relaxed),
        }
        *last = (doing, progress, now);
        true
    }
}

impl Watched {
    /// What has been decided about the connection.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        match self.state.verdict.load(Relaxed) {
            0 => None,
            1 => Some(Verdict::Close),
            _ => Some(Verdict::Drop),
        }
    }

    /// Where its requests are ended from outside.
    pub(crate) fn expiry(&self) -> Weak<dyn Expire> {
        let look: Arc<dyn Expire> = Arc::clone(&self.look) as Arc<dyn Expire>;
        Arc::downgrade(&look)
    }

    /// Says that only the client's last bytes are waited for.
    pub(crate) fn linger(&self) {
        self.state.lingering.store(true, Relaxed);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut connections =
            self.keeper.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.remove(&self.number);
    }
}
