//! What a connection carries: one request after another, and several at once.

use std::sync::atomic::Ordering::SeqCst;

use narthex_adapters::fastcgi::record::{self, Incoming, ProtocolStatus, Stream};

use crate::{
    application::Server,
    is_usable, pattern,
    peer::{Peer, Request, raw},
};

#[test]
fn a_connection_that_is_not_kept_is_closed() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    peer.send(Request { keep: false, ..Request::get("/") }.bytes());
    assert_eq!(peer.answer(1).body(), b"here");
    assert!(peer.closes());
}

#[test]
fn a_connection_carries_one_request_after_another() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    for id in [1, 1, 65535] {
        peer.send(Request::post("/echo", "body").id(id).bytes());
        assert_eq!(peer.answer(id).body(), b"body");
    }
}

#[test]
fn a_body_that_nobody_reads_is_passed_over() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let request = Request::post("/", pattern(300_000)).bytes();
    for _ in 0..2 {
        let taken = peer.send_aside(request.clone());
        assert_eq!(peer.answer(1).body(), b"here");
        server.seen.until("all of it is taken", |_| taken.load(SeqCst) == request.len());
    }
}

#[test]
fn values_are_told_as_far_as_asked_for() {
    let server = Server::with("127.0.0.1:0", |site| site.limits.streams = 7);
    let mut peer = Peer::connect(&server);
    let mut asked = |names: &[&[u8]]| {
        let mut question = Vec::new();
        record::get_values(&mut question, names);
        peer.send(question);
        match peer.next() {
            Some(Incoming::GetValuesResult { content }) => content,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(asked(&[b"FCGI_MPXS_CONNS"]), &b"\x0f\x01FCGI_MPXS_CONNS1"[..]);
    assert_eq!(asked(&[b"FCGI_MAX_REQS", b"FCGI_WHO_KNOWS"]), &b"\x0d\x01FCGI_MAX_REQS7"[..]);
    assert_eq!(asked(&[]), &b""[..]);
    is_usable(&mut peer);
}

#[test]
fn interleaved_requests_are_both_served() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let one = Request::post("/echo", pattern(5000)).id(1);
    let two = Request::post("/echo", pattern(7000)).id(2);
    // Each cut where the other goes on, also within their variables.
    let (one_bytes, two_bytes) = (one.bytes(), two.bytes());
    let records = |bytes: &[u8]| {
        let length = |at: usize| 8 + usize::from(bytes[at + 4]) * 256 + usize::from(bytes[at + 5]);
        let mut ends = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let end = at + length(at) + usize::from(bytes[at + 6]);
            ends.push(bytes[at..end].to_vec());
            at = end;
        }
        ends
    };
    for (first, second) in records(&one_bytes).iter().zip(records(&two_bytes)) {
        peer.send(first);
        peer.send(second);
    }
    let (mut outputs, mut ended) = ([Vec::new(), Vec::new()], 0);
    while ended < 2 {
        match peer.next().expect("two answers") {
            Incoming::Stream { kind: Stream::Stdout, id, content } => {
                outputs[usize::from(id) - 1].extend_from_slice(&content);
            }
            Incoming::StreamEnd { .. } => {}
            Incoming::End { protocol_status: ProtocolStatus::RequestComplete, .. } => ended += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(outputs[0].ends_with(&one.body) && outputs[1].ends_with(&two.body));
    is_usable(&mut peer);
}

/// Once the peer has asked whether it may have several requests running, or has had them.
#[test]
fn a_slow_request_holds_up_no_other() {
    let asks = |peer: &mut Peer| {
        let mut question = Vec::new();
        record::get_values(&mut question, &[b"FCGI_MPXS_CONNS"]);
        peer.send(question);
        peer.next().expect("an answer");
    };
    let overlaps = |peer: &mut Peer| {
        let [one, two] = [1, 2].map(|id| Request::post("/count", "abc").id(id));
        peer.send([one.head(), two.bytes()].concat());
        assert_eq!(peer.answer(2).body(), b"3");
        peer.send([one.stdin(b"abc"), one.end()].concat());
        assert_eq!(peer.answer(1).body(), b"3");
    };
    for says_so in [asks, overlaps] {
        let server = Server::start();
        let mut peer = Peer::connect(&server);
        says_so(&mut peer);
        peer.send(Request::get("/gate").id(1).bytes());
        server.seen.until_waiting(1);
        for id in 2..5 {
            peer.send(Request::post("/count", "abc").id(id).bytes());
            assert_eq!(peer.answer(id).body(), b"3");
        }
        server.seen.open_the_gate();
        assert_eq!(peer.answer(1).body(), b"through");
    }
}

#[test]
fn too_many_requests_at_once_are_refused() {
    let server = Server::with("127.0.0.1:0", |site| site.limits.streams = 2);
    let mut peer = Peer::connect(&server);
    // Their bodies are awaited.
    let running = [1, 2].map(|id| Request::post("/count", "abc").id(id));
    for request in &running {
        peer.send(request.head());
    }
    peer.send(Request::post("/count", "abc").id(3).bytes());
    let answer = peer.answer(3);
    assert_eq!(answer.end, Some((0, ProtocolStatus::Overloaded)), "{answer:?}");
    for request in running {
        peer.send([request.stdin(b"abc"), request.end()].concat());
        assert_eq!(peer.answer(request.id).body(), b"3");
    }
    is_usable(&mut peer);
}

#[test]
fn an_abort_ends_its_request_and_no_more() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    for round in 1..=3 {
        // More than is awaited before the application is called.
        let request = Request::post("/count", pattern(500_000));
        peer.send(request.head());
        peer.send(request.stdin(&request.body[..100_000]));
        server.seen.until("it is read", |seen| seen.reading.load(SeqCst) == round);
        peer.send(raw(2, 1, b"", 0));
        let answer = peer.answer(1);
        assert!(answer.end.is_some() && answer.output.is_empty(), "{answer:?}");
        server.seen.until("the application is told", |seen| seen.disconnects.load(SeqCst) == round);
        // What is on its way is passed over.
        peer.send(request.stdin(&request.body[..1000]));
        is_usable(&mut peer);
    }
    // Of a request that nobody knows.
    peer.send(raw(2, 77, b"", 0));
    is_usable(&mut peer);
}

#[test]
fn an_abort_of_a_response_ends_it() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    peer.send(Request::get("/endless").bytes());
    peer.next().expect("the start of the response");
    peer.send(raw(2, 1, b"", 0));
    let mut answer = None;
    while answer.is_none() {
        if let Some(Incoming::End { application_status, .. }) = peer.next() {
            answer = Some(application_status);
        }
    }
    is_usable(&mut peer);
}
