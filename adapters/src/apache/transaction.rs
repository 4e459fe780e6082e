//! One request of httpd's, read from and answered piece by piece.

use std::{
    fs::File,
    future::poll_fn,
    io::Seek,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use narthex_core::{Capabilities, RequestHead, ResponseHead, Result, Transaction};

use super::{
    current,
    table::{Call, Line},
};

/// A request, and the line to the thread of httpd's that answers it.
///
/// It cannot be ended from outside: that thread is httpd's, and so is all that hangs on the request.
pub(super) struct OneRequest {
    pub(super) head: Box<RequestHead>,
    pub(super) capabilities: Capabilities,
    pub(super) chunk_size: usize,
    pub(super) has_body: bool,
    pub(super) line: Arc<Line>,
    /// Another path answers it: what the application gives goes nowhere.
    pub(super) elsewhere: AtomicBool,
}

impl OneRequest {
    fn is_elsewhere(&self) -> bool {
        self.elsewhere.load(Relaxed)
    }
}

#[async_trait]
impl Transaction for OneRequest {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn request(&self) -> &RequestHead {
        &self.head
    }

    async fn read(&self) -> Result<Option<Bytes>> {
        if !self.has_body {
            return Ok(None);
        }
        self.line.with(|call| call.read(self.chunk_size))
    }

    async fn start(&self, head: ResponseHead) -> Result<()> {
        if !current::start() {
            self.elsewhere.store(true, Relaxed);
            return Ok(());
        }
        self.line.with(|call| call.start(&head))
    }

    async fn write(&self, chunk: Bytes) -> Result<()> {
        if self.is_elsewhere() {
            return Ok(());
        }
        // PEP 3333 has each piece sent before the next is asked for.
        self.line.with(|call| call.write(&chunk, true))
    }

    async fn finish(&self) -> Result<()> {
        if self.is_elsewhere() {
            return Ok(());
        }
        self.line.with(Call::finish)
    }

    async fn respond(&self, mut head: ResponseHead, body: Bytes) -> Result<()> {
        if !current::start() {
            self.elsewhere.store(true, Relaxed);
            return Ok(());
        }
        if self.head.method != Method::HEAD {
            head.declare_length(body.len());
        }
        self.line.with(|call| call.respond(&head, &body))
    }

    async fn send_file(&self, mut file: &File, length: u64) -> Option<Result<u64>> {
        if self.is_elsewhere() {
            return Some(Ok(length));
        }
        let offset = match file.stream_position() {
            Ok(offset) => offset,
            Err(error) => return Some(Err(error.into())),
        };
        Some(self.line.with(|call| call.send_file(file, offset, length)))
    }

    /// Asked again whenever its task is polled: nobody tells httpd's threads that a client has left.
    async fn departed(&self) {
        poll_fn(|_| match self.line.with(|call| Ok(call.departed())) {
            Ok(false) => Poll::Pending,
            Ok(true) | Err(_) => Poll::Ready(()),
        })
        .await;
    }
}
