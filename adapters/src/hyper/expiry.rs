//! Ends a request from outside: its connection's own task may be stuck in the application.

use std::{
    io,
    sync::PoisonError,
    task::{Context, Poll, Waker},
};

use narthex_core::{Expire, Expired, Overdue};

use super::{line::Line, watch::Watch};
use crate::{edge::Transport, plain};

impl<I: Transport> Expire for Watch<I> {
    fn current(&self) -> u64 {
        self.line.upgrade().map_or(0, |line| {
            let line = line.lock().unwrap_or_else(PoisonError::into_inner);
            line.shared.calls()
        })
    }

    fn expire(&self, overdue: &Overdue) -> Expired {
        let Some(line) = self.line.upgrade() else { return Expired::Left };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = expire(&mut line, overdue);
        if expired != Expired::Left
            && let Some(waker) = line.waker.clone()
        {
            drop(line);
            waker.wake(); // its task, if it can still be polled
        }
        expired
    }
}

/// Ends what the connection is doing. The line is locked for one operation at a time, never while
/// the application runs.
fn expire<I: Transport>(line: &mut Line<I>, overdue: &Overdue) -> Expired {
    let multiplexed = !line.shared.gathers();
    if line.is_dead() || (!multiplexed && line.shared.calls() != overdue.number) {
        return Expired::Left; // the connection is over, or has gone on to another request
    }
    // Bytes that hyper keeps back would be missing: nothing can be put behind them.
    let untouched = !multiplexed && line.begun < overdue.number && !line.stalled;
    if !untouched && overdue.whole {
        return Expired::Left;
    }
    // Nobody is woken by what this waits for: nothing is sent later, for the line is dead.
    let context = &mut Context::from_waker(Waker::noop());
    // What has been gathered is of earlier responses, and of this one as far as it got.
    let drained = line.poll_drain(context).is_ready();
    let answered = untouched
        && drained
        && send(line, context, &plain::last(http::StatusCode::GATEWAY_TIMEOUT, overdue.bodiless));
    let expired = if answered { Expired::Answered } else { Expired::Cut };
    line.kill();
    line.shared.expire(expired);
    let _ = line.poll_shutdown(context);
    expired
}

/// Sends all of `message` now, or fails.
fn send<I: Transport>(line: &mut Line<I>, context: &mut Context<'_>, message: &[u8]) -> bool {
    line.gather(message);
    matches!(line.poll_drain(context), Poll::Ready(io::Result::Ok(())))
}
