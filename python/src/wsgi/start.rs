//! `start_response` and the `write` it returns (PEP 3333).

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use narthex_core::{Exchange, ResponseHead};
use pyo3::{
    exceptions::{PyAssertionError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyList, PyString, PyTuple},
};

use super::{fields::field, hot, output::is_whole};
use crate::{
    hold::hold,
    seam::{to_python, wait},
    spool::Spool,
};

/// The state of one response, and the callable that applications start it with.
#[pyclass(frozen, module = "narthex", name = "start_response")]
pub(super) struct Start {
    /// Where the response goes at once; without one it is gathered for the transport to take.
    exchange: Option<Arc<Exchange>>,
    /// The caller's thread is one that would have to send what is written.
    inline: bool,
    // Locked for moments only, and never while Python code may run.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    head: Option<ResponseHead>,
    /// The head can no longer be replaced.
    sent: bool,
    /// What `write` was given when there was no exchange to give it to.
    written: Option<Spool>,
    /// The body went out in pieces while it was made.
    pushed: bool,
}

impl Start {
    /// For a response that the transport takes when it is there.
    pub(super) fn gathering() -> Self {
        Self { exchange: None, inline: true, state: Mutex::default() }
    }

    /// For a response that is sent while it is made; `inline` on a thread that would send it.
    pub(super) fn streaming(exchange: Arc<Exchange>, inline: bool) -> Self {
        Self { exchange: Some(exchange), inline, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        hold(&self.state)
    }

    /// Takes the head to send it; from now on it cannot be replaced.
    ///
    /// `None`: it has been taken before.
    pub(super) fn take_head(&self) -> PyResult<Option<ResponseHead>> {
        let mut state = self.state();
        if state.sent {
            return Ok(None);
        }
        let head = state.head.take();
        state.sent = head.is_some();
        let missing = "start_response was not called before the body";
        head.map(Some).ok_or_else(|| PyAssertionError::new_err(missing))
    }

    /// Takes the head if it has not gone and `piece` is all of the body it declares.
    pub(super) fn take_whole(&self, piece: Option<&Bytes>) -> PyResult<Option<ResponseHead>> {
        let whole = self.state().head.as_ref().is_some_and(|head| is_whole(head, piece));
        if whole { self.take_head() } else { Ok(None) }
    }

    /// What `write` gathered.
    pub(super) fn take_written(&self) -> Option<Spool> {
        self.state().written.take()
    }

    /// Whether the body went out in pieces while it was made.
    pub(super) fn pushed(&self) -> bool {
        self.state().pushed
    }

    /// Sends a piece of the body, and the head before it where that has not gone yet.
    pub(super) fn send(&self, py: Python<'_>, exchange: &Exchange, chunk: Bytes) -> PyResult<()> {
        if let Some(head) = self.take_head()? {
            wait(py, exchange, exchange.start(head))?;
        }
        wait(py, exchange, exchange.write(chunk))?;
        self.state().pushed = true;
        if self.inline {
            // The next piece may be long in coming, and until then nobody would send this one.
            wait(py, exchange, exchange.flush())?;
        }
        Ok(())
    }
}

#[pymethods]
impl Start {
    /// Sets status and headers; returns the `write` callable.
    #[pyo3(signature = (status, headers, exc_info = None, /))]
    fn __call__(
        slf: &Bound<'_, Self>,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        exc_info: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Write> {
        let this = slf.get();
        let (started, sent) = {
            let state = this.state();
            (state.head.is_some() || state.sent, state.sent)
        };
        match exc_info.filter(|info| !info.is_none()) {
            // The head is out: all that is left is to let the exception end the response.
            Some(info) if sent => return Err(exception(&info)?),
            None if started => {
                return Err(PyAssertionError::new_err(
                    "start_response was called a second time without exc_info",
                ));
            }
            _ => {}
        }
        let head = head(status, headers)?;
        this.state().head = Some(head);
        Ok(Write(slf.clone().unbind()))
    }
}

/// The `write` callable.
#[pyclass(frozen, module = "narthex", name = "write")]
pub(super) struct Write(Py<Start>);

#[pymethods]
impl Write {
    /// Sends a piece of the body before the application returns.
    #[pyo3(signature = (data, /))]
    fn __call__(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let start = self.0.get();
        start.state().pushed = true;
        let data = data.cast::<PyBytes>().map_err(|_| not_bytes("write() takes", data))?;
        match &start.exchange {
            Some(exchange) if data.as_bytes().is_empty() => {
                // Nothing to send, but the head is due.
                match start.take_head()? {
                    Some(head) => wait(py, exchange, exchange.start(head)),
                    None => Ok(()),
                }
            }
            Some(exchange) => start.send(py, exchange, bytes(data)),
            None => {
                let mut state = start.state();
                state.sent |= !data.as_bytes().is_empty();
                let written = state.written.get_or_insert_with(Spool::default);
                written.push(data.as_bytes()).map_err(|error| to_python(error.into()))
            }
        }
    }
}

impl Start {
    /// The head, wherever it is; for answers that `write` has begun.
    pub(super) fn take_answer_head(&self) -> PyResult<ResponseHead> {
        let mut state = self.state();
        state.sent = true;
        state.head.take().ok_or_else(|| PyAssertionError::new_err("start_response was not called"))
    }
}

/// The bytes of a Python object: copied when small, borrowed when that is cheaper.
pub(crate) fn bytes(data: &Bound<'_, PyBytes>) -> Bytes {
    /// Below this a copy costs less than keeping the object alive.
    const COPIED: usize = 4096;
    let slice = data.as_bytes();
    if slice.len() < COPIED {
        Bytes::copy_from_slice(slice)
    } else {
        Bytes::from_owner(pyo3::pybacked::PyBackedBytes::from(data.clone()))
    }
}

/// What to say of something that should have been bytes.
pub(super) fn not_bytes(what: &str, found: &Bound<'_, PyAny>) -> PyErr {
    let kind = found.get_type();
    let kind = kind.name().map_or_else(|_| "object".into(), |name| name.to_string());
    PyTypeError::new_err(format!("{what} bytes, not {kind}"))
}

/// The exception of an `exc_info` triple.
fn exception(info: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    let info = info.cast::<PyTuple>().map_err(|_| PyTypeError::new_err("exc_info is no tuple"))?;
    Ok(PyErr::from_value(info.get_item(1)?))
}

fn head(status: &Bound<'_, PyAny>, headers: &Bound<'_, PyAny>) -> PyResult<ResponseHead> {
    let (status, reason) = status_line(status)?;
    let mut head = ResponseHead { status, reason, headers: HeaderMap::new() };
    let mut add = |item: Bound<'_, PyAny>| -> PyResult<()> {
        let (name, value) = field(&item)?;
        head.headers.append(name, value);
        Ok(())
    };
    match headers.cast_exact::<PyList>() {
        Ok(list) => list.iter().try_for_each(add)?,
        Err(_) => headers.try_iter()?.try_for_each(|item| add(item?))?,
    }
    Ok(head)
}

fn status_line(status: &Bound<'_, PyAny>) -> PyResult<(StatusCode, Option<Bytes>)> {
    let status =
        status.cast::<PyString>().map_err(|_| PyTypeError::new_err("the status is no str"))?;
    let bad = || PyValueError::new_err(format!("{status:?} is no status such as '200 OK'"));
    let text = hot::bytes_of(status).ok_or_else(bad)?;
    let (code, reason) = match text {
        [_, _, _] => (text, &text[..0]),
        [_, _, _, b' ', reason @ ..] => (&text[..3], reason),
        _ => return Err(bad()),
    };
    if !reason.iter().all(|&byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)) {
        return Err(bad());
    }
    let status = StatusCode::from_bytes(code).map_err(|_| bad())?;
    let usual = status.canonical_reason().unwrap_or_default().as_bytes() == reason;
    let reason = (!usual && text.len() > 3).then(|| Bytes::copy_from_slice(reason));
    Ok((status, reason))
}
