//! Sockets that a thread can wait for by itself: the tokio edge of [`Transport`].

use std::{
    io::{self, IoSlice},
    net,
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

#[cfg(feature = "hyper")]
use super::transport::HungUp;
use super::transport::{Awaited, Transport, Wanted};

/// A socket of tokio's, which a thread may take out of the reactor to wait for it in person.
///
/// While it is out, whoever reads or writes must not count on being woken, and the reactor's thread
/// is not woken for each packet in vain.
pub(crate) struct Socket<S: Stream>(State<S>);

enum State<S: Stream> {
    Registered(S),
    Apart(Arc<S::Plain>),
    /// It could not be registered again.
    Lost,
}

/// A stream that a reactor watches, and the plain socket below it.
pub(crate) trait Stream:
    AsFd + AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static
{
    type Plain: AsFd + From<OwnedFd> + Send + Sync + 'static;

    fn into_plain(self) -> io::Result<Self::Plain>;
    fn from_plain(plain: Self::Plain) -> io::Result<Self>;
}

impl Stream for TcpStream {
    type Plain = net::TcpStream;

    fn into_plain(self) -> io::Result<Self::Plain> {
        self.into_std()
    }

    fn from_plain(plain: Self::Plain) -> io::Result<Self> {
        Self::from_std(plain)
    }
}

impl<S: Stream> Socket<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(State::Registered(stream))
    }

    /// Takes the socket out of the reactor, for threads to wait for it.
    pub(crate) fn awaited(&mut self) -> Option<Arc<dyn Awaited>> {
        Some(Arc::new(Descriptor(self.part()?)))
    }

    /// Takes the socket out of the reactor.
    fn part(&mut self) -> Option<Arc<S::Plain>> {
        self.0 = match std::mem::replace(&mut self.0, State::Lost) {
            State::Registered(stream) => State::Apart(Arc::new(stream.into_plain().ok()?)),
            other => other,
        };
        match &self.0 {
            State::Apart(plain) => Some(Arc::clone(plain)),
            _ => None,
        }
    }

    /// Gives it back.
    pub(crate) fn restore(&mut self) -> io::Result<()> {
        let State::Apart(plain) = std::mem::replace(&mut self.0, State::Lost) else {
            return Ok(());
        };
        // Another thread of the application may still be waiting for it.
        let plain = match Arc::try_unwrap(plain) {
            Ok(plain) => plain,
            Err(shared) => shared.as_fd().try_clone_to_owned()?.into(),
        };
        self.0 = State::Registered(S::from_plain(plain)?);
        Ok(())
    }
}

fn lost() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// The outcome of a call that does not block, of a socket that nobody watches.
fn tried<T>(outcome: rustix::io::Result<T>) -> Poll<io::Result<T>> {
    match outcome {
        Err(Errno::AGAIN) => Poll::Pending,
        outcome => Poll::Ready(outcome.map_err(io::Error::from)),
    }
}

impl<S: Stream> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Registered(stream) => Pin::new(stream).poll_read(context, buffer),
            State::Apart(plain) => {
                let count =
                    ready!(tried(rustix::io::read(&**plain, buffer.initialize_unfilled())))?;
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            State::Lost => Poll::Ready(Err(lost())),
        }
    }
}

impl<S: Stream> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            // The usual response: `send` is the cheaper call for one piece.
            State::Registered(stream) => Pin::new(stream).poll_write(context, bytes),
            _ => self.poll_write_vectored(context, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            State::Registered(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            State::Apart(plain) => tried(rustix::io::writev(&**plain, buffers)),
            State::Lost => Poll::Ready(Err(lost())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Registered(stream) => Pin::new(stream).poll_flush(context),
            _ => Poll::Ready(Ok(())), // a socket has no buffer of its own
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Registered(stream) => Pin::new(stream).poll_shutdown(context),
            State::Apart(plain) => {
                Poll::Ready(Ok(rustix::net::shutdown(&**plain, rustix::net::Shutdown::Write)?))
            }
            State::Lost => Poll::Ready(Err(lost())),
        }
    }
}

/// A descriptor that a thread waits for.
struct Descriptor<P>(Arc<P>);

impl<P: AsFd + Send + Sync> Awaited for Descriptor<P> {
    fn wait(&self, wanted: Wanted, most: Duration) {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, wanted.input);
        flags.set(PollFlags::OUT, wanted.room);
        let most = Timespec::try_from(most).ok();
        // Whatever comes of it, the connection is tried again.
        let _ = poll(&mut [PollFd::new(&*self.0, flags)], most.as_ref());
    }
}

impl<S: Stream> Transport for Socket<S> {
    fn part(&mut self) -> Option<Arc<dyn Awaited>> {
        self.awaited()
    }

    fn rejoin(&mut self) {
        let _ = self.restore(); // it is lost, and its next operation says so
    }

    #[cfg(feature = "hyper")]
    fn hung_up(&self) -> Option<HungUp> {
        let descriptor = match &self.0 {
            State::Registered(stream) => stream.as_fd(),
            State::Apart(plain) => plain.as_fd(),
            State::Lost => return Some(HungUp::Wholly),
        };
        let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::RDHUP)];
        poll(&mut polled, Some(&Timespec::default())).ok()?;
        let seen = polled[0].revents();
        if seen.intersects(PollFlags::ERR | PollFlags::HUP) {
            return Some(HungUp::Wholly);
        }
        seen.contains(PollFlags::RDHUP).then_some(HungUp::Sending)
    }
}
