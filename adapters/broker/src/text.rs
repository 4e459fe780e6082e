//! How everything that passes between httpd and the broker is written: lines of words.
//!
//! A line is words with one space between them, the first of which says what the others are. In a word
//! stand the bytes from 0x21 to 0x7e but the backslash; each other byte is `\x` and two digits, and a
//! word without bytes is `\e`. So there is one way to write each line, any bytes can be in it, and
//! whatever is not written that way is refused.

/// A line that is being written.
#[derive(Debug)]
pub struct Line<'a>(&'a mut String);

impl<'a> Line<'a> {
    /// A line at the end of `text` that begins with this `word`.
    #[must_use]
    pub fn begin(text: &'a mut String, word: &str) -> Self {
        text.push_str(word);
        Self(text)
    }

    /// Writes a word of these bytes.
    #[must_use]
    pub fn word(self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.push(' ');
        if bytes.is_empty() {
            self.0.push_str("\\e");
        }
        for &byte in bytes {
            if is_plain(byte) {
                self.0.push(char::from(byte));
            } else {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                self.0.push_str("\\x");
                self.0.push(char::from(DIGITS[usize::from(byte >> 4)]));
                self.0.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
        self
    }

    /// Ends the line.
    pub fn end(self) {
        self.0.push('\n');
    }
}

/// The words of a line, without what ends it; `None` if it is not written as it must be.
#[must_use]
pub fn words(line: &str) -> Option<Vec<Vec<u8>>> {
    line.split(' ').map(word).collect()
}

fn word(text: &str) -> Option<Vec<u8>> {
    if text == "\\e" {
        return Some(Vec::new());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let byte = digit(*high)? << 4 | digit(*low)?;
                if is_plain(byte) {
                    return None; // there is one way to write it, and this is another
                }
                bytes.push(byte);
                after
            }
            (byte, after) if is_plain(byte) => {
                bytes.push(byte);
                after
            }
            _ => return None,
        };
    }
    (!bytes.is_empty()).then_some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(list in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut text = String::new();
            list.iter().fold(Line::begin(&mut text, "word"), Line::word).end();
            let line = text.strip_suffix('\n').unwrap();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(&words(line).unwrap()[1..], &list[..]);
        }

        #[test]
        fn what_is_read_is_written_alike(line in "([a-c\\\\xe0 ]|\\PC){0,12}") {
            if let Some(found) = words(&line) {
                let mut text = String::new();
                let first = std::str::from_utf8(&found[0]).unwrap_or("?").to_owned();
                found[1..].iter().fold(Line::begin(&mut text, &first), Line::word).end();
                if first.bytes().all(is_plain) && !first.is_empty() {
                    prop_assert_eq!(text.trim_end_matches('\n'), line);
                }
            }
        }
    }

    #[test]
    fn other_ways_of_writing_are_refused() {
        for line in ["", " a", "a ", "a  b", "a\\", "a \\x4", "a \\x41", "a \\xA0", "é", "a\tb"] {
            assert_eq!(words(line), None, "{line:?}");
        }
    }
}
