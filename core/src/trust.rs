//! Which peers are believed: the proxies in front of a server.

use core::{fmt, net::IpAddr, str::FromStr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

use crate::Endpoint;

/// The peers that are believed what they say of others; nobody by default.
///
/// Read from a list such as `10.0.0.0/8, ::1, unix`: networks, addresses, `unix` for the peers of
/// Unix sockets, `*` for everybody.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trust {
    everybody: bool,
    unix: bool,
    networks: Arc<[IpNet]>,
}

impl Trust {
    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.everybody && !self.unix && self.networks.is_empty()
    }

    /// Whether the peer `client` is trusted.
    #[must_use]
    pub fn trusts(&self, client: &Endpoint) -> bool {
        if self.everybody {
            return true;
        }
        if client.host.is_empty() {
            return self.unix;
        }
        // What is no address has not come from a socket.
        !self.networks.is_empty()
            && str::from_utf8(&client.host)
                .ok()
                .and_then(|host| host.parse().ok())
                .is_some_and(|address| self.trusts_address(address))
    }

    /// Whether the peer at `address` is trusted.
    #[must_use]
    pub fn trusts_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.everybody || self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether the peers of Unix sockets are trusted.
    #[must_use]
    pub fn trusts_unix(&self) -> bool {
        self.everybody || self.unix
    }
}

impl FromStr for Trust {
    type Err = NotTrust;

    fn from_str(text: &str) -> Result<Self, NotTrust> {
        let mut networks = Vec::new();
        let mut trust = Self::default();
        for peer in text.split(',').map(str::trim).filter(|peer| !peer.is_empty()) {
            match peer {
                "*" => trust.everybody = true,
                "unix" | "unix:" => trust.unix = true,
                peer => networks.push(network(peer)?),
            }
        }
        trust.networks = networks.into();
        Ok(trust)
    }
}

/// All the peers that any of them trusts.
impl FromIterator<Self> for Trust {
    fn from_iter<I: IntoIterator<Item = Self>>(several: I) -> Self {
        let mut networks = Vec::new();
        let mut trust = Self::default();
        for one in several {
            trust.everybody |= one.everybody;
            trust.unix |= one.unix;
            networks.extend_from_slice(&one.networks);
        }
        trust.networks = networks.into();
        trust
    }
}

/// Why a text does not say whom to trust.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotTrust {
    /// It is neither a network nor an address.
    Unknown(String),
    /// The address has bits where its network has none; the network that was probably meant.
    HostBits(String, IpNet),
    /// The prefix is longer than an address.
    Prefix(String),
}

impl fmt::Display for NotTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(
                f,
                "{text:?} is neither an address nor a network: write for example 10.0.0.0/8, \
                 192.0.2.1, fd00::/8, unix or *"
            ),
            Self::HostBits(text, network) => write!(
                f,
                "{text} is an address inside a network: write {network} for all of it, or {} \
                 for that address",
                text.split('/').next().unwrap_or(text)
            ),
            Self::Prefix(text) => write!(
                f,
                "{text:?} has no valid prefix: write a number up to 32 after an IPv4 address, up \
                 to 128 after an IPv6 one"
            ),
        }
    }
}

impl std::error::Error for NotTrust {}

fn network(text: &str) -> Result<IpNet, NotTrust> {
    let unknown = || NotTrust::Unknown(text.to_owned());
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address = address.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr = address.parse().map_err(|_| unknown())?;
    let Some(prefix) = prefix else { return Ok(IpNet::from(address.to_canonical())) };
    let bad_prefix = || NotTrust::Prefix(text.to_owned());
    let prefix = prefix.parse().map_err(|_| bad_prefix())?;
    let network = IpNet::new(address, prefix).map_err(|_| bad_prefix())?;
    if network.addr() != network.network() {
        return Err(NotTrust::HostBits(text.to_owned(), network.trunc()));
    }
    // IPv4 peers are known by their IPv4 addresses, whatever the socket.
    match (address.to_canonical(), prefix.checked_sub(96)) {
        (IpAddr::V4(mapped), Some(prefix)) if address.is_ipv6() => {
            Ipv4Net::new(mapped, prefix).map(IpNet::V4).map_err(|_| bad_prefix())
        }
        _ => Ok(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(host: &'static str) -> Endpoint {
        Endpoint { host: host.into(), port: Some(1) }
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        for text in ["", " , "] {
            let nobody: Trust = text.parse().unwrap();
            assert!(nobody.is_empty());
            assert_eq!(nobody, Trust::default());
            assert!(!nobody.trusts(&peer("127.0.0.1")) && !nobody.trusts(&Endpoint::default()));
        }
    }

    #[test]
    fn networks_addresses_and_sockets_are_told_apart() {
        let trust: Trust = "10.0.0.0/8, 192.0.2.1,fd00::/8 ,[::1],unix".parse().unwrap();
        assert!(!trust.is_empty());
        for host in ["10.255.0.1", "192.0.2.1", "fd12::1", "::1", "::ffff:10.1.1.1", ""] {
            assert!(trust.trusts(&peer(host)), "{host}");
        }
        for host in ["11.0.0.1", "192.0.2.2", "fe80::1", "::2", "10.0.0.1.example", "unix", "10"] {
            assert!(!trust.trusts(&peer(host)), "{host}");
        }
        let addresses: Trust = "10.0.0.0/8".parse().unwrap();
        assert!(!addresses.trusts(&Endpoint::default()) && !addresses.trusts_unix());
    }

    #[test]
    fn a_mapped_network_is_an_ipv4_network() {
        for text in ["::ffff:10.0.0.0/104", "10.0.0.0/8"] {
            let trust: Trust = text.parse().unwrap();
            assert!(trust.trusts_address("10.1.2.3".parse().unwrap()), "{text}");
            assert!(trust.trusts_address("::ffff:10.1.2.3".parse().unwrap()), "{text}");
            assert!(!trust.trusts_address("11.1.2.3".parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn everybody_is_everybody() {
        let trust: Trust = "*".parse().unwrap();
        assert!(trust.trusts(&peer("192.0.2.1")) && trust.trusts(&Endpoint::default()));
        assert!(trust.trusts_unix() && trust.trusts_address("::".parse().unwrap()));
    }

    #[test]
    fn several_lists_are_one() {
        let lists = ["10.0.0.0/8", "unix", "::1"];
        let trust: Trust = lists.iter().map(|list| list.parse::<Trust>().unwrap()).collect();
        assert_eq!(trust, lists.join(",").parse().unwrap());
    }

    #[test]
    fn a_mistake_is_told_with_what_to_write() {
        for (text, told) in [
            ("localhost", "write for example"),
            ("10.0.0/8", "write for example"),
            ("10.0.0.1:80", "write for example"),
            ("10.0.0.0/33", "up to 32"),
            ("::/129", "up to 32"),
            ("10.0.0.0/255.0.0.0", "up to 32"),
            ("::1/", "up to 32"),
            ("192.168.1.7/24", "write 192.168.1.0/24 for all of it, or 192.168.1.7 for"),
            ("fd00::1/8", "write fd00::/8 for all of it, or fd00::1 for"),
        ] {
            let error = text.parse::<Trust>().unwrap_err().to_string();
            assert!(error.contains(told) && error.contains(text), "{text}: {error}");
        }
    }
}
