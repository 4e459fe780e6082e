//! Where lines for the log go while a thread answers a request: a web server that starts a program
//! for each request gives each an error stream of its own.

use std::{
    cell::RefCell,
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, Mutex, PoisonError},
};

thread_local! {
    static CURRENT: RefCell<Option<ErrorStream>> = const { RefCell::new(None) };
}

/// The error stream of a request; the process's own when that has ended.
#[derive(Clone, Debug)]
pub struct ErrorStream(Arc<Mutex<Option<Arc<File>>>>);

impl ErrorStream {
    /// That of the request which this thread answers. There is none outside of one, and everywhere
    /// but in the resident process of CGI.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Has `write` write to it.
    pub fn with<T>(&self, write: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        // Not held while writing: what is written to may be full for long.
        let file = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match file {
            Some(file) => write(file.as_fd()),
            None => write(rustix::stdio::stderr()),
        }
    }
}

/// Gives this thread the stream of its request. It is closed when what is returned is dropped,
/// whoever still knows of it.
#[cfg(feature = "cgi")]
pub(crate) fn lend_errors(file: File) -> Lent {
    let stream = ErrorStream(Arc::new(Mutex::new(Some(Arc::new(file)))));
    CURRENT.set(Some(stream.clone()));
    Lent(stream)
}

/// See [`lend_errors`].
#[cfg(feature = "cgi")]
#[derive(Debug)]
#[must_use]
pub(crate) struct Lent(ErrorStream);

#[cfg(feature = "cgi")]
impl Drop for Lent {
    fn drop(&mut self) {
        CURRENT.set(None);
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
