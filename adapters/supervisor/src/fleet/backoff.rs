//! How long to wait before a worker is started again.

use std::time::Duration;

/// A worker that has lived this long was healthy: what happened before it is forgotten.
const HEALTHY: Duration = Duration::from_secs(30);
/// The second wait; the first is none.
const LEAST: Duration = Duration::from_millis(100);
/// The longest wait.
const MOST: Duration = Duration::from_secs(5);

/// The waits of one slot, or of whatever else is started again: none, then doubling.
#[derive(Debug, Default)]
pub struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// The wait after the death of a worker that had served for this long.
    pub fn next(&mut self, served: Duration) -> Duration {
        if served >= HEALTHY {
            self.deaths = 0;
        }
        self.deaths = self.deaths.saturating_add(1);
        match self.deaths {
            1 => Duration::ZERO,
            deaths => LEAST.saturating_mul(1 << (deaths - 2).min(16)).min(MOST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_forgotten() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9).map(|_| backoff.next(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.next(HEALTHY), Duration::ZERO);
        assert_eq!(backoff.next(Duration::ZERO), LEAST);
    }
}
