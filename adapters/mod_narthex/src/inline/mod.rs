//! Applications in the child of httpd itself: its library of Python, its engine, and requests given to
//! it on the thread of httpd that serves them.

use crate::{
    httpd::{Level, Request, Server, pool::Pool},
    place::{Outcome, Place},
};

/// What is kept with each application; made empty, and shared by all threads of the child.
#[derive(Debug, Default)]
pub(crate) struct Slot;

/// What is to be begun in a child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning<'a> {
    /// The main server.
    pub(crate) server: Server<'a>,
    /// Ends with the child; `Pool::at_end` for what is to be done then.
    pub(crate) pool: Pool<'a>,
    /// The interpreter of the environment: `/srv/shop/.venv/bin/python`.
    pub(crate) python: &'a str,
}

/// Begins Python in this child. Called once, before there is any other thread, and only if something
/// is configured to run in-process.
///
/// A failure is logged, and each application is then answered by 500.
pub(crate) fn child_init(beginning: &Beginning<'_>) {
    beginning.server.log(Level::Error, "Narthex cannot run applications in httpd yet");
}

/// Answers a request whose place says [`Process::Inline`](crate::place::Process::Inline).
pub(crate) fn answer(request: &Request<'_>, _place: &Place<'_>) -> Outcome {
    request.log(Level::Error, "Narthex cannot run applications in httpd yet");
    Outcome::Status(500)
}
