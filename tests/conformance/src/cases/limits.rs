//! Limits on request bodies.

use narthex_core::Capability;

use crate::{Host, Request, Server, Way, script::pattern};

pub(crate) fn limited(host: &dyn Host) -> Server {
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

pub(crate) fn body_limit_is_exact(host: &dyn Host) {
    let server = limited(host);
    for way in Way::ALL {
        server.exchange(&Request::post("/count", pattern(1000)).way(way)).received(&pattern(1000));
        server.exchange(&Request::post("/count", pattern(1001)).way(way)).whole(413);
        if !server.capabilities.has(Capability::Framing) {
            continue; // a web server in front takes chunks apart
        }
        let mut connection = server.connect();
        let head = "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
        let body = "1f4\r\n".to_owned() + &"x".repeat(500) + "\r\n";
        let way = way.name();
        connection.send(format!("{head}Way: {way}\r\n\r\n{body}{body}0\r\n\r\n"));
        connection.response("POST").received(&[b'x'; 1000]);
    }
}
