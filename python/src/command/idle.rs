//! `--child-idle`: says when there has been nothing to do for a while, and when there is again.

use std::{
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use narthex_core::{Ask, Exchange, Handler, Reply, Result};
use narthex_supervisor::Message;

use super::worker::Tie;

/// How many looks there are in the time of idleness.
const LOOKS: u32 = 8;

/// The least time between two looks.
const LEAST: Duration = Duration::from_millis(10);

/// An application whose process tells its parent whether it has anything to do.
pub(super) struct Attentive {
    inner: Arc<dyn Handler>,
    shared: Arc<Shared>,
}

struct Shared {
    tie: Tie,
    begun: AtomicU64,
    running: AtomicUsize,
    /// The parent has been told that there is nothing to do.
    told: AtomicBool,
}

impl Attentive {
    /// Follows the requests of `inner`; after `idle` without any, the other end of `tie` is told.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn new(inner: Arc<dyn Handler>, idle: Duration, tie: &Tie) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            tie: tie.clone(),
            begun: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            told: AtomicBool::new(false),
        });
        let watched = Arc::downgrade(&shared);
        thread::Builder::new().name("idle".to_owned()).spawn(move || watch(&watched, idle))?;
        Ok(Self { inner, shared })
    }
}

fn watch(watched: &Weak<Shared>, idle: Duration) {
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        thread::sleep((idle / LOOKS).max(LEAST));
        let Some(shared) = watched.upgrade() else { return };
        let begun = shared.begun.load(SeqCst);
        if begun != seen || shared.running.load(SeqCst) > 0 {
            (seen, since) = (begun, Instant::now());
        } else if since.elapsed() >= idle && !shared.told.swap(true, SeqCst) {
            shared.tie.say(&Message::Idle(true));
            // One that has come in between has not said so.
            if shared.begun.load(SeqCst) != begun {
                shared.busy();
            }
        }
    }
}

impl Shared {
    /// Says that there is something to do, if the parent was told otherwise.
    fn busy(&self) {
        if self.told.load(SeqCst) && self.told.swap(false, SeqCst) {
            self.tie.say(&Message::Idle(false));
        }
    }
}

/// A request, as long as it runs.
struct Running<'a>(&'a Shared);

impl<'a> Running<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.begun.fetch_add(1, SeqCst);
        shared.running.fetch_add(1, SeqCst);
        shared.busy();
        Self(shared)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

#[async_trait]
impl Handler for Attentive {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        let _running = Running::new(&self.shared);
        self.inner.now(ask)
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let _running = Running::new(&self.shared);
        self.inner.handle(exchange).await
    }

    async fn end(&self) {
        self.inner.end().await;
    }
}
