//! What only the host of the application has of a request, for `narthex._host`.

use std::sync::{Arc, OnceLock};

use narthex_core::{Journal, Level};
use pyo3::{prelude::*, types::PyBytes};

/// Where the application runs, and its log.
static PLACE: OnceLock<(&'static str, Arc<dyn Journal>)> = OnceLock::new();

/// Notes where applications run: all of a process run under the same backend.
pub(crate) fn settle(backend: &'static str, journal: &Arc<dyn Journal>) {
    PLACE.get_or_init(|| (backend, Arc::clone(journal)));
}

/// The name of the backend; None while there is none.
#[pyfunction]
pub(crate) fn backend_name() -> Option<&'static str> {
    PLACE.get().map(|(backend, _)| *backend)
}

/// The number of the host's request that this thread answers; None where there is none.
#[pyfunction]
pub(crate) fn host_request() -> Option<u64> {
    request::number()
}

/// What the host says of a matter of the request with that number; None where there is no such thing.
/// Raises `LookupError` where this thread does not answer that request.
#[pyfunction]
#[pyo3(signature = (number, matter, name, /))]
pub(crate) fn host_ask<'py>(
    py: Python<'py>,
    number: u64,
    matter: u32,
    name: &[u8],
) -> PyResult<Option<Vec<Bound<'py, PyBytes>>>> {
    let texts = request::ask(py, number, matter, name)?;
    Ok(texts.map(|texts| texts.iter().map(|text| PyBytes::new(py, text)).collect()))
}

/// Changes a matter of the request with that number; says whether the host did. Raises `LookupError`
/// where this thread does not answer that request.
#[pyfunction]
#[pyo3(signature = (number, matter, name, value, /))]
pub(crate) fn host_tell(
    py: Python<'_>,
    number: u64,
    matter: u32,
    name: &[u8],
    value: &[u8],
) -> PyResult<bool> {
    request::tell(py, number, matter, name, value)
}

/// Writes to the error log.
#[pyfunction]
#[pyo3(signature = (level, text, /))]
pub(crate) fn host_log(py: Python<'_>, level: &str, text: &str) {
    py.detach(|| {
        if request::log(level, text) {
            return;
        }
        if let Some((_, journal)) = PLACE.get() {
            let level = match level {
                "debug" => Level::Debug,
                "warning" => Level::Warning,
                "error" => Level::Error,
                _ => Level::Info,
            };
            journal.write(level, &text);
        }
    });
}

/// The host's request of this thread.
#[cfg(feature = "apache")]
mod request {
    use narthex_abi::Matter;
    use narthex_adapters::apache::Here;
    use pyo3::{exceptions::PyLookupError, prelude::*};

    use crate::embedded;

    pub(super) fn number() -> Option<u64> {
        Here::find().map(|here| here.number())
    }

    fn find(number: u64) -> PyResult<Here> {
        let here = Here::find().filter(|here| here.number() == number);
        here.ok_or_else(|| PyLookupError::new_err("this thread does not answer that request"))
    }

    pub(super) fn ask(
        py: Python<'_>,
        number: u64,
        matter: u32,
        name: &[u8],
    ) -> PyResult<Option<Vec<Vec<u8>>>> {
        find(number)?;
        // Modules of httpd may be asked, which may take their time.
        py.detach(|| Ok(find(number)?.ask(Matter(matter), name)))
    }

    pub(super) fn tell(
        py: Python<'_>,
        number: u64,
        matter: u32,
        name: &[u8],
        value: &[u8],
    ) -> PyResult<bool> {
        py.detach(|| {
            let here = find(number)?;
            Ok(match Matter(matter) {
                Matter::REDIRECT => here.redirect(value),
                matter => here.tell(matter, name, value),
            })
        })
    }

    pub(super) fn log(level: &str, text: &str) -> bool {
        let inside = Here::find().is_some();
        if inside {
            embedded::log(level, text);
        }
        inside
    }
}

/// There is none.
#[cfg(not(feature = "apache"))]
mod request {
    use pyo3::{exceptions::PyLookupError, prelude::*};

    pub(super) fn number() -> Option<u64> {
        None
    }

    pub(super) fn ask(
        _py: Python<'_>,
        _number: u64,
        _matter: u32,
        _name: &[u8],
    ) -> PyResult<Option<Vec<Vec<u8>>>> {
        Err(PyLookupError::new_err("there is no host"))
    }

    pub(super) fn tell(
        _py: Python<'_>,
        _number: u64,
        _matter: u32,
        _name: &[u8],
        _value: &[u8],
    ) -> PyResult<bool> {
        Err(PyLookupError::new_err("there is no host"))
    }

    pub(super) fn log(_level: &str, _text: &str) -> bool {
        false
    }
}
