//! How much is reported: a fault that befalls every request must not fill the log.

use std::time::{Duration, Instant};

/// So many in each of its periods, and a count of the others.
#[derive(Debug)]
pub struct Quota {
    most: u32,
    period: Duration,
    begun: Option<Instant>,
    taken: u32,
    refused: u64,
}

impl Quota {
    /// `most` in each `period`.
    #[must_use]
    pub const fn new(most: u32, period: Duration) -> Self {
        Self { most, period, begun: None, taken: 0, refused: 0 }
    }

    /// Whether one more may be reported.
    pub fn take(&mut self, now: Instant) -> bool {
        let begun = *self.begun.get_or_insert(now);
        if now.saturating_duration_since(begun) >= self.period {
            self.begun = Some(now);
            self.taken = 0;
        }
        let granted = self.taken < self.most;
        self.taken += u32::from(granted);
        self.refused += u64::from(!granted);
        granted
    }

    /// How many were refused, once the period has passed in which that was.
    pub fn refused(&mut self, now: Instant) -> Option<u64> {
        (self.refused > 0 && self.rest(now).is_zero()).then(|| std::mem::take(&mut self.refused))
    }

    /// How long until [`refused`](Self::refused) has something to say, if it has.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Duration> {
        (self.refused > 0).then(|| self.rest(now))
    }

    fn rest(&self, now: Instant) -> Duration {
        let passed = self.begun.map_or(self.period, |begun| now.saturating_duration_since(begun));
        self.period.saturating_sub(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_counted_and_told_when_the_period_has_passed() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut quota = Quota::new(2, 10 * second);
        let granted: Vec<_> = (0..5).map(|count| quota.take(start + count * second)).collect();
        assert_eq!(granted, [true, true, false, false, false]);
        assert_eq!(quota.refused(start + 9 * second), None);
        assert_eq!(quota.due(start + 9 * second), Some(second));
        assert_eq!(quota.refused(start + 10 * second), Some(3));
        assert_eq!(quota.refused(start + 10 * second), None);
        assert_eq!(quota.due(start + 10 * second), None);
        assert!(quota.take(start + 11 * second));
    }
}
