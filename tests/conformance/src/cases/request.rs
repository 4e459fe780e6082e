//! What the application must see of a request.

use crate::{Host, Request, Server, Way, message::View, script::pattern};

#[track_caller]
fn viewed(host: &dyn Host, target: impl AsRef<[u8]>) -> View {
    Server::start(host).exchange(&Request::get(target)).view()
}

pub(crate) fn methods(host: &dyn Host) {
    let server = Server::start(host);
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "M-SEARCH", "get"] {
        let view = server.exchange(&Request::new(method, "/")).view();
        assert_eq!(view.one("method"), method);
        assert_eq!(view.one("variable REQUEST_METHOD"), method);
    }
}

pub(crate) fn path_is_decoded_once(host: &dyn Host) {
    let server = Server::start(host);
    for (sent, seen) in [
        ("/foo/bar%2cbaz", "/foo/bar,baz"),
        ("/foo/bar%252cbaz", "/foo/bar%2cbaz"),
        ("/a%20b+c", "/a b+c"),
        ("/100%25", "/100%"),
        ("/a%3Fb", "/a?b"),
        ("/a%23b", "/a#b"),
        ("/a%2Fb", "/a/b"),
        ("/a;b=c,d:e@f!$&'()*", "/a;b=c,d:e@f!$&\\'()*"),
    ] {
        let view = server.exchange(&Request::get(sent)).view();
        assert_eq!(view.one("path_info"), seen);
        assert_eq!(view.one("variable PATH_INFO"), seen);
        assert_eq!(view.one("path"), seen);
    }
}

pub(crate) fn slashes_are_kept(host: &dyn Host) {
    let server = Server::start(host);
    for path in ["/foo///bar/baz", "//foo///bar/baz", "/foo/", "//"] {
        let view = server.exchange(&Request::get(path)).view();
        assert_eq!(view.one("path_info"), path);
        assert_eq!(view.one("target"), path.replace('\'', "\\'"));
    }
}

pub(crate) fn raw_bytes_in_the_path(host: &dyn Host) {
    let server = Server::start(host);
    for (sent, seen) in [
        ("/foo/%E3%81%82", r"/foo/\xe3\x81\x82"),
        ("/%ff%FE", r"/\xff\xfe"),
        ("/caf%e9", r"/caf\xe9"),
        ("/a%0d%0ab", r"/a\r\nb"),
        ("/a%09b%7f", r"/a\tb\x7f"),
    ] {
        let view = server.exchange(&Request::get(sent)).view();
        assert_eq!(view.one("path_info"), seen);
        assert_eq!(view.one("variable PATH_INFO"), seen);
    }
}

pub(crate) fn dot_segments_are_removed(host: &dyn Host) {
    let server = Server::start(host);
    for (sent, seen) in [
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/..%2f..%2fb", "/b"),
        ("/.hidden/...", "/.hidden/..."),
    ] {
        let view = server.exchange(&Request::get(sent)).view();
        assert_eq!(view.one("path_info"), seen, "{sent}");
        assert_eq!(view.one("target"), sent);
    }
}

pub(crate) fn query_is_raw(host: &dyn Host) {
    let server = Server::start(host);
    for (target, query) in [
        ("/", ""),
        ("/?", ""),
        ("/?a=b", "a=b"),
        ("/??a=b?c", "?a=b?c"),
        ("/?a%20b+c=%26", "a%20b+c=%26"),
        ("/?-s+-d", "-s+-d"),
        ("/?a=1&a=2;b", "a=1&a=2;b"),
        ("/?x=/../y", "x=/../y"),
    ] {
        let view = server.exchange(&Request::get(target)).view();
        assert_eq!(view.one("query"), query);
        assert_eq!(view.one("variable QUERY_STRING"), query);
        assert_eq!(view.one("path_info"), "/");
    }
}

pub(crate) fn target_is_raw(host: &dyn Host) {
    let target = "/foo/%2e%2e/bar%2cbaz//?a=%20b";
    let view = viewed(host, target);
    assert_eq!(view.one("target"), target);
    assert_eq!(view.one("variable REQUEST_URI"), target);
    assert_eq!(view.one("raw_path"), "/foo/%2e%2e/bar%2cbaz//");
}

pub(crate) fn mount_is_cut_off(host: &dyn Host) {
    let server = Server::with(host, |site| site.mount = Some("/app".into()));
    for (target, path_info) in [("/app/x%2cy?q", "/x,y"), ("/app", ""), ("/app/", "/")] {
        let view = server.exchange(&Request::get(target)).view();
        assert_eq!(view.one("mount"), "/app");
        assert_eq!(view.one("variable SCRIPT_NAME"), "/app");
        assert_eq!(view.one("path_info"), path_info);
        assert_eq!(view.one("variable PATH_INFO"), path_info);
        assert_eq!(view.one("target"), target);
    }
}

pub(crate) fn facts_of_the_connection(host: &dyn Host) {
    let view = viewed(host, "/");
    assert_eq!(view.one("scheme"), "http");
    assert_eq!(view.one("protocol"), "HTTP/1.1");
    assert_eq!(view.one("client"), "127.0.0.1");
    assert_eq!(view.one("mount"), "");
    assert_eq!(view.one("field host"), "example.test");
}

pub(crate) fn field_values_reach_the_application(host: &dyn Host) {
    let request = Request::get("/")
        .field("X-Plain", "a b")
        .field("X-Empty", "")
        .field("X-Padded", "  \t a, b \t ")
        .field("x-lower", "1")
        .field("X-Marks", "\"(),/:;<=>?@[\\]{}=")
        .field("Content-Type", "text/x-odd; charset=\"a\"");
    let view = Server::start(host).exchange(&request).view();
    assert_eq!(view.one("field x-plain"), "a b");
    assert_eq!(view.one("field x-empty"), "");
    assert_eq!(view.one("field x-padded").trim_matches(|c| " \\t".contains(c)), "a, b");
    assert_eq!(view.one("field x-lower"), "1");
    assert_eq!(view.one("field x-marks"), r#"\"(),/:;<=>?@[\\]{}="#);
    assert_eq!(view.one("variable HTTP_X_PLAIN"), "a b");
    assert_eq!(view.one("variable CONTENT_TYPE"), r#"text/x-odd; charset=\"a\""#);
    assert!(view.all("variable HTTP_CONTENT_TYPE").is_empty());
}

pub(crate) fn long_field_values(host: &dyn Host) {
    let server = Server::start(host);
    for length in [127, 128, 129, 255, 256, 8191, 8193, 20_000] {
        let value = "v".repeat(length);
        let view = server.exchange(&Request::get("/").field("X-Long", &value)).view();
        assert_eq!(view.one("field x-long"), value);
    }
}

pub(crate) fn cookies_are_one_field(host: &dyn Host) {
    let request = Request::get("/").field("Cookie", "a=1; b=\"2\"");
    let view = Server::start(host).exchange(&request).view();
    assert_eq!(view.one("variable HTTP_COOKIE"), r#"a=1; b=\"2\""#);
    assert!(view.all("variable COOKIE").is_empty());
    let request = Request::get("/").field("Cookie", "a=1").field("Cookie", "b=2");
    let view = Server::start(host).exchange(&request).view();
    assert_eq!(view.one("variable HTTP_COOKIE"), "a=1; b=2");
}

pub(crate) fn authorization_is_handed_down(host: &dyn Host) {
    let server = Server::start(host);
    let view = server.exchange(&Request::get("/")).view();
    assert!(view.all("field authorization").is_empty());
    let request = Request::get("/").field("Authorization", "Basic QWxhZGRpbg==");
    let view = server.exchange(&request).view();
    assert_eq!(view.one("field authorization"), "Basic QWxhZGRpbg==");
    // Nobody has checked it: it makes no user.
    assert!(view.all("variable REMOTE_USER").is_empty());
}

/// `HTTP_PROXY` in the environment of a program is taken as its own proxy (CVE-2016-5385).
pub(crate) fn proxy_is_no_variable(host: &dyn Host) {
    let request = Request::get("/").field("Proxy", "http://evil.test").field("X-Proxy", "x");
    let view = Server::start(host).exchange(&request).view();
    assert!(view.all("variable HTTP_PROXY").is_empty(), "{view:?}");
    assert_eq!(view.one("variable HTTP_X_PROXY"), "x");
}

pub(crate) fn variables_are_complete(host: &dyn Host) {
    let view = Server::start(host).exchange(&Request::post("/p?q", "body")).view();
    for (name, value) in [
        ("REQUEST_METHOD", "POST"),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", "/p"),
        ("QUERY_STRING", "q"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("CONTENT_LENGTH", "4"),
        ("HTTP_HOST", "example.test"),
    ] {
        assert_eq!(view.one(&format!("variable {name}")), value, "{name}");
    }
    assert!(!view.one("variable SERVER_NAME").is_empty());
    assert!(view.one("variable SERVER_PORT").parse::<u16>().is_ok());
}

pub(crate) fn view_is_the_same_in_every_way(host: &dyn Host) {
    let server = Server::start(host);
    let request = Request::post("/a%2Fb/../c?d", "body").field("X-A", "b");
    let mut views = Way::ALL.map(|way| {
        let body = server.exchange(&request.clone().way(way)).whole(200).body;
        let text = String::from_utf8(body).expect("views are ASCII");
        let own = |line: &&str| {
            !line.starts_with("way=") && !line.contains("_PORT=") && !line.ends_with(way.name())
        };
        let mut lines: Vec<String> = text.lines().filter(own).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    });
    assert!(views[0].contains(&"body=body".to_owned()), "{views:?}");
    views[1..].iter_mut().for_each(|view| view.retain(|line| !line.is_empty()));
    assert!(views.iter().all(|view| *view == views[0]), "{views:#?}");
}

pub(crate) fn body_is_received(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let request = Request::post("/", "name=value\r\n\n")
            .field("Content-Type", "application/x-www-form-urlencoded")
            .way(way);
        let view = server.exchange(&request).view();
        assert_eq!(view.one("body"), r"name=value\r\n\n");
        assert_eq!(view.one("variable CONTENT_LENGTH"), "13");
        assert_eq!(view.one("variable CONTENT_TYPE"), "application/x-www-form-urlencoded");
    }
}

#[track_caller]
fn received(host: &dyn Host, body: &[u8]) {
    let server = Server::start(host);
    for way in Way::ALL {
        server.exchange(&Request::post("/count", body).way(way)).received(body);
    }
}

pub(crate) fn body_of_every_byte(host: &dyn Host) {
    let body: Vec<u8> = (0..=255).collect();
    received(host, &body);
}

pub(crate) fn body_of_96_000_bytes(host: &dyn Host) {
    received(host, &pattern(96_000));
}

pub(crate) fn body_of_a_mebibyte(host: &dyn Host) {
    received(host, &pattern(1 << 20));
}

pub(crate) fn body_on_get(host: &dyn Host) {
    let request = Request { body: Some(b"text".to_vec()), ..Request::get("/count") };
    Server::start(host).exchange(&request).received(b"text");
}

pub(crate) fn empty_body(host: &dyn Host) {
    let server = Server::start(host);
    server.exchange(&Request::post("/count", "")).received(b"");
    server.exchange(&Request::new("POST", "/count")).received(b"");
}

pub(crate) fn body_beyond_the_limit(host: &dyn Host) {
    let server = Server::with(host, |site| site.limits.body_size = 100);
    server.exchange(&Request::post("/count", pattern(100))).received(&pattern(100));
    let response = server.exchange(&Request::post("/count", pattern(101)));
    assert_eq!(response.whole(413).all("content-type").len(), 1);
    assert_eq!(server.probe.seen().len(), 1, "the application is not asked");
}
