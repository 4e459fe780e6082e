//! The transaction of a request that a web server's child process was started for.

use std::{fmt, fs::File, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, header::CONTENT_LENGTH};
use narthex_core::{
    Capabilities, Exchange, RequestHead, RequestHeads, ResponseHead, Result as RequestResult, Site,
    Transaction, Variables, block_on,
};

use super::streams::{Left, Streams};
use crate::cgi_text;

/// Answers the request that `variables` describe over `streams`.
///
/// # Errors
/// The request was refused, or its response could not be completed; both have been reported.
pub(super) fn run(
    site: Arc<Site>,
    variables: Variables,
    streams: &Arc<Streams>,
    capabilities: Capabilities,
) -> RequestResult<()> {
    let outcome = answer(site, variables, Arc::clone(streams), capabilities);
    streams.discard();
    outcome
}

fn answer(
    site: Arc<Site>,
    variables: Variables,
    streams: Arc<Streams>,
    capabilities: Capabilities,
) -> RequestResult<()> {
    let streamed = variables.iter().any(|(name, _)| name == "HTTP_TRANSFER_ENCODING");
    let mut heads = RequestHeads::program(site.mount.clone());
    let mut request = match heads.head(variables) {
        Ok(request) => request,
        Err(error) => {
            site.report(&error, None);
            streams.refuse(error.status())?;
            return Err(error);
        }
    };
    site.arrived(&mut request, 0);
    let declared = request.headers.get(CONTENT_LENGTH);
    let length = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    let left = match length {
        None if streamed => Left::ToTheEnd,
        length => Left::Bytes(length.unwrap_or(0)),
    };
    streams.expect(left);
    let chunk_size = site.limits.chunk_size;
    let transaction = OneRequest { request, capabilities, chunk_size, streams };
    block_on(Exchange::run(transaction, site))
}

/// The request of a CGI process.
struct OneRequest {
    request: RequestHead,
    capabilities: Capabilities,
    chunk_size: usize,
    streams: Arc<Streams>,
}

impl fmt::Debug for OneRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneRequest").field("request", &self.request).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transaction for OneRequest {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn request(&self) -> &RequestHead {
        &self.request
    }

    async fn read(&self) -> RequestResult<Option<Bytes>> {
        self.streams.read(self.chunk_size)
    }

    async fn start(&self, head: ResponseHead) -> RequestResult<()> {
        let mut text = Vec::with_capacity(512);
        cgi_text::append(cgi_text::STATUS, &head, &mut text);
        self.streams.send(&text)
    }

    async fn write(&self, chunk: Bytes) -> RequestResult<()> {
        self.streams.send(&chunk)
    }

    async fn finish(&self) -> RequestResult<()> {
        Ok(()) // the host takes the end of the process, or of the stream, for the end
    }

    async fn respond(&self, head: ResponseHead, body: Bytes) -> RequestResult<()> {
        let mut message = Vec::with_capacity(512 + body.len());
        let bodiless = self.request.method == Method::HEAD;
        cgi_text::append_whole(cgi_text::STATUS, &head, body.len(), bodiless, &mut message);
        message.extend_from_slice(&body);
        self.streams.send(&message)
    }

    async fn send_file(&self, file: &File, length: u64) -> Option<RequestResult<u64>> {
        self.streams.send_file(file, length)
    }
}
