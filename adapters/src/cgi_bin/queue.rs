//! How many programs run at once, and that none of them outlives the server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

/// How long a program that was told to end may take when the server ends.
pub(super) const LAST: Duration = Duration::from_secs(1);

/// Places for running programs, and those who wait for one.
#[derive(Debug)]
pub(super) struct Queue {
    places: Arc<Semaphore>,
    limit: usize,
    waiting: AtomicUsize,
    ending: watch::Sender<bool>,
}

/// The place of one running program, given up on drop.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    ending: watch::Receiver<bool>,
}

impl Queue {
    /// Room for `limit` programs, and for as many requests that wait.
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, 1 << 20);
        Self {
            places: Arc::new(Semaphore::new(limit)),
            limit,
            waiting: AtomicUsize::new(0),
            ending: watch::Sender::new(false),
        }
    }

    /// Waits for a place, for up to `patience`; `None` where there is none to be had.
    pub(super) async fn enter(&self, patience: Duration) -> Option<Place> {
        /// Counts who waits, even those who give up.
        struct Waiting<'a>(&'a AtomicUsize);

        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Relaxed);
            }
        }

        let permit = if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            permit
        } else {
            let before = self.waiting.fetch_add(1, Relaxed);
            let _waiting = Waiting(&self.waiting);
            if before >= self.limit {
                return None;
            }
            timeout(patience, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()?
        };
        let ending = self.ending.subscribe();
        let ends = *ending.borrow();
        (!ends).then_some(Place { _permit: permit, ending })
    }

    /// Ends what runs, starts nothing more, and returns when all of it has gone.
    pub(super) async fn end(&self) {
        self.ending.send_replace(true);
        let all = u32::try_from(self.limit).unwrap_or(u32::MAX);
        // Longer takes only what not even SIGKILL ends.
        let _ = timeout(LAST + LAST / 2, self.places.acquire_many(all)).await;
    }
}

impl Place {
    /// Returns when the server ends.
    pub(super) async fn ending(&mut self) {
        // The queue lives as long as the server: nothing else ends this wait.
        if self.ending.wait_for(|&ending| ending).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
    }

    #[test]
    fn as_many_wait_as_run() {
        run(async {
            let queue = Queue::new(1);
            let place = queue.enter(PATIENCE).await.unwrap();
            assert!(queue.enter(Duration::ZERO).await.is_none());
            let (second, third, ()) = tokio::join!(
                queue.enter(PATIENCE),
                async {
                    tokio::task::yield_now().await; // the second waits first
                    queue.enter(PATIENCE).await
                },
                async {
                    tokio::task::yield_now().await;
                    tokio::task::yield_now().await;
                    drop(place);
                }
            );
            assert!(second.is_some() && third.is_none());
            drop(second);
            assert!(queue.enter(PATIENCE).await.is_some());
        });
    }

    #[test]
    fn the_end_waits_for_all_and_lets_nobody_in() {
        run(async {
            let queue = Queue::new(2);
            let mut place = queue.enter(PATIENCE).await.unwrap();
            let mut gone = false;
            tokio::join!(queue.end(), async {
                place.ending().await;
                gone = true;
                drop(place);
            });
            assert!(gone && queue.enter(PATIENCE).await.is_none());
        });
    }
}
