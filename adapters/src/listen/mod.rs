//! Addresses and the sockets that listen on them.

mod inherited;
mod unix;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    os::{fd::RawFd, linux::net::SocketAddrExt, unix::net::UnixListener},
    path::{Path, PathBuf},
    str::FromStr,
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{Error, Result};
pub use inherited::{ACTIVATION_VARIABLES, activated, close_on_exec, inherited_descriptor};
pub use unix::{Permissions, SocketFile, SocketTrouble};

/// An address to listen on: `HOST:PORT`, `unix:PATH`, `unix:@NAME` or `fd://N`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Bind {
    /// A name or address, and a port; 0 takes a free one.
    Tcp(String, u16),
    /// A Unix socket, and who may connect to it.
    Unix(PathBuf, Permissions),
    /// A Unix socket with a name that is no file (`unix(7)`, abstract).
    Abstract(String),
    /// A listening socket that was inherited.
    Fd(RawFd),
}

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// Over TCP.
    Tcp(TcpListener),
    /// Over a Unix socket; its file is removed on drop if it was made here.
    Unix(UnixListener, Option<SocketFile>),
}

impl Bind {
    /// Listens on this address: one socket for each address that a name stands for.
    ///
    /// # Errors
    /// [`Error::Bind`] with what the system said, or [`Error::Socket`] with what stands in the way.
    pub fn listen(&self, backlog: i32) -> Result<Vec<Listener>> {
        let bound = match self {
            Self::Tcp(host, port) => tcp(host, *port, backlog),
            Self::Unix(path, permissions) => {
                return unix::listen(path, permissions, backlog).map(|listener| vec![listener]);
            }
            Self::Abstract(name) => {
                unix::listen_abstract(name.as_bytes(), backlog).map(|listener| vec![listener])
            }
            Self::Fd(number) => inherited::listener(*number).map(|listener| vec![listener]),
        };
        bound.map_err(|source| Error::Bind { bind: self.to_string(), source })
    }
}

impl FromStr for Bind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::Address(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.strip_prefix('@') {
                Some("") => Err(bad()),
                Some(name) => Ok(Self::Abstract(name.to_owned())),
                None if path.is_empty() => Err(bad()),
                None => Ok(Self::Unix(path.into(), Permissions::default())),
            };
        }
        if let Some(number) = text.strip_prefix("fd://") {
            return number.parse().ok().filter(|&fd: &RawFd| fd >= 0).map(Self::Fd).ok_or_else(bad);
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') || host == ":" => {
                (host, port.parse().map_err(|_| bad())?)
            }
            _ => return Err(bad()),
        };
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(bad)?,
            None if host.contains(':') => return Err(bad()),
            None => host,
        };
        Ok(Self::Tcp(host.to_owned(), port))
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path, _) => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:@{name}"),
            Self::Fd(number) => write!(f, "fd://{number}"),
        }
    }
}

impl Listener {
    /// Its address, as [`Bind`] spells it.
    ///
    /// # Errors
    /// The system does not know.
    pub fn address(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => Ok(listener.local_addr()?.to_string()),
            Self::Unix(listener, _) => {
                let address = listener.local_addr()?;
                if let Some(name) = address.as_abstract_name() {
                    return Ok(format!("unix:@{}", name.escape_ascii()));
                }
                let path = address.as_pathname().unwrap_or(Path::new(""));
                Ok(format!("unix:{}", path.display()))
            }
        }
    }
}

fn tcp(host: &str, port: u16, backlog: i32) -> io::Result<Vec<Listener>> {
    let addresses: Vec<SocketAddr> = match host {
        "" | "*" => vec![SocketAddr::from(([0, 0, 0, 0], port))],
        host => (host, port).to_socket_addrs()?.collect(),
    };
    let mut listeners = Vec::new();
    let mut port = port;
    let mut refused = None;
    for mut address in addresses {
        if port != 0 {
            address.set_port(port); // a name's further addresses share the port that was free
        }
        match tcp_at(address, backlog) {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(Listener::Tcp(listener));
            }
            // A name may stand for an address that this machine lacks (::1 without IPv6).
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    match (listeners.is_empty(), refused) {
        (true, refused) => {
            Err(refused.unwrap_or_else(|| io::Error::other("the name stands for no address")))
        }
        (false, _) => Ok(listeners),
    }
}

fn tcp_at(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Only lingering connections of an earlier server, never another listener (SO_REUSEPORT would).
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in
            ["127.0.0.1:8000", "[::1]:80", "localhost:0", "unix:/tmp/a", "unix:@a", "fd://3", ":80"]
        {
            assert_eq!(text.parse::<Bind>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "8000",
            "::1:80",
            "host:",
            "host:99999",
            "unix:",
            "unix:@",
            "fd://x",
            "fd://-1",
            "[::1:80",
        ] {
            assert!(text.parse::<Bind>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_taken_port_is_refused() {
        let first = Bind::Tcp("127.0.0.1".into(), 0).listen(16).unwrap();
        let taken: Bind = first[0].address().unwrap().parse().unwrap();
        let error = taken.listen(16).unwrap_err();
        assert!(
            matches!(error, Error::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
        );
    }

    #[test]
    fn a_name_that_is_no_file_is_listened_on() {
        let bind = Bind::Abstract(format!("narthex-listen-{}", std::process::id()));
        let first = bind.listen(16).unwrap();
        assert_eq!(first[0].address().unwrap(), bind.to_string());
        assert!(bind.listen(16).is_err());
        drop(first);
        bind.listen(16).unwrap();
    }
}
