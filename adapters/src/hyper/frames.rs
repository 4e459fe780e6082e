//! The frames of an HTTP/2 connection, followed without being read: what h2 leaves to its user.
//!
//! h2 bounds what a peer can make it hold: streams, CONTINUATION frames, empty and tiny DATA frames,
//! resets of streams that nobody has accepted yet, streams that it has to reset itself. It does not
//! bound how often it is made to work for nothing: PING, SETTINGS, PRIORITY, `WINDOW_UPDATE`, and
//! requests that are taken back at once, after they have reached the application (CVE-2023-44487).

use std::time::Instant;

use super::line::PREFACE;

/// Bytes of a frame before its payload (RFC 9113, 4.1).
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;

/// What a client may spend before it has to earn more.
const BUDGET: u64 = 20_000;
/// What it is given each second.
const PER_SECOND: u64 = 1_000;
/// What it is given for a response: for each so many bytes that it takes.
const BYTES: u64 = 64;

/// What a frame from a client costs. Resets: 200 at once, then ten a second. PING: 1000, then 50 a
/// second. `WINDOW_UPDATE`: 5000, and 64 for each full DATA frame that is sent.
fn cost(frame: Frame) -> u64 {
    match frame.kind {
        SETTINGS | PING if frame.flags & ACK != 0 => 1,
        RST_STREAM | SETTINGS => 100,
        PING => 20,
        DATA if frame.length == 0 && frame.flags & END_STREAM == 0 => 10,
        DATA | HEADERS | CONTINUATION => 0,
        WINDOW_UPDATE => 4,
        _ => 10, // PRIORITY, and what is unknown and ignored
    }
}

/// The frames of a connection, both ways.
#[derive(Debug)]
pub(super) struct Frames {
    incoming: Follower,
    outgoing: Follower,
    /// Parts of messages that came and went: what shows that the connection is of use.
    progress: u64,
    budget: u64,
    sent: u64,
    since: Instant,
    flood: Option<&'static str>,
    head_size: usize,
}

impl Frames {
    /// The frames of a new connection, before the client's preface.
    pub(super) fn new(head_size: usize) -> Self {
        Self {
            incoming: Follower { skip: PREFACE.len(), ..Follower::default() },
            outgoing: Follower::default(),
            progress: 0,
            budget: BUDGET,
            sent: 0,
            since: Instant::now(),
            flood: None,
            head_size,
        }
    }

    /// A number that changes when a message gets on.
    pub(super) fn progress(&self) -> u64 {
        self.progress
    }

    /// The kind of frame that the client has sent too many of.
    pub(super) fn flood(&self) -> Option<&'static str> {
        self.flood
    }

    /// Follows bytes from the client. `Some`: from there on nothing may be passed on, since the
    /// client has spent all it had.
    pub(super) fn received(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        loop {
            self.incoming.skip(&mut rest);
            if self.flood.is_some() && self.incoming.between() {
                return Some(bytes.len() - rest.len());
            }
            let frame = self.incoming.next(&mut rest)?;
            if matches!(frame.kind, DATA | HEADERS) && frame.length > 0 {
                self.progress += 1;
            }
            let cost = cost(frame);
            if cost > 0 {
                self.spend(cost, frame.kind);
            }
        }
    }

    /// Follows bytes to the client.
    pub(super) fn sent(&mut self, mut bytes: &[u8]) {
        loop {
            self.outgoing.skip(&mut bytes);
            let Some(frame) = self.outgoing.next(&mut bytes) else { return };
            if matches!(frame.kind, DATA | HEADERS) {
                self.progress += 1;
                self.sent += frame.length as u64;
            }
        }
    }

    fn spend(&mut self, cost: u64, kind: u8) {
        if self.budget < cost {
            self.earn();
        }
        match self.budget.checked_sub(cost) {
            Some(left) => self.budget = left,
            None => self.flood = self.flood.or(Some(name(kind))),
        }
    }

    /// Adds what time and responses have earned since the last time.
    fn earn(&mut self) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.since).as_millis();
        let by_time = u64::try_from(passed).unwrap_or(u64::MAX).saturating_mul(PER_SECOND) / 1000;
        if by_time > 0 {
            self.since = now; // or what is less than a unit would never add up
        }
        let by_bytes = self.sent / BYTES;
        self.sent %= BYTES;
        self.budget = self.budget.saturating_add(by_time).saturating_add(by_bytes).min(BUDGET);
    }

    /// Frames that make h2 end the connection and say why: `ENHANCE_YOUR_CALM`.
    ///
    /// They are a head that does not end. h2 allows it as many frames as its size may need, and a
    /// quarter more, but at least five.
    pub(super) fn calm(&self) -> Vec<u8> {
        let frame = |kind: u8| [0, 0, 0, kind, 0, 0x7f, 0xff, 0xff, 0xff];
        let full = (self.head_size / (16 * 1024)).max(1);
        let count = (full + full / 4).max(5) + 1;
        let mut frames = frame(HEADERS).to_vec();
        frames.extend((0..count).flat_map(|_| frame(CONTINUATION)));
        frames
    }
}

fn name(kind: u8) -> &'static str {
    match kind {
        DATA => "empty DATA",
        PRIORITY => "PRIORITY",
        RST_STREAM => "RST_STREAM",
        SETTINGS => "SETTINGS",
        PING => "PING",
        GOAWAY => "GOAWAY",
        WINDOW_UPDATE => "WINDOW_UPDATE",
        _ => "unknown",
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Frame {
    kind: u8,
    flags: u8,
    length: usize,
}

/// Finds the heads of frames in bytes that come in pieces.
#[derive(Debug, Default)]
struct Follower {
    head: [u8; HEAD],
    have: usize,
    /// Bytes of payload still to come.
    skip: usize,
}

impl Follower {
    /// Whether the next byte begins a frame.
    fn between(&self) -> bool {
        self.have == 0 && self.skip == 0
    }

    /// Cuts off the payload that `bytes` begin with.
    fn skip(&mut self, bytes: &mut &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        *bytes = &bytes[skipped..];
    }

    /// The frame whose head ends in `bytes`, which are cut off behind it.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        let more = (HEAD - self.have).min(bytes.len());
        if more == 0 {
            return None;
        }
        self.head[self.have..self.have + more].copy_from_slice(&bytes[..more]);
        self.have += more;
        *bytes = &bytes[more..];
        if self.have < HEAD {
            return None;
        }
        self.have = 0;
        let [high, middle, low, kind, flags, ..] = self.head;
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.skip = length;
        Some(Frame { kind, flags, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn opened() -> Frames {
        let mut frames = Frames::new(64 * 1024);
        assert_eq!(frames.received(PREFACE), None);
        frames
    }

    #[test]
    fn a_flood_ends_behind_the_frame_that_was_too_many() {
        for (kind, payload, allowed) in [
            (PING, [7; 8].as_slice(), 1000),
            (RST_STREAM, &[0; 4], 200),
            (SETTINGS, &[], 200),
            (WINDOW_UPDATE, &[0; 4], 5000),
            (PRIORITY, &[0; 5], 2000),
            (0xfa, &[0; 3], 2000),
        ] {
            let one = frame(kind, 0, payload);
            let mut frames = opened();
            assert_eq!(frames.received(&one.repeat(allowed)), None, "{}", name(kind));
            let mut passed = 0;
            // A few more than that, for the time that has gone by.
            let cut = (0..100).find_map(|_| {
                let cut = frames.received(&one);
                passed += usize::from(cut != Some(0));
                cut
            });
            assert!(cut.is_some() && passed > 0, "{}", name(kind));
            assert_eq!(frames.flood(), Some(name(kind)));
        }
    }

    #[test]
    fn what_is_cut_is_a_whole_number_of_frames_however_the_bytes_come() {
        let flood = frame(PING, 0, &[7; 8]).repeat(1500);
        for size in [1, 7, 9, 17, 4096] {
            let mut frames = opened();
            let mut passed = 0;
            for piece in flood.chunks(size) {
                match frames.received(piece) {
                    None => passed += piece.len(),
                    Some(cut) => {
                        passed += cut;
                        break;
                    }
                }
            }
            assert_eq!(passed % 17, 0, "{size}");
            assert!((17_000..18_000).contains(&passed), "{size}: {passed}");
        }
    }

    #[test]
    fn requests_and_responses_earn_what_they_need() {
        let mut frames = opened();
        let full = [&[0, 0x40, 0, DATA, 0, 0, 0, 0, 1], [0; 16384].as_slice()].concat();
        for _ in 0..10_000 {
            assert_eq!(frames.received(&frame(HEADERS, 5, &[0x82])), None);
            frames.sent(&full);
            // Some clients answer each DATA frame with two of these.
            assert_eq!(frames.received(&frame(WINDOW_UPDATE, 0, &[0; 4]).repeat(2)), None);
        }
        assert_eq!(frames.progress(), 20_000);
    }

    #[test]
    fn a_ping_is_no_progress() {
        let mut frames = opened();
        frames.received(&frame(PING, 0, &[0; 8]));
        frames.sent(&frame(PING, ACK, &[0; 8]));
        assert_eq!(frames.progress(), 0);
        frames.received(&frame(DATA, 0, b"x"));
        frames.sent(&frame(DATA, 0, b"y"));
        assert_eq!(frames.progress(), 2);
    }
}
