//! A CGI request on its way from the program that the web server started to the process that
//! answers it.
//!
//! One message goes there: the variables, and with their first byte the descriptors 0, 1 and 2. So
//! bytes go straight between the web server and the application. What comes back is [`BEGUN`]
//! before anything is written to the web server, and [`ENDED`] with the exit status.
//!
//! The stub need not be told that its request was taken. If the other end closes without having
//! read the message, the system says `ECONNRESET`; if it has read it, a plain end (unix(7)).

use std::{
    io::{self, IoSlice, IoSliceMut, Read},
    mem::MaybeUninit,
    net::Shutdown,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use rustix::{
    cmsg_space,
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, send, sendmsg,
    },
};

/// What a message begins with; the number is the protocol's version.
const MAGIC: [u8; 4] = *b"nxc1";

/// Magic, and the length of the variables.
const HEAD: usize = MAGIC.len() + size_of::<u32>();

/// More than the system lets an environment be (execve(2): 6 MiB with the arguments).
const MOST: usize = 8 << 20;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes have gone, or may have gone, to the web server.
const BEGUN: u8 = b'b';

/// The request has ended; the exit status follows.
const ENDED: u8 = b'e';

/// A request as it was handed over.
#[derive(Debug)]
pub struct Handover {
    /// The variables, each as `NAME=value` and a NUL.
    pub variables: Vec<u8>,
    /// Standard input, output and error of the program that the web server has started.
    pub streams: [OwnedFd; 3],
    /// That program.
    pub client: Client,
}

/// The program that waits for its request to be answered.
#[derive(Debug)]
pub struct Client(UnixStream);

/// What became of a request that was handed over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It has ended with this exit status.
    Ended(u8),
    /// Nobody has taken it: it can be handed to another process.
    Untouched,
    /// The process has gone in the midst of it.
    Lost {
        /// The web server may have been sent something.
        begun: bool,
    },
}

/// Hands a request over, and waits for its end.
///
/// # Errors
/// The system refused.
pub fn deliver(
    socket: UnixStream,
    variables: &[u8],
    streams: [BorrowedFd<'_>; 3],
) -> io::Result<Outcome> {
    match offer(&socket, variables, streams) {
        Ok(()) => await_end(socket),
        Err(Errno::PIPE | Errno::CONNRESET) => Ok(Outcome::Untouched),
        Err(error) => Err(error.into()),
    }
}

fn offer(socket: &UnixStream, variables: &[u8], streams: [BorrowedFd<'_>; 3]) -> Result<(), Errno> {
    let length = u32::try_from(variables.len()).map_err(|_| Errno::TOOBIG)?;
    let mut head = [0; HEAD];
    head[..MAGIC.len()].copy_from_slice(&MAGIC);
    head[MAGIC.len()..].copy_from_slice(&length.to_le_bytes());
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&streams));
    let message = [IoSlice::new(&head), IoSlice::new(variables)];
    let sent = sendmsg(socket, &message, &mut control, SendFlags::NOSIGNAL)?;
    // A large environment does not fit the buffer of the socket at once.
    let mut rest = &variables[sent.saturating_sub(HEAD)..];
    while !rest.is_empty() {
        rest = &rest[send(socket, rest, SendFlags::NOSIGNAL)?..];
    }
    Ok(())
}

/// Sleeps until the other end closes: what it says before is not worth being woken for.
fn await_end(mut socket: UnixStream) -> io::Result<Outcome> {
    loop {
        let mut polled = [PollFd::new(&socket, PollFlags::empty())];
        match poll(&mut polled, None) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut said = [0; 8];
    let mut length = 0;
    loop {
        match socket.read(&mut said[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && length == 0 => {
                return Ok(Outcome::Untouched);
            }
            Err(_) => break,
        }
    }
    let said = &said[..length];
    Ok(match said {
        [ENDED, status] | [BEGUN, ENDED, status] => Outcome::Ended(*status),
        _ => Outcome::Lost { begun: said.first() == Some(&BEGUN) },
    })
}

impl Handover {
    /// Takes the request that the client at the other end of `socket` has; `None` if it left without
    /// one, as those do who only look whether anyone listens.
    ///
    /// # Errors
    /// It is no such client, or takes too long.
    pub fn receive(socket: UnixStream) -> io::Result<Option<Self>> {
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut head = [0; HEAD];
        let Some((count, streams)) = receive_streams(&socket, &mut head)? else {
            return Ok(None);
        };
        let mut client = Client(socket);
        client.0.read_exact(&mut head[count..])?;
        let (magic, length) = head.split_at(MAGIC.len());
        let length = length.try_into().map_or(u32::MAX, u32::from_le_bytes) as usize;
        if magic != MAGIC || length > MOST {
            return Err(nonsense("no request of narthex-cgi"));
        }
        let mut variables = vec![0; length];
        client.0.read_exact(&mut variables)?;
        Ok(Some(Self { variables, streams, client }))
    }

    /// The variables of a message, one by one.
    pub fn split(variables: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
        variables.split(|&byte| byte == 0).filter_map(|variable| {
            let at = variable.iter().position(|&byte| byte == b'=').filter(|&at| at > 0)?;
            Some((&variable[..at], &variable[at + 1..]))
        })
    }
}

/// Receives the first bytes, with the descriptors that come with them.
fn receive_streams(
    socket: &UnixStream,
    head: &mut [u8; HEAD],
) -> io::Result<Option<(usize, [OwnedFd; 3])>> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let count = loop {
        let mut buffers = [IoSliceMut::new(&mut head[..])];
        match recvmsg(socket, &mut buffers, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => break message.bytes,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    if count == 0 {
        return Ok(None);
    }
    let mut streams = Vec::with_capacity(3);
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            streams.extend(descriptors);
        }
    }
    let streams = streams.try_into().map_err(|_| nonsense("a request without its descriptors"))?;
    Ok(Some((count, streams)))
}

fn nonsense(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Client {
    /// Says that bytes may go to the web server from now on.
    pub fn begin(&self) {
        self.say(&[BEGUN]);
    }

    /// Says that the request has ended, with this exit status.
    pub fn end(&self, status: u8) {
        self.say(&[ENDED, status]);
        // It sees the end now, even if this is kept.
        let _ = self.0.shutdown(Shutdown::Both);
    }

    /// Ends all waiting for the client.
    pub fn leave(&self) {
        // Who has gone need not be left.
        let _ = self.0.shutdown(Shutdown::Read);
    }

    fn say(&self, what: &[u8]) {
        // Who has gone need not be told, and a few bytes always have room.
        let _ = send(&self.0, what, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    }

    /// Waits until `stream` can be read from or written to; false when the client has gone first.
    ///
    /// # Errors
    /// The system refused.
    pub fn await_ready(&self, stream: &impl AsFd, wanted: PollFlags) -> io::Result<bool> {
        let mut polled = [PollFd::new(stream, wanted), PollFd::new(&self.0, PollFlags::RDHUP)];
        loop {
            match poll(&mut polled, None) {
                Ok(_) => return Ok(polled[1].revents().is_empty()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether the client has gone.
    #[must_use]
    pub fn has_gone(&self) -> bool {
        let mut polled = [PollFd::new(&self.0, PollFlags::RDHUP)];
        matches!(poll(&mut polled, Some(&Timespec::default())), Ok(1..))
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, thread};

    use super::*;

    fn deliver_to(other: impl FnOnce(UnixStream) + Send + 'static, variables: &[u8]) -> Outcome {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let answering = thread::spawn(move || other(theirs));
        let null = std::fs::File::open("/dev/null").unwrap();
        let stream = null.as_fd();
        let outcome = deliver(ours, variables, [stream, stream, stream]).unwrap();
        answering.join().unwrap();
        outcome
    }

    #[test]
    fn a_request_arrives_whole() {
        let large = [b"A=1\0B=x=y\0=z\0C=".as_slice(), &vec![b'c'; 1 << 20], b"\0"].concat();
        let other = |socket| {
            let taken = Handover::receive(socket).unwrap().unwrap();
            let variables: Vec<_> = Handover::split(&taken.variables).collect();
            assert_eq!(variables[..2], [(&b"A"[..], &b"1"[..]), (b"B", b"x=y")]);
            assert_eq!(variables[2].1.len(), 1 << 20);
            assert_eq!(variables.len(), 3);
            assert!(!taken.client.has_gone());
            taken.client.begin();
            taken.client.end(7);
        };
        assert_eq!(deliver_to(other, &large), Outcome::Ended(7));
    }

    #[test]
    fn who_closes_unread_leaves_the_request_untouched() {
        // The message must be there before the end that does not read it closes.
        let (ours, theirs) = UnixStream::pair().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        offer(&ours, b"A=1\0", [null.as_fd(); 3]).unwrap();
        drop(theirs);
        assert_eq!(await_end(ours).unwrap(), Outcome::Untouched);
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert_eq!(deliver(ours, b"A=1\0", [null.as_fd(); 3]).unwrap(), Outcome::Untouched);
    }

    #[test]
    fn who_ends_in_the_midst_of_it_has_lost_it() {
        let taken = |socket| drop(Handover::receive(socket).unwrap());
        assert_eq!(deliver_to(taken, b"A=1\0"), Outcome::Lost { begun: false });
        let begun = |socket| Handover::receive(socket).unwrap().unwrap().client.begin();
        assert_eq!(deliver_to(begun, b"A=1\0"), Outcome::Lost { begun: true });
    }

    #[test]
    fn nonsense_is_refused() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(Handover::receive(theirs).is_err());
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(ours);
        assert!(Handover::receive(theirs).unwrap().is_none());
        let null = std::fs::File::open("/dev/null").unwrap();
        for head in [*b"nxc1\xff\xff\xff\xff", *b"nxc2\x01\0\0\0"] {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(3))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let streams = [null.as_fd(); 3];
            control.push(SendAncillaryMessage::ScmRights(&streams));
            sendmsg(&ours, &[IoSlice::new(&head)], &mut control, SendFlags::empty()).unwrap();
            assert!(Handover::receive(theirs).is_err());
        }
    }

    #[test]
    fn a_client_that_leaves_is_noticed() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let client = Client(theirs);
        let (never, _writer) = UnixStream::pair().unwrap();
        let waiting = thread::spawn(move || client.await_ready(&never, PollFlags::IN).unwrap());
        drop(ours);
        assert!(!waiting.join().unwrap());
    }
}
