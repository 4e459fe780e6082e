//! Where what happened is written down: the access log and the error log.

use std::{fmt, time::Duration};

use crate::RequestHead;

/// How grave a line of the error log is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Of use while looking for a fault.
    Debug,
    /// Part of normal service.
    Info,
    /// Handled, but someone may want to know.
    Warning,
    /// A request failed through no fault of its client.
    Error,
}

impl Level {
    /// The level as the log spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One answered request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Access<'a> {
    /// The request; `None` when it was too malformed to have one.
    pub request: Option<&'a RequestHead>,
    /// The client, as far as known when there is no request.
    pub client: &'a [u8],
    /// Status sent.
    pub status: u16,
    /// Bytes of body sent.
    pub bytes: u64,
    /// From the head's arrival to the last byte handed to the transport.
    pub elapsed: Duration,
    /// Whether the response went out whole.
    pub complete: bool,
}

impl<'a> Access<'a> {
    /// A record; fields are public so that they can be filled in.
    #[must_use]
    pub fn new(request: Option<&'a RequestHead>, client: &'a [u8], status: u16) -> Self {
        Self { request, client, status, bytes: 0, elapsed: Duration::ZERO, complete: true }
    }
}

/// The logs of a server. Implementations never lose a line and never let a client write one.
pub trait Journal: Send + Sync {
    /// Writes a line of the error log.
    fn write(&self, level: Level, message: &dyn fmt::Display);

    /// Whether anyone wants [`access`](Self::access) called; asked once a request.
    fn wants_access(&self) -> bool {
        false
    }

    /// Writes a line of the access log.
    fn access(&self, _access: &Access<'_>) {}
}

/// A journal that keeps nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Journal for Silent {
    fn write(&self, _level: Level, _message: &dyn fmt::Display) {}
}
