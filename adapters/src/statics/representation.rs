//! The file itself, or the compressed neighbour that the client can read.

use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderValue, header::ACCEPT_ENCODING};
use narthex_core::Blocking;
use rustix::fs::Stat;

use super::root::{Found, Root};

/// How a neighbour is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    Brotli,
    Zstandard,
    Gzip,
}

impl Coding {
    /// Every one, those that make the smallest files first.
    const ALL: [Self; 3] = [Self::Brotli, Self::Zstandard, Self::Gzip];

    /// Its name in `Content-Encoding`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
            Self::Gzip => "gzip",
        }
    }

    const fn extension(self) -> &'static [u8] {
        match self {
            Self::Brotli => b".br",
            Self::Zstandard => b".zst",
            Self::Gzip => b".gz",
        }
    }

    /// Those that the client takes, in our order: all of them are the same to it, except one with
    /// the weight 0 (RFC 9110, 12.5.3).
    fn accepted(headers: &HeaderMap) -> [Option<Self>; 3] {
        let weight = |name: &str| {
            let mut weight = None;
            for value in headers.get_all(ACCEPT_ENCODING) {
                for part in value.to_str().unwrap_or_default().split(',') {
                    let (coding, parameters) = part.split_once(';').unwrap_or((part, ""));
                    if coding.trim().eq_ignore_ascii_case(name) {
                        weight = Some(!is_zero(parameters));
                    }
                }
            }
            weight
        };
        if !headers.contains_key(ACCEPT_ENCODING) {
            return [None; 3];
        }
        let others = weight("*").unwrap_or(false);
        Self::ALL.map(|coding| weight(coding.name()).unwrap_or(others).then_some(coding))
    }
}

/// Whether the weight among `parameters` is 0.
fn is_zero(parameters: &str) -> bool {
    let parameters = parameters.trim_ascii();
    let Some(value) = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q="))
    else {
        return false;
    };
    value.starts_with('0') && value.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// An opened file and what is said of it.
#[derive(Debug)]
pub(super) struct Representation {
    pub(super) file: OwnedFd,
    pub(super) size: u64,
    pub(super) coding: Option<Coding>,
    seconds: i64,
    nanoseconds: u64,
}

impl Representation {
    /// An opened file.
    pub(super) fn new(file: OwnedFd, stat: &Stat, coding: Option<Coding>) -> Self {
        Self {
            file,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            coding,
            seconds: stat.st_mtime,
            nanoseconds: stat.st_mtime_nsec,
        }
    }

    /// The neighbour of `name` that suits the client, or the file itself.
    ///
    /// A neighbour that is older than its file was left behind by an edit. Whole seconds count:
    /// archives keep no fractions.
    ///
    /// # Errors
    /// The system failed.
    pub(super) fn choose(
        self,
        name: &[u8],
        headers: &HeaderMap,
        root: &Root,
        blocking: &dyn Blocking,
    ) -> io::Result<Self> {
        if Coding::ALL.iter().any(|coding| name.ends_with(coding.extension())) {
            return Ok(self); // it was asked for as it is
        }
        for coding in Coding::accepted(headers).into_iter().flatten() {
            let neighbour = [name, coding.extension()].concat();
            if let Found::File(file, stat) = root.find(&neighbour, blocking)?
                && stat.st_mtime >= self.seconds
            {
                return Ok(Self::new(file, &stat, Some(coding)));
            }
        }
        Ok(self)
    }

    /// The time of the last change; `None` before 1970.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        let seconds = Duration::from_secs(u64::try_from(self.seconds).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(seconds)
    }

    /// Its strong validator. Made of time and size, not of the inode: the same on every machine
    /// that the files were copied to.
    pub(super) fn etag(&self) -> HeaderValue {
        let Self { seconds, nanoseconds, size, .. } = self;
        let coding = self.coding.map_or("", Coding::name);
        let text = format!("\"{seconds:x}.{nanoseconds:x}-{size:x}{coding}\"");
        HeaderValue::try_from(text).expect("visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(values: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        let accepted = Coding::accepted(&headers).into_iter().flatten();
        let names: Vec<_> = accepted.map(Coding::name).collect();
        names.join(" ")
    }

    #[test]
    fn what_the_client_takes() {
        assert_eq!(accepted(&[]), "");
        assert_eq!(accepted(&[""]), "");
        assert_eq!(accepted(&["gzip, deflate, br, zstd"]), "br zstd gzip");
        assert_eq!(accepted(&["gzip;q=0.5", "BR ; q=0.001"]), "br gzip");
        assert_eq!(accepted(&["gzip;q=0, br;q=0.000, zstd; Q=0."]), "");
        assert_eq!(accepted(&["*"]), "br zstd gzip");
        assert_eq!(accepted(&["*, br;q=0"]), "zstd gzip");
        assert_eq!(accepted(&["*;q=0, gzip"]), "gzip");
        assert_eq!(accepted(&["identity, brotli, gz"]), "");
    }
}
