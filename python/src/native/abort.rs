//! The exception that ends a handler with an error status.

use http::StatusCode;
use pyo3::{
    exceptions::{PyException, PyValueError},
    prelude::*,
};

/// Ends the handling of a request with an error status.
///
/// What was buffered is dropped, and a plain page with `text` is sent: the phrase that belongs to
/// the status where there is no text. Once the head has been sent, the response is cut instead.
#[pyclass(frozen, subclass, extends = PyException, module = "narthex")]
#[derive(Debug)]
pub(super) struct Abort {
    pub(super) code: StatusCode,
    message: Option<String>,
}

impl Abort {
    /// The text of the page that the client gets.
    pub(super) fn page(&self) -> &str {
        self.message.as_deref().or(self.code.canonical_reason()).unwrap_or("Error")
    }
}

#[pymethods]
impl Abort {
    #[new]
    #[pyo3(signature = (status, text=None))]
    fn new(status: u16, text: Option<String>) -> PyResult<Self> {
        match StatusCode::from_u16(status) {
            Ok(code) if code.is_client_error() || code.is_server_error() => {
                Ok(Self { code, message: text })
            }
            _ => Err(PyValueError::new_err(format!(
                "the status of an error must be from 400 to 599, not {status}"
            ))),
        }
    }

    /// The status that the client gets.
    #[getter]
    fn status(&self) -> u16 {
        self.code.as_u16()
    }

    /// The text that the client gets, or None for the phrase that belongs to the status.
    #[getter]
    fn text(&self) -> Option<&str> {
        self.message.as_deref()
    }

    fn __str__(&self) -> String {
        let phrase = self.code.canonical_reason().unwrap_or("error");
        match &self.message {
            Some(text) => format!("{} {phrase}: {text}", self.code.as_u16()),
            None => format!("{} {phrase}", self.code.as_u16()),
        }
    }
}

/// An [`Abort`] to be raised, or what is wrong with it.
pub(super) fn abort(status: u16, text: Option<String>) -> PyErr {
    PyErr::new::<Abort, _>((status, text))
}
