//! The bytes of one connection: guarded on the way in, gathered on the way out.

mod reading;
mod writing;

use std::{sync::Arc, task::Waker};

use http::StatusCode;
use narthex_core::Limits;

use super::{frames::Frames, shared::Shared};
use crate::{
    edge::{Awaited, HungUp, Transport, Wanted},
    guard::{Guard, Phase},
};

pub(super) use reading::{PREFACE, Protocol};

/// Bytes that may wait to be sent before writers are told to wait.
const ROOM: usize = 64 * 1024;
/// What an idle connection may keep of its buffers.
const KEPT: usize = 4 * 1024;
/// Stands in for a head that was refused, so that its answer comes in its turn.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\n\r\n";

/// What a [`Wire`](super::wire::Wire) guards. Locked for one operation at a time, by one task.
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

impl<I> Line<I> {
    /// Guards `io`.
    pub(super) fn new(io: I, limits: &Limits, shared: Arc<Shared>) -> Self {
        Self {
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
        }
    }

    /// Whether the client has hung up.
    pub(super) fn hung_up(&self) -> Option<HungUp>
    where
        I: Transport,
    {
        self.io.hung_up()
    }

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
}
