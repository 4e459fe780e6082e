//! What the guard passes and refuses, however the bytes arrive.

#[cfg(feature = "hyper")]
mod agreement;
mod chunks;
mod cost;
mod flow;
mod heads;
mod known;
mod limits;

use super::*;

/// A small generator of numbers, so that every run sees the same ones (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
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
    join(&[b"POST /@ HTTP/1.1\r\nHost: a\r\n", lines, b"\r\n\r\n"])
}

/// A request with `body` in chunks.
fn chunked(body: &[u8]) -> Vec<u8> {
    join(&[b"POST /@ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", body])
}

/// A GET of `target`.
fn of(target: &[u8]) -> Vec<u8> {
    join(&[b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"])
}

/// Messages that mutations start from.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        of(b"/@?b"),
        of(b"http://a/@#x"),
        join(&[&with(b"Content-Length: 5\r\nX: y"), b"hello"]),
        chunked(b"5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n"),
        b"\r\nPUT /@ HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc".to_vec(),
    ]
}

/// Changes a few bytes of a row of seeds.
fn mutate(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 14] = [
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"\0",
        b":",
        b",",
        b";",
        b"_",
        b"\xff",
        b"0",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ];
    let seeds = seeds();
    let mut bytes = Vec::new();
    for count in b'0'..=b'0' + u8::try_from(random.below(4)).unwrap() {
        let seed = &seeds[random.below(seeds.len())];
        // Its own target tells each message from the others.
        bytes.extend(seed.iter().map(|byte| if *byte == b'@' { count } else { *byte }));
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
