//! What the application tells the suite by another way than its responses.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use crate::PATIENCE;

/// What happened inside the application, and a gate that it waits at when asked to.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    seen: Mutex<Vec<String>>,
    open: Mutex<bool>,
    opened: Condvar,
    /// Bytes of body that the transport has taken.
    pub(crate) accepted: AtomicU64,
    /// Writes that failed.
    pub(crate) failed_writes: AtomicUsize,
    /// Reads that failed.
    pub(crate) failed_reads: AtomicUsize,
    /// Calls that reached the gate.
    pub(crate) waiting: AtomicUsize,
    /// Resources that responses took hold of.
    pub(crate) held: AtomicUsize,
    /// Resources that were let go of.
    pub(crate) released: AtomicUsize,
}

impl Probe {
    pub(crate) fn saw(&self, method: &http::Method, target: &[u8]) {
        let line = format!("{method} {}", target.escape_ascii());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// The requests that reached the application, as `METHOD TARGET`.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes hold of a resource.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        self.held.fetch_add(1, SeqCst);
        Held(Arc::clone(self))
    }

    /// Waits at the gate; gives up when the case must have failed.
    pub(crate) fn wait_at_the_gate(&self) {
        self.waiting.fetch_add(1, SeqCst);
        let closed = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.opened.wait_timeout_while(closed, PATIENCE, |open| !*open);
    }

    /// Opens the gate for good.
    pub(crate) fn open_the_gate(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    /// Waits until `condition` holds, and fails if it does not soon.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < end, "{what}: not so after {PATIENCE:?}: {self:?}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A resource of a response, such as an open file or a database connection.
#[derive(Debug)]
pub(crate) struct Held(Arc<Probe>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.released.fetch_add(1, SeqCst);
    }
}
