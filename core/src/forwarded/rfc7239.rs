//! The field Forwarded (RFC 7239).

use std::borrow::Cow;

use http::{HeaderMap, header::FORWARDED};

use super::{Authority, Said, node::Node, scheme};
use crate::Trust;

/// What the field says.
pub(super) fn read(headers: &HeaderMap, trust: &Trust) -> Said {
    let mut said = Said::default();
    let mut well_formed = true;
    for element in
        headers.get_all(FORWARDED).into_iter().rev().flat_map(|it| elements(it.as_bytes()))
    {
        said.hops += 1;
        let Some(Element { node, host, proto }) = Element::read(element) else {
            well_formed = false;
            break;
        };
        // The proxy nearest to the client that says it knows best.
        let host = host.map(|host| Authority::read(&host));
        let proto = proto.map(|proto| scheme(&proto));
        let node = node.map(|node| Node::read(&node));
        well_formed &= host.as_ref().is_none_or(Option::is_some)
            && proto.is_none_or(|proto| proto.is_some())
            && node.as_ref().is_none_or(Option::is_some);
        said.host = host.flatten().or(said.host);
        said.scheme = proto.flatten().or(said.scheme);
        let Some(node) = node.flatten() else { break };
        let trusted = node.is_trusted(trust);
        said.client = Some(node.into());
        if !trusted {
            break;
        }
    }
    if !well_formed {
        said.malformed.push(FORWARDED);
    }
    said
}

/// The elements of a line, the last first.
///
/// They are cut off from the right, quotes and all: a quote that a client left open hides nothing
/// that a proxy has added after it.
fn elements(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let comma = last_comma(line);
        rest = comma.map(|comma| &line[..comma]);
        Some(line[comma.map_or(0, |comma| comma + 1)..].trim_ascii())
    })
    .filter(|element| !element.is_empty())
}

/// The last comma that is not quoted.
fn last_comma(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    for (index, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' => {
                let escapes = line[..index].iter().rev().take_while(|&&byte| byte == b'\\').count();
                quoted = !quoted || escapes % 2 == 1;
            }
            b',' if !quoted => return Some(index),
            _ => {}
        }
    }
    None
}

/// What one proxy says; each of it at most once (RFC 7239, 4).
#[derive(Debug, Default)]
struct Element<'a> {
    node: Option<Cow<'a, [u8]>>,
    host: Option<Cow<'a, [u8]>>,
    proto: Option<Cow<'a, [u8]>>,
}

impl<'a> Element<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let mut element = Self::default();
        let mut rest = text;
        loop {
            let (name, value, after) = pair(rest)?;
            let slot = if name.eq_ignore_ascii_case(b"for") {
                Some(&mut element.node)
            } else if name.eq_ignore_ascii_case(b"host") {
                Some(&mut element.host)
            } else if name.eq_ignore_ascii_case(b"proto") {
                Some(&mut element.proto)
            } else {
                None // `by`, and what is still to be invented
            };
            if let Some(slot) = slot
                && slot.replace(value).is_some()
            {
                return None;
            }
            rest = match after.trim_ascii_start() {
                [] => return Some(element),
                [b';', rest @ ..] => rest.trim_ascii_start(),
                _ => return None,
            };
            if rest.is_empty() {
                return Some(element);
            }
        }
    }
}

/// A name, its value, and what follows.
type Pair<'a> = (&'a [u8], Cow<'a, [u8]>, &'a [u8]);

fn pair(text: &[u8]) -> Option<Pair<'_>> {
    let equals = text.iter().position(|&byte| byte == b'=')?;
    let (name, rest) = (&text[..equals], &text[equals + 1..]);
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return None;
    }
    if let [b'"', rest @ ..] = rest {
        let (value, after) = unquoted(rest)?;
        return Some((name, Cow::Owned(value), after));
    }
    // Addresses with a port and those of IPv6 are to be quoted; not all proxies do.
    let known = |byte: u8| is_token(byte) || matches!(byte, b':' | b'[' | b']');
    let end = rest.iter().position(|&byte| !known(byte)).unwrap_or(rest.len());
    (end > 0).then(|| (name, Cow::Borrowed(&rest[..end]), &rest[end..]))
}

/// What stands before the closing quote, and after it.
fn unquoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut bytes = text.iter().enumerate();
    loop {
        match bytes.next()? {
            (index, b'"') => return Some((value, &text[index + 1..])),
            (_, b'\\') => value.push(*bytes.next()?.1),
            (_, byte) => value.push(*byte),
        }
    }
}

/// The bytes of a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<&str> {
        elements(line.as_bytes()).map(|it| str::from_utf8(it).unwrap()).collect()
    }

    #[test]
    fn elements_are_cut_off_from_the_right() {
        assert_eq!(split("for=a, for=b ,,for=c,"), ["for=c", "for=b", "for=a"]);
        assert_eq!(split(r#"x="a,b";y=1, for="[::1]""#), [r#"for="[::1]""#, r#"x="a,b";y=1"#]);
        assert_eq!(split(r#"x="a\",b", y=1"#), ["y=1", r#"x="a\",b""#]);
        assert_eq!(split(r#"x="a\\", y=1"#), ["y=1", r#"x="a\\""#]);
        // What a client left open swallows nothing.
        assert_eq!(split(r#"for=", for=192.0.2.1"#), ["for=192.0.2.1", r#"for=""#]);
        assert_eq!(split(r#"for="\, for="[::1]""#)[0], r#"for="[::1]""#);
        assert!(split(" , ,").is_empty());
    }

    #[test]
    fn elements_are_read() {
        for (text, node) in [
            ("for=192.0.2.1", Some("192.0.2.1")),
            ("FOR=192.0.2.1:80;Proto=https", Some("192.0.2.1:80")),
            (r#"by=_x;for="[2001:db8::1]:47";host="a.example:8""#, Some("[2001:db8::1]:47")),
            (r#"for="\1\9\2.0.2.1" ; proto=http;"#, Some("192.0.2.1")),
            ("proto=https", None),
        ] {
            let element = Element::read(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(element.node.as_deref(), node.map(str::as_bytes), "{text}");
        }
        for text in [
            "",
            "for",
            "for=",
            "=a",
            ";",
            "for=a for=b",
            "for=a;for=b",
            r#"for="a"#,
            r#"for="a\"#,
            r#"for="a"b"#,
            "for =a",
            "f(r=a",
            "for=a;;host=b",
            "for=\u{e9}",
        ] {
            assert!(Element::read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
