//! One connection: its bytes in both directions, and the requests that run on it.

mod flow;
mod responses;

use std::{
    cell::RefCell,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Bytes, BytesMut};
use narthex_core::{Error, RequestHead, RequestHeads, Result};

use super::{
    arriving::Arriving,
    outbox::Outbox,
    protocol::{Broken, Event, Id, Protocol},
};
use crate::edge::Wanted;

/// Bytes of a body that may wait to be read. Beyond that nothing is read from the connection, since
/// no gateway protocol has another way to say so: on a connection that carries several requests, one
/// whose application does not read its body holds up the bodies of the others.
const WINDOW: usize = 128 * 1024;
/// Bytes that may wait to be sent before no more requests are taken on.
const ROOM: usize = 64 * 1024;
/// Bytes of small responses, and of the protocol's own, that may wait before nothing is read.
const MOST: usize = 1024 * 1024;
/// From this size on a piece of a body is sent from where it is.
const LARGE: usize = 8 * 1024;
/// What an idle connection may keep of its buffer.
const KEPT: usize = 4 * 1024;

thread_local! {
    /// Where bytes are read to: one for all connections.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; ROOM].into());
}

/// A connection and its requests. Locked for one operation at a time, never while the application
/// runs.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub(super) struct Line<I, P> {
    /// Until it is closed.
    io: Option<I>,
    pub(super) protocol: P,
    pub(super) heads: RequestHeads,
    input: BytesMut,
    out: Outbox,
    pub(super) running: Vec<Running>,
    /// Who waits for so many bytes to be sent.
    waiting: Vec<(u64, Waker)>,
    /// Who polls the connection.
    waker: Option<Waker>,
    /// Requests so far.
    pub(super) calls: u64,
    received: u64,
    end: Option<End>,
    /// It ends when what runs has ended, and takes on nothing else.
    pub(super) closing: bool,
    /// It ends when nothing runs any more.
    leaving: bool,
    /// Something of a request had not arrived when its response was complete.
    unread: bool,
    /// Nothing is read, for the window of a body is full.
    full: bool,
    /// Several requests have run at once, or may at any moment.
    shared: bool,
    /// Buffers have grown.
    large: bool,
    /// Requests whose responses are to be cut, as soon as that hurts no others.
    cut: Vec<Id>,
    /// Requests that were answered from outside while their application held them.
    outlived: Vec<u64>,
    /// Text of a response before it is framed.
    text: Vec<u8>,
}

/// Why nothing more is read.
#[derive(Clone, Debug, Eq, PartialEq)]
enum End {
    /// The peer has sent everything, and may still read.
    Eof,
    /// The peer is not understood.
    Broken(Broken),
    /// The peer has left, or was sent away: nothing is sent either.
    Gone,
}

/// A request that has no end yet.
pub(super) struct Running {
    pub(super) id: Id,
    /// Which request of its connection it is, counted from 1.
    pub(super) number: u64,
    /// Until the application is called.
    pub(super) head: Option<Box<RequestHead>>,
    pub(super) body: Arriving,
    /// Something of its response has been put out.
    begun: bool,
    bodiless: bool,
}

/// What is to be done next for a connection.
pub(super) enum Step {
    /// Its peer has said something.
    Event(Event),
    /// Everything has been sent: more may be made.
    Sent,
    /// Nothing can be done until something happens.
    Waits,
    /// It has ended.
    Over,
}

impl<I, P: Protocol> Line<I, P> {
    pub(super) fn new(io: I, protocol: P, heads: RequestHeads) -> Self {
        Self {
            io: Some(io),
            protocol,
            heads,
            input: BytesMut::new(),
            out: Outbox::default(),
            running: Vec::new(),
            waiting: Vec::new(),
            waker: None,
            calls: 0,
            received: 0,
            end: None,
            closing: false,
            leaving: false,
            unread: false,
            full: false,
            shared: false,
            large: false,
            cut: Vec::new(),
            outlived: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Takes on a request; says which it is.
    pub(super) fn begin(&mut self, id: Id, declared: Option<u64>, bodiless: bool) -> &mut Running {
        self.shared |= !self.running.is_empty() || self.protocol.multiplexes();
        let body = Arriving::new(declared);
        let (number, begun) = (self.calls, false);
        self.running.push(Running { id, number, head: None, body, begun, bodiless });
        self.running.last_mut().expect("just pushed")
    }

    /// The request of that id.
    pub(super) fn of_id(&mut self, id: Id) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| running.id == id)
    }

    /// The request of that number, while it has no end.
    pub(super) fn request(&mut self, number: u64) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| running.number == number)
    }

    /// Whether requests have to do with each other's company.
    pub(super) fn is_shared(&self) -> bool {
        self.shared
    }

    /// The next piece of the body of a request.
    pub(super) fn poll_body(
        &mut self,
        number: u64,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        let Some(running) = self.request(number) else {
            return Poll::Ready(Err(Error::Disconnected));
        };
        let piece = ready!(running.body.poll_piece(context));
        if self.full {
            // There is room again.
            self.wake();
        }
        Poll::Ready(piece)
    }

    /// Bytes so far that were sent or wait.
    pub(super) fn appended(&self) -> u64 {
        self.out.appended()
    }

    /// Whether bytes wait to be sent.
    pub(super) fn is_sending(&self) -> bool {
        self.out.waiting() > 0
    }

    /// Whether nothing is being read, answered or sent.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.protocol.is_between_requests() && !self.is_sending()
    }

    /// Whether a request has begun that nobody can be called for yet.
    pub(super) fn is_receiving(&self) -> bool {
        self.end.is_none() && !self.protocol.is_between_requests()
    }

    /// Whether the peer has left, or was sent away.
    pub(super) fn is_gone(&self) -> bool {
        self.end == Some(End::Gone)
    }

    /// Whether the peer may still be sending what nobody reads.
    pub(super) fn is_unread(&self) -> bool {
        !self.is_gone() && (self.unread || !self.input.is_empty())
    }

    /// Why the peer was not understood.
    pub(super) fn broken(&self) -> Option<&Broken> {
        match &self.end {
            Some(End::Broken(broken)) => Some(broken),
            _ => None,
        }
    }

    /// Understands no more of what the peer sends.
    pub(super) fn break_off(&mut self, broken: Broken) {
        self.end = Some(End::Broken(broken));
        self.closing = true;
        // What has wholly arrived is still answered.
        let lost = |running: &mut Running| running.head.is_some() || !running.body.has_ended();
        self.running.extract_if(.., lost).for_each(|mut running| running.body.wake());
        self.input = BytesMut::new();
    }

    /// Reads and sends nothing more: whoever waits learns so.
    pub(super) fn depart(&mut self) {
        self.end = Some(End::Gone);
        self.running.drain(..).for_each(|mut running| running.body.wake());
        self.waiting.drain(..).for_each(|(_, waker)| waker.wake());
        self.input = BytesMut::new();
        self.out = Outbox::default();
    }

    /// A number that changes when the peer gets on with what it sends.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// A number that changes when the peer gets on with what it is sent.
    pub(super) fn sent(&self) -> u64 {
        self.out.sent()
    }

    /// Who polls the connection, and is to be woken when something is done elsewhere.
    pub(super) fn woken_by(&mut self, waker: &Waker) {
        if self.waker.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    /// Wakes whoever polls the connection, if that is to end now.
    pub(super) fn tell_of_the_end(&self) {
        if self.closing {
            self.wake();
        }
    }

    /// Wakes whoever polls the connection.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Whether more of what the peer says is taken.
    fn takes(&mut self) -> bool {
        self.full = self.running.iter().any(|running| running.body.held() >= WINDOW);
        let stuffed = (self.running.is_empty() && self.out.waiting() > ROOM)
            || self.out.gathered().len() > MOST;
        let leaves = self.closing && self.running.is_empty();
        self.end.is_none() && !(self.full || stuffed || leaves)
    }

    /// What the connection waits for.
    pub(super) fn wanted(&mut self) -> Option<Wanted> {
        let wanted = Wanted { input: self.takes(), room: self.is_sending() };
        (wanted.input || wanted.room).then_some(wanted)
    }

    /// Ends the input: what has not wholly arrived never will.
    fn eof(&mut self) {
        if !self.protocol.may_half_close() {
            return self.depart();
        }
        self.end = Some(End::Eof);
        self.closing = true;
        for running in &mut self.running {
            running.body.finish();
        }
        // Nobody has been called for these, and nobody is there for an answer.
        self.running.retain(|running| running.head.is_none() || running.body.is_whole());
    }
}
