//! The header by which a proxy says for whom it connects: the PROXY protocol, versions 1 and 2.
//!
//! No I/O: [`Header::take`] is shown the bytes that have arrived and says which belong to the
//! header, so that nothing behind it is ever taken from the socket.

use std::net::{IpAddr, SocketAddr};

use narthex_core::Endpoint;
use ppp::{v1, v2};

/// What begins a header of version 2.
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// What begins a header of version 1.
const TEXT: &[u8] = b"PROXY ";
/// The longest header of version 1, line end included.
const TEXT_LIMIT: usize = 107;
/// Bytes of a header of version 2 before its addresses.
const BINARY_START: usize = 16;
/// The longest header of version 2 that is taken: addresses are 36 bytes, or 216 of Unix sockets;
/// what is behind them, such as the names in a client's certificate, is longer but not by orders.
const BINARY_LIMIT: usize = 4096;
/// The field of version 2 that tells of TLS between client and proxy, and the bit that says so.
const TYPE_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

/// What a header says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Said {
    /// Nothing: the proxy speaks for itself, or does not know.
    Itself,
    /// The proxy passes on a connection.
    Passed {
        client: Endpoint,
        server: Endpoint,
        /// The client speaks TLS with the proxy.
        secure: bool,
    },
}

/// A header that is none; the text says why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Malformed(pub(super) &'static str);

/// A header that is arriving.
#[derive(Debug, Default)]
pub(super) struct Header(Vec<u8>);

impl Header {
    /// Takes what belongs to the header from the front of `seen`: how many bytes, and what it says
    /// once it is whole.
    pub(super) fn take(&mut self, seen: &[u8]) -> Result<(usize, Option<Said>), Malformed> {
        let before = self.0.len();
        self.0.extend_from_slice(seen);
        let start = self.0.len();
        let begins = |prefix: &[u8]| self.0.starts_with(&prefix[..prefix.len().min(start)]);
        let (end, read) = if begins(BINARY) {
            (self.binary_end()?, binary as fn(&[u8]) -> _)
        } else if begins(TEXT) {
            (self.text_end()?, text as fn(&[u8]) -> _)
        } else {
            return Err(Malformed("no PROXY header"));
        };
        match end {
            // The prefix was not ended before `seen`, or `take` would not have been called again.
            Some(end) if end <= self.0.len() => {
                self.0.truncate(end);
                Ok((end - before, Some(read(&self.0)?)))
            }
            _ => Ok((seen.len(), None)),
        }
    }

    fn text_end(&self) -> Result<Option<usize>, Malformed> {
        let newline = self.0.iter().take(TEXT_LIMIT).position(|&byte| byte == b'\n');
        match newline {
            Some(position) => Ok(Some(position + 1)),
            None if self.0.len() >= TEXT_LIMIT => Err(Malformed("PROXY header without an end")),
            None => Ok(None),
        }
    }

    fn binary_end(&self) -> Result<Option<usize>, Malformed> {
        let Some(&[high, low]) = self.0.get(BINARY_START - 2..BINARY_START) else {
            return Ok(None);
        };
        let end = BINARY_START + usize::from(u16::from_be_bytes([high, low]));
        if end > BINARY_LIMIT {
            return Err(Malformed("PROXY header too long"));
        }
        Ok(Some(end))
    }
}

fn text(line: &[u8]) -> Result<Said, Malformed> {
    let header = v1::Header::try_from(line).map_err(|_| Malformed("malformed PROXY line"))?;
    Ok(match header.addresses {
        v1::Addresses::Unknown => Said::Itself,
        v1::Addresses::Tcp4(it) => passed(
            (it.source_address.into(), it.source_port),
            (it.destination_address.into(), it.destination_port),
        ),
        v1::Addresses::Tcp6(it) => passed(
            (it.source_address.into(), it.source_port),
            (it.destination_address.into(), it.destination_port),
        ),
    })
}

fn binary(bytes: &[u8]) -> Result<Said, Malformed> {
    let header = v2::Header::try_from(bytes).map_err(|_| Malformed("malformed PROXY header"))?;
    let mut tls = false;
    for field in header.tlvs() {
        let field = field.map_err(|_| Malformed("malformed field in a PROXY header"))?;
        let said = field.value.first().is_some_and(|bits| bits & CLIENT_SSL != 0);
        tls |= field.kind == TYPE_SSL && said;
    }
    if header.command == v2::Command::Local {
        return Ok(Said::Itself);
    }
    if header.protocol == v2::Protocol::Datagram {
        return Err(Malformed("PROXY header of datagrams"));
    }
    let mut said = match header.addresses {
        v2::Addresses::Unspecified => Said::Itself,
        v2::Addresses::IPv4(it) => passed(
            (it.source_address.into(), it.source_port),
            (it.destination_address.into(), it.destination_port),
        ),
        v2::Addresses::IPv6(it) => passed(
            (it.source_address.into(), it.source_port),
            (it.destination_address.into(), it.destination_port),
        ),
        // A client of the proxy's Unix socket has no address that means anything here.
        v2::Addresses::Unix(_) => Said::Passed {
            client: Endpoint::default(),
            server: Endpoint::nameless(),
            secure: false,
        },
    };
    if let Said::Passed { secure, .. } = &mut said {
        *secure = tls;
    }
    Ok(said)
}

fn passed(client: (IpAddr, u16), server: (IpAddr, u16)) -> Said {
    let endpoint = |address| Endpoint::from(SocketAddr::from(address));
    Said::Passed { client: endpoint(client), server: endpoint(server), secure: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &'static str, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port: Some(port) }
    }

    /// What a header of version 2 says of an IPv4 client, with `more` behind the addresses.
    fn v2(command: u8, family: u8, addresses: &[u8], more: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len() + more.len()).unwrap().to_be_bytes();
        [BINARY, &[0x20 | command, family], &length, addresses, more].concat()
    }

    const IPV4: &[u8] = &[192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0x01, 0xbb];

    fn client() -> Said {
        Said::Passed {
            client: endpoint("192.0.2.7", 0x1234),
            server: endpoint("10.0.0.1", 443),
            secure: false,
        }
    }

    /// Each header is read whole, and byte by byte, and never takes what is behind it.
    fn assert_says(header: &[u8], expected: &Said) {
        let followed = [header, b"GET / HTTP/1.1\r\n"].concat();
        let (taken, said) = Header::default().take(&followed).unwrap();
        assert_eq!((taken, said.as_ref()), (header.len(), Some(expected)));
        let mut slow = Header::default();
        for (position, byte) in header.iter().enumerate() {
            let (taken, said) = slow.take(&[*byte]).unwrap();
            assert_eq!(taken, 1);
            assert_eq!(said.is_some(), position + 1 == header.len(), "at {position}");
            assert!(said.is_none_or(|said| said == *expected));
        }
        for split in 1..header.len() {
            let mut halves = Header::default();
            assert_eq!(halves.take(&header[..split]).unwrap(), (split, None));
            let (taken, said) = halves.take(&followed[split..]).unwrap();
            assert_eq!((taken, said.as_ref()), (header.len() - split, Some(expected)));
        }
    }

    #[test]
    fn headers_of_version_1_are_read() {
        assert_says(b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\r\n", &client());
        let six = Said::Passed {
            client: endpoint("2001:db8::1", 1),
            server: endpoint("::1", 65535),
            secure: false,
        };
        assert_says(b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", &six);
        assert_says(b"PROXY UNKNOWN\r\n", &Said::Itself);
        assert_says(
            b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
            &Said::Itself,
        );
    }

    #[test]
    fn headers_of_version_2_are_read() {
        assert_says(&v2(1, 0x11, IPV4, b""), &client());
        assert_says(&v2(1, 0x11, IPV4, b"\x03\x00\x04abcd"), &client());
        assert_says(&v2(0, 0x00, b"", b""), &Said::Itself);
        assert_says(&v2(0, 0x11, IPV4, b""), &Said::Itself);
        assert_says(&v2(1, 0x00, b"", b""), &Said::Itself);
        let mut addresses = [0; 36];
        addresses[15] = 1;
        addresses[31] = 2;
        addresses[33] = 80;
        addresses[35] = 81;
        let six = Said::Passed {
            client: endpoint("::1", 80),
            server: endpoint("::2", 81),
            secure: false,
        };
        assert_says(&v2(1, 0x21, &addresses, b""), &six);
        let Said::Passed { client, server, .. } = client() else { unreachable!() };
        let secure = Said::Passed { client, server, secure: true };
        assert_says(&v2(1, 0x11, IPV4, b"\x20\x00\x05\x01\x00\x00\x00\x00"), &secure);
        let socket = Header::default().take(&v2(1, 0x31, &[b'/'; 216], b"")).unwrap().1;
        assert!(matches!(socket, Some(Said::Passed { client, .. }) if client.host.is_empty()));
    }

    #[test]
    fn what_is_no_header_is_refused_as_soon_as_it_can_be_told() {
        for bytes in [
            b"GET / HTTP/1.1\r\n".as_slice(),
            b"\x16\x03\x01",
            b"P_",
            b"\r\n\r\n\0\r\nQUIX",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4660\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\n",
            b"PROXY TCP4 1.2.3 10.0.0.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 1 65536\r\n",
            b"PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n",
            b"PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n",
            b"PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
            b"PROXY \xff\r\n",
        ] {
            assert!(Header::default().take(bytes).is_err(), "{}", bytes.escape_ascii());
        }
        let endless = [b"PROXY ".as_slice(), &[b'x'; 101]].concat();
        assert!(Header::default().take(&endless).is_err());
        assert_eq!(Header::default().take(&endless[..106]), Ok((106, None)));
    }

    #[test]
    fn malformed_headers_of_version_2_are_refused() {
        let mut version = v2(1, 0x11, IPV4, b"");
        version[12] = 0x11;
        let mut command = v2(1, 0x11, IPV4, b"");
        command[12] = 0x22;
        let mut huge = v2(1, 0x11, IPV4, b"");
        huge[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
        for bytes in [
            version,
            command,
            huge, // at once: what it announces is not waited for
            v2(1, 0x11, &IPV4[..11], b""),
            v2(1, 0x21, IPV4, b""),
            v2(1, 0x12, IPV4, b""),
            v2(1, 0x41, IPV4, b""),
            v2(1, 0x11, IPV4, b"\x03\x00\x09abcd"),
            v2(1, 0x11, IPV4, b"\x03"),
        ] {
            assert!(Header::default().take(&bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
