//! The head of a request, line by line (RFC 9112, 2.2, 3, 5 and 6).

use http::StatusCode;
use narthex_core::{Limits, host_is_valid};

use super::{
    Phase, Refusal,
    scan::{self, Field, Line},
};

/// Empty lines taken before a request line: RFC 9112, 2.2 asks for one, since old clients send one
/// after a body.
const EMPTY_LINES: u8 = 1;

/// Longest method. The longest one registered has 17 bytes; beyond what any server knows, RFC
/// 9112, 3 asks for 501.
const METHOD_SIZE: usize = 32;

/// Digits of the longest Content-Length. Twenty might not fit 64 bits.
const LENGTH_DIGITS: usize = 19;

/// How far a head has come.
pub(super) enum Progress {
    /// To its end: so many bytes, empty lines before it included.
    Whole(usize),
    /// More of it must arrive.
    Partial,
    /// To what breaks the rules.
    Refused(&'static Refusal),
}

/// What a check says. Errors are references, so that passing costs one register.
type Check = Result<(), &'static Refusal>;

/// A body may be framed once: neither twice alike nor in both ways (RFC 9112, 6.3). It allows equal
/// lengths to be folded into one, but no honest client repeats them.
const AMBIGUOUS: &Refusal = &bad("more than one Content-Length or Transfer-Encoding");

const MALFORMED: &Refusal = &bad("malformed request line");

/// How the body of a message ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// As its chunks say.
    Chunked,
}

/// A head of which some lines may have been checked already.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where the first line not yet checked begins.
    at: usize,
    /// No control byte is between `at` and here.
    scanned: usize,
    empty_lines: u8,
    /// The version, once the request line has been checked.
    version: Option<Version>,
    /// Where the line after the request line begins.
    second: usize,
    fields: usize,
    host: bool,
    content_type: bool,
    framing: Option<Framing>,
    underscores: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Version {
    Http10,
    Http11,
}

/// The longest head that is remembered.
const KNOWN_SIZE: usize = 2 * 1024;

/// A head that was good, byte for byte: clients repeat theirs on a connection, but for the target.
#[derive(Debug, Default)]
pub(super) struct Known {
    bytes: Vec<u8>,
    /// Where the line after the request line begins.
    second: usize,
    version: Option<Version>,
    framing: Option<Framing>,
    underscores: bool,
}

impl Known {
    /// Bytes that it keeps.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether `bytes` begin with it.
    fn begins(&self, bytes: &[u8]) -> bool {
        !self.bytes.is_empty() && bytes.starts_with(&self.bytes)
    }

    /// The size of its fields, if `bytes` begin with them after a request line of `version`.
    fn fields(&self, bytes: &[u8], version: Option<Version>) -> Option<usize> {
        let fields = &self.bytes[self.second..];
        (self.version.is_some() && version == self.version && bytes.starts_with(fields))
            .then_some(fields.len())
    }
}

impl Head {
    /// Whether anything but empty lines has been seen.
    pub(super) fn begun(&self) -> bool {
        self.version.is_some() || self.scanned > self.at
    }

    /// Whether a field name seen so far has an underscore.
    pub(super) fn underscores(&self) -> bool {
        self.underscores
    }

    /// How the body ends, once the head is whole.
    pub(super) fn framing(&self) -> Framing {
        self.framing.unwrap_or(Framing::Length(0))
    }

    /// Checks the lines of `bytes` that have arrived since the last call. What is as in `known` is
    /// known to be good.
    pub(super) fn read(&mut self, bytes: &[u8], limits: &Limits, known: &Known) -> Progress {
        if self.scanned == 0 && known.begins(bytes) {
            (self.framing, self.underscores) = (known.framing, known.underscores);
            return Progress::Whole(known.bytes.len());
        }
        loop {
            let end = match scan::line(bytes, &mut self.scanned, limits.head_size) {
                Line::Whole(end) => end,
                Line::Partial => return Progress::Partial,
                Line::Broken => {
                    return Progress::Refused(
                        const { &bad("control character or bare line end in the head") },
                    );
                }
                Line::Long => return Progress::Refused(self.too_long()),
            };
            let line = &bytes[self.at..end];
            self.at = end + 2;
            self.scanned = self.at;
            let checked = match (self.version, line) {
                (Some(Version::Http11), []) if !self.host => Err(const { &bad("missing Host") }),
                (Some(_), []) => return Progress::Whole(self.at),
                (None, []) => self.empty_line(),
                (None, _) => {
                    self.second = self.at;
                    self.request_line(line)
                }
                (Some(version), _) => self.field(line, version, limits),
            };
            if let Err(refusal) = checked {
                return Progress::Refused(refusal);
            }
            if self.fields == 0
                && let Some(size) = known.fields(&bytes[self.at..], self.version)
                && self.at + size <= limits.head_size
            {
                (self.framing, self.underscores) = (known.framing, known.underscores);
                return Progress::Whole(self.at + size);
            }
        }
    }

    /// Notes in `known` that the `bytes` of this head are good.
    pub(super) fn remember(&self, bytes: &[u8], known: &mut Known) {
        if bytes.len() > KNOWN_SIZE || self.second == 0 {
            return; // what is known may stay so, as is the case if it has just been used
        }
        known.bytes.clear();
        known.bytes.extend_from_slice(bytes);
        known.second = self.second;
        known.version = self.version;
        known.framing = self.framing;
        known.underscores = self.underscores;
    }

    #[cold]
    fn empty_line(&mut self) -> Check {
        self.empty_lines += 1;
        if self.empty_lines > EMPTY_LINES {
            return Err(const { &bad("empty lines before the request line") });
        }
        Ok(())
    }

    #[cold]
    fn too_long(&self) -> &'static Refusal {
        if self.version.is_none() {
            return const { &refuse(StatusCode::URI_TOO_LONG, "request line too long") };
        }
        const { &refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head too large") }
    }

    /// Checks `method SP target SP version` (RFC 9112, 3).
    fn request_line(&mut self, line: &[u8]) -> Check {
        let Some((rest, version)) = line.split_last_chunk::<9>() else { return Err(MALFORMED) };
        let size = scan::token_length(rest);
        let (method, Some((b' ', target))) = (&rest[..size], rest[size..].split_first()) else {
            return Err(MALFORMED);
        };
        if method.is_empty() {
            return Err(MALFORMED);
        }
        self.version = if version == b" HTTP/1.1" {
            Some(Version::Http11)
        } else if version == b" HTTP/1.0" {
            Some(Version::Http10)
        } else {
            return Err(unknown_version(*version));
        };
        if method.len() > METHOD_SIZE {
            return Err(const { &refuse(StatusCode::NOT_IMPLEMENTED, "method too long") });
        }
        if method == b"CONNECT" {
            // Whatever its target: it asks for a tunnel, which only a proxy has, and after an answer
            // of 2xx hyper would take the connection for one (RFC 9110, 9.3.6).
            return Err(const { &bad("CONNECT to a server that is no proxy") });
        }
        if target_is_valid(method, target) {
            Ok(())
        } else {
            Err(const { &bad("invalid request target") })
        }
    }

    fn field(&mut self, line: &[u8], version: Version, limits: &Limits) -> Check {
        self.fields += 1;
        if self.fields > limits.header_count {
            return Err(const {
                &refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too many fields")
            });
        }
        let Some(Field { name, value, underscore }) = scan::field(line) else {
            return Err(match line {
                [b' ' | b'\t', ..] => const { &bad("folded field line") },
                _ => const { &bad("malformed field line") },
            });
        };
        self.underscores |= underscore;
        // Most lengths match no name that matters here, and the rest differ early.
        match name.len() {
            4 if scan::is(name, b"host") => self.host(scan::trim(value)),
            12 if scan::is(name, b"content-type") => self.content_type(),
            14 if scan::is(name, b"content-length") => self.content_length(scan::trim(value)),
            17 if scan::is(name, b"transfer-encoding") => {
                self.transfer_encoding(scan::trim(value), version)
            }
            _ => Ok(()),
        }
    }

    /// One Host, and a valid one: who routes or filters by the first must not differ from who uses
    /// the second (RFC 9112, 3.2).
    fn host(&mut self, value: &[u8]) -> Check {
        if std::mem::replace(&mut self.host, true) {
            return Err(const { &bad("repeated Host") });
        }
        if host_is_valid(value) { Ok(()) } else { Err(const { &bad("invalid Host") }) }
    }

    /// One Content-Type (RFC 9110, 5.3): an application sees one of two, a filter before us maybe
    /// the other.
    fn content_type(&mut self) -> Check {
        if std::mem::replace(&mut self.content_type, true) {
            return Err(const { &bad("repeated Content-Type") });
        }
        Ok(())
    }

    /// One Content-Length, of digits alone (RFC 9110, 8.6).
    #[inline(never)]
    fn content_length(&mut self, value: &[u8]) -> Check {
        if self.framing.is_some() {
            return Err(AMBIGUOUS);
        }
        if !(1..=LENGTH_DIGITS).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
            return Err(const { &bad("invalid Content-Length") });
        }
        let length = value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        self.framing = Some(Framing::Length(length));
        Ok(())
    }

    /// One Transfer-Encoding, of `chunked` alone (RFC 9112, 6.1 and 6.3).
    #[cold]
    fn transfer_encoding(&mut self, value: &[u8], version: Version) -> Check {
        if version == Version::Http10 {
            return Err(const { &bad("Transfer-Encoding in HTTP/1.0") });
        }
        if self.framing.is_some() {
            return Err(AMBIGUOUS);
        }
        if scan::is(value, b"chunked") {
            self.framing = Some(Framing::Chunked);
            return Ok(());
        }
        // Codings before a final `chunked` leave no doubt where the message ends: they are just not
        // implemented. Anything else does (6.3, fourth rule).
        let mut codings = value.rsplit(|&byte| byte == b',').map(scan::trim);
        let last = codings.next().unwrap_or_default();
        let known = |coding: &[u8]| {
            !coding.is_empty()
                && scan::token_length(coding) == coding.len()
                && !scan::is(coding, b"chunked")
        };
        if scan::is(last, b"chunked") && codings.all(known) {
            return Err(const {
                &refuse(StatusCode::NOT_IMPLEMENTED, "transfer coding not implemented")
            });
        }
        Err(const { &bad("invalid Transfer-Encoding") })
    }
}

/// Why a request line that ends so is refused. HTTP/0.9 had neither versions nor fields.
#[cold]
fn unknown_version(version: [u8; 9]) -> &'static Refusal {
    match &version {
        b" HTTP/0.9" => MALFORMED,
        [b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            const { &refuse(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "version not supported") }
        }
        _ => MALFORMED,
    }
}

/// Whether `target` has one of the forms that this server takes (RFC 9112, 3.2): origin, absolute,
/// or, with OPTIONS, asterisk. A fragment is no part of them, but hyper drops it.
fn target_is_valid(method: &[u8], target: &[u8]) -> bool {
    scan::visible(target)
        && match target {
            [b'/', ..] => true,
            b"*" => method == b"OPTIONS",
            _ => is_absolute(target),
        }
}

/// Whether `target` is an `http` or `https` URI with an authority free of user information, which
/// RFC 9110, 4.2.4 tells recipients to take for an error.
#[cold]
fn is_absolute(target: &[u8]) -> bool {
    let Some(colon) = target.iter().position(|&byte| byte == b':') else { return false };
    let (scheme, rest) = target.split_at(colon);
    let Some(rest) = rest.strip_prefix(b"://") else { return false };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    (scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https"))
        && host_is_valid(&rest[..end.unwrap_or(rest.len())])
}

const fn bad(reason: &'static str) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, reason)
}

const fn refuse(status: StatusCode, reason: &'static str) -> Refusal {
    Refusal { status, reason, during: Phase::Head }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_scanned_twice() {
        let (bytes, limits) = (b"GET / HTTP/1.0\r\nX: a long value", Limits::default());
        let (mut head, known) = (Head::default(), Known::default());
        for size in 1..=bytes.len() {
            assert!(matches!(head.read(&bytes[..size], &limits, &known), Progress::Partial));
            // A CR waits for its LF.
            let waiting = usize::from(bytes[size - 1] == b'\r');
            assert_eq!(head.scanned, size - waiting);
            assert_eq!(head.at, if size < 16 { 0 } else { 16 });
        }
    }
}
