//! The trait that every backend implements: the page to read first.

use std::{fs::File, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Blocking, Capabilities, Expired, Inline, RequestHead, ResponseHead, Result, block_on};

/// One request being answered, over whatever carries it.
///
/// The body of the request is pulled and the response is pushed, since that is the shape of CGI,
/// FastCGI, Apache httpd, WSGI's `write` and ASGI's `send`: who answers drives.
///
/// A transaction is a dumb pipe. What HTTP requires (one head, no body after HEAD, as many bytes
/// as Content-Length says) is seen to by [`Exchange`](crate::Exchange), which alone calls these
/// methods; an implementation need not check it again.
///
/// Methods take `&self`, so that a read and a write may be in flight at once: an application may
/// echo a body while it arrives. Implementations keep the two directions behind locks of their
/// own.
///
/// # Blocking transports
///
/// A transport that blocks (CGI, httpd) writes blocking code inside the async functions: their
/// futures are then ready at the first poll, and it says so by
/// [`Capability::Blocking`](crate::Capability::Blocking).
///
/// # Abort
///
/// Dropping a transaction that was started and not finished must leave the client unable to
/// believe that the response is whole: the last chunk is not sent, the connection is cut.
#[async_trait]
pub trait Transaction: Send + Sync {
    /// Facts about the server instance that this request came through.
    fn capabilities(&self) -> Capabilities;

    /// The request, without its body.
    fn request(&self) -> &RequestHead;

    /// Reads the next piece of the request body.
    ///
    /// - `Ok(Some(bytes))`: bytes, never empty.
    /// - `Ok(None)`: the body has ended; so do all later calls.
    /// - `Err(_)`: the client went away, took too long, or broke the framing.
    async fn read(&self) -> Result<Option<Bytes>>;

    /// Sends the head. Called once, before any [`write`](Self::write).
    async fn start(&self, head: ResponseHead) -> Result<()>;

    /// Sends a piece of the body, never empty, and returns when the transport would take another:
    /// this is the back-pressure.
    async fn write(&self, chunk: Bytes) -> Result<()>;

    /// Returns when what was written has left this process.
    ///
    /// [`write`](Self::write) returns when there is room for more, which may be long before the
    /// client can see anything if the thread that would send it is the caller's.
    async fn flush(&self) -> Result<()> {
        Ok(())
    }

    /// Ends the body. Nothing is called after it.
    async fn finish(&self) -> Result<()>;

    /// Sends a whole response, in one write where the transport can.
    ///
    /// The transport declares the length of `body` if `head` does not.
    async fn respond(&self, mut head: ResponseHead, body: Bytes) -> Result<()> {
        head.declare_length(body.len());
        self.start(head).await?;
        if !body.is_empty() {
            self.write(body).await?;
        }
        self.finish().await
    }

    /// Sends `length` bytes of `file` from its current position as body, between
    /// [`start`](Self::start) and [`finish`](Self::finish). Returns how many were sent: fewer when
    /// the file ends early.
    ///
    /// `None` says that this transport has no better way than reads and writes.
    async fn send_file(&self, _file: &File, _length: u64) -> Option<Result<u64>> {
        None
    }

    /// Returns when the client has left, where that can be told without reading or writing; else
    /// never. For whoever waits for something else meanwhile.
    async fn departed(&self) {
        std::future::pending::<()>().await;
    }

    /// Ends the request from outside while its application holds it, as
    /// [`Expire::expire`](crate::Expire::expire) does; `whole` says that all of the response has
    /// been given. Called from a foreign thread, at any moment: it never waits.
    fn expire(&self, _whole: bool) -> Expired {
        Expired::Left
    }

    /// How to wait on this transport's threads.
    fn blocking(&self) -> &dyn Blocking {
        &Inline
    }

    /// Runs `operation`, which is one of this transaction's and has to wait, to its end on the
    /// calling thread.
    ///
    /// A transport overrides it when that thread may be the one that would have to move the bytes.
    fn wait(&self, mut operation: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self.blocking().block(&mut || block_on(operation.as_mut()));
    }
}
