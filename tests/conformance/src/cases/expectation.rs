//! `Expect: 100-continue` (RFC 9110, 10.1.1).

use std::time::Duration;

use crate::{Host, Request, Server};

const HEAD: &str = "Host: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

pub(crate) fn interim_when_the_body_is_read(host: &dyn Host) {
    let server = Server::start(host);
    for path in ["/count", "/"] {
        let mut connection = server.connect();
        connection.send(format!("POST {path} HTTP/1.1\r\n{HEAD}"));
        connection.interim();
        connection.send("hello");
        let response = connection.response("POST").whole(200);
        assert!(response.body.starts_with(b"5 bytes") || response.view().one("body") == "hello");
        connection.send(Request::get("/deaf").bytes());
        assert_eq!(connection.response("GET").whole(200).body, b"deaf");
    }
}

/// What follows the head is the body, whether or not the client was told to go on.
pub(crate) fn no_interim_when_answered_first(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    connection.send(format!("POST /deaf HTTP/1.1\r\n{HEAD}"));
    assert_eq!(connection.response("POST").whole(200).body, b"deaf");
    connection.send(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    let _ = connection.fill(Duration::from_millis(50));
    server.exchange(&Request::get("/")).whole(200);
    assert_eq!(server.probe.seen(), ["POST /deaf", "GET /"]);
}

/// The interim response may be left out then, or come.
pub(crate) fn body_is_sent_without_waiting(host: &dyn Host) {
    let server = Server::start(host);
    for size in [1, 1000] {
        let mut connection = server.connect();
        connection.dribble(format!("POST /count HTTP/1.1\r\n{HEAD}hello"), size);
        connection.skip_interim();
        connection.response("POST").received(b"hello");
    }
}
