//! Drives one connection, on any transport, executor and timer.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use hyper::{
    rt::{Read, Write},
    server::conn::{http1, http2},
};
use narthex_core::{Access, Connection, Forwarding, Level, Limits};
use tokio::sync::{Notify, futures::Notified};

use crate::guard::Phase;

use super::{
    keeper::{Keeper, Verdict, Watched},
    service::{Server, Service, Tasks},
    shared::Shared,
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
    I: Read + Write + Send + Unpin + 'static,
{
    let shared = Arc::new(Shared::default());
    let wire = Wire::new(io, &server.site.limits, Arc::clone(&shared));
    let watched = keeper.watch(&wire);
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
    let outcome = match protocol {
        Protocol::Http1 => {
            let conn = http1(&server.site.limits).serve_connection(wire.clone(), service);
            let stop = |conn: Pin<&mut _>| http1::Connection::graceful_shutdown(conn);
            drive(conn, stop, &wire, &watched, &farewell, notified).await
        }
        Protocol::Http2 => {
            let conn = http2(&server.site.limits, server.tasks.clone())
                .serve_connection(wire.clone(), service);
            let stop = |conn: Pin<&mut _>| http2::Connection::graceful_shutdown(conn);
            drive(conn, stop, &wire, &watched, &farewell, notified).await
        }
    };
    if let Err(error) = outcome {
        // Refusals were reported where they were answered; hyper's own are not.
        let level = if error.is_parse() { Level::Info } else { Level::Debug };
        let journal = &server.site.journal;
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
        .max_concurrent_streams(250)
        .max_send_buf_size(256 * 1024)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024);
    builder
}

/// Polls the connection, and after each poll sends what it has gathered.
async fn drive<'a, I, C>(
    conn: C,
    stop: impl Fn(Pin<&mut C>),
    wire: &Wire<I>,
    watched: &Watched,
    farewell: &'a Farewell,
    mut notified: Pin<&mut Notified<'a>>,
) -> hyper::Result<()>
where
    I: Read + Write + Unpin,
    C: Future<Output = hyper::Result<()>>,
{
    /// How often a connection may go on in one poll.
    const ROUNDS: usize = 16;

    let shared = Arc::clone(&wire.line().shared);
    let mut conn = pin!(conn);
    let mut stopping = false;
    let mut outcome = None;
    let mut stage = Stage::Serving;
    let mut registered = None::<std::task::Waker>;
    poll_fn(|context| {
        if registered.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
            registered = Some(context.waker().clone());
            wire.line().waker.clone_from(&registered);
            stage = farewell.listen(notified.as_mut(), context);
        } else if farewell.stage() != stage {
            stage = farewell.listen(notified.as_mut(), context);
        }
        match watched.verdict() {
            Some(Verdict::Drop) => return Poll::Ready(Ok(())),
            Some(Verdict::Close) if !stopping => {
                stopping = true;
                stop(conn.as_mut());
            }
            Some(Verdict::Close) | None => {}
        }
        for _ in 0..ROUNDS {
            if outcome.is_none()
                && let Poll::Ready(ended) = conn.as_mut().poll(context)
            {
                outcome = Some(ended);
            }
            // After the poll: a request that has arrived is still answered.
            if !stopping && outcome.is_none() && stage >= Stage::Leaving {
                shared.leave();
                // HTTP/2 tells its client which requests it has not taken.
                let phase = wire.line().phase();
                if phase.is_none() || (stage >= Stage::Closing && phase != Some(Phase::Head)) {
                    stopping = true;
                    stop(conn.as_mut());
                    continue;
                }
            }
            let drained = wire.line().poll_drain(context);
            if outcome.is_some() {
                let _ = ready!(drained); // a client that is gone needs no more bytes
                return Poll::Ready(outcome.take().unwrap_or(Ok(())));
            }
            match drained {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) if !shared.drained() => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
            }
        }
        context.waker().wake_by_ref(); // others first
        Poll::Pending
    })
    .await
}

/// Lets a client that is still sending read its answer before the connection is closed: closing a
/// socket with unread bytes would reset it, and the answer with it.
async fn linger<I: Read + Write + Unpin>(wire: &Wire<I>, watched: &Watched, farewell: &Farewell) {
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
