//! Chunked request bodies (RFC 9112, 7.1).

use std::fmt::Write;

use super::limits::limited;
use crate::{
    Host, Request, Server, Way,
    connection::Connection,
    script::{pattern, received},
};

pub(crate) fn head(way: Way) -> String {
    let way = way.name();
    format!("POST /count HTTP/1.1\r\nHost: a\r\nWay: {way}\r\nTransfer-Encoding: chunked\r\n\r\n")
}

pub(crate) fn chunked_body(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let mut connection = server.connect();
        connection.send(head(way) + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
        connection.response("POST").received(b"hello world");
        connection.send(head(way) + "0\r\n\r\n");
        connection.response("POST").received(b"");
    }
}

pub(crate) fn chunked_body_in_single_bytes(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let mut connection = server.connect();
        connection.dribble(head(way) + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 1);
        connection.response("POST").received(b"hello world");
        connection.send(Request::get("/deaf").bytes());
        assert_eq!(connection.response("GET").whole(200).body, b"deaf");
    }
}

pub(crate) fn chunked_sizes_and_extensions(host: &dyn Host) {
    let server = Server::start(host);
    let coding = "Transfer-Encoding: chunked";
    for (coding, body) in [
        (coding, "A\r\n0123456789\r\n0\r\n\r\n"),
        (coding, "a\r\n0123456789\r\n0\r\n\r\n"),
        (coding, "00000a\r\n0123456789\r\n000\r\n\r\n"),
        (coding, "a;name=value\r\n0123456789\r\n0;last\r\n\r\n"),
        (coding, "a;name=\"quoted; \\\" value\"\r\n0123456789\r\n0\r\n\r\n"),
        (coding, "a;a=b;c;d=\"e\"\r\n0123456789\r\n0\r\n\r\n"),
        ("transfer-encoding:chunked", "a\r\n0123456789\r\n0\r\n\r\n"),
        ("TRANSFER-ENCODING: Chunked", "a\r\n0123456789\r\n0\r\n\r\n"),
        ("Transfer-Encoding: \t chunked \t", "a\r\n0123456789\r\n0\r\n\r\n"),
    ] {
        let mut connection = server.connect();
        connection.send(format!("POST /count HTTP/1.1\r\nHost: a\r\n{coding}\r\n\r\n{body}"));
        connection.response("POST").received(b"0123456789");
    }
}

pub(crate) fn chunked_then_another_request(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    let next = Request::get("/deaf").bytes();
    for _ in 0..3 {
        connection.send([(head(Way::Pushed) + "3\r\nabc\r\n0\r\n\r\n").as_bytes(), &next].concat());
        connection.response("POST").received(b"abc");
        assert_eq!(connection.response("GET").whole(200).body, b"deaf");
    }
}

fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut message = Vec::new();
    for chunk in body.chunks(size) {
        message.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        message.extend(chunk);
        message.extend(b"\r\n");
    }
    message.extend(b"0\r\n\r\n");
    message
}

pub(crate) fn large_chunked_body(host: &dyn Host) {
    let server = Server::start(host);
    let body = pattern(1 << 20);
    for size in [10, 4096, 1 << 20] {
        let mut connection = server.connect();
        connection.send_aside([head(Way::Pushed).as_bytes(), &chunks(&body, size)].concat());
        assert_eq!(connection.response("POST").whole(200).body, received(&body));
    }
}

pub(crate) fn chunked_body_left_unread(host: &dyn Host) {
    let server = Server::start(host);
    let smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for times in [1, 10_000] {
        let mut connection: Connection = server.connect();
        let head = "POST /deaf HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = chunks(&smuggled.repeat(times), 4096);
        let next = Request::get("/deaf").bytes();
        connection.send_aside([head.as_bytes(), &body, &next].concat());
        assert_eq!(connection.response("POST").whole(200).body, b"deaf");
        let next = connection.try_response("GET").expect("a response or the end");
        assert!(next.is_none_or(|next| next.whole(200).body == b"deaf"));
    }
    assert!(server.probe.seen().iter().all(|seen| !seen.contains("smuggled")));
}

pub(crate) fn chunked_body_too_large(host: &dyn Host) {
    let server = limited(host);
    for way in Way::ALL {
        for chunk in [100, 1001, 70_000] {
            let mut connection = server.connect();
            let mut request = format!(
                "POST /count HTTP/1.1\r\nHost: a\r\nWay: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
                way.name()
            );
            for _ in 0..=2000 / chunk {
                write!(request, "{chunk:x}\r\n{}\r\n", "x".repeat(chunk)).expect("memory");
            }
            connection.send_aside((request + "0\r\n\r\n").into());
            connection.response("POST").whole(413);
        }
    }
    server.exchange(&Request::get("/")).whole(200);
}
