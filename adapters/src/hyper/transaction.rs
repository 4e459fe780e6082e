//! A request that is answered by a task of its own.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use narthex_core::{
    Answer, Blocking, Body, Capabilities, Error, Expired, Overdue, RequestHead, ResponseHead,
    Result, Transaction,
};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use super::{
    body::{Outgoing, Push},
    service::{Response, response},
    shared::{Shared, Ticket},
};

/// Pieces in flight between the application and the connection.
const WINDOW: usize = 4;

/// A request whose body may still be arriving and whose response may outlast the window.
pub(super) struct Streaming {
    request: RequestHead,
    capabilities: Capabilities,
    blocking: Arc<dyn Blocking>,
    shared: Arc<Shared>,
    /// Which request of its connection it is.
    number: u64,
    chunk_size: usize,
    incoming: AsyncMutex<Arriving>,
    // Locked to take it, once.
    opening: Mutex<Option<Opening>>,
    outgoing: AsyncMutex<Option<mpsc::Sender<Push>>>,
    /// It was ended from outside: the application has nobody to answer any more.
    expired: AtomicBool,
}

/// The request body: what came before the application was asked, and the rest.
pub(super) struct Arriving {
    pub(super) early: Option<Bytes>,
    pub(super) incoming: Option<Incoming>,
}

struct Opening {
    answer: oneshot::Sender<Response>,
    ticket: Ticket,
}

impl Streaming {
    /// A transaction, and where its response will appear.
    pub(super) fn new(
        request: RequestHead,
        arriving: Arriving,
        capabilities: Capabilities,
        blocking: Arc<dyn Blocking>,
        chunk_size: usize,
        ticket: Ticket,
    ) -> (Self, oneshot::Receiver<Response>) {
        let (answer, response) = oneshot::channel();
        let this = Self {
            request,
            capabilities,
            blocking,
            shared: Arc::clone(ticket.shared()),
            number: ticket.number(),
            chunk_size,
            incoming: AsyncMutex::new(arriving),
            opening: Mutex::new(Some(Opening { answer, ticket })),
            outgoing: AsyncMutex::new(None),
            expired: AtomicBool::new(false),
        };
        (this, response)
    }

    fn open(&self, head: ResponseHead, body: impl FnOnce(Ticket) -> Outgoing) -> Result<()> {
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Opening { answer, ticket } =
            opening.ok_or_else(|| self.refusal("response started twice"))?;
        let leaves = ticket.shared().leaves();
        let response = response(head, self.request.version, leaves, body(ticket));
        answer.send(response).map_err(|_| Error::Disconnected)
    }

    /// Why something cannot be sent.
    fn refusal(&self, rule: &'static str) -> Error {
        if self.expired.load(Relaxed) { Error::Disconnected } else { Error::application(rule) }
    }

    /// Ends this one of several requests on its connection, which goes on.
    fn expire_stream(&self) -> Expired {
        self.expired.store(true, Relaxed);
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Opening { answer, ticket }) = opening else {
            // Without the last message the end of the channel is an abort. Whoever has it locked
            // waits for the client, and is not overdue.
            let cut = self.outgoing.try_lock().is_ok_and(|mut outgoing| outgoing.take().is_some());
            return if cut { Expired::Cut } else { Expired::Left };
        };
        let Answer { head, body: Body::Whole(body) } = Answer::plain(StatusCode::GATEWAY_TIMEOUT)
        else {
            return Expired::Left;
        };
        let body = if self.request.method == Method::HEAD { Bytes::new() } else { body };
        let body = Outgoing::whole(body, ticket);
        let response = response(head, self.request.version, false, body);
        let answered = answer.send(response).is_ok();
        if answered { Expired::Answered } else { Expired::Left }
    }
}

#[async_trait]
impl Transaction for Streaming {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn request(&self) -> &RequestHead {
        &self.request
    }

    async fn read(&self) -> Result<Option<Bytes>> {
        let mut arriving = self.incoming.lock().await;
        if let Some(early) = arriving.early.take() {
            return Ok(Some(early));
        }
        match &mut arriving.incoming {
            Some(incoming) => next_data(incoming).await.map_err(|_| self.shared.body_error()),
            None => Ok(None),
        }
    }

    async fn start(&self, head: ResponseHead) -> Result<()> {
        let (sender, receiver) = mpsc::channel(WINDOW);
        *self.outgoing.lock().await = Some(sender);
        self.open(head, |ticket| Outgoing::pushed(receiver, ticket))
    }

    async fn write(&self, mut chunk: Bytes) -> Result<()> {
        let outgoing = self.outgoing.lock().await;
        let sender = outgoing.as_ref().ok_or_else(|| self.refusal("written before the head"))?;
        // Pieces, so that the window bounds bytes and not only messages.
        while !chunk.is_empty() {
            let piece = chunk.split_to(chunk.len().min(self.chunk_size));
            sender.send(Push::Data(piece)).await.map_err(|_| Error::Disconnected)?;
        }
        Ok(())
    }

    async fn flush(&self) -> Result<()> {
        let (waiting, sent) = oneshot::channel();
        match &*self.outgoing.lock().await {
            Some(sender) => {
                sender.send(Push::Flush(waiting)).await.map_err(|_| Error::Disconnected)?;
            }
            None => return Ok(()),
        }
        sent.await.map_err(|_| Error::Disconnected)
    }

    async fn finish(&self) -> Result<()> {
        match self.outgoing.lock().await.take() {
            Some(sender) => sender.send(Push::End).await.map_err(|_| Error::Disconnected),
            None => Ok(()),
        }
    }

    async fn respond(&self, head: ResponseHead, body: Bytes) -> Result<()> {
        self.open(head, |ticket| Outgoing::whole(body, ticket))
    }

    fn expire(&self, whole: bool) -> Expired {
        if self.request.version == Version::HTTP_2 {
            return if whole { Expired::Left } else { self.expire_stream() };
        }
        let Some(connection) = self.request.connection.expiry.find() else { return Expired::Left };
        let mut overdue = Overdue::new(self.number, &self.request);
        overdue.whole = whole;
        connection.expire(&overdue)
    }

    fn blocking(&self) -> &dyn Blocking {
        &*self.blocking
    }
}

/// The next data of a body; trailers are passed over.
pub(super) async fn next_data(incoming: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    loop {
        let frame =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut *incoming).poll_frame(context));
        match frame.await {
            None => return Ok(None),
            Some(frame) => {
                if let Ok(data) = frame?.into_data()
                    && !data.is_empty()
                {
                    return Ok(Some(data));
                }
            }
        }
    }
}
