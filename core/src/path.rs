//! Paths and hosts of request targets: decoded once, as bytes (RFC 3986).

use std::borrow::Cow;

use crate::head::Gateway;

/// Undoes percent-encoding. A `%` without two hexadecimal digits stays as it is.
#[must_use]
pub fn decode(encoded: &[u8]) -> Cow<'_, [u8]> {
    // `contains` on bytes is memchr.
    if !encoded.contains(&b'%') {
        return Cow::Borrowed(encoded);
    }
    let first = encoded.iter().position(|&byte| byte == b'%').unwrap_or(0);
    let mut decoded = Vec::with_capacity(encoded.len());
    decoded.extend_from_slice(&encoded[..first]);
    let mut rest = &encoded[first..];
    loop {
        rest = match rest {
            [] => return Cow::Owned(decoded),
            [b'%', high, low, tail @ ..] if digit(*high).is_some() && digit(*low).is_some() => {
                decoded.push(digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0));
                tail
            }
            [byte, tail @ ..] => {
                decoded.push(*byte);
                tail
            }
        };
    }
}

/// Appends a decoded path to `target`, percent-encoded where a URL needs it.
pub fn encode(path: &[u8], target: &mut Vec<u8>) {
    for &byte in path {
        // pchar and slash (RFC 3986, 3.3), less the percent sign, which here is data.
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
            target.push(byte);
        } else {
            target.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| digit.try_into().ok())
}

/// Removes the dot segments of a decoded path (RFC 3986, 5.2.4), never rising above its root.
///
/// Repeated slashes stay: applications may tell them apart.
#[must_use]
pub fn normalize(path: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if !path.contains(&b'.') || !path.windows(2).any(|pair| pair == b"/.") {
        return path;
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." if last => kept.push(b""),
            b"." => {}
            b".." => {
                if kept.len() > 1 {
                    kept.pop();
                }
                if last {
                    kept.push(b"");
                }
            }
            segment => kept.push(segment),
        }
    }
    Cow::Owned(kept.join(&b'/'))
}

/// Whether `host` may stand in a Host field: a name or address and an optional port, nothing else
/// (RFC 9110, 7.2; RFC 9112, 3.2).
#[must_use]
pub fn host_is_valid(host: &[u8]) -> bool {
    let port = match host {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|&byte| byte == b']') else { return false };
            let address = &rest[..end];
            let known = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            if address.is_empty() || !address.iter().all(known) {
                return false;
            }
            &rest[end + 1..]
        }
        _ => match host.iter().position(|&byte| !IN_NAME[usize::from(byte)]) {
            Some(0) => return false,
            Some(end) => &host[end..],
            None => return !host.is_empty(),
        },
    };
    match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The bytes of a name: unreserved, pct-encoded and sub-delims (RFC 3986, 3.2.2), less the comma,
/// which is how two joined Host fields look.
static IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let allowed = b"-._~%!$&'()*+;=0123456789\
        ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut index = 0;
    while index < allowed.len() {
        table[allowed[index] as usize] = true;
        index += 1;
    }
    table
};

/// The request target that the variables of `gateway` amount to, for hosts without `REQUEST_URI`.
pub(crate) fn target_of(gateway: &Gateway) -> Vec<u8> {
    let mut target = Vec::with_capacity(64);
    encode(&gateway.mount, &mut target);
    encode(&gateway.path_info, &mut target);
    if target.is_empty() {
        target.push(b'/');
    }
    if !gateway.query.is_empty() {
        target.push(b'?');
        target.extend_from_slice(&gateway.query);
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_happens_once() {
        assert_eq!(&*decode(b"/%252c"), b"/%2c");
        assert_eq!(&*decode(b"/%E3%81%82"), b"/\xe3\x81\x82");
        assert_eq!(&*decode(b"/100%/%zz/%4"), b"/100%/%zz/%4");
        assert!(matches!(decode(b"/plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn dot_segments_go() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"/a/./b", b"/a/b"),
            (b"/a/../b", b"/b"),
            (b"/a/b/..", b"/a/"),
            (b"/a/.", b"/a/"),
            (b"/../../etc", b"/etc"),
            (b"/..", b"/"),
            (b"/a//b/../c", b"/a//c"),
            (b"/.hidden/..x/...", b"/.hidden/..x/..."),
            (b"/plain//x", b"/plain//x"),
        ];
        for (path, expected) in cases {
            assert_eq!(&*normalize(Cow::Borrowed(path)), *expected, "{path:?}");
        }
    }

    #[test]
    fn hosts_are_names_and_ports() {
        for host in ["a", "a.b:80", "127.0.0.1", "[::1]", "[::1]:8080", "a:", "under_score.example"]
        {
            assert!(host_is_valid(host.as_bytes()), "{host}");
        }
        for host in [
            "", ":80", "a/b", "u@a", "a, b", "a,b", "a:b", "a:123456", "[::1", "[]", "[::1]x",
            "a b", "a\u{e9}", "a?b", "a#b", "a\\b",
        ] {
            assert!(!host_is_valid(host.as_bytes()), "{host}");
        }
    }
}
