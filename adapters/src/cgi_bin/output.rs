//! Reads what a CGI program writes (RFC 3875, 6), without I/O.

use std::{borrow::Cow, fmt};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, LOCATION, SET_COOKIE},
};
use narthex_core::ResponseHead;

use crate::cgi_head::{self, Search};

/// The most fields that a response may have.
const FIELDS: usize = 1000;

/// What a program answers.
#[derive(Debug)]
pub(super) enum Output {
    /// A response, of which the body follows (RFC 3875, 6.2.1, 6.2.3 and 6.2.4).
    Response(ResponseHead),
    /// Another path of this server is to answer (6.2.2), with these cookies.
    Elsewhere(Bytes, Vec<HeaderValue>),
}

/// Why the output of a program is no response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Bad {
    /// It ended before its head did.
    Ended(usize),
    /// Its head is longer than allowed.
    Long(usize),
    /// A line of its head is no field.
    Line(Vec<u8>),
    /// A field that may stand once stands twice.
    Twice(&'static str),
    /// The status is no status of a response.
    Status(Vec<u8>),
    /// Where it leads to is no address.
    Location(Vec<u8>),
    /// None of `Content-Type`, `Status` and `Location` is there.
    Nothing,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(0) => f.write_str("it wrote nothing"),
            Self::Ended(_) => {
                f.write_str("its output ended within the head: an empty line has to end it")
            }
            Self::Long(limit) => write!(f, "its head is longer than {limit} bytes"),
            Self::Line(line) => write!(f, "this line of its head is no field: {}", quoted(line)),
            Self::Twice(name) => write!(f, "its head has two {name} fields"),
            Self::Status(value) => write!(f, "this is no status of a response: {}", quoted(value)),
            Self::Location(value) => write!(f, "this is no location: {}", quoted(value)),
            Self::Nothing => f.write_str("its head has neither Content-Type, Status nor Location"),
        }
    }
}

/// The beginning of what a program wrote, for the log.
fn quoted(text: &[u8]) -> String {
    const MOST: usize = 100;
    let end = if text.len() > MOST { "…" } else { "" };
    format!("{:?}{end}", String::from_utf8_lossy(&text[..text.len().min(MOST)]))
}

/// Gathers the head of a program's output.
#[derive(Debug)]
pub(super) struct Head {
    gathered: BytesMut,
    search: Search,
    limit: usize,
}

impl Head {
    /// A head of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { gathered: BytesMut::new(), search: Search::default(), limit }
    }

    /// Takes the next piece; gives what the program answers, and the beginning of its body, once
    /// the head is there.
    ///
    /// # Errors
    /// It can be no response any more.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<Option<(Output, Bytes)>, Bad> {
        self.gathered.extend_from_slice(piece);
        let Some((head, whole)) = self.search.end(&self.gathered) else {
            let long = self.gathered.len() > self.limit;
            return if long { Err(Bad::Long(self.limit)) } else { Ok(None) };
        };
        if whole > self.limit {
            return Err(Bad::Long(self.limit));
        }
        let mut gathered = std::mem::take(&mut self.gathered).freeze();
        let body = gathered.split_off(whole);
        let output = read(&gathered[..head])?;
        Ok(Some((output, body)))
    }

    /// Why output that has ended here is no response.
    pub(super) fn ended(&self) -> Bad {
        Bad::Ended(self.gathered.len())
    }
}

/// Reads a head, without the empty line behind it.
fn read(head: &[u8]) -> Result<Output, Bad> {
    let mut response = ResponseHead::default();
    let mut status = None;
    for line in cgi_head::lines(head) {
        let (name, value) = field(line).ok_or_else(|| Bad::Line(line.to_vec()))?;
        if name == "status" {
            if status.replace(read_status(value.as_bytes())?).is_some() {
                return Err(Bad::Twice("Status"));
            }
            continue;
        }
        for (single, shown) in [(LOCATION, "Location"), (CONTENT_TYPE, "Content-Type")] {
            if name == single && response.headers.contains_key(&name) {
                return Err(Bad::Twice(shown));
            }
        }
        if response.headers.len() == FIELDS {
            return Err(Bad::Line(line.to_vec()));
        }
        response.headers.append(name, value);
    }
    match (status, response.headers.get(LOCATION)) {
        (Some((status, reason)), _) => (response.status, response.reason) = (status, reason),
        (None, Some(location)) if location.as_bytes().starts_with(b"/") => {
            return elsewhere(location.as_bytes(), &response.headers);
        }
        (None, Some(_)) => response.status = StatusCode::FOUND,
        (None, None) if !response.headers.contains_key(CONTENT_TYPE) => return Err(Bad::Nothing),
        (None, None) => {}
    }
    Ok(Output::Response(response))
}

/// A name and its value.
fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = cgi_head::field(line)?;
    Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
}

/// A status and its reason phrase.
fn read_status(value: &[u8]) -> Result<(StatusCode, Option<Bytes>), Bad> {
    let read = cgi_head::status(value);
    let read = read.and_then(|(code, reason)| Some((StatusCode::from_u16(code).ok()?, reason)));
    let (status, reason) = read.ok_or_else(|| Bad::Status(value.to_vec()))?;
    Ok((status, (!reason.is_empty()).then(|| Bytes::copy_from_slice(reason))))
}

/// A path and query of this server. What only a browser would mend is mended: spaces and bytes
/// beyond ASCII.
fn elsewhere(location: &[u8], headers: &HeaderMap) -> Result<Output, Bad> {
    let path = location.split(|&byte| byte == b'#').next().unwrap_or_default();
    let mut target = Vec::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'!'..=b'~' => target.push(byte),
            b' ' | 0x80.. => target.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => return Err(Bad::Location(location.to_vec())),
        }
    }
    let cookies = headers.get_all(SET_COOKIE).iter().cloned().collect();
    Ok(Output::Elsewhere(target.into(), cookies))
}

/// A line that a program wrote to its standard error, as text.
pub(super) fn text(line: &[u8]) -> Cow<'_, str> {
    let mut text = String::new();
    for chunk in line.utf8_chunks() {
        if chunk.invalid().is_empty() && text.is_empty() {
            return Cow::Borrowed(chunk.valid());
        }
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn whole(output: &[u8]) -> Result<(Output, Bytes), Bad> {
        let mut head = Head::new(8192);
        head.take(output).and_then(|found| found.ok_or_else(|| head.ended()))
    }

    fn response(output: &str) -> (ResponseHead, Bytes) {
        match whole(output.as_bytes()) {
            Ok((Output::Response(head), body)) => (head, body),
            other => panic!("{output:?}: {other:?}"),
        }
    }

    #[test]
    fn lines_end_with_either_line_end() {
        for output in [
            "Content-Type: text/plain\nX-A: 1\n\nbody\r\n",
            "Content-Type: text/plain\r\nX-A:1\r\n\r\nbody\r\n",
            "content-type:text/plain\r\nx-a: 1 \t\n\r\nbody\r\n",
        ] {
            let (head, body) = response(output);
            assert_eq!(head.status, 200);
            assert_eq!(head.headers["content-type"], "text/plain");
            assert_eq!(head.headers["x-a"], "1");
            assert_eq!(body, "body\r\n");
        }
    }

    #[test]
    fn a_status_is_no_field() {
        let (head, _) = response("Status: 404 Gone Fishing\n\n");
        assert_eq!((head.status.as_u16(), head.reason()), (404, &b"Gone Fishing"[..]));
        assert!(head.headers.is_empty());
        assert_eq!(response("Status: 299\n\n").0.status, 299);
        for status in ["", "20", "2000", "abc", "100 Continue", "099", "200OK", "-20"] {
            let outcome = whole(format!("Status: {status}\n\n").as_bytes());
            assert!(matches!(outcome, Err(Bad::Status(_))), "{status}: {outcome:?}");
        }
    }

    #[test]
    fn a_location_decides_who_answers() {
        let local = |text: &str| match whole(text.as_bytes()) {
            Ok((Output::Elsewhere(target, cookies), _)) => (target, cookies),
            other => panic!("{other:?}"),
        };
        assert_eq!(local("Location: /x?y=1\n\n").0, "/x?y=1");
        let (target, cookies) = local("Location: /a b/\u{e9}#part\nSet-Cookie: a=1\n\nbody");
        assert_eq!((&*target, cookies.len()), (&b"/a%20b/%C3%A9"[..], 1));
        assert_eq!(local("Location: //host/x\n\n").0, "//host/x");
        let (head, _) = response("Location: http://a.example/\n\n");
        assert_eq!(head.status, 302);
        assert_eq!(head.headers["location"], "http://a.example/");
        let (head, _) = response("Status: 303 See Other\nLocation: /x\n\n");
        assert_eq!(head.status, 303);
        assert_eq!(whole(b"Location: /a\tb\n\n").unwrap_err(), Bad::Location(b"/a\tb".to_vec()));
    }

    #[test]
    fn what_is_no_response_is_refused() {
        for (output, bad) in [
            (&b""[..], Bad::Ended(0)),
            (b"Content-Type: text/plain\n", Bad::Ended(25)),
            (b"\n", Bad::Nothing),
            (b"X-A: 1\n\nbody", Bad::Nothing),
            (b"hello\n\n", Bad::Line(b"hello".to_vec())),
            (b"A: 1\n folded\n\n", Bad::Line(b" folded".to_vec())),
            (b"A b: 1\n\n", Bad::Line(b"A b: 1".to_vec())),
            (b": 1\n\n", Bad::Line(b": 1".to_vec())),
            (b"A: 1\rB: 2\n\n", Bad::Line(b"A: 1\rB: 2".to_vec())),
            (b"A: 1\0\n\n", Bad::Line(b"A: 1\0".to_vec())),
            (b"HTTP/1.1 200 OK\nA: 1\n\n", Bad::Line(b"HTTP/1.1 200 OK".to_vec())),
            (b"Status: 200\nStatus: 200\n\n", Bad::Twice("Status")),
            (b"Location: /a\nLocation: /b\n\n", Bad::Twice("Location")),
            (b"Content-Type: a/b\nContent-Type: a/b\n\n", Bad::Twice("Content-Type")),
        ] {
            assert_eq!(whole(output).unwrap_err(), bad, "{}", output.escape_ascii());
        }
    }

    #[test]
    fn a_head_is_bounded() {
        let mut head = Head::new(100);
        assert!(head.take(&[b'x'; 100]).unwrap().is_none());
        assert_eq!(head.take(b"x").unwrap_err(), Bad::Long(100));
        let long = format!("A: {}\nStatus: 200\n\n", "x".repeat(100));
        assert_eq!(Head::new(100).take(long.as_bytes()).unwrap_err(), Bad::Long(100));
        let body = [b"Status: 200\n\n", &[b'x'; 200][..]].concat();
        assert_eq!(Head::new(100).take(&body).unwrap().unwrap().1.len(), 200);
        let fields = "A: 1\n".repeat(FIELDS + 1) + "\n";
        assert!(matches!(whole(fields.as_bytes()), Err(Bad::Line(_))));
    }

    #[test]
    fn text_keeps_what_is_no_text() {
        assert_eq!(text(b"plain \"quoted\" \xc3\xa9"), "plain \"quoted\" \u{e9}");
        assert_eq!(text(b"a\xffb\xc3"), "a\\xffb\\xc3");
        assert_eq!(text(b""), "");
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_output_comes(
            output in vec(prop_oneof![
                Just(b"Content-Type: a/b".to_vec()), Just(b"\n".to_vec()), Just(b"\r\n".to_vec()),
                Just(b"Status: 201 Made".to_vec()), Just(b"Location: /x".to_vec()),
                vec(any::<u8>(), 0..8),
            ], 0..8),
            cuts in vec(1_usize..9, 1..20),
        ) {
            let output = output.concat();
            let mut head = Head::new(8192);
            let mut found = Ok(None);
            let (mut rest, mut cuts) = (&output[..], cuts.into_iter().cycle());
            while !rest.is_empty() && matches!(found, Ok(None)) {
                let (piece, left) = rest.split_at(rest.len().min(cuts.next().unwrap()));
                found = head.take(piece);
                rest = left;
            }
            let pieces = found.and_then(|found| found.ok_or_else(|| head.ended()));
            let pieces = pieces.map(|(output, body)| {
                (format!("{output:?}"), [&body[..], rest].concat())
            });
            let at_once = whole(&output).map(|(output, body)| (format!("{output:?}"), body.to_vec()));
            prop_assert_eq!(pieces, at_once);
        }

        #[test]
        fn no_head_can_smuggle_a_line(output in vec(any::<u8>(), 0..200)) {
            if let Ok((Output::Response(head), _)) = whole(&output) {
                let values = head.headers.values().map(HeaderValue::as_bytes);
                for value in values.chain(head.reason.as_deref()) {
                    prop_assert!(!value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')));
                }
            }
        }
    }
}
