//! Ending a request from outside, while its application holds it.

use std::{
    fmt::{self, Display},
    sync::{Arc, OnceLock, Weak},
};

use crate::RequestHead;

/// A connection whose requests can be ended by whoever watches the time.
///
/// The application may be called inside the connection's own poll, so nothing here may wait: not
/// for a thread, not for the client, not for a lock that is held while the application runs.
pub trait Expire: Send + Sync {
    /// The number of the request that the application was called for last.
    fn current(&self) -> u64;

    /// Ends a request: 504 if the client has seen nothing of its response, else the connection is
    /// cut. Whatever the application gives afterwards goes nowhere.
    fn expire(&self, overdue: &Overdue) -> Expired;

    /// Tells whoever is in front, if it wants to know, what is written to the error log about the
    /// request that the application was called for last.
    fn tell(&self, _message: &dyn Display) {}
}

/// A request whose application has held it for too long.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Overdue {
    /// Its number, as [`Expire::current`] gave it.
    pub number: u64,
    /// Its response has no body, whatever its head says (HEAD).
    pub bodiless: bool,
    /// The application has given all of its response, and holds on none the less.
    pub whole: bool,
}

impl Overdue {
    /// The request of that number.
    #[must_use]
    pub fn new(number: u64, request: &RequestHead) -> Self {
        Self { number, bodiless: request.method == http::Method::HEAD, whole: false }
    }
}

/// What became of a request that was ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expired {
    /// The client is answered 504.
    Answered,
    /// The connection was cut.
    Cut,
    /// The client has its response, or nobody could reach it.
    Left,
}

/// Where a connection says how its requests are ended. Nothing is kept alive by it.
#[derive(Clone, Default)]
pub struct Expiry(OnceLock<Weak<dyn Expire>>);

impl Expiry {
    /// Says how; the first to say so is heard.
    pub fn set(&self, expire: Weak<dyn Expire>) {
        let _ = self.0.set(expire);
    }

    /// Who ends requests of this connection, while it lives.
    #[must_use]
    pub fn find(&self) -> Option<Arc<dyn Expire>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

impl fmt::Debug for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expiry").field(&self.0.get().is_some()).finish()
    }
}
