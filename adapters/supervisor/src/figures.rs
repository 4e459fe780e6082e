//! The figures of a process: what they are told to, and what may be asked for.

use std::{
    fmt, io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

/// What a [`Management`](crate::Management) bind tells.
pub trait Source: Send + Sync {
    /// The figures, in the text format of Prometheus.
    fn metrics(&self) -> String;

    /// Nothing, or why the server should be restarted.
    fn live(&self) -> Result<(), String> {
        Ok(())
    }

    /// Nothing, or why no request should be sent to the server.
    fn ready(&self) -> Result<(), String>;
}

/// How often a process tells its figures.
const INTERVAL: Duration = Duration::from_secs(1);

/// Tells the figures of a process to another one, now and then and at the end.
pub struct Reporter {
    ended: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// Passes what `snapshot` gives to `send` about once a second, and once more when what is returned
/// is dropped.
///
/// # Errors
/// There is no thread to be had.
pub fn report(
    snapshot: impl Fn() -> Vec<u64> + Send + 'static,
    send: impl Fn(&[u64]) + Send + 'static,
) -> io::Result<Reporter> {
    let ended = Arc::new((Mutex::new(false), Condvar::new()));
    let seen = Arc::clone(&ended);
    let thread = thread::Builder::new().name("figures".to_owned()).spawn(move || {
        let mut told = Vec::new();
        let (over, changed) = &*seen;
        let mut last = false;
        while !last {
            let guard = take(over);
            let waited = changed.wait_timeout_while(guard, INTERVAL, |over| !*over);
            last = *waited.unwrap_or_else(PoisonError::into_inner).0;
            let figures = snapshot();
            if figures != told {
                send(&figures);
                told = figures;
            }
        }
    })?;
    Ok(Reporter { ended, thread: Some(thread) })
}

impl Drop for Reporter {
    fn drop(&mut self) {
        *take(&self.ended.0) = true;
        self.ended.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").finish_non_exhaustive()
    }
}

fn take<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn the_last_figures_are_told_at_the_end() {
        let (told, heard) = mpsc::channel();
        let reporter = report(|| vec![1, 2], move |figures| told.send(figures.to_vec()).unwrap());
        drop(reporter.unwrap());
        assert_eq!(heard.iter().collect::<Vec<_>>(), [[1, 2]]);
    }
}
