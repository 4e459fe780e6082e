//! Sockets that whoever started this process has opened for it.

use std::{
    fs::File,
    io,
    os::fd::{FromRawFd, OwnedFd, RawFd},
};

use rustix::{
    io::{FdFlags, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_setfd},
    net::{AddressFamily, SocketType, sockopt},
    stdio,
};

use super::{Bind, Listener};
use crate::Surroundings;

/// The first descriptor that a service manager passes (`sd_listen_fds(3)`).
const FIRST: RawFd = 3;

/// The variables by which it says so; they are for one process alone.
pub const ACTIVATION_VARIABLES: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// The sockets that a service manager has opened for this very process (`sd_listen_fds(3)`).
#[must_use]
pub fn activated(seen: &Surroundings) -> Vec<Bind> {
    let number = |name| seen.variable(name)?.to_str()?.parse::<u32>().ok();
    let ours = number("LISTEN_PID") == Some(std::process::id());
    let count = number("LISTEN_FDS").filter(|_| ours).unwrap_or(0);
    let end = RawFd::try_from(count).ok().and_then(|count| FIRST.checked_add(count));
    (FIRST..end.unwrap_or(FIRST)).map(Bind::Fd).collect()
}

/// Takes over the listening socket with that number.
pub(super) fn listener(number: RawFd) -> io::Result<Listener> {
    let fd = if number == 0 { standard_input()? } else { inherited_descriptor(number)? };
    let kind = sockopt::socket_type(&fd).map_err(|error| match error {
        rustix::io::Errno::NOTSOCK => io::Error::other("the descriptor is no socket"),
        error => error.into(),
    })?;
    if kind != SocketType::STREAM {
        return Err(io::Error::other("the socket is for datagrams, not for connections"));
    }
    if !sockopt::socket_acceptconn(&fd)? {
        return Err(io::Error::other("the socket does not listen: it may be a connection itself"));
    }
    Ok(match sockopt::socket_domain(&fd)? {
        AddressFamily::UNIX => Listener::Unix(fd.into(), None),
        AddressFamily::INET | AddressFamily::INET6 => Listener::Tcp(fd.into()),
        _ => return Err(io::Error::other("the socket is neither of TCP nor of Unix")),
    })
}

/// Takes over the standard input, and leaves an empty one in its place: the application may read it.
fn standard_input() -> io::Result<OwnedFd> {
    let fd = fcntl_dupfd_cloexec(stdio::stdin(), 3)?;
    // As a number of its own it would be closed, and given to the next file that is opened.
    if sockopt::socket_acceptconn(&fd).unwrap_or(false) {
        stdio::dup2_stdin(File::open("/dev/null")?)?;
    }
    Ok(fd)
}

/// Takes over a descriptor that whoever started this process left open for it.
///
/// # Errors
/// There is no such descriptor.
#[expect(unsafe_code, reason = "a number given by the user becomes a descriptor")]
pub fn inherited_descriptor(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: only borrowed, to ask whether it is open; nothing is closed by it.
    let flags = fcntl_getfd(unsafe { std::os::fd::BorrowedFd::borrow_raw(number) })?;
    // SAFETY: it is open, and by the contract of `fd://N` it was opened for this server alone: no
    // other part of the process owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    // What the application starts has no business with it.
    fcntl_setfd(&fd, flags | FdFlags::CLOEXEC)?;
    Ok(fd)
}

/// Keeps what whoever started this process left open, save standard input and output, from what it
/// starts.
#[expect(unsafe_code, reason = "the numbers of open descriptors are looked up")]
pub fn close_on_exec() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    // Among them is that of the directory itself, which is closed before it is looked at.
    let numbers: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|&number| number > 2) {
        // SAFETY: only borrowed, for two calls that look at and change a flag; neither closes it, and
        // where there is none they fail.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        if let Ok(flags) = fcntl_getfd(fd) {
            let _ = fcntl_setfd(fd, flags | FdFlags::CLOEXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpListener, UdpSocket},
        os::fd::IntoRawFd,
    };

    use super::*;

    fn seen(variables: &[(&str, &str)]) -> Surroundings {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Surroundings { variables, ..Surroundings::default() }
    }

    #[test]
    fn only_what_is_for_this_process_is_taken() {
        let own = std::process::id().to_string();
        let two = [Bind::Fd(3), Bind::Fd(4)];
        assert_eq!(activated(&seen(&[("LISTEN_PID", &own), ("LISTEN_FDS", "2")])), two);
        let nothing: &[&[(&str, &str)]] = &[
            &[],
            &[("LISTEN_FDS", "2")],
            &[("LISTEN_PID", "1"), ("LISTEN_FDS", "2")],
            &[("LISTEN_PID", &own), ("LISTEN_FDS", "0")],
            &[("LISTEN_PID", &own), ("LISTEN_FDS", "x")],
            &[("LISTEN_PID", &own), ("LISTEN_FDS", "4294967295")],
            &[("LISTEN_PID", &own)],
        ];
        for variables in nothing {
            assert_eq!(activated(&seen(variables)), [], "{variables:?}");
        }
    }

    #[test]
    fn only_what_listens_is_a_listener() {
        let bound = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = bound.local_addr().unwrap().to_string();
        let taken = listener(bound.into_raw_fd()).unwrap();
        assert_eq!(taken.address().unwrap(), address);
        let Listener::Tcp(taken) = taken else { panic!("{taken:?}") };
        assert!(fcntl_getfd(&taken).unwrap().contains(FdFlags::CLOEXEC));
        let told = |number| listener(number).unwrap_err().to_string();
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(told(datagrams.into_raw_fd()).contains("datagrams"));
        let connection = std::net::TcpStream::connect(address).unwrap();
        assert!(told(connection.into_raw_fd()).contains("does not listen"));
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(told(file.into_raw_fd()).contains("no socket"));
        assert!(listener(1 << 20).is_err());
    }
}
