//! The socket below a connection.
#![allow(unsafe_code, reason = "connections are structures of C")]

use std::{
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Request;
use crate::ffi;

/// For how long a client may send no more, and yet be thought to wait for its answer.
const HALF: Duration = Duration::from_secs(3);

/// Finds out whether the client of a request has gone.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    /// Since when it sends no more.
    silent: Option<Instant>,
}

impl Lookout {
    /// Whether it has, as far as can be told without reading.
    pub(crate) fn has_left(&mut self, request: &Request<'_>) -> bool {
        if request.is_aborted() {
            return true;
        }
        // SAFETY: the connection lives longer than its request.
        let Some(socket) = (unsafe { socket(request.record().connection) }) else { return false };
        let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::RDHUP)];
        if poll(&mut polled, Some(&Timespec::default())).is_err() {
            return false;
        }
        let seen = polled[0].revents();
        if seen.contains(PollFlags::RDHUP) {
            let silent = *self.silent.get_or_insert_with(Instant::now);
            return seen.intersects(PollFlags::HUP | PollFlags::ERR) || silent.elapsed() >= HALF;
        }
        seen.intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

impl<'r> Request<'r> {
    /// The socket of its connection, if it has one of its own.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'r>> {
        // SAFETY: the connection lives longer than its request.
        unsafe { socket(self.record().connection) }
    }
}

/// Has a connection end by a reset, as soon as its request is done with.
pub(super) fn reset_at_close(connection: &mut ffi::conn_rec) {
    // SAFETY: the connection lives.
    if let Some(socket) = unsafe { socket(connection) } {
        // Where that is refused, the connection is closed at least.
        let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
        connection.aborted = 1;
    }
}

/// The socket of a connection; a stream of HTTP/2 has none of its own, and that of its connection
/// belongs to another thread.
///
/// # Safety
/// `connection` is one, and lives for `'c`.
unsafe fn socket<'c>(connection: *mut ffi::conn_rec) -> Option<BorrowedFd<'c>> {
    // SAFETY: promised by the caller; the descriptor is open as long as the connection.
    unsafe {
        if !(*connection).master.is_null() {
            return None;
        }
        let socket = ffi::ap_get_conn_socket(connection);
        let mut descriptor = -1;
        let known = !socket.is_null() && ffi::apr_os_sock_get(&raw mut descriptor, socket) == 0;
        (known && descriptor >= 0).then(|| BorrowedFd::borrow_raw(descriptor))
    }
}
