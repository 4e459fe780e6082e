//! A connection's bytes as hyper takes them.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use narthex_core::Limits;

use super::{line::Line, shared::Shared};
use crate::edge::Transport;

/// One connection's bytes. One clone is hyper's, the other its driver's.
pub(super) struct Wire<I>(Arc<Mutex<Line<I>>>);

impl<I> Wire<I> {
    /// Guards `io`.
    pub(super) fn new(io: I, limits: &Limits, shared: Arc<Shared>) -> Self {
        Self(Arc::new(Mutex::new(Line::new(io, limits, shared))))
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
