//! Responses that go on while the request still arrives.

use crate::{Host, PATIENCE, Server};

pub(crate) fn echo_while_the_body_arrives(host: &dyn Host) {
    // What is awaited before the application is called cannot be echoed while it arrives.
    let server = Server::with(host, |site| site.limits.body_prefetch = 0);
    let mut connection = server.connect();
    connection.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for round in 1..=20_u64 {
        connection.send("5\r\nhello\r\n");
        // Each piece comes back before the next one is sent.
        while connection.taken < round * 5 + 40 {
            connection.fill(PATIENCE).expect("the piece just sent");
        }
    }
    connection.send("0\r\n\r\n");
    assert_eq!(connection.response("POST").whole(200).body, b"hello".repeat(20));
}

pub(crate) fn pieces_arrive_as_they_are_made(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    connection.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    connection.send(vec![b'a'; 100_000]);
    // The head and the first half come although the second half has not been sent.
    while connection.taken < 100_000 {
        connection.fill(PATIENCE).expect("the first half");
    }
    connection.send(vec![b'b'; 100_000]);
    let body = connection.response("POST").whole(200).body;
    assert!(body.len() == 200_000 && body[99_999] == b'a' && body[100_000] == b'b');
}
