//! A transport in memory, whose other end decides how much goes through at once.
#![allow(clippy::unwrap_used, reason = "a failed test says so by a panic")]

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::edge::Transport;

/// The end that a connection has.
pub(super) struct Pipe(Arc<Mutex<State>>);

/// The end that a test has. Dropped, it closes both directions.
pub(super) struct Peer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What one read gives at most is one of these.
    sent: VecDeque<Vec<u8>>,
    closed: bool,
    received: Vec<u8>,
    /// How many more bytes fit, and how many at once.
    room: usize,
    at_once: usize,
    /// The connection has closed its side.
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    watcher: Option<Waker>,
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// Both ends.
pub(super) fn pipe() -> (Pipe, Peer) {
    let state = State { room: usize::MAX, at_once: usize::MAX, ..State::default() };
    let state = Arc::new(Mutex::new(state));
    (Pipe(Arc::clone(&state)), Peer(state))
}

impl Peer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Sends `bytes`, to be read by themselves.
    pub(super) fn send(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.sent.push_back(bytes.to_vec());
        wake(&mut state.reader);
    }

    /// Sends no more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        wake(&mut state.reader);
    }

    /// Lets so many more bytes through, `at_once` in a write.
    pub(super) fn allow(&self, room: usize, at_once: usize) {
        let mut state = self.state();
        (state.room, state.at_once) = (room, at_once);
        wake(&mut state.writer);
    }

    /// Bytes that were sent and not read.
    pub(super) fn unread(&self) -> usize {
        self.state().sent.iter().map(Vec::len).sum()
    }

    /// Bytes received so far.
    pub(super) fn received(&self) -> Vec<u8> {
        self.state().received.clone()
    }

    /// Whether the connection has closed its side.
    pub(super) fn ended(&self) -> bool {
        self.state().ended
    }

    /// Waits until `holds`, which is asked again whenever something has happened.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let seen = std::future::poll_fn(|context| {
            if holds(self) {
                return Poll::Ready(());
            }
            self.state().watcher = Some(context.waker().clone());
            if holds(self) { Poll::Ready(()) } else { Poll::Pending }
        });
        let patience = std::time::Duration::from_secs(20);
        tokio::time::timeout(patience, seen).await.expect("it comes to hold");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut state = self.state();
        state.closed = true;
        state.room = 0;
        state.ended = true;
        wake(&mut state.reader);
        wake(&mut state.writer);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut state = self.0.lock().unwrap();
        state.ended = true;
        wake(&mut state.watcher);
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock().unwrap();
        let Some(mut bytes) = state.sent.pop_front() else {
            if state.closed {
                return Poll::Ready(Ok(()));
            }
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        let count = bytes.len().min(buffer.remaining());
        let rest = bytes.split_off(count);
        buffer.put_slice(&bytes);
        if !rest.is_empty() {
            state.sent.push_front(rest);
        }
        wake(&mut state.watcher);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        if state.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(state.room).min(state.at_once);
        if count == 0 {
            state.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        if state.room != usize::MAX {
            state.room -= count;
        }
        state.received.extend_from_slice(&bytes[..count]);
        wake(&mut state.watcher);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock().unwrap();
        state.ended = true;
        wake(&mut state.watcher);
        Poll::Ready(Ok(()))
    }
}

impl Transport for Pipe {}
