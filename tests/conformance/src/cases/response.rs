//! What the client must see of a response.

use std::sync::atomic::Ordering::SeqCst;

use crate::{
    AccessLine, Framing, Host, Request, Server, Way,
    script::{Script, pattern},
};

pub(crate) fn body_in_pieces(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new().piece("one ").piece("two ").piece("three");
        let response = server.exchange(&script.get().way(way)).whole(200);
        assert_eq!(response.body, b"one two three");
        assert!(response.framing != Framing::Bodiless);
    }
}

pub(crate) fn body_with_declared_length(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new().length(7).piece("abc").piece("defg");
        let response = server.exchange(&script.get().way(way)).whole(200);
        assert_eq!((response.framing, &response.body[..]), (Framing::Length, &b"abcdefg"[..]));
    }
}

pub(crate) fn empty_response(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        for script in [Script::new(), Script::new().length(0), Script::new().status(404)] {
            let response = server.exchange(&script.get().way(way));
            assert!(response.body.is_empty());
            assert!(matches!(response.clone().status, 200 | 404));
            let status = response.status;
            assert_eq!(response.whole(status).body, b"");
        }
    }
}

/// An empty chunk is how a chunked body ends.
pub(crate) fn empty_pieces_do_not_end_the_body(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new().piece("").piece("a").piece("").piece("").piece("b").piece("");
        assert_eq!(server.exchange(&script.get().way(way)).whole(200).body, b"ab");
    }
}

pub(crate) fn large_body(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        for length in [2898, 14_750, 65_535, 65_536, 65_537, 1 << 20] {
            let script = Script::new().pattern(length);
            let response = server.exchange(&script.get().way(way)).whole(200);
            assert!(response.body == pattern(length), "{length} bytes, {way:?}");
        }
    }
    let mut script = Script::new();
    for _ in 0..50 {
        script = script.pattern(10_000);
    }
    for way in Way::STREAMED {
        let response = server.exchange(&script.get().way(way)).whole(200);
        assert!(response.body == pattern(10_000).repeat(50), "{way:?}");
    }
}

pub(crate) fn file(host: &dyn Host) {
    let response = Server::start(host).exchange(&Request::get("/file")).whole(200);
    assert_eq!(response.framing, Framing::Length);
    assert!(response.body == pattern(100_000));
    let response = Server::start(host).exchange(&Request::new("HEAD", "/file")).whole(200);
    assert_eq!(response.one("content-length"), Some(&b"100000"[..]));
}

pub(crate) fn every_status(host: &dyn Host) {
    let server = Server::start(host);
    for status in [200, 201, 202, 206, 207, 226, 299, 301, 302, 307, 400, 401, 404, 410, 418, 422] {
        let script = Script::new().status(status).piece("x");
        assert_eq!(server.exchange(&script.get()).whole(status).body, b"x");
    }
    for status in [429, 451, 499, 500, 501, 503, 507, 511, 599] {
        let script = Script::new().status(status).piece("x");
        assert_eq!(server.exchange(&script.get()).whole(status).body, b"x");
    }
}

pub(crate) fn reason_phrase(host: &dyn Host) {
    let server = Server::start(host);
    for (status, reason) in [(200, "OK"), (404, "Not Found"), (500, "Internal Server Error")] {
        let response = server.exchange(&Script::new().status(status).get()).whole(status);
        assert_eq!(response.reason, reason.as_bytes());
    }
}

pub(crate) fn fields_reach_the_client(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new()
            .field("content-type", "text/html; charset=\"utf-8\"")
            .field("x-empty", "")
            .field("x-marks", "a, b; c=\"d\"\te")
            .field("date", "Thu, 01 Jan 1970 00:00:00 GMT")
            .piece("x");
        let response = server.exchange(&script.get().way(way)).whole(200);
        assert_eq!(response.one("content-type"), Some(&b"text/html; charset=\"utf-8\""[..]));
        assert_eq!(response.one("x-empty"), Some(&b""[..]));
        assert_eq!(response.one("x-marks"), Some(&b"a, b; c=\"d\"\te"[..]));
        // The application's word, not the server's beside it.
        assert_eq!(response.one("date"), Some(&b"Thu, 01 Jan 1970 00:00:00 GMT"[..]));
    }
}

pub(crate) fn redirects(host: &dyn Host) {
    let server = Server::start(host);
    for status in [201, 301, 302, 303, 307, 308] {
        for location in ["/a%20b?c=d#e", "http://example.test/", "../x"] {
            let script = Script::new().status(status).field("location", location).piece("x");
            let response = server.exchange(&script.get()).whole(status);
            assert_eq!(response.one("location"), Some(location.as_bytes()));
        }
    }
}

pub(crate) fn repeated_response_fields(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new()
            .field("set-cookie", "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
            .field("x-other", "x")
            .field("set-cookie", "b=2")
            .piece("x");
        let response = server.exchange(&script.get().way(way)).whole(200);
        let cookies = response.all("set-cookie");
        assert_eq!(cookies, [&b"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"[..], b"b=2"]);
    }
}

pub(crate) fn long_response_fields(host: &dyn Host) {
    let server = Server::start(host);
    for length in [129, 9000] {
        let value = "v".repeat(length);
        let script = Script::new().field("x-long", &value).piece("x");
        let response = server.exchange(&script.get()).whole(200);
        assert_eq!(response.one("x-long"), Some(value.as_bytes()));
    }
}

pub(crate) fn bytes_above_ascii_in_response_fields(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new().field("x-name", b"caf\xe9").field("x-text", "あ").piece("x");
        let response = server.exchange(&script.get().way(way)).whole(200);
        assert_eq!(response.one("x-name"), Some(&b"caf\xe9"[..]));
        assert_eq!(response.one("x-text"), Some("あ".as_bytes()));
    }
}

/// Servers of `FastCGI` have taken such bodies for the response's head.
pub(crate) fn body_like_a_head(host: &dyn Host) {
    let server = Server::start(host);
    let text = "Status: 404 Not Found\r\nX-Injected: 1\r\n\r\nHTTP/1.1 500 Oops\r\n\r\n";
    for way in Way::ALL {
        let response = server.exchange(&Script::new().piece(text).get().way(way)).whole(200);
        assert_eq!(response.body, text.as_bytes());
        assert!(response.one("x-injected").is_none());
    }
}

pub(crate) fn newlines_are_kept(host: &dyn Host) {
    let server = Server::start(host);
    let text = "Bar\nBaz\r\nQuux\n\r\r\n\0\x1a";
    let response = server.exchange(&Script::new().piece(text).get()).whole(200);
    assert_eq!(response.body, text.as_bytes());
}

pub(crate) fn head_has_no_body(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new().field("x-a", "b").length(5).piece("hello");
        let request = Request { method: "HEAD", ..script.get().way(way) };
        let response = server.exchange(&request).whole(200);
        assert_eq!(response.one("content-length"), Some(&b"5"[..]));
        assert_eq!((response.one("x-a"), response.body.len()), (Some(&b"b"[..]), 0));
        let request = Request { method: "HEAD", ..Script::new().piece("hello").get().way(way) };
        let response = server.exchange(&request).whole(200);
        let length = response.one("content-length");
        // What a GET would send, or nothing at all (RFC 9110, 9.3.2): never 0.
        assert!(length.is_none_or(|length| length == b"5"), "{response:?}");
    }
}

pub(crate) fn no_content(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        for script in [Script::new().status(204), Script::new().status(204).length(0)] {
            let response = server.exchange(&script.get().way(way)).whole(204);
            assert!(response.body.is_empty());
            assert!(response.one("content-length").is_none(), "{response:?}");
            assert!(response.one("content-type").is_none(), "{response:?}");
        }
    }
}

pub(crate) fn not_modified(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new().status(304).field("etag", "\"x\"");
        let response = server.exchange(&script.get().way(way)).whole(304);
        assert_eq!(response.one("etag"), Some(&b"\"x\""[..]));
        for name in ["content-type", "content-length", "transfer-encoding"] {
            assert!(response.one(name).is_none(), "{response:?}");
        }
        // One that the application gives is that of the response it stands for: it stays.
        let script = Script::new().status(304).length(14);
        let response = server.exchange(&script.get().way(way)).whole(304);
        assert!(response.one("content-length").is_none_or(|length| length == b"14"));
    }
}

pub(crate) fn unfinished_response_is_ended(host: &dyn Host) {
    let response = Server::start(host).exchange(&Request::get("/unfinished")).whole(200);
    assert_eq!(response.body, b"ended by the server");
}

pub(crate) fn request_body_may_be_ignored(host: &dyn Host) {
    let server = Server::start(host);
    for length in [10, 200_000] {
        let response = server.exchange(&Request::post("/deaf", pattern(length)));
        assert_eq!(response.whole(200).body, b"deaf");
    }
}

pub(crate) fn access_is_logged(host: &dyn Host) {
    for way in Way::ALL {
        let server = Server::start(host);
        let script = Script::new().status(404).piece("hello").piece("!");
        server.exchange(&script.get().way(way)).whole(404);
        let request = Some(format!("GET {}", script.target()));
        let line = AccessLine { request, status: 404, bytes: 6, complete: true };
        assert_eq!(server.journal.accesses(1), [line], "{way:?}");
    }
}

pub(crate) fn resources_are_released_once(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::STREAMED {
        server.exchange(&Script::new().piece("x").piece("y").get().way(way)).whole(200);
    }
    let counts = |probe: &crate::Probe| (probe.held.load(SeqCst), probe.released.load(SeqCst));
    let all = (Way::STREAMED.len(), Way::STREAMED.len());
    server.probe.until("released", |probe| counts(probe) == all);
}
