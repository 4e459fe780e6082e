//! What the service, the bodies and the wire of one connection tell each other.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{
        AtomicBool, AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

use http::{HeaderMap, StatusCode};
use narthex_core::{Error, Expired};

/// Facts of one connection that its service, its bodies and its wire share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    calls: AtomicU64,
    active: AtomicUsize,
    underscores: AtomicBool,
    close_soon: AtomicBool,
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
    refused: AtomicBool,
    refusal: Mutex<Option<(u64, StatusCode, &'static str)>>,
    body_refusal: Mutex<Option<(StatusCode, &'static str)>>,
}

impl Shared {
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

    /// Asks for another poll of the connection once everything has been sent.
    pub(super) fn await_drain(&self) {
        self.awaiting_drain.store(true, Relaxed);
    }

    /// Notes that everything has been sent; says whether somebody waited for it.
    pub(super) fn drained(&self) -> bool {
        if !self.awaiting_drain.load(Relaxed) {
            return false;
        }
        self.drains.fetch_add(1, Relaxed);
        self.awaiting_drain.swap(false, Relaxed)
    }

    /// Requests so far.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }

    pub(super) fn active(&self) -> bool {
        self.active.load(Relaxed) > 0
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
}

impl Ticket {
    /// The ticket of the next request.
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.active.fetch_add(1, Relaxed);
        Self { number: shared.calls.fetch_add(1, Relaxed) + 1, shared: Arc::clone(shared) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Which request of its connection it is, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.active.fetch_sub(1, AcqRel);
    }
}
