//! The call that one thread is in.

use std::{
    fmt,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use http::{HeaderMap, Method, StatusCode};
use narthex_core::{Access, Answer, Body, Exchange, Expired, Journal, Overdue, Quota, RequestHead};

use super::{HELD, Where};
use crate::hold::hold;

/// A place for the call that a thread is in. The thread writes it, the watcher reads it.
pub(super) struct Slot {
    /// What Python calls the thread; 0 if that is not known.
    pub(super) ident: u64,
    /// Held while a request is ended from outside, so that none can be that has just been answered.
    running: Mutex<Option<Running>>,
}

/// A call that has not returned.
pub(super) struct Running {
    number: u64,
    pub(super) at: Where,
    pub(super) begun: Instant,
    /// Since when it has neither taken nor given anything; `None` while it waits for its client.
    since: Option<Instant>,
    /// It has been found to be slow, and whether the log says so.
    found: bool,
    pub(super) reported: bool,
    pub(super) expired: Option<Expired>,
    subject: Subject,
    pub(super) name: Name,
}

/// What a call is made for.
pub(super) enum Subject {
    /// A request that has wholly arrived, and its number on its connection.
    Alone(Box<RequestHead>, u64),
    /// One that is still being read, or written piece by piece.
    Exchange(Weak<Exchange>),
}

/// A request as the log names it; made when it is needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Name(String);

/// A call that has just passed a limit.
pub(super) struct Passed {
    pub(super) slot: Arc<Slot>,
    pub(super) number: u64,
    pub(super) name: Name,
    pub(super) held: Duration,
    /// What became of the request; `None` if it is merely slow.
    pub(super) expired: Option<Expired>,
}

impl Subject {
    /// A request without an exchange. Its fields are kept only if somebody may answer in place of
    /// the application, and then has to log it.
    pub(super) fn alone(request: &RequestHead, wholly: bool) -> Self {
        let request = RequestHead {
            method: request.method.clone(),
            version: request.version,
            uri: request.uri.clone(),
            headers: if wholly { request.headers.clone() } else { HeaderMap::new() },
            connection: Arc::clone(&request.connection),
            gateway: request.gateway.clone(),
            arrival: request.arrival,
        };
        let number = match request.connection.expiry.find() {
            Some(connection) if wholly => connection.current(),
            _ => 0,
        };
        Self::Alone(Box::new(request), number)
    }

    fn name(&self) -> Name {
        match self {
            Self::Alone(request, _) => Name::of(request),
            Self::Exchange(exchange) => {
                exchange.upgrade().map(|it| Name::of(it.request())).unwrap_or_default()
            }
        }
    }

    /// Ends the request for its client.
    fn expire(&self, elapsed: Duration, journal: &dyn Journal) -> Expired {
        match self {
            Self::Alone(request, number) => {
                let overdue = Overdue::new(*number, request);
                let connection = request.connection.expiry.find();
                let expired = connection.map_or(Expired::Left, |it| it.expire(&overdue));
                record(request, expired, elapsed, journal);
                expired
            }
            Self::Exchange(exchange) => {
                let Some(exchange) = exchange.upgrade() else { return Expired::Left };
                let expired = exchange.expire();
                record(exchange.request(), expired, elapsed, journal);
                expired
            }
        }
    }
}

/// Writes the line of the access log for a request that was answered in place of its application.
fn record(request: &RequestHead, expired: Expired, elapsed: Duration, journal: &dyn Journal) {
    if expired != Expired::Answered || !journal.wants_access() {
        return;
    }
    let status = StatusCode::GATEWAY_TIMEOUT;
    let client = &request.connection.client.host;
    let mut access = Access::new(Some(request), client, status.as_u16());
    access.elapsed = elapsed;
    if let Body::Whole(body) = Answer::plain(status).body
        && request.method != Method::HEAD
    {
        access.bytes = body.len() as u64;
    }
    journal.access(&access);
}

impl Name {
    fn of(request: &RequestHead) -> Self {
        let target = request.target();
        let client = request.connection.client.host.escape_ascii();
        Self(format!("{} {}, {client}", request.method, target.escape_ascii()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Running {
    pub(super) fn new(number: u64, subject: Subject, at: Where) -> Self {
        let now = Instant::now();
        Self {
            number,
            at,
            begun: now,
            since: Some(now),
            found: false,
            reported: false,
            expired: None,
            subject,
            name: Name::default(),
        }
    }
}

impl Slot {
    pub(super) fn new(ident: u64) -> Self {
        Self { ident, running: Mutex::default() }
    }

    /// Puts another call, or none, in the place of the present one.
    pub(super) fn replace(&self, running: Option<Running>) -> Option<Running> {
        std::mem::replace(&mut *hold(&self.running), running)
    }

    pub(super) fn pause(&self) {
        if let Some(running) = &mut *hold(&self.running) {
            running.since = None;
        }
    }

    pub(super) fn resume(&self, now: Instant) {
        if let Some(running) = &mut *hold(&self.running) {
            running.since = Some(now);
        }
    }

    /// Whether there is a call.
    pub(super) fn is_busy(&self) -> bool {
        hold(&self.running).is_some()
    }

    /// Whether a call holds a thread that serves connections, and has done so for a while.
    pub(super) fn is_held(&self, now: Instant) -> bool {
        let running = hold(&self.running);
        running.as_ref().is_some_and(|running| {
            let since = running.since.filter(|_| running.at == Where::Inline);
            since.is_some_and(|since| now.saturating_duration_since(since) >= HELD)
        })
    }

    /// Whether the call of that number goes on.
    pub(super) fn is_in(&self, number: u64) -> bool {
        hold(&self.running).as_ref().is_some_and(|running| running.number == number)
    }

    /// Looks whether the call has passed a limit since the last look, and ends its request if that
    /// was the deadline.
    pub(super) fn look(
        self: &Arc<Self>,
        now: Instant,
        limits: super::Limits,
        quota: &mut Quota,
        journal: &dyn Journal,
    ) -> Option<Passed> {
        let mut running = hold(&self.running);
        let running = running.as_mut()?;
        let held = now.saturating_duration_since(running.since?);
        let over = |limit: Option<Duration>| limit.is_some_and(|limit| held >= limit);
        if running.expired.is_none() && over(limits.timeout) {
            running.expired = Some(running.subject.expire(running.begun.elapsed(), journal));
        } else if !running.found && running.expired.is_none() && over(limits.slow) {
            running.found = true;
            running.reported = quota.take(now);
            if !running.reported {
                return None;
            }
        } else {
            return None;
        }
        running.name = running.subject.name();
        Some(Passed {
            slot: Arc::clone(self),
            number: running.number,
            name: running.name.clone(),
            held,
            expired: running.expired,
        })
    }
}
