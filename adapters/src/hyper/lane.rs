//! From a call to its connection: the pieces of a body, bounded.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use narthex_core::{Error, Result};

use super::shared::Shared;

/// Pieces that may wait to be taken.
const WINDOW: usize = 4;

struct Lane {
    shared: Arc<Shared>,
    // Held for a few instructions.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pieces: VecDeque<Bytes>,
    end: Option<End>,
    /// Nobody takes pieces any more.
    closed: bool,
    /// The count of drains when a piece was last taken.
    taken: Option<u64>,
    giver: Option<Waker>,
    taker: Option<Waker>,
}

#[derive(Clone, Copy)]
enum End {
    Whole,
    Cut,
}

/// The end that a call holds. Dropped without an end, it cuts the body.
pub(super) struct Giver(Arc<Lane>);

/// The end that the connection holds.
pub(super) struct Taker(Arc<Lane>);

/// A lane to the connection of `shared`.
pub(super) fn lane(shared: &Arc<Shared>) -> (Giver, Taker) {
    let lane = Arc::new(Lane { shared: Arc::clone(shared), state: Mutex::default() });
    (Giver(Arc::clone(&lane)), Taker(lane))
}

impl Lane {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, end: End) {
        let mut state = self.state();
        state.end.get_or_insert(end);
        wake(&mut state.taker);
    }
}

impl State {
    /// Whether everything that was handed over has been sent.
    fn sent(&self, shared: &Shared) -> bool {
        // HTTP/2 has a task for each stream: what was taken goes out by itself.
        let drained = !shared.gathers() || self.taken.is_none_or(|since| since != shared.drains());
        self.pieces.is_empty() && drained
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Giver {
    /// Hands over a piece, once there is room for it.
    pub(super) fn poll_give(&self, context: &Context<'_>, piece: &mut Bytes) -> Poll<Result<()>> {
        let mut state = self.0.state();
        if state.closed || state.end.is_some() {
            return Poll::Ready(Err(Error::Disconnected));
        }
        if state.pieces.len() >= WINDOW {
            state.giver = Some(context.waker().clone());
            return Poll::Pending;
        }
        state.pieces.push_back(std::mem::take(piece));
        wake(&mut state.taker);
        Poll::Ready(Ok(()))
    }

    /// Ready when everything that was handed over has been sent.
    pub(super) fn poll_sent(&self, context: &Context<'_>) -> Poll<Result<()>> {
        let shared = &self.0.shared;
        let mut state = self.0.state();
        if state.sent(shared) {
            return Poll::Ready(Ok(()));
        }
        if state.closed || shared.gone() {
            return Poll::Ready(Err(Error::Disconnected));
        }
        state.giver = Some(context.waker().clone());
        shared.await_drain(Some(context.waker()));
        Poll::Pending
    }

    /// Ready when nobody takes pieces any more.
    pub(super) fn poll_closed(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.state();
        if state.closed || self.0.shared.gone() {
            return Poll::Ready(());
        }
        state.giver = Some(context.waker().clone());
        Poll::Pending
    }

    /// Cuts the body from outside; `false` when it has ended already.
    pub(super) fn cut(&self) -> bool {
        let ended = self.0.state().end.is_some();
        self.0.end(End::Cut);
        !ended
    }

    /// Says that the body is complete.
    pub(super) fn end(&self) -> Result<()> {
        self.0.end(End::Whole);
        let state = self.0.state();
        // HTTP/1 needs no more once a body is as long as its head says.
        let left = state.closed && !(self.0.shared.gathers() && state.sent(&self.0.shared));
        if left { Err(Error::Disconnected) } else { Ok(()) }
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        self.0.end(End::Cut);
    }
}

impl Taker {
    /// The next piece; an error where the body is cut.
    pub(super) fn poll_take(&self, context: &Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let mut state = self.0.state();
        if let Some(piece) = state.pieces.pop_front() {
            state.taken = Some(self.0.shared.drains());
            wake(&mut state.giver);
            return Poll::Ready(Ok(Some(piece)));
        }
        match state.end {
            Some(End::Whole) => Poll::Ready(Ok(None)),
            Some(End::Cut) => Poll::Ready(Err(Error::Reported)),
            None => {
                state.taker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closed = true;
        wake(&mut state.giver);
    }
}
