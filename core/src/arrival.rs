//! Which request this is, and when it came.

use std::{
    cell::Cell,
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

/// When a request came, and what tells it from all others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival {
    /// When its head was there, if anybody wants to know.
    pub at: Option<Instant>,
    /// How many requests came before it on its connection, where that is counted.
    pub earlier: u32,
    /// Whether a trusted peer has named it, in its field `X-Request-ID`.
    pub(crate) named: bool,
    /// Its number in this process; 0 while it has none.
    number: u64,
}

impl Arrival {
    /// The arrival of a new request.
    #[must_use]
    pub fn new(at: Option<Instant>, earlier: u32) -> Self {
        Self { at, earlier, named: false, number: next() }
    }

    /// Whether a trusted peer has named it, in its field `X-Request-ID`.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// Its number in this process; 0 while it has none.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// The name of a request: as a trusted peer gave it, or 32 hexadecimal digits.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct RequestId<'a>(Name<'a>);

#[derive(Clone, Copy, Eq, PartialEq)]
enum Name<'a> {
    Given(&'a str),
    Made([u8; 32]),
}

impl<'a> RequestId<'a> {
    /// The name that a peer gave, if it is one: up to 128 letters, digits, `.`, `_` and `-`.
    #[must_use]
    pub fn given(name: &'a [u8]) -> Option<Self> {
        let sane = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > 128 || !name.iter().all(sane) {
            return None;
        }
        std::str::from_utf8(name).ok().map(|name| Self(Name::Given(name)))
    }

    /// The name that is made from a request's number; `None` where it has none.
    ///
    /// Two numbers of one process never share a name, and no name tells how many there were.
    #[must_use]
    pub fn made(number: u64) -> Option<Self> {
        if number == 0 {
            return None;
        }
        let [key, process] = process();
        let mut name = [0; 32];
        let bytes = mixed(number ^ key).to_be_bytes().into_iter().chain(process.to_be_bytes());
        for (digits, byte) in name.chunks_exact_mut(2).zip(bytes) {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
        }
        Some(Self(Name::Made(name)))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Given(name) => name,
            Name::Made(digits) => std::str::from_utf8(digits).unwrap_or_default(),
        }
    }
}

impl fmt::Display for RequestId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// The next number. Threads take them in blocks, so as not to share a cache line.
fn next() -> u64 {
    const BLOCK: u64 = 1024;
    static BLOCKS: AtomicU64 = AtomicU64::new(BLOCK);
    thread_local! {
        static NEXT: Cell<u64> = const { Cell::new(0) };
    }
    NEXT.with(|next| {
        let mut number = next.get();
        if number % BLOCK == 0 {
            number = BLOCKS.fetch_add(BLOCK, Relaxed);
        }
        next.set(number + 1);
        number
    })
}

/// What no other process has.
fn process() -> [u64; 2] {
    static PROCESS: OnceLock<[u64; 2]> = OnceLock::new();
    *PROCESS.get_or_init(|| {
        // The standard library takes the keys of its hashers from the system's random numbers.
        let random = || RandomState::new().build_hasher().finish();
        let pid = u64::from(std::process::id());
        [random(), random() ^ pid]
    })
}

/// A permutation of the numbers (D. Lea and S. Vigna, `splitmix64`).
fn mixed(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_differ_across_threads() {
        let names = || {
            (0..3000)
                .map(|_| RequestId::made(Arrival::new(None, 0).number()).unwrap().to_string())
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(names)).collect();
        let all: Vec<_> = threads.into_iter().flat_map(|it| it.join().unwrap()).collect();
        assert!(all.iter().all(|name| name.len() == 32));
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 12_000);
    }

    #[test]
    fn only_sane_names_are_taken() {
        for name in ["a", "0af7651916cd43dd-8448.eb_211", &"x".repeat(128)] {
            assert_eq!(RequestId::given(name.as_bytes()).unwrap().as_str(), name);
        }
        for name in ["", " a", "a b", "a\"", "caf\u{e9}", "a\n", "a/b", &"x".repeat(129)] {
            assert!(RequestId::given(name.as_bytes()).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_request_without_a_number_has_no_name() {
        assert!(RequestId::made(Arrival::default().number()).is_none());
    }
}
