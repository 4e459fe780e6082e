//! The head of a response as a CGI host reads it (RFC 3875, 6.2.1 and 6.3), over whatever carries it.
//!
//! # What the hosts make of a response
//!
//! Seen with Apache 2.4 and lighttpd 1.4, by CGI, and the reason for what is done here:
//!
//! - `Location: /x` beside a 3xx or a 201 reaches the client as it is. Beside 200 Apache takes it
//!   for a local redirect (RFC 3875, 6.2.2) and answers with another resource, or, if it is
//!   absolute, with 302: so Location is withheld from a 200.
//! - `HAProxy` 2.6 takes `Location` after `Status` for one without a status, and answers 302 whatever
//!   the status was; before it, it is passed on as it is. Nobody else minds the order.
//! - A body without Content-Type is passed on without one by both, as the embedded server does;
//!   none is made up, although RFC 3875, 6.3.1, asks for one.

use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, LOCATION},
};
use narthex_core::ResponseHead;

/// What stands before the status (RFC 3875, 6.3.3).
pub(crate) const STATUS: &str = "Status: ";

/// Appends `head`, which `opening` opens, and the empty line that ends it, to `text`.
pub(crate) fn append(opening: &str, head: &ResponseHead, text: &mut Vec<u8>) {
    append_fields(opening, head, text);
    text.extend_from_slice(b"\r\n");
}

/// Appends the head of a response whose body is `length` bytes long; that is declared where `head`
/// does not and a response to `bodiless` requests or of its status may.
pub(crate) fn append_whole(
    opening: &str,
    head: &ResponseHead,
    length: usize,
    bodiless: bool,
    text: &mut Vec<u8>,
) {
    let declared = append_fields(opening, head, text);
    let stands_for_none = bodiless && length == 0;
    if !declared && !stands_for_none && !matches!(head.status.as_u16(), 204 | 304) {
        text.extend_from_slice(b"content-length: ");
        append_number(length, text);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
}

/// Appends status and fields; says whether Content-Length was among them.
fn append_fields(opening: &str, head: &ResponseHead, text: &mut Vec<u8>) -> bool {
    // HAProxy answers 302 where Location comes after the status.
    let early = opening == STATUS && head.status != StatusCode::OK;
    for location in head.headers.get_all(LOCATION).iter().filter(|_| early) {
        append_field(LOCATION.as_str(), location, text);
    }
    text.extend_from_slice(opening.as_bytes());
    text.extend_from_slice(head.status.as_str().as_bytes());
    text.push(b' ');
    text.extend_from_slice(head.reason());
    text.extend_from_slice(b"\r\n");
    let mut declared = false;
    for (name, value) in &head.headers {
        // Both would change the status: the first by its name, the second by what hosts make of it.
        if name == "status" || (name == LOCATION && (early || head.status == StatusCode::OK)) {
            continue;
        }
        declared |= name == CONTENT_LENGTH;
        append_field(name.as_str(), value, text);
    }
    declared
}

fn append_field(name: &str, value: &HeaderValue, text: &mut Vec<u8>) {
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b": ");
    text.extend_from_slice(value.as_bytes());
    text.extend_from_slice(b"\r\n");
}

/// Appends the decimal digits of `number`.
fn append_number(mut number: usize, text: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(head: &ResponseHead, length: usize, bodiless: bool) -> String {
        let mut text = Vec::new();
        append_whole(STATUS, head, length, bodiless, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_head_cannot_change_its_own_status() {
        let mut head = ResponseHead::new(StatusCode::OK);
        head.reason = Some("Fine".into());
        head.headers.insert("status", "404 Not Found".parse().unwrap());
        head.headers.insert(LOCATION, "/elsewhere".parse().unwrap());
        let mut text = Vec::new();
        append(STATUS, &head, &mut text);
        assert_eq!(text, b"Status: 200 Fine\r\n\r\n");
        text.clear();
        head.status = StatusCode::FOUND;
        head.headers.append("set-cookie", "a=1".parse().unwrap());
        head.headers.append("set-cookie", "b=2".parse().unwrap());
        let expected: &[u8] = b"location: /elsewhere\r\nStatus: 302 Fine\r\n\
            set-cookie: a=1\r\nset-cookie: b=2\r\n\r\n";
        append(STATUS, &head, &mut text);
        assert_eq!(text, expected);
    }

    #[test]
    fn a_length_is_declared_once() {
        let mut head = ResponseHead::default();
        for length in [0, 7, 10, 1_234_567_890] {
            let expected = format!("Status: 200 OK\r\ncontent-length: {length}\r\n\r\n");
            assert_eq!(whole(&head, length, false), expected);
        }
        assert_eq!(whole(&head, 0, true), "Status: 200 OK\r\n\r\n");
        head.headers.insert(CONTENT_LENGTH, 3.into());
        assert_eq!(whole(&head, 3, false), "Status: 200 OK\r\ncontent-length: 3\r\n\r\n");
        let none = ResponseHead::new(StatusCode::NO_CONTENT);
        assert_eq!(whole(&none, 0, false), "Status: 204 No Content\r\n\r\n");
    }
}
