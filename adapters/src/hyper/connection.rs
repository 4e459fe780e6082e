//! One connection, on any transport, executor and timer.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use hyper::server::conn::{http1, http2};
use narthex_core::{Access, Connection, Forwarding, Level, Limits};

use super::{line::Protocol, service::Service, shared::Shared, watch::Watch, wire::Wire};
use crate::{
    edge::{
        Awaited, Driver, Edge, Failure, Farewell, HungUp, Machine, Stage, Tasks, Transport, Turn,
        Verdict, Wanted, Watched,
    },
    guard::Phase,
};

/// Serves one connection to its end.
pub(super) async fn serve<I: Transport>(io: I, connection: Arc<Connection>, edge: Edge) {
    let Edge { server, keeper, farewell, .. } = &edge;
    let _connected = server.site.connected();
    let shared = Arc::new(Shared::new(keeper.period()));
    let wire = Wire::new(io, &server.site.limits, Arc::clone(&shared));
    let watched = Arc::new(keeper.watch(Arc::new(Watch::new(&wire))));
    connection.expiry.set(watched.expiry());
    let mut notified = pin!(farewell.notified());
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
        return linger(&wire, &watched, farewell).await;
    };

    let client = connection.client.host.clone();
    let forwarding = Forwarding::new(&server.site, &connection);
    let shared_too = Arc::clone(&shared);
    let service =
        Service { server: Arc::clone(server), connection, forwarding, shared: shared_too };
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
    let driver = Driver::new(machine, &server.tasks, &shared.seat, farewell);
    let outcome = driver.drive(notified).await;
    if let Some(kind) = wire.line().flood() {
        let (journal, client) = (&server.site.journal, client.escape_ascii());
        let message = format_args!("connection of {client} ended: too many {kind} frames");
        journal.write(Level::Info, &message);
    } else if let Err(failure) = outcome
        && let Some(error) = failure.downcast_ref::<hyper::Error>()
    {
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
    linger(&wire, &watched, farewell).await;
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

    fn woken_by(&mut self, waker: &Waker) {
        self.wire.line().waker = Some(waker.clone());
    }

    fn hung_up(&self) -> Option<HungUp> {
        self.wire.line().hung_up()
    }

    fn is_over_soon(&self) -> bool {
        self.watched.verdict() == Some(Verdict::Close)
    }

    fn leave(&mut self, stage: Stage) -> bool {
        self.shared.leave();
        // HTTP/2 tells its client which requests it has not taken.
        let phase = self.wire.line().phase();
        phase.is_none() || (stage >= Stage::Closing && phase != Some(Phase::Head))
    }

    fn stop(&mut self) {
        if let (Some(conn), None) = (&mut self.conn, &self.outcome) {
            (self.stop)(conn.as_mut());
        }
    }

    fn outcome(&mut self) -> Result<(), Failure> {
        self.outcome.take().unwrap_or(Ok(())).map_err(Into::into)
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
    let mut notified = pin!(farewell.notified());
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
