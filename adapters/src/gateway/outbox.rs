//! Bytes on their way to a peer, gathered, so that a small response is one write.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;

use crate::edge::Transport;

/// What an idle connection may keep of its buffer.
const KEPT: usize = 4 * 1024;
/// Pieces handed to the system at once, each with what stands before it.
const AT_ONCE: usize = 32;

/// Bytes to be sent, in order: gathered ones, and between them pieces that are sent from where they
/// are.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    gathered: Vec<u8>,
    /// How much of `gathered` has been sent.
    at: usize,
    /// Pieces, each behind so many bytes of `gathered`.
    pieces: VecDeque<(usize, Bytes)>,
    /// Bytes of `pieces`.
    apart: usize,
    sent: u64,
}

impl Outbox {
    /// Where bytes are appended that are cheaper to copy than to send from where they are.
    pub(super) fn gathered(&mut self) -> &mut Vec<u8> {
        &mut self.gathered
    }

    /// Appends a piece without a copy.
    pub(super) fn piece(&mut self, piece: Bytes) {
        self.apart += piece.len();
        self.pieces.push_back((self.gathered.len(), piece));
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.gathered.len() - self.at + self.apart
    }

    /// Bytes sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes so far that were sent or wait.
    pub(super) fn appended(&self) -> u64 {
        self.sent + self.waiting() as u64
    }

    /// Sends everything.
    pub(super) fn poll_flush(
        &mut self,
        io: &mut impl Transport,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.waiting() > 0 {
            let count = if self.pieces.is_empty() {
                ready!(Pin::new(&mut *io).poll_write(context, &self.gathered[self.at..]))?
            } else {
                let mut slices = [IoSlice::new(&[]); 2 * AT_ONCE];
                let slices = self.slices(&mut slices);
                ready!(Pin::new(&mut *io).poll_write_vectored(context, slices))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(count);
        }
        self.at = 0;
        self.gathered.clear();
        if self.gathered.capacity() > KEPT {
            self.gathered = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// The first of what waits.
    fn slices<'a, 'b>(&'a self, slices: &'b mut [IoSlice<'a>]) -> &'b [IoSlice<'a>] {
        let (mut count, mut at) = (0, self.at);
        for (behind, piece) in self.pieces.iter().take(slices.len() / 2) {
            slices[count] = IoSlice::new(&self.gathered[at..*behind]);
            slices[count + 1] = IoSlice::new(piece);
            count += 2;
            at = *behind;
        }
        &slices[..count]
    }

    fn advance(&mut self, mut count: usize) {
        self.sent += count as u64;
        while count > 0 {
            let Some((behind, piece)) = self.pieces.front_mut() else {
                self.at += count;
                return;
            };
            let before = (*behind - self.at).min(count);
            self.at += before;
            count -= before;
            let taken = piece.len().min(count);
            self.apart -= taken;
            count -= taken;
            if taken == piece.len() {
                self.pieces.pop_front();
            } else {
                let _ = piece.split_to(taken);
            }
        }
    }
}
