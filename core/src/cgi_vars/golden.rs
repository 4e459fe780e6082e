//! Environments that real hosts handed to a CGI program, read as requests.

use bytes::Bytes;
use http::Version;

use super::{Variables, request_from_variables};
use crate::RequestHead;

macro_rules! golden {
    ($name:literal) => {
        read(include_bytes!(concat!("../../../tests/golden/", $name, ".env")))
    };
}

/// The request of a file of lines `NAME=value`, with `\xNN` for bytes that are not printable.
fn read(file: &[u8]) -> RequestHead {
    let lines = file.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let variables: Variables = lines
        .map(|line| {
            let equals = line.iter().position(|&byte| byte == b'=').unwrap();
            (Bytes::copy_from_slice(&line[..equals]), unescaped(&line[equals + 1..]))
        })
        .collect();
    request_from_variables(variables).unwrap()
}

fn unescaped(mut text: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    loop {
        text = match text {
            [] => return bytes.into(),
            [b'\\', b'x', high, low, rest @ ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest
            }
            [b'\\', b'\\', rest @ ..] => {
                bytes.push(b'\\');
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}

fn field<'a>(head: &'a RequestHead, name: &str) -> Option<&'a [u8]> {
    head.headers.get(name).map(http::HeaderValue::as_bytes)
}

/// What the embedded server would say of the same request, whatever the host did to it.
fn assert_post(head: &RequestHead, multi: &[u8], cookie: &[u8]) {
    assert_eq!(head.method, "POST");
    assert_eq!(head.version, Version::HTTP_11);
    assert_eq!(head.mount(), b"/cgi-bin/dump.cgi");
    assert_eq!(*head.path_info(), *b"/a/b//c d/%2c/\xe3\x81\x82/y");
    assert_eq!(head.query(), b"q=%41&x=1");
    assert_eq!(*head.target(), *b"/cgi-bin/dump.cgi/a%2Fb//c%20d/%252c/%E3%81%82/x/../y?q=%41&x=1");
    assert_eq!(field(head, "content-length"), Some(b"7".as_slice()));
    assert_eq!(field(head, "content-type"), Some(b"application/x-www-form-urlencoded".as_slice()));
    assert_eq!(field(head, "authorization"), Some(b"Basic dTpw".as_slice()));
    assert_eq!(field(head, "x-latin"), Some(b"caf\xe9".as_slice()));
    assert_eq!(field(head, "x-forwarded-for"), Some(b"good".as_slice()));
    assert_eq!(field(head, "x-multi"), Some(multi));
    assert_eq!(field(head, "cookie"), Some(cookie));
    assert_eq!(field(head, "proxy"), None);
    assert_eq!(head.connection.client.host, "127.0.0.1");
    assert!(head.connection.client.port.is_some());
    assert_eq!(head.gateway.as_ref().unwrap().authentication, None);
    assert!(head.variables().iter().any(|(name, _)| name == "SCRIPT_FILENAME"));
}

#[test]
fn a_doubtful_post() {
    // Apache joins cookies as it joins everything else; nobody can tell them apart afterwards.
    assert_post(&golden!("apache-post"), b"1, 2", b"a=1, b=2");
    assert_post(&golden!("lighttpd-post"), b"1, 2", b"a=1; b=2");
    // nginx sends a variable for each field, and REMOTE_USER from a password it never checked.
    assert_post(&golden!("nginx-post"), b"1, 2", b"a=1; b=2");
}

#[test]
fn nothing_below_the_mount() {
    for head in [golden!("apache-plain"), golden!("lighttpd-plain")] {
        assert_eq!(head.method, "GET");
        assert_eq!(head.mount(), b"/cgi-bin/dump.cgi");
        assert_eq!(*head.path_info(), *b"");
        assert_eq!(head.query(), b"");
        assert_eq!(field(&head, "content-length"), None);
        assert!(field(&head, "host").unwrap().starts_with(b"127.0.0.1:1847"));
    }
}

#[test]
fn a_chunked_body() {
    // lighttpd waits for the body and measures it; Apache passes it on as it comes.
    let head = golden!("lighttpd-chunked");
    assert_eq!(field(&head, "content-length"), Some(b"5".as_slice()));
    let head = golden!("apache-chunked");
    assert_eq!(field(&head, "content-length"), None);
    assert_eq!(field(&head, "transfer-encoding"), None);
    assert_eq!(field(&head, "authorization"), None); // handed down empty
}

#[test]
fn a_rewritten_url() {
    let head = golden!("apache-pretty");
    assert_eq!(head.mount(), b"/cgi-bin/dump.cgi");
    assert_eq!(*head.path_info(), *b"/a/b/c");
    assert_eq!(head.query(), b"q=1");
    assert_eq!(*head.target(), *b"/pretty/a%2Fb//c?q=1");
}

#[test]
fn no_host() {
    let head = golden!("apache-isindex");
    assert_eq!(head.version, Version::HTTP_10);
    assert_eq!(head.query(), b"-s+-d");
    assert_eq!(field(&head, "host"), Some(b"www.example.org".as_slice()));
    assert_eq!(head.connection.server.port, Some(80));
    assert_eq!(golden!("lighttpd-isindex").query(), b"-s+-d");
}

#[test]
fn an_absolute_target() {
    for head in [golden!("apache-absolute"), golden!("lighttpd-absolute")] {
        assert_eq!(head.mount(), b"/cgi-bin/dump.cgi");
        assert_eq!(*head.path_info(), *b"/abs//x");
        assert_eq!(head.query(), b"q=1");
        assert_eq!(*head.target(), *b"/cgi-bin/dump.cgi/abs//x?q=1");
        assert_eq!(field(&head, "host"), Some(b"www.example.org".as_slice()));
    }
}
