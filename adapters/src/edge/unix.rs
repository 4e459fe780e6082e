//! Unix sockets that the reactor is asked about only for what somebody waits for.
//!
//! The kernel tells of room in a Unix socket each time its peer has read, wanted or not. A socket that
//! is registered for room, as tokio's own are, wakes its thread once more for every response.

use std::{
    io::{self, IoSlice},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::{UnixListener as Listener, UnixStream as Plain},
    },
    pin::Pin,
    task::{Context, Poll, ready},
};

use rustix::{
    io::Errno,
    net::{
        RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags, accept_with, recv,
        sendmsg, shutdown,
    },
};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, unix::AsyncFd};

use super::socket::Stream;

/// A Unix socket that listens.
pub(crate) struct UnixListener(AsyncFd<OwnedFd>);

impl UnixListener {
    /// Registers `listener`, which must not block.
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        Ok(Self(registered(listener.into(), Interest::READABLE)?))
    }

    /// Waits for the next connection.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let accept = |listener: &OwnedFd| Ok(accept_with(listener, flags)?);
        let plain = self.0.async_io(Interest::READABLE, accept).await?;
        UnixStream::from_plain(plain.into())
    }
}

/// A connection by a Unix socket.
pub(crate) struct UnixStream {
    io: AsyncFd<OwnedFd>,
    /// While there is no room: the same socket, registered for it.
    room: Option<AsyncFd<OwnedFd>>,
}

impl UnixStream {
    /// Calls `receive` once there is something to read, and again while there is not.
    #[cfg(feature = "hyper")]
    pub(crate) async fn when_readable<R>(
        &self,
        mut receive: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.io.async_io(Interest::READABLE, |_| receive()).await
    }

    /// Waits until there may be room, after a write that found none.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let room = match &mut self.room {
            Some(room) => room,
            none => {
                let again = self.io.get_ref().try_clone()?;
                none.insert(registered(again, Interest::WRITABLE)?)
            }
        };
        // Before the next attempt: what comes after that is told anew.
        ready!(room.poll_write_ready(context))?.clear_ready();
        Poll::Ready(Ok(()))
    }
}

impl Stream for UnixStream {
    type Plain = Plain;

    fn into_plain(self) -> io::Result<Plain> {
        Ok(self.io.into_inner().into())
    }

    fn from_plain(plain: Plain) -> io::Result<Self> {
        Ok(Self { io: registered(plain.into(), Interest::READABLE)?, room: None })
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsyncRead for UnixStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.io.poll_read_ready(context))?;
            let bytes = buffer.initialize_unfilled();
            let most = bytes.len();
            match recv(ready.get_inner(), bytes, RecvFlags::empty()) {
                Ok((count, _)) => {
                    if count > 0 && count < most {
                        // There was no more: what comes next is told anew.
                        ready.clear_ready();
                    }
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut waited = false;
        loop {
            // A peer that has gone is an error here, not a signal.
            let nothing = &mut SendAncillaryBuffer::default();
            match sendmsg(self.io.get_ref(), buffers, nothing, SendFlags::NOSIGNAL) {
                Ok(count) => {
                    if !waited {
                        self.room = None;
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(Errno::AGAIN) => {
                    ready!(self.poll_room(context))?;
                    waited = true;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // a socket has no buffer of its own
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(shutdown(self.io.get_ref(), Shutdown::Write)?))
    }
}

/// Has the reactor watch a descriptor for this and nothing else.
#[expect(unsafe_code, reason = "the reactor holds the number of a descriptor")]
fn registered(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open for as long as it lives and never changes its number, and the
    // `AsyncFd` owns it.
    let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
    registered.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io::Read};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        runtime::Builder,
    };

    use super::*;

    fn pair() -> (UnixStream, Plain) {
        let (ours, theirs) = Plain::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (UnixStream::from_plain(ours).unwrap(), theirs)
    }

    #[test]
    fn room_is_waited_for_and_forgotten() {
        Builder::new_current_thread().enable_io().build().unwrap().block_on(async {
            let (mut ours, mut theirs) = pair();
            let bytes = vec![7; 64 << 10];
            let mut written = 0;
            loop {
                let write =
                    poll_fn(|context| Poll::Ready(Pin::new(&mut ours).poll_write(context, &bytes)));
                match write.await {
                    Poll::Ready(count) => written += count.unwrap(),
                    Poll::Pending => break,
                }
            }
            assert!(ours.room.is_some());
            let reading = std::thread::spawn(move || {
                theirs.read_exact(&mut vec![0; written]).unwrap();
                theirs
            });
            written = 0;
            while written < bytes.len() {
                written += ours.write(&bytes[written..]).await.unwrap();
            }
            let mut theirs = reading.join().unwrap();
            ours.write_all(b"more").await.unwrap();
            assert!(ours.room.is_none());
            drop(ours);
            let mut rest = Vec::new();
            theirs.read_to_end(&mut rest).unwrap();
            assert!(rest == [&bytes[..], b"more"].concat());
        });
    }

    #[test]
    fn what_comes_in_pieces_is_read_and_so_is_the_end() {
        Builder::new_current_thread().enable_io().build().unwrap().block_on(async {
            let (mut ours, mut theirs) = pair();
            let writing = std::thread::spawn(move || {
                for piece in ["one", "two", "three"] {
                    io::Write::write_all(&mut theirs, piece.as_bytes()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            });
            let mut read = String::new();
            ours.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, "onetwothree");
            writing.join().unwrap();
            let gone = ours.write_all(b"x").await.unwrap_err();
            assert_eq!(gone.kind(), io::ErrorKind::BrokenPipe);
        });
    }
}
