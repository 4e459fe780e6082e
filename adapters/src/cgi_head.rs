//! The head of a response as a CGI program or a gateway's application writes it (RFC 3875, 6), read
//! where it lies.

/// Looks for the end of a head in bytes that come in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Search {
    /// Up to where it has looked: the beginning of a line.
    searched: usize,
}

impl Search {
    /// The length of the head at the front of `gathered`, without and with the empty line that ends
    /// it; `None` until that is there. Bytes that were there the last time must be the same.
    pub(crate) fn end(&mut self, gathered: &[u8]) -> Option<(usize, usize)> {
        loop {
            let rest = gathered.get(self.searched..)?;
            let line = memchr::memchr(b'\n', rest)?;
            let start = self.searched;
            self.searched += line + 1;
            if matches!(&rest[..line], [] | [b'\r']) {
                return Some((start, self.searched));
            }
        }
    }
}

/// The lines of a head, without the empty line behind it and without their ends.
pub(crate) fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split_inclusive(|&byte| byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

/// The name and the value of a line, which may stand in a message of HTTP as they are; `None` for a
/// folded line, or one with a byte that would end a line of HTTP.
pub(crate) fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let named = !name.is_empty() && name.iter().all(|&byte| is_token(byte));
    (named && value.iter().all(|&byte| is_text(byte))).then_some((name, value))
}

/// The code and the reason phrase that the value of `Status` says (RFC 3875, 6.3.3); `None` when it is
/// no status of a response, as those of interim responses are not.
pub(crate) fn status(value: &[u8]) -> Option<(u16, &[u8])> {
    let (code, reason) = value.split_at_checked(3)?;
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let code = 100 * digit(code[0])? + 10 * digit(code[1])? + digit(code[2])?;
    let ends = matches!(reason, [] | [b' ' | b'\t', ..]);
    (code >= 200 && ends).then(|| (code, reason.trim_ascii()))
}

/// Whether `byte` may stand in a name (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether `byte` may stand in a value (RFC 9110, 5.5).
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_an_empty_line_wherever_it_is_cut() {
        for (text, found) in [
            (&b"A: 1\r\n\r\nbody\n\n"[..], Some((6, 8))),
            (b"A: 1\n\nbody", Some((5, 6))),
            (b"A: 1\n\r\nbody", Some((5, 7))),
            (b"\n", Some((0, 1))),
            (b"A: 1\n \n", None),
            (b"A: 1\r\n\r", None),
            (b"", None),
        ] {
            assert_eq!(Search::default().end(text), found, "{}", text.escape_ascii());
            let mut search = Search::default();
            let piecemeal = (0..=text.len()).find_map(|end| search.end(&text[..end]));
            assert_eq!(piecemeal, found, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_field_is_what_http_takes_for_one() {
        assert_eq!(field(b"x-A: a b\t"), Some((&b"x-A"[..], &b"a b"[..])));
        assert_eq!(field(b"a:"), Some((&b"a"[..], &b""[..])));
        for byte in 0..=u8::MAX {
            let (name, value) = ([b'a', byte], [b'a', byte, b'b']);
            let named = http::HeaderName::from_bytes(&name).is_ok();
            // A colon ends the name, which is then another.
            let line = [&name[..], b": b"].concat();
            assert_eq!(field(&line).is_some(), named || byte == b':', "{byte}");
            let valued = http::HeaderValue::from_bytes(&value).is_ok();
            assert_eq!(field(&[b"a: ", &value[..]].concat()).is_some(), valued, "{byte}");
        }
        for line in [&b""[..], b":", b": a", b" a: b", b"a"] {
            assert_eq!(field(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_status_is_that_of_a_response() {
        assert_eq!(status(b"200"), Some((200, &b""[..])));
        assert_eq!(status(b"404 Gone Fishing"), Some((404, &b"Gone Fishing"[..])));
        for value in [&b""[..], b"20", b"2000", b"abc", b"103 Early Hints", b"200OK", b"-20"] {
            assert_eq!(status(value), None, "{}", value.escape_ascii());
        }
    }
}
