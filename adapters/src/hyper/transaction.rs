//! A request that is read and answered piece by piece.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
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
use tokio::{
    sync::{Mutex as AsyncMutex, oneshot},
    time::sleep,
};

use super::{
    body::Outgoing,
    lane::{Giver, lane},
    service::{Response, response},
    shared::{Shared, Ticket},
};
use crate::edge::HungUp;

/// How often it is looked whether a client that is to get nothing yet has hung up.
const LOOK: Duration = Duration::from_millis(500);

/// A client that has shut down its side is taken for gone when it was to get nothing for so long:
/// nearly always it has, and only sending would tell.
const HALF: Duration = Duration::from_secs(3);

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
    outgoing: OnceLock<Giver>,
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
            outgoing: OnceLock::new(),
            expired: AtomicBool::new(false),
        };
        (this, response)
    }

    /// Returns when the end of the response is out too, for the call may go on for long.
    async fn settled(&self, since: u64) -> Result<()> {
        if !self.shared.gathers() {
            return Ok(());
        }
        poll_fn(|context| {
            if self.shared.drains() != since {
                return Poll::Ready(Ok(()));
            }
            if self.shared.gone() {
                return Poll::Ready(Err(Error::Disconnected));
            }
            self.shared.await_drain(Some(context.waker()));
            Poll::Pending
        })
        .await
    }

    /// Ready when nobody waits for the response any more.
    fn poll_closed(&self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(opening) = &mut *self.opening.lock().unwrap_or_else(PoisonError::into_inner) {
            return opening.answer.poll_closed(context);
        }
        self.outgoing.get().map_or(Poll::Pending, |outgoing| outgoing.poll_closed(context))
    }

    fn outgoing(&self) -> Result<&Giver> {
        self.outgoing.get().ok_or_else(|| self.refusal("written before the head"))
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
            let cut = self.outgoing.get().is_some_and(Giver::cut);
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
            Some(incoming) => match next_data(incoming).await {
                Ok(Some(data)) => Ok(Some(data)),
                // hyper lets a body just end when its connection is dropped.
                Ok(None) if incoming.size_hint().lower() == 0 && !self.shared.body_cut() => {
                    Ok(None)
                }
                _ => Err(self.shared.body_error()),
            },
            None => Ok(None),
        }
    }

    async fn start(&self, head: ResponseHead) -> Result<()> {
        let (giver, taker) = lane(&self.shared);
        self.open(head, |ticket| Outgoing::pushed(taker, ticket))?;
        self.outgoing.set(giver).map_err(|_| Error::application("response started twice"))
    }

    async fn write(&self, mut chunk: Bytes) -> Result<()> {
        let outgoing = self.outgoing()?;
        // Who calls drives the connection: nobody else would send it.
        let driven = self.shared.gathers();
        while !chunk.is_empty() {
            // Pieces, so that the window bounds bytes and not only messages.
            let size = if driven { chunk.len() } else { chunk.len().min(self.chunk_size) };
            let mut piece = chunk.split_to(size);
            poll_fn(|context| outgoing.poll_give(context, &mut piece)).await?;
        }
        if driven { self.flush().await } else { Ok(()) }
    }

    async fn flush(&self) -> Result<()> {
        let outgoing = self.outgoing()?;
        poll_fn(|context| outgoing.poll_sent(context)).await
    }

    async fn finish(&self) -> Result<()> {
        let since = self.shared.drains();
        self.outgoing()?.end()?;
        self.settled(since).await
    }

    async fn respond(&self, head: ResponseHead, body: Bytes) -> Result<()> {
        let since = self.shared.drains();
        self.open(head, |ticket| Outgoing::whole(body, ticket))?;
        self.settled(since).await
    }

    async fn departed(&self) {
        let mut silent = None::<Instant>;
        loop {
            // Over HTTP/2 the client's frames are read all the time, and say so.
            let look = self.shared.gathers();
            tokio::select! {
                biased;
                () = poll_fn(|context| self.poll_closed(context)) => return,
                () = sleep(LOOK), if look => {}
            }
            match self.shared.seat.hung_up(self.number) {
                Some(HungUp::Wholly) => return,
                Some(HungUp::Sending)
                    if silent.get_or_insert_with(Instant::now).elapsed() >= HALF =>
                {
                    return;
                }
                _ => {}
            }
        }
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

    fn wait(&self, operation: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        self.shared.seat.drive(self.number, operation, &*self.blocking);
    }
}

/// The next data of a body; trailers are passed over.
pub(super) async fn next_data(incoming: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *incoming).poll_frame(context));
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
