//! What went wrong while moving one request or its response, and whose fault it was.

use std::{borrow::Cow, error::Error as StdError, fmt, io};

use http::StatusCode;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong while moving one request or its response.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The client went away; stop quietly.
    Disconnected,
    /// The client's message is refused with this status, for this reason.
    Refused(StatusCode, &'static str),
    /// The application broke the response protocol; the text says which rule.
    Application(Cow<'static, str>),
    /// The application failed and has already reported it to the log.
    Reported,
    /// The transport failed.
    Io(io::Error),
    /// A part of the server failed; the text says what.
    Internal(Cow<'static, str>),
}

/// Who caused an [`Error`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The peer that sent the request.
    Client,
    /// The hosted application.
    Application,
    /// This program or the system below it.
    Server,
}

impl Error {
    /// A body longer than [`Limits::body_size`](crate::Limits::body_size).
    pub const BODY_TOO_LARGE: Self =
        Self::Refused(StatusCode::PAYLOAD_TOO_LARGE, "request body too large");

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Disconnected | Self::Refused(..) => Fault::Client,
            Self::Application(_) | Self::Reported => Fault::Application,
            Self::Io(_) | Self::Internal(_) => Fault::Server,
        }
    }

    /// The status a client gets when nothing has been sent yet.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Refused(status, _) => *status,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Builds [`Error::Application`].
    pub fn application(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Application(rule.into())
    }

    /// Builds [`Error::Internal`].
    pub fn internal(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal(what.into())
    }

    /// Builds a 400.
    #[must_use]
    pub const fn bad_request(reason: &'static str) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, reason)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("client disconnected"),
            Self::Refused(status, reason) => {
                write!(f, "refused with {}: {reason}", status.as_u16())
            }
            Self::Application(rule) => write!(f, "application broke the response protocol: {rule}"),
            Self::Reported => f.write_str("application failed"),
            Self::Io(_) => f.write_str("transport error"),
            Self::Internal(what) => write!(f, "internal error: {what}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
        match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected => Self::Disconnected,
            _ => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_a_culprit() {
        assert_eq!(Error::Disconnected.fault(), Fault::Client);
        assert_eq!(Error::application("x").fault(), Fault::Application);
        assert_eq!(Error::from(io::Error::other("x")).fault(), Fault::Server);
        assert_eq!(Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).fault(), Fault::Client);
        assert_eq!(Error::BODY_TOO_LARGE.status(), 413);
    }
}
