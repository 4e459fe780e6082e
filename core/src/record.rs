//! What is noted of a request while it is answered, where anybody wants to know.

use http::HeaderMap;

use crate::{Access, RequestHead, ResponseHead, Site};

/// A line of the access log that is not yet complete, and a request in flight for the figures.
#[derive(Debug)]
pub struct Record {
    /// Status sent.
    pub status: u16,
    /// Bytes of body sent.
    pub bytes: u64,
    /// Bytes of body received.
    pub received: u64,
    /// Whether the response went out whole.
    pub complete: bool,
    pub(crate) fields: Option<HeaderMap>,
}

impl Record {
    /// A record of `request`, if anybody wants it; end it by [`write`](Self::write) or
    /// [`give_up`](Self::give_up).
    #[must_use]
    pub fn begin(site: &Site, request: &RequestHead) -> Option<Self> {
        request.arrival.at?;
        if let Some(metrics) = site.journal.metrics() {
            metrics.began();
        }
        Some(Self { status: 0, bytes: 0, received: 0, complete: false, fields: None })
    }

    /// Notes the head of the response.
    pub fn answered(&mut self, site: &Site, head: &ResponseHead) {
        self.status = head.status.as_u16();
        if site.journal.wants_response() {
            self.fields = Some(head.headers.clone());
        }
    }

    /// Hands the record to the logs.
    pub fn write(&self, site: &Site, request: &RequestHead) {
        let client = &request.connection.client.host;
        let mut access = Access::new(Some(request), client, self.status);
        access.bytes = self.bytes;
        access.received = self.received;
        access.complete = self.complete;
        access.response = self.fields.as_ref();
        site.journal.access(&access);
        self.give_up(site);
    }

    /// Drops the record: another one takes its place.
    pub fn give_up(&self, site: &Site) {
        if let Some(metrics) = site.journal.metrics() {
            metrics.ended();
        }
    }
}
