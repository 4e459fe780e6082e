//! Polls a connection, and makes the calls that wait for it.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::atomic::{AtomicU8, Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

use tokio::sync::{Notify, futures::Notified};

use super::{
    Task, Tasks,
    seat::{Failure, Machine, Seat, Turn},
};

/// Tells the connections of a server that it stops.
#[derive(Debug, Default)]
pub(crate) struct Farewell {
    stage: AtomicU8,
    notify: Notify,
}

/// How far the stop of a server has come. A request that arrives before the last stage is answered
/// or, if the connection was being closed, sees a clean end: it can be sent again elsewhere.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Stage {
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
    pub(crate) fn say(&self, stage: Stage) {
        self.stage.store(stage as u8, Relaxed);
        self.notify.notify_waiters();
    }

    /// How far the stop has come.
    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Relaxed) {
            0 => Stage::Serving,
            1 => Stage::Leaving,
            2 => Stage::Closing,
            _ => Stage::Gone,
        }
    }

    /// What is told of the next stage, to be given to [`listen`](Self::listen).
    pub(crate) fn notified(&self) -> Notified<'_> {
        self.notify.notified()
    }

    /// The stage, after making sure that `context` is woken at the next one.
    pub(crate) fn listen<'a>(
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

/// Who polls a connection, and makes the calls that wait for it.
pub(crate) struct Driver<'a> {
    /// Always there, except while it is lent to a call.
    machine: Option<Box<dyn Machine>>,
    call: Option<(u64, Task)>,
    tasks: &'a Tasks,
    seat: &'a Seat,
    farewell: &'a Farewell,
    stage: Stage,
    stopping: bool,
}

impl<'a> Driver<'a> {
    /// Who drives `machine`, whose calls are launched from `seat`.
    pub(crate) fn new(
        machine: Box<dyn Machine>,
        tasks: &'a Tasks,
        seat: &'a Seat,
        farewell: &'a Farewell,
    ) -> Self {
        let (stage, stopping) = (Stage::Serving, false);
        Self { machine: Some(machine), call: None, tasks, seat, farewell, stage, stopping }
    }

    /// Drives the connection to its end.
    ///
    /// # Errors
    /// How the connection failed.
    pub(crate) async fn drive(
        mut self,
        mut notified: Pin<&mut Notified<'a>>,
    ) -> Result<(), Failure> {
        let mut registered = None::<Waker>;
        poll_fn(|context| {
            if registered.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
                registered = Some(context.waker().clone());
                self.machine().woken_by(context.waker());
                self.stage = self.farewell.listen(notified.as_mut(), context);
            } else if self.farewell.stage() != self.stage {
                self.stage = self.farewell.listen(notified.as_mut(), context);
            }
            self.poll(context)
        })
        .await
    }

    /// Goes on until something has to be waited for.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        /// How often a connection may go on in one poll.
        const ROUNDS: usize = 16;

        if self.machine().is_over_soon() {
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
                let stage = self.stage;
                if self.machine().leave(stage) {
                    self.stop();
                    continue;
                }
            }
            if let Some(call) = self.seat.launched() {
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
        let done = self.seat.lend(&mut self.machine, *number, || call.as_mut().poll(context));
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
            self.tasks.spawn(call);
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
