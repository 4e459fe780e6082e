//! X-Forwarded-For and its kin, as proxies have come to send them.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};

use super::{
    Authority, Said,
    headers::{X_FOR, X_HOST, X_PORT, X_PREFIX, X_PROTO},
    node::Node,
    number,
};
use crate::{Trust, path};

/// What the fields say.
pub(super) fn read(headers: &HeaderMap, trust: &Trust) -> Said {
    let mut said = Said::default();
    for node in from_the_right(headers, &X_FOR) {
        said.hops += 1;
        let Some(node) = Node::read(node) else {
            said.malformed.push(X_FOR);
            break;
        };
        let trusted = node.is_trusted(trust);
        said.client = Some(node.into());
        if !trusted {
            break;
        }
    }
    said.scheme = at(headers, &X_PROTO, &mut said, super::scheme);
    said.host = at(headers, &X_HOST, &mut said, Authority::read);
    let port = |text: &[u8]| number(text).filter(|&port| port != 0);
    said.port = at(headers, &X_PORT, &mut said, port);
    said
}

/// Adds what proxies have taken off the path, for which there is no other field.
pub(super) fn read_prefix(headers: &HeaderMap, said: &mut Said) {
    said.prefix = at(headers, &X_PREFIX, said, prefix);
}

/// The elements of a field in all its lines, the last first.
fn from_the_right<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter().rev();
    lines
        .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// What a field says of the client, as many elements from the right as there are hops.
///
/// Where there are fewer, some proxy sets the field instead of adding to it: the leftmost counts.
fn at<T>(
    headers: &HeaderMap,
    name: &HeaderName,
    said: &mut Said,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    let value = read(from_the_right(headers, name).take(said.hops.max(1)).last()?);
    if value.is_none() {
        said.malformed.push(name.clone());
    }
    value
}

/// A path that a proxy has taken off, decoded and without a trailing slash.
///
/// It becomes part of links and redirections: `//elsewhere` would lead to another host.
fn prefix(text: &[u8]) -> Option<Bytes> {
    let encoded = |byte: &u8| byte.is_ascii_graphic() && !b"\"#<>?\\^`{|}".contains(byte);
    if !text.iter().all(encoded) {
        return None;
    }
    let decoded = path::decode(text);
    let end = decoded.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    let path = &decoded[..end];
    let segments = path.strip_prefix(b"/").or(path.is_empty().then_some(b""))?;
    let known = |segment: &[u8]| !matches!(segment, b"" | b"." | b"..");
    let doubtful = |byte: &u8| byte.is_ascii_control() || b"#%?\\".contains(byte);
    let fits = path.is_empty() || segments.split(|&byte| byte == b'/').all(known);
    (fits && !path.iter().any(doubtful)).then(|| Bytes::copy_from_slice(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_plain_path() {
        for (text, path) in [
            ("/", ""),
            ("/app", "/app"),
            ("/app/", "/app"),
            ("/a/b", "/a/b"),
            ("/%C3%A9", "/\u{e9}"),
            ("/a%2Fb", "/a/b"),
        ] {
            assert_eq!(prefix(text.as_bytes()).as_deref(), Some(path.as_bytes()), "{text}");
        }
        for text in [
            "app",
            "//evil.example",
            "/a//b",
            "/%2Fevil.example",
            "/..",
            "/a/../b",
            "/%2e%2e",
            "/a?b",
            "/a#b",
            "/a%3Fb",
            "/%00",
            "/\\evil",
            "/%5Cevil",
            "/a b",
            "/a%0D%0Ab",
            "/%25",
            "http://evil.example/",
        ] {
            assert_eq!(prefix(text.as_bytes()), None, "{text}");
        }
    }
}
