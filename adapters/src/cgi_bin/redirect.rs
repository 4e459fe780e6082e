//! Requests that a program leaves to another path of this server (RFC 3875, 6.2.2).

use std::{pin::Pin, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderValue, Method, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, SET_COOKIE, TRANSFER_ENCODING},
    uri::PathAndQuery,
};
use narthex_core::{
    Blocking, Capabilities, Error, Exchange, Expired, Handler, RequestHead, ResponseHead, Result,
    Transaction,
};

/// How often a request may be passed on.
pub(super) const MOST: u32 = 10;

/// Has `handler` answer `exchange` as if its client had asked for `target`.
///
/// # Errors
/// The response could not be completed; that has been reported.
pub(super) async fn follow(
    exchange: &Arc<Exchange>,
    target: PathAndQuery,
    cookies: Vec<HeaderValue>,
    handler: Arc<dyn Handler>,
) -> Result<()> {
    let mut site = (**exchange.site()).clone();
    site.handler = handler;
    let request = head(exchange.request(), target);
    let redirected = Redirected { exchange: Arc::clone(exchange), request, cookies };
    Exchange::run(redirected, Arc::new(site)).await.map_err(|_| Error::Reported)
}

/// The request for the other path: without a body, and with what the one before was.
fn head(request: &RequestHead, target: PathAndQuery) -> RequestHead {
    let mut head = request.clone();
    let mut connection = request.connection.anew();
    connection.variables = request.variables().to_vec();
    connection.variables.retain(|(name, _)| !name.starts_with(b"REDIRECT_"));
    let mut set = |name: &'static str, value: Bytes| {
        connection.variables.push((name.into(), value));
    };
    set("REDIRECT_STATUS", "200".into());
    set("REDIRECT_URL", request.raw_path().into_owned().into());
    set("REDIRECT_REQUEST_METHOD", Bytes::copy_from_slice(request.method.as_str().as_bytes()));
    if !request.query().is_empty() {
        set("REDIRECT_QUERY_STRING", Bytes::copy_from_slice(request.query()));
    }
    head.connection = Arc::new(connection);
    head.gateway = None;
    head.uri = Uri::from(target);
    head.method = Method::GET;
    for field in [CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING] {
        head.headers.remove(field);
    }
    head.arrival.at = None; // one request, one line of the access log
    head
}

/// A request whose response goes where that of another one is waited for.
struct Redirected {
    exchange: Arc<Exchange>,
    request: RequestHead,
    cookies: Vec<HeaderValue>,
}

impl Redirected {
    /// Adds what the program before has set.
    fn complete(&self, head: &mut ResponseHead) {
        for cookie in &self.cookies {
            head.headers.append(SET_COOKIE, cookie.clone());
        }
    }
}

#[async_trait]
impl Transaction for Redirected {
    fn capabilities(&self) -> Capabilities {
        self.exchange.capabilities()
    }

    fn request(&self) -> &RequestHead {
        &self.request
    }

    async fn read(&self) -> Result<Option<Bytes>> {
        Ok(None)
    }

    async fn start(&self, mut head: ResponseHead) -> Result<()> {
        self.complete(&mut head);
        self.exchange.start(head).await
    }

    async fn write(&self, chunk: Bytes) -> Result<()> {
        self.exchange.write(chunk).await
    }

    async fn flush(&self) -> Result<()> {
        self.exchange.flush().await
    }

    async fn finish(&self) -> Result<()> {
        self.exchange.finish().await
    }

    async fn respond(&self, mut head: ResponseHead, body: Bytes) -> Result<()> {
        self.complete(&mut head);
        self.exchange.respond(head, body).await
    }

    async fn departed(&self) {
        self.exchange.departed().await;
    }

    fn expire(&self, _whole: bool) -> Expired {
        self.exchange.expire()
    }

    fn blocking(&self) -> &dyn Blocking {
        self.exchange.blocking()
    }

    fn wait(&self, operation: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self.exchange.wait(operation);
    }
}
