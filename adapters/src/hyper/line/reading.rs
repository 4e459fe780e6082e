//! The bytes that come in.

use std::{
    cell::RefCell,
    io,
    task::{Context, Poll, ready},
};

use hyper::rt::ReadBufCursor;

use super::{End, Frames, KEPT, Line, ROOM};
use crate::{
    edge::Transport,
    guard::{Inspection, Phase, Refusal, Rest},
};

/// What a client that speaks HTTP/2 sends first (RFC 9113, 3.4).
pub(in crate::hyper) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

thread_local! {
    /// Where bytes are read to before the guard has seen them: one for all connections.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; ROOM].into());
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::hyper) enum Protocol {
    Http1,
    Http2,
}

impl<I> Line<I> {
    /// Shows the guard what it has not seen and decides what may be passed on.
    fn inspect(&mut self) {
        self.fresh = false;
        let Some(guard) = &mut self.guard else {
            let cut = self.frames.as_mut().and_then(|it| it.received(&self.held[self.checked..]));
            match cut {
                Some(cut) => self.refuse_flood(self.checked + cut),
                None => self.checked = self.held.len(),
            }
            return;
        };
        let Inspection { pass, rest } = guard.inspect(&self.held[self.checked..]);
        if guard.underscores() {
            self.shared.saw_underscore();
        }
        self.checked += pass;
        self.conclude(rest);
    }

    fn conclude(&mut self, rest: Rest) {
        match rest {
            Rest::Nothing | Rest::Incomplete => {}
            Rest::Refuse(Refusal { status, reason, during: Phase::Body }) => {
                self.refuse_body(status, reason);
            }
            Rest::Refuse(Refusal { status, reason, .. }) => self.refuse_head(status, reason),
        }
    }

    /// Passes on what may be; `false` when there is nothing.
    fn deliver(&mut self, cursor: &mut ReadBufCursor<'_>) -> bool {
        if self.fresh {
            self.inspect();
        }
        let count = self.checked.min(cursor.remaining());
        if count == 0 {
            return false;
        }
        cursor.put_slice(&self.held[..count]);
        self.held.drain(..count);
        self.checked -= count;
        if self.held.is_empty() && self.held.capacity() > KEPT {
            self.held = Vec::new();
        }
        true
    }
}

impl<I: Transport> Line<I> {
    /// Reads until it is clear what the client speaks; `None` at the end of its bytes.
    pub(in crate::hyper) fn poll_protocol(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Protocol>>> {
        loop {
            let seen = self.held.len().min(PREFACE.len());
            if self.held[..seen] != PREFACE[..seen] {
                return Poll::Ready(Ok(Some(Protocol::Http1)));
            }
            if seen == PREFACE.len() {
                self.guard = None;
                self.frames = Some(Box::new(Frames::new(self.head_size)));
                self.shared.multiplex();
                return Poll::Ready(Ok(Some(Protocol::Http2)));
            }
            if ready!(self.poll_fill(context, ROOM))? == 0 {
                let nothing = self.held.is_empty();
                return Poll::Ready(Ok((!nothing).then_some(Protocol::Http1)));
            }
        }
    }

    /// Appends what the client sends to `held`.
    fn poll_fill(&mut self, context: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let most = most.min(scratch.len());
            let count = ready!(self.io.poll_read_into(context, &mut scratch[..most]))?;
            let bytes = &scratch[..count];
            self.held.extend_from_slice(bytes);
            self.received += bytes.len() as u64;
            self.fresh |= !bytes.is_empty();
            Poll::Ready(Ok(bytes.len()))
        })
    }

    pub(in crate::hyper) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if (self.fresh || self.checked > 0) && self.deliver(&mut cursor) {
                return Poll::Ready(Ok(()));
            }
            match self.end {
                None => {}
                Some(End::Eof) => return Poll::Ready(Ok(())),
                // The stand-in's answer closes the connection.
                Some(End::Head | End::Flood) => return Poll::Pending,
                Some(End::Body | End::Dead) => {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
            }
            if !self.held.is_empty() {
                if ready!(self.poll_fill(context, ROOM))? == 0 {
                    self.end = Some(End::Eof); // in the middle of a head: there is no request
                }
                continue;
            }
            let Some(guard) = &mut self.guard else {
                if ready!(self.poll_frames(context, &mut cursor))? {
                    return Poll::Ready(Ok(()));
                }
                continue;
            };
            // The common case: whole messages, copied once from here to hyper.
            let done = SCRATCH.with_borrow_mut(|scratch| {
                let most = scratch.len().min(cursor.remaining());
                let count = ready!(self.io.poll_read_into(context, &mut scratch[..most]))?;
                let bytes = &scratch[..count];
                if bytes.is_empty() {
                    self.end = Some(End::Eof);
                    return Poll::Ready(Ok(None));
                }
                self.received += bytes.len() as u64;
                let Inspection { pass, rest } = guard.inspect(bytes);
                cursor.put_slice(&bytes[..pass]);
                self.held.extend_from_slice(&bytes[pass..]);
                Poll::Ready(io::Result::Ok(Some((pass, rest, guard.underscores()))))
            });
            if let Some((pass, rest, underscores)) = ready!(done)? {
                if underscores {
                    self.shared.saw_underscore();
                }
                self.conclude(rest);
                if pass > 0 {
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Reads frames of HTTP/2; `false` where that has come to an end.
    fn poll_frames(
        &mut self,
        context: &mut Context<'_>,
        cursor: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<bool>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let most = scratch.len().min(cursor.remaining());
            let count = ready!(self.io.poll_read_into(context, &mut scratch[..most]))?;
            let bytes = &scratch[..count];
            self.received += bytes.len() as u64;
            if bytes.is_empty() {
                self.end = Some(End::Eof);
                return Poll::Ready(Ok(false));
            }
            let cut = self.frames.as_mut().and_then(|frames| frames.received(bytes));
            if let Some(cut) = cut {
                self.held.extend_from_slice(&bytes[..cut]);
                self.refuse_flood(cut);
                return Poll::Ready(Ok(false));
            }
            cursor.put_slice(bytes);
            Poll::Ready(Ok(true))
        })
    }

    /// Reads and throws away; ready at the end of the client's bytes.
    pub(in crate::hyper) fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.held = Vec::new();
        self.checked = 0;
        loop {
            match ready!(self.poll_fill(context, ROOM)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => self.held.clear(),
            }
        }
    }
}
