//! `start_response` and the `write` it returns (PEP 3333).

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use narthex_core::{Exchange, ResponseHead};
use pyo3::{
    exceptions::{PyAssertionError, PyTypeError},
    intern,
    prelude::*,
    types::{PyBytes, PyTuple},
};

use super::{fields::Heads, hot, output::is_whole};
use crate::{
    hold::hold,
    seam::{to_python, wait},
    spool::Spool,
};

/// The state of one response. Its method is what applications start it with, itself is the `write`
/// that they are given for it: one object, and one call without a tuple.
#[pyclass(frozen, module = "narthex", name = "write")]
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
    /// What `write` was given when there was no exchange to give it to. A file may be behind it:
    /// who locks it has let go of the GIL, or waits for one that has.
    written: Option<Arc<Mutex<Spool>>>,
    /// The body went out in pieces while it was made.
    pushed: bool,
    /// Heads of earlier responses.
    heads: Option<Box<Heads>>,
}

impl Start {
    /// For a response that the transport takes when it is there.
    pub(super) fn gathering() -> Self {
        Self::new(None, true)
    }

    /// For a response that is sent while it is made; `inline` on a thread that would send it.
    pub(super) fn streaming(exchange: Arc<Exchange>, inline: bool) -> Self {
        Self::new(Some(exchange), inline)
    }

    fn new(exchange: Option<Arc<Exchange>>, inline: bool) -> Self {
        Self { exchange, inline, state: Mutex::default() }
    }

    /// Forgets the response, but not how its head was made.
    fn renew(&self) {
        let mut state = self.state();
        (state.sent, state.pushed) = (false, false);
        let left = (state.head.take(), state.written.take());
        drop(state);
        drop(left);
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
        let written = self.state().written.take()?;
        Some(std::mem::take(&mut *hold(&written)))
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
    fn start_response<'py>(
        slf: Bound<'py, Self>,
        status: &Bound<'py, PyAny>,
        headers: &Bound<'py, PyAny>,
        exc_info: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let this = slf.get();
        // Iterating and the text of an error may run Python code: not under the lock.
        let (started, sent, mut heads) = {
            let mut state = this.state();
            let heads = state.heads.take();
            (state.head.is_some() || state.sent, state.sent, heads)
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
        let head = heads.get_or_insert_default().head(status, headers)?;
        let mut state = this.state();
        state.head = Some(head);
        state.heads = heads;
        drop(state);
        Ok(slf)
    }

    /// Sends a piece of the body before the application returns.
    #[pyo3(signature = (data, /))]
    fn __call__(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.state().pushed = true;
        let data = data.cast::<PyBytes>().map_err(|_| not_bytes("write() takes", data))?;
        match &self.exchange {
            Some(exchange) if data.as_bytes().is_empty() => {
                // Nothing to send, but the head is due.
                match self.take_head()? {
                    Some(head) => wait(py, exchange, exchange.start(head)),
                    None => Ok(()),
                }
            }
            Some(exchange) => self.send(py, exchange, bytes(data)),
            None => {
                let data = data.as_bytes();
                let written = {
                    let mut state = self.state();
                    state.sent |= !data.is_empty();
                    Arc::clone(state.written.get_or_insert_default())
                };
                py.detach(|| hold(&written).push(data)).map_err(|error| to_python(error.into()))
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

/// A response and the callable that applications start it with, for as long as they are used.
pub(super) struct Starting<'py> {
    pub(super) start: Bound<'py, Start>,
    pub(super) callable: Bound<'py, PyAny>,
}

impl<'py> Starting<'py> {
    /// What is to be used for a response.
    pub(super) fn new(py: Python<'py>, start: Start) -> PyResult<Self> {
        let start = Bound::new(py, start)?;
        let callable = start.getattr(intern!(py, "start_response"))?;
        Ok(Self { start, callable })
    }
}

/// Keeps what one gathered response was started with for the next.
#[derive(Default)]
pub(super) struct Spare(Mutex<Option<(Py<Start>, Py<PyAny>)>>);

impl Spare {
    /// Something to start a response with that the transport takes when it is there.
    pub(super) fn take<'py>(&self, py: Python<'py>) -> PyResult<Starting<'py>> {
        let spare = hold(&self.0).take();
        match spare {
            Some((start, callable)) => {
                Ok(Starting { start: start.into_bound(py), callable: callable.into_bound(py) })
            }
            None => Starting::new(py, Start::gathering()),
        }
    }

    /// Takes it back, unless the application still has a part of it.
    pub(super) fn give(&self, starting: Starting<'_>) {
        let Starting { start, callable } = starting;
        // The callable has one reference to the state, and each is ours once.
        if hot::references(&callable) > 1 || hot::references(&start) > 2 {
            return;
        }
        start.get().renew();
        let spare = (start.unbind(), callable.unbind());
        let old = hold(&self.0).replace(spare);
        drop(old); // after the lock: the end of an object may run code
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
