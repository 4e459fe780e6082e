//! Heads that pass and heads that do not.

use super::*;

#[test]
fn request_lines() {
    for line in [
        &b"GET / HTTP/1.1"[..],
        b"get / HTTP/1.1",
        b"-BLARGH /foo HTTP/1.1",
        b"M!#$%&'*+-.^_`|~09 / HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"OPTIONS / HTTP/1.1",
        b"OPTIONS http://a HTTP/1.1",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1",
        b"GET / HTTP/1.0",
    ] {
        passes(&join(&[line, b"\r\nHost: a\r\n\r\n"]), 1);
    }
    for (line, status) in [
        (&b"GET /"[..], 400),
        (b"GET", 400),
        (b"GET ", 400),
        (b" ", 400),
        (b" HTTP/1.1", 400),
        (b"GET HTTP/1.1", 400),
        (b"GET  HTTP/1.1", 400),
        (b" / HTTP/1.1", 400),
        (b" GET / HTTP/1.1", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET /  HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET\t/ HTTP/1.1", 400),
        (b"GET /\tHTTP/1.1", 400),
        (b"GET / a HTTP/1.1", 400),
        (b"GET: / HTTP/1.1", 400),
        (b"bla:rgh / HTTP/1.1", 400),
        (b"G\xc3\x89T / HTTP/1.1", 400),
        (b"GET / HTTP/0.9", 400),
        (b"GET / HTTP/1.10", 400),
        (b"GET / HTTP/111", 400),
        (b"GET / HTTP/0.99", 400),
        (b"GET / HTTP/1,1", 400),
        (b"GET / http/1.1", 400),
        (b"GET / FTP/1.1", 400),
        (b"GET / HTTP/1.2", 505),
        (b"GET / HTTP/2.0", 505),
        (b"GET / HTTP/0.8", 505),
        (b"PRI * HTTP/2.0", 505),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1", 501),
        (b"CONNECT a:443 HTTP/1.1", 400),
        (b"CONNECT / HTTP/1.1", 400),
        (b"GET * HTTP/1.1", 400),
        (b"OPTIONS *x HTTP/1.1", 400),
        (b"OPTIONS a:1 HTTP/1.1", 400),
    ] {
        refuses(&join(&[line, b"\r\nHost: a\r\n\r\n"]), status, Phase::Head);
    }
}

#[test]
fn targets() {
    for target in [
        &b"/"[..],
        b"//",
        b"/a%2Fb/%c3%a9?x=%41&y",
        b"/with_\"quotes\"?foo=\"bar\"",
        b"/x?page=1#posts",
        b"/..;\\^`{|}[]<>",
        b"http://a",
        b"http://a/b?c",
        b"HTTPS://a:8443/b",
        b"http://a?b",
        b"http://[::1]:8080/x",
    ] {
        passes(&of(target), 1);
    }
    for target in [
        &b"example.com:443"[..],
        b"foo/bar",
        b"?x",
        b"#x",
        b"http:",
        b"http:/a",
        b"http://",
        b"http:///x",
        b"http://:80/",
        b"http://user@a/",
        b"http://user:pass@a:8080/foo",
        b"http://a,b/",
        b"http://a:b/",
        b"http://[::1/",
        b"ftp://a/",
        b"s://]ufd/:",
        b"/\xe9",
        b"/caf\xc3\xa9",
        b"/x?\xff",
        b"http://caf\xc3\xa9/",
    ] {
        refuses(&of(target), 400, Phase::Head);
    }
}

#[test]
fn every_byte_everywhere() {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    for byte in 0..=u8::MAX {
        let places: [(Vec<u8>, bool); 5] = [
            (join(&[b"M", &[byte], b"M / HTTP/1.0\r\n\r\n"]), token(byte)),
            (of(&[b'/', b'a', byte, b'b']), byte.is_ascii_graphic()),
            (of(&[b'/', b'?', byte, b'b', b'c', b'd', b'e', b'f', b'g']), byte.is_ascii_graphic()),
            // A colon ends the name; what follows is then a value.
            (with(&[b'N', byte, b'N', b':', b'v']), token(byte) || byte == b':'),
            (with(&[b'N', b':', b'v', byte, b'v']), !byte.is_ascii_control() || byte == b'\t'),
        ];
        for (message, valid) in places {
            if valid {
                passes(&message, 1);
            } else {
                refuses(&message, 400, Phase::Head);
            }
        }
    }
}

#[test]
fn line_ends() {
    passes(b"\r\nGET / HTTP/1.0\r\n\r\n", 1);
    // As after the body of an old client: held, since a request line may follow.
    let outcome = judge(b"GET / HTTP/1.0\r\n\r\n\r\n");
    assert_eq!((outcome.passed.len(), outcome.refusal, outcome.phase), (18, None, Phase::Idle));
    for head in [
        &b"\r\n\r\nGET / HTTP/1.0\r\n\r\n"[..],
        b"\nGET / HTTP/1.0\r\n\r\n",
        b"\rGET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\n\r\n",
        b"GET / HTTP/1.0\r\r\n\r\n",
        b"GET / HTTP/1.0\r\n\n",
        b"GET / HTTP/1.0\r\n\rX: y\r\n\r\n",
        b"GET / HTTP/1.0\r\nX: y\n\r\n",
        b"GET / HTTP/1.0\r\nX: y\nZ: z\r\n\r\n",
        b"GET / HTTP/1.0\r\nX: y\rZ: z\r\n\r\n",
        b"GET / HTTP/1.0\r\nX: y\n\n",
        b"\x16\x03\x01\x02", // a TLS client on a port without TLS need not wait
    ] {
        refuses(head, 400, Phase::Head);
    }
}

#[test]
fn hosts() {
    let of = |version: &str, hosts: &[&str]| {
        let mut head = format!("GET / HTTP/{version}\r\n").into_bytes();
        for host in hosts {
            head.extend(format!("hOsT:{host}\r\n").bytes());
        }
        join(&[&head, b"\r\n"])
    };
    passes(&of("1.1", &[" a.example:80 "]), 1);
    passes(&of("1.1", &["[::1]"]), 1);
    passes(&of("1.0", &[" a"]), 1);
    passes(&of("1.0", &[]), 1);
    for hosts in [
        &[][..],
        &[""],
        &[" \t "],
        &["a", "a"],
        &["a", "b"],
        &["a, b"],
        &["u@a"],
        &["a/b"],
        &["a b"],
        &["http://a"],
        &["caf\u{e9}"],
    ] {
        refuses(&of("1.1", hosts), 400, Phase::Head);
        if !hosts.is_empty() {
            refuses(&of("1.0", hosts), 400, Phase::Head);
        }
    }
    refuses(b"GET http://a/ HTTP/1.1\r\n\r\n", 400, Phase::Head);
}

#[test]
fn fields() {
    for line in [
        &b"X:"[..],
        b"X:y",
        b"X: \t y \t ",
        b"X: caf\xe9 \xff",
        b"X.Custom|Pipe: ok",
        b"a:++++++++",
        b"X: :",
        b"Content-Type: a/b",
    ] {
        passes(&with(line), 1);
    }
    for line in [
        &b"X"[..],
        b":",
        b": y",
        b"X : y",
        b"X\t: y",
        b" X: y",
        b"X: y\r\n z",
        b"X: y\r\n\tz",
        b"X: y\r\n ",
        b"X Y: z",
        b"X\xe9: y",
        b"X: y\0",
        b"Content-Type: a/b\r\ncontent-type: a/b",
    ] {
        refuses(&with(line), 400, Phase::Head);
    }
}

#[test]
fn content_lengths() {
    for line in [&b"Content-Length: 5"[..], b"content-length:5", b"CONTENT-LENGTH:\t00005 "] {
        passes(&join(&[&with(line), b"hello"]), 1);
        passes(&join(&[&with(line), b"hello", &with(line), b"12345", &of(b"/")]), 3);
    }
    passes(&with(b"Content-Length: 0"), 1);
    let outcome = judge(&join(&[&with(b"Content-Length: 9999999999999999999"), b"hello"]));
    assert_eq!((outcome.refusal, outcome.phase), (None, Phase::Body));
    for value in [
        "",
        " ",
        "+5",
        "-5",
        "-0",
        "0x5",
        "5.0",
        "1e1",
        "0_1",
        "5 5",
        "5,5",
        "5, 5",
        "5,",
        "\"5\"",
        "\u{b2}",
        "five",
        "10000000000000000000",
        "00000000000000000005",
        "18446744073709551621",
    ] {
        let line = format!("Content-Length: {value}");
        refuses(&with(line.as_bytes()), 400, Phase::Head);
        let head = format!("POST / HTTP/1.0\r\n{line}\r\n\r\n");
        refuses(head.as_bytes(), 400, Phase::Head);
    }
    refuses(&with(b"Content-Length: 5\r\nContent-Length: 5"), 400, Phase::Head);
    refuses(&with(b"Content-Length: 5\r\nX: y\r\ncontent-length: 6"), 400, Phase::Head);
}

#[test]
fn transfer_encodings() {
    for value in ["chunked", " Chunked\t", "CHUNKED"] {
        let line = format!("transfer-encoding:{value}");
        passes(&join(&[&with(line.as_bytes()), b"0\r\n\r\n"]), 1);
        let old = format!("POST / HTTP/1.0\r\n{line}\r\n\r\n");
        refuses(old.as_bytes(), 400, Phase::Head);
    }
    for value in ["gzip, chunked", "identity,chunked", "gzip ,\tdeflate, Chunked"] {
        refuses(&with(format!("Transfer-Encoding: {value}").as_bytes()), 501, Phase::Head);
    }
    for value in [
        "",
        ",",
        "gzip",
        "identity",
        "xchunked",
        "chunkedx",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "gzip,,chunked",
        "gzip chunked",
        "chunked;q=1",
        "\"chunked\"",
        "chunked\u{a0}",
        "x y, chunked",
        "chunked, gzip, chunked",
        "chun_ked",
    ] {
        refuses(&with(format!("Transfer-Encoding: {value}").as_bytes()), 400, Phase::Head);
    }
    for lines in [
        &b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"[..],
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 0\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding: \x0bchunked",
    ] {
        refuses(&with(lines), 400, Phase::Head);
    }
}
