//! What HTTP requires of a response, once, for every backend and every way of answering.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
};

use crate::{Error, RequestHead, ResponseHead, Result};

/// How far a response has got, and what is still owed to its head.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    state: State,
    /// Bytes still owed to a declared Content-Length.
    owed: Option<u64>,
    /// No body is sent, whatever the application writes: HEAD, 204, 304 (RFC 9110, 6.4.1).
    bodiless: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    #[default]
    Idle,
    Started,
    Finished,
}

impl Outgoing {
    /// Takes the head; called once. Fields that may not be sent are refused or removed.
    pub(crate) fn begin(&mut self, request: &RequestHead, head: &mut ResponseHead) -> Result<()> {
        if self.state != State::Idle {
            return Err(Error::application("response started twice"));
        }
        if head.status.is_informational() {
            return Err(Error::application("an interim status (1xx) cannot be the response"));
        }
        if let Some(reason) = &head.reason
            && !reason.iter().all(|&byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
        {
            return Err(Error::application("a reason phrase with control characters"));
        }
        self.owed = content_length(&head.headers)?;
        self.bodiless = request.method == Method::HEAD
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if head.status == StatusCode::NO_CONTENT {
            head.headers.remove(CONTENT_LENGTH); // RFC 9110, 8.6
        }
        self.state = State::Started;
        Ok(())
    }

    /// Takes a piece of the body and gives back what of it may be sent, with the error that the
    /// rest is.
    pub(crate) fn admit(&mut self, mut chunk: Bytes) -> (Bytes, Option<Error>) {
        if self.state != State::Started {
            let error = Error::application("body written before the head or after the end");
            return (Bytes::new(), Some(error));
        }
        if self.bodiless {
            return (Bytes::new(), None);
        }
        let Some(owed) = self.owed else { return (chunk, None) };
        let size = chunk.len() as u64;
        if size <= owed {
            self.owed = Some(owed - size);
            return (chunk, None);
        }
        // `owed` is smaller than a length in memory here.
        chunk.truncate(usize::try_from(owed).unwrap_or(usize::MAX));
        self.owed = Some(0);
        (chunk, Some(Error::application("body longer than its Content-Length")))
    }

    /// Takes `length` bytes that go out by another way than [`admit`](Self::admit); `false` when
    /// they would not fit.
    pub(crate) fn reserve(&mut self, length: u64) -> bool {
        match self.owed {
            None => self.state == State::Started,
            Some(owed) if length <= owed => {
                self.owed = Some(owed - length);
                self.state == State::Started
            }
            Some(_) => false,
        }
    }

    /// Gives back what [`reserve`](Self::reserve) took.
    pub(crate) fn restore(&mut self, length: u64) {
        self.owed = self.owed.map(|owed| owed + length);
    }

    /// Ends the body.
    pub(crate) fn finish(&mut self) -> Result<()> {
        match self.state {
            State::Idle => return Err(Error::application("response finished before it started")),
            State::Finished => return Err(Error::application("response finished twice")),
            State::Started => self.state = State::Finished,
        }
        match self.owed {
            Some(1..) if !self.bodiless => {
                Err(Error::application("body shorter than its Content-Length"))
            }
            _ => Ok(()),
        }
    }

    /// Declares the length of a body that a bodiless response stands for, where none is declared.
    pub(crate) fn declare(head: &mut ResponseHead, length: usize) {
        let stands_for_one = !matches!(head.status.as_u16(), 204 | 304);
        if stands_for_one && length > 0 && !head.headers.contains_key(CONTENT_LENGTH) {
            head.headers.insert(CONTENT_LENGTH, length.into());
        }
    }

    /// Whether the head declares a length.
    pub(crate) fn declared(&self) -> bool {
        self.owed.is_some()
    }

    pub(crate) fn started(&self) -> bool {
        self.state != State::Idle
    }

    pub(crate) fn finished(&self) -> bool {
        self.state == State::Finished
    }

    pub(crate) fn bodiless(&self) -> bool {
        self.bodiless
    }

    /// Whether every byte that may be sent has been.
    pub(crate) fn complete(&self) -> bool {
        self.bodiless || self.owed == Some(0)
    }
}

/// The declared length, if there is one and only one, and no field is the connection's.
///
/// One walk over the few fields of a response beats looking them up in the map.
fn content_length(headers: &HeaderMap) -> Result<Option<u64>> {
    let mut length = None;
    for (name, value) in headers {
        if name == CONTENT_LENGTH {
            let declared = digits(value).ok_or(Error::application("malformed Content-Length"))?;
            if length.replace(declared).is_some() {
                return Err(Error::application("repeated Content-Length"));
            }
        } else if is_hop_by_hop(name) {
            return Err(Error::application(format!("hop-by-hop field {name:?} is the server's")));
        }
    }
    Ok(length)
}

/// Whether a field belongs to the connection and not to the message (RFC 9110, 7.6.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
    name == CONNECTION
        || name == TRANSFER_ENCODING
        || name == UPGRADE
        || name == TE
        || name == TRAILER
        || name == KEEP_ALIVE
        || name == PROXY_CONNECTION
}

/// Digits only: `u64::from_str` would take a plus sign.
fn digits(value: &HeaderValue) -> Option<u64> {
    let text = value.as_bytes();
    let add = |sum: u64, byte: &u8| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    };
    if text.is_empty() { None } else { text.iter().try_fold(0, add) }
}

/// The length a request declares; `Err` for a malformed one.
pub(crate) fn declared_length(headers: &HeaderMap) -> Result<Option<u64>> {
    match headers.get(CONTENT_LENGTH) {
        None => Ok(None),
        Some(value) => {
            digits(value).map(Some).ok_or(Error::bad_request("malformed Content-Length"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(
        method: Method,
        status: u16,
        length: Option<&'static str>,
    ) -> (Outgoing, ResponseHead) {
        let request = RequestHead { method, ..RequestHead::default() };
        let mut head = ResponseHead::new(StatusCode::from_u16(status).unwrap());
        if let Some(length) = length {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static(length));
        }
        let mut outgoing = Outgoing::default();
        outgoing.begin(&request, &mut head).unwrap();
        (outgoing, head)
    }

    #[test]
    fn a_body_is_cut_at_its_length() {
        let (mut outgoing, _) = begun(Method::GET, 200, Some("5"));
        let (sent, error) = outgoing.admit(Bytes::from_static(b"123456"));
        assert_eq!(sent, "12345");
        assert!(matches!(error, Some(Error::Application(_))));
        assert!(outgoing.finish().is_ok());
    }

    #[test]
    fn a_short_body_is_an_error() {
        let (mut outgoing, _) = begun(Method::GET, 200, Some("5"));
        outgoing.admit(Bytes::from_static(b"123"));
        assert!(outgoing.finish().is_err());
    }

    #[test]
    fn head_and_304_carry_nothing() {
        for (method, status) in [(Method::HEAD, 200), (Method::GET, 304), (Method::GET, 204)] {
            let (mut outgoing, _) = begun(method, status, Some("5"));
            assert_eq!(outgoing.admit(Bytes::from_static(b"12345678")).0, "");
            assert!(outgoing.finish().is_ok());
        }
    }

    #[test]
    fn a_204_declares_no_length() {
        let (_, head) = begun(Method::GET, 204, Some("5"));
        assert!(head.headers.is_empty());
    }

    #[test]
    fn what_is_the_servers_is_refused() {
        let request = RequestHead::default();
        for (name, value) in [
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("content-length", "+1"),
            ("content-length", "0x1"),
            ("content-length", ""),
        ] {
            let mut head = ResponseHead::default();
            head.headers.insert(name, HeaderValue::from_static(value));
            assert!(Outgoing::default().begin(&request, &mut head).is_err(), "{name}: {value}");
        }
        let mut head = ResponseHead::new(StatusCode::EARLY_HINTS);
        assert!(Outgoing::default().begin(&request, &mut head).is_err());
        let mut head = ResponseHead { reason: Some("a\r\nb".into()), ..ResponseHead::default() };
        assert!(Outgoing::default().begin(&request, &mut head).is_err());
    }

    #[test]
    fn the_order_is_kept() {
        let mut outgoing = Outgoing::default();
        assert!(outgoing.admit(Bytes::from_static(b"x")).1.is_some());
        assert!(outgoing.finish().is_err());
        let (mut outgoing, mut head) = begun(Method::GET, 200, None);
        assert!(outgoing.begin(&RequestHead::default(), &mut head).is_err());
        outgoing.finish().unwrap();
        assert!(outgoing.finish().is_err());
    }
}
