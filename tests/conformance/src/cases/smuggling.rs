//! Messages whose end two servers would find at different places (RFC 9112, 11.2).

use super::refusal::{SMUGGLED, all_bodies_refused, all_refused};
use crate::{Host, Server};

const BAD: &[u16] = &[400];
/// 501 is for codings that are well-formed and unknown (RFC 9112, 6.1).
const UNKNOWN: &[u16] = &[400, 501];

fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /count HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}").into()
}

fn chunked(body: &str) -> Vec<u8> {
    post("Transfer-Encoding: chunked", &format!("{body}{SMUGGLED}"))
}

pub(crate) fn both_framings(host: &dyn Host) {
    let body = format!("0\r\n\r\n{SMUGGLED}");
    let messages = [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "transfer-encoding: chunked\r\nX-A: b\r\ncontent-length: 4",
        "Content-Length: 4\r\nTransfer-Encoding: identity",
        "Content-Length: 4\r\nTransfer-Encoding:",
        "Content-Length: 4\r\nTransfer-Encoding: xchunked",
    ];
    all_refused(host, UNKNOWN, &messages.map(|fields| post(fields, &body)));
}

pub(crate) fn repeated_content_length(host: &dyn Host) {
    let body = format!("abcde{SMUGGLED}");
    let messages = [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 5\r\nX-A: b\r\ncontent-length: 5",
        "Content-Length: 5\r\nContent-Length:",
        "Content-Length: 5, 5",
        "Content-Length: 5,5",
        "Content-Length: 5,6",
        "Content-Length: 5, ",
        "Content-Length: ,5",
    ];
    all_refused(host, BAD, &messages.map(|fields| post(fields, &body)));
}

pub(crate) fn content_length_forms(host: &dyn Host) {
    let body = format!("0123456789{SMUGGLED}");
    let messages = [
        "+10",
        "-10",
        "-0",
        "0x10",
        "0xa",
        "0b10",
        "1e1",
        "10.0",
        "1_0",
        "1 0",
        "10;",
        "\"10\"",
        "ten",
        "",
        " ",
        "a",
        "10a",
        "a10",
        "10 a",
        "\u{663}",
        "18446744073709551616",
        "99999999999999999999999999",
    ];
    let messages = messages.map(|length| post(&format!("Content-Length: {length}"), &body));
    all_refused(host, BAD, &messages);
    let control = [b"\x0b10", b"10\x0c", b"1\x000"].map(|length| {
        let fields = [b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: ", &length[..]].concat();
        [&fields[..], b"\r\n\r\n0123456789"].concat()
    });
    all_refused(host, BAD, &control);
}

pub(crate) fn transfer_codings(host: &dyn Host) {
    let body = format!("0\r\n\r\n{SMUGGLED}");
    let messages = [
        "gzip, chunked",
        "gzip,chunked",
        "chunked, chunked",
        "chunked,chunked",
        "chunked, gzip",
        "gzip",
        "identity",
        "identity, chunked",
        "chunked, identity",
        "xchunked",
        "x chunked",
        "chunkedx",
        "chunked;q=1",
        "chunked ; a=b",
        "chunked,",
        ",chunked",
        ", chunked",
        "",
        " ",
        "\"chunked\"",
        "'chunked'",
        "chunke",
        "chunked chunked",
        "cow",
        "chunked, cow",
        "chunked\u{a0}",
    ];
    let messages = messages.map(|coding| post(&format!("Transfer-Encoding: {coding}"), &body));
    all_refused(host, UNKNOWN, &messages);
    let repeated = [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    ];
    all_refused(host, UNKNOWN, &repeated.map(|fields| post(fields, &body)));
}

pub(crate) fn transfer_encoding_of_http_1_0(host: &dyn Host) {
    let messages = ["", "Connection: keep-alive\r\n"].map(|more| {
        let fields = format!("Host: a\r\n{more}Transfer-Encoding: chunked");
        format!("POST /count HTTP/1.0\r\n{fields}\r\n\r\n0\r\n\r\n{SMUGGLED}").into()
    });
    all_refused(host, BAD, &messages);
}

pub(crate) fn chunk_sizes(host: &dyn Host) {
    let messages = [
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3h\r\nabc\r\n0\r\n\r\n",
        "g\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\t\r\nabc\r\n0\r\n\r\n",
        "3 3\r\nabc\r\n0\r\n\r\n",
        "3_0\r\nabc\r\n0\r\n\r\n",
        "3,3\r\nabc\r\n0\r\n\r\n",
        "3.0\r\nabc\r\n0\r\n\r\n",
        "\"3\"\r\nabc\r\n0\r\n\r\n",
        "\u{663}\r\nabc\r\n0\r\n\r\n",
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "ffffffffffffffff0\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n-0\r\n\r\n",
        "3\r\nabc\r\n0 0\r\n\r\n",
        "3\r\nabc\r\nx\r\n\r\n",
    ];
    all_bodies_refused(host, BAD, &messages.map(chunked));
}

pub(crate) fn chunk_extensions(host: &dyn Host) {
    let messages = [
        "3;\r\nabc\r\n0\r\n\r\n",
        "3;;\r\nabc\r\n0\r\n\r\n",
        "3;=\r\nabc\r\n0\r\n\r\n",
        "3;=b\r\nabc\r\n0\r\n\r\n",
        "3;a=\r\nabc\r\n0\r\n\r\n",
        "3;a b\r\nabc\r\n0\r\n\r\n",
        "3;a=b c\r\nabc\r\n0\r\n\r\n",
        "3;a=\"b\r\nabc\r\n0\r\n\r\n",
        "3;a\0b\r\nabc\r\n0\r\n\r\n",
        "3;a\x01\r\nabc\r\n0\r\n\r\n",
        "3;a\x7f\r\nabc\r\n0\r\n\r\n",
        "3;a\n0\r\n\r\nabc\r\n0\r\n\r\n",
        "3;a\rb\r\nabc\r\n0\r\n\r\n",
        "3;a[]\r\nabc\r\n0\r\n\r\n",
        "3;a=b;\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n0;\r\n\r\n",
    ];
    all_bodies_refused(host, BAD, &messages.map(chunked));
    let long = format!("3;{}\r\nabc\r\n0\r\n\r\n", "a".repeat(100_000));
    all_bodies_refused(host, &[400, 413, 431], &[chunked(&long)]);
}

pub(crate) fn chunk_terminators(host: &dyn Host) {
    let messages = [
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc\r\n0\n\r\n",
        "3\r\nabc\r\n0\r\n\n",
        "3\r\nabc\r\n0\n\n",
        "3\rabc\r\n0\r\n\r\n",
        "3\r\nabc\r0\r\n\r\n",
        "3\r\nabc\r\n0\r\n\r",
        "3\r\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nab\r\n0\r\n\r\n",
        "3\r\nabcXX0\r\n\r\n",
        "3\r\nabc\n\r0\r\n\r\n",
        "3\r\nabc \r\n0\r\n\r\n",
        "3\r\nabc\r\n\r\n0\r\n\r\n",
    ];
    all_bodies_refused(host, BAD, &messages.map(chunked));
}

pub(crate) fn trailers(host: &dyn Host) {
    let messages = [
        "3\r\nabc\r\n0\r\nX-A: b\n\r\n",
        "3\r\nabc\r\n0\r\nX-A : b\r\n\r\n",
        "3\r\nabc\r\n0\r\nX A: b\r\n\r\n",
        "3\r\nabc\r\n0\r\n X-A: b\r\n\r\n",
        "3\r\nabc\r\n0\r\nX-A: b\r\n c\r\n\r\n",
        "3\r\nabc\r\n0\r\n: b\r\n\r\n",
        "3\r\nabc\r\n0\r\nX-A: \0\r\n\r\n",
        "3\r\nabc\r\n0\r\nX-A: b\rc\r\n\r\n",
        "3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
        "3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "3\r\nabc\r\n0\r\nHost: b\r\n\r\n",
    ];
    all_bodies_refused(host, BAD, &messages.map(chunked));
}

/// Malformed framing ends the connection even where the application does not look at the body.
pub(crate) fn smuggled_behind_an_unread_body(host: &dyn Host) {
    let server = Server::start(host);
    for body in ["3\r\nabcd\r\n0\r\n\r\n", "3h\r\nabc\r\n0\r\n\r\n", "3\r\nabc\n0\r\n\r\n", "x\r\n"]
    {
        let mut connection = server.connect();
        let head = "POST /deaf HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.send(format!("{head}{body}{SMUGGLED}"));
        connection.end();
        while let Ok(Some(response)) = connection.try_response("GET") {
            assert!(matches!(response.status, 200 | 400), "{response:?}");
        }
    }
    assert!(server.probe.seen().iter().all(|seen| seen == "POST /deaf"));
}

/// The application must not believe that the body is whole.
pub(crate) fn body_cut_by_the_client(host: &dyn Host) {
    let server = Server::start(host);
    for message in [
        post("Content-Length: 10", "abc"),
        post("Transfer-Encoding: chunked", ""),
        post("Transfer-Encoding: chunked", "5\r\nab"),
        post("Transfer-Encoding: chunked", "3\r\nabc\r\n"),
        post("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n"),
    ] {
        let mut connection = server.connect();
        connection.send(&message);
        connection.end();
        let answer = connection.try_response("POST").expect("a refusal or the end");
        assert!(answer.is_none_or(|answer| answer.status == 400), "{}", message.escape_ascii());
    }
}
