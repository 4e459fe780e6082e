//! What is served in place of an application that does not start.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use narthex_core::{
    Answer, Ask, Body, Exchange, Handler, Reply, RequestHead, ResponseHead, Result,
};

use crate::seam;

/// Shows why the application does not start to clients on this machine, to others a plain 500.
pub(super) struct StartupPage {
    page: Bytes,
    shown: bool,
}

impl StartupPage {
    /// An application that answers with `page`, if it is to be `shown` at all.
    pub(super) fn new(page: Bytes, shown: bool) -> Self {
        Self { page, shown }
    }

    fn answer(&self, request: &RequestHead) -> Answer {
        if !self.shown || !seam::is_local(request) {
            return Answer::plain(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let mut head = ResponseHead::new(StatusCode::INTERNAL_SERVER_ERROR);
        let fields = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        for (name, value) in fields {
            head.headers.insert(name, HeaderValue::from_static(value));
        }
        Answer::whole(head, self.page.clone())
    }
}

#[async_trait]
impl Handler for StartupPage {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        Reply::Now(self.answer(ask.head))
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let Answer { head, body } = self.answer(exchange.request());
        let body = match body {
            Body::Whole(body) => body,
            Body::Pulled(_) => Bytes::new(),
        };
        exchange.respond(head, body).await
    }
}
