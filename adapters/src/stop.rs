//! Asking a backend to stop, from any thread.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
};

/// How urgently a backend is to stop.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stopping {
    /// Not at all.
    #[default]
    No,
    /// No new requests; running ones are finished.
    Graceful,
    /// At once.
    Now,
}

/// A request to stop that a backend listens for. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Mutex<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    stopping: Stopping,
    wakers: Vec<Waker>,
}

impl Stop {
    /// A server that goes on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a stop at least this urgent.
    pub fn request(&self, stopping: Stopping) {
        let wakers = {
            let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            shared.stopping = shared.stopping.max(stopping);
            std::mem::take(&mut shared.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How urgently a stop has been asked for.
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stopping
    }

    /// Waits until a stop at least this urgent is asked for.
    pub async fn requested(&self, urgency: Stopping) {
        poll_fn(|context| {
            let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.stopping >= urgency {
                return Poll::Ready(());
            }
            if !shared.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                shared.wakers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use narthex_core::block_on;

    use super::*;

    #[test]
    fn a_waiting_thread_is_told() {
        let stop = Stop::new();
        let waiting = thread::spawn({
            let stop = stop.clone();
            move || block_on(stop.requested(Stopping::Graceful))
        });
        thread::sleep(Duration::from_millis(5));
        stop.request(Stopping::Now);
        waiting.join().unwrap();
        stop.request(Stopping::Graceful);
        assert_eq!(stop.stopping(), Stopping::Now);
    }
}
