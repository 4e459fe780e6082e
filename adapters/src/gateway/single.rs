//! Protocols that carry one request to a connection: variables, then a body of the length that they
//! say, and back nothing but the response.

use std::{borrow::Cow, fmt};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use narthex_core::{Capabilities, Capability, Limits, Variables};

use super::{
    head_limits::HeadLimits,
    protocol::{After, Broken, Ended, Event, Id, Protocol, Role, Told},
};
use crate::cgi_text;

/// What such a protocol can do.
pub(crate) const BASE: Capabilities = Capabilities::NONE
    .with(Capability::Persistent)
    .with(Capability::Duplex)
    .with(Capability::Multithread)
    .with(Capability::ReasonPhrase);

/// How such a protocol says the variables.
pub(crate) trait Head: Send + 'static {
    /// What stands before the status of a response.
    const OPENING: &'static str = cgi_text::STATUS;

    /// A head for a new connection.
    fn of(limits: HeadLimits) -> Self;

    /// Takes what it can off the front of `input`: all of it until the variables are whole, and
    /// nothing of what is behind them.
    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Variables>, BadHead>;

    /// Whether a byte has come.
    fn has_begun(&self) -> bool;
}

/// Why there is no request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BadHead {
    /// The bytes are not of the protocol; the words for the log.
    Foreign(Cow<'static, str>),
    /// The variables go past a limit.
    TooMuch(&'static str),
    /// They cannot be read.
    Malformed(&'static str),
}

impl fmt::Display for BadHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(what) => f.write_str(what),
            Self::TooMuch(what) | Self::Malformed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for BadHead {}

/// A connection by such a protocol.
#[derive(Debug)]
pub(crate) struct Single<H> {
    state: State<H>,
}

#[derive(Debug)]
enum State<H> {
    Head(H),
    /// So many bytes of the body are still to come; its end has not been told.
    Body(u64),
    /// What still comes is passed over.
    Over,
}

/// The request of a connection.
const ONLY: Id = 0;

impl<H: Head> Single<H> {
    /// The protocol of a new connection.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { state: State::Head(H::of(HeadLimits::of(limits))) }
    }

    /// What becomes of a request that has all its variables, or none of them.
    fn request(&mut self, head: Result<Variables, BadHead>) -> Result<Event, Broken> {
        let measured = head.and_then(|variables| Ok((body_length(&variables)?, variables)));
        let (status, reason) = match measured {
            Ok((length, variables)) => {
                self.state = State::Body(length);
                let variables = Told::List(variables);
                return Ok(Event::Request { id: ONLY, role: Role::Responder, variables });
            }
            Err(BadHead::Foreign(what)) => return Err(Broken::new(what)),
            Err(BadHead::TooMuch(reason)) => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason),
            Err(BadHead::Malformed(reason)) => (StatusCode::BAD_REQUEST, reason),
        };
        self.state = State::Over;
        Ok(Event::Refused { id: ONLY, status, reason })
    }
}

impl<H: Head> Protocol for Single<H> {
    const OPENING: &'static str = H::OPENING;

    fn next(&mut self, input: &mut BytesMut, _out: &mut Vec<u8>) -> Result<Option<Event>, Broken> {
        match &mut self.state {
            State::Head(head) => {
                let Some(head) = head.next(input).transpose() else { return Ok(None) };
                self.request(head).map(Some)
            }
            State::Body(0) => {
                self.state = State::Over;
                Ok(Some(Event::BodyEnd { id: ONLY }))
            }
            State::Body(_) if input.is_empty() => Ok(None),
            State::Body(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let bytes = input.split_to(input.len().min(most)).freeze();
                *left -= bytes.len() as u64;
                Ok(Some(Event::Body { id: ONLY, bytes }))
            }
            State::Over => {
                input.clear();
                Ok(None)
            }
        }
    }

    fn before(&mut self, _id: Id, length: usize, _out: &mut Vec<u8>) -> usize {
        length
    }

    fn end(&mut self, _id: Id, _how: Ended, _out: &mut Vec<u8>) -> After {
        self.state = State::Over;
        After::Close
    }

    /// Web servers close their side when their client has left, and never before.
    fn may_half_close(&self) -> bool {
        false
    }

    fn is_between_requests(&self) -> bool {
        match &self.state {
            State::Head(head) => !head.has_begun(),
            State::Body(_) => false,
            State::Over => true,
        }
    }
}

/// How long the body is: what all `CONTENT_LENGTH` say. Where there is none, or it is empty, there
/// is no body, since nothing else would end it.
fn body_length(variables: &Variables) -> Result<u64, BadHead> {
    let mut known: Option<&Bytes> = None;
    for (name, value) in variables {
        if name != "CONTENT_LENGTH" || value.is_empty() {
            continue;
        }
        if known.is_some_and(|known| known != value) {
            return Err(BadHead::Malformed("CONTENT_LENGTH is given twice"));
        }
        known = Some(value);
    }
    let Some(length) = known else { return Ok(0) };
    // Digits only: parse alone would take a plus sign.
    let digits = length.iter().all(u8::is_ascii_digit);
    let parsed = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
    parsed.filter(|_| digits).ok_or(BadHead::Malformed("malformed CONTENT_LENGTH"))
}

/// The text for a first byte that no peer of the protocol called `name` sends.
pub(crate) fn foreign(name: &str, byte: u8) -> BadHead {
    let hint = if byte.is_ascii_uppercase() { "; does the client speak HTTP?" } else { "" };
    BadHead::Foreign(format!("no {name} request{hint}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One byte: how many variables of the request are `CONTENT_LENGTH: 3`; 9 is no request.
    struct OneByte;

    impl Head for OneByte {
        fn of(_limits: HeadLimits) -> Self {
            Self
        }

        fn next(&mut self, input: &mut BytesMut) -> Result<Option<Variables>, BadHead> {
            let length = ("CONTENT_LENGTH".into(), "3".into());
            Ok(match input.split_to(input.len().min(1)).first() {
                None => None,
                Some(9) => return Err(BadHead::TooMuch("too much")),
                Some(8) => return Err(BadHead::Foreign("nonsense".into())),
                Some(&count) => Some(vec![length; count.into()]),
            })
        }

        fn has_begun(&self) -> bool {
            false
        }
    }

    fn events(bytes: &[u8]) -> (Vec<Event>, Single<OneByte>) {
        let mut connection = Single::<OneByte>::new(&Limits::default());
        let mut input = BytesMut::from(bytes);
        let mut out = Vec::new();
        let mut next = || connection.next(&mut input, &mut out).unwrap();
        let events = std::iter::from_fn(&mut next).collect();
        assert!(input.is_empty() && out.is_empty());
        (events, connection)
    }

    #[test]
    fn a_body_is_as_long_as_declared() {
        let (all, connection) = events(b"\x01abcdef");
        let [Event::Request { .. }, Event::Body { bytes, .. }, Event::BodyEnd { .. }] = &*all
        else {
            panic!("{all:?}");
        };
        assert_eq!(bytes, "abc");
        assert!(connection.is_between_requests());
        let (short, connection) = events(b"\x01ab");
        assert!(matches!(&*short, [Event::Request { .. }, Event::Body { .. }]));
        assert!(!connection.is_between_requests());
        let (none, _) = events(b"\0abc");
        assert!(matches!(&*none, [Event::Request { .. }, Event::BodyEnd { .. }]));
    }

    #[test]
    fn a_request_that_is_refused_is_passed_over() {
        let (all, _) = events(b"\x09abc");
        let [Event::Refused { status, .. }] = &*all else { panic!("{all:?}") };
        assert_eq!(status.as_u16(), 431);
        let mut connection = Single::<OneByte>::new(&Limits::default());
        let broken = connection.next(&mut BytesMut::from(&b"\x08"[..]), &mut Vec::new());
        assert_eq!(broken.unwrap_err().to_string(), "nonsense");
    }

    #[test]
    fn a_body_that_nobody_read_is_passed_over() {
        let (_, mut connection) = events(b"\x01a");
        assert_eq!(connection.end(ONLY, Ended::Complete, &mut Vec::new()), After::Close);
        let mut input = BytesMut::from(&b"bc"[..]);
        assert!(connection.next(&mut input, &mut Vec::new()).unwrap().is_none());
        assert!(input.is_empty());
    }

    #[test]
    fn lengths_are_digits_and_agree() {
        let length = |values: &[&'static str]| {
            let variable = |&value| (Bytes::from("CONTENT_LENGTH"), Bytes::from(value));
            body_length(&values.iter().map(variable).collect()).ok()
        };
        assert_eq!(length(&[]), Some(0));
        assert_eq!(length(&[""]), Some(0));
        assert_eq!(length(&["7", "", "7"]), Some(7));
        for bad in [["7", "8"], ["+5", ""], ["-1", ""], ["5 ", ""], ["99999999999999999999", ""]] {
            assert_eq!(length(&bad), None, "{bad:?}");
        }
    }
}
