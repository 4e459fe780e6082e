//! From hyper's request to the application and back.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST},
    request::Parts,
};
use hyper::{
    body::{Body as _, Incoming},
    ext::ReasonPhrase,
    rt::Executor,
};
use narthex_core::{
    Access, Answer, Arrival, Ask, Body, Connection, Error, Exchange, Forwarding, Record,
    RequestHead, ResponseHead, Result, answer, host_is_valid,
};

use super::{
    body::Outgoing,
    shared::{Shared, Ticket},
    transaction::{Arriving, Streaming, next_data},
};
use crate::edge::{Server, Task, Tasks};

/// A response as hyper takes it.
pub(super) type Response = http::Response<Outgoing>;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(Box::pin(task));
    }
}

/// Answers the requests of one connection.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) server: Arc<Server>,
    pub(super) connection: Arc<Connection>,
    pub(super) forwarding: Forwarding,
    pub(super) shared: Arc<Shared>,
}

impl hyper::service::Service<http::Request<Incoming>> for Service {
    type Response = Response;
    type Error = Error;
    type Future = Answering;

    fn call(&self, request: http::Request<Incoming>) -> Answering {
        if self.shared.seat.lent() {
            return self.after_the_call(request);
        }
        let ticket = Ticket::new(&self.shared);
        if let Some((status, reason)) = self.shared.refusal_of(&ticket) {
            return self.refuse(&Error::Refused(status, reason), None, ticket);
        }
        let (parts, incoming) = request.into_parts();
        let head = match self.head(parts, &ticket) {
            Ok(head) => head,
            Err(error) => return self.refuse(&error, None, ticket),
        };
        if incoming.is_end_stream() {
            return self.ask(head, Bytes::new(), ticket);
        }
        if let Err(error) = self.server.site.admit(&head) {
            return self.refuse(&error, Some(&head), ticket);
        }
        if self.prefetches(&head, &incoming) {
            return self.prefetch(head, incoming, ticket);
        }
        let arriving = Arriving { early: None, incoming: Some(incoming) };
        Answering::Waiting(self.stream(head, arriving, ticket))
    }
}

impl Service {
    /// Answers a request that a call has come upon while it drove the connection, when that call
    /// has ended: the application is not called from within itself.
    fn after_the_call(&self, request: http::Request<Incoming>) -> Answering {
        let this = self.clone();
        Answering::Waiting(Box::pin(async move {
            // The driver polls again without being told.
            let seat = &this.shared.seat;
            poll_fn(|_| if seat.lent() { Poll::Pending } else { Poll::Ready(()) }).await;
            hyper::service::Service::call(&this, request).await
        }))
    }

    fn head(&self, parts: Parts, ticket: &Ticket) -> Result<RequestHead> {
        let mut head = RequestHead {
            method: parts.method,
            version: parts.version,
            uri: parts.uri,
            headers: parts.headers,
            connection: Arc::clone(&self.connection),
            gateway: None,
            arrival: Arrival::default(),
        };
        self.server.site.arrived(&mut head, ticket.earlier());
        if head.version == Version::HTTP_2 {
            // The guard reads HTTP/1 only; of what it checks this is not h2's to refuse.
            self.shared.note_underscores(&head.headers);
            if head.headers.len() > self.server.site.limits.header_count {
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                return Err(Error::Refused(status, "too many header fields"));
            }
            check_http2(&mut head)?;
        } else if let Some(authority) = head.uri.authority() {
            // An absolute target's authority replaces the Host field (RFC 9112, 3.2.2).
            let host = HeaderValue::from_str(authority.as_str());
            head.headers.insert(HOST, host.map_err(|_| Error::bad_request("malformed host"))?);
        }
        if self.shared.underscores() {
            // `X_Real_IP` and `X-Real-IP` are one variable: only one of them may come through.
            drop_underscores(&mut head.headers);
        }
        if head.uri.path().contains("%00") {
            return Err(Error::bad_request("a NUL in the path"));
        }
        self.forwarding.apply(&self.server.site, &mut head);
        Ok(head)
    }

    /// Whether the body is awaited before the application is asked.
    fn prefetches(&self, head: &RequestHead, incoming: &Incoming) -> bool {
        // With `Expect` it is for the application to say whether it wants the body.
        let limit = self.server.site.limits.body_prefetch as u64;
        incoming.size_hint().lower() <= limit && !head.headers.contains_key(EXPECT)
    }

    fn ask(&self, head: RequestHead, body: Bytes, ticket: Ticket) -> Answering {
        let server = &self.server;
        let mut record = Record::begin(&server.site, &head);
        let ask = Ask::new(&head, &body, server.capabilities, &server.blocking);
        let Some(answer) = answer(&server.site, &ask) else {
            if let Some(record) = &record {
                record.give_up(&server.site);
            }
            let early = (!body.is_empty()).then_some(body);
            let arriving = Arriving { early, incoming: None };
            return Answering::Waiting(self.stream(head, arriving, ticket));
        };
        if let Some(record) = &mut record {
            record.answered(&server.site, &answer.head);
            record.received = body.len() as u64;
        }
        let version = head.version;
        let body = Outgoing::answer(answer.body, &server.site, head, record, ticket);
        let leaves = self.shared.leaves();
        Answering::Ready(Some(Ok(response(answer.head, version, leaves, body))))
    }

    fn prefetch(&self, head: RequestHead, mut incoming: Incoming, ticket: Ticket) -> Answering {
        let this = self.clone();
        Answering::Waiting(Box::pin(async move {
            let limit = this.server.site.limits.body_prefetch;
            let mut body = Bytes::new();
            let mut longer = BytesMut::new();
            loop {
                match next_data(&mut incoming).await {
                    Ok(Some(data)) if body.is_empty() && longer.is_empty() => body = data,
                    Ok(Some(data)) => {
                        if longer.is_empty() {
                            longer.extend_from_slice(&body);
                        }
                        longer.extend_from_slice(&data);
                    }
                    Ok(None) => break,
                    Err(_) => {
                        let error = this.shared.body_error();
                        return this.refuse(&error, Some(&head), ticket).await;
                    }
                }
                let size = body.len().max(longer.len());
                if size as u64 > this.server.site.limits.body_size {
                    return this.refuse(&Error::BODY_TOO_LARGE, Some(&head), ticket).await;
                }
                if size > limit {
                    let early = if longer.is_empty() { body } else { longer.freeze() };
                    let arriving = Arriving { early: Some(early), incoming: Some(incoming) };
                    return this.stream(head, arriving, ticket).await;
                }
            }
            let body = if longer.is_empty() { body } else { longer.freeze() };
            this.ask(head, body, ticket).await
        }))
    }

    /// Answers outside the connection's poll: on HTTP/1 its driver makes the call after it, on
    /// HTTP/2, where no call has the connection to itself, a task of its own does.
    fn stream(
        &self,
        head: RequestHead,
        arriving: Arriving,
        ticket: Ticket,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send>> {
        let (server, number) = (&self.server, ticket.number());
        let (transaction, response) = Streaming::new(
            head,
            arriving,
            server.capabilities,
            Arc::clone(&server.blocking),
            server.site.limits.chunk_size,
            ticket,
        );
        let site = Arc::clone(&server.site);
        let call: Task = Box::pin(async move {
            // Reported already; the dropped transaction cuts the connection.
            let _ = Exchange::run(transaction, site).await;
        });
        if self.shared.gathers() {
            self.shared.seat.launch(number, call);
        } else {
            server.tasks.spawn(call);
        }
        Box::pin(async move { response.await.map_err(|_| Error::Reported) })
    }

    /// Answers for the application, and ends the connection: what follows cannot be trusted.
    fn refuse(&self, error: &Error, head: Option<&RequestHead>, ticket: Ticket) -> Answering {
        let site = &self.server.site;
        site.report(error, head);
        if matches!(error, Error::Disconnected) {
            return Answering::Ready(Some(Err(Error::Disconnected)));
        }
        let Answer { head: mut out, body } = Answer::plain(error.status());
        if head.is_none_or(|head| head.version < Version::HTTP_2) {
            out.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(head) = head {
            site.name_request(head, &mut out.headers);
        }
        let body = match body {
            Body::Whole(body) if head.is_none_or(|head| head.method != Method::HEAD) => body,
            _ => Bytes::new(),
        };
        if site.journal.wants_access() {
            let connection = head.map_or(&self.connection, |head| &head.connection);
            let client = &connection.client.host;
            let mut access = Access::new(head, client, out.status.as_u16());
            access.bytes = body.len() as u64;
            access.response = Some(&out.headers);
            site.journal.access(&access);
        }
        self.shared.close_soon();
        let version = head.map_or(Version::HTTP_11, |head| head.version);
        Answering::Ready(Some(Ok(response(out, version, false, Outgoing::whole(body, ticket)))))
    }
}

/// A response that is there, or one that is being made.
pub(super) enum Answering {
    Ready(Option<Result<Response>>),
    Waiting(Pin<Box<dyn Future<Output = Result<Response>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Ready(answer) => {
                Poll::Ready(answer.take().expect("polled once after it is ready"))
            }
            Self::Waiting(answer) => answer.as_mut().poll(context),
        }
    }
}

/// A head and a body as hyper takes them, for a request of `version`, on a connection that perhaps
/// `leaves`.
pub(super) fn response(
    head: ResponseHead,
    version: Version,
    leaves: bool,
    body: Outgoing,
) -> Response {
    let mut response = http::Response::new(body);
    if version == Version::HTTP_10
        && response.body().size_hint().exact().is_none()
        && !head.headers.contains_key(CONTENT_LENGTH)
    {
        // Only the end of the connection ends this body: hyper must not promise to keep it.
        *response.version_mut() = Version::HTTP_10;
    }
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    if leaves && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(reason) = head.reason
        && let Ok(reason) = ReasonPhrase::try_from(reason)
    {
        response.extensions_mut().insert(reason);
    }
    response
}

/// What the guard checks in HTTP/1 and h2 leaves to its user (RFC 9113, 8.3.1).
fn check_http2(head: &mut RequestHead) -> Result<()> {
    if head.method == Method::CONNECT {
        return Err(Error::bad_request("CONNECT is for proxies"));
    }
    if head.headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
        return Err(Error::bad_request("repeated Content-Length"));
    }
    if head.headers.get_all(HOST).iter().nth(1).is_some() {
        return Err(Error::bad_request("repeated Host"));
    }
    let host = match head.uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str())
            .map_err(|_| Error::bad_request("malformed authority"))?,
        None => match head.headers.get(HOST) {
            Some(host) => host.clone(),
            None => return Err(Error::bad_request("neither authority nor Host")),
        },
    };
    if !host_is_valid(host.as_bytes()) {
        return Err(Error::bad_request("malformed host"));
    }
    head.headers.insert(HOST, host);
    Ok(())
}

fn drop_underscores(headers: &mut HeaderMap) {
    let bad: Vec<_> = headers.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
    for name in bad {
        headers.remove(name);
    }
}
