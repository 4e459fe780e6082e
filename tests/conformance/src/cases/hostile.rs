//! Responses that break the rules: the client gets a 500 or what of them is right, never more.

use narthex_core::Level;

use crate::{End, Host, Request, Response, Server, Way, script::Script};

/// A 500 that says nothing of what went wrong, after which the server works.
#[track_caller]
fn refused(server: &Server, request: &Request) -> Response {
    let response = server.exchange(request).whole(500);
    assert_eq!(response.body, b"Internal Server Error\n", "a plain page");
    assert_eq!(response.one("content-type"), Some(&b"text/plain; charset=utf-8"[..]));
    works(server);
    response
}

#[track_caller]
fn works(server: &Server) {
    server.exchange(&Script::new().piece("fine").get()).whole(200);
}

pub(crate) fn failure_before_the_head(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new().field("x-mine", "1").fail_early();
        let response = refused(&server, &script.get().way(way));
        assert!(response.one("x-mine").is_none());
    }
    server.journal.line(Level::Error, |line| line.contains("secret") && line.contains("/script"));
    refused(
        &server,
        &Request { body: Some(vec![b'x'; 10_000]), ..Script::new().fail_early().get() },
    );
}

pub(crate) fn panic_before_the_head(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        refused(&server, &Script::new().panic_early().get().way(way));
    }
    server.journal.line(Level::Error, |line| line.contains("panic"));
}

pub(crate) fn no_response_at_all(host: &dyn Host) {
    let server = Server::start(host);
    refused(&server, &Request::get("/silent"));
    server.journal.line(Level::Error, |line| line.contains("no response"));
}

pub(crate) fn control_characters_in_the_reason(host: &dyn Host) {
    let server = Server::start(host);
    for reason in ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "a\x1bb", "a\x7fb"] {
        for way in Way::ALL {
            let script = Script::new().reason(reason).piece("x");
            let response = refused(&server, &script.get().way(way));
            assert!(response.one("x-injected").is_none());
        }
    }
}

pub(crate) fn hop_by_hop_fields(host: &dyn Host) {
    let server = Server::start(host);
    for (name, value) in [
        ("connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "timeout=5"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
        ("trailer", "x-a"),
        ("proxy-connection", "close"),
    ] {
        for way in Way::ALL {
            refused(&server, &Script::new().field(name, value).piece("x").get().way(way));
        }
    }
}

pub(crate) fn malformed_content_length(host: &dyn Host) {
    let server = Server::start(host);
    for length in ["+1", "-1", "0x1", "1.0", "1,1", "1, 1", "", "a", "99999999999999999999999"] {
        for way in Way::ALL {
            let script = Script::new().field("content-length", length).piece("x");
            refused(&server, &script.get().way(way));
        }
    }
    refused(&server, &Script::new().length(1).length(1).piece("x").get());
    refused(&server, &Script::new().length(1).length(2).piece("x").get());
}

pub(crate) fn interim_as_final_status(host: &dyn Host) {
    let server = Server::start(host);
    for status in [100, 101, 102, 103, 199] {
        for way in Way::ALL {
            refused(&server, &Script::new().status(status).get().way(way));
        }
    }
}

pub(crate) fn body_beyond_its_length(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        for script in [
            Script::new().length(5).piece("12345").piece("6"),
            Script::new().length(5).piece("123").piece("456").piece("789"),
            Script::new().length(5).piece("123456"),
        ] {
            let response = server.exchange(&script.get().way(way));
            assert_eq!((response.status, &response.body[..]), (200, &b"12345"[..]), "{way:?}");
            assert_eq!(response.end, End::Whole);
        }
        let response = server.exchange(&Script::new().length(0).piece("x").get().way(way));
        assert_eq!(response.whole(200).body, b"");
    }
    server.journal.line(Level::Error, |line| line.contains("longer than its Content-Length"));
    works(&server);
}

pub(crate) fn body_for_a_bodiless_status(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        for status in [204, 304] {
            let script = Script::new().status(status).piece("HTTP/1.1 200 OK\r\n\r\n").piece("x");
            assert_eq!(server.exchange(&script.get().way(way)).whole(status).body, b"");
        }
    }
}

pub(crate) fn started_twice(host: &dyn Host) {
    let server = Server::start(host);
    let response = server.exchange(&Request::get("/twice"));
    assert_eq!((response.status, &response.body[..]), (200, &b"once"[..]));
    server.journal.line(Level::Error, |line| line.contains("started twice"));
    works(&server);
}

pub(crate) fn write_after_the_end(host: &dyn Host) {
    let server = Server::start(host);
    let response = server.exchange(&Request::get("/late-write")).whole(200);
    assert_eq!(response.body, b"in time");
    server.journal.line(Level::Error, |line| line.contains("after the end"));
    works(&server);
}

pub(crate) fn failure_after_the_end(host: &dyn Host) {
    let server = Server::start(host);
    let response = server.exchange(&Request::get("/late-failure")).whole(200);
    assert_eq!(response.body, b"in time");
    server.journal.line(Level::Error, |line| line.contains("failed after the end"));
    works(&server);
}

pub(crate) fn failure_is_logged_once(host: &dyn Host) {
    for way in Way::ALL {
        let server = Server::start(host);
        refused(&server, &Script::new().fail_early().get().way(way));
        let _ = server.journal.accesses(2);
        let lines = server.journal.lines();
        let about = lines.iter().filter(|(_, line)| line.contains("secret")).count();
        assert_eq!(about, 1, "{lines:#?}");
    }
}

/// Nothing of the body is sent, so what happens while it is made is nobody's business.
pub(crate) fn pulled_failure_of_a_bodiless_response(host: &dyn Host) {
    let server = Server::start(host);
    for script in [Script::new().piece("x").fail(), Script::new().panic()] {
        let request = Request { method: "HEAD", ..script.get().way(Way::Pulled) };
        assert!(matches!(server.exchange(&request).status, 200));
    }
    works(&server);
}
