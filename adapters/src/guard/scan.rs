//! Classes of bytes, and where lines end.

/// Bit of [`NAME`]: the byte may stand in a token (RFC 9110, 5.6.2).
const TOKEN: u8 = 1;

/// Bit of [`NAME`]: the byte is an underscore.
const UNDERSCORE: u8 = 2;

/// What each byte is to a token; 0 ends one.
static NAME: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 255")]
        let token = matches!(
            byte as u8,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
                | b'`' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'
        );
        if token {
            table[byte] = TOKEN;
        }
        byte += 1;
    }
    table[b'_' as usize] |= UNDERSCORE;
    table
};

/// The length of the token that `bytes` begins with.
pub(super) fn token_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| NAME[usize::from(byte)] == 0).unwrap_or(bytes.len())
}

/// A field line without its CRLF, split at its colon.
pub(super) struct Field<'a> {
    /// A token.
    pub(super) name: &'a [u8],
    /// What follows the colon, blanks included.
    pub(super) value: &'a [u8],
    /// Whether the name has an underscore.
    pub(super) underscore: bool,
}

/// Splits a field line; `None` unless a token and a colon begin it.
///
/// So neither a blank before the colon nor a folded line passes (RFC 9112, 5.1 and 5.2).
#[inline]
pub(super) fn field(line: &[u8]) -> Option<Field<'_>> {
    let mut seen = 0;
    for (at, &byte) in line.iter().enumerate() {
        let class = NAME[usize::from(byte)];
        if class == 0 {
            if byte != b':' || at == 0 {
                return None;
            }
            let (name, value) = (&line[..at], &line[at + 1..]);
            return Some(Field { name, value, underscore: seen & UNDERSCORE != 0 });
        }
        seen |= class;
    }
    None
}

/// Whether `name` is `expected`, which is of lower-case letters, or if `name` is a token of hyphens
/// too.
pub(super) fn is(name: &[u8], expected: &[u8]) -> bool {
    // With this bit only capitals become letters, and only CR becomes a hyphen.
    name.len() == expected.len() && name.iter().zip(expected).all(|(a, b)| a | 0x20 == *b)
}

/// `value` without the blanks around it.
#[inline]
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let mut rest = skip_blanks(value);
    while let [shorter @ .., b' ' | b'\t'] = rest {
        rest = shorter;
    }
    rest
}

/// `bytes` from the first that is no blank on.
#[inline]
pub(super) fn skip_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', shorter @ ..] = bytes {
        bytes = shorter;
    }
    bytes
}

/// Whether all of `bytes` are visible ASCII.
#[inline]
pub(super) fn visible(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    words.iter().all(|word| invisible_in(*word) == 0) && rest.iter().all(u8::is_ascii_graphic)
}

/// What was found where a line should end.
pub(super) enum Line {
    /// CRLF, the CR at this index.
    Whole(usize),
    /// Nothing yet.
    Partial,
    /// A control byte other than HTAB, a bare CR or a bare LF.
    Broken,
    /// Nothing within the limit.
    Long,
}

/// Finds the CRLF of the line whose first `scanned` bytes are known to hold no control byte.
///
/// It must end within the first `limit` bytes, itself included. The first control byte decides, so
/// that the answer does not depend on how much of the line has arrived.
#[inline]
pub(super) fn line(bytes: &[u8], scanned: &mut usize, limit: usize) -> Line {
    let end = control(bytes, *scanned);
    *scanned = end;
    if end + 2 > limit {
        return Line::Long;
    }
    match bytes.get(end..) {
        Some([b'\r', b'\n', ..]) => Line::Whole(end),
        Some([] | [b'\r']) | None => Line::Partial,
        Some(_) => Line::Broken,
    }
}

/// The index of the first control byte but HTAB from `at` on, or the length.
#[inline]
fn control(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let Some(rest) = bytes.get(at..) else { return at };
        if let Some(block) = rest.first_chunk::<16>() {
            if !has_control(block) {
                at += 16;
                continue;
            }
            at += match block.as_chunks() {
                ([low, high], []) => match (controls_in(*low), controls_in(*high)) {
                    (0, marks) => 8 + (marks.trailing_zeros() / 8) as usize,
                    (marks, _) => (marks.trailing_zeros() / 8) as usize,
                },
                _ => unreachable!("sixteen bytes are two words"),
            };
        } else if let Some(word) = rest.first_chunk::<8>() {
            let marks = controls_in(*word);
            at += (marks.trailing_zeros() / 8) as usize;
            if marks == 0 {
                continue;
            }
        } else {
            at += rest.iter().position(u8::is_ascii_control).unwrap_or(rest.len());
        }
        if bytes.get(at) != Some(&b'\t') {
            return at;
        }
        at += 1;
    }
}

/// Whether one of sixteen bytes is a control byte: a few vector instructions.
fn has_control(block: &[u8; 16]) -> bool {
    block.iter().fold(false, |found, byte| found | byte.is_ascii_control())
}

/// Marks the control bytes of a word: eight at once, by the carries of additions that cannot
/// cross from byte to byte.
const fn controls_in(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let low = word & repeat(0x7f);
    let below_space = !(low + repeat(0x80 - 0x20));
    let delete = low + repeat(0x80 - 0x7f);
    (below_space | delete) & !word & repeat(0x80)
}

/// Marks the bytes of a word that are not visible ASCII.
const fn invisible_in(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let low = word & repeat(0x7f);
    let up_to_space = !(low + repeat(0x80 - 0x21));
    let delete = low + repeat(0x80 - 0x7f);
    (up_to_space | delete | word) & repeat(0x80)
}

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_agree() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                for filler in [b'a', b'\x80', b' ', b'~', b'\xff'] {
                    let mut word = [filler; 8];
                    word[at] = byte;
                    let marked = controls_in(word);
                    let expected = if byte.is_ascii_control() { 0x80 << (8 * at) } else { 0 };
                    assert_eq!(marked, expected, "{word:?}");
                }
                let mut word = [b'a'; 8];
                word[at] = byte;
                assert_eq!(visible(&word), byte.is_ascii_graphic(), "{word:?}");
                assert_eq!(visible(&word[..=at]), byte.is_ascii_graphic(), "{word:?}");
            }
        }
    }

    #[test]
    fn tabs_do_not_end_the_search() {
        for length in 0..40 {
            let mut bytes = vec![b'\t'; length];
            assert_eq!(control(&bytes, 0), length);
            bytes.extend(b"\x01abcdefghijk");
            for from in 0..=length {
                assert_eq!(control(&bytes, from), length);
            }
        }
    }

    #[test]
    fn names_fold_their_case_and_nothing_else() {
        assert!(is(b"Transfer-ENCODING", b"transfer-encoding"));
        assert!(!is(b"Transfer_Encoding", b"transfer-encoding"));
        assert!(!is(b"Hos", b"host"));
        for byte in (0..=u8::MAX).filter(|&byte| NAME[usize::from(byte)] != 0) {
            let folded = byte.to_ascii_lowercase();
            assert_eq!(is(&[byte], b"h"), folded == b'h');
            assert_eq!(is(&[byte], b"-"), folded == b'-');
        }
    }
}
