//! Limits on request bodies.

use std::fmt::Write;

use crate::{Host, Request, Server, Way, script::pattern};

fn limited(host: &dyn Host) -> Server {
    Server::with(host, |site| site.limits.body_size = 1000)
}

pub(crate) fn declared_body_too_large(host: &dyn Host) {
    let server = limited(host);
    for way in Way::ALL {
        for (path, length) in [("/count", 100_000), ("/deaf", 100_000), ("/count", 1_000_000_000)] {
            let mut connection = server.connect();
            let way = way.name();
            connection.send(format!(
                "POST {path} HTTP/1.1\r\nHost: a\r\nWay: {way}\r\nContent-Length: {length}\r\n\r\n"
            ));
            connection.response("POST").whole(413);
        }
    }
    assert!(server.probe.seen().is_empty(), "the application is not asked");
    let accesses = server.journal.accesses(3 * Way::ALL.len());
    assert!(accesses.iter().all(|line| line.status == 413), "{accesses:#?}");
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

pub(crate) fn body_limit_is_exact(host: &dyn Host) {
    let server = limited(host);
    for way in Way::ALL {
        server.exchange(&Request::post("/count", pattern(1000)).way(way)).received(&pattern(1000));
        server.exchange(&Request::post("/count", pattern(1001)).way(way)).whole(413);
        let mut connection = server.connect();
        let head = "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
        let body = "1f4\r\n".to_owned() + &"x".repeat(500) + "\r\n";
        let way = way.name();
        connection.send(format!("{head}Way: {way}\r\n\r\n{body}{body}0\r\n\r\n"));
        connection.response("POST").received(&[b'x'; 1000]);
    }
}
