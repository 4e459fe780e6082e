//! Limits on request heads: beyond them there is an answer, and never more memory.

use narthex_core::Site;

use super::refusal::all_refused;
use crate::{Host, Request, Server};

fn tight(site: &mut Site) {
    site.limits.head_size = 16 * 1024;
    site.limits.header_count = 20;
}

fn get(fields: &str) -> Vec<u8> {
    format!("GET /deaf HTTP/1.1\r\nHost: a\r\n{fields}\r\n").into()
}

pub(crate) fn head_too_large(host: &dyn Host) {
    let server = Server::with(host, tight);
    for (size, status) in [(12_000, 200), (17_000, 431), (100_000, 431), (1_000_000, 431)] {
        let mut connection = server.connect();
        connection.send_aside(get(&format!("X-Long: {}\r\n", "v".repeat(size))));
        connection.response("GET").whole(status);
        assert!(status == 200 || connection.closes());
    }
    let many = "X-A: 0123456789012345678901234567890123456789\r\n".repeat(2000);
    all_refused(host, &[431], &[get(&many)]);
}

/// It is refused when it is too much, not when it ends.
pub(crate) fn head_without_end(host: &dyn Host) {
    let server = Server::with(host, tight);
    for start in ["GET / HTTP/1.1\r\nHost: a\r\nX-Long: ", "GET /", "X"] {
        let mut connection = server.connect();
        connection.send_aside([start.as_bytes(), &b"v".repeat(200_000)].concat());
        let response = connection.response("GET");
        assert!(matches!(response.status, 400 | 414 | 431), "{response:?}");
        assert!(connection.closes());
    }
    server.exchange(&Request::get("/deaf")).whole(200);
}

pub(crate) fn too_many_fields(host: &dyn Host) {
    let server = Server::with(host, tight);
    // One of them is Host.
    for (count, status) in [(19, 200), (20, 431), (300, 431)] {
        let mut connection = server.connect();
        connection.send(get(&"X-A: b\r\n".repeat(count)));
        connection.response("GET").whole(status);
        assert!(status == 200 || connection.closes());
    }
}

pub(crate) fn target_too_long(host: &dyn Host) {
    let server = Server::with(host, tight);
    for (size, status) in [(8000, 200), (17_000, 414), (70_000, 414)] {
        let mut connection = server.connect();
        let target = format!("/deaf?{}", "q".repeat(size));
        connection.send_aside(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into());
        connection.response("GET").whole(status);
        assert!(status == 200 || connection.closes());
    }
}
