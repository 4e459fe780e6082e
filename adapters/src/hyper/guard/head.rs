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
    fields: usize,
    host: bool,
    content_type: bool,
    length: Option<u64>,
    chunked: bool,
    underscores: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Version {
    Http10,
    Http11,
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

    /// Checks the lines of `bytes` that have arrived since the last call; the size of the head and
    /// the framing of its body once it is whole.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<(usize, Framing)>, Refusal> {
        loop {
            let end = match scan::line(bytes, &mut self.scanned, limits.head_size) {
                Line::Whole(end) => end,
                Line::Partial => return Ok(None),
                Line::Broken => return Err(bad("control character or bare line end in the head")),
                Line::Long => return Err(self.too_long()),
            };
            let line = &bytes[self.at..end];
            self.at = end + 2;
            self.scanned = self.at;
            match self.version {
                Some(version) if line.is_empty() => {
                    return Ok(Some((self.at, self.framing(version)?)));
                }
                Some(version) => self.field(line, version, limits)?,
                None if line.is_empty() => {
                    self.empty_lines += 1;
                    if self.empty_lines > EMPTY_LINES {
                        return Err(bad("empty lines before the request line"));
                    }
                }
                None => self.version = Some(request_line(line)?),
            }
        }
    }

    fn too_long(&self) -> Refusal {
        if self.version.is_none() {
            return refuse(StatusCode::URI_TOO_LONG, "request line too long");
        }
        refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head too large")
    }

    fn field(&mut self, line: &[u8], version: Version, limits: &Limits) -> Result<(), Refusal> {
        self.fields += 1;
        if self.fields > limits.header_count {
            return Err(refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too many fields"));
        }
        let Some(Field { name, value, underscore }) = scan::field(line) else {
            return Err(bad(match line {
                [b' ' | b'\t', ..] => "folded field line",
                _ => "malformed field line",
            }));
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
    fn host(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if std::mem::replace(&mut self.host, true) {
            return Err(bad("repeated Host"));
        }
        if host_is_valid(value) { Ok(()) } else { Err(bad("invalid Host")) }
    }

    /// One Content-Type (RFC 9110, 5.3): an application sees one of two, a filter before us maybe
    /// the other.
    fn content_type(&mut self) -> Result<(), Refusal> {
        if std::mem::replace(&mut self.content_type, true) {
            return Err(bad("repeated Content-Type"));
        }
        Ok(())
    }

    /// One Content-Length of digits alone. RFC 9112, 6.3 allows equal ones to be folded into one;
    /// no honest client repeats them.
    fn content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.length.is_some() {
            return Err(bad("repeated Content-Length"));
        }
        if !(1..=LENGTH_DIGITS).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
            return Err(bad("invalid Content-Length"));
        }
        let length = value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        self.length = Some(length);
        Ok(())
    }

    /// One Transfer-Encoding, of `chunked` alone (RFC 9112, 6.1 and 6.3).
    fn transfer_encoding(&mut self, value: &[u8], version: Version) -> Result<(), Refusal> {
        if version == Version::Http10 {
            return Err(bad("Transfer-Encoding in HTTP/1.0"));
        }
        if std::mem::replace(&mut self.chunked, true) {
            return Err(bad("repeated Transfer-Encoding"));
        }
        if scan::is(value, b"chunked") {
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
            return Err(refuse(StatusCode::NOT_IMPLEMENTED, "transfer coding not implemented"));
        }
        Err(bad("invalid Transfer-Encoding"))
    }

    /// What the fields say together, once all have been seen.
    fn framing(&self, version: Version) -> Result<Framing, Refusal> {
        if version == Version::Http11 && !self.host {
            return Err(bad("missing Host"));
        }
        match (self.length, self.chunked) {
            (Some(_), true) => Err(bad("both Content-Length and Transfer-Encoding")),
            (None, true) => Ok(Framing::Chunked),
            (length, false) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// Checks `method SP target SP version` (RFC 9112, 3).
fn request_line(line: &[u8]) -> Result<Version, Refusal> {
    const MALFORMED: Refusal = bad("malformed request line");
    let Some((rest, version)) = line.split_last_chunk::<9>() else { return Err(MALFORMED) };
    let size = scan::token_length(rest);
    let (method, Some((b' ', target))) = (&rest[..size], rest[size..].split_first()) else {
        return Err(MALFORMED);
    };
    if method.is_empty() {
        return Err(MALFORMED);
    }
    let version = match version {
        b" HTTP/1.1" => Version::Http11,
        b" HTTP/1.0" => Version::Http10,
        b" HTTP/0.9" => return Err(MALFORMED), // had neither versions nor fields
        [b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            return Err(refuse(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "version not supported"));
        }
        _ => return Err(MALFORMED),
    };
    if method.len() > METHOD_SIZE {
        return Err(refuse(StatusCode::NOT_IMPLEMENTED, "method too long"));
    }
    if method == b"CONNECT" {
        // Whatever its target: it asks for a tunnel, which only a proxy has, and after an answer
        // of 2xx hyper would take the connection for one (RFC 9110, 9.3.6).
        return Err(bad("CONNECT to a server that is no proxy"));
    }
    if target_is_valid(method, target) { Ok(version) } else { Err(bad("invalid request target")) }
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
