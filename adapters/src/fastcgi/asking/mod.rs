//! A request that a blocking thread of a web server has answered by an application: over a Unix
//! socket, one request at a time to a connection.
//!
//! | file | what it does |
//! |---|---|
//! | `line.rs` | a connection that a process has taken on |
//! | `kept.rs` | the connections that a thread keeps |
//! | `exchange.rs` | one request: both bodies at once, so that nobody waits for who waits for him |
//! | `response.rs` | what an application answers, as it comes |
//!
//! # When a request is sent again
//!
//! A process that ends closes connections, and a request may be on its way on one just then. It is sent
//! again, on a connection that a process has just taken on, where nobody can have read it: the system
//! reports unread bytes by `ECONNRESET` (unix(7)), and what is sent in one piece is read in one. So
//! requests that do not fit into one piece go over new connections from the start.

mod exchange;
mod kept;
mod line;
mod response;
#[cfg(test)]
mod tests;

use std::{os::fd::BorrowedFd, time::Duration};

pub use self::{
    exchange::{Desk, Exchange, Failure, Outcome},
    kept::Kept,
    line::{Line, NotTaken},
    response::{BadHead, Head},
};

/// The client of the web server, and the thread that serves it.
pub trait Downstream {
    /// Takes what has arrived of the request's body, without waiting for more.
    ///
    /// # Errors
    /// There is no more to come.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Arrived, NoBody>;

    /// Asks a client that waits for it to send its body (RFC 9110, 10.1.1).
    fn invite(&mut self);

    /// What can be waited for until more of the body has arrived, if there is such a thing.
    fn arriving(&self) -> Option<BorrowedFd<'_>>;

    /// Takes the head of the response: once, and before [`write`](Self::write).
    ///
    /// # Errors
    /// The client has gone.
    fn start(&mut self, head: &Head<'_>) -> Result<(), Departed>;

    /// Sends a piece of the response's body.
    ///
    /// # Errors
    /// The client has gone.
    fn write(&mut self, piece: &[u8]) -> Result<(), Departed>;

    /// Sees to it that what was written reaches the client.
    ///
    /// # Errors
    /// The client has gone.
    fn flush(&mut self) -> Result<(), Departed>;

    /// Whether the client is known to have gone.
    fn departed(&mut self) -> bool;

    /// Takes a line that the application has written to the log.
    fn log(&mut self, line: &[u8]);
}

/// What has come of reading a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrived {
    /// So many bytes, at least one.
    Piece(usize),
    /// There is no more.
    End,
    /// Nothing has arrived for now.
    Nothing,
}

/// Why the rest of a request's body will not come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoBody {
    /// The client has gone.
    Departed,
    /// It is to be answered by this status, such as 413.
    Refused(u16),
}

/// The client has gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Departed;

/// How a request is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// [`RESPONDER`](super::record::RESPONDER) or [`AUTHORIZER`](super::record::AUTHORIZER).
    pub role: u16,
    /// Whether there may be a body.
    pub body: bool,
    /// If the client sends the body only when it is asked to (`Expect: 100-continue`): how long it is
    /// kept waiting, in case that the application answers without the body.
    pub reluctant: Option<Duration>,
    /// How long the client may take for a piece of the body.
    pub client: Duration,
    /// How long the application may say nothing and read nothing; `None`: for ever.
    pub application: Option<Duration>,
}
