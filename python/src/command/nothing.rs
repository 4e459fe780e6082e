//! What is served in place of an application that nobody named.

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use narthex_core::{Answer, Ask, Body, Error, Exchange, Handler, Reply, Result};

/// Has no page.
pub(super) struct Nothing;

#[async_trait]
impl Handler for Nothing {
    fn now(&self, _ask: &Ask<'_>) -> Reply {
        Reply::Now(Answer::plain(StatusCode::NOT_FOUND))
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let Answer { head, body: Body::Whole(body) } = Answer::plain(StatusCode::NOT_FOUND) else {
            return Err(Error::Reported);
        };
        exchange.respond(head, body).await
    }
}
