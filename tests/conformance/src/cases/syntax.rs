//! Messages that are well-formed, and that parsers stumble over.

use super::chunked::head;
use crate::{Host, Request, Server, Way};

/// Some clients end a body with a line end that is not of it (RFC 9112, 2.2).
pub(crate) fn empty_lines_before_a_request(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    let get = Request::get("/deaf").bytes();
    connection.send([b"\r\n", &get[..], b"\r\n", &get].concat());
    for _ in 0..2 {
        assert_eq!(connection.response("GET").whole(200).body, b"deaf");
    }
}

/// A trailer is no header: it must not become one (RFC 9110, 6.5.1).
pub(crate) fn trailers_are_no_fields(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.send("2\r\nhi\r\n0\r\nX-Late: 1\r\nAuthorization: Basic eA==\r\n\r\n");
    let view = connection.response("POST").view();
    assert_eq!(view.one("body"), "hi");
    assert!(view.all("field x-late").is_empty() && view.all("field authorization").is_empty());
}

pub(crate) fn trailers_in_single_bytes(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let mut connection = server.connect();
        connection.dribble(head(way) + "5\r\nhello\r\n0\r\nX-A: b\r\nX-C: \r\n\r\n", 1);
        connection.response("POST").received(b"hello");
        connection.send(Request::get("/deaf").bytes());
        assert_eq!(connection.response("GET").whole(200).body, b"deaf");
    }
}
