//! Lines of the log that clients can cause, kept from filling it.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use narthex_core::{Journal, Level};

/// The shortest time between two lines.
const APART: Duration = Duration::from_secs(1);

/// Writes a line a second, and how many were left out since.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// Writes `message`, or counts it.
    pub(crate) fn write(&self, journal: &dyn Journal, message: &dyn fmt::Display) {
        let now = Instant::now();
        let left_out = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.0.is_some_and(|last| now.saturating_duration_since(last) < APART) {
                state.1 += 1;
                return;
            }
            state.0 = Some(now);
            std::mem::take(&mut state.1)
        };
        match left_out {
            0 => journal.write(Level::Info, message),
            count => journal.write(Level::Info, &format_args!("{message} ({count} more such)")),
        }
    }
}
