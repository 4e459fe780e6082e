//! Where the GIL is taken, kept and let go, and where errors cross between Rust and Python.

use std::{
    cell::RefCell,
    fmt,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::Poll,
};

use bytes::Bytes;
use narthex_core::{Capability, Error, Exchange, Journal, Level, RequestHead, Result, poll_once};
use pyo3::{
    create_exception,
    exceptions::{PyBaseException, PyConnectionError, PyOSError, PyRuntimeError},
    ffi::{
        Py_IsInitialized, PyEval_RestoreThread, PyEval_SaveThread, PyGILState_Ensure,
        PyGILState_Release, PyGILState_STATE, PyThreadState,
    },
    intern,
    prelude::*,
    types::{PyDict, PyString},
};

use crate::calls;

create_exception!(
    narthex,
    Disconnected,
    PyConnectionError,
    "The client went away before it had its whole response."
);
create_exception!(
    narthex,
    ProtocolError,
    PyRuntimeError,
    "The application broke a rule of HTTP or of its interface."
);
create_exception!(
    narthex,
    BadRequest,
    PyOSError,
    "The client's message was refused; `status` is what it is answered."
);

/// Runs one transport operation for Python code. The GIL is let go only if it has to wait.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    exchange: &Exchange,
    operation: impl Future<Output = Result<T>> + Send,
) -> PyResult<T> {
    let _pause = calls::pause();
    let mut operation = pin!(operation);
    if !exchange.capabilities().has(Capability::Blocking)
        && let Poll::Ready(result) = poll_once(operation.as_mut())
    {
        return result.map_err(to_python);
    }
    py.detach(|| exchange.wait(operation)).map_err(to_python)
}

/// The Python exception that an error of the core is: the one table.
pub(crate) fn to_python(error: Error) -> PyErr {
    match error {
        Error::Disconnected => Disconnected::new_err("client disconnected"),
        Error::Refused(status, reason) => {
            Python::attach(|py| {
                let error = BadRequest::new_err((0, reason));
                // An exception instance takes attributes; if it does not, it is still the error.
                let _ = error.value(py).setattr(intern!(py, "status"), status.as_u16());
                error
            })
        }
        Error::Application(rule) => ProtocolError::new_err(rule.into_owned()),
        Error::Io(error) => error.into(),
        error => PyRuntimeError::new_err(error.to_string()),
    }
}

/// What becomes of an exception that reached the server: it is logged, with its traceback.
///
/// A client that went away or broke its own request is no failure of the application's.
pub(crate) fn failed(
    py: Python<'_>,
    error: &PyErr,
    request: &RequestHead,
    journal: &dyn Journal,
) -> Error {
    if error.is_instance_of::<Disconnected>(py) {
        return Error::Disconnected;
    }
    if error.is_instance_of::<BadRequest>(py)
        && let Ok(status) = error.value(py).getattr(intern!(py, "status"))
        && let Ok(status) = status.extract::<u16>()
        && let Ok(status) = http::StatusCode::from_u16(status)
    {
        return Error::Refused(status, "request body refused");
    }
    journal.write_about(Level::Error, request, &Failure { py, error, request });
    Error::Reported
}

/// An exception with its traceback, and the request it happened in.
struct Failure<'a, 'py> {
    py: Python<'py>,
    error: &'a PyErr,
    request: &'a RequestHead,
}

impl fmt::Display for Failure<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.request.target();
        write!(f, "application failed ({} {})", self.request.method, target.escape_ascii())?;
        match traceback(self.py, self.error) {
            Ok(text) => write!(f, "\n{}", text.trim_end()),
            // A traceback that cannot be made must not hide the error.
            Err(_) => write!(f, "\n{}", self.error),
        }
    }
}

/// The exception with its traceback, which before Python 3.12 is kept beside it.
fn with_traceback(py: Python<'_>, error: &PyErr) -> Py<PyBaseException> {
    error.clone_ref(py).into_value(py)
}

/// The traceback as Python prints it.
pub(crate) fn traceback(py: Python<'_>, error: &PyErr) -> PyResult<String> {
    let lines = py
        .import(intern!(py, "traceback"))?
        .call_method1(intern!(py, "format_exception"), (with_traceback(py, error),))?;
    let text = PyString::new(py, "").call_method1(intern!(py, "join"), (lines,))?;
    // Lone surrogates cannot be UTF-8.
    let bytes = text.call_method1(intern!(py, "encode"), ("utf-8", "backslashreplace"))?;
    Ok(String::from_utf8_lossy(bytes.extract()?).into_owned())
}

/// The page that shows a failure to its developer; `None` when it cannot be made.
pub(crate) fn error_page(
    py: Python<'_>,
    error: &PyErr,
    request: &RequestHead,
    backend: &str,
) -> Option<Bytes> {
    let facts = PyDict::new(py);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let page = || -> PyResult<Bytes> {
        facts.set_item("method", request.method.as_str())?;
        facts.set_item("target", text(&request.target()))?;
        facts.set_item("protocol", request.protocol())?;
        for (name, value) in &request.headers {
            facts.set_item(format!("header {name}"), text(value.as_bytes()))?;
        }
        let page = py
            .import(intern!(py, "narthex._debug"))?
            .call_method1(intern!(py, "page"), (with_traceback(py, error), &facts, backend))?;
        Ok(Bytes::copy_from_slice(page.extract()?))
    };
    page().ok()
}

/// Whether the client of `request` is on this machine, as far as that can be known: behind a proxy
/// on this machine every client looks local.
pub(crate) fn is_local(request: &RequestHead) -> bool {
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let relayed = request.connection.relayed;
    if relayed || forwarded.iter().any(|name| request.headers.contains_key(*name)) {
        return false;
    }
    std::str::from_utf8(&request.connection.client.host)
        .ok()
        .and_then(|host| host.parse::<core::net::IpAddr>().ok())
        .is_some_and(|address| address.is_loopback())
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Whether the process is about to end.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// Has threads that end from now on leave their states as they are: the process is about to end, be it
/// within a signal handler on the very thread that has the GIL. May be called there.
#[cfg(feature = "apache")]
pub(crate) fn leave_thread_states() {
    LEAVING.store(true, Relaxed);
}

/// A thread's Python state, for as long as the thread lives.
struct Kept(*mut PyThreadState);

/// Gives the calling thread a Python thread state for life.
///
/// Without it every [`Python::attach`] on a thread that Python does not know would make and
/// destroy one: 285 ns instead of 45.
#[expect(unsafe_code, reason = "the thread state outlives the call that made it")]
pub(crate) fn keep_thread_state() {
    KEPT.with_borrow_mut(|kept| {
        kept.get_or_insert_with(|| {
            // SAFETY: the interpreter is initialised, since this code lives in an extension module
            // that it has loaded. Ensure makes and enters a state for this thread, SaveThread
            // leaves it and lets the GIL go; its release is left to `Kept`.
            unsafe {
                PyGILState_Ensure();
                Kept(PyEval_SaveThread())
            }
        });
    });
}

impl Drop for Kept {
    #[expect(unsafe_code, reason = "gives back what `keep_thread_state` made")]
    fn drop(&mut self) {
        // SAFETY: runs on the thread that made the state, at its end, when nothing of ours is
        // attached. After the interpreter is gone there is nothing to give back.
        unsafe {
            if Py_IsInitialized() != 0 && !LEAVING.load(Relaxed) {
                PyEval_RestoreThread(self.0);
                PyGILState_Release(PyGILState_STATE::PyGILState_UNLOCKED);
            }
        }
    }
}
