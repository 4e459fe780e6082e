//! The body of a request, read as a file is.

use std::sync::Arc;

use bytes::Bytes;
use narthex_core::{Error, Exchange};
use pyo3::{
    exceptions::{PyRecursionError, PyValueError},
    ffi::c_str,
    intern,
    prelude::*,
    types::{PyBytes, PyString},
};

use super::transaction::Transaction;
use crate::hold::hold;
use crate::seam::{self, ProtocolError};

/// Where the body of a transaction comes from.
#[derive(Debug)]
pub(super) enum Link {
    /// It was there before the application was called.
    Whole,
    /// It is read through the exchange.
    Streaming(Arc<Exchange>),
    /// The exchange is over; it must not be kept alive, since its end is what the client sees.
    Ended,
}

/// What has been read of a body and not been asked for.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    pub(super) buffered: Bytes,
    ended: bool,
}

/// The body of a request: read it, read it by lines, or iterate over it as it arrives.
#[pyclass(frozen, module = "narthex._narthex")]
#[derive(Debug)]
pub(super) struct Body(pub(super) Py<Transaction>);

#[pymethods]
impl Body {
    /// Reads `size` bytes, fewer only at the end; all that is left for a negative size.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn read<'py>(&self, py: Python<'py>, size: isize) -> PyResult<Bound<'py, PyBytes>> {
        self.0.get().read_body(py, size)
    }

    /// Reads a line with its end, of at most `size` bytes unless that is negative.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn readline<'py>(&self, py: Python<'py>, size: isize) -> PyResult<Bound<'py, PyBytes>> {
        let limit = usize::try_from(size).unwrap_or(usize::MAX);
        let taken = self.0.get().take_until(py, limit, Some(b'\n'))?;
        Ok(PyBytes::new(py, &taken))
    }

    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let transaction = self.0.get();
        let piece = match transaction.take_buffered(usize::MAX, None) {
            Some((piece, _)) => Some(piece),
            None => transaction.next_piece(py)?,
        };
        Ok(piece.map(|piece| PyBytes::new(py, &piece)))
    }
}

impl Transaction {
    /// Reads `size` bytes, or all that is left for a negative size.
    pub(super) fn read_body<'py>(
        &self,
        py: Python<'py>,
        size: isize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let limit = usize::try_from(size).unwrap_or(usize::MAX);
        Ok(PyBytes::new(py, &self.take_until(py, limit, None)?))
    }

    /// The rest of the body as text.
    pub(super) fn body_text<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let octets = self.read_body(py, -1)?;
        let charset = self.charset();
        let encoding = charset.as_deref().unwrap_or(c_str!("utf-8"));
        PyString::from_encoded_object(&octets, Some(encoding), None).map_err(|error| {
            let refusal =
                seam::to_python(Error::bad_request("the body is not text in its charset"));
            refusal.set_cause(py, Some(error));
            refusal
        })
    }

    /// The rest of the body, read as JSON.
    pub(super) fn body_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let octets = self.read_body(py, -1)?;
        let json = py.import(intern!(py, "json"))?;
        json.call_method1(intern!(py, "loads"), (octets,)).map_err(|error| {
            // Nesting too deep for the parser is no less the client's doing.
            if !error.is_instance_of::<PyValueError>(py)
                && !error.is_instance_of::<PyRecursionError>(py)
            {
                return error;
            }
            let refusal = seam::to_python(Error::bad_request("the body is not JSON"));
            refusal.set_cause(py, Some(error));
            refusal
        })
    }

    /// Takes bytes up to `limit`, or up to and with `stop`, or up to the end.
    fn take_until(&self, py: Python<'_>, limit: usize, stop: Option<u8>) -> PyResult<Bytes> {
        let mut taken: Vec<u8> = Vec::new();
        while taken.len() < limit {
            let Some((piece, complete)) = self.take_buffered(limit - taken.len(), stop) else {
                match self.next_piece(py)? {
                    Some(piece) => hold(&self.incoming).buffered = piece,
                    None => break,
                }
                continue;
            };
            if complete && taken.is_empty() {
                return Ok(piece); // the usual case, which copies nothing
            }
            taken.extend_from_slice(&piece);
            if complete {
                break;
            }
        }
        Ok(taken.into())
    }

    /// Takes from what is buffered, and says whether that is all that was asked for.
    fn take_buffered(&self, limit: usize, stop: Option<u8>) -> Option<(Bytes, bool)> {
        let mut incoming = hold(&self.incoming);
        let found = stop.and_then(|stop| incoming.buffered.iter().position(|&byte| byte == stop));
        let wanted = found.map_or(limit, |position| limit.min(position + 1));
        let size = wanted.min(incoming.buffered.len());
        if size == 0 {
            return None;
        }
        Some((incoming.buffered.split_to(size), size == wanted))
    }

    /// Waits for the next piece; `None` at the end of the body.
    fn next_piece(&self, py: Python<'_>) -> PyResult<Option<Bytes>> {
        let exchange = match &*hold(&self.link) {
            Link::Whole => return Ok(None),
            Link::Streaming(exchange) => Arc::clone(exchange),
            Link::Ended => return Err(ProtocolError::new_err("the response has ended")),
        };
        if hold(&self.incoming).ended {
            return Ok(None);
        }
        let piece = seam::wait(py, &exchange, exchange.read())?;
        hold(&self.incoming).ended = piece.is_none();
        Ok(piece)
    }
}
