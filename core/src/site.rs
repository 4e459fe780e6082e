//! What every backend is given: the application, and how its requests are to be treated.

use std::{fmt, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    Arrival, Error, Fault, Handler, Journal, Level, Limits, ProxyHeaders, RequestHead, RequestId,
    Result, Silent, Timeouts, Trust, head::REQUEST_ID, rules,
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
    /// Where the application is mounted, if that has been told. A gateway says so with each
    /// request, and is not asked where this is given; elsewhere the application is at the root.
    pub mount: Option<Bytes>,
    /// The peers that are believed what they say of their clients.
    pub trust: Trust,
    /// The fields by which those peers say it.
    pub proxy_headers: ProxyHeaders,
    /// The field of a response that says which request it answers.
    pub request_id_field: Option<HeaderName>,
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
            mount: None,
            trust: Trust::default(),
            proxy_headers: ProxyHeaders::default(),
            request_id_field: None,
        }
    }

    /// Where the application is mounted, on backends that are not told so with each request.
    #[must_use]
    pub fn mount_point(&self) -> Bytes {
        self.mount.clone().unwrap_or_default()
    }

    /// Notes that `request` has arrived, `earlier` others having come before it on its connection.
    ///
    /// Called while its client still is the peer, whom to believe its name is a question of trust.
    pub fn arrived(&self, request: &mut RequestHead, earlier: u32) {
        request.arrival = Arrival::new(self.journal.wants_access().then(Instant::now), earlier);
        if !self.trust.is_empty()
            && let Some(name) = request.headers.get(REQUEST_ID)
        {
            request.arrival.named = RequestId::given(name.as_bytes()).is_some()
                && self.trust.trusts(&request.connection.client);
        }
    }

    /// Counts a connection in the figures, until what is returned is dropped.
    #[must_use]
    pub fn connected(self: &Arc<Self>) -> Connected {
        let metrics = self.journal.metrics();
        Connected(metrics.map(|metrics| {
            metrics.accepted();
            Arc::clone(self)
        }))
    }

    /// Says in the fields of a response which request it answers, where that is wanted.
    pub fn name_request(&self, request: &RequestHead, headers: &mut HeaderMap) {
        if let Some(field) = &self.request_id_field
            && let Some(id) = request.id()
            && let Ok(id) = HeaderValue::from_str(id.as_str())
        {
            headers.entry(field).or_insert(id);
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
        if level == Level::Info
            && let Some(metrics) = self.journal.metrics()
        {
            metrics.refused();
        }
        let report = Report { error, request };
        match request {
            Some(request) => self.journal.write_about(level, request, &report),
            None => self.journal.write(level, &report),
        }
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

/// A connection in the figures, where there are any.
#[derive(Debug)]
pub struct Connected(Option<Arc<Site>>);

impl Drop for Connected {
    fn drop(&mut self) {
        if let Some(metrics) = self.0.as_ref().and_then(|site| site.journal.metrics()) {
            metrics.closed();
        }
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
