//! What the service, the bodies and the wire of one connection tell each other.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
    task::Waker,
    time::Duration,
};

use http::{HeaderMap, StatusCode};
use narthex_core::{Error, Expired};

use crate::edge::Seat;

/// Facts of one connection that its service, its bodies and its wire share.
pub(super) struct Shared {
    pub(super) seat: Seat,
    calls: AtomicU64,
    active: AtomicUsize,
    /// Responses of HTTP/2 of which the client could have more, if it wanted.
    unread: AtomicUsize,
    underscores: AtomicBool,
    close_soon: AtomicBool,
    cut: AtomicBool,
    /// Its request was ended from outside, and the connection with it.
    expired: AtomicBool,
    /// Which the client was told by an answer.
    answered: AtomicBool,
    /// The server stops: the next answer is the last.
    leaving: AtomicBool,
    /// Each poll of the connection ends with a drain: not so where streams are tasks (HTTP/2).
    multiplexed: AtomicBool,
    drains: AtomicU64,
    awaiting_drain: AtomicBool,
    drain_waker: Mutex<Option<Waker>>,
    gone: AtomicBool,
    body_cut: AtomicBool,
    refused: AtomicBool,
    refusal: Mutex<Option<(u64, StatusCode, &'static str)>>,
    body_refusal: Mutex<Option<(StatusCode, &'static str)>>,
}

impl Shared {
    /// The facts of a new connection, whose calls look up every `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            seat: Seat::new(patience),
            calls: AtomicU64::new(0),
            active: AtomicUsize::new(0),
            unread: AtomicUsize::new(0),
            underscores: AtomicBool::new(false),
            close_soon: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            drains: AtomicU64::new(0),
            awaiting_drain: AtomicBool::new(false),
            drain_waker: Mutex::default(),
            gone: AtomicBool::new(false),
            body_cut: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            refusal: Mutex::default(),
            body_refusal: Mutex::default(),
        }
    }

    /// Why the request of `ticket` was refused by the guard, if it was.
    pub(super) fn refusal_of(&self, ticket: &Ticket) -> Option<(StatusCode, &'static str)> {
        if !self.refused.load(Acquire) {
            return None;
        }
        let refusal = *self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.filter(|refusal| refusal.0 == ticket.number).map(|(_, status, why)| (status, why))
    }

    /// What a failure to read a request body means.
    pub(super) fn body_error(&self) -> Error {
        let refusal = *self.body_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.map_or(Error::Disconnected, |(status, reason)| Error::Refused(status, reason))
    }

    /// Whether some field name had an underscore.
    pub(super) fn underscores(&self) -> bool {
        self.underscores.load(Relaxed)
    }

    /// Looks for underscores in the names of `headers`.
    pub(super) fn note_underscores(&self, headers: &HeaderMap) {
        if headers.keys().any(|name| name.as_str().contains('_')) {
            self.saw_underscore();
        }
    }

    /// Says that the connection will not be used again.
    pub(super) fn close_soon(&self) {
        self.close_soon.store(true, Relaxed);
    }

    /// Says that a response is cut, and the connection with it.
    pub(super) fn cut(&self) {
        self.cut.store(true, Relaxed);
    }

    /// Whether the end of the connection must not look like the end of a response.
    pub(super) fn is_cut(&self) -> bool {
        self.gathers() && self.cut.load(Relaxed)
    }

    /// Notes that the request was ended from outside, and the connection with it.
    pub(super) fn expire(&self, expired: Expired) {
        self.answered.store(expired == Expired::Answered, Relaxed);
        self.expired.store(true, Relaxed);
        self.close_soon();
    }

    /// What became of the request, if it was ended from outside.
    pub(super) fn expired(&self) -> Option<Expired> {
        let answered = self.answered.load(Relaxed);
        let expired = if answered { Expired::Answered } else { Expired::Cut };
        self.expired.load(Relaxed).then_some(expired)
    }

    /// Says that the next answer is to be the last, since the server stops.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Relaxed);
    }

    pub(super) fn leaves(&self) -> bool {
        self.leaving.load(Relaxed)
    }

    pub(super) fn closes_soon(&self) -> bool {
        self.close_soon.load(Relaxed)
    }

    /// Notes that each stream is a task of its own.
    pub(super) fn multiplex(&self) {
        self.multiplexed.store(true, Relaxed);
    }

    /// Notes that some field name had an underscore.
    pub(super) fn saw_underscore(&self) {
        self.underscores.store(true, Relaxed);
    }

    /// Whether what the bodies hand over is gathered, and sent after each poll of the connection.
    pub(super) fn gathers(&self) -> bool {
        !self.multiplexed.load(Relaxed)
    }

    /// How often everything that was gathered has been sent.
    pub(super) fn drains(&self) -> u64 {
        self.drains.load(Relaxed)
    }

    /// Asks for another poll of the connection, and to wake `waker`, once everything has been sent.
    pub(super) fn await_drain(&self, waker: Option<&Waker>) {
        if let Some(waker) = waker {
            *self.drain_waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
        }
        self.awaiting_drain.store(true, Relaxed);
    }

    /// Notes that everything has been sent; says whether somebody waited for it.
    pub(super) fn drained(&self) -> bool {
        if !self.awaiting_drain.load(Relaxed) {
            return false;
        }
        self.drains.fetch_add(1, Relaxed);
        let waiting = self.drain_waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waiting {
            waker.wake();
        }
        self.awaiting_drain.swap(false, Relaxed)
    }

    /// Notes that the connection has ended, `within` a request's body or not.
    pub(super) fn depart(&self, within: bool) {
        self.body_cut.store(within, Relaxed);
        self.gone.store(true, Release);
    }

    /// Whether the connection has ended within a body.
    pub(super) fn body_cut(&self) -> bool {
        self.gone() && self.body_cut.load(Relaxed)
    }

    /// Whether it has.
    pub(super) fn gone(&self) -> bool {
        self.gone.load(Acquire)
    }

    /// Requests so far.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }

    pub(super) fn active(&self) -> bool {
        self.active.load(Relaxed) > 0
    }

    /// Whether all that runs waits for an HTTP/2 client to take more.
    pub(super) fn all_unread(&self) -> bool {
        let active = self.active.load(Relaxed);
        active > 0 && active == self.unread.load(Relaxed)
    }

    pub(super) fn refuse_head(&self, number: u64, status: StatusCode, reason: &'static str) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((number, status, reason));
        self.refused.store(true, Release);
    }

    pub(super) fn refuse_body(&self, status: StatusCode, reason: &'static str) {
        self.body_refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert((status, reason));
        self.close_soon();
    }
}

/// Held by a request until its response is out.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    number: u64,
    unread: bool,
}

impl Ticket {
    /// The ticket of the next request.
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.active.fetch_add(1, Relaxed);
        Self {
            number: shared.calls.fetch_add(1, Relaxed) + 1,
            shared: Arc::clone(shared),
            unread: false,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Notes whether there is something of the response for the client to take.
    pub(super) fn offer(&mut self, something: bool) {
        if self.unread != something && !self.shared.gathers() {
            self.unread = something;
            if something {
                self.shared.unread.fetch_add(1, Relaxed);
            } else {
                self.shared.unread.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Which request of its connection it is, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How many requests came before on the connection.
    pub(super) fn earlier(&self) -> u32 {
        u32::try_from(self.number - 1).unwrap_or(u32::MAX)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.offer(false);
        self.shared.active.fetch_sub(1, AcqRel);
    }
}
