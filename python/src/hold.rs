//! The one way to take a lock in the engine.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock that is held for a few instructions only.
///
/// While it is held nobody may let go of the GIL, run Python code, wait or panic: a thread that
/// waits for the lock with the GIL in hand would wait for one that waits for the GIL.
#[expect(clippy::disallowed_methods, reason = "the one place that states the condition")]
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
