//! What no web server should send, and peers that stop or leave.

use std::{
    sync::atomic::Ordering::SeqCst,
    thread,
    time::{Duration, Instant},
};

use narthex_adapters::fastcgi::record::{self, FILTER, Incoming, ProtocolStatus, Stream};

use crate::{
    COMPLETE,
    application::Server,
    is_usable, pattern,
    peer::{Peer, Request, raw},
};

/// Fails unless the connection is closed, with this in the log, and the server goes on.
#[track_caller]
fn is_closed_for(bytes: impl AsRef<[u8]>, reason: &str) {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    peer.send(bytes);
    assert!(peer.closes());
    server.seen.logs(reason);
    is_usable(&mut Peer::connect(&server));
}

#[test]
fn a_body_that_ends_too_soon_ends_the_input() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let mut request = Request::post("/count", pattern(1000));
    request.body.truncate(400);
    peer.send(request.bytes());
    let answer = peer.answer(1);
    assert!(answer.end.is_some() && answer.end != COMPLETE, "{answer:?}");
    assert_eq!(server.seen.disconnects.load(SeqCst), 1);
    is_usable(&mut peer);
}

#[test]
fn fifty_clients_that_leave_are_survived() {
    let server = Server::start();
    let request = Request::post("/echo", pattern(20_000)).bytes();
    for number in 0..50 {
        let mut peer = Peer::connect(&server);
        peer.send(&request[..request.len() * number / 50]);
        if number % 2 == 0 {
            peer.reset();
        }
    }
    is_usable(&mut Peer::connect(&server));
}

#[test]
fn an_end_after_any_byte_is_survived() {
    let server = Server::start();
    let request = Request::post("/echo", "body").bytes();
    for end in 0..request.len() {
        Peer::connect(&server).send(&request[..end]);
    }
    is_usable(&mut Peer::connect(&server));
}

#[test]
fn a_length_of_two_gibibytes_costs_nothing() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let mut bytes = Vec::new();
    record::begin(&mut bytes, 1, record::RESPONDER, true);
    record::stream(&mut bytes, Stream::Params, 1, b"\x01\xff\xff\xff\xffA and little else");
    peer.send(bytes);
    let answer = peer.answer(1);
    assert!(answer.output.starts_with(b"Status: 431 "), "{answer:?}");
    assert_eq!(answer.end, COMPLETE);
    is_usable(&mut peer);
}

#[test]
fn more_variables_than_allowed_are_refused() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let mut request = Request::get("/");
    request.variables.extend(vec![(Vec::new(), Vec::new()); 100_000]);
    peer.send(request.bytes());
    assert!(peer.answer(1).output.starts_with(b"Status: 431 "));
    is_usable(&mut peer);
}

#[test]
fn an_unknown_type_is_said_to_be_unknown() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    for kind in [0, 12, 255] {
        peer.send(raw(kind, 0, b"whatever it says", 3));
        assert_eq!(peer.next(), Some(Incoming::UnknownType { kind }));
    }
    // One of a request cannot be answered.
    peer.send(raw(99, 1, b"whatever it says", 3));
    is_usable(&mut peer);
}

#[test]
fn an_unknown_role_is_refused() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    for role in [0, FILTER, 4] {
        peer.send(Request { role, ..Request::get("/") }.bytes());
        let answer = peer.answer(1);
        assert_eq!(answer.end, Some((0, ProtocolStatus::UnknownRole)), "{answer:?}");
        assert!(answer.output.is_empty());
    }
    is_usable(&mut peer);
}

#[test]
fn variables_that_are_cut_short_are_refused() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let mut bytes = Vec::new();
    record::begin(&mut bytes, 1, record::RESPONDER, true);
    record::stream(&mut bytes, Stream::Params, 1, b"\x0e\x03REQUEST_METHODGE");
    record::stream_end(&mut bytes, Stream::Params, 1);
    record::stream_end(&mut bytes, Stream::Stdin, 1);
    peer.send(bytes);
    assert!(peer.answer(1).output.starts_with(b"Status: 400 "));
    is_usable(&mut peer);
}

#[test]
fn another_version_ends_the_connection() {
    is_closed_for(b"\x02\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0", "version 2");
}

#[test]
fn http_ends_the_connection() {
    is_closed_for(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP");
}

#[test]
fn a_request_of_number_0_ends_the_connection() {
    is_closed_for(Request::get("/").id(0).bytes(), "id 0");
}

#[test]
fn a_number_that_is_taken_ends_the_connection() {
    let request = Request::post("/count", "abc");
    is_closed_for([request.head(), request.head()].concat(), "id 1");
}

#[test]
fn what_belongs_to_no_request_is_ignored() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    for kind in [4, 5, 6, 7, 8] {
        peer.send([raw(kind, 5, b"whatever it says", 0), raw(kind, 5, b"", 0)].concat());
    }
    is_usable(&mut peer);
}

/// The number that `grows` ends at: it has not grown for a while. All on the way stay below 16 MiB,
/// which is more than the kernel takes into its buffers on both sides.
#[track_caller]
fn stands_still(grows: impl Fn() -> usize) -> usize {
    let (mut last, mut since) = (0, Instant::now());
    while since.elapsed() < Duration::from_millis(200) {
        let now = grows();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(now < 16 << 20, "{now} bytes taken that nobody has read");
        thread::sleep(Duration::from_millis(5));
    }
    last
}

#[test]
fn a_peer_that_stops_reading_is_waited_for() {
    let server = Server::start();
    let mut peer = Peer::connect_narrow(&server);
    peer.send(Request::get("/endless").bytes());
    peer.next().expect("the start of the response");
    let taken = stands_still(|| server.seen.taken.load(SeqCst));
    is_usable(&mut Peer::connect(&server));
    // It goes on when the peer does.
    let goal = peer.received + taken + (1 << 20);
    while peer.received < goal {
        peer.next().expect("more of the response");
    }
    peer.reset();
}

#[test]
fn a_body_that_nobody_reads_is_waited_with() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let taken = peer.send_aside(Request::post("/gate", pattern(64 << 20)).bytes());
    server.seen.until_waiting(1);
    stands_still(|| taken.load(SeqCst));
    is_usable(&mut Peer::connect(&server));
    server.seen.open_the_gate();
    assert_eq!(peer.answer(1).body(), b"through");
}
