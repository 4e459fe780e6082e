//! Drives one connection, on any transport.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{calls::Pulling, line::Step, protocol::Protocol, shared::Shared};
use crate::edge::{
    Awaited, Driver, Failure, Farewell, Keeper, Machine, Seldom, Server, Stage, Transport, Turn,
    Verdict, Wanted, Watched,
};

/// Requests that are answered before other connections have their turn.
const AT_ONCE: usize = 64;

/// What a connection has of the server that it belongs to.
pub(super) struct Around<'a> {
    pub(super) server: &'a Arc<Server>,
    pub(super) keeper: &'a Arc<Keeper>,
    pub(super) farewell: &'a Farewell,
    /// Where peers that are not understood are logged.
    pub(super) seldom: &'a Seldom,
}

/// Serves a connection to its end; `peer` is whom the log names.
pub(super) async fn serve<I: Transport, P: Protocol>(
    io: I,
    protocol: P,
    around: &Around<'_>,
    peer: &[u8],
) {
    let &Around { server, keeper, farewell, seldom } = around;
    let _connected = server.site.connected();
    let shared = Shared::new(io, protocol, Arc::clone(server), keeper.period());
    let watched = Arc::new(keeper.watch(Arc::clone(&shared) as _));
    let _ = shared.expiry.set(watched.expiry());
    let machine = Box::new(Gateway {
        shared: Arc::clone(&shared),
        watched: Arc::clone(&watched),
        pulling: None,
        parted: None,
    });
    let notified = pin!(farewell.notified());
    // A connection has no failures but those that its requests have seen.
    let _ = Driver::new(machine, &server.tasks, &shared.seat, farewell).drive(notified).await;
    if let Some(broken) = shared.line().broken() {
        let message = format_args!("connection of {} ended: {broken}", peer.escape_ascii());
        seldom.write(&*server.site.journal, &message);
        if let Some(metrics) = server.site.journal.metrics() {
            metrics.refused();
        }
    }
    linger(&shared, &watched).await;
    shared.line().close();
}

/// Lets a peer that is still sending read its answer before the connection is closed: closing a
/// socket with unread bytes would reset it, and the answer with it.
async fn linger<I: Transport, P: Protocol>(shared: &Shared<I, P>, watched: &Watched) {
    if !shared.line().is_unread() {
        return;
    }
    watched.linger();
    let _ = poll_fn(|context| shared.line().poll_shutdown(context)).await;
    poll_fn(|context| {
        let mut line = shared.line();
        line.woken_by(context.waker());
        match watched.verdict() {
            Some(Verdict::Drop) => Poll::Ready(()),
            _ => line.poll_discard(context),
        }
    })
    .await;
}

/// A connection of a gateway protocol.
struct Gateway<I: Transport, P: Protocol> {
    shared: Arc<Shared<I, P>>,
    watched: Arc<Watched>,
    /// The body that is being made while it is sent.
    pulling: Option<Pulling<I, P>>,
    parted: Option<Arc<dyn Awaited>>,
}

impl<I: Transport, P: Protocol> Gateway<I, P> {
    /// Lets go of the connection: who waits for it learns so.
    fn end(&mut self) -> Turn {
        let mut line = self.shared.line();
        if line.is_sending() || !line.running.is_empty() {
            line.depart();
        }
        drop(line);
        self.pulling = None;
        Turn::Over
    }

    /// Lets a body be made by itself, so that it holds up nobody.
    fn release(&mut self) {
        if let Some(pulling) = self.pulling.take() {
            self.shared.server.tasks.spawn(Box::pin(pulling.run()));
        }
    }
}

impl<I: Transport, P: Protocol> Machine for Gateway<I, P> {
    fn turn(&mut self, context: &mut Context<'_>) -> Turn {
        if self.watched.verdict() == Some(Verdict::Drop) {
            self.shared.line().depart();
            return self.end();
        }
        let lent = self.shared.seat.lent();
        for _ in 0..AT_ONCE {
            let mut line = self.shared.line();
            line.woken_by(context.waker());
            match line.step(context, self.pulling.is_some() && !lent) {
                Step::Event(event) => {
                    let Some(ready) = self.shared.take(&mut line, event) else { continue };
                    let shared = line.is_shared();
                    drop(line);
                    if let Some(pulling) = self.shared.call(ready, shared) {
                        self.pulling = Some(pulling);
                    }
                }
                Step::Sent => {
                    drop(line);
                    if self.pulling.as_mut().is_some_and(|pulling| !pulling.step()) {
                        self.pulling = None;
                    }
                }
                Step::Waits => {
                    let shared = line.is_shared();
                    drop(line);
                    if shared {
                        self.release();
                        if self.parted.is_some() {
                            // Others have to be able to wake whoever polls.
                            self.rejoin();
                            return Turn::Again;
                        }
                    }
                    return Turn::Waits;
                }
                Step::Over => {
                    drop(line);
                    return self.end();
                }
            }
        }
        Turn::Again
    }

    fn part(&mut self) -> (Option<Arc<dyn Awaited>>, Option<Wanted>) {
        let mut line = self.shared.line();
        if self.parted.is_none() && !line.is_shared() {
            self.parted = line.part();
        }
        (self.parted.clone(), line.wanted())
    }

    fn parted(&self) -> bool {
        self.parted.is_some()
    }

    fn rejoin(&mut self) {
        self.parted = None;
        self.shared.line().rejoin();
    }

    fn woken_by(&mut self, waker: &Waker) {
        self.shared.line().woken_by(waker);
    }

    fn is_over_soon(&self) -> bool {
        self.watched.verdict() == Some(Verdict::Close)
    }

    fn leave(&mut self, stage: Stage) -> bool {
        let mut line = self.shared.line();
        line.leave();
        // Whoever has just connected is about to say why.
        (line.is_idle() && line.calls > 0) || stage >= Stage::Closing
    }

    fn stop(&mut self) {
        let mut line = self.shared.line();
        line.closing = true;
        line.wake();
    }

    fn outcome(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
