//! What an application is.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Answer, Capabilities, Exchange, RequestHead, Result};

/// An application. The Python engine implements it; so do the conformance cases.
///
/// A backend that holds a request with its whole body first asks [`now`](Self::now). Only when the
/// answer is [`Reply::Later`] does it make an [`Exchange`] and call [`handle`](Self::handle): most
/// requests are answered without any of the allocations that streaming needs.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answers a request that has wholly arrived, on the thread that owns it.
    ///
    /// Called inside the connection's own poll: it must not wait for its connection. It may block
    /// for other reasons, inside [`Blocking::block`].
    fn now(&self, _ask: &Ask<'_>) -> Reply {
        Reply::Later
    }

    /// Answers one request, reading and writing as it likes.
    ///
    /// An error before the head becomes a response with its status; one after the head cuts the
    /// connection.
    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()>;

    /// Ends what it has started beside its requests: the server has stopped.
    async fn end(&self) {}
}

#[async_trait]
impl<F, Fut> Handler for F
where
    F: Fn(Arc<Exchange>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        self(exchange).await
    }
}

/// A request that has wholly arrived.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ask<'a> {
    /// Its head.
    pub head: &'a RequestHead,
    /// Its body.
    pub body: &'a Bytes,
    /// Facts about the server instance.
    pub capabilities: Capabilities,
    /// How to block without holding up others.
    pub blocking: &'a Arc<dyn Blocking>,
}

impl<'a> Ask<'a> {
    /// A request with its whole body.
    #[must_use]
    pub fn new(
        head: &'a RequestHead,
        body: &'a Bytes,
        capabilities: Capabilities,
        blocking: &'a Arc<dyn Blocking>,
    ) -> Self {
        Self { head, body, capabilities, blocking }
    }
}

/// What [`Handler::now`] says.
#[derive(Debug)]
pub enum Reply {
    /// This is the response.
    Now(Answer),
    /// Ask again through [`Handler::handle`]; nothing has happened yet.
    Later,
}

/// How a backend's thread may wait without holding up the other requests it serves.
pub trait Blocking: Send + Sync {
    /// Runs `work`, which may block this thread, after making sure that others go on.
    fn block(&self, work: &mut dyn FnMut());
}

impl std::fmt::Debug for dyn Blocking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blocking")
    }
}

/// For threads that serve one request at a time: blocking them holds up nobody.
#[derive(Clone, Copy, Debug)]
pub struct Inline;

impl Blocking for Inline {
    fn block(&self, work: &mut dyn FnMut()) {
        work();
    }
}
