//! Responses as bytes, for where no HTTP library writes them.

use std::time::SystemTime;

use http::{
    HeaderValue, StatusCode,
    header::{CONNECTION, DATE},
};
use narthex_core::{Answer, Body, ResponseHead};

/// The head of a response as it goes on the wire; `length` is declared where it is not 0.
pub(crate) fn written(head: &ResponseHead, length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(b"HTTP/1.1 ");
    text.extend_from_slice(head.status.as_str().as_bytes());
    text.push(b' ');
    text.extend_from_slice(head.reason());
    text.extend_from_slice(b"\r\n");
    let mut field = |name: &str, value: &[u8]| {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    };
    for (name, value) in &head.headers {
        field(name.as_str(), value.as_bytes());
    }
    if length > 0 {
        field("content-length", length.to_string().as_bytes());
    }
    if !head.headers.contains_key(DATE) {
        field("date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text
}

/// The whole plain response of `status` after which a connection ends.
pub(crate) fn last(status: StatusCode, bodiless: bool) -> Vec<u8> {
    let Answer { mut head, body } = Answer::plain(status);
    head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let Body::Whole(body) = body else { return Vec::new() };
    let mut message = written(&head, body.len());
    if !bodiless {
        message.extend_from_slice(&body);
    }
    message
}
