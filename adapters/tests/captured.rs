//! What nginx, Apache, lighttpd and `HAProxy` really send: the bytes that fuzzing starts from.
#![cfg(all(feature = "fastcgi", feature = "scgi", feature = "uwsgi"))]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{fs, path::Path};

use bytes::BytesMut;
use narthex_adapters::{
    fastcgi::{
        pairs::Pairs,
        record::{Incoming, Reader, Stream},
    },
    scgi::{self, HeadLimits},
    uwsgi,
};
use narthex_core::{Packed, Variables, request_from_variables};

const LIMITS: HeadLimits = HeadLimits { bytes: 1 << 16, count: 100 };

/// The files of a protocol, by name.
fn captured(protocol: &str) -> Vec<(String, BytesMut)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(protocol);
    let read = |file: fs::DirEntry| {
        let bytes = fs::read(file.path()).unwrap();
        (file.file_name().into_string().unwrap(), BytesMut::from(&*bytes))
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| read(file.unwrap())).collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    files
}

/// Fails unless `variables` and the length of a body are a request that was sent for the capture.
#[track_caller]
fn is_request(name: &str, variables: Variables, body: usize) {
    let head = request_from_variables(variables).unwrap();
    let posted = head.method == "POST";
    let raw = head.target();
    assert!(raw == &b"/app/a%2Fb?x=1&y=caf%C3%A9"[..] || raw == &b"/app/ab?x=1&y=caf%C3%A9"[..]);
    assert_eq!(head.headers["cookie"], "a=1; b=2", "{name}");
    assert_eq!(head.headers["x-long"].len(), 200, "{name}");
    assert_eq!(body, if posted { 116 } else { 0 }, "{name}");
    if posted {
        assert_eq!(head.headers["content-length"], "116", "{name}");
        assert_eq!(head.headers["content-type"], "application/x-www-form-urlencoded", "{name}");
    }
}

#[test]
fn fastcgi_requests_are_read() {
    for (name, mut input) in captured("fastcgi") {
        let mut reader = Reader::new();
        let (mut requests, mut body) = (0, 0);
        let mut pairs = Pairs::new(LIMITS.bytes, LIMITS.count);
        let mut variables = Packed::new();
        // One after the other, as it happens, also where several may be running.
        while let Some(incoming) = reader.next(&mut input).unwrap() {
            match incoming {
                Incoming::Stream { kind: Stream::Params, content, .. } => {
                    pairs.feed(&content, &mut variables).unwrap();
                }
                Incoming::StreamEnd { kind: Stream::Params, .. } => {
                    let read =
                        std::mem::replace(&mut pairs, Pairs::new(LIMITS.bytes, LIMITS.count));
                    read.finish().unwrap();
                }
                Incoming::Stream { kind: Stream::Stdin, content, .. } => body += content.len(),
                Incoming::StreamEnd { kind: Stream::Stdin, .. } => {
                    let told = std::mem::take(&mut variables).into_iter().collect();
                    is_request(&name, told, std::mem::take(&mut body));
                    requests += 1;
                }
                _ => {}
            }
        }
        assert!(reader.between_records(), "{name}");
        assert_eq!(requests > 0, name != "responder-answers", "{name}");
    }
}

#[test]
fn scgi_requests_are_read() {
    for (name, mut input) in captured("scgi") {
        let variables = scgi::Head::new(LIMITS).next(&mut input).unwrap().unwrap();
        is_request(&name, variables, input.len());
    }
}

#[test]
fn uwsgi_requests_are_read() {
    for (name, mut input) in captured("uwsgi") {
        let variables = uwsgi::Head::new(LIMITS).next(&mut input).unwrap().unwrap();
        is_request(&name, variables, input.len());
    }
}
