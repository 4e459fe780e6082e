//! What is remembered of each route: whether it blocks, and whether it streams.
//!
//! WSGI knows no routes, so the memory is keyed by path and by the first segment of the path, and
//! what has never been seen is expected to be like the rest of the application. Slots are few and
//! overwritten by whoever comes: a wrong guess costs microseconds.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use narthex_core::Blocking;

use crate::{
    calls::{self, Where},
    engine::Placement,
    hash::hash,
};

/// Calls that take longer than this are made where they hold up nobody.
///
/// Handing a thread's other tasks over costs about 20 µs; a call of this length costs the requests
/// behind it more.
const SLOW: u32 = 300;
/// A longer call counts as this: one stall of the machine must not make a route slow.
const MOST: u32 = 2_000;
/// How much of an estimate one call replaces, as a power of two.
const SHIFT: u32 = 3;
const SLOTS: usize = 8192;

const STREAMS: u64 = 1 << 32;

/// The memory of one application.
pub(crate) struct Adaptive {
    placement: Placement,
    cautious: bool,
    // Each slot: 31 bits of key, 1 bit of `STREAMS`, 32 bits of estimate in microseconds.
    slots: Box<[AtomicU64]>,
    // What routes not seen before turned out to be, in 256ths of slow ones; streaming likewise.
    blocking: AtomicU32,
    streaming: AtomicU32,
    // Some call has pushed output while it ran.
    pushing: AtomicBool,
}

/// What is known of a request's route before it is called.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "findings, each independent of the others")]
pub(crate) struct Route {
    whole: u64,
    prefix: u64,
    estimate: u32,
    known: bool,
    /// Calls have blocked.
    pub(crate) blocks: bool,
    /// Calls have streamed: they need a transport they can wait for.
    pub(crate) streams: bool,
    /// This very path has been called, so `streams` is no guess.
    pub(crate) seen: bool,
    /// It is not to be answered at once: it may want to push more than memory holds.
    pub(crate) later: bool,
}

impl Route {
    /// Whether a call that streams is made aside: what it sends is then sent by others while it
    /// goes on.
    pub(crate) fn aside(&self) -> bool {
        self.blocks || (self.seen && self.streams)
    }

    /// Where a call is made.
    pub(crate) fn at(&self) -> Where {
        if self.blocks { Where::Aside } else { Where::Inline }
    }

    /// The route of a call that may stream.
    pub(crate) fn settled(self) -> Self {
        Self { blocks: self.aside(), ..self }
    }
}

impl Adaptive {
    pub(crate) fn new(placement: Placement) -> Self {
        Self {
            placement,
            cautious: false,
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            blocking: AtomicU32::new(0),
            // Until the first call has shown otherwise.
            streaming: AtomicU32::new(256),
            pushing: AtomicBool::new(false),
        }
    }

    /// Makes calls of which nothing is known aside.
    pub(crate) fn cautious(self, cautious: bool) -> Self {
        Self { cautious, ..self }
    }

    /// Looks a raw path up.
    pub(crate) fn route(&self, path: &[u8]) -> Route {
        let end =
            path.iter().skip(1).position(|&byte| byte == b'/').map_or(path.len(), |at| at + 1);
        let prefix = key(&path[..end]);
        let whole = if end == path.len() { prefix } else { key(path) };
        let known = self.slot(whole);
        let seen = known.is_some();
        let known = known.or_else(|| self.slot(prefix));
        let (estimate, streams) = known.unwrap_or_else(|| {
            let blocks = self.blocking.load(Relaxed) > 32;
            (if blocks { SLOW + 1 } else { 0 }, self.streaming.load(Relaxed) > 32)
        });
        let blocks = match self.placement {
            Placement::Adaptive => {
                estimate > SLOW || (self.cautious && (known.is_none() || calls::would_take_last()))
            }
            Placement::Inline => false,
            Placement::Aside => true,
        };
        let later = streams || !seen || self.pushing.load(Relaxed);
        Route { whole, prefix, estimate, known: known.is_some(), blocks, streams, seen, later }
    }

    /// Makes a call of `route`, where it holds up nobody if it is expected to be slow.
    pub(crate) fn call<R>(
        &self,
        route: &Route,
        blocking: &dyn Blocking,
        call: impl FnOnce() -> R,
    ) -> R {
        if self.placement != Placement::Adaptive {
            return if route.blocks { blocked(blocking, call) } else { call() };
        }
        let started = Instant::now();
        let result = if route.blocks { blocked(blocking, call) } else { call() };
        self.took(route, started.elapsed());
        result
    }

    /// Remembers whether a call streamed.
    pub(crate) fn streamed(&self, route: &Route, streamed: bool) {
        if !route.known {
            decay(&self.streaming, if streamed { 256 } else { 0 });
        }
        if streamed != route.streams {
            for key in [route.whole, route.prefix] {
                let estimate = u64::from(route.estimate);
                let flag = if streamed { STREAMS } else { 0 };
                self.slots[index(key)].store(key << 33 | flag | estimate, Relaxed);
            }
        }
    }

    /// Remembers that a call pushed output where there was nobody to take it.
    ///
    /// One path may do so for one query and not for another: from now on no request of this
    /// application is answered at once.
    pub(crate) fn pushed(&self) {
        self.pushing.store(true, Relaxed);
    }

    fn took(&self, route: &Route, elapsed: Duration) {
        let micros = u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX).min(MOST);
        let estimate = if self.cautious && elapsed >= calls::HELD {
            MOST // once is enough where the next one may never return
        } else {
            route.estimate - (route.estimate >> SHIFT) + (micros >> SHIFT)
        };
        // A fast route that stays fast is written once: its cache line stays shared.
        if estimate >> SHIFT != route.estimate >> SHIFT || self.slot(route.whole).is_none() {
            for key in [route.whole, route.prefix] {
                // The call may have noted in the meantime that it streams.
                let streams = self.slot(key).map_or(route.streams, |slot| slot.1);
                let flag = if streams { STREAMS } else { 0 };
                self.slots[index(key)].store(key << 33 | flag | u64::from(estimate), Relaxed);
            }
        }
        if !route.known {
            decay(&self.blocking, if micros > SLOW { 256 } else { 0 });
        }
    }

    fn slot(&self, key: u64) -> Option<(u32, bool)> {
        let slot = self.slots[index(key)].load(Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the low half is the estimate")]
        (slot >> 33 == key).then_some((slot as u32, slot & STREAMS != 0))
    }
}

/// Runs `call` inside [`Blocking::block`].
pub(crate) fn blocked<R>(blocking: &dyn Blocking, call: impl FnOnce() -> R) -> R {
    let mut call = Some(call);
    let mut result = None;
    blocking.block(&mut || result = call.take().map(|call| call()));
    result.expect("Blocking::block runs its work once")
}

fn decay(average: &AtomicU32, sample: u32) {
    let old = average.load(Relaxed);
    let new = old - (old >> SHIFT) + (sample >> SHIFT);
    if new != old {
        average.store(new, Relaxed);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only the low bits count")]
fn index(key: u64) -> usize {
    key as usize % SLOTS
}

/// 31 bits that stand for a path; never 0, which is an empty slot.
fn key(path: &[u8]) -> u64 {
    hash(path) >> 33 | 1
}

#[cfg(test)]
mod tests {
    use narthex_core::Inline;

    use super::*;

    #[test]
    fn a_route_that_blocks_is_found_out() {
        let adaptive = Adaptive::new(Placement::Adaptive);
        let call = |path: &[u8], pause| {
            let route = adaptive.route(path);
            adaptive.took(&route, Duration::from_millis(pause));
        };
        (0..4).for_each(|_| call(b"/slow/1", 10));
        (0..4).for_each(|_| call(b"/fast", 0));
        assert!(adaptive.route(b"/slow/1").blocks);
        assert!(adaptive.route(b"/slow/2").blocks, "same prefix");
        assert!(!adaptive.route(b"/fast").blocks);
        (0..40).for_each(|_| call(b"/slow/1", 0));
        assert!(!adaptive.route(b"/slow/1").blocks, "it recovers");
        assert_eq!(adaptive.call(&adaptive.route(b"/slow/1"), &Inline, || 7), 7);
    }

    #[test]
    fn paths_that_are_never_the_same_are_like_each_other() {
        let adaptive = Adaptive::new(Placement::Adaptive);
        for number in 0..2000 {
            let route = adaptive.route(format!("/{number}").as_bytes());
            assert_eq!(route.blocks, number > 1, "{number}");
            adaptive.took(&route, Duration::from_millis(10));
            (0..20).for_each(|_| adaptive.took(&adaptive.route(b"/"), Duration::ZERO));
        }
        assert!(!adaptive.route(b"/").blocks);
    }

    #[test]
    fn a_call_that_streams_is_remembered() {
        let adaptive = Adaptive::new(Placement::Adaptive);
        for (path, streams) in [(&b"/push"[..], true), (b"/plain", false)] {
            let route = adaptive.route(path);
            adaptive.call(&route, &Inline, || adaptive.streamed(&route, streams));
        }
        assert!(adaptive.route(b"/push").streams && adaptive.route(b"/push").seen);
        assert!(!adaptive.route(b"/plain").streams && adaptive.route(b"/plain").seen);
        assert!(!adaptive.route(b"/never").seen);
    }

    #[test]
    fn where_calls_may_never_return_one_is_enough() {
        let adaptive = Adaptive::new(Placement::Adaptive).cautious(true);
        assert!(adaptive.route(b"/").blocks, "nothing is known of it");
        adaptive.took(&adaptive.route(b"/"), Duration::ZERO);
        assert!(!adaptive.route(b"/").blocks);
        adaptive.took(&adaptive.route(b"/"), calls::HELD);
        assert!(adaptive.route(b"/").blocks);
    }

    #[test]
    fn one_stall_does_not_make_a_route_slow() {
        let adaptive = Adaptive::new(Placement::Adaptive);
        adaptive.took(&adaptive.route(b"/"), Duration::from_secs(1));
        assert!(!adaptive.route(b"/").blocks);
    }
}
