//! Answers given at once: asked for, checked and accounted for without an [`Exchange`].
//!
//! [`Exchange`]: crate::Exchange

use std::{
    fmt,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::{Ask, Error, Reply, RequestHead, ResponseHead, Result, Site, rules::Outgoing};

/// A response, with its body whole or to be pulled.
#[derive(Debug)]
pub struct Answer {
    /// Status and fields.
    pub head: ResponseHead,
    /// The body.
    pub body: Body,
}

impl Answer {
    /// A whole response.
    #[must_use]
    pub fn whole(head: ResponseHead, body: Bytes) -> Self {
        Self { head, body: Body::Whole(body) }
    }

    /// The plain page that stands in for a response when there is none.
    #[must_use]
    pub fn plain(status: http::StatusCode) -> Self {
        let mut head = ResponseHead::new(status);
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        let text = status.canonical_reason().unwrap_or("Error");
        Self::whole(head, format!("{text}\n").into())
    }
}

/// The body of an [`Answer`].
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Pulled piece by piece, when the transport has room.
    Pulled(Pulled),
}

/// A body that is made while it is sent.
///
/// Dropping it ends it: whatever it holds is let go of then, on any thread.
pub trait Source: Send {
    /// Makes the next piece; `None` at the end. Empty pieces are skipped.
    ///
    /// Called when the transport has room, so a slow client slows it down. It may block, by the
    /// means it was given when it was made.
    fn next(&mut self) -> Result<Option<Bytes>>;

    /// The file that is all of the rest, from where on, and how much of it: a transport may have a
    /// better way than to have it read.
    fn file(&self) -> Option<(&File, u64, u64)> {
        None
    }
}

/// A [`Source`] and what is owed to its head.
pub struct Pulled {
    source: Box<dyn Source>,
    outgoing: Outgoing,
    ended: bool,
}

impl Pulled {
    /// A body to be pulled from `source`.
    #[must_use]
    pub fn new(source: Box<dyn Source>) -> Self {
        Self { source, outgoing: Outgoing::default(), ended: false }
    }

    /// The next piece, never empty; `None` at the end.
    ///
    /// # Errors
    /// The source failed, or the body is not as long as its head says: the connection must be cut.
    pub fn next(&mut self, site: &Site, request: &RequestHead) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let outcome = self.pull(site, request);
        self.ended = !matches!(outcome, Ok(Some(_)));
        outcome
    }

    /// Has `send` send the file that the body is, from where on and how much of it; it says how much
    /// there was. `None` where it is no file, and nothing was done.
    ///
    /// # Errors
    /// As [`next`](Self::next), and those of `send`.
    pub fn send_file(
        &mut self,
        site: &Site,
        request: &RequestHead,
        send: impl FnOnce(&File, u64, u64) -> Result<u64>,
    ) -> Option<Result<u64>> {
        let (file, position, length) = self.source.file()?;
        if self.ended || !self.outgoing.reserve(length) {
            return None;
        }
        self.ended = true;
        Some(send(file, position, length).and_then(|sent| {
            let ended = if sent < length {
                Err(Error::application("the file shrank while it was sent"))
            } else {
                self.outgoing.finish().map(|()| sent)
            };
            ended.inspect_err(|error| site.report(error, Some(request)))
        }))
    }

    fn pull(&mut self, site: &Site, request: &RequestHead) -> Result<Option<Bytes>> {
        if self.outgoing.complete() {
            // Nothing more may be sent, but the rest of the source may be work it counts on.
            return Ok(None);
        }
        loop {
            let next = catch_unwind(AssertUnwindSafe(|| self.source.next()))
                .unwrap_or_else(|_| Err(Error::internal("panic while making the body")))
                .inspect_err(|error| site.report(error, Some(request)))?;
            let Some(chunk) = next else {
                let ended = self.outgoing.finish();
                return ended.inspect_err(|error| site.report(error, Some(request))).map(|()| None);
            };
            let (chunk, broken) = self.outgoing.admit(chunk);
            if let Some(error) = broken {
                site.report(&error, Some(request));
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
            if self.outgoing.complete() {
                return Ok(None);
            }
        }
    }
}

impl fmt::Debug for Pulled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulled").field("outgoing", &self.outgoing).finish_non_exhaustive()
    }
}

/// Asks the application of `site` for an answer at once, and applies the rules of HTTP to it.
///
/// `None`: it wants to be asked through an [`Exchange`](crate::Exchange).
pub fn answer(site: &Site, ask: &Ask<'_>) -> Option<Answer> {
    let reply = catch_unwind(AssertUnwindSafe(|| site.handler.now(ask)));
    let answer = match reply {
        Ok(Reply::Now(answer)) => answer,
        Ok(Reply::Later) => return None,
        Err(_) => {
            site.report(&Error::internal("panic in the application's handler"), Some(ask.head));
            return Some(Answer::plain(http::StatusCode::INTERNAL_SERVER_ERROR));
        }
    };
    let mut answer = ruled(answer, site, ask.head).unwrap_or_else(|error| {
        site.report(&error, Some(ask.head));
        Answer::plain(error.status())
    });
    site.name_request(ask.head, &mut answer.head.headers);
    Some(answer)
}

fn ruled(mut answer: Answer, site: &Site, request: &RequestHead) -> Result<Answer> {
    let mut outgoing = Outgoing::default();
    outgoing.begin(request, &mut answer.head)?;
    match &mut answer.body {
        Body::Whole(body) => {
            if outgoing.bodiless() {
                Outgoing::declare(&mut answer.head, body.len());
                *body = Bytes::new();
            } else if outgoing.declared() {
                let (fitting, broken) = outgoing.admit(std::mem::take(body));
                *body = fitting;
                if let Some(error) = broken {
                    site.report(&error, Some(request));
                }
                if !outgoing.complete() {
                    // Too short: sent as far as it goes, then the connection has to be cut.
                    outgoing.restore(body.len() as u64);
                    answer.body = Body::Pulled(Pulled {
                        source: Box::new(Once(std::mem::take(body))),
                        outgoing,
                        ended: false,
                    });
                }
            }
        }
        Body::Pulled(pulled) => {
            if outgoing.bodiless() {
                answer.body = Body::Whole(Bytes::new());
            } else {
                pulled.outgoing = outgoing;
            }
        }
    }
    Ok(answer)
}

/// A body of one piece.
struct Once(Bytes);

impl Source for Once {
    fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = std::mem::take(&mut self.0);
        Ok((!piece.is_empty()).then_some(piece))
    }
}
