//! What a proxy calls its peer: an address, a Unix socket, or nothing that tells (RFC 7239, 6).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::number;
use crate::{Endpoint, Trust};

/// A peer of a proxy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Node {
    /// An address, and a port if the proxy tells it.
    Address(IpAddr, Option<u16>),
    /// `unix:`, as nginx says of the peer of a Unix socket.
    Unix,
    /// `unknown`, or a name that only the proxy understands, such as `_hidden`.
    Hidden(Bytes),
}

impl Node {
    /// Reads one; `None` if it is malformed.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        if let [b'[', rest @ ..] = text {
            let end = rest.iter().position(|&byte| byte == b']')?;
            let address: Ipv6Addr = str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
            return Some(Self::address(address.into(), port(&rest[end + 1..])?));
        }
        if text.starts_with(b"unix:") {
            return Some(Self::Unix);
        }
        if let Ok(address) = str::from_utf8(text).ok()?.parse() {
            return Some(Self::address(address, None));
        }
        let colon = text.iter().position(|&byte| byte == b':').unwrap_or(text.len());
        let (name, rest) = text.split_at(colon);
        let port = port(rest)?;
        if name.eq_ignore_ascii_case(b"unknown") || is_obfuscated(name) {
            return Some(Self::Hidden(Bytes::copy_from_slice(name)));
        }
        let address: Ipv4Addr = str::from_utf8(name).ok()?.parse().ok()?;
        Some(Self::address(address.into(), port))
    }

    fn address(address: IpAddr, port: Option<u16>) -> Self {
        Self::Address(address.to_canonical(), port)
    }

    /// Whether what this peer says of its own peers is believed.
    pub(super) fn is_trusted(&self, trust: &Trust) -> bool {
        match self {
            Self::Address(address, _) => trust.trusts_address(*address),
            Self::Unix => trust.trusts_unix(),
            Self::Hidden(_) => false,
        }
    }
}

impl From<Node> for Endpoint {
    fn from(node: Node) -> Self {
        match node {
            Node::Address(address, port) => Self { host: address.to_string().into(), port },
            Node::Unix => Self::default(),
            // Not the proxy's address: it would have the client pass for the proxy.
            Node::Hidden(name) => Self { host: name, port: None },
        }
    }
}

/// The port in `:80`; none in nothing, and none in `:_80`, which only the proxy understands.
#[expect(clippy::option_option, reason = "malformed is something else than absent")]
fn port(text: &[u8]) -> Option<Option<u16>> {
    match text {
        [] => Some(None),
        [b':', port @ ..] if is_obfuscated(port) => Some(None),
        [b':', port @ ..] => number(port).map(Some),
        _ => None,
    }
}

/// Whether it is an underscore and what may follow one (RFC 7239, 6.3).
fn is_obfuscated(text: &[u8]) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    matches!(text, [b'_', rest @ ..] if !rest.is_empty() && rest.iter().all(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_read() {
        for (text, host, port) in [
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1:4711", "192.0.2.1", Some(4711)),
            ("192.0.2.1:_p", "192.0.2.1", None),
            ("2001:db8::1", "2001:db8::1", None),
            ("2001:DB8:0::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[2001:db8::1]:80", "2001:db8::1", Some(80)),
            ("::ffff:192.0.2.1", "192.0.2.1", None),
            ("unix:", "", None),
            ("unknown", "unknown", None),
            ("Unknown:80", "Unknown", None),
            ("_hidden", "_hidden", None),
            ("_SEVKISEK:_x", "_SEVKISEK", None),
        ] {
            let node = Node::read(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(Endpoint::from(node), Endpoint { host: host.into(), port }, "{text}");
        }
    }

    #[test]
    fn what_is_no_peer_is_refused() {
        for text in [
            "",
            " ",
            "localhost",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:+1",
            "192.0.2.1:8:0",
            "[::1",
            "[::1]80",
            "[::1]:",
            "[192.0.2.1]",
            "[]",
            "::1]",
            "fe80::1%eth0",
            "_",
            "_a b",
            "_\"",
            "unknown2",
            "192.0.2.1\0",
            "\u{e9}",
            "0x7f.1",
            "127.1",
        ] {
            assert_eq!(Node::read(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Node::read(b"\xff"), None);
    }
}
