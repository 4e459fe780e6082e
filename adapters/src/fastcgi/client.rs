//! The web server's side of a FastCGI connection, without I/O.

use std::{fmt, mem};

use bytes::Bytes;
use narthex_core::{Packed, Variables};

use super::{
    pairs::{BadPairs, Pairs, pair},
    record::{self, Broken, Incoming, Input, ProtocolStatus, Reader, Stream},
};

/// The most variables that an application may say the values of; three are known.
const MOST_VALUES: usize = 16;

/// One connection to an application, with as many requests at once as it can take.
///
/// What is to be sent is appended to buffers of the caller, in the order of the calls.
#[derive(Debug, Default)]
pub struct Client {
    reader: Reader,
    /// The request of number `n + 1`, at `n`.
    requests: Vec<Request>,
    /// The variables of a request while they are written.
    variables: Vec<u8>,
}

/// What is known of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Request {
    /// It is free.
    None,
    /// Its answer is awaited.
    Running,
    /// Its end is awaited, and what comes before is of no interest.
    Aborted,
}

/// What an application has sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event<C = Bytes> {
    /// A piece of the response, never empty.
    Output {
        /// The request.
        id: u16,
        /// The piece.
        content: C,
    },
    /// A piece of what is to be logged, never empty.
    Log {
        /// The request.
        id: u16,
        /// The piece.
        content: C,
    },
    /// A request has ended, and its number is free.
    End {
        /// The request.
        id: u16,
        /// What a program would have exited with.
        application_status: u32,
        /// Whether the request was served at all.
        protocol_status: ProtocolStatus,
    },
    /// The answer to [`Client::ask`].
    Values(Variables),
    /// The application does not know this type of management record.
    UnknownType(u8),
}

/// Why a connection is of no more use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientError {
    /// What came is no record.
    Record(Broken),
    /// The values that were asked for cannot be read.
    Values(BadPairs),
    /// A record came that only web servers send.
    Direction,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record(_) => "the application sent what is no FastCGI record",
            Self::Values(_) => "the application sent values that cannot be read",
            Self::Direction => "the application sent a record that only web servers send",
        })
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Record(broken) => Some(broken),
            Self::Values(bad) => Some(bad),
            Self::Direction => None,
        }
    }
}

impl Client {
    /// A client for a new connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a request and sends its variables; the body is owed, be it empty.
    ///
    /// The number is the lowest that is free; `None` when 65535 requests are running. Without
    /// `keep` the application closes the connection after the answer.
    pub fn begin<'a>(
        &mut self,
        out: &mut Vec<u8>,
        role: u16,
        keep: bool,
        variables: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Option<u16> {
        self.begin_with(out, role, keep, |packed| {
            for (name, value) in variables {
                pair(packed, name, value);
            }
        })
    }

    /// Begins a request as [`begin`](Self::begin) does, with the variables that `write` appends by
    /// [`pair`] and [`field`](super::pairs::field).
    pub fn begin_with(
        &mut self,
        out: &mut Vec<u8>,
        role: u16,
        keep: bool,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<u16> {
        let free = self.requests.iter().position(|&request| request == Request::None);
        let index = free.unwrap_or(self.requests.len());
        let id = u16::try_from(index + 1).ok()?;
        match self.requests.get_mut(index) {
            Some(request) => *request = Request::Running,
            None => self.requests.push(Request::Running),
        }
        record::begin(out, id, role, keep);
        self.variables.clear();
        write(&mut self.variables);
        record::stream(out, Stream::Params, id, &self.variables);
        record::stream_end(out, Stream::Params, id);
        Some(id)
    }

    /// Awaits the answer to request `id` again: what [`begin`](Self::begin) wrote is sent once more, on
    /// another connection, which carries no other request.
    pub fn begin_again(&mut self, id: u16) {
        let index = usize::from(id).saturating_sub(1);
        self.reader = Reader::new();
        self.requests.clear();
        self.requests.resize(index + 1, Request::None);
        self.requests[index] = Request::Running;
    }

    /// Sends a piece of a request's body. Nothing, once the request has ended.
    pub fn body(&self, out: &mut Vec<u8>, id: u16, piece: &[u8]) {
        if self.request(id) == Request::Running {
            record::stream(out, Stream::Stdin, id, piece);
        }
    }

    /// Sends the end of a request's body. Nothing, once the request has ended.
    pub fn body_end(&self, out: &mut Vec<u8>, id: u16) {
        if self.request(id) == Request::Running {
            record::stream_end(out, Stream::Stdin, id);
        }
    }

    /// Gives a request up: [`Event::End`] is all that still comes of it.
    pub fn abort(&mut self, out: &mut Vec<u8>, id: u16) {
        if self.request(id) == Request::Running {
            self.requests[usize::from(id) - 1] = Request::Aborted;
            record::abort(out, id);
        }
    }

    /// Asks for the values of variables, such as `FCGI_MPXS_CONNS`.
    pub fn ask(&self, out: &mut Vec<u8>, names: &[&[u8]]) {
        record::get_values(out, names);
    }

    /// The next thing that the application says with what is at the front of `input`.
    ///
    /// `Ok(None)` means that more must arrive; `input` is empty then.
    ///
    /// # Errors
    /// [`ClientError`]: no request that is running will be answered.
    pub fn next<I: Input>(
        &mut self,
        input: &mut I,
    ) -> Result<Option<Event<I::Content>>, ClientError> {
        while let Some(incoming) = self.reader.next(input).map_err(ClientError::Record)? {
            let event = self.event(incoming)?;
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Whether the application may close the connection here: no request is running, no record
    /// has begun.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running().next().is_none() && self.reader.between_records()
    }

    /// The requests that have not ended, those given up among them.
    pub fn running(&self) -> impl Iterator<Item = u16> {
        (1..=u16::MAX)
            .zip(&self.requests)
            .filter(|&(_, request)| *request != Request::None)
            .map(|(id, _)| id)
    }

    fn event<C>(&mut self, incoming: Incoming<C>) -> Result<Option<Event<C>>, ClientError> {
        Ok(match incoming {
            Incoming::Stream { kind: Stream::Stdout, id, content } => {
                (self.request(id) == Request::Running).then_some(Event::Output { id, content })
            }
            Incoming::Stream { kind: Stream::Stderr, id, content } => {
                (self.request(id) == Request::Running).then_some(Event::Log { id, content })
            }
            Incoming::End { id, application_status, protocol_status } => {
                let request = self.requests.get_mut(usize::from(id) - 1);
                let ended = request.map(|request| mem::replace(request, Request::None));
                ended.filter(|&request| request != Request::None).map(|_| Event::End {
                    id,
                    application_status,
                    protocol_status,
                })
            }
            Incoming::GetValuesResult { content } => {
                let mut values = Packed::new();
                // The record bounds the bytes.
                let mut pairs = Pairs::new(usize::MAX, MOST_VALUES);
                let read = pairs.feed(&content, &mut values).and_then(|()| pairs.finish());
                read.map_err(ClientError::Values)?;
                Some(Event::Values(values.into_iter().collect()))
            }
            Incoming::UnknownType { kind } => Some(Event::UnknownType(kind)),
            // The end of the output says nothing that the end of the request does not.
            Incoming::StreamEnd { kind: Stream::Stdout | Stream::Stderr, .. }
            | Incoming::Unknown { .. }
            | Incoming::Ignored => None,
            Incoming::Begin { .. }
            | Incoming::Abort { .. }
            | Incoming::Stream { .. }
            | Incoming::StreamEnd { .. }
            | Incoming::GetValues { .. } => return Err(ClientError::Direction),
        })
    }

    fn request(&self, id: u16) -> Request {
        let index = usize::from(id).checked_sub(1);
        index.and_then(|index| self.requests.get(index)).copied().unwrap_or(Request::None)
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::fastcgi::record::RESPONDER;

    const NO_VARIABLES: [(&[u8], &[u8]); 0] = [];

    /// Everything that `client` makes of `bytes`.
    fn events(client: &mut Client, bytes: &[u8]) -> Vec<Event> {
        let mut input = BytesMut::from(bytes);
        std::iter::from_fn(|| client.next(&mut input).unwrap()).collect()
    }

    fn output(id: u16, content: &'static [u8]) -> Event {
        Event::Output { id, content: Bytes::from_static(content) }
    }

    fn end(id: u16) -> Event {
        let protocol_status = ProtocolStatus::RequestComplete;
        Event::End { id, application_status: 0, protocol_status }
    }

    #[test]
    fn a_request_is_written_as_a_responder_reads_it() {
        let (mut client, mut out) = (Client::new(), Vec::new());
        let variables = [(&b"REQUEST_METHOD"[..], &b"POST"[..])];
        assert_eq!(client.begin(&mut out, RESPONDER, true, variables), Some(1));
        client.body(&mut out, 1, b"abc");
        client.body_end(&mut out, 1);
        let mut input = BytesMut::from(&*out);
        let mut reader = Reader::new();
        let read: Vec<_> = std::iter::from_fn(|| reader.next(&mut input).unwrap()).collect();
        let stream = |kind, content| Incoming::Stream { kind, id: 1, content };
        let expected = [
            Incoming::Begin { id: 1, role: RESPONDER, keep: true },
            stream(Stream::Params, Bytes::from_static(b"\x0e\x04REQUEST_METHODPOST")),
            Incoming::StreamEnd { kind: Stream::Params, id: 1 },
            stream(Stream::Stdin, Bytes::from_static(b"abc")),
            Incoming::StreamEnd { kind: Stream::Stdin, id: 1 },
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn requests_are_told_apart_and_their_numbers_used_again() {
        let (mut client, mut out) = (Client::new(), Vec::new());
        for id in 1..=3 {
            assert_eq!(client.begin(&mut out, RESPONDER, true, NO_VARIABLES), Some(id));
        }
        let mut answers = Vec::new();
        record::stream(&mut answers, Stream::Stdout, 2, b"two");
        record::stream(&mut answers, Stream::Stderr, 1, b"oh");
        record::stream(&mut answers, Stream::Stdout, 1, b"one");
        record::stream_end(&mut answers, Stream::Stdout, 2);
        record::end(&mut answers, 2, 0, ProtocolStatus::RequestComplete);
        let log = Event::Log { id: 1, content: Bytes::from_static(b"oh") };
        let expected = [output(2, b"two"), log, output(1, b"one"), end(2)];
        assert_eq!(events(&mut client, &answers), expected);
        assert_eq!(client.running().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(client.begin(&mut out, RESPONDER, true, NO_VARIABLES), Some(2));
        assert_eq!(client.begin(&mut out, RESPONDER, true, NO_VARIABLES), Some(4));
    }

    #[test]
    fn what_comes_after_an_abort_or_an_end_is_dropped() {
        let (mut client, mut out) = (Client::new(), Vec::new());
        client.begin(&mut out, RESPONDER, true, NO_VARIABLES);
        client.abort(&mut out, 1);
        let sent = out.len();
        client.abort(&mut out, 1);
        client.body(&mut out, 1, b"abc");
        client.body_end(&mut out, 1);
        client.body(&mut out, 0, b"abc");
        client.body(&mut out, 2, b"abc");
        assert_eq!(out.len(), sent);
        let mut answers = Vec::new();
        record::stream(&mut answers, Stream::Stdout, 1, b"late");
        record::end(&mut answers, 1, 0, ProtocolStatus::RequestComplete);
        record::stream(&mut answers, Stream::Stdout, 1, b"later");
        record::end(&mut answers, 1, 0, ProtocolStatus::RequestComplete);
        record::end(&mut answers, 9, 0, ProtocolStatus::RequestComplete);
        assert!(!client.is_idle());
        assert_eq!(events(&mut client, &answers), [end(1)]);
        assert!(client.is_idle());
    }

    #[test]
    fn a_request_can_be_made_on_another_connection() {
        let (mut client, mut out) = (Client::new(), Vec::new());
        client.begin(&mut out, RESPONDER, true, NO_VARIABLES);
        let mut answer = Vec::new();
        record::end(&mut answer, 1, 0, ProtocolStatus::RequestComplete);
        assert_eq!(events(&mut client, &answer), [end(1)]);
        assert_eq!(events(&mut client, &answer[..3]), []);
        client.begin_again(1);
        assert_eq!(client.running().collect::<Vec<_>>(), [1]);
        assert_eq!(events(&mut client, &answer), [end(1)]);
    }

    #[test]
    fn values_are_asked_for() {
        let (mut client, mut out) = (Client::new(), Vec::new());
        client.ask(&mut out, &[b"FCGI_MPXS_CONNS"]);
        assert_eq!(out[8..], b"\x0f\0FCGI_MPXS_CONNS\0\0\0\0\0\0\0"[..]);
        let mut answers = Vec::new();
        record::get_values_result(&mut answers, &[(b"FCGI_MPXS_CONNS", b"1")]);
        record::unknown_type(&mut answers, 99);
        let values = vec![(Bytes::from_static(b"FCGI_MPXS_CONNS"), Bytes::from_static(b"1"))];
        let expected = [Event::Values(values), Event::UnknownType(99)];
        assert_eq!(events(&mut client, &answers), expected);
    }

    #[test]
    fn nonsense_ends_the_connection() {
        let error = |bytes: &[u8]| Client::new().next(&mut BytesMut::from(bytes)).unwrap_err();
        assert_eq!(error(b"HTTP/1.1 "), ClientError::Record(Broken::Version(b'H')));
        let cut_short = b"\x01\x0a\0\0\0\x02\0\0\x05\x05";
        assert_eq!(error(cut_short), ClientError::Values(BadPairs::CutShort));
        for kind in [1, 2, 4, 5, 8, 9] {
            let content = if kind == 2 || kind == 9 { 0 } else { 8 };
            let id = u8::from(kind != 9);
            let record = [1, kind, 0, id, 0, content, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            assert_eq!(error(&record), ClientError::Direction, "type {kind}");
        }
    }

    #[test]
    fn there_are_65535_numbers() {
        let (mut client, mut out) = (Client::new(), Vec::new());
        client.requests = vec![Request::Running; 65534];
        assert_eq!(client.begin(&mut out, RESPONDER, true, NO_VARIABLES), Some(65535));
        assert_eq!(client.begin(&mut out, RESPONDER, true, NO_VARIABLES), None);
    }
}
