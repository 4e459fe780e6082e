//! The bytes that go out.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{KEPT, Line, ROOM};
use crate::edge::Transport;

/// From this size on bytes are sent where they are instead of being gathered.
const LARGE: usize = 8 * 1024;
/// What hyper sends when the application asks for a body that the client holds back: no response.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl<I: Transport> Line<I> {
    /// Puts `bytes` out behind all else.
    pub(in crate::hyper) fn gather(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Sends what has been gathered.
    pub(in crate::hyper) fn poll_drain(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
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

    pub(in crate::hyper) fn poll_write(
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

    pub(in crate::hyper) fn poll_shutdown(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_dead() {
            ready!(self.poll_drain(context))?;
            if self.shared.is_cut() {
                return Poll::Ready(Ok(())); // TLS would say that all has been sent
            }
        }
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
