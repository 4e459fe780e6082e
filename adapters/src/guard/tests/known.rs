//! A head is judged by its own bytes, however much it resembles those before it.

use super::*;

const HEADS: [&[u8]; 3] = [
    b"GET /@ HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nUser-Agent: x\r\n\r\n",
    b"POST /@ HTTP/1.1\r\nHost: a\r\nContent-Type: a\r\nContent-Length: 0\r\n\r\n",
    b"GET /@ HTTP/1.0\r\nAccept-Language: \xe9, b\r\n\r\n",
];

/// Asserts that `head` after three of `known` is what it is alone.
fn is_judged_alone(known: &[u8], head: &[u8], limits: &Limits) {
    let alone = feed(head, std::iter::empty(), limits);
    let after = join(&[known, known, known, head]);
    let cuts: [&[usize]; 3] = [
        &[],
        &[known.len(), 2 * known.len(), 3 * known.len()],
        &[3 * known.len() + head.len() / 2],
    ];
    for cuts in cuts {
        let outcome = feed(&after, cuts.iter().copied(), limits);
        assert_eq!(outcome.passed[3 * known.len()..], alone.passed, "{}", head.escape_ascii());
        let judged = (outcome.refusal, outcome.phase, outcome.heads, outcome.underscores);
        let expected = (alone.refusal, alone.phase, 3 + alone.heads, alone.underscores);
        assert_eq!(judged, expected, "{}", head.escape_ascii());
    }
}

#[test]
fn one_other_byte_is_another_head() {
    for known in HEADS {
        for at in 0..known.len() {
            for byte in *b"\0\t\n\r 015:_Ha~\x7f\xff" {
                let mut head = known.to_vec();
                head[at] = byte;
                is_judged_alone(known, &head, &Limits::default());
                head.insert(at, known[at]);
                is_judged_alone(known, &head, &Limits::default());
            }
            let mut head = known.to_vec();
            head.remove(at);
            is_judged_alone(known, &head, &Limits::default());
            is_judged_alone(known, &known[..at], &Limits::default());
        }
    }
}

#[test]
fn known_fields_follow_other_request_lines() {
    for known in HEADS {
        for other in HEADS {
            is_judged_alone(known, other, &Limits::default());
        }
        let fields = known.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let lines: [&[u8]; 7] = [
            b"GET /another?x HTTP/1.1\r\n",
            b"GET /@ HTTP/1.0\r\n",
            b"CONNECT a HTTP/1.1\r\n",
            b"GET * HTTP/1.1\r\n",
            b"\r\nGET / HTTP/1.1\r\n",
            b"\r\n",
            b"",
        ];
        for line in lines {
            is_judged_alone(known, &join(&[line, &known[fields..]]), &Limits::default());
        }
    }
}

#[test]
fn known_fields_count_towards_the_limit() {
    let known = HEADS[0];
    let mut limits = Limits::default();
    limits.head_size = known.len() + 3;
    for more in 0..6 {
        let head = join(&[b"GET /@", &b"xxxxxx"[..more], &known[6..]]);
        is_judged_alone(known, &head, &limits);
    }
}

#[test]
fn what_is_known_is_bounded() {
    let mut guard = Guard::new(&Limits::default());
    for number in 0..200 {
        let value = "x".repeat(number * 40);
        let head = format!("GET /{number} HTTP/1.1\r\nHost: a\r\nCookie: {value}\r\n\r\n");
        assert_eq!(guard.inspect(head.as_bytes()).pass, head.len());
        assert!(guard.known.size() < 4 * 1024);
    }
}
