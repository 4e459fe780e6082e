//! Responses that go on while the request still arrives.

use narthex_core::Capability;

use crate::{Host, PATIENCE, Request, Server, Way, script::pattern};

pub(crate) fn echo_while_the_body_arrives(host: &dyn Host) {
    // What is awaited before the application is called cannot be echoed while it arrives.
    let server = Server::with(host, |site| site.limits.body_prefetch = 0);
    for way in [Way::Pushed, Way::Waited] {
        let mut connection = server.connect();
        let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nWay: {}\r\n", way.name());
        let chunked = server.capabilities.has(Capability::Framing);
        let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 100" };
        connection.send(head + framing + "\r\n\r\n");
        for round in 1..=20 {
            connection.send(if chunked { "5\r\nhello\r\n" } else { "hello" });
            // Each piece comes back before the next one is sent.
            while connection.holds(b"hello") < round {
                connection.fill(PATIENCE).expect("the piece just sent");
            }
        }
        if chunked {
            connection.send("0\r\n\r\n");
        }
        assert_eq!(connection.response("POST").whole(200).body, b"hello".repeat(20));
    }
}

pub(crate) fn pieces_arrive_as_they_are_made(host: &dyn Host) {
    let server = Server::start(host);
    for way in [Way::Pushed, Way::Waited] {
        let mut connection = server.connect();
        let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nWay: {}\r\n", way.name());
        connection.send(head + "Content-Length: 200000\r\n\r\n");
        connection.send(vec![b'a'; 100_000]);
        // The head and the first half come although the second half has not been sent.
        while connection.taken < 100_000 {
            connection.fill(PATIENCE).expect("the first half");
        }
        connection.send(vec![b'b'; 100_000]);
        let body = connection.response("POST").whole(200).body;
        assert!(body.len() == 200_000 && body[99_999] == b'a' && body[100_000] == b'b');
    }
}

/// Far more than all buffers hold goes through an application that writes what it has just read.
pub(crate) fn large_body_there_and_back(host: &dyn Host) {
    let server = Server::start(host);
    for way in [Way::Pushed, Way::Waited] {
        let body = pattern(20 << 20);
        let mut connection = server.connect();
        connection.send_aside(Request::post("/echo", &body).way(way).bytes());
        assert!(connection.response("POST").whole(200).body == body, "{way:?}");
    }
}
