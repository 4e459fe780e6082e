//! Responses that end too early: the client must see it.

use narthex_core::Level;

use crate::{End, Host, Server, Way, script::Script};

/// The client sees the pieces, and that something is missing; the next request works.
#[track_caller]
fn cut(host: &dyn Host, script: &Script, body: &str, reported: &str) {
    let server = Server::start(host);
    for way in Way::STREAMED {
        let response = server.exchange(&script.get().way(way));
        assert_eq!((response.status, response.end), (200, End::Truncated), "{way:?}: {response:?}");
        assert!(body.as_bytes().starts_with(&response.body), "{way:?}: {response:?}");
        server.exchange(&Script::new().piece("fine").get().way(way)).whole(200);
    }
    server.journal.line(Level::Error, |line| line.contains(reported));
    let ways = Way::STREAMED.len();
    let accesses = server.journal.accesses(2 * ways);
    let cut = accesses.iter().filter(|line| !line.complete).count();
    assert_eq!(cut, ways, "{accesses:#?}");
}

pub(crate) fn failure_after_the_head(host: &dyn Host) {
    cut(host, &Script::new().piece("part").piece("ial").fail(), "partial", "secret");
}

pub(crate) fn panic_after_the_head(host: &dyn Host) {
    cut(host, &Script::new().piece("part").piece("ial").panic(), "partial", "panic");
}

pub(crate) fn failure_within_a_declared_length(host: &dyn Host) {
    cut(host, &Script::new().length(20).piece("hello").fail(), "hello", "secret");
    cut(host, &Script::new().length(20).piece("hello").panic(), "hello", "panic");
}

pub(crate) fn failure_before_the_first_piece(host: &dyn Host) {
    cut(host, &Script::new().length(20).fail(), "", "secret");
}

pub(crate) fn body_short_of_its_length(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        for script in [
            Script::new().length(20).piece("hello"),
            Script::new().length(20).piece("he").piece("llo").piece(""),
            Script::new().length(20),
        ] {
            let response = server.exchange(&script.get().way(way));
            assert_eq!((response.status, response.end), (200, End::Truncated), "{way:?}");
            assert!(b"hello".starts_with(&response.body[..]));
            assert_eq!(response.one("content-length"), Some(&b"20"[..]));
        }
    }
    server.journal.line(Level::Error, |line| line.contains("shorter than its Content-Length"));
}
