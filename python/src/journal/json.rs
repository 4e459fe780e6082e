//! Lines as JSON objects: ASCII only, whatever bytes a client has sent.

use std::fmt;

use http::{HeaderName, header};
use narthex_core::{Access, Level, RequestHead};

use super::{
    access::user,
    clock::Moment,
    line::{Line, PLAIN},
};

/// The members of an object being written.
struct Object<'a> {
    line: &'a mut Line,
    first: bool,
}

/// Writes the record of an answered request.
pub(super) fn access(access: &Access<'_>, ended: Moment, line: &mut Line) {
    let head = access.request;
    let field = |name: HeaderName| head.and_then(|head| head.headers.get(name));
    let mut object = Object::new(line);
    object.time(ended);
    let id = head.and_then(RequestHead::id);
    object.text("request_id", id.as_ref().map(|id| id.as_str().as_bytes()));
    object.text("client", Some(access.client).filter(|client| !client.is_empty()));
    object.text("user", head.and_then(user));
    object.text("method", head.map(|head| head.method.as_str().as_bytes()));
    object.text("target", head.map(RequestHead::target).as_deref());
    object.text("protocol", head.map(|head| head.protocol().as_bytes()));
    object.text("host", field(header::HOST).map(http::HeaderValue::as_bytes));
    object.number("status", u64::from(access.status));
    object.number("bytes", access.bytes);
    object.number("received", access.received);
    object.number("duration_us", u64::try_from(access.elapsed.as_micros()).unwrap_or(u64::MAX));
    object.text("referer", field(header::REFERER).map(http::HeaderValue::as_bytes));
    object.text("user_agent", field(header::USER_AGENT).map(http::HeaderValue::as_bytes));
    object.bare("complete", if access.complete { b"true" } else { b"false" });
    object.end();
}

/// Writes a line of the error log. Of several lines the first is the message, and the others are
/// the traceback.
pub(super) fn error(
    level: Level,
    request: Option<&RequestHead>,
    message: &dyn fmt::Display,
    now: Moment,
    line: &mut Line,
) {
    let message = message.to_string();
    let (first, traceback) = match message.split_once('\n') {
        Some((first, rest)) => (first, Some(rest)),
        None => (&message[..], None),
    };
    let mut object = Object::new(line);
    object.time(now);
    object.text("level", Some(level.as_str().as_bytes()));
    object.text("message", Some(first.as_bytes()));
    if let Some(id) = request.and_then(RequestHead::id) {
        object.text("request_id", Some(id.as_str().as_bytes()));
    }
    if let Some(traceback) = traceback {
        object.text("traceback", Some(traceback.as_bytes()));
    }
    object.end();
}

impl<'a> Object<'a> {
    fn new(line: &'a mut Line) -> Self {
        Self { line, first: true }
    }

    fn name(&mut self, name: &str) {
        self.line.text(if std::mem::take(&mut self.first) { b"{\"" } else { b",\"" });
        self.line.text(name.as_bytes());
        self.line.text(b"\":");
    }

    fn time(&mut self, moment: Moment) {
        self.name("time");
        self.line.text(b"\"");
        moment.rfc3339(self.line);
        self.line.text(b"\"");
    }

    fn text(&mut self, name: &str, value: Option<&[u8]>) {
        self.name(name);
        match value {
            None => self.line.text(b"null"),
            Some(value) => string(value, self.line),
        }
    }

    fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        self.line.number(value);
    }

    fn bare(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.line.text(value);
    }

    fn end(self) {
        self.line.text(b"}");
    }
}

/// Bytes as a string: what is not UTF-8 is read as Latin-1.
fn string(value: &[u8], line: &mut Line) {
    line.text(b"\"");
    if value.iter().all(|&byte| PLAIN[usize::from(byte)]) {
        line.text(value);
    } else {
        match std::str::from_utf8(value) {
            Ok(text) => text.chars().for_each(|character| escaped(character, line)),
            Err(_) => value.iter().for_each(|&byte| escaped(char::from(byte), line)),
        }
    }
    line.text(b"\"");
}

fn escaped(character: char, line: &mut Line) {
    match character {
        '"' => line.text(b"\\\""),
        '\\' => line.text(b"\\\\"),
        '\n' => line.text(b"\\n"),
        '\r' => line.text(b"\\r"),
        '\t' => line.text(b"\\t"),
        ' '..='~' => line.text(&[u8::try_from(character).unwrap_or(b'?')]),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                line.formatted(format_args!("\\u{unit:04x}"));
            }
        }
    }
}
