//! Python stacks without Python's lock: `faulthandler` writes them at a signal.

use std::{
    fs::File,
    io::{Read, Seek},
    os::fd::AsRawFd,
};

use pyo3::{intern, prelude::*};
use rustix::fs::{MemfdFlags, memfd_create};

/// Bytes of a dump that are kept: a hundred threads of a hundred frames are more.
const MOST: u64 = 64 * 1024;

/// A signal of our own, and where its stacks are written.
pub(super) struct Dump {
    /// 0 if there is none to be had.
    signal: i32,
    file: File,
}

impl Dump {
    /// Takes a real-time signal that nobody uses.
    ///
    /// # Errors
    /// There is no memory for a file.
    pub(super) fn new(module: &Bound<'_, PyModule>) -> PyResult<Self> {
        let file = memfd_create("narthex-stacks", MemfdFlags::CLOEXEC)
            .map_err(std::io::Error::from)
            .map(File::from)?;
        let signal = module.call_method1(intern!(module.py(), "register"), (file.as_raw_fd(),))?;
        Ok(Self { signal: signal.extract()?, file })
    }

    /// The stacks of all threads, as they are now.
    pub(super) fn take(&self) -> Option<String> {
        if self.signal == 0 {
            return None;
        }
        let mut file = &self.file;
        file.set_len(0).and_then(|()| file.rewind()).ok()?;
        // To this very thread: it has been handled when this returns, and nobody else's system
        // calls are interrupted by it.
        signal_hook::low_level::raise(self.signal).ok()?;
        file.rewind().ok()?;
        let mut text = Vec::new();
        file.take(MOST).read_to_end(&mut text).ok()?;
        (!text.is_empty()).then(|| String::from_utf8_lossy(&text).into_owned())
    }
}
