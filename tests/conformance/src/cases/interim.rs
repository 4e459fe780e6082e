//! Interim responses of servers that frame messages themselves.

use crate::{Host, Server};

/// RFC 9110, 8.6 and 15.2: an interim response has no body and so no length.
pub(crate) fn interim_carries_no_fields(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    let head = "Host: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    connection.send(format!("POST /count HTTP/1.1\r\n{head}"));
    assert!(connection.interim().is_empty());
    connection.send("hello");
    connection.response("POST").received(b"hello");
}

/// HTTP/1.0 knows no interim responses (RFC 9110, 10.1.1).
pub(crate) fn http_1_0_expects_nothing(host: &dyn Host) {
    let server = Server::start(host);
    let head = "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut connection = server.connect();
    connection.send(format!("POST /count HTTP/1.0\r\n{head}hello"));
    connection.response("POST").received(b"hello");
}
