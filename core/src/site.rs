//! What every backend is given: the application, and how its requests are to be treated.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{
    Error, Fault, Handler, Journal, Level, Limits, ProxyHeaders, RequestHead, Result, Silent,
    Timeouts, Trust, rules,
};

/// An application with its limits, timeouts and logs.
#[derive(Clone)]
#[non_exhaustive]
pub struct Site {
    /// The application.
    pub handler: Arc<dyn Handler>,
    /// How much a client may send.
    pub limits: Limits,
    /// How long a client may take.
    pub timeouts: Timeouts,
    /// The logs.
    pub journal: Arc<dyn Journal>,
    /// Where the application is mounted, on backends that are not told so with each request.
    pub mount: Bytes,
    /// The peers that are believed what they say of their clients.
    pub trust: Trust,
    /// The fields by which those peers say it.
    pub proxy_headers: ProxyHeaders,
}

impl Site {
    /// `handler` with the defaults, and no log.
    #[must_use]
    pub fn new(handler: Arc<dyn Handler>) -> Self {
        Self {
            handler,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            journal: Arc::new(Silent),
            mount: Bytes::new(),
            trust: Trust::default(),
            proxy_headers: ProxyHeaders::default(),
        }
    }

    /// Refuses a request that declares more body than allowed, or a malformed length.
    ///
    /// # Errors
    /// [`Error::Refused`] with the status to answer.
    pub fn admit(&self, request: &RequestHead) -> Result<()> {
        match rules::declared_length(&request.headers)? {
            Some(length) if length > self.limits.body_size => Err(Error::BODY_TOO_LARGE),
            _ => Ok(()),
        }
    }

    /// Writes `error` to the log, at the level of whose fault it is.
    pub fn report(&self, error: &Error, request: Option<&RequestHead>) {
        let level = match (error, error.fault()) {
            (Error::Reported, _) => return,
            (Error::Disconnected, _) => Level::Debug,
            (_, Fault::Client) => Level::Info,
            (_, Fault::Application | Fault::Server) => Level::Error,
        };
        self.journal.write(level, &Report { error, request });
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("limits", &self.limits)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// An error, its sources, and the request it happened in, on one line.
struct Report<'a> {
    error: &'a Error,
    request: Option<&'a RequestHead>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let mut source = std::error::Error::source(self.error);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        if let Some(request) = self.request {
            let target = request.target();
            write!(f, " ({} {})", request.method, target.escape_ascii())?;
        }
        Ok(())
    }
}
