//! Lets a call drive the connection that it came through.
//!
//! A call that reads or writes may be made on the very thread that would move its bytes. So while a
//! call is being made its connection is lent to it: an operation that has to wait polls the
//! connection itself, and only when the client is what it waits for, waits for the socket. No other
//! thread and no channel between two tasks is involved.

use std::{
    error::Error,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use narthex_core::{Blocking, block_on};
use tokio::task::unconstrained;

#[cfg(feature = "hyper")]
use super::transport::HungUp;
use super::{
    Task,
    driver::Stage,
    transport::{Awaited, Wanted},
};

/// How a connection ended that failed.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A connection as whoever drives it sees it.
pub(crate) trait Machine: Send {
    /// Polls the connection, and sends what it has gathered.
    fn turn(&mut self, context: &mut Context<'_>) -> Turn;

    /// Takes the transport out of the reactor; with what it waits for of its client.
    fn part(&mut self) -> (Option<Arc<dyn Awaited>>, Option<Wanted>);

    /// Whether the transport is out of the reactor.
    fn parted(&self) -> bool;

    /// Gives it back. Where that fails, so does its next operation.
    fn rejoin(&mut self);

    /// Says who is to be woken when something is decided about it from outside.
    fn woken_by(&mut self, waker: &Waker);

    /// Whether it is to end after what it is doing.
    fn is_over_soon(&self) -> bool;

    /// Notes that the server stops; says whether it is to be asked to [`stop`](Self::stop) now.
    fn leave(&mut self, stage: Stage) -> bool;

    /// Asks it to end after its running request.
    fn stop(&mut self);

    /// Whether its client has hung up.
    #[cfg(feature = "hyper")]
    fn hung_up(&self) -> Option<HungUp> {
        None
    }

    /// How it ended.
    fn outcome(&mut self) -> Result<(), Failure>;
}

/// What came of polling a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    /// Nothing can be done until something happens.
    Waits,
    /// It wants to be polled again.
    Again,
    /// The connection has ended.
    Over,
}

/// The place from which one connection is driven.
pub(crate) struct Seat {
    launched: AtomicBool,
    launch: Mutex<Option<(u64, Task)>>,
    lent: AtomicBool,
    waiting: AtomicBool,
    // Held while a call polls the connection, which then never runs any of the application.
    state: Mutex<State>,
    turned: Condvar,
    /// How long a thread waits before it looks what the keeper has decided.
    patience: Duration,
}

#[derive(Default)]
struct State {
    /// The connection, while it is lent.
    machine: Option<Box<dyn Machine>>,
    /// To which request.
    number: u64,
    /// Some thread waits for the socket.
    occupied: bool,
    /// Changes when there is news for other threads of the same call.
    turns: u64,
}

impl Seat {
    /// A seat whose calls look up every `patience`.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            launched: AtomicBool::new(false),
            launch: Mutex::default(),
            lent: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            state: Mutex::default(),
            turned: Condvar::new(),
            patience,
        }
    }

    /// Leaves the call of request `number` to the driver, to be made after this poll.
    pub(crate) fn launch(&self, number: u64, call: Task) {
        *self.launch.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, call));
        self.launched.store(true, Release);
    }

    /// The call that was left to the driver.
    pub(crate) fn launched(&self) -> Option<(u64, Task)> {
        if !self.launched.load(Relaxed) || !self.launched.swap(false, Acquire) {
            return None;
        }
        self.launch.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether a call is being made that waits for something else than its client.
    pub(crate) fn computing(&self) -> bool {
        self.lent() && !self.waiting.load(Relaxed)
    }

    /// Whether a call is being made that may drive the connection.
    pub(crate) fn lent(&self) -> bool {
        self.lent.load(Relaxed)
    }

    /// Whether the client of request `number`, to which the connection is lent, has hung up.
    #[cfg(feature = "hyper")]
    pub(crate) fn hung_up(&self, number: u64) -> Option<HungUp> {
        let state = self.state();
        let machine = state.machine.as_ref().filter(|_| state.number == number);
        machine.and_then(|machine| machine.hung_up())
    }

    /// Runs `work` for request `number` with `machine` lent to it.
    pub(crate) fn lend<R>(
        &self,
        machine: &mut Option<Box<dyn Machine>>,
        number: u64,
        work: impl FnOnce() -> R,
    ) -> R {
        /// Takes the connection back, however the call ends.
        struct Lent<'a>(&'a Seat, &'a mut Option<Box<dyn Machine>>);

        impl Drop for Lent<'_> {
            fn drop(&mut self) {
                let mut state = self.0.state();
                *self.1 = state.machine.take();
                self.0.lent.store(false, Relaxed);
                self.0.tell(&mut state);
            }
        }

        {
            let mut state = self.state();
            state.machine = machine.take();
            state.number = number;
            self.lent.store(true, Relaxed);
        }
        let _lent = Lent(self, machine);
        work()
    }

    /// Runs `operation` of request `number` to its end on this thread, driving the connection.
    pub(crate) fn drive(
        &self,
        number: u64,
        mut operation: Pin<&mut (dyn Future<Output = ()> + Send)>,
        blocking: &dyn Blocking,
    ) {
        let flag = Arc::new(Flag { raised: AtomicBool::new(false), thread: thread::current() });
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        loop {
            let next = freely(&mut context, |context| {
                if operation.as_mut().poll(context).is_ready() {
                    return Next::Done;
                }
                self.turn(number, &flag, context)
            });
            match next {
                Next::Done => return,
                Next::Again => {}
                Next::Wait(wait) => {
                    blocking.block(&mut || wait.wait(&flag, self.patience));
                    let mut state = self.state();
                    state.occupied = false;
                    self.waiting.store(false, Relaxed);
                    self.tell(&mut state);
                }
                Next::Follow(seen) => blocking.block(&mut || self.follow(seen)),
                Next::Elsewhere => {
                    return blocking.block(&mut || block_on(operation.as_mut()));
                }
            }
        }
    }

    /// Polls the connection for request `number`, and says what to do next.
    fn turn(&self, number: u64, flag: &Flag, context: &mut Context<'_>) -> Next {
        let mut state = self.state();
        let State { machine: Some(machine), number: lent, occupied, turns } = &mut *state else {
            return Next::Elsewhere;
        };
        if *lent != number {
            return Next::Elsewhere;
        }
        let turn = machine.turn(context);
        if flag.raised.swap(false, Acquire) {
            return Next::Again;
        }
        match turn {
            Turn::Again => Next::Again,
            Turn::Over => Next::Elsewhere,
            Turn::Waits if *occupied => Next::Follow(*turns),
            Turn::Waits => {
                let parted = machine.parted();
                let (socket, wanted) = machine.part();
                if !parted && socket.is_some() {
                    // What came before it left the reactor wakes nobody.
                    return Next::Again;
                }
                *occupied = true;
                self.waiting.store(true, Relaxed);
                self.tell(&mut state);
                Next::Wait(Wait { socket, wanted })
            }
        }
    }

    /// Waits until the thread that waits for the socket has news.
    fn follow(&self, seen: u64) {
        let state = self.state();
        let waits = |state: &mut State| state.occupied && state.turns == seen;
        drop(self.turned.wait_timeout_while(state, self.patience, waits));
    }

    /// Tells the other threads of a call to look again.
    fn tell(&self, state: &mut State) {
        state.turns += 1;
        self.turned.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next {
    Done,
    Again,
    /// Wait for the socket.
    Wait(Wait),
    /// Wait for the thread that does.
    Follow(u64),
    /// The connection is not this call's to drive: others do.
    Elsewhere,
}

struct Wait {
    socket: Option<Arc<dyn Awaited>>,
    wanted: Option<Wanted>,
}

impl Wait {
    fn wait(&self, flag: &Flag, most: Duration) {
        match (&self.socket, self.wanted) {
            (Some(socket), Some(wanted)) => socket.wait(wanted, most),
            _ if flag.raised.load(Acquire) => {}
            _ => thread::park_timeout(most),
        }
    }
}

/// Notes that it was woken, and wakes the thread that made it.
struct Flag {
    raised: AtomicBool,
    thread: Thread,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.raised.swap(true, Release) && self.thread.id() != thread::current().id() {
            self.thread.unpark();
        }
    }
}

/// Runs `work` without the bounds that tokio sets to one poll of a task.
fn freely<R>(context: &mut Context<'_>, work: impl FnOnce(&mut Context<'_>) -> R) -> R {
    let mut work = Some(work);
    let free = pin!(unconstrained(poll_fn(|context| {
        Poll::Ready(work.take().map(|work| work(context)))
    })));
    match free.poll(context) {
        Poll::Ready(Some(result)) => result,
        _ => unreachable!("ready at its first poll"),
    }
}
