//! The body of a request on its way in, as long as it was said to be.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use narthex_core::{Error, Result};

/// Pieces smaller than this are put together when they are not read at once.
const SMALL: usize = 1024;

/// A body of which some has arrived.
#[derive(Debug)]
pub(super) struct Arriving {
    pieces: VecDeque<Bytes>,
    /// Small pieces behind those, put together: each by itself would cost more than it holds.
    tail: BytesMut,
    held: usize,
    /// How much is still to come, where that was declared.
    left: Option<u64>,
    end: Option<End>,
    /// The peer has sent all of it, be it more or less than was declared.
    over: bool,
    reader: Option<Waker>,
}

/// Why nothing more of a body is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Whole,
    /// It is shorter than declared: whoever sent it has left.
    Short,
    Refused(StatusCode, &'static str),
}

impl Arriving {
    /// A body of a length that was declared, or whose end shows its length.
    pub(super) fn new(declared: Option<u64>) -> Self {
        let end = (declared == Some(0)).then_some(End::Whole);
        let (pieces, tail) = (VecDeque::new(), BytesMut::new());
        Self { pieces, tail, held: 0, left: declared, end, over: false, reader: None }
    }

    /// Takes what has come; what is beyond the declared length is dropped.
    pub(super) fn take(&mut self, mut piece: Bytes) {
        if self.end.is_some() {
            return;
        }
        if let Some(left) = &mut self.left {
            let fits = usize::try_from(*left).map_or(piece.len(), |left| piece.len().min(left));
            piece.truncate(fits);
            *left -= fits as u64;
            if *left == 0 {
                self.end = Some(End::Whole);
            }
        }
        self.held += piece.len();
        if piece.len() < SMALL && self.held > piece.len() {
            self.tail.extend_from_slice(&piece);
        } else {
            self.settle();
            self.pieces.push_back(piece);
        }
        self.wake();
    }

    /// Notes that the peer has sent all of it.
    pub(super) fn finish(&mut self) {
        self.over = true;
        let end = if self.left.is_some_and(|left| left > 0) { End::Short } else { End::Whole };
        self.end.get_or_insert(end);
        self.wake();
    }

    /// Takes no more of it.
    pub(super) fn refuse(&mut self, status: StatusCode, reason: &'static str) {
        self.end.get_or_insert(End::Refused(status, reason));
        self.wake();
    }

    /// The next piece.
    pub(super) fn poll_piece(&mut self, context: &Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if self.pieces.is_empty() {
            self.settle();
        }
        if let Some(piece) = self.pieces.pop_front() {
            self.held -= piece.len();
            return Poll::Ready(Ok(Some(piece)));
        }
        match self.end {
            Some(End::Whole) => Poll::Ready(Ok(None)),
            Some(End::Short) => Poll::Ready(Err(Error::Disconnected)),
            Some(End::Refused(status, why)) => Poll::Ready(Err(Error::Refused(status, why))),
            None => {
                self.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Puts back what [`join`](Self::join) took.
    pub(super) fn restore(&mut self, body: Bytes) {
        if !body.is_empty() {
            self.held += body.len();
            self.pieces.push_front(body);
        }
    }

    /// All that has arrived, in one piece.
    pub(super) fn join(&mut self) -> Bytes {
        self.settle();
        let held = std::mem::take(&mut self.held);
        if self.pieces.len() <= 1 {
            return self.pieces.pop_front().unwrap_or_default();
        }
        let mut body = BytesMut::with_capacity(held);
        self.pieces.drain(..).for_each(|piece| body.extend_from_slice(&piece));
        body.freeze()
    }

    /// Makes a piece of what was put together.
    fn settle(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
    }

    /// Whether all of it has arrived.
    pub(super) fn is_whole(&self) -> bool {
        self.end == Some(End::Whole)
    }

    /// Whether nothing more is taken.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the peer has sent all of it.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether somebody waits for more of it.
    pub(super) fn is_wanted(&self) -> bool {
        self.reader.is_some() && self.end.is_none()
    }

    /// Bytes that wait to be read.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// How long it is at least.
    pub(super) fn least(&self) -> u64 {
        self.held as u64 + self.left.unwrap_or(0)
    }

    pub(super) fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}
