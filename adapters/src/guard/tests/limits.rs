//! How much a head, a chunk line or a trailer section may hold.

use super::*;

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
fn the_declared_length_is_bounded_on_request() {
    let outcome = |length: u64| {
        let mut guard = Guard::new(&Limits::default()).longest_body(10);
        let bytes = with(format!("Content-Length: {length}").as_bytes());
        (guard.inspect(&bytes), guard.heads(), bytes.len())
    };
    let (inspection, heads, size) = outcome(10);
    assert_eq!((inspection, heads), (Inspection { pass: size, rest: Rest::Nothing }, 1));
    let (inspection, heads, _) = outcome(11);
    assert_eq!((inspection, heads), (Inspection { pass: 0, rest: Rest::Refuse(TOO_LONG) }, 0));
    passes(&join(&[&with(b"Content-Length: 11"), b"hello world"]), 1);
}
