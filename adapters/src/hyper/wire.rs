//! The bytes of one connection: guarded on the way in, gathered on the way out.

use std::{
    cell::RefCell,
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use http::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};
use narthex_core::Limits;

use super::{frames::Frames, shared::Shared};
use crate::{
    edge::{Awaited, Transport, Wanted},
    guard::{Guard, Inspection, Phase, Refusal, Rest},
};

/// Bytes that may wait to be sent before writers are told to wait.
const ROOM: usize = 64 * 1024;
/// From this size on bytes are sent where they are instead of being gathered.
const LARGE: usize = 8 * 1024;
/// What an idle connection may keep of its buffers.
const KEPT: usize = 4 * 1024;
/// What a client that speaks HTTP/2 sends first (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What hyper sends when the application asks for a body that the client holds back: no response.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// Stands in for a head that was refused, so that its answer comes in its turn.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\n\r\n";

thread_local! {
    /// Where bytes are read to before the guard has seen them: one for all connections.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; ROOM].into());
}

/// One connection's bytes. One clone is hyper's, the other its driver's.
pub(super) struct Wire<I>(Arc<Mutex<Line<I>>>);

/// What a [`Wire`] guards. Locked for one operation at a time, by one task.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub(super) struct Line<I> {
    io: I,
    pub(super) shared: Arc<Shared>,
    /// `None` once the connection speaks HTTP/2.
    guard: Option<Guard>,
    /// The frames of HTTP/2.
    frames: Option<Box<Frames>>,
    head_size: usize,
    /// Bytes that were read and not passed on; the first `checked` of them may be.
    held: Vec<u8>,
    checked: usize,
    /// Some bytes of `held` have not been inspected since they arrived.
    fresh: bool,
    end: Option<End>,
    out: Vec<u8>,
    sent: usize,
    /// Whether the transport holds back bytes that it was given, as TLS may.
    flushing: bool,
    /// Whether somebody waits for bytes.
    pub(super) reading: bool,
    /// Whether somebody waits for room to write.
    pub(super) stalled: bool,
    pub(super) received: u64,
    pub(super) written: u64,
    pub(super) waker: Option<Waker>,
    /// The number of the latest request when something was last put out.
    pub(super) begun: u64,
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// The peer has sent everything.
    Eof,
    /// A head was refused: its stand-in is the last that is passed on.
    Head,
    /// A body was refused.
    Body,
    /// HTTP/2 was abused: what makes h2 say so is the last that is passed on.
    Flood,
    /// The connection was ended from outside: nothing is sent either.
    Dead,
}

impl<I> Wire<I> {
    /// Guards `io`.
    pub(super) fn new(io: I, limits: &Limits, shared: Arc<Shared>) -> Self {
        Self(Arc::new(Mutex::new(Line {
            io,
            shared,
            guard: Some(Guard::new(limits)),
            frames: None,
            head_size: limits.head_size,
            held: Vec::new(),
            checked: 0,
            fresh: false,
            end: None,
            out: Vec::new(),
            sent: 0,
            flushing: false,
            reading: false,
            stalled: false,
            received: 0,
            written: 0,
            waker: None,
            begun: 0,
        })))
    }

    /// Access to the line, for one operation.
    pub(super) fn line(&self) -> MutexGuard<'_, Line<I>> {
        // A panic under the lock can only come from the transport below; its state is then an
        // error of the transport's.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn downgrade(&self) -> std::sync::Weak<Mutex<Line<I>>> {
        Arc::downgrade(&self.0)
    }
}

impl<I> Clone for Wire<I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I> fmt::Debug for Wire<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl<I> Line<I> {
    /// Where the guard is; `None` under HTTP/2.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.guard.as_ref().map(Guard::phase)
    }

    /// Heads seen so far.
    pub(super) fn heads(&self) -> u64 {
        self.guard.as_ref().map_or(0, Guard::heads)
    }

    /// What the connection waits for; `None` when it waits for nothing of its client.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        let wanted = Wanted { input: self.reading, room: self.unsent() };
        (wanted.input || wanted.room).then_some(wanted)
    }

    /// Whether bytes wait for room, here or behind this.
    pub(super) fn unsent(&self) -> bool {
        self.pending() || self.stalled
    }

    /// A number that changes when a message gets on.
    pub(super) fn progress(&self) -> u64 {
        match &self.frames {
            // PING and its like keep no connection.
            Some(frames) => frames.progress(),
            None => self.received,
        }
    }

    /// The kind of HTTP/2 frame that the client has sent too many of.
    pub(super) fn flood(&self) -> Option<&'static str> {
        self.frames.as_ref().and_then(|frames| frames.flood())
    }

    /// Whether bytes wait to be sent.
    pub(super) fn pending(&self) -> bool {
        self.sent < self.out.len() || self.flushing
    }

    /// Reads and sends nothing more.
    pub(super) fn kill(&mut self) {
        self.end = Some(End::Dead);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.end == Some(End::Dead)
    }

    /// Refuses the head that is arriving, or, between heads, the next one.
    pub(super) fn refuse_head(&mut self, status: StatusCode, reason: &'static str) {
        if self.end.is_none() {
            self.shared.refuse_head(self.heads() + 1, status, reason);
            self.held.truncate(self.checked);
            self.held.extend_from_slice(STAND_IN);
            self.checked = self.held.len();
            self.end = Some(End::Head);
        }
    }

    /// Refuses the body that is arriving.
    pub(super) fn refuse_body(&mut self, status: StatusCode, reason: &'static str) {
        if self.end.is_none() {
            self.shared.refuse_body(status, reason);
            self.held.truncate(self.checked);
            self.end = Some(End::Body);
        }
    }

    /// Ends an HTTP/2 connection behind the first `good` bytes of those that are held.
    fn refuse_flood(&mut self, good: usize) {
        if self.end.is_none() {
            self.held.truncate(good);
            let calm = self.frames.as_ref().map(|frames| frames.calm());
            self.held.extend_from_slice(&calm.unwrap_or_default());
            self.checked = self.held.len();
            self.end = Some(End::Flood);
        }
    }

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
    /// See [`Transport::part`].
    pub(super) fn part(&mut self) -> Option<Arc<dyn Awaited>> {
        self.io.part()
    }

    /// See [`Transport::rejoin`].
    pub(super) fn rejoin(&mut self) {
        self.io.rejoin();
    }

    /// Reads until it is clear what the client speaks; `None` at the end of its bytes.
    pub(super) fn poll_protocol(
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

    fn poll_read(
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
    pub(super) fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
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

impl<I: Transport> Line<I> {
    /// Puts `bytes` out behind all else.
    pub(super) fn gather(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Sends what has been gathered.
    pub(super) fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_dead() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        while self.sent < self.out.len() {
            let bytes = &self.out[self.sent..];
            match ready!(Pin::new(&mut self.io).poll_write(context, bytes))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => {
                    self.sent += count;
                    self.written += count as u64;
                }
            }
        }
        // TLS keeps what the socket had no room for; a socket has nothing to flush.
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.flushing = flushed.is_pending();
        self.sent = 0;
        self.out.clear();
        if self.out.capacity() > KEPT && !self.shared.active() {
            self.out = Vec::new();
        }
        flushed
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_dead() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let size = buffers.iter().map(|buffer| buffer.len()).sum::<usize>();
        if size != CONTINUE.len() || !buffers.iter().any(|buffer| **buffer == *CONTINUE) {
            self.begun = self.shared.calls();
        }
        if size >= LARGE || self.out.len() + size > ROOM {
            ready!(self.poll_drain(context))?;
            if size >= LARGE {
                let written = ready!(Pin::new(&mut self.io).poll_write_vectored(context, buffers))?;
                self.written += written as u64;
                self.follow(buffers, written);
                return Poll::Ready(Ok(written));
            }
        }
        for buffer in buffers {
            self.out.extend_from_slice(buffer);
        }
        self.follow(buffers, size);
        Poll::Ready(Ok(size))
    }

    /// Follows the frames in the first `count` bytes of `buffers`.
    fn follow(&mut self, buffers: &[IoSlice<'_>], mut count: usize) {
        let Some(frames) = &mut self.frames else { return };
        for buffer in buffers {
            let taken = count.min(buffer.len());
            frames.sent(&buffer[..taken]);
            count -= taken;
        }
    }

    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_dead() {
            ready!(self.poll_drain(context))?;
            if self.shared.is_cut() {
                return Poll::Ready(Ok(())); // TLS would say that all has been sent
            }
        }
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl<I: Transport> Read for Wire<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut line = self.line();
        let read = line.poll_read(context, cursor);
        line.reading = read.is_pending();
        read
    }
}

impl<I: Transport> Write for Wire<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    /// Does nothing: the driver sends what was gathered once after each poll of the connection, so
    /// that the answers to pipelined requests go out together.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut line = self.line();
        let written = line.poll_write(context, buffers);
        line.stalled = written.is_pending();
        written
    }
}
