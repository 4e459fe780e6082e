//! Heads that are no heads (RFC 9112, 2 to 5).

use narthex_core::Level;

use super::refusal::{SMUGGLED, all_refused, with_fields, with_line};
use crate::{Host, Server};

const BAD: &[u16] = &[400];

fn lines(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(with_line).collect()
}

fn fields(fields: &[&str]) -> Vec<Vec<u8>> {
    fields.iter().map(with_fields).collect()
}

pub(crate) fn request_lines(host: &dyn Host) {
    all_refused(
        host,
        BAD,
        &lines(&[
            "GET",
            "GET ",
            "GET /",
            "GET / ",
            " GET / HTTP/1.1",
            "\tGET / HTTP/1.1",
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            "GET\t/\tHTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET / HTTP/1.1 x",
            "GET /a b HTTP/1.1",
            "G@T / HTTP/1.1",
            "GET[] / HTTP/1.1",
            "GET: / HTTP/1.1",
            "GÉT / HTTP/1.1",
            "GET\0 / HTTP/1.1",
            "/ HTTP/1.1",
        ]),
    );
}

pub(crate) fn versions(host: &dyn Host) {
    all_refused(
        host,
        &[400, 505],
        &lines(&[
            "GET / HTTP/0.9",
            "GET / HTTP/2.0",
            "GET / HTTP/3",
            "GET / HTTP/1",
            "GET / HTTP/1.",
            "GET / HTTP/1.10",
            "GET / HTTP/01.1",
            "GET / HTTP/1.1.1",
            "GET / HTTP/-1.1",
            "GET / HTTP/a.b",
            "GET / HTTPS/1.1",
            "GET / http/1.1",
            "GET / XTTP/1.1",
            "GET / 1.1",
        ]),
    );
}

pub(crate) fn targets(host: &dyn Host) {
    all_refused(
        host,
        BAD,
        &lines(&[
            "GET foo HTTP/1.1",
            "GET foo/bar HTTP/1.1",
            "GET ../foo HTTP/1.1",
            "GET ?a=b HTTP/1.1",
            "GET #a HTTP/1.1",
            "GET example.test:80 HTTP/1.1",
            "GET http:// HTTP/1.1",
            "GET http:///a HTTP/1.1",
            "GET ://a/ HTTP/1.1",
        ]),
    );
}

/// Neither controls nor whitespace nor anything above ASCII belongs there (RFC 3986, 2).
pub(crate) fn target_bytes(host: &dyn Host) {
    let forbidden = (0..=b' ').chain(127..=255);
    let messages: Vec<_> = forbidden
        .filter(|&byte| byte != b'\n')
        .map(|byte| with_line([b"GET /a", &[byte][..], b"b HTTP/1.1"].concat()))
        .collect();
    all_refused(host, BAD, &messages);
}

/// Clients send them all the same: they are handed down as they are, or refused.
pub(crate) fn bytes_outside_of_uris(host: &dyn Host) {
    for byte in b"\"<>\\^`{|}" {
        for line in [
            [b"GET /a", &[*byte][..], b"b HTTP/1.1"].concat(),
            [b"GET /a?b", &[*byte][..], b"c HTTP/1.1"].concat(),
        ] {
            let server = Server::start(host);
            let mut connection = server.connect();
            connection.send(with_line(&line));
            let response = connection.response("GET");
            if response.status == 200 {
                let target = &line[4..line.len() - 9];
                assert_eq!(response.view().one("target"), target.escape_ascii().to_string());
            } else {
                let _ = response.whole(400);
                assert!(connection.closes());
                server.journal.line(Level::Info, |_| true);
                assert_eq!(server.journal.accesses(1)[0].status, 400);
            }
        }
    }
}

pub(crate) fn field_names(host: &dyn Host) {
    all_refused(
        host,
        BAD,
        &fields(&[
            "X-A : b\r\n",
            "X-A\t: b\r\n",
            " X-A: b\r\n",
            ": b\r\n",
            " : b\r\n",
            "X-A\r\n",
            "X A: b\r\n",
            "X-A b\r\n",
            "Content-Length : 0\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding\x0b: chunked\r\n",
        ]),
    );
}

pub(crate) fn field_name_bytes(host: &dyn Host) {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let messages: Vec<_> = (0..=255)
        // A colon ends the name, and line ends have cases of their own.
        .filter(|&byte| !token(byte) && !matches!(byte, b':' | b'\r' | b'\n'))
        .map(|byte| with_fields([b"X", &[byte][..], b"A: b\r\n"].concat()))
        .collect();
    all_refused(host, BAD, &messages);
}

pub(crate) fn field_values(host: &dyn Host) {
    all_refused(
        host,
        BAD,
        &fields(&[
            "X-A: \0\r\n",
            "X-A: a\0b\r\n",
            "Cookie: a\x0bb\r\n",
            "X-A: a\x1b[31mb\r\n",
            "X-A: b\x7f\r\n",
        ]),
    );
}

pub(crate) fn field_value_bytes(host: &dyn Host) {
    let messages: Vec<_> = (0..32)
        .chain([127])
        .filter(|&byte| !matches!(byte, b'\t' | b'\r' | b'\n'))
        .map(|byte| with_fields([b"X-A: b", &[byte][..], b"c\r\n"].concat()))
        .collect();
    all_refused(host, BAD, &messages);
}

pub(crate) fn obsolete_folding(host: &dyn Host) {
    all_refused(
        host,
        BAD,
        &fields(&[
            "X-A: b\r\n c\r\n",
            "X-A: b\r\n\tc\r\n",
            "X-A:\r\n b\r\n",
            "X-A: b\r\n \r\n",
            "Transfer-Encoding:\r\n chunked\r\n",
            "Content-Length:\r\n 5\r\n",
        ]),
    );
    let first = b"GET / HTTP/1.1\r\n X-A: b\r\nHost: a\r\n\r\n".to_vec();
    all_refused(host, BAD, &[first]);
}

pub(crate) fn bare_line_feeds(host: &dyn Host) {
    let messages = [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\nX-B: c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\n\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    all_refused(host, BAD, &messages.map(Vec::from));
}

pub(crate) fn bare_carriage_returns(host: &dyn Host) {
    let messages = [
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\r\n\r\n",
        "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    all_refused(host, BAD, &messages.map(Vec::from));
}

pub(crate) fn hosts(host: &dyn Host) {
    let mut messages = vec![b"GET / HTTP/1.1\r\n\r\n".to_vec()];
    for value in [
        "",
        " ",
        "a, b",
        "a,b",
        "a b",
        "u@a",
        "u:p@a",
        "a/b",
        "a?b",
        "a#b",
        "http://a",
        "a:b",
        "a:80:80",
        "a:123456",
        ":80",
        "[::1",
        "::1",
        "[::1]x",
        "[]",
        "a\\b",
        "caf\u{e9}.test",
        "a\"b",
        "<a>",
        "a\tb",
    ] {
        messages.push(format!("GET / HTTP/1.1\r\nHost: {value}\r\n\r\n").into());
    }
    for two in ["Host: a\r\nHost: a", "Host: a\r\nhost: b", "Host: a\r\nX-A: b\r\nHost: a"] {
        messages.push(format!("GET / HTTP/1.1\r\n{two}\r\n\r\n").into());
    }
    // HTTP/1.0 need not name a host, but not two or a malformed one either.
    messages.push(b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n".to_vec());
    messages.push(b"GET / HTTP/1.0\r\nHost: a/b\r\n\r\n".to_vec());
    all_refused(host, BAD, &messages);
}

pub(crate) fn connect(host: &dyn Host) {
    let targets = ["example.test:443", "example.test", "/", "*", "http://example.test/"];
    let messages = targets.map(|target| with_line(format!("CONNECT {target} HTTP/1.1")));
    all_refused(host, &[400, 405, 501], &messages);
}

pub(crate) fn asterisk(host: &dyn Host) {
    let methods = ["GET", "POST", "HEAD", "PURGE"];
    all_refused(host, BAD, &methods.map(|method| with_line(format!("{method} * HTTP/1.1"))));
    let server = Server::start(host);
    let mut connection = server.connect();
    connection.send(with_line("OPTIONS * HTTP/1.1"));
    let view = connection.response("OPTIONS").view();
    assert_eq!((view.one("target"), view.one("path_info")), ("*", ""));
}

pub(crate) fn not_http_at_all(host: &dyn Host) {
    let messages: [&[u8]; 8] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"{\"json\": true}\r\n\r\n",
        b"x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n%%%\r\n\r\n",
    ];
    all_refused(host, BAD, &messages.map(Vec::from));
}

pub(crate) fn malformed_behind_good_ones(host: &dyn Host) {
    let server = Server::start(host);
    let good = "GET /deaf HTTP/1.1\r\nHost: a\r\n\r\n";
    for _ in 0..5 {
        let mut connection = server.connect();
        connection.send(format!("{good}{good}G@T / HTTP/1.1\r\nHost: a\r\n\r\n{SMUGGLED}"));
        assert_eq!(connection.response("GET").whole(200).body, b"deaf");
        assert_eq!(connection.response("GET").whole(200).body, b"deaf");
        connection.response("GET").whole(400);
        assert!(connection.closes());
    }
    assert!(server.probe.seen().iter().all(|seen| seen == "GET /deaf"));
}

pub(crate) fn refusal_is_logged(host: &dyn Host) {
    let server = Server::start(host);
    let mut connection = server.connect();
    connection.send("GET /a HTTP/1.1\r\nHost: a\r\nX-A: \x1b[31mevil\r\nX B: c\r\n\r\n");
    connection.response("GET").whole(400);
    let line = server.journal.line(Level::Info, |line| line.contains("400"));
    assert!(line.bytes().all(|byte| byte >= b' '), "a client writes no control characters: {line}");
    let access = server.journal.accesses(1);
    assert_eq!((access[0].status, access[0].complete), (400, true));
}
