//! The path and query that a client sent, where its host has changed them on the way.
//!
//! Hosts decode the path, and then some squeeze repeated slashes, decode twice or not at all, and
//! decode harmless escapes of the query. `REQUEST_URI` shows what was sent, unless the host has
//! rewritten the URL, when it has nothing to do with `PATH_INFO`.

use std::borrow::Cow;

use bytes::Bytes;

use crate::path::{decode, normalize};

/// A mount point from `SCRIPT_NAME`: with a leading slash, without a trailing one.
pub(super) fn mount(script_name: &Bytes) -> Bytes {
    let end = script_name.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    rooted(script_name.slice(..end))
}

/// A target without the scheme and authority of its absolute form (RFC 9112, 3.2.2).
pub(super) fn origin_form(target: &Bytes) -> Bytes {
    if target.starts_with(b"/") {
        return target.clone();
    }
    let is_authority = |at: usize| target[..at].iter().all(u8::is_ascii_alphanumeric);
    let colon = target.windows(3).position(|part| part == b"://").filter(|&at| is_authority(at));
    let Some(authority) = colon.map(|at| at + 3) else { return target.clone() };
    match target[authority..].iter().position(|byte| matches!(byte, b'/' | b'?')) {
        Some(end) if target[authority + end] == b'/' => target.slice(authority + end..),
        Some(end) => [b"/", &target[authority + end..]].concat().into(),
        None => Bytes::from_static(b"/"),
    }
}

/// A raw target in its two halves, path and query.
pub(super) fn halves(target: &[u8]) -> (&[u8], &[u8]) {
    match target.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&target[..mark], &target[mark + 1..]),
        None => (target, b""),
    }
}

/// The query that was `sent`, if the host made `told` from it.
pub(super) fn query(told: &Bytes, sent: &[u8]) -> Bytes {
    if *told == sent || decode(told) != decode(sent) {
        return told.clone();
    }
    Bytes::copy_from_slice(sent)
}

/// The decoded path below `mount` of the raw path `raw`, if the host made `path_info` from it.
pub(super) fn below(raw: &[u8], mount: &[u8], path_info: &Bytes) -> Option<Bytes> {
    if is_plain(raw) && raw.strip_prefix(mount) == Some(&**path_info) {
        return Some(path_info.clone());
    }
    let told = canonical(&[mount, path_info].concat());
    // Of what is just the mount hosts say that all below is "/", or nothing, whatever was asked for.
    let bare = matches!(**path_info, [] | [b'/']);
    let same = |path: &[u8]| {
        let path = canonical(path);
        told == path || (bare && without_slash(&told) == without_slash(&path))
    };
    let decoded = decode(raw);
    let made_from =
        same(&decoded) || same(&decode(&decoded)) || same(raw) || same(&decoded_but_slashes(raw));
    if !made_from {
        return None;
    }
    let path = normalize(decoded);
    // Never above the mount: the host may have let this request in for what lies below it.
    let mut rest: &[u8] = &path;
    for segment in mount.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty()) {
        let start = rest.iter().position(|&byte| byte != b'/').filter(|&start| start > 0)?;
        rest = rest[start..].strip_prefix(segment)?;
    }
    let whole = rest.is_empty() || rest.starts_with(b"/");
    whole.then(|| Bytes::copy_from_slice(rest))
}

/// A raw path as Apache decodes it where it is told to leave `%2F` alone (`AllowEncodedSlashes
/// NoDecode`).
fn decoded_but_slashes(raw: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.windows(3).position(|part| part.eq_ignore_ascii_case(b"%2F")) {
        decoded.extend_from_slice(&decode(&rest[..at]));
        decoded.extend_from_slice(&rest[at..at + 3]);
        rest = &rest[at + 3..];
    }
    decoded.extend_from_slice(&decode(rest));
    decoded
}

/// Whether there is nothing in a raw path to decode or remove.
fn is_plain(raw: &[u8]) -> bool {
    let mut before = 0;
    raw.iter().all(|&byte| {
        let plain = byte != b'%' && (byte != b'.' || before != b'/');
        before = byte;
        plain
    })
}

fn without_slash(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

/// A path in the one form that all the ways of changing it lead to.
pub(super) fn canonical(path: &[u8]) -> Vec<u8> {
    let mut squeezed = Vec::with_capacity(path.len() + 1);
    for &byte in [b'/'].iter().chain(path) {
        if byte != b'/' || squeezed.last() != Some(&b'/') {
            squeezed.push(byte);
        }
    }
    normalize(Cow::Owned(squeezed)).into_owned()
}

/// `path` with a slash in front, unless it is empty.
pub(super) fn rooted(path: Bytes) -> Bytes {
    match path.first() {
        None | Some(b'/') => path,
        Some(_) => [b"/", &*path].concat().into(),
    }
}

pub(super) fn without_dots(path: Bytes) -> Bytes {
    match normalize(Cow::Borrowed(&path)) {
        Cow::Owned(normal) => normal.into(),
        Cow::Borrowed(_) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovered(
        target: &'static str,
        mount: &'static str,
        path_info: &'static [u8],
        query: &'static str,
    ) -> (Vec<u8>, Vec<u8>) {
        let target = origin_form(&target.into());
        let (path, sent) = halves(&target);
        let path_info = rooted(path_info.into());
        let (path, query) = match below(path, mount.as_bytes(), &path_info) {
            Some(path) => (path, super::query(&query.into(), sent)),
            None => (without_dots(path_info), query.into()),
        };
        (path.to_vec(), query.to_vec())
    }

    fn path(target: &'static str, mount: &'static str, path_info: &'static [u8]) -> Vec<u8> {
        recovered(target, mount, path_info, "").0
    }

    #[test]
    fn what_hosts_do_to_a_path_is_undone() {
        let sent = "/m.cgi/a%2Fb//c/%252c/./x/../y";
        let embedded = b"/a/b//c/%2c/y";
        for told in [
            b"/a/b//c/%2c/y".as_slice(),
            b"/a/b/c/%2c/y",
            b"/a/b/c/,/y",
            b"/a/b//c/%2c/./x/../y",
            b"/a%2Fb//c/%252c/./x/../y",
            b"/a%2Fb//c/%2c/./x/../y",
            b"/a%2Fb/c/%2c/y",
        ] {
            assert_eq!(path(sent, "/m.cgi", told), embedded, "{}", told.escape_ascii());
        }
        assert_eq!(path("//m//n/x", "/m/n", b"/x"), b"/x");
        assert_eq!(path("/%6D/x", "/m", b"/x"), b"/x");
        assert_eq!(path("/", "", b""), b"/");
        assert_eq!(path("/m", "/m", b""), b"");
        assert_eq!(path("/m/", "/m", b"/"), b"/");
    }

    #[test]
    fn a_rewritten_url_is_left_alone() {
        assert_eq!(path("/pretty/a%2Fb", "/cgi-bin/app", b"/a/b"), b"/a/b");
        assert_eq!(path("/other", "/m", b"/x//y"), b"/x//y");
        assert_eq!(path("*", "/m", b""), b"");
        assert_eq!(recovered("/other?a", "/m", b"/x", "b").1, b"b");
    }

    #[test]
    fn nothing_rises_above_the_mount() {
        // The host squeezed before it removed dot segments; we do not squeeze.
        assert_eq!(path("/m//../x", "/m", b"/x"), b"/x");
        assert_eq!(path("/m/../m/x", "/m", b"/x"), b"/x");
        assert_eq!(path("/a//../m/x", "/m", b"/x"), b"/x");
        assert_eq!(path("/m/x", "/m", b"/../../etc"), b"/etc");
        assert_eq!(path("/mm/x", "/m", b"m/x"), b"/m/x");
        assert_eq!(without_dots(rooted("../d".into())), "/d");
    }

    #[test]
    fn the_query_is_as_sent() {
        // lighttpd decodes harmless escapes.
        assert_eq!(recovered("/m/x?q=%41&y=%26", "/m", b"/x", "q=A&y=%26").1, b"q=%41&y=%26");
        assert_eq!(recovered("/m/x?q=1", "/m", b"/x", "q=1&added=2").1, b"q=1&added=2");
        assert_eq!(recovered("/m/x?q=1", "/m", b"/x", "").1, b"");
    }

    #[test]
    fn an_absolute_target_loses_its_authority() {
        for (absolute, origin) in [
            ("http://a.b:80/x//y?q", "/x//y?q"),
            ("HTTPS://a", "/"),
            ("http://a?q=/", "/?q=/"),
            ("/x?u=http://a/b", "/x?u=http://a/b"),
            ("*", "*"),
            ("a/b://c", "a/b://c"),
        ] {
            assert_eq!(origin_form(&absolute.into()), origin, "{absolute}");
        }
    }

    #[test]
    fn a_mount_has_no_trailing_slash() {
        for (name, expected) in
            [("/", ""), ("", ""), ("/a/", "/a"), ("a", "/a"), ("/a//b", "/a//b")]
        {
            assert_eq!(mount(&name.into()), expected);
        }
    }
}
