//! How far the response of a transaction has got, and what of it has not been sent.

use std::io;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use narthex_core::ResponseHead;
use pyo3::prelude::*;

use super::{
    gathered::{Gathered, LIMIT},
    piece::Kind,
};
use crate::seam::ProtocolError;

/// The response of a transaction.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Status and fields; read-only once started.
    pub(super) head: ResponseHead,
    /// What has been written and not sent.
    pub(super) body: Gathered,
    kind: Option<Kind>,
    phase: Phase,
    /// The handler has ended: whoever kept the transaction can write no more.
    ended: bool,
}

/// Where a response stands, as its application sees it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Phase {
    /// Head and body can still be changed.
    #[default]
    Open,
    /// The head is out of the application's hands; the body is gathered.
    Started,
    /// The same, and each piece of body is sent at once.
    Direct,
}

/// A page in place of what an application wrote.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
}

impl Page {
    /// A page of plain text.
    pub(super) fn plain(text: &str) -> Self {
        Self { content_type: Kind::Text.content_type(), body: format!("{text}\n").into() }
    }

    /// A page for the developer.
    pub(super) fn html(body: Bytes) -> Self {
        Self { content_type: HeaderValue::from_static("text/html; charset=utf-8"), body }
    }
}

impl Output {
    /// The head, to be changed.
    pub(super) fn open_head(&mut self) -> PyResult<&mut ResponseHead> {
        self.require_open()?;
        Ok(&mut self.head)
    }

    /// Whether the head is out of the application's hands.
    pub(super) fn started(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Whether what was written has to be sent now.
    pub(super) fn due(&self) -> bool {
        self.phase == Phase::Direct || self.body.len() > LIMIT
    }

    /// Appends a piece of body.
    pub(super) fn push(&mut self, kind: Kind, chunk: Bytes) -> PyResult<()> {
        self.require_running()?;
        self.kind.get_or_insert(kind);
        Ok(self.body.push(chunk)?)
    }

    /// Gives the head away; `None` where that has happened.
    pub(super) fn start(&mut self) -> PyResult<Option<ResponseHead>> {
        self.require_running()?;
        if self.started() {
            return Ok(None);
        }
        self.phase = Phase::Started;
        self.complete();
        // The application may look at it afterwards.
        Ok(Some(self.head.clone()))
    }

    /// Sends from now on what is written at once.
    pub(super) fn go_direct(&mut self) {
        if self.phase == Phase::Started {
            self.phase = Phase::Direct;
        }
    }

    /// Completes the head by the content type of what has been written.
    fn complete(&mut self) {
        let headers = &mut self.head.headers;
        match self.kind {
            // Most heads are like that: a copy costs less than an insertion.
            Some(kind) if headers.is_empty() => *headers = kind.head().clone(),
            Some(kind) => {
                headers.entry(CONTENT_TYPE).or_insert_with(|| kind.content_type());
            }
            None => {}
        }
    }

    /// Takes the head and the body at the end of the handler.
    pub(super) fn take(&mut self) -> (ResponseHead, Gathered) {
        if !self.started() {
            self.phase = Phase::Started;
            self.complete();
        }
        (std::mem::take(&mut self.head), std::mem::take(&mut self.body))
    }

    /// Drops head and body.
    pub(super) fn reset(&mut self) -> PyResult<()> {
        self.require_open()?;
        *self = Self::default();
        Ok(())
    }

    /// Drops what has been written.
    pub(super) fn drop_body(&mut self) -> PyResult<()> {
        self.require_open()?;
        self.body = Gathered::default();
        self.kind = None;
        Ok(())
    }

    /// Replaces all that has been set and written by `page`.
    pub(super) fn replace(&mut self, status: StatusCode, page: Page) -> io::Result<()> {
        *self = Self { head: ResponseHead::new(status), ..Self::default() };
        self.head.headers.insert(CONTENT_TYPE, page.content_type);
        self.body.push(page.body)
    }

    /// Refuses all that comes from now on.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    fn require_open(&self) -> PyResult<()> {
        self.require_running()?;
        if self.started() {
            return Err(ProtocolError::new_err("the head of the response has been sent"));
        }
        Ok(())
    }

    fn require_running(&self) -> PyResult<()> {
        if self.ended {
            return Err(ProtocolError::new_err("the response has ended"));
        }
        Ok(())
    }
}
