//! One at a time, for applications that refuse threads.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::hold::hold;

/// A lock that is taken without the GIL and may be held while the GIL changes hands, since whoever
/// waits for it waits without the GIL.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    taken: Mutex<bool>,
    free: Condvar,
}

/// Somebody's turn; it ends on drop, on any thread.
#[derive(Debug)]
pub(crate) struct Held(Arc<Turn>);

impl Turn {
    /// Takes the turn if it is free.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Held> {
        let mut taken = hold(&self.taken);
        (!std::mem::replace(&mut *taken, true)).then(|| Held(Arc::clone(self)))
    }

    /// Waits for the turn. Call it detached from Python.
    pub(crate) fn take(self: &Arc<Self>) -> Held {
        let taken = hold(&self.taken);
        let mut taken =
            self.free.wait_while(taken, |taken| *taken).unwrap_or_else(PoisonError::into_inner);
        *taken = true;
        Held(Arc::clone(self))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *hold(&self.0.taken) = false;
        self.0.free.notify_one();
    }
}
