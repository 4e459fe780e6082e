//! What the guard passes and refuses, however the bytes arrive.

use super::*;

/// A small generator of numbers, so that every run sees the same ones (xorshift64*).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

/// What became of a connection's bytes.
#[derive(Debug, Eq, PartialEq)]
struct Outcome {
    passed: Vec<u8>,
    refusal: Option<Refusal>,
    phase: Phase,
    heads: u64,
    underscores: bool,
}

/// Feeds `bytes` in pieces that end at `cuts`.
fn feed(bytes: &[u8], cuts: impl Iterator<Item = usize>, limits: &Limits) -> Outcome {
    let mut guard = Guard::new(limits);
    let (mut passed, mut refusal) = (Vec::new(), None);
    for cut in cuts.chain([bytes.len()]) {
        let held = &bytes[passed.len()..cut];
        let Inspection { pass, rest } = guard.inspect(held);
        passed.extend(&held[..pass]);
        match rest {
            Rest::Nothing => assert_eq!(pass, held.len()),
            Rest::Incomplete => assert!(pass < held.len()),
            Rest::Refuse(because) => refusal = Some(because),
        }
        if refusal.is_some() {
            break;
        }
    }
    let (phase, heads, underscores) = (guard.phase(), guard.heads(), guard.underscores());
    if let Some(refusal) = refusal {
        let again = guard.inspect(b"GET / HTTP/1.0\r\n\r\n");
        assert_eq!(again, Inspection { pass: 0, rest: Rest::Refuse(refusal) });
    }
    Outcome { passed, refusal, phase, heads, underscores }
}

/// Feeds `bytes` whole, and asserts that cutting them up makes no difference.
fn judge_within(bytes: &[u8], limits: &Limits) -> Outcome {
    let whole = feed(bytes, std::iter::empty(), limits);
    let same = |other: Outcome, how: &str| {
        assert_eq!(other, whole, "{how}: {}", bytes.escape_ascii());
    };
    same(feed(bytes, 0..bytes.len(), limits), "byte by byte");
    if bytes.len() < 1000 {
        for cut in 0..bytes.len() {
            same(feed(bytes, std::iter::once(cut), limits), "in two");
        }
    }
    let mut random = Random(bytes.len() as u64 + 1);
    for pieces in 2..10 {
        let mut cuts: Vec<_> = (0..pieces).map(|_| random.below(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        same(feed(bytes, cuts.into_iter(), limits), "in pieces");
    }
    whole
}

fn judge(bytes: &[u8]) -> Outcome {
    judge_within(bytes, &Limits::default())
}

#[track_caller]
fn passes(bytes: &[u8], heads: u64) {
    let outcome = judge(bytes);
    assert_eq!(outcome.refusal, None, "{}", bytes.escape_ascii());
    assert_eq!(outcome.passed, bytes);
    assert_eq!((outcome.phase, outcome.heads), (Phase::Idle, heads), "{}", bytes.escape_ascii());
}

#[track_caller]
fn refuses(bytes: &[u8], status: u16, during: Phase) {
    let outcome = judge(bytes);
    let found = outcome.refusal.map(|refusal| (refusal.status.as_u16(), refusal.during));
    assert_eq!(found, Some((status, during)), "{}", bytes.escape_ascii());
    assert_eq!(outcome.heads, u64::from(during == Phase::Body), "{}", bytes.escape_ascii());
    assert_eq!(outcome.passed.is_empty(), during == Phase::Head, "{}", bytes.escape_ascii());
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A request of HTTP/1.1 with a Host and `lines`.
fn with(lines: &[u8]) -> Vec<u8> {
    join(&[b"POST /x HTTP/1.1\r\nHost: a\r\n", lines, b"\r\n\r\n"])
}

/// A request with `body` in chunks.
fn chunked(body: &[u8]) -> Vec<u8> {
    join(&[b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", body])
}

/// A GET of `target`.
fn of(target: &[u8]) -> Vec<u8> {
    join(&[b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"])
}

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
        let mut head = format!("GET / HTTP/{version}\r\n");
        for host in hosts {
            head.push_str(&format!("hOsT:{host}\r\n"));
        }
        (head + "\r\n").into_bytes()
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
        "", " ", "+5", "-5", "-0", "0x5", "5.0", "1e1", "0_1", "5 5", "5,5", "5, 5", "5,", "\"5\"",
        "\u{b2}", "five", "10000000000000000000", "00000000000000000005", "18446744073709551621",
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
        "", ",", "gzip", "identity", "xchunked", "chunkedx", "chunked, gzip", "chunked, chunked",
        "chunked,", ",chunked", "gzip,,chunked", "gzip chunked", "chunked;q=1", "\"chunked\"",
        "chunked\u{a0}", "x y, chunked", "chunked, gzip, chunked", "chun_ked",
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

#[test]
fn chunks() {
    for body in [
        &b"0\r\n\r\n"[..],
        b"5\r\nhello\r\n0\r\n\r\n",
        b"0005\r\nhello\r\n000\r\n\r\n",
        b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        b"2\r\n\r\n\r\n0\r\n\r\n",
        b"0000000000000001\r\nx\r\n0000000000000000\r\n\r\n",
        b"5; some; parameters=stuff\r\nhello\r\n0;last\r\n\r\n",
        b"1 ; a = b\t;c=\"d;\\\"\te\xe9\" ;f\r\nx\r\n0\r\n\r\n",
        b"1;a=\"\"\r\nx\r\n0\r\n\r\n",
        b"0\r\nVary: *\r\nX-Sum:\r\n\r\n",
    ] {
        passes(&chunked(body), 1);
        passes(&join(&[&chunked(body), &chunked(body), &of(b"/next")]), 3);
    }
    for body in [
        &b"\r\n"[..],
        b"\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5_0\r\n",
        b"g\r\n",
        b"00000000000000001\r\nx\r\n",
        b"10000000000000000\r\n",
        b"5 \r\nhello\r\n",
        b"5\t\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\n;\r\nhello\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\rx",
        b"5\r\nhello!\r\n",
        b"5;\r\nhello\r\n",
        b"5;;a\r\nhello\r\n",
        b"5;a;\r\nhello\r\n",
        b"5;a \r\nhello\r\n",
        b"5;a=\r\nhello\r\n",
        b"5;=b\r\nhello\r\n",
        b"5;a b\r\nhello\r\n",
        b"5;a=b c\r\nhello\r\n",
        b"5;a@\r\nhello\r\n",
        b"5;a=\"b\r\nhello\r\n",
        b"5;a=\"b\\\"\r\nhello\r\n",
        b"5;a=\"b\"c\r\nhello\r\n",
        b"5;a=\"b\\\r\nhello\r\n",
        b"5 a\r\nhello\r\n",
        b"5,a\r\nhello\r\n",
        b"5;a=\x0bb\r\nhello\r\n",
        b"5;a=b\rc\r\nhello\r\n",
        b"5;a=b\nhello\r\n",
        b"5;a\0\r\nhello\r\n",
        b"0\r\nVary: *\n\r\n",
        b"0\r\n\n",
        b"0\r\n\rx",
        b"0\r\n X: y\r\n\r\n",
        b"0\r\nX: y\r\n z\r\n\r\n",
        b"0\r\nX : y\r\n\r\n",
        b"0\r\nX\r\n\r\n",
        b"0\r\nX: \x7f\r\n\r\n",
        b"0\r\nContent-Length: 99\r\n\r\n",
        b"0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"0\r\nHost: a\r\n\r\n",
    ] {
        refuses(&chunked(body), 400, Phase::Body);
    }
}

#[test]
fn chunk_extensions_are_bounded() {
    let chunk = |size: usize| format!("1;{}\r\nx\r\n", "a".repeat(size));
    let long = |sizes: &[usize]| {
        let chunks: String = sizes.iter().map(|size| chunk(*size)).collect();
        chunked((chunks + "0\r\n\r\n").as_bytes())
    };
    passes(&long(&[4096 - 4]), 1);
    refuses(&long(&[4096 - 3]), 400, Phase::Body);
    passes(&long(&[4095, 4095, 4095, 4095].map(|size| size - 4)), 1);
    refuses(&long(&[4090, 4090, 4090, 4090, 30]), 400, Phase::Body);
    // Without an end they are held up to the limit only.
    refuses(&chunked(&[b'1'; 4096]), 400, Phase::Body);
}

#[test]
fn heads_are_bounded() {
    let mut limits = Limits::default();
    limits.head_size = 100;
    limits.header_count = 3;
    let status = |bytes: &[u8]| {
        let outcome = judge_within(bytes, &limits);
        outcome.refusal.map(|refusal| refusal.status.as_u16())
    };
    let fill = "x".repeat(100);
    let line = |size: usize| format!("GET /{} HTTP/1.0\r\n\r\n", &fill[..size - 18]);
    assert_eq!(status(line(100).as_bytes()), None);
    assert_eq!(status(line(101).as_bytes()), Some(431));
    assert_eq!(status(line(102).as_bytes()), Some(431));
    assert_eq!(status(line(103).as_bytes()), Some(414));
    assert_eq!(status(format!("GET /{fill}").as_bytes()), Some(414));
    let field = |size: usize| format!("GET / HTTP/1.0\r\nX:{}\r\n\r\n", &fill[..size - 22]);
    assert_eq!(status(field(100).as_bytes()), None);
    assert_eq!(status(field(101).as_bytes()), Some(431));
    assert_eq!(status(field(102).as_bytes()), Some(431));
    assert_eq!(status(field(103).as_bytes()), Some(431));
    let count = |count: usize| format!("GET / HTTP/1.0\r\n{}\r\n", "X:\r\n".repeat(count));
    assert_eq!(status(count(3).as_bytes()), None);
    assert_eq!(status(count(4).as_bytes()), Some(431));
    // What comes first decides: here the broken line, there the limit.
    assert_eq!(status(format!("GET / HTTP/1.0\r\nX\r\nX:{fill}").as_bytes()), Some(400));
    assert_eq!(status(format!("GET /{fill}\0").as_bytes()), Some(414));
    // Every head has its own limit.
    assert_eq!(status((field(100) + &field(100) + &line(100)).as_bytes()), None);
    let body = |trailers: &str| format!("0\r\n{trailers}\r\n");
    let head = "POST / HTTP/1.1\r\nHost:a\r\nTransfer-Encoding:chunked\r\n\r\n";
    let trailer = |size: usize| body(&format!("X:{}\r\n", &fill[..size - 4]));
    assert_eq!(status((head.to_owned() + &trailer(98)).as_bytes()), None);
    assert_eq!(status((head.to_owned() + &trailer(99)).as_bytes()), Some(400));
    assert_eq!(status((head.to_owned() + &body(&"X:\r\n".repeat(3))).as_bytes()), None);
    assert_eq!(status((head.to_owned() + &body(&"X:\r\n".repeat(4))).as_bytes()), Some(400));
}

#[test]
fn phases() {
    let mut guard = Guard::new(&Limits::default());
    assert_eq!(guard.phase(), Phase::Idle);
    let mut hold = |bytes: &[u8], pass, phase| {
        assert_eq!(guard.inspect(bytes).pass, pass, "{}", bytes.escape_ascii());
        assert_eq!(guard.phase(), phase, "{}", bytes.escape_ascii());
    };
    hold(b"\r", 0, Phase::Idle);
    hold(b"\r\n", 0, Phase::Idle);
    hold(b"\r\nP", 0, Phase::Head);
    let head = with(b"Content-Length: 2");
    hold(&join(&[b"\r\n", &head]), head.len() + 2, Phase::Body);
    hold(b"a", 1, Phase::Body);
    hold(b"b", 1, Phase::Idle);
    hold(&head[..20], 0, Phase::Head);
    hold(&join(&[&head, b"ab"]), head.len() + 2, Phase::Idle);
    let head = chunked(b"");
    hold(&head, head.len(), Phase::Body);
    hold(b"1\r", 0, Phase::Body);
    hold(b"1\r\n", 3, Phase::Body);
    hold(b"x\r", 1, Phase::Body);
    hold(b"\r\n0\r\nX: y", 5, Phase::Body);
    hold(b"X: y\r\n\r\n", 8, Phase::Idle);
    assert_eq!(guard.heads(), 3);
}

#[test]
fn underscores_are_remembered() {
    assert!(!judge(&with(b"X-Y: a_b")).underscores);
    assert!(!judge(b"GET_IT /_ HTTP/1.1\r\nHost: _\r\n\r\n").underscores);
    for message in [
        with(b"X_Y: a"),
        with(b"Content_Length: 5"),
        chunked(b"0\r\nX_: y\r\n\r\n"),
        join(&[&with(b"_: a"), &of(b"/")]),
    ] {
        assert!(judge(&message).underscores, "{}", message.escape_ascii());
    }
}

#[test]
fn nothing_passes_after_a_refusal() {
    let good = of(b"/good");
    for bad in [of(b"bad"), with(b"Content-Length: 5, 5"), of(b"/").replace_line_ends()] {
        let outcome = judge(&join(&[&good, &bad, &good]));
        assert_eq!((outcome.passed, outcome.heads), (good.clone(), 1));
        assert!(outcome.refusal.is_some());
    }
}

trait ReplaceLineEnds {
    fn replace_line_ends(self) -> Self;
}

impl ReplaceLineEnds for Vec<u8> {
    fn replace_line_ends(mut self) -> Self {
        self.retain(|byte| *byte != b'\r');
        self
    }
}

/// Messages that mutations start from.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    vec![
        of(b"/a?b"),
        of(b"http://a/b"),
        with(b"Content-Length: 5\r\nX: y\r\n\r\nhello"),
        chunked(b"5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n"),
        b"\r\nPUT /a HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc".to_vec(),
    ]
}

/// Changes a few bytes of a row of seeds.
pub(super) fn mutate(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 14] = [
        b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b":", b",", b";", b"_", b"\xff", b"0",
        b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n",
    ];
    let seeds = seeds();
    let mut bytes = Vec::new();
    for _ in 0..=random.below(3) {
        bytes.extend(&seeds[random.below(seeds.len())]);
    }
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len());
        let piece = PIECES[random.below(PIECES.len())];
        match random.below(4) {
            0 => drop(bytes.splice(at..at, piece.iter().copied())),
            1 => drop(bytes.remove(at)),
            2 => bytes[at] = piece[0],
            _ => bytes[at] = u8::try_from(random.below(256)).unwrap(),
        }
    }
    bytes
}

#[test]
fn mutations_change_no_rule() {
    let mut random = Random(7);
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..2000 {
        match judge(&mutate(&mut random)).refusal {
            Some(_) => refused += 1,
            None => passed += 1,
        }
    }
    assert!(passed > 200 && refused > 200, "{passed} {refused}");
}

#[test]
fn garbage_does_no_harm() {
    let mut random = Random(11);
    for _ in 0..2000 {
        let size = random.below(60) + 1;
        let bytes: Vec<_> = (0..size).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        judge(&bytes);
        judge(&chunked(&bytes));
    }
}

#[test]
fn a_dribbled_head_is_scanned_once() {
    // Were each call to start over, this would look at two thousand million bytes.
    let mut head = b"GET / HTTP/1.0\r\nX: ".to_vec();
    head.resize(64 * 1024 - 4, b'y');
    head.extend(b"\r\n\r\n");
    let outcome = feed(&head, 0..head.len(), &Limits::default());
    assert_eq!((outcome.refusal, outcome.heads), (None, 1));
}

/// To be run under `valgrind --tool=callgrind` with two counts: the difference is what a head
/// costs, without what the process costs.
#[test]
#[ignore = "a measurement"]
fn cost() {
    let number = |name: &str| std::env::var(name).map_or(1, |text| text.parse().unwrap());
    let heads: [&[u8]; 2] = [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
        b"GET /articles/2026/11?page=2 HTTP/1.1\r\n\
          Host: www.example.com\r\n\
          User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
          Chrome/131.0.0.0 Safari/537.36\r\n\
          Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
          image/apng,*/*;q=0.8\r\n\
          Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7\r\n\
          Accept-Encoding: gzip, deflate, br, zstd\r\n\
          Referer: https://www.example.com/articles/2026/11?page=1\r\n\
          Cookie: sessionid=7d4f2a91c05e4b5f8a3c6d7e9f01b2c3; csrftoken=Zk3vQ8mN1xR5tY7uW9pL2sD4fG6\
          hJ0kB; theme=dark; consent=1; _ga=GA1.2.1234567890.1700000000\r\n\
          Connection: keep-alive\r\n\r\n",
    ];
    let head = heads[number("GUARD_HEAD") - 1];
    let mut guard = Guard::new(&Limits::default());
    let count = number("GUARD_COUNT");
    for _ in 0..count {
        let pass = guard.inspect(std::hint::black_box(head)).pass;
        assert_eq!(std::hint::black_box(pass), head.len());
    }
}
