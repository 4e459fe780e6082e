//! What a connection runs over.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes in both directions, with or without a descriptor below them.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Reads into memory that has been written before; 0 at the end of what the peer sends.
    fn poll_read_into(
        &mut self,
        context: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(bytes);
        ready!(Pin::new(self).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Lets threads wait for it in person until [`rejoin`](Self::rejoin): meanwhile it wakes nobody.
    ///
    /// `None`: it can only wake whoever polls it.
    fn part(&mut self) -> Option<Arc<dyn Awaited>> {
        None
    }

    /// Goes back to waking whoever polls it. Where that fails, so does its next operation.
    fn rejoin(&mut self) {}

    /// Whether the peer has hung up, found out without reading; `None` where it has not, or where
    /// that cannot be told.
    #[cfg(feature = "hyper")]
    fn hung_up(&self) -> Option<HungUp> {
        None
    }
}

/// How a peer has hung up.
#[cfg(feature = "hyper")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HungUp {
    /// It sends no more. Mostly it has gone, but it may still be there to read.
    Sending,
    /// The connection is no more.
    Wholly,
}

/// Something that a thread can wait for.
pub(crate) trait Awaited: Send + Sync {
    /// Waits until it is worth another try, at most so long.
    fn wait(&self, wanted: Wanted, most: Duration);
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Bytes from the client.
    pub(crate) input: bool,
    /// Room for bytes to it.
    pub(crate) room: bool,
}
