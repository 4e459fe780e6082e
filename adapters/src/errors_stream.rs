//! Where lines for the log go while a thread answers a request: a web server that starts a program
//! for each request gives each an error stream of its own.

use std::{
    cell::RefCell,
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    rc::Rc,
};

thread_local! {
    static CURRENT: RefCell<Option<Rc<File>>> = const { RefCell::new(None) };
}

/// The stream of the request that this thread answers; the process's own outside of one, and
/// everywhere but in the resident process of CGI.
pub fn with_errors<T>(write: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
    // Not held while writing: what is written to may be full for long.
    let current = CURRENT.with_borrow(Clone::clone);
    match current {
        Some(file) => write(file.as_fd()),
        None => write(rustix::stdio::stderr()),
    }
}

/// Whether the request that this thread answers has a stream of its own.
#[must_use]
pub fn has_errors() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Gives this thread the stream of its request, until what is returned is dropped.
#[cfg(feature = "cgi")]
pub(crate) fn lend_errors(file: File) -> Lent {
    CURRENT.set(Some(Rc::new(file)));
    Lent
}

/// See [`lend_errors`].
#[cfg(feature = "cgi")]
#[derive(Debug)]
#[must_use]
pub(crate) struct Lent;

#[cfg(feature = "cgi")]
impl Drop for Lent {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}
