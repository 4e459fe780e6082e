//! A connection that a process has taken on.

use std::{
    fmt, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect,
        recv, send, socket_with,
        sockopt::{Timeout, set_socket_timeout},
    },
};

use crate::fastcgi::{
    client::Client,
    record::{Incoming, ProtocolStatus, Reader, Stream},
};

/// How long a thread waits before it looks up.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// How long a queue may be full before a request is turned away.
const FULL: Duration = Duration::from_secs(1);

/// How much of what is said instead of taking a connection on is listened to.
const MOST_SAID: usize = 4096;

/// A connection of which a process has proved that it reads it.
///
/// A connection in the queue of a socket looks like any other. So the first thing sent on it is a
/// question: what waits there is not yet a request, and who gives up has left nothing behind that would
/// be answered for nobody.
#[derive(Debug)]
pub struct Line {
    socket: OwnedFd,
    /// Requests so far.
    pub(super) requests: u32,
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotTaken {
    /// There is no such socket, or nobody listens.
    Nobody(io::Error),
    /// The queue is full.
    Full,
    /// Nobody has taken it in time.
    Late,
    /// It was refused, for this reason.
    Refused(String),
    /// The process that had it has closed it: another may take the next.
    Closed,
    /// What came back is no FastCGI.
    Foreign,
    /// The client has gone meanwhile.
    Departed,
    /// The system refuses.
    System(io::Error),
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(error) => write!(f, "nobody listens on its socket: {error}"),
            Self::Full => f.write_str("its queue is full"),
            Self::Late => f.write_str("no process has taken the request in time"),
            Self::Refused(why) => f.write_str(why),
            Self::Closed => f.write_str("its processes close connections unanswered"),
            Self::Foreign => f.write_str("what listens on its socket does not speak FastCGI"),
            Self::Departed => f.write_str("the client has gone"),
            Self::System(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for NotTaken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Nobody(error) | Self::System(error) => Some(error),
            _ => None,
        }
    }
}

impl Line {
    /// Connects to the socket at `path` and waits until a process takes the connection, at most until
    /// `deadline`, and not for a client that has `departed`.
    ///
    /// # Errors
    /// [`NotTaken`]: nothing of a request has been sent.
    pub fn open(
        path: &Path,
        deadline: Instant,
        departed: &mut dyn FnMut() -> bool,
    ) -> Result<Self, NotTaken> {
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .map_err(system)?;
        let address = SocketAddrUnix::new(path).map_err(system)?;
        set_socket_timeout(&socket, Timeout::Send, Some(FULL)).map_err(system)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(TICK)).map_err(system)?;
        loop {
            match connect(&socket, &address) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(NotTaken::Full),
                Err(error @ (Errno::NOENT | Errno::CONNREFUSED)) => {
                    return Err(NotTaken::Nobody(error.into()));
                }
                Err(error) => return Err(system(error)),
            }
        }
        let line = Self { socket, requests: 0 };
        line.be_taken(deadline, departed)?;
        Ok(line)
    }

    /// A connection that some process is known to have.
    #[must_use]
    pub fn of(socket: UnixStream) -> Self {
        Self { socket: socket.into(), requests: 0 }
    }

    /// Asks, and waits for the answer.
    fn be_taken(
        &self,
        deadline: Instant,
        departed: &mut dyn FnMut() -> bool,
    ) -> Result<(), NotTaken> {
        let mut question = Vec::with_capacity(32);
        Client::new().ask(&mut question, &[b"FCGI_MAX_REQS"]);
        match send(&self.socket, &question, SendFlags::NOSIGNAL) {
            Ok(sent) if sent == question.len() => {}
            // It has never failed to fit into an empty socket.
            Ok(_) => return Err(NotTaken::Closed),
            // The reason may have been told already.
            Err(Errno::PIPE | Errno::CONNRESET) => {}
            Err(error) => return Err(system(error)),
        }
        let mut answer = Answer::default();
        loop {
            let mut buffer = [0; 1024];
            match recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((0, _)) | Err(Errno::CONNRESET) => return Err(NotTaken::Closed),
                Ok((count, _)) => {
                    if let Some(taken) = answer.take(&buffer[..count]) {
                        return taken;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    if departed() {
                        return Err(NotTaken::Departed);
                    }
                    if Instant::now() >= deadline {
                        return Err(NotTaken::Late);
                    }
                }
                Err(error) => return Err(system(error)),
            }
        }
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What is said to a connection that is new.
#[derive(Default)]
struct Answer {
    reader: Reader,
    taken: bool,
    said: Vec<u8>,
}

impl Answer {
    /// Takes the next bytes; `None` until they say whether the connection is taken.
    fn take(&mut self, mut bytes: &[u8]) -> Option<Result<(), NotTaken>> {
        loop {
            match self.reader.next(&mut bytes) {
                Ok(Some(Incoming::GetValuesResult { .. })) => self.taken = true,
                Ok(Some(Incoming::Stream { kind: Stream::Stderr, content, .. })) => {
                    let room = MOST_SAID - self.said.len();
                    self.said.extend_from_slice(&content[..content.len().min(room)]);
                }
                Ok(Some(Incoming::End { protocol_status: ProtocolStatus::Overloaded, .. })) => {
                    let why = String::from_utf8_lossy(&self.said).trim().to_owned();
                    return Some(Err(NotTaken::Refused(why)));
                }
                Ok(Some(Incoming::StreamEnd { .. })) => {}
                // The padding may be still to come.
                Ok(None) => return (self.taken && self.reader.between_records()).then_some(Ok(())),
                Ok(Some(_)) | Err(_) => return Some(Err(NotTaken::Foreign)),
            }
        }
    }
}

fn system(error: Errno) -> NotTaken {
    NotTaken::System(error.into())
}
