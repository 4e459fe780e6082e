//! Looks at the calls now and then: reports those that are slow, ends those past their deadline.
//!
//! It never takes the GIL: what it watches for may hold that for ever.

use std::{
    fmt::Write as _,
    io,
    sync::{
        Arc,
        atomic::{
            Ordering::{Relaxed, SeqCst},
            fence,
        },
        mpsc::Receiver,
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use narthex_core::{Expired, Level, Quota};

use super::{
    Calls, OnStuck, Seconds,
    slot::{Passed, Slot},
    stacks::{Stacks, Wanted},
};

/// Stacks in the log in a minute at most; those of slow requests and of late ones count apart.
const MOST: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Looks without a call after which it sleeps until there is one.
const QUIET: u32 = 8;

/// The thread that looks.
struct Watch {
    calls: Arc<Calls>,
    endings: Receiver<String>,
    stacks: Stacks,
    on_stuck: OnStuck,
    slow: Quota,
    late: Quota,
}

/// Starts to watch.
pub(super) fn start(
    calls: Arc<Calls>,
    endings: Receiver<String>,
    stacks: Stacks,
    on_stuck: OnStuck,
) -> io::Result<Thread> {
    let mut watch = Watch {
        calls,
        endings,
        stacks,
        on_stuck,
        slow: Quota::new(MOST, MINUTE),
        late: Quota::new(MOST, MINUTE),
    };
    let spawned = thread::Builder::new().name("narthex-watch".to_owned());
    Ok(spawned.spawn(move || watch.forever())?.thread().clone())
}

impl Watch {
    fn forever(&mut self) {
        let limits = self.calls.limits;
        let shortest = limits.slow.into_iter().chain(limits.timeout).min().unwrap_or(MINUTE);
        let period = (shortest / 8).clamp(Duration::from_millis(10), Duration::from_secs(1));
        let mut quiet = 0;
        loop {
            let slots = self.calls.slots();
            self.look(&slots);
            quiet = if slots.iter().any(|slot| slot.is_busy()) { 0 } else { quiet + 1 };
            drop(slots);
            if quiet < QUIET {
                thread::sleep(period);
            } else {
                self.sleep();
            }
        }
    }

    /// Sleeps until there is a call, or something to be said.
    fn sleep(&self) {
        self.calls.asleep.store(true, Relaxed);
        // Either this sees the call, or the call sees that this sleeps.
        fence(SeqCst);
        if self.calls.slots().iter().any(|slot| slot.is_busy()) {
            self.calls.asleep.store(false, Relaxed);
            return;
        }
        match self.slow.due(Instant::now()) {
            Some(due) => thread::park_timeout(due),
            None => thread::park(),
        }
    }

    fn look(&mut self, slots: &[Arc<Slot>]) {
        let now = Instant::now();
        let (limits, journal) = (self.calls.limits, &*self.calls.journal);
        // Clients first: the stacks may take a while.
        let passed =
            slots.iter().filter_map(|slot| slot.look(now, limits, &mut self.slow, journal));
        let (late, slow): (Vec<_>, Vec<_>) = passed.partition(|passed| passed.expired.is_some());
        for passed in slow {
            self.report_slow(&passed);
        }
        if !late.is_empty() {
            self.report_late(&late);
        }
        for ending in self.endings.try_iter() {
            self.calls.journal.write(Level::Warning, &ending);
        }
        if let Some(refused) = self.slow.refused(now) {
            let message =
                format_args!("{refused} more slow requests in a minute were not reported");
            self.calls.journal.write(Level::Warning, &message);
        }
    }

    fn report_slow(&self, passed: &Passed) {
        let stack = self.stacks.of(&Wanted::Call(Arc::clone(&passed.slot), passed.number));
        let (name, held) = (&passed.name, Seconds(passed.held));
        let message = format_args!("slow request ({name}, {held} so far){stack}");
        self.calls.journal.write(Level::Warning, &message);
    }

    /// Reports requests that have just been ended, with the stacks of all threads, once.
    fn report_late(&mut self, late: &[Passed]) {
        let stuck: Vec<_> = late.iter().map(|passed| passed.slot.ident).collect();
        let stacks = if self.late.take(Instant::now()) {
            self.stacks.of(&Wanted::All(stuck))
        } else {
            format!("\nstacks left out: {MOST} times a minute is enough")
        };
        for (index, passed) in late.iter().enumerate() {
            let mut text = String::new();
            let (name, held) = (&passed.name, Seconds(passed.held));
            let became = match passed.expired {
                Some(Expired::Answered) => "answered 504",
                Some(Expired::Cut) => "connection cut",
                Some(Expired::Left) | None => "its response is out",
            };
            // A string can be written to.
            let _ = write!(text, "request deadline passed ({name}, {held}): {became}");
            (self.on_stuck)(&text);
            let last = index + 1 == late.len();
            let stacks = if last { &stacks[..] } else { "" };
            self.calls.journal.write(Level::Error, &format_args!("{text}{stacks}"));
        }
    }
}
