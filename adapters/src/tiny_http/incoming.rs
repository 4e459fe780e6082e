//! The bytes of a client, guarded.

use std::time::Instant;

use narthex_core::Limits;

use super::LARGEST_BODY;
use crate::guard::{Guard, Phase, Refusal, Rest};

/// What a client sends, as far as it may be passed on.
pub(super) struct Incoming {
    pub(super) guard: Guard,
    /// Received, and not yet a whole head or line.
    held: Vec<u8>,
    /// When the client last sent anything.
    pub(super) last: Instant,
    /// Since when a head has been incomplete.
    pub(super) head: Option<Instant>,
}

impl Incoming {
    pub(super) fn new(limits: &Limits) -> Self {
        let guard = Guard::new(limits).longest_body(LARGEST_BODY as u64);
        Self { guard, held: Vec::new(), last: Instant::now(), head: None }
    }

    /// The number of requests that have been passed on to their ends.
    pub(super) fn whole(&self) -> u64 {
        self.guard.heads() - u64::from(self.guard.phase() == Phase::Body)
    }

    /// What may be passed on of all that has been received, and why nothing else ever will be.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (Vec<u8>, Option<Refusal>) {
        self.last = Instant::now();
        self.held.extend_from_slice(bytes);
        let inspection = self.guard.inspect(&self.held);
        let held = self.held.split_off(inspection.pass);
        let passed = std::mem::replace(&mut self.held, held);
        let in_head = self.guard.phase() == Phase::Head;
        self.head = if in_head && passed.is_empty() { self.head } else { None };
        if in_head {
            self.head.get_or_insert(self.last);
        }
        match inspection.rest {
            Rest::Refuse(refusal) => (passed, Some(refusal)),
            Rest::Nothing | Rest::Incomplete => (passed, None),
        }
    }
}
