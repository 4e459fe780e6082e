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

use http::StatusCode;
use hyper::rt::Timer;
use narthex_core::{Expire, Timeouts};

use crate::guard::Phase;

use super::{
    transport::Transport,
    wire::{Line, Wire},
};

/// How long a connection is kept open for a client that is still sending after its last answer.
const LINGER: Duration = Duration::from_secs(3);

/// Looks at every connection now and then, and ends those that take too long.
///
/// A timer for each phase of each request would cost more than the request.
pub(super) struct Keeper {
    timeouts: Timeouts,
    connections: Mutex<HashMap<u64, Weak<dyn Look>>>,
    next: AtomicU64,
}

/// A connection that can be looked at.
trait Look: Expire {
    fn look(&self, now: Instant, timeouts: &Timeouts);
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It ends after what it is doing.
    Close,
    /// It ends now.
    Drop,
}

/// A connection's place with the keeper, given up on drop.
pub(super) struct Watched {
    keeper: Arc<Keeper>,
    number: u64,
    state: Arc<State>,
    look: Arc<dyn Look>,
}

#[derive(Debug, Default)]
struct State {
    verdict: AtomicU8,
    lingering: AtomicBool,
}

pub(super) struct Watch<I> {
    pub(super) line: Weak<Mutex<Line<I>>>,
    state: Arc<State>,
    last: Mutex<(Doing, u64, Instant)>,
}

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Doing {
    Idle,
    Head,
    Body,
    Application,
    Writing,
    Lingering,
}

impl Keeper {
    /// A keeper of `timeouts`.
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, connections: Mutex::default(), next: AtomicU64::new(0) }
    }

    /// Takes a connection under watch.
    pub(super) fn watch<I>(self: &Arc<Self>, wire: &Wire<I>) -> Watched
    where
        I: Transport,
    {
        let state = Arc::new(State::default());
        let look: Arc<dyn Look> = Arc::new(Watch {
            line: wire.downgrade(),
            state: Arc::clone(&state),
            last: Mutex::new((Doing::Idle, 0, Instant::now())),
        });
        let number = self.next.fetch_add(1, Relaxed);
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, Arc::downgrade(&look));
        Watched { keeper: Arc::clone(self), number, state, look }
    }

    /// How often it looks.
    pub(super) fn period(&self) -> Duration {
        let Timeouts { header, body, keep_alive, write, .. } = self.timeouts;
        let shortest = header.min(body).min(keep_alive).min(write);
        (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }

    /// Looks after the connections for ever.
    pub(super) async fn keep(self: Arc<Self>, timer: impl Timer) {
        let period = self.period();
        loop {
            timer.sleep(period).await;
            let now = Instant::now();
            let looks: Vec<_> = {
                let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
                connections.values().filter_map(Weak::upgrade).collect()
            };
            for look in looks {
                look.look(now, &self.timeouts);
            }
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

impl Watched {
    /// What has been decided about the connection.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        match self.state.verdict.load(Relaxed) {
            0 => None,
            1 => Some(Verdict::Close),
            _ => Some(Verdict::Drop),
        }
    }

    /// Where its requests are ended from outside.
    pub(super) fn expiry(&self) -> Weak<dyn Expire> {
        let look: Arc<dyn Expire> = Arc::clone(&self.look) as Arc<dyn Expire>;
        Arc::downgrade(&look)
    }

    /// Says that only the client's last bytes are waited for.
    pub(super) fn linger(&self) {
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

impl<I: Transport> Look for Watch<I> {
    fn look(&self, now: Instant, timeouts: &Timeouts) {
        let Some(line) = self.line.upgrade() else { return };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        let (doing, progress) = self.doing(&line);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if (last.0, last.1) != (doing, progress) {
            *last = (doing, progress, now);
            return;
        }
        let waited = now.saturating_duration_since(last.2);
        let allowed = match doing {
            Doing::Application => return,
            // What ends a connection in good order may wait for its client: not for ever.
            Doing::Idle if self.state.verdict.load(Relaxed) != 0 => LINGER.min(timeouts.keep_alive),
            Doing::Idle => timeouts.keep_alive,
            Doing::Head => timeouts.header,
            Doing::Body => timeouts.body,
            Doing::Writing => timeouts.write,
            Doing::Lingering => LINGER,
        };
        if waited < allowed {
            return;
        }
        match doing {
            Doing::Application => return,
            Doing::Idle => {
                let closing = self.state.verdict.load(Relaxed) != 0;
                self.state.verdict.store(if closing { 2 } else { 1 }, Relaxed);
            }
            Doing::Head => {
                line.refuse_head(StatusCode::REQUEST_TIMEOUT, "request head took too long");
            }
            Doing::Body => {
                line.refuse_body(StatusCode::REQUEST_TIMEOUT, "request body took too long");
            }
            Doing::Writing | Doing::Lingering => self.state.verdict.store(2, Relaxed),
        }
        *last = (doing, progress, now);
        if let Some(waker) = line.waker.clone() {
            drop(line);
            waker.wake();
        }
    }
}

impl<I> Watch<I> {
    /// What the connection waits for, and a number that changes when it gets on.
    fn doing(&self, line: &Line<I>) -> (Doing, u64) {
        if self.state.lingering.load(Relaxed) {
            return (Doing::Lingering, 0);
        }
        if line.shared.seat.computing() {
            return (Doing::Application, 0);
        }
        if line.unsent() {
            return (Doing::Writing, line.written);
        }
        match line.phase() {
            Some(Phase::Head) => (Doing::Head, line.heads()),
            Some(Phase::Body) if line.reading => (Doing::Body, line.received),
            // An HTTP/2 client takes bytes and yet none of a response: it keeps its windows shut.
            _ if line.shared.all_unread() => (Doing::Writing, line.progress()),
            _ if line.shared.active() => (Doing::Application, 0),
            _ => (Doing::Idle, line.progress() + line.shared.calls()),
        }
    }
}
