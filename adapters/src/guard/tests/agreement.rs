//! hyper, fed with what the guard passes, sees the messages that the guard saw.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::{body::Incoming, rt, server::conn::http1, service::service_fn};

use super::*;

/// A message as either of them sees it: its target and the size of its body as sent, or decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Message {
    target: Bytes,
    body: usize,
    whole: bool,
}

/// What the guard passes of `bytes`, and as which messages; byte by byte, so that it shows where
/// each begins.
fn guarded(bytes: &[u8]) -> (Bytes, Vec<Message>) {
    let mut guard = Guard::new(&narthex_core::Limits::default());
    let mut messages: Vec<Message> = Vec::new();
    let mut start = 0;
    for end in 1..=bytes.len() {
        let inspection = guard.inspect(&bytes[start..end]);
        let passed = &bytes[start..start + inspection.pass];
        start += inspection.pass;
        if guard.heads() > messages.len() as u64 {
            let target = passed.split(|byte| *byte == b' ').nth(1).unwrap();
            let whole = guard.phase() == Phase::Idle;
            messages.push(Message { target: Bytes::copy_from_slice(target), body: 0, whole });
        } else if let Some(message) = messages.last_mut() {
            message.body += passed.len();
            message.whole |= guard.phase() != Phase::Body;
        }
        if matches!(inspection.rest, Rest::Refuse(_)) {
            break;
        }
    }
    (Bytes::copy_from_slice(&bytes[..start]), messages)
}

/// A connection that has sent `input` and closed its end.
struct Memory {
    input: Bytes,
}

impl rt::Read for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let size = self.input.len().min(buffer.remaining());
        buffer.put_slice(&self.input[..size]);
        self.input.advance(size);
        Poll::Ready(Ok(()))
    }
}

impl rt::Write for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Empty;

impl Body for Empty {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

/// The messages that hyper sees in `bytes`.
fn served(bytes: Bytes) -> Vec<Message> {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let messages = Arc::clone(&messages);
        async move {
            let target = Bytes::from(request.uri().to_string());
            let mut message = Message { target, body: 0, whole: false };
            let mut body = pin!(request.into_body());
            loop {
                match std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
                    Some(Ok(frame)) => message.body += frame.data_ref().map_or(0, Bytes::len),
                    Some(Err(_)) => break,
                    None => {
                        message.whole = true;
                        break;
                    }
                }
            }
            messages.lock().unwrap().push(message);
            Ok::<_, Infallible>(Response::new(Empty))
        }
    });
    let mut builder = http1::Builder::new();
    let connection = builder.half_close(true).serve_connection(Memory { input: bytes }, service);
    // An error is where hyper sees no further message, which is all that matters here.
    let _ = narthex_core::block_on(connection);
    Arc::into_inner(messages).unwrap().into_inner().unwrap()
}

/// Asserts that hyper sees messages that the guard saw, in order and from the first on; it may
/// close the connection earlier. Returns how many.
fn agree(bytes: &[u8]) -> usize {
    let (passed, ours) = guarded(bytes);
    let theirs = served(passed.clone());
    assert!(theirs.len() <= ours.len(), "{}: {ours:?} {theirs:?}", bytes.escape_ascii());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let target = ours.target.split(|byte| *byte == b'#').next().unwrap();
        assert_eq!(plain(target), plain(&theirs.target), "{}", bytes.escape_ascii());
        assert_eq!(ours.whole, theirs.whole, "{}", bytes.escape_ascii());
        // Chunks have more bytes than what they carry.
        assert!(ours.body >= theirs.body, "{}: {ours:?} {theirs:?}", bytes.escape_ascii());
    }
    theirs.len()
}

/// `target` without what [`http::Uri`] changes: the case of a scheme, the slash of an empty path.
fn plain(target: &[u8]) -> Vec<u8> {
    target.to_ascii_lowercase().into_iter().filter(|byte| *byte != b'/').collect()
}

#[test]
fn hyper_sees_what_the_guard_saw() {
    let all = seeds().concat();
    assert_eq!(agree(&all), seeds().len());
    let mut random = Random(3);
    let seen: usize = (0..4000).map(|_| agree(&mutate(&mut random))).sum();
    assert!(seen > 2000, "{seen}");
}

#[test]
fn hyper_takes_the_largest_that_the_guard_passes() {
    let extensions = format!("1;{}\r\nx\r\n", "a".repeat(4095 - 4)).repeat(4);
    let trailer = format!("0\r\nX:{}\r\n\r\n", "x".repeat(16 * 1024 - 1 - 6));
    let body = chunked((extensions + &trailer).as_bytes());
    let digits = b"POST / HTTP/1.0\r\nContent-Length: 0000000000000000001\r\n\r\nx";
    let messages = served(Bytes::from(join(&[&body, digits])));
    let seen: Vec<_> = messages.iter().map(|message| (message.body, message.whole)).collect();
    assert_eq!(seen, [(4, true), (1, true)]);
    assert_eq!(agree(&join(&[&body, digits])), 2);
}
