//! What an application says to a web server by FastCGI (specification 1.0).

use bytes::BytesMut;
use http::StatusCode;
use narthex_core::{Limits, Packed};

use super::{
    pairs::{BadPairs, Pairs, pair_names},
    record::{self, Incoming, ProtocolStatus, Reader, Stream},
};
use crate::gateway::{
    head_limits::HeadLimits,
    protocol::{After, Broken, Ended, Event, Id, Protocol, Role, Told},
};

/// What cuts a response: a record of a version that does not exist.
///
/// | what comes instead of the rest | nginx 1.22 | Apache 2.4 | lighttpd 1.4 | `HAProxy` 2.6 | Caddy 2.6 |
/// |---|---|---|---|---|---|
/// | `END_REQUEST` with a status | if long | no | if long | if long | if long |
/// | the end of the connection | no, or hangs | yes | yes | yes | if long |
/// | such a record, and the end | yes | hangs | yes | yes | if long |
///
/// "Yes": the client sees that its response is cut; "if long": where that declares its length. So
/// Apache's connections just end.
const NO_RECORD: [u8; 8] = [0; 8];

/// One connection of a web server.
#[derive(Debug)]
pub(crate) struct Responder {
    reader: Reader,
    requests: Vec<Request>,
    /// The peer is Apache, as far as it has said what it is.
    apache: Option<bool>,
    /// The peer has asked how many requests it may have running at once.
    multiplexes: bool,
    /// What is to be said before anything else is read.
    next: Option<Event>,
    most: HeadLimits,
    streams: u32,
}

#[derive(Debug)]
struct Request {
    id: Id,
    /// Whether the connection is kept after it.
    keep: bool,
    /// Something was written to its error stream.
    errors: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Params(Role, Pairs, Packed),
    Body,
    /// Nothing of it is read any more.
    Complete,
}

impl Responder {
    /// The protocol of a new connection.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            reader: Reader::new(),
            requests: Vec::new(),
            apache: None,
            multiplexes: false,
            next: None,
            most: HeadLimits::of(limits),
            streams: limits.streams,
        }
    }

    fn request(&mut self, id: Id) -> Option<&mut Request> {
        self.requests.iter_mut().find(|request| request.id == id)
    }

    /// What `incoming` amounts to, if it is anything to others.
    fn take(&mut self, incoming: Incoming, out: &mut Vec<u8>) -> Result<Option<Event>, Broken> {
        Ok(match incoming {
            Incoming::Begin { id, role, keep } => self.begin(id, role, keep)?,
            Incoming::Stream { kind: Stream::Params, id, content } => {
                self.request(id).and_then(|request| request.params(&content))
            }
            Incoming::StreamEnd { kind: Stream::Params, id } => self.end_params(id),
            Incoming::Stream { kind: Stream::Stdin, id, content } => {
                let request = self.request(id).filter(|it| matches!(it.state, State::Body));
                request.map(|_| Event::Body { id, bytes: content })
            }
            Incoming::StreamEnd { kind: Stream::Stdin, id } => {
                let request = self.request(id).filter(|it| matches!(it.state, State::Body));
                request.map(|request| {
                    request.state = State::Complete;
                    Event::BodyEnd { id }
                })
            }
            Incoming::Abort { id } => self.request(id).map(|_| Event::Abort { id }),
            Incoming::GetValues { content } => {
                self.tell(&content, out);
                None
            }
            Incoming::Unknown { kind } => {
                record::unknown_type(out, kind);
                None
            }
            // What a web server does not send, or what an application need not know.
            _ => None,
        })
    }

    fn begin(&mut self, id: Id, role: u16, keep: bool) -> Result<Option<Event>, Broken> {
        if self.request(id).is_some() {
            return Err(Broken::new(format!("a second FastCGI request of the id {id}")));
        }
        let how = match role {
            _ if self.requests.len() >= self.streams as usize => Err(Ended::Overloaded),
            record::RESPONDER => Ok(Role::Responder),
            record::AUTHORIZER => Ok(Role::Authorizer),
            _ => Err(Ended::UnknownRole),
        };
        let (state, event) = match how {
            Ok(role) => {
                let pairs = Pairs::new(self.most.bytes, self.most.count);
                (State::Params(role, pairs, Packed::new()), None)
            }
            Err(how) => (State::Complete, Some(Event::TurnedAway { id, how })),
        };
        self.requests.push(Request { id, keep, errors: false, state });
        Ok(event)
    }

    fn end_params(&mut self, id: Id) -> Option<Event> {
        let request = self.request(id)?;
        if !matches!(request.state, State::Params(..)) {
            return None;
        }
        match std::mem::replace(&mut request.state, State::Body) {
            State::Params(role, pairs, variables) => {
                if let Err(bad) = pairs.finish() {
                    return Some(request.refuse(bad));
                }
                self.apache.get_or_insert_with(|| is_apache(&variables));
                if role == Role::Authorizer {
                    // It is given no body (6.3): not every web server says so by an empty one.
                    if let Some(request) = self.request(id) {
                        request.state = State::Complete;
                    }
                    self.next = Some(Event::BodyEnd { id });
                }
                Some(Event::Request { id, role, variables: Told::Packed(variables) })
            }
            _ => None,
        }
    }

    /// Answers what was asked for, as far as it is known (4.1).
    fn tell(&mut self, asked: &[u8], out: &mut Vec<u8>) {
        let streams = self.streams.to_string();
        let known: [(&[u8], &[u8]); 3] = [
            (b"FCGI_MAX_CONNS", b"1024"),
            (b"FCGI_MAX_REQS", streams.as_bytes()),
            (b"FCGI_MPXS_CONNS", b"1"),
        ];
        let names = pair_names(asked);
        let values: Vec<_> =
            known.into_iter().filter(|(name, _)| names.iter().any(|asked| asked == name)).collect();
        self.multiplexes |= values.iter().any(|(name, _)| *name == b"FCGI_MPXS_CONNS");
        record::get_values_result(out, &values);
    }
}

/// Whether `variables` come from Apache.
fn is_apache(variables: &Packed) -> bool {
    let software = variables.iter().rev().find(|(name, _)| name == b"SERVER_SOFTWARE");
    software.is_some_and(|(_, value)| value.starts_with(b"Apache"))
}

impl Request {
    fn params(&mut self, content: &[u8]) -> Option<Event> {
        let State::Params(_, pairs, variables) = &mut self.state else { return None };
        pairs.feed(content, variables).err().map(|bad| self.refuse(bad))
    }

    fn refuse(&mut self, bad: BadPairs) -> Event {
        let (status, reason) = match bad {
            BadPairs::TooLong(_) => (431, "too many bytes of variables"),
            BadPairs::TooMany(_) => (431, "too many variables"),
            BadPairs::CutShort => (400, "a variable is cut short"),
        };
        self.state = State::Complete;
        let status = StatusCode::from_u16(status).expect("one of three");
        Event::Refused { id: self.id, status, reason }
    }
}

impl Protocol for Responder {
    fn next(&mut self, input: &mut BytesMut, out: &mut Vec<u8>) -> Result<Option<Event>, Broken> {
        if let Some(event) = self.next.take() {
            return Ok(Some(event));
        }
        loop {
            let incoming = self.reader.next(input).map_err(|it| Broken::new(it.to_string()))?;
            let Some(incoming) = incoming else { return Ok(None) };
            if let Some(event) = self.take(incoming, out)? {
                return Ok(Some(event));
            }
        }
    }

    fn before(&mut self, id: Id, length: usize, out: &mut Vec<u8>) -> usize {
        let length = length.min(record::LARGEST_CONTENT);
        let content = u16::try_from(length).expect("no more than the largest content");
        record::stream_header(out, Stream::Stdout, id, content);
        length
    }

    fn errors(&mut self, id: Id, text: &[u8], out: &mut Vec<u8>) {
        if let Some(request) = self.request(id)
            && !text.is_empty()
        {
            request.errors = true;
            record::stream(out, Stream::Stderr, id, text);
        }
    }

    fn end(&mut self, id: Id, how: Ended, out: &mut Vec<u8>) -> After {
        let Some(at) = self.requests.iter().position(|request| request.id == id) else {
            return After::KeepOpen;
        };
        let request = self.requests.swap_remove(at);
        let close = if request.keep { After::KeepOpen } else { After::Close };
        if how == Ended::Cut {
            if self.apache != Some(true) {
                out.extend_from_slice(&NO_RECORD);
            }
            return close;
        }
        if request.errors {
            record::stream_end(out, Stream::Stderr, id);
        }
        let (application, protocol) = match how {
            Ended::Complete | Ended::Cut => (0, ProtocolStatus::RequestComplete),
            Ended::Failed => (1, ProtocolStatus::RequestComplete),
            Ended::Overloaded => (0, ProtocolStatus::Overloaded),
            Ended::UnknownRole => (0, ProtocolStatus::UnknownRole),
        };
        if how == Ended::Complete {
            record::stream_end(out, Stream::Stdout, id);
        }
        record::end(out, id, application, protocol);
        close
    }

    fn may_half_close(&self) -> bool {
        false
    }

    fn multiplexes(&self) -> bool {
        self.multiplexes
    }

    fn is_between_requests(&self) -> bool {
        let arriving = |request: &Request| matches!(request.state, State::Params(..));
        self.reader.between_records() && !self.requests.iter().any(arriving)
    }
}
