//! A request that is read and answered piece by piece.

use std::{future::poll_fn, pin::Pin, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use narthex_core::{
    Blocking, Capabilities, Expired, Overdue, RequestHead, ResponseHead, Result, Transaction,
};

use super::{
    protocol::{Ended, Protocol},
    shared::Shared,
};
use crate::edge::Transport;

/// A request whose body may still be arriving and whose response may outlast the window.
pub(super) struct Streaming<I: Transport, P: Protocol> {
    shared: Arc<Shared<I, P>>,
    request: Box<RequestHead>,
    number: u64,
}

impl<I: Transport, P: Protocol> Streaming<I, P> {
    /// The request of that number.
    pub(super) fn new(shared: Arc<Shared<I, P>>, request: Box<RequestHead>, number: u64) -> Self {
        Self { shared, request, number }
    }

    /// Returns when all that was put out so far has been sent.
    async fn sent(&self, until: u64) -> Result<()> {
        poll_fn(|context| self.shared.line().poll_sent(until, context)).await
    }
}

#[async_trait]
impl<I: Transport, P: Protocol> Transaction for Streaming<I, P> {
    fn capabilities(&self) -> Capabilities {
        self.shared.server.capabilities
    }

    fn request(&self) -> &RequestHead {
        &self.request
    }

    async fn read(&self) -> Result<Option<Bytes>> {
        poll_fn(|context| self.shared.line().poll_body(self.number, context)).await
    }

    async fn start(&self, head: ResponseHead) -> Result<()> {
        self.shared.line().start(self.number, &head)
    }

    async fn write(&self, chunk: Bytes) -> Result<()> {
        let until = {
            let mut line = self.shared.line();
            line.write(self.number, chunk)?;
            line.appended()
        };
        self.sent(until).await
    }

    async fn flush(&self) -> Result<()> {
        let until = self.shared.line().appended();
        self.sent(until).await
    }

    async fn finish(&self) -> Result<()> {
        let until = {
            let mut line = self.shared.line();
            line.conclude(self.number)?;
            line.tell_of_the_end();
            line.appended()
        };
        self.sent(until).await
    }

    async fn respond(&self, head: ResponseHead, body: Bytes) -> Result<()> {
        let until = {
            let mut line = self.shared.line();
            line.respond(self.number, &head, body)?;
            line.tell_of_the_end();
            line.appended()
        };
        self.sent(until).await
    }

    fn expire(&self, whole: bool) -> Expired {
        let mut overdue = Overdue::new(self.number, &self.request);
        overdue.whole = whole;
        self.shared.end(&overdue)
    }

    fn blocking(&self) -> &dyn Blocking {
        &*self.shared.server.blocking
    }

    fn wait(&self, operation: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self.shared.seat.drive(self.number, operation, &*self.shared.server.blocking);
    }
}

impl<I: Transport, P: Protocol> Drop for Streaming<I, P> {
    fn drop(&mut self) {
        // What has an end already is not there any more.
        let mut line = self.shared.line();
        if line.request(self.number).is_some() {
            line.finish(self.number, Ended::Failed);
            line.wake();
        }
    }
}
