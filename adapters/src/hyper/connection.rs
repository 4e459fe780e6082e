//! Drives one connection, on any transport, executor and timer.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use hyper::server::conn::{http1, http2};
use narthex_core::{Access, Connection, Forwarding, Level, Limits};
use tokio::sync::{Notify, futures::Notified};

use crate::guard::Phase;

use super::{
    keeper::{Keeper, Verdict, Watched},
    seat::{Machine, Turn},
    service::{Server, Service, Task, Tasks},
    shared::Shared,
    transport::{Awaited, Transport, Wanted},
    wire::{Protocol, Wire},
};

/// Tells the connections of a server that it stops.
#[derive(Debug, Default)]
pub(super) struct Farewell {
    stage: AtomicU8,
    notify: Notify,
}

/// How far the stop of a server has come. A request that arrives before the last stage is answered
/// or, if the connection was being closed, sees a clean end: it can be sent again elsewhere.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Stage {
    /// It does not stop.
    Serving,
    /// The next answer of each connection is its last.
    Leaving,
    /// Idle connections are closed, and listened to a moment longer.
    Closing,
    /// That moment is over.
    Gone,
}

impl Farewell {
    /// Goes on to `stage`.
    pub(super) fn say(&self, stage: Stage) {
        self.stage.store(stage as u8, Relaxed);
        self.notify.notify_waiters();
    }

    fn stage(&self) -> Stage {
        match self.stage.load(Relaxed) {
            0 => Stage::Serving,
            1 => Stage::Leaving,
            2 => Stage::Closing,
            _ => Stage::Gone,
        }
    }

    /// The stage, after making sure that `context` is woken at the next one.
    fn listen<'a>(
        &'a self,
        mut notified: Pin<&mut Notified<'a>>,
        context: &mut Context<'_>,
    ) -> Stage {
        while notified.as_mut().poll(context).is_ready() {
            notified.set(self.notify.notified());
        }
        self.stage()
    }
}

/// Serves one connection to its end.
pub(super) async fn serve<I>(
    io: I,
    connection: Arc<Connection>,
    server: Arc<Server>,
    keeper: Arc<Keeper>,
    farewell: Arc<Farewell>,
) where
    I: Transport,
{
    let _connected = server.site.connected();
    let shared = Arc::new(Shared::new(keeper.period()));
    let wire = Wire::new(io, &server.site.limits, Arc::clone(&shared));
    let watched = Arc::new(keeper.watch(&wire));
    connection.expiry.set(watched.expiry());
    let mut notified = pin!(farewell.notify.notified());
    let protocol = poll_fn(|context| {
        wire.line().waker = Some(context.waker().clone());
        if let Some(Verdict::Drop | Verdict::Close) = watched.verdict() {
            return Poll::Ready(None);
        }
        let protocol = wire.line().poll_protocol(context).map(|outcome| outcome.ok().flatten());
        let stage = farewell.listen(notified.as_mut(), context);
        if protocol.is_pending() && stage >= Stage::Closing && wire.line().received == 0 {
            return Poll::Ready(None);
        }
        protocol
    });
    let Some(protocol) = protocol.await else {
        return linger(&wire, &watched, &farewell).await;
    };

    let client = connection.client.host.clone();
    let forwarding = Forwarding::new(&server.site, &connection);
    let shared_too = Arc::clone(&shared);
    let service =
        Service { server: Arc::clone(&server), connection, forwarding, shared: shared_too };
    let limits = &server.site.limits;
    let machine = match protocol {
        Protocol::Http1 => {
            let conn = http1(limits).serve_connection(wire.clone(), service);
            machine(conn, http1::Connection::graceful_shutdown, &wire, &watched)
        }
        Protocol::Http2 => {
            let tasks = server.tasks.clone();
            let conn = http2(limits, tasks).serve_connection(wire.clone(), service);
            machine(conn, http2::Connection::graceful_shutdown, &wire, &watched)
        }
    };
    let driver = Driver {
        machine: Some(machine),
        call: None,
        tasks: &server.tasks,
        shared,
        watched: &watched,
        farewell: &farewell,
        stage: Stage::Serving,
        stopping: false,
    };
    let outcome = driver.drive(&wire, notified).await;
    if let Some(kind) = wire.line().flood() {
        let (journal, client) = (&server.site.journal, client.escape_ascii());
        let message = format_args!("connection of {client} ended: too many {kind} frames");
        journal.write(Level::Info, &message);
    } else if let Err(error) = outcome {
        // Refusals were reported where they were answered; hyper's own are not.
        let level = if error.is_parse() { Level::Info } else { Level::Debug };
        let journal = &server.site.journal;
        if error.is_parse()
            && let Some(metrics) = journal.metrics()
        {
            metrics.refused();
        }
        if error.is_parse() && journal.wants_access() {
            // Answered by hyper itself, with one of the two.
            let status = if error.is_parse_too_large() { 431 } else { 400 };
            journal.access(&Access::new(None, &client, status));
        }
        let client = client.escape_ascii();
        journal.write(level, &format_args!("connection of {client} ended: {error}"));
    }
    linger(&wire, &watched, &farewell).await;
}

fn machine<I, C>(
    conn: C,
    stop: fn(Pin<&mut C>),
    wire: &Wire<I>,
    watched: &Arc<Watched>,
) -> Box<dyn Machine>
where
    I: Transport,
    C: Future<Output = hyper::Result<()>> + Send + 'static,
{
    Box::new(Hyper {
        conn: Some(Box::pin(conn)),
        stop,
        outcome: None,
        wire: wire.clone(),
        shared: Arc::clone(&wire.line().shared),
        watched: Arc::clone(watched),
        parted: None,
    })
}

fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // A client may shut down its side and still read the answer.
    builder.half_close(true).header_read_timeout(None);
    // The guard has the say over sizes: hyper's bounds only have to be no lower.
    builder.max_buf_size((2 * limits.head_size).max(128 * 1024));
    if limits.header_count > 100 {
        builder.max_headers(limits.header_count);
    }
    builder
}

fn http2(limits: &Limits, tasks: Tasks) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        .max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        // Times the streams, what a client that takes nothing can make the server hold.
        .max_send_buf_size(64 * 1024)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024);
    builder
}

/// Who polls a connection, and makes the calls that wait for it.
struct Driver<'a> {
    /// Always there, except while it is lent to a call.
    machine: Option<Box<dyn Machine>>,
    call: Option<(u64, Task)>,
    tasks: &'a Tasks,
    shared: Arc<Shared>,
    watched: &'a Watched,
    farewell: &'a Farewell,
    stage: Stage,
    stopping: bool,
}

impl<'a> Driver<'a> {
    /// Drives the connection to its end.
    async fn drive<I>(
        mut self,
        wire: &Wire<I>,
        mut notified: Pin<&mut Notified<'a>>,
    ) -> hyper::Result<()> {
        let mut registered = None::<Waker>;
        poll_fn(|context| {
            if registered.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
                registered = Some(context.waker().clone());
                wire.line().waker.clone_from(&registered);
                self.stage = self.farewell.listen(notified.as_mut(), context);
            } else if self.farewell.stage() != self.stage {
                self.stage = self.farewell.listen(notified.as_mut(), context);
            }
            self.poll(wire, context)
        })
        .await
    }

    /// Goes on until something has to be waited for.
    fn poll<I>(&mut self, wire: &Wire<I>, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        /// How often a connection may go on in one poll.
        const ROUNDS: usize = 16;

        if self.watched.verdict() == Some(Verdict::Close) {
            self.stop();
        }
        let mut called = false;
        for _ in 0..ROUNDS {
            let turn = self.machine().turn(context);
            if turn == Turn::Over {
                self.release();
                return Poll::Ready(self.machine().outcome());
            }
            // After the turn: a request that has arrived is still answered.
            if !self.stopping && self.stage >= Stage::Leaving {
                self.shared.leave();
                // HTTP/2 tells its client which requests it has not taken.
                let phase = wire.line().phase();
                if phase.is_none() || (self.stage >= Stage::Closing && phase != Some(Phase::Head)) {
                    self.stop();
                    continue;
                }
            }
            if let Some(call) = self.shared.seat.launched() {
                // The call before has been answered, and needs the connection no more.
                self.release();
                self.call = Some(call);
                called = false;
            }
            if self.call.is_some() && !called {
                called = true;
                self.call(context);
            } else if turn == Turn::Waits {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref(); // others first
        Poll::Pending
    }

    /// Makes or goes on with a call, with the connection lent to it.
    fn call(&mut self, context: &mut Context<'_>) {
        let Some((number, call)) = &mut self.call else { return };
        let seat = &self.shared.seat;
        let done = seat.lend(&mut self.machine, *number, || call.as_mut().poll(context));
        if done.is_ready() {
            self.call = None;
        }
        let machine = self.machine();
        if machine.parted() {
            // What can go out at once does so before a reactor has to say that it may.
            let _ = machine.turn(context);
            machine.rejoin();
        }
    }

    /// Lets a call that is still running go on by itself.
    fn release(&mut self) {
        if let Some((_, call)) = self.call.take() {
            self.tasks.0.spawn(call);
        }
    }

    fn stop(&mut self) {
        if !std::mem::replace(&mut self.stopping, true) {
            self.machine().stop();
        }
    }

    fn machine(&mut self) -> &mut dyn Machine {
        self.machine.as_deref_mut().expect("taken back when the call ended")
    }
}

/// A connection of hyper's with its bytes.
struct Hyper<I, C> {
    /// Dropped when it ends: whoever waits for it learns so.
    conn: Option<Pin<Box<C>>>,
    stop: fn(Pin<&mut C>),
    /// Once it needs no more polls.
    outcome: Option<hyper::Result<()>>,
    wire: Wire<I>,
    shared: Arc<Shared>,
    watched: Arc<Watched>,
    parted: Option<Arc<dyn Awaited>>,
}

impl<I, C> Hyper<I, C> {
    /// Lets go of the connection.
    fn end(&mut self) {
        if self.conn.is_none() {
            return;
        }
        let within = self.wire.line().phase() == Some(Phase::Body);
        self.shared.depart(within);
        self.conn = None;
    }
}

impl<I, C> Machine for Hyper<I, C>
where
    I: Transport,
    C: Future<Output = hyper::Result<()>> + Send,
{
    fn turn(&mut self, context: &mut Context<'_>) -> Turn {
        if self.watched.verdict() == Some(Verdict::Drop) {
            self.end();
            return Turn::Over;
        }
        if self.outcome.is_none()
            && let Some(conn) = &mut self.conn
            && let Poll::Ready(ended) = conn.as_mut().poll(context)
        {
            self.outcome = Some(ended);
        }
        let mut line = self.wire.line();
        match line.poll_drain(context) {
            Poll::Pending => Turn::Waits,
            Poll::Ready(Ok(())) if self.outcome.is_none() && self.conn.is_some() => {
                // What hyper still holds for want of room has not been sent.
                if !line.stalled && self.shared.drained() { Turn::Again } else { Turn::Waits }
            }
            // A client that is gone needs no more bytes.
            Poll::Ready(sent) => {
                drop(line);
                if sent.is_ok() && matches!(self.outcome, Some(Ok(()))) {
                    self.shared.drained(); // the last answer is out
                }
                self.end();
                Turn::Over
            }
        }
    }

    fn part(&mut self) -> (Option<Arc<dyn Awaited>>, Option<Wanted>) {
        let mut line = self.wire.line();
        if self.parted.is_none() {
            self.parted = line.part();
        }
        (self.parted.clone(), line.wanted())
    }

    fn parted(&self) -> bool {
        self.parted.is_some()
    }

    fn rejoin(&mut self) {
        self.parted = None;
        self.wire.line().rejoin();
    }

    fn stop(&mut self) {
        if let (Some(conn), None) = (&mut self.conn, &self.outcome) {
            (self.stop)(conn.as_mut());
        }
    }

    fn outcome(&mut self) -> hyper::Result<()> {
        self.outcome.take().unwrap_or(Ok(()))
    }
}

/// Lets a client that is still sending read its answer before the connection is closed: closing a
/// socket with unread bytes would reset it, and the answer with it.
async fn linger<I: Transport>(wire: &Wire<I>, watched: &Watched, farewell: &Farewell) {
    let (unread, leaves) = {
        let line = wire.line();
        let in_message = line.phase().is_some_and(|phase| phase != Phase::Idle);
        (line.shared.closes_soon() || in_message, farewell.stage() >= Stage::Leaving)
    };
    if !unread && !leaves {
        return;
    }
    watched.linger();
    let _ = poll_fn(|context| wire.line().poll_shutdown(context)).await;
    let mut notified = pin!(farewell.notify.notified());
    poll_fn(|context| {
        // A client that is told nothing wrong may be about to send its next request.
        let gone = farewell.listen(notified.as_mut(), context) >= Stage::Gone && !unread;
        let mut line = wire.line();
        line.waker = Some(context.waker().clone());
        match watched.verdict() {
            Some(Verdict::Drop) => Poll::Ready(()),
            _ if gone => Poll::Ready(()),
            _ => line.poll_discard(context),
        }
    })
    .await;
}
