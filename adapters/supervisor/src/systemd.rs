//! What the service manager is told (`sd_notify`, systemd's protocol over a datagram socket).
//!
//! Written out here because the crate for it knows no abstract sockets, which containers use.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Variables that are meant for the process that systemd started, and for no child of it.
pub const VARIABLES: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

/// The service manager, if one wants to be told.
#[derive(Debug)]
pub struct Manager {
    socket: Option<OsString>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// What the environment says.
    #[must_use]
    pub fn from_environment() -> Self {
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        let for_us =
            number("WATCHDOG_PID").is_none_or(|process| process == u64::from(std::process::id()));
        Self {
            socket: env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()),
            watchdog: number("WATCHDOG_USEC")
                .filter(|&time| for_us && time > 0)
                .map(Duration::from_micros),
        }
    }

    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self { socket: None, watchdog: None }
    }

    /// How often it wants a sign of life: twice in the time that it waits.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Duration> {
        self.socket.as_ref().and(self.watchdog).map(|time| time / 2)
    }

    /// Says that requests are served.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}\n"));
    }

    /// Says that the application is being loaded anew; [`ready`](Self::ready) follows.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=reloading\n"));
    }

    /// Says that the server stops.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=finishing running requests\n");
    }

    /// Says how it goes.
    pub fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}\n"));
    }

    /// Gives a sign of life.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1\n");
    }

    fn tell(&self, text: &str) {
        if let Some(socket) = &self.socket {
            // A manager that does not listen is none; the server does not depend on it.
            let _ = send(socket, text.as_bytes());
        }
    }
}

fn send(socket: &OsStr, text: &[u8]) -> io::Result<usize> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let from = UnixDatagram::unbound()?;
    from.set_nonblocking(true)?;
    from.send_to_addr(text, &address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let count = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    #[test]
    fn both_kinds_of_socket_are_reached() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("narthex-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        for (socket, text) in
            [(&by_path, path.into_os_string()), (&by_name, format!("@{name}").into())]
        {
            let manager = Manager { socket: Some(text), watchdog: Some(Duration::from_secs(20)) };
            assert_eq!(manager.heartbeat(), Some(Duration::from_secs(10)));
            manager.ready("2 workers");
            assert_eq!(received(socket), "READY=1\nSTATUS=2 workers\n");
            manager.alive();
            assert_eq!(received(socket), "WATCHDOG=1\n");
            manager.reloading();
            assert!(received(socket).starts_with("RELOADING=1\nMONOTONIC_USEC="));
        }
    }

    #[test]
    fn without_a_socket_there_is_nobody_to_tell() {
        let manager = Manager { socket: None, watchdog: Some(Duration::from_secs(1)) };
        assert_eq!(manager.heartbeat(), None);
        manager.stopping();
    }
}
