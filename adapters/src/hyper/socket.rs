//! Sockets that a thread can wait for by itself: the tokio edge of [`Transport`].

use std::{
    io::{self, IoSlice, Read as _, Write as _},
    net,
    os::{fd::AsFd, unix},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

use super::transport::{Awaited, Transport, Wanted};

/// A socket of tokio's, which a thread may take out of the reactor to wait for it in person.
///
/// While it is out, whoever reads or writes must not count on being woken, and the reactor's thread
/// is not woken for each packet in vain.
pub(super) struct Socket<S: Stream>(State<S>);

enum State<S: Stream> {
    Registered(S),
    Apart(Arc<S::Plain>),
    /// It could not be registered again.
    Lost,
}

/// A stream of tokio's and the plain socket below it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static {
    type Plain: AsFd + Send + Sync + 'static;

    fn into_plain(self) -> io::Result<Self::Plain>;
    fn from_plain(plain: Self::Plain) -> io::Result<Self>;
    fn duplicate(plain: &Self::Plain) -> io::Result<Self::Plain>;
    fn read(plain: &Self::Plain, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(plain: &Self::Plain, buffers: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl Stream for TcpStream {
    type Plain = net::TcpStream;

    fn into_plain(self) -> io::Result<Self::Plain> {
        self.into_std()
    }

    fn from_plain(plain: Self::Plain) -> io::Result<Self> {
        Self::from_std(plain)
    }

    fn duplicate(plain: &Self::Plain) -> io::Result<Self::Plain> {
        plain.try_clone()
    }

    fn read(mut plain: &Self::Plain, buffer: &mut [u8]) -> io::Result<usize> {
        plain.read(buffer)
    }

    fn write(mut plain: &Self::Plain, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        plain.write_vectored(buffers)
    }
}

impl Stream for UnixStream {
    type Plain = unix::net::UnixStream;

    fn into_plain(self) -> io::Result<Self::Plain> {
        self.into_std()
    }

    fn from_plain(plain: Self::Plain) -> io::Result<Self> {
        Self::from_std(plain)
    }

    fn duplicate(plain: &Self::Plain) -> io::Result<Self::Plain> {
        plain.try_clone()
    }

    fn read(mut plain: &Self::Plain, buffer: &mut [u8]) -> io::Result<usize> {
        plain.read(buffer)
    }

    fn write(mut plain: &Self::Plain, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        plain.write_vectored(buffers)
    }
}

impl<S: Stream> Socket<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(State::Registered(stream))
    }

    /// `stream` as hyper takes it.
    pub(super) fn io(stream: S) -> TokioIo<Self> {
        TokioIo::new(Self::new(stream))
    }

    /// Takes the socket out of the reactor, for threads to wait for it.
    pub(super) fn awaited(&mut self) -> Option<Arc<dyn Awaited>> {
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
    pub(super) fn rejoin(&mut self) -> io::Result<()> {
        let State::Apart(plain) = std::mem::replace(&mut self.0, State::Lost) else {
            return Ok(());
        };
        // Another thread of the application may still be waiting for it.
        let plain = match Arc::try_unwrap(plain) {
            Ok(plain) => plain,
            Err(shared) => S::duplicate(&shared)?,
        };
        self.0 = State::Registered(S::from_plain(plain)?);
        Ok(())
    }
}

fn lost() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// The outcome of a call that does not block, of a socket that nobody watches.
fn tried<T>(outcome: io::Result<T>) -> Poll<io::Result<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        outcome => Poll::Ready(outcome),
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
                let count = ready!(tried(S::read(plain, buffer.initialize_unfilled())))?;
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
            State::Apart(plain) => tried(S::write(plain, buffers)),
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

impl<S: Stream> Transport for TokioIo<Socket<S>> {
    fn poll_read_into(
        &mut self,
        context: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(bytes);
        ready!(Pin::new(self.inner_mut()).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn part(&mut self) -> Option<Arc<dyn Awaited>> {
        self.inner_mut().awaited()
    }

    fn rejoin(&mut self) {
        let _ = self.inner_mut().rejoin(); // it is lost, and its next operation says so
    }
}
