//! Where what happened is written down: the access log and the error log.

use std::{fmt, time::Duration};

use http::HeaderMap;

use crate::{Metrics, RequestHead};

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
    /// Fields of the response, where [`Journal::wants_response`].
    pub response: Option<&'a HeaderMap>,
    /// Bytes of body sent.
    pub bytes: u64,
    /// Bytes of body received.
    pub received: u64,
    /// From the head's arrival to the last byte handed to the transport.
    pub elapsed: Duration,
    /// Whether the response went out whole.
    pub complete: bool,
}

impl<'a> Access<'a> {
    /// A record, of now; fields are public so that they can be filled in.
    #[must_use]
    pub fn new(request: Option<&'a RequestHead>, client: &'a [u8], status: u16) -> Self {
        Self {
            request,
            client,
            status,
            response: None,
            bytes: 0,
            received: 0,
            elapsed: request.and_then(|it| it.arrival.at).map_or(Duration::ZERO, |it| it.elapsed()),
            complete: true,
        }
    }
}

/// The logs of a server. Implementations never lose a line and never let a client write one.
pub trait Journal: Send + Sync {
    /// Writes a line of the error log.
    fn write(&self, level: Level, message: &dyn fmt::Display);

    /// Writes a line of the error log that concerns `request`.
    fn write_about(&self, level: Level, _request: &RequestHead, message: &dyn fmt::Display) {
        self.write(level, message);
    }

    /// Whether anyone wants [`access`](Self::access) called; asked once a request.
    fn wants_access(&self) -> bool {
        false
    }

    /// Whether anyone wants [`Access::response`].
    fn wants_response(&self) -> bool {
        false
    }

    /// Writes a line of the access log.
    fn access(&self, _access: &Access<'_>) {}

    /// The figures, where anyone wants them; then [`wants_access`](Self::wants_access) is true.
    fn metrics(&self) -> Option<&Metrics> {
        None
    }
}

/// A journal that keeps nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Journal for Silent {
    fn write(&self, _level: Level, _message: &dyn fmt::Display) {}
}
