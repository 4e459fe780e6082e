//! Name-value pairs (FastCGI 1.0, section 3.4), wherever the records that carry them are cut.

#[cfg(test)]
mod tests;

use std::fmt;

use narthex_core::Packed;

/// The pairs of one stream.
///
/// It holds at most one pair, and of that what has arrived: what a peer announces costs nothing.
#[derive(Debug)]
pub struct Pairs {
    limit_bytes: usize,
    limit_count: usize,
    /// Bytes of the pairs so far, lengths included.
    bytes: usize,
    count: usize,
    /// What has arrived of a pair that came in pieces.
    held: Vec<u8>,
}

/// Why pairs are refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadPairs {
    /// They are, or are announced to be, longer than the limit, which is the value.
    TooLong(usize),
    /// They are more than the limit, which is the value.
    TooMany(usize),
    /// The last one is not whole.
    CutShort,
}

impl fmt::Display for BadPairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(limit) => write!(f, "more than {limit} bytes of variables"),
            Self::TooMany(limit) => write!(f, "more than {limit} variables"),
            Self::CutShort => f.write_str("a variable is cut short"),
        }
    }
}

impl std::error::Error for BadPairs {}

/// The lengths before a pair.
struct Lengths {
    /// Bytes that they take themselves.
    own: usize,
    name: usize,
    value: usize,
}

impl Lengths {
    /// Reads them off the front of `bytes`; `None` when they are not whole.
    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        if let [name @ ..0x80, value @ ..0x80, ..] = *bytes {
            return Some(Self { own: 2, name: name.into(), value: value.into() });
        }
        let (name, after_name) = length(bytes, 0)?;
        let (value, own) = length(bytes, after_name)?;
        Some(Self { own, name, value })
    }

    /// How long the pair is with them; `None` when that is beyond all memory.
    fn whole(&self) -> Option<usize> {
        self.own.checked_add(self.name)?.checked_add(self.value)
    }
}

/// The length at `start`, and where it ends: 7 bits in one byte, or 31 in four.
fn length(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let &first = bytes.get(start)?;
    if first < 0x80 {
        return Some((first.into(), start + 1));
    }
    let [a, b, c, d] = *bytes.get(start..)?.first_chunk()?;
    let length = u32::from_be_bytes([a & 0x7f, b, c, d]);
    Some((usize::try_from(length).ok()?, start + 4))
}

impl Pairs {
    /// Takes up to `limit_count` pairs of up to `limit_bytes` bytes in all.
    #[must_use]
    pub fn new(limit_bytes: usize, limit_count: usize) -> Self {
        Self { limit_bytes, limit_count, bytes: 0, count: 0, held: Vec::new() }
    }

    /// Adds the pairs in `content` to `packed`, as far as they are whole.
    ///
    /// # Errors
    /// Past the limits, as soon as the lengths of a pair say so.
    pub fn feed(&mut self, mut content: &[u8], packed: &mut Packed) -> Result<(), BadPairs> {
        while !self.held.is_empty() {
            if !self.complete(&mut content, packed)? {
                return Ok(());
            }
        }
        let mut rest = content;
        let mut admitted = Ok(());
        while let Some(lengths) = Lengths::read(rest) {
            match self.admit(&lengths) {
                Ok(whole) => {
                    let Some((_, next)) = rest.split_at_checked(whole) else { break };
                    self.count_in(whole);
                    packed.add(lengths.own, lengths.name, lengths.value);
                    rest = next;
                }
                Err(bad) => {
                    admitted = Err(bad);
                    break;
                }
            }
        }
        packed.append(&content[..content.len() - rest.len()]);
        if admitted.is_ok() {
            self.held.extend_from_slice(rest);
        }
        admitted
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`BadPairs::CutShort`] when a pair has begun.
    pub fn finish(self) -> Result<(), BadPairs> {
        if self.held.is_empty() { Ok(()) } else { Err(BadPairs::CutShort) }
    }

    /// Moves what is missing of the held pair off the front of `content`, and the pair to `packed`
    /// once it is whole; whether it was.
    fn complete(&mut self, content: &mut &[u8], packed: &mut Packed) -> Result<bool, BadPairs> {
        let lengths = loop {
            if let Some(lengths) = Lengths::read(&self.held) {
                break lengths;
            }
            let Some(&byte) = content.split_off_first() else { return Ok(false) };
            self.held.push(byte);
        };
        let whole = self.admit(&lengths)?;
        let missing = content.len().min(whole - self.held.len());
        if let Some(missing) = content.split_off(..missing) {
            self.held.extend_from_slice(missing);
        }
        if self.held.len() < whole {
            return Ok(false);
        }
        self.count_in(whole);
        packed.add(lengths.own, lengths.name, lengths.value);
        packed.append(&self.held);
        self.held.clear();
        Ok(true)
    }

    /// How long the next pair is, unless it goes past a limit.
    #[inline]
    fn admit(&self, lengths: &Lengths) -> Result<usize, BadPairs> {
        if self.count >= self.limit_count {
            return Err(BadPairs::TooMany(self.limit_count));
        }
        let room = self.limit_bytes - self.bytes;
        lengths.whole().filter(|&it| it <= room).ok_or(BadPairs::TooLong(self.limit_bytes))
    }

    fn count_in(&mut self, whole: usize) {
        self.bytes += whole;
        self.count += 1;
    }
}

/// Writes a pair.
///
/// # Panics
/// When the name or the value is 2 GiB or longer, which no length can say.
pub fn pair(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    write_length(out, name.len());
    write_length(out, value.len());
    out.extend_from_slice(name);
    out.extend_from_slice(value);
}

/// Writes the pair of a request's field: its variable is `HTTP_` and its name in upper case (RFC
/// 3875, 4.1.18).
///
/// # Panics
/// As [`pair`].
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    const PREFIX: &[u8] = b"HTTP_";
    let upper = |&byte: &u8| if byte == b'-' { b'_' } else { byte.to_ascii_uppercase() };
    write_length(out, PREFIX.len() + name.len());
    write_length(out, value.len());
    out.extend_from_slice(PREFIX);
    out.extend(name.iter().map(upper));
    out.extend_from_slice(value);
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let long = u32::try_from(length).ok().filter(|long| long >> 31 == 0);
            let long = long.expect("a name or value is shorter than 2 GiB");
            out.extend_from_slice(&(long | 1 << 31).to_be_bytes());
        }
    }
}

/// The names in `content`, as far as it is pairs.
pub(super) fn pair_names(content: &[u8]) -> Vec<&[u8]> {
    let mut names = Vec::new();
    let mut rest = content;
    while let Some(lengths) = Lengths::read(rest)
        && let Some(whole) = lengths.whole()
        && whole <= rest.len()
    {
        names.push(&rest[lengths.own..lengths.own + lengths.name]);
        rest = &rest[whole..];
    }
    names
}
