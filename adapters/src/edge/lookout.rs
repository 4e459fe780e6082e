//! Notices calls that hold a thread longer than expected.
//!
//! An application is called on the thread that owns the connection unless its route is known to
//! block. When one blocks all the same, the thread that it holds may be the one that waits for the
//! sockets of all others, and an idle thread does not take that over by itself: somebody has to
//! rouse it.

use std::{
    cell::Cell,
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, Thread},
    time::Duration,
};

/// How often it looks, and so how long a call may hold a thread before the others are roused.
const PERIOD: Duration = Duration::from_millis(4);
/// After so many looks without a call it sleeps until there is one.
const PATIENCE: u32 = 50;
/// Places for threads; more threads share them, which only makes it blinder.
const PLACES: usize = 64;

thread_local! {
    static PLACE: Cell<Option<usize>> = const { Cell::new(None) };
}

static NEXT_PLACE: AtomicUsize = AtomicUsize::new(0);

/// Watches the calls of one server.
pub(crate) struct Lookout {
    /// For each thread the number of the call it is in, or 0.
    places: [AtomicU64; PLACES],
    calls: AtomicU64,
    asleep: AtomicBool,
    watcher: Thread,
}

/// A call that is watched until this is dropped.
struct Call<'a>(&'a AtomicU64);

impl Lookout {
    /// Starts to watch; `rouse` is called while a call holds its thread. It ends when the last
    /// clone is dropped.
    pub(crate) fn start(rouse: impl Fn() + Send + 'static) -> std::io::Result<Arc<Self>> {
        let (sender, receiver) = std::sync::mpsc::channel::<Weak<Self>>();
        let watcher = thread::Builder::new().name("narthex-lookout".into()).spawn(move || {
            if let Ok(lookout) = receiver.recv() {
                watch(&lookout, &rouse);
            }
        })?;
        let lookout = Arc::new(Self {
            places: [const { AtomicU64::new(0) }; PLACES],
            calls: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            watcher: watcher.thread().clone(),
        });
        // The thread waits for it; if it is gone, so is the reason to send.
        let _ = sender.send(Arc::downgrade(&lookout));
        Ok(lookout)
    }

    /// Runs `work` that holds up nobody: others have taken over what this thread did.
    pub(crate) fn aside<R>(&self, work: impl FnOnce() -> R) -> R {
        /// Goes on with the call that was going on.
        struct Aside<'a>(&'a AtomicU64, u64);

        impl Drop for Aside<'_> {
            fn drop(&mut self) {
                self.0.store(self.1, Relaxed);
            }
        }

        let place = &self.places[place()];
        let _aside = Aside(place, place.swap(0, Relaxed));
        work()
    }

    /// Watches each poll of `task`, in which the application may be called.
    pub(crate) async fn over<F: Future>(self: Arc<Self>, task: F) -> F::Output {
        let mut task = pin!(task);
        poll_fn(|context| {
            let _call = self.call();
            task.as_mut().poll(context)
        })
        .await
    }

    /// Begins a call on this thread.
    fn call(&self) -> Call<'_> {
        let place = place();
        // Two threads may get the same number: what matters is that it changes.
        let number = self.calls.load(Relaxed) + 1;
        self.calls.store(number, Relaxed);
        self.places[place].store(number, Relaxed);
        if self.asleep.load(Relaxed) && self.asleep.swap(false, Relaxed) {
            self.watcher.unpark();
        }
        Call(&self.places[place])
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.store(0, Relaxed);
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.watcher.unpark();
    }
}

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookout")
    }
}

fn place() -> usize {
    PLACE.get().unwrap_or_else(|| {
        let place = NEXT_PLACE.fetch_add(1, Relaxed) % PLACES;
        PLACE.set(Some(place));
        place
    })
}

fn watch(lookout: &Weak<Lookout>, rouse: &impl Fn()) {
    let mut last = [0; PLACES];
    let (mut calls, mut quiet) = (0, 0);
    while let Some(lookout) = lookout.upgrade() {
        let mut held = false;
        let mut busy = false;
        for (last, place) in last.iter_mut().zip(&lookout.places) {
            let now = place.load(Relaxed);
            busy |= now != 0;
            held |= now != 0 && now == *last;
            *last = now;
        }
        if held {
            rouse();
        }
        let count = lookout.calls.load(Relaxed);
        quiet = if busy || count != calls { 0 } else { quiet + 1 };
        calls = count;
        if quiet < PATIENCE {
            drop(lookout);
            thread::sleep(PERIOD);
        } else {
            quiet = PATIENCE; // one look, and back to sleep, unless something has happened
            lookout.asleep.store(true, Relaxed);
            drop(lookout);
            // Not for ever: a call may have begun while it was falling asleep.
            thread::park_timeout(Duration::from_secs(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_call_that_holds_its_thread_rouses_the_others() {
        let (sender, roused) = mpsc::channel();
        let lookout = Lookout::start(move || {
            let _ = sender.send(());
        })
        .unwrap();
        drop(lookout.call());
        assert!(roused.recv_timeout(Duration::from_millis(100)).is_err());
        thread::sleep(PERIOD * (PATIENCE + 10)); // by now it sleeps
        let call = lookout.call();
        roused.recv_timeout(Duration::from_secs(5)).unwrap();
        drop(call);
        drop(lookout);
        // The watcher ends, and what it was given with it.
        while roused.recv_timeout(Duration::from_secs(5)).is_ok() {}
        assert_eq!(
            roused.recv_timeout(Duration::from_secs(5)),
            Err(mpsc::RecvTimeoutError::Disconnected)
        );
    }
}
