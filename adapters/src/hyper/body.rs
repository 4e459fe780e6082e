//! The body of a response on its way out.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use narthex_core::{Body, Error, Expired, Record, RequestHead, Site};

use super::{lane::Taker, shared::Ticket};

/// What hyper sends as the body of a response.
///
/// Holds the [`Ticket`] of its request: while it lives, the connection is busy.
pub(super) struct Outgoing {
    kind: Kind,
    /// Why the response is cut, once what came before has been given time to go out.
    cut: Option<Error>,
    ticket: Ticket,
}

enum Kind {
    Whole(Option<Bytes>),
    Pulled(Box<Pulling>),
    Pushed(Taker),
}

/// A body made while it is sent, and what it needs for that.
struct Pulling {
    body: narthex_core::Pulled,
    site: Arc<Site>,
    request: RequestHead,
    record: Option<Record>,
    /// The count of drains when the last piece was handed over.
    handed: Option<u64>,
}

impl Outgoing {
    /// All of the body.
    pub(super) fn whole(body: Bytes, ticket: Ticket) -> Self {
        Self::new(Kind::Whole((!body.is_empty()).then_some(body)), ticket)
    }

    /// A body that a transaction pushes.
    pub(super) fn pushed(taker: Taker, ticket: Ticket) -> Self {
        Self::new(Kind::Pushed(taker), ticket)
    }

    /// The body of an answer.
    pub(super) fn answer(
        body: Body,
        site: &Arc<Site>,
        request: RequestHead,
        record: Option<Record>,
        ticket: Ticket,
    ) -> Self {
        let expired = ticket.shared().expired();
        // Who has answered in its place has also written that down.
        let record = record.filter(|_| expired != Some(Expired::Answered));
        match body {
            Body::Whole(bytes) => {
                if let Some(mut record) = record {
                    record.bytes = bytes.len() as u64;
                    record.complete = expired.is_none();
                    record.write(site, &request);
                }
                Self::whole(bytes, ticket)
            }
            Body::Pulled(body) => {
                let site = Arc::clone(site);
                let pulling = Pulling { body, site, request, record, handed: None };
                Self::new(Kind::Pulled(Box::new(pulling)), ticket)
            }
        }
    }

    fn new(kind: Kind, mut ticket: Ticket) -> Self {
        ticket.offer(true); // a client with its window shut may never ask
        Self { kind, cut: None, ticket }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let next = this.poll_next(context);
        // Whoever is not asked again waits for the client.
        this.ticket.offer(next.is_ready());
        next
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.kind, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Pulled(_) | Kind::Pushed(_) => SizeHint::default(),
        }
    }
}

impl Outgoing {
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self;
        if let Some(error) = this.cut.take() {
            this.ticket.shared().cut();
            return Poll::Ready(Some(Err(error)));
        }
        let next = match &mut this.kind {
            Kind::Whole(body) => Ok(body.take()),
            Kind::Pulled(pulling) => {
                // A piece is on its way before the next is asked for, which may take a while (PEP
                // 3333, "Buffering and Streaming").
                if pulling.waits(&this.ticket, context) {
                    return Poll::Pending;
                }
                let next = pulling.next();
                pulling.handed = Some(this.ticket.shared().drains());
                next
            }
            Kind::Pushed(pushed) => ready!(pushed.poll_take(context)),
        };
        match next {
            Ok(chunk) => Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk)))),
            Err(error) => {
                // At an error hyper drops what it has buffered, be it the head; once pending, it
                // passes that on first.
                this.cut = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl Pulling {
    /// Whether the last piece has to be sent first.
    fn waits(&mut self, ticket: &Ticket, context: &Context<'_>) -> bool {
        let shared = ticket.shared();
        if !shared.gathers() {
            // The connection is another task: it runs before this one is polled again.
            let handed = self.handed.take().is_some();
            if handed {
                context.waker().wake_by_ref();
            }
            return handed;
        }
        let waits = self.handed == Some(shared.drains());
        if waits {
            shared.await_drain(None);
        }
        waits
    }

    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let next = self.body.next(&self.site, &self.request);
        if let Some(record) = &mut self.record {
            match &next {
                Ok(Some(chunk)) => record.bytes += chunk.len() as u64,
                Ok(None) => record.complete = true,
                Err(_) => {}
            }
        }
        next
    }
}

impl Drop for Pulling {
    fn drop(&mut self) {
        if let Some(record) = &self.record {
            record.write(&self.site, &self.request);
        }
    }
}
