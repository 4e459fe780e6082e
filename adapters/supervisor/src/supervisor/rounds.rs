//! The one loop: whom it waits for, and who wakes it.
//!
//! Everything happens on the thread that calls [`Rounds::go`], which has to be the main one: the system
//! ties the death signal of a child to the thread that started it (prctl(2)).

use std::{
    io::{self, Read, Write},
    ops::ControlFlow,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2},
    iterator::Signals,
};

use crate::{Error, Result};

/// Reaches a loop from other threads.
#[derive(Clone, Debug)]
pub struct Remote {
    sender: Sender<Told>,
    bell: Arc<UnixStream>,
}

/// What a loop is told from outside.
#[derive(Debug)]
pub enum Told {
    /// A signal has come. `SIGCHLD` wakes and is nothing more.
    Signal(i32),
    /// The application is to be loaded anew, for this reason.
    Reload(String),
}

impl Remote {
    /// Asks for a reload, for this reason.
    pub fn reload(&self, reason: String) {
        self.send(Told::Reload(reason));
    }

    fn send(&self, told: Told) {
        // The receiver is gone only when the process is about to end.
        let _ = self.sender.send(told);
        // When it cannot be written to, it is full of bytes that wake as well.
        let _: io::Result<usize> = (&*self.bell).write(&[0]);
    }
}

/// What a loop waits for.
#[derive(Debug, Default)]
pub struct Waits<'a> {
    descriptors: Vec<BorrowedFd<'a>>,
    deadline: Option<Instant>,
}

impl<'a> Waits<'a> {
    /// Until this can be read from.
    pub fn input(&mut self, descriptor: BorrowedFd<'a>) {
        self.descriptors.push(descriptor);
    }

    /// Until then.
    pub fn until(&mut self, deadline: impl IntoIterator<Item = Instant>) {
        self.deadline = self.deadline.into_iter().chain(deadline).min();
    }
}

/// What a loop looks after.
pub trait Charge {
    /// Heeds what it is told.
    fn heed(&mut self, told: Told);

    /// Does what there is to do; says when there will be nothing any more.
    fn turn(&mut self) -> ControlFlow<()>;

    /// Names what the next turn waits for.
    fn waits<'a>(&'a self, waits: &mut Waits<'a>);
}

/// The loop, before it goes round.
#[derive(Debug)]
pub struct Rounds {
    told: Receiver<Told>,
    bed: UnixStream,
}

impl Rounds {
    /// A loop that from now on handles the signals of this process.
    ///
    /// # Errors
    /// The system refuses a socket or a thread.
    pub fn new() -> Result<(Self, Remote)> {
        let failed = || Error::system("the supervisor cannot be set up");
        let (bell, bed) = UnixStream::pair().map_err(failed())?;
        bell.set_nonblocking(true).map_err(failed())?;
        bed.set_nonblocking(true).map_err(failed())?;
        let (sender, told) = mpsc::channel();
        let remote = Remote { sender, bell: Arc::new(bell) };
        catch(remote.clone()).map_err(failed())?;
        Ok((Self { told, bed }, remote))
    }

    /// Goes round until there is nothing to do any more. On the main thread only.
    pub fn go(mut self, charge: &mut dyn Charge) {
        while charge.turn().is_continue() {
            self.wait(charge);
            while let Ok(told) = self.told.try_recv() {
                charge.heed(told);
            }
        }
    }

    /// Sleeps until there is something to do.
    fn wait(&mut self, charge: &dyn Charge) {
        let mut waits = Waits::default();
        waits.input(self.bed.as_fd());
        charge.waits(&mut waits);
        let timeout = waits.deadline.map(|at| {
            // A tick too early would find nothing due, and another follow at once.
            let left = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let polled = waits.descriptors.into_iter();
        let mut polled: Vec<_> =
            polled.map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN)).collect();
        // To be interrupted is to be woken; whoever has something to say is asked in any case.
        let _ = poll(&mut polled, timeout.as_ref());
        let _ = self.bed.read(&mut [0; 64]);
    }
}

/// Hands signals over from a thread of their own.
fn catch(remote: Remote) -> io::Result<()> {
    let mut caught = Signals::new([
        SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGCHLD,
    ])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in caught.forever() {
            remote.send(Told::Signal(signal));
        }
    })?;
    Ok(())
}
