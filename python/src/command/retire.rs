//! `--max-requests`: counts, and asks to be replaced.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use narthex_core::{Ask, Exchange, Handler, Reply, Result};
use narthex_supervisor::Message;

use super::worker::Tie;

/// An application whose process asks to be replaced after some requests, and goes on until it is.
pub(super) struct Counted {
    inner: Arc<dyn Handler>,
    limit: u64,
    requests: AtomicU64,
    tie: Tie,
}

impl Counted {
    /// Counts the requests of `inner` up to about `limit`.
    pub(super) fn new(inner: Arc<dyn Handler>, limit: u64, tie: Tie) -> Self {
        Self { inner, limit: spread(limit), requests: AtomicU64::new(0), tie }
    }

    fn count(&self) {
        let requests = self.requests.fetch_add(1, Relaxed) + 1;
        if requests == self.limit {
            let process = std::process::id();
            self.tie.say(&Message::Retire(format!("process {process} had {requests} requests")));
        }
    }
}

/// A number within a tenth of `limit`: workers that start together do not end together.
fn spread(limit: u64) -> u64 {
    let tenth = limit / 10;
    // The only randomness at hand without another crate, and good enough.
    let random = RandomState::new().hash_one(std::process::id());
    limit - tenth + random % (2 * tenth + 1)
}

#[async_trait]
impl Handler for Counted {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        let reply = self.inner.now(ask);
        if matches!(reply, Reply::Now(_)) {
            self.count();
        }
        reply
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        self.count();
        self.inner.handle(exchange).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_spread_by_a_tenth() {
        assert_eq!(spread(1), 1);
        for _ in 0..1000 {
            assert!((900..=1100).contains(&spread(1000)));
        }
    }
}
