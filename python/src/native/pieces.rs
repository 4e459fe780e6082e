//! A response body that an application makes while it is sent.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use narthex_core::{Blocking, Error, Result, Source};
use pyo3::{intern, prelude::*, types::PyIterator};

use super::{
    gathered::Gathered,
    handler::Application,
    piece::{self, Kind},
    transaction::Transaction,
};
use crate::{calls::Where, current, turn::Held};

/// An iterator over the rest of a body. It is closed once, whatever becomes of the response.
pub(super) struct Pieces {
    iterator: Option<Py<PyIterator>>,
    transaction: Py<Transaction>,
    application: Arc<Application>,
    /// Kept as long as the application runs in it.
    pub(super) turn: Option<Held>,
}

impl Pieces {
    pub(super) fn new(
        iterator: Bound<'_, PyIterator>,
        transaction: &Bound<'_, Transaction>,
        application: &Arc<Application>,
    ) -> Self {
        Self {
            iterator: Some(iterator.unbind()),
            transaction: transaction.clone().unbind(),
            application: Arc::clone(application),
            turn: None,
        }
    }

    /// Makes the next piece, as the application gives it; `None` at the end.
    pub(super) fn step(&self, py: Python<'_>) -> PyResult<Option<(Kind, Bytes)>> {
        let Some(iterator) = &self.iterator else { return Ok(None) };
        match iterator.bind(py).clone().next() {
            Some(item) => piece::required(&item?, "a body iterator").map(Some),
            None => Ok(None),
        }
    }

    /// Makes the next piece to send, with what was written meanwhile before it.
    ///
    /// It may block, by the means of `blocking`.
    pub(super) fn next(&self, blocking: &dyn Blocking) -> Result<Option<Bytes>> {
        let transaction = self.transaction.get();
        let adaptive = &self.application.adaptive;
        let route = self.application.route(&transaction.head);
        adaptive.call(&route, blocking, || {
            let _call = transaction.enter(route.at());
            Python::attach(|py| self.make(py, transaction))
        })
    }

    fn make(&self, py: Python<'_>, transaction: &Transaction) -> Result<Option<Bytes>> {
        let _stay = current::enter(&transaction.head);
        let step =
            self.step(py).map_err(|error| self.application.failed(py, &error, transaction))?;
        let mut written = std::mem::take(&mut transaction.output().body);
        let step = step.map(|(_, chunk)| chunk);
        if written.len() == 0 {
            return Ok(step);
        }
        let mut all = BytesMut::new();
        while let Some(piece) = written.next()? {
            all.extend_from_slice(&piece);
        }
        all.extend_from_slice(&step.unwrap_or_default());
        Ok(Some(all.freeze()))
    }

    fn close(&mut self, py: Python<'_>) {
        let transaction = self.transaction.get();
        let _stay = current::enter(&transaction.head);
        if let Some(iterator) = self.iterator.take()
            && let Err(error) = close(iterator.bind(py))
        {
            // The response is over one way or the other: what is left is the log.
            self.application.failed(py, &error, transaction);
        }
        transaction.end();
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        let _call = self.transaction.get().enter(Where::Inline);
        Python::attach(|py| self.close(py));
    }
}

/// Calls `close` of an iterator that has one.
fn close(iterator: &Bound<'_, PyIterator>) -> PyResult<()> {
    match iterator.getattr_opt(intern!(iterator.py(), "close"))? {
        Some(close) => close.call0().map(drop),
        None => Ok(()),
    }
}

/// The body of an answer given at once: what was put aside, then what is made, then the failure
/// that it ended with.
pub(super) struct Tail {
    pub(super) body: Gathered,
    pub(super) pieces: Option<Pieces>,
    pub(super) error: Option<Error>,
    pub(super) blocking: Arc<dyn Blocking>,
}

impl Source for Tail {
    fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(piece) = self.body.next()? {
            return Ok(Some(piece));
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match &self.pieces {
            Some(pieces) => pieces.next(&*self.blocking),
            None => Ok(None),
        }
    }
}
