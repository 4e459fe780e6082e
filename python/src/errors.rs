//! Where what an application writes for the log goes.

use std::{os::fd::BorrowedFd, sync::OnceLock};

use narthex_adapters::ErrorStream;

use crate::journal::write_all;

/// Takes bytes for the log of a process whose standard error is not its log.
pub(crate) type Writer = fn(&[u8]);

static WRITER: OnceLock<Writer> = OnceLock::new();

/// Has everything written by `writer` from now on; the first to say so is heard.
#[cfg(feature = "apache")]
pub(crate) fn lead_to(writer: Writer) {
    let _ = WRITER.set(writer);
}

/// Writes to the error stream of a request, or to the log of the process. Call it detached from
/// Python.
///
/// A log that cannot be written to fails nobody who writes.
pub(crate) fn write(stream: Option<&ErrorStream>, bytes: &[u8]) {
    if let Some(writer) = WRITER.get() {
        return writer(bytes);
    }
    let write = |errors: BorrowedFd<'_>| write_all(errors, bytes);
    let _ = match stream {
        Some(stream) => stream.with(write),
        None => write(rustix::stdio::stderr()),
    };
}
