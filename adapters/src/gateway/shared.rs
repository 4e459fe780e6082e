//! What the driver of a connection, its calls and its clocks have in common.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, StatusCode, header::CONTENT_LENGTH};
use narthex_core::{
    Access, Answer, Body, Error, Expire, Expired, Forwarding, Overdue, RequestHead, RequestHeads,
    Result,
};

use super::{
    line::Line,
    protocol::{Broken, Ended, Event, Id, Protocol, Role, Told},
};
use crate::edge::{Doing, Look, Seat, Server, Transport};

/// One connection, shared.
pub(super) struct Shared<I, P> {
    pub(super) seat: Seat,
    pub(super) server: Arc<Server>,
    line: Mutex<Line<I, P>>,
    /// Who ends its requests from outside, as long as it has no others.
    pub(super) expiry: OnceLock<Weak<dyn Expire>>,
}

/// A request that the application can be called for.
pub(super) struct Ready {
    pub(super) number: u64,
    pub(super) head: Box<RequestHead>,
    /// `None`: the rest of the body comes while the application reads it.
    pub(super) body: Option<Bytes>,
}

impl<I: Transport, P: Protocol> Shared<I, P> {
    /// A connection over `io` whose calls look up every `patience`.
    pub(super) fn new(io: I, protocol: P, server: Arc<Server>, patience: Duration) -> Arc<Self> {
        let heads = RequestHeads::responder(server.site.mount.clone());
        Arc::new(Self {
            seat: Seat::new(patience),
            server,
            line: Mutex::new(Line::new(io, protocol, heads)),
            expiry: OnceLock::new(),
        })
    }

    /// Access to the line, for one operation.
    pub(super) fn line(&self) -> MutexGuard<'_, Line<I, P>> {
        // A panic under the lock can only come from the transport below; its state is then an
        // error of the transport's.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the peer has said; a request that the application can be called for now.
    pub(super) fn take(&self, line: &mut Line<I, P>, event: Event) -> Option<Ready> {
        match event {
            Event::Request { id, role, variables } => self.begin(line, id, role, variables),
            Event::Refused { id, status, reason } => {
                line.calls += 1;
                line.begin(id, None, false);
                self.refuse(line, line.calls, &Error::Refused(status, reason), None);
                None
            }
            Event::TurnedAway { id, how } => {
                line.turn_away(id, how);
                None
            }
            Event::Body { id, bytes } => {
                let running = line.of_id(id)?;
                running.body.take(bytes);
                self.arrived(line, id)
            }
            Event::BodyEnd { id } => {
                line.of_id(id)?.body.finish();
                self.arrived(line, id)
            }
            Event::Abort { id } => {
                match line.of_id(id).map(|running| running.number) {
                    Some(number) => line.abort(number),
                    None => line.turn_away(id, Ended::Failed),
                }
                None
            }
        }
    }

    fn begin(&self, line: &mut Line<I, P>, id: Id, role: Role, variables: Told) -> Option<Ready> {
        if line.closing {
            line.turn_away(id, Ended::Overloaded);
            return None;
        }
        line.calls += 1;
        let number = line.calls;
        let head = match self.head(&mut line.heads, variables, role, number) {
            Ok(head) => head,
            Err(error) => {
                line.begin(id, None, false);
                self.refuse(line, number, &error, None);
                return None;
            }
        };
        let bodiless = head.method == Method::HEAD;
        let declared = head.headers.get(CONTENT_LENGTH);
        let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
        let running = line.begin(id, declared, bodiless);
        if let Err(error) = self.server.site.admit(&head) {
            self.refuse(line, number, &error, Some(&head));
            return None;
        }
        running.head = Some(head);
        self.arrived(line, id)
    }

    /// Builds the head of a request.
    fn head(
        &self,
        heads: &mut RequestHeads,
        variables: Told,
        role: Role,
        number: u64,
    ) -> Result<Box<RequestHead>> {
        let site = &self.server.site;
        let mut head = match (variables, role) {
            (Told::Packed(variables), Role::Responder) => heads.next(number, variables)?,
            (Told::Packed(variables), Role::Authorizer) => {
                let role = (Bytes::from_static(b"FCGI_ROLE"), Bytes::from_static(b"AUTHORIZER"));
                Box::new(heads.head(variables.into_iter().chain([role]))?)
            }
            #[cfg(any(feature = "scgi", feature = "uwsgi"))]
            (Told::List(variables), _) => Box::new(heads.head(variables)?),
        };
        site.arrived(&mut head, u32::try_from(number - 1).unwrap_or(u32::MAX));
        if head.path_info().contains(&0) {
            return Err(Error::bad_request("a NUL in the path"));
        }
        if !site.trust.is_empty() {
            // The web server has told us whom it talks to: that may be a proxy itself.
            Forwarding::new(site, &head.connection).apply(site, &mut head);
        }
        Ok(head)
    }

    /// Looks whether enough of a request has arrived for the application to be called.
    fn arrived(&self, line: &mut Line<I, P>, id: Id) -> Option<Ready> {
        let limits = &self.server.site.limits;
        let running = line.of_id(id)?;
        running.head.as_ref()?;
        let number = running.number;
        if running.body.held() as u64 > limits.body_size {
            let head = running.head.take();
            self.refuse(line, number, &Error::BODY_TOO_LARGE, head.as_deref());
            return None;
        }
        let body = if running.body.is_whole() {
            Some(running.body.join())
        } else if running.body.has_ended() || running.body.least() > limits.body_prefetch as u64 {
            None
        } else {
            return None;
        };
        running.head.take().map(|head| Ready { number, head, body })
    }

    /// Answers for the application.
    fn refuse(
        &self,
        line: &mut Line<I, P>,
        number: u64,
        error: &Error,
        head: Option<&RequestHead>,
    ) {
        let site = &self.server.site;
        site.report(error, head);
        let Answer { head: mut out, body: Body::Whole(mut body) } = Answer::plain(error.status())
        else {
            return line.finish(number, Ended::Failed);
        };
        if let Some(head) = head {
            site.name_request(head, &mut out.headers);
            if head.method == Method::HEAD {
                body = Bytes::new();
            }
        }
        if site.journal.wants_access() {
            let client = head.map_or(&b""[..], |head| &head.connection.client.host);
            let mut access = Access::new(head, client, out.status.as_u16());
            access.bytes = body.len() as u64;
            access.response = Some(&out.headers);
            site.journal.access(&access);
        }
        // It is running: it was begun for this.
        let _ = line.respond(number, &out, body);
    }

    /// Ends a request from outside.
    pub(super) fn end(&self, overdue: &Overdue) -> Expired {
        let Answer { head, body: Body::Whole(mut body) } =
            Answer::plain(StatusCode::GATEWAY_TIMEOUT)
        else {
            return Expired::Left;
        };
        if overdue.bodiless {
            body = Bytes::new();
        }
        let answer = (!overdue.whole).then_some((&head, body));
        match self.line().expire(overdue.number, answer) {
            Some(true) => Expired::Answered,
            Some(false) => Expired::Cut,
            None => Expired::Left,
        }
    }
}

/// The most of a message that is told to a web server.
const TOLD: usize = 1024;

impl<I: Transport, P: Protocol> Shared<I, P> {
    /// Tells the web server what the log says of a request. Not to be called with the line locked:
    /// to write the message down may take the application's lock.
    fn tell_about(&self, number: u64, message: &dyn Display) {
        let told = told(&message.to_string());
        self.line().errors(number, told.as_bytes());
    }
}

/// `message` as a line of another log: how it begins and, of a traceback, how it ends.
fn told(message: &str) -> String {
    let mut lines = message.lines().filter(|line| !line.trim().is_empty());
    let (first, last) = (lines.next().unwrap_or_default(), lines.next_back());
    let line = last.map_or_else(|| first.to_owned(), |last| format!("{first}: {}", last.trim()));
    // Some web servers write it down as it is.
    let mut told = String::with_capacity(line.len());
    for character in line.chars() {
        if character.is_control() {
            told.extend(character.escape_default());
        } else {
            told.push(character);
        }
        if told.len() >= TOLD {
            break;
        }
    }
    told
}

impl<I: Transport, P: Protocol> Expire for Shared<I, P> {
    fn current(&self) -> u64 {
        self.line().calls
    }

    fn expire(&self, overdue: &Overdue) -> Expired {
        self.end(overdue)
    }

    fn tell(&self, message: &dyn Display) {
        let number = self.line().calls;
        self.tell_about(number, message);
    }
}

/// One of several requests on a connection, as who ends it from outside.
pub(super) struct Single<I, P> {
    pub(super) shared: Arc<Shared<I, P>>,
    pub(super) number: u64,
}

impl<I: Transport, P: Protocol> Expire for Single<I, P> {
    fn current(&self) -> u64 {
        self.number
    }

    fn expire(&self, overdue: &Overdue) -> Expired {
        self.shared.end(overdue)
    }

    fn tell(&self, message: &dyn Display) {
        self.shared.tell_about(self.number, message);
    }
}

impl<I: Transport, P: Protocol> Look for Shared<I, P> {
    fn look(&self, judge: &mut dyn FnMut(Doing, u64) -> bool) {
        let mut line = self.line();
        let (doing, progress) = self.doing(&line);
        if !judge(doing, progress) {
            return;
        }
        match doing {
            Doing::Head => line.break_off(Broken::new("a request that took too long to arrive")),
            Doing::Body => {
                let numbers: Vec<_> = line.running.iter().map(|running| running.number).collect();
                for number in numbers {
                    self.tire_of(&mut line, number);
                }
            }
            _ => {}
        }
        line.wake();
    }
}

impl<I: Transport, P: Protocol> Shared<I, P> {
    /// What the connection waits for, and a number that changes when it gets on.
    fn doing(&self, line: &Line<I, P>) -> (Doing, u64) {
        if self.seat.computing() {
            return (Doing::Application, 0);
        }
        if line.is_sending() {
            return (Doing::Writing, line.sent());
        }
        let waits = |running: &super::line::Running| {
            running.body.is_wanted() || (running.head.is_some() && !running.body.has_ended())
        };
        if line.running.iter().any(waits) {
            return (Doing::Body, line.received());
        }
        if !line.running.is_empty() {
            return (Doing::Application, 0);
        }
        if line.is_receiving() {
            return (Doing::Head, line.calls);
        }
        (Doing::Idle, line.received() + line.calls)
    }

    /// Waits no longer for the body of a request.
    fn tire_of(&self, line: &mut Line<I, P>, number: u64) {
        const REASON: &str = "request body took too long";
        let status = StatusCode::REQUEST_TIMEOUT;
        let Some(running) = line.request(number) else { return };
        if running.body.is_wanted() {
            running.body.refuse(status, REASON);
        } else if let Some(head) = running.head.take() {
            self.refuse(line, number, &Error::Refused(status, REASON), Some(&head));
        }
    }
}
