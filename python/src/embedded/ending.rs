//! What applications have to do before the process ends, with a deadline.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
    thread,
};

use narthex_core::{Site, block_on};
use pyo3::prelude::*;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::OwnedFd,
    io::{read, write},
    pipe::{PipeFlags, pipe_with},
};

use super::python;
use crate::{hold::hold, seam};

/// The thread that ends applications, and how it is spoken to.
///
/// It is there from the beginning, and is spoken to by pipes: under prefork a signal handler ends the
/// process, where nothing may be allocated, locked or started, and which may have interrupted the very
/// thread that has the GIL.
struct Ending {
    order: OwnedFd,
    done: OwnedFd,
}

static ENDING: OnceLock<Ending> = OnceLock::new();
static SITES: Mutex<Vec<Arc<Site>>> = Mutex::new(Vec::new());

/// Starts the thread.
///
/// # Errors
/// The system refuses it.
pub(super) fn prepare() -> io::Result<()> {
    let (ordered, order) = pipe_with(PipeFlags::CLOEXEC)?;
    let (done, finished) = pipe_with(PipeFlags::CLOEXEC)?;
    let blocked = python::block_signals();
    thread::Builder::new().name("narthex-end".to_owned()).stack_size(1 << 20).spawn(move || {
        let mut byte = [0];
        while matches!(read(&ordered, &mut byte), Err(error) if error == rustix::io::Errno::INTR) {}
        end_all();
        let _ = write(&finished, b"!");
    })?;
    drop(blocked);
    let _ = ENDING.set(Ending { order, done });
    Ok(())
}

/// Notes an application that is to be ended.
pub(super) fn note(site: &Arc<Site>) {
    hold(&SITES).push(Arc::clone(site));
}

/// Ends what applications have begun, for at most so many milliseconds.
pub(super) fn end(milliseconds: u64) {
    let Some(Ending { order, done }) = ENDING.get() else { return };
    seam::leave_thread_states();
    if write(order, b"!").is_err() {
        return;
    }
    let seconds = i64::try_from(milliseconds / 1000).unwrap_or(i64::MAX);
    let nanoseconds = milliseconds % 1000 * 1_000_000;
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.try_into().unwrap_or(0) };
    // A signal that comes meanwhile wants the end, too.
    let _ = poll(&mut [PollFd::new(done, PollFlags::IN)], Some(&time));
}

fn end_all() {
    let sites = std::mem::take(&mut *hold(&SITES));
    for site in sites {
        block_on(site.handler.end());
    }
    Python::attach(|py| {
        let ended = py.import("narthex._embedded").and_then(|module| module.call_method0("end"));
        if let Err(error) = ended {
            error.display(py);
        }
    });
}
