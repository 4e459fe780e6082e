//! A body in chunks (RFC 9112, 7.1).

use narthex_core::Limits;

use super::scan::{self, Line};

/// Digits of a chunk size: as many as fit 64 bits.
const SIZE_DIGITS: usize = 16;

/// Bytes of one line with a chunk size.
const LINE_SIZE: usize = 4 * 1024;

/// Bytes of all chunk extensions of a body; hyper has the same limit, and counts fewer.
const EXTENSIONS_SIZE: usize = 16 * 1024;

/// Bytes of a trailer section, where the limit on heads allows as many: hyper takes fewer than
/// 16 KiB.
const TRAILERS_SIZE: usize = 16 * 1024 - 1;

/// A chunked body on its way through.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    next: Next,
    /// No control byte is before here in the line that comes next.
    scanned: usize,
    /// Bytes of chunk extensions so far.
    extensions: usize,
    /// Bytes of trailer lines so far.
    trailers: usize,
    /// Trailer lines so far.
    fields: usize,
    underscores: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default)]
enum Next {
    /// The line with a chunk's size.
    #[default]
    Size,
    /// So many bytes of a chunk.
    Data(u64),
    /// The CRLF after a chunk.
    DataEnd,
    /// A trailer line, or the empty line after the last.
    Trailer,
    /// Nothing more.
    Nothing,
}

/// How far a body has come.
pub(super) enum Progress {
    /// To its end.
    Done,
    /// All that is whole has been passed.
    More,
    /// To what breaks the rules.
    Broken(&'static str),
}

impl Chunked {
    /// Whether a trailer name seen so far has an underscore.
    pub(super) fn underscores(&self) -> bool {
        self.underscores
    }

    /// Checks `bytes`: how many of them may pass, and why no more.
    pub(super) fn read(&mut self, bytes: &[u8], limits: &Limits) -> (usize, Progress) {
        let mut passed = 0;
        loop {
            let step = match self.next {
                Next::Size => self.size(&bytes[passed..]),
                Next::Data(left) => Ok(self.data(&bytes[passed..], left)),
                Next::DataEnd => self.data_end(&bytes[passed..]),
                Next::Trailer => self.trailer(&bytes[passed..], limits),
                Next::Nothing => return (passed, Progress::Done),
            };
            match step {
                Ok(Some(size)) => passed += size,
                Ok(None) => return (passed, Progress::More),
                Err(reason) => return (passed, Progress::Broken(reason)),
            }
        }
    }

    fn size(&mut self, bytes: &[u8]) -> Step {
        let Some(line) = self.line(bytes, LINE_SIZE)? else { return Ok(None) };
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if !(1..=SIZE_DIGITS).contains(&digits) {
            return Err("invalid chunk size");
        }
        let size = line[..digits].iter().fold(0, |sum, &digit| sum << 4 | u64::from(nibble(digit)));
        let extensions = &line[digits..];
        self.extensions += extensions.len();
        if self.extensions > EXTENSIONS_SIZE {
            return Err("chunk extensions too large");
        }
        if !extensions_are_valid(extensions) {
            return Err("invalid chunk extension");
        }
        self.next = if size == 0 { Next::Trailer } else { Next::Data(size) };
        Ok(Some(line.len() + 2))
    }

    fn data(&mut self, bytes: &[u8], left: u64) -> Option<usize> {
        let size = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let left = left - size as u64;
        self.next = if left == 0 { Next::DataEnd } else { Next::Data(left) };
        (size > 0).then_some(size)
    }

    fn data_end(&mut self, bytes: &[u8]) -> Step {
        match bytes {
            [b'\r', b'\n', ..] => {
                self.next = Next::Size;
                Ok(Some(2))
            }
            [] | [b'\r'] => Ok(None),
            _ => Err("chunk longer than its size"),
        }
    }

    /// A line of the trailer section; fields that would frame or route the message if they were in
    /// its head are refused (RFC 9110, 6.5.1).
    fn trailer(&mut self, bytes: &[u8], limits: &Limits) -> Step {
        let left = limits.head_size.min(TRAILERS_SIZE).saturating_sub(self.trailers);
        let Some(line) = self.line(bytes, left)? else { return Ok(None) };
        self.trailers += line.len() + 2;
        if line.is_empty() {
            self.next = Next::Nothing;
            return Ok(Some(2));
        }
        self.fields += 1;
        if self.fields > limits.header_count {
            return Err("too many trailer fields");
        }
        let Some(field) = scan::field(line) else { return Err("malformed trailer line") };
        self.underscores |= field.underscore;
        let misplaced = [&b"content-length"[..], b"transfer-encoding", b"host"];
        if misplaced.iter().any(|name| scan::is(field.name, name)) {
            return Err("field that may not be in a trailer");
        }
        Ok(Some(line.len() + 2))
    }

    fn line<'a>(
        &mut self,
        bytes: &'a [u8],
        limit: usize,
    ) -> Result<Option<&'a [u8]>, &'static str> {
        match scan::line(bytes, &mut self.scanned, limit) {
            Line::Whole(end) => {
                self.scanned = 0;
                Ok(Some(&bytes[..end]))
            }
            Line::Partial => Ok(None),
            Line::Broken => Err("control character or bare line end between chunks"),
            Line::Long => Err("line between chunks too long"),
        }
    }
}

/// Bytes that may pass; `None` where more must arrive first.
type Step = Result<Option<usize>, &'static str>;

/// The value of a hexadecimal digit.
const fn nibble(digit: u8) -> u8 {
    // Letters follow 0x40 and 0x60, digits 0x30.
    (digit & 0x0f) + if digit.is_ascii_digit() { 0 } else { 9 }
}

/// Whether all of `rest` is `*( BWS ";" BWS name [ BWS "=" BWS value ] )` (RFC 9112, 7.1.1).
fn extensions_are_valid(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(name) = scan::skip_blanks(rest).strip_prefix(b";").map(scan::skip_blanks) else {
            return false;
        };
        let size = scan::token_length(name);
        if size == 0 {
            return false;
        }
        rest = &name[size..];
        if let Some(value) = scan::skip_blanks(rest).strip_prefix(b"=").map(scan::skip_blanks) {
            let size = match value {
                [b'"', quoted @ ..] => quoted_length(quoted).map_or(0, |size| size + 1),
                _ => scan::token_length(value),
            };
            if size == 0 {
                return false;
            }
            rest = &value[size..];
        }
    }
    true
}

/// The length of a quoted string after its opening quote (RFC 9110, 5.6.4), in a line without
/// control bytes.
fn quoted_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_scanned_twice() {
        let (bytes, limits) = (b"5;name=\"a long value", Limits::default());
        let mut body = Chunked::default();
        for size in 1..=bytes.len() {
            assert!(matches!(body.read(&bytes[..size], &limits), (0, Progress::More)));
            assert_eq!(body.scanned, size);
        }
    }
}
