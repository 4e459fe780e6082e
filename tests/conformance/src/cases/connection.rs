//! Connections that carry more than one request.

use std::{sync::atomic::Ordering::SeqCst, thread, time::Duration};

use crate::{
    End, Framing, Host, Request, Server, Way,
    script::{Script, pattern, received},
};

const GET: &[u8] = b"GET /deaf HTTP/1.1\r\nHost: a\r\n\r\n";

pub(crate) fn kept_alive_after_each_kind_of_body(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    for way in Way::ALL {
        for (method, script, status) in [
            ("GET", Script::new().piece("x").piece("y"), 200),
            ("GET", Script::new().length(2).piece("xy"), 200),
            ("GET", Script::new(), 200),
            ("HEAD", Script::new().piece("xy"), 200),
            ("HEAD", Script::new().length(2).piece("xy"), 200),
            ("GET", Script::new().status(204), 204),
            ("GET", Script::new().status(304).length(5), 304),
            ("GET", Script::new().status(404).piece("none"), 404),
        ] {
            let request = Request { method, ..script.get().way(way) };
            connection.send(request.bytes());
            connection.response(method).whole(status);
        }
        connection.send(Request::post("/count", "abc").way(way).bytes());
        connection.response("POST").received(b"abc");
    }
}

pub(crate) fn close_is_honoured(host: &dyn Host) {
    let server = Server::start(host);
    for value in ["close", "Close", "keep-alive, close"] {
        for way in Way::ALL {
            let mut connection = server.connect();
            let script = Script::new().piece("x");
            connection.send(script.get().way(way).field("Connection", value).bytes());
            let response = connection.response("GET").whole(200);
            assert_eq!(response.one("connection"), Some(&b"close"[..]));
            assert!(connection.closes(), "{value}, {way:?}");
        }
    }
}

pub(crate) fn http_1_0_is_closed(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    connection.send("GET /deaf HTTP/1.0\r\n\r\n");
    assert_eq!(connection.response("GET").whole(200).body, b"deaf");
    assert!(connection.closes());
}

pub(crate) fn http_1_0_keeps_alive_on_request(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    for _ in 0..2 {
        connection.send("GET /deaf HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let response = connection.response("GET").whole(200);
        assert_eq!(response.framing, Framing::Length);
        assert!(
            response.one("connection").is_some_and(|it| it.eq_ignore_ascii_case(b"keep-alive"))
        );
    }
}

pub(crate) fn http_1_0_never_sees_chunks(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::STREAMED {
        for keep_alive in ["", "Connection: keep-alive\r\n"] {
            let mut connection = server.connect();
            let target = Script::new().piece("one ").piece("two").target();
            let way = way.name();
            connection.send(format!("GET {target} HTTP/1.0\r\nWay: {way}\r\n{keep_alive}\r\n"));
            let response = connection.response("GET").whole(200);
            assert_eq!(response.body, b"one two");
            assert!(response.framing != Framing::Chunked);
            if response.framing == Framing::Close {
                let kept = response.one("connection");
                assert!(kept.is_none_or(|kept| kept.eq_ignore_ascii_case(b"close")));
            }
        }
    }
}

pub(crate) fn kept_alive_after_a_failure_before_the_head(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        for script in [Script::new().fail_early(), Script::new().panic_early()] {
            let mut connection = server.connect();
            connection.send(script.get().way(way).bytes());
            let response = connection.response("GET").whole(500);
            if response.one("connection") != Some(b"close") {
                connection.send(GET);
                assert_eq!(connection.response("GET").whole(200).body, b"deaf");
            }
        }
    }
}

/// What is beyond the Content-Length must not be taken for the next response.
pub(crate) fn kept_alive_after_a_cut_body(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let mut connection = server.connect();
        let script = Script::new().length(2).piece("ab").piece("HTTP/1.1 200 OK\r\n\r\n");
        connection.send([script.get().way(way).bytes(), GET.to_vec()].concat());
        assert_eq!(connection.response("GET").whole(200).body, b"ab");
        let next = connection.try_response("GET").expect("a response or the end");
        assert!(next.is_none_or(|next| next.body == b"deaf"));
    }
}

pub(crate) fn closed_after_a_failure_after_the_head(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::STREAMED {
        let mut connection = server.connect();
        let script = Script::new().piece("x").fail();
        connection.send([script.get().way(way).bytes(), GET.to_vec()].concat());
        assert_eq!(connection.response("GET").end, End::Truncated);
        assert!(connection.closes());
    }
}

/// What has been answered is answered, however the next response ends.
pub(crate) fn failure_takes_no_earlier_answer_along(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::STREAMED {
        let mut connection = server.connect();
        let broken = Script::new().piece("x").fail().get().way(way).bytes();
        connection.send([GET, GET, &broken].concat());
        for _ in 0..2 {
            assert_eq!(connection.response("GET").whole(200).body, b"deaf");
        }
        let last = connection.try_response("GET").expect("a response or the end");
        assert!(last.is_none_or(|last| last.end == End::Truncated));
    }
}

pub(crate) fn pipelined_in_order(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    let mut requests = Vec::new();
    for number in 0..40_usize {
        let way = Way::ALL[number % Way::ALL.len()];
        let piece = Script::new().piece(format!("answer {number}"));
        requests.extend(piece.get().way(way).bytes());
        requests.extend(Request::post("/count", pattern(number)).way(way).bytes());
    }
    connection.send_aside(requests);
    for number in 0..40 {
        let response = connection.response("GET").whole(200);
        assert_eq!(response.body, format!("answer {number}").as_bytes());
        assert_eq!(connection.response("POST").whole(200).body, received(&pattern(number)));
    }
    assert_eq!(server.probe.seen().len(), 80);
}

/// The next request is answered, or the connection is closed: the body is never taken for one.
pub(crate) fn body_left_unread(host: &dyn Host) {
    let server = Server::start(host);
    for length in [100, 100_000, 3_000_000] {
        let mut connection = server.connect();
        let smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".repeat(length / 30 + 1);
        connection.send_aside([Request::post("/deaf", &smuggled).bytes(), GET.to_vec()].concat());
        assert_eq!(connection.response("POST").whole(200).body, b"deaf");
        let next = connection.try_response("GET").expect("a response or the end");
        assert!(next.is_none_or(|next| next.whole(200).body == b"deaf"));
    }
    assert!(server.probe.seen().iter().all(|seen| !seen.contains("smuggled")));
}

/// What stands behind a body is the next request, however the body was read.
pub(crate) fn pipelined_behind_an_upload(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let body = pattern(3_000_000);
        let upload = Request::post("/count", &body).way(way).bytes();
        let mut connection = server.connect();
        connection.send_aside([&upload, GET, &upload, GET].concat());
        for _ in 0..2 {
            connection.response("POST").received(&body);
            assert_eq!(connection.response("GET").whole(200).body, b"deaf");
        }
    }
}

pub(crate) fn body_left_unread_and_never_sent(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    connection.send("POST /deaf HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nstart");
    assert_eq!(connection.response("POST").whole(200).body, b"deaf");
    server.exchange(&Request::get("/")).whole(200);
}

pub(crate) fn head_in_single_bytes(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    let request = Request::post("/count", "0123456789").field("X-A", "b").bytes();
    connection.dribble(&request, 1);
    connection.response("POST").received(b"0123456789");
    for at in 1..request.len() {
        connection.send(&request[..at]);
        thread::sleep(Duration::from_micros(200));
        connection.send(&request[at..]);
        connection.response("POST").received(b"0123456789");
    }
}

pub(crate) fn body_in_many_packets(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let mut connection = server.connect();
        let body = pattern(100_000);
        connection.dribble(Request::post("/count", &body).way(way).bytes(), 997);
        connection.response("POST").received(&body);
    }
}

/// However a client breaks off, it costs nobody else anything.
pub(crate) fn broken_off_at_every_byte(host: &dyn Host) {
    let server = Server::start(host);
    let request = Request::post("/count", "body").bytes();
    for at in 0..request.len() {
        let mut connection = server.connect();
        connection.send(&request[..at]);
        connection.reset();
        let mut connection = server.connect();
        connection.send(&request[..at]);
        connection.end();
        let answer = connection.try_response("POST").expect("a refusal or the end");
        assert!(answer.is_none_or(|answer| answer.status == 400), "at {at}");
    }
    server.exchange(&Request::get("/")).whole(200);
}

pub(crate) fn upgrade_is_ignored(host: &dyn Host) {
    let server = Server::start(host);
    for upgrade in ["h2c", "websocket", "TLS/1.0, HTTP/2.0"] {
        let request = Request::get("/deaf")
            .field("Connection", "Upgrade, HTTP2-Settings")
            .field("Upgrade", upgrade)
            .field("HTTP2-Settings", "AAMAAABkAAQAAP__");
        assert_eq!(server.exchange(&request).whole(200).body, b"deaf");
    }
}

pub(crate) fn half_closed_client_is_answered(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let mut connection = server.connect();
        connection.send(Request::post("/count", "abc").way(way).bytes());
        connection.end();
        connection.response("POST").received(b"abc");
        assert!(connection.closes());
    }
}

pub(crate) fn client_gone_before_its_body(host: &dyn Host) {
    let server = Server::start(host);
    for body in ["Content-Length: 100000\r\n\r\nstart", "Transfer-Encoding: chunked\r\n\r\n5\r\nst"]
    {
        let mut connection = server.connect();
        connection.send(format!("POST /count HTTP/1.1\r\nHost: a\r\n{body}"));
        connection.reset();
    }
    server
        .probe
        .until("nothing held", |probe| probe.held.load(SeqCst) == probe.released.load(SeqCst));
    server.exchange(&Request::get("/")).whole(200);
}

/// Fields of one request must not show up in the next.
pub(crate) fn head_is_released_before_the_next(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    connection.send(Request::get("/a?b").field("X-First", "1").field("Cookie", "c=d").bytes());
    let _ = connection.response("GET").view();
    connection.send(Request::get("/").bytes());
    let view = connection.response("GET").view();
    assert!(view.all("field x-first").is_empty() && view.all("field cookie").is_empty());
    assert_eq!(view.one("query"), "");
}

pub(crate) fn requests_run_side_by_side(host: &dyn Host) {
    let server = Server::start(host);
    let mut slow = server.connect();
    slow.send(Request::get("/gate").bytes());
    server.probe.until("a request waits", |probe| probe.waiting.load(SeqCst) == 1);
    for _ in 0..8 {
        server.exchange(&Request::get("/")).whole(200);
    }
    server.probe.open_the_gate();
    assert_eq!(slow.response("GET").whole(200).body, b"through");
}
