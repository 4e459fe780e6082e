//! A connection as those see it who watch its time.

use std::sync::{Mutex, PoisonError, Weak};

use http::StatusCode;

use super::{line::Line, wire::Wire};
use crate::{
    edge::{Doing, Look, Transport},
    guard::Phase,
};

/// Looks at a connection, and keeps nothing of it alive.
pub(super) struct Watch<I> {
    pub(super) line: Weak<Mutex<Line<I>>>,
}

impl<I> Watch<I> {
    /// Looks at the connection of `wire`.
    pub(super) fn new(wire: &Wire<I>) -> Self {
        Self { line: wire.downgrade() }
    }
}

impl<I: Transport> Look for Watch<I> {
    fn look(&self, judge: &mut dyn FnMut(Doing, u64) -> bool) {
        let Some(line) = self.line.upgrade() else { return };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        let (doing, progress) = doing(&line);
        if !judge(doing, progress) {
            return;
        }
        let late = StatusCode::REQUEST_TIMEOUT;
        match doing {
            Doing::Head => line.refuse_head(late, "request head took too long"),
            Doing::Body => line.refuse_body(late, "request body took too long"),
            _ => {}
        }
        if let Some(waker) = line.waker.clone() {
            drop(line);
            waker.wake();
        }
    }
}

/// What a connection waits for, and a number that changes when it gets on.
fn doing<I>(line: &Line<I>) -> (Doing, u64) {
    if line.shared.seat.computing() {
        return (Doing::Application, 0);
    }
    if line.unsent() {
        return (Doing::Writing, line.written);
    }
    match line.phase() {
        Some(Phase::Head) => (Doing::Head, line.heads()),
        Some(Phase::Body) if line.reading => (Doing::Body, line.received),
        // An HTTP/2 client takes bytes and yet none of a response: it keeps its windows shut.
        _ if line.shared.all_unread() => (Doing::Writing, line.progress()),
        _ if line.shared.active() => (Doing::Application, 0),
        _ => (Doing::Idle, line.progress() + line.shared.calls()),
    }
}
