//! What has been written of a body and not been sent.

use std::{io, mem};

use bytes::Bytes;

use crate::spool::Spool;

/// How much is gathered before it is sent.
pub(super) const LIMIT: u64 = 64 * 1024;

/// Pieces of a body, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The only piece: most bodies are one, and need no copy.
    single: Bytes,
    /// All pieces, where there are more.
    spool: Spool,
}

impl Gathered {
    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.single.len() as u64 + self.spool.len()
    }

    /// Appends a piece.
    pub(super) fn push(&mut self, piece: Bytes) -> io::Result<()> {
        if self.len() == 0 {
            self.single = piece;
            return Ok(());
        }
        if !self.single.is_empty() {
            self.spool.push(&mem::take(&mut self.single))?;
        }
        self.spool.push(&piece)
    }

    /// Takes everything as one, unless that is too much.
    pub(super) fn whole(&mut self) -> io::Result<Option<Bytes>> {
        Ok(match self.spool.len() {
            0 => Some(mem::take(&mut self.single)),
            1..=LIMIT => mem::take(&mut self.spool).next()?,
            _ => None,
        })
    }

    /// Takes the next piece; `None` when nothing is left. Nothing is appended after the first.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        match mem::take(&mut self.single) {
            single if single.is_empty() => self.spool.next(),
            single => Ok(Some(single)),
        }
    }
}
