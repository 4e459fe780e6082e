//! `wsgi.errors`: text for the server's log.

use narthex_adapters::ErrorStream;
use pyo3::prelude::*;

use crate::errors;

/// Writes to standard error, which every backend leads to its log.
///
/// Not Python's `sys.stderr`: applications replace that one.
#[pyclass(frozen, module = "narthex", name = "errors")]
#[derive(Default)]
pub(super) struct Errors {
    /// That of its request, where each has its own: other threads may work for it as well.
    stream: Option<ErrorStream>,
}

impl Errors {
    /// For the request that this thread answers, if that has an error stream of its own.
    pub(super) fn of_the_request() -> Option<Self> {
        ErrorStream::current().map(|stream| Self { stream: Some(stream) })
    }
}

#[pymethods]
impl Errors {
    /// Writes text; a line that is whole goes out at once.
    #[pyo3(signature = (text, /))]
    fn write(&self, py: Python<'_>, text: &str) -> usize {
        let bytes = text.as_bytes();
        py.detach(|| errors::write(self.stream.as_ref(), bytes));
        text.chars().count()
    }

    /// Writes several texts.
    #[pyo3(signature = (lines, /))]
    fn writelines(&self, py: Python<'_>, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            self.write(py, line?.extract()?);
        }
        Ok(())
    }

    /// Always false: the log is the server's to close.
    #[getter]
    #[expect(clippy::unused_self, reason = "an attribute of a file")]
    fn closed(&self) -> bool {
        false
    }

    /// The encoding of the log.
    #[getter]
    #[expect(clippy::unused_self, reason = "an attribute of a file")]
    fn encoding(&self) -> &'static str {
        "utf-8"
    }

    /// Does nothing: nothing is held back.
    #[expect(clippy::unused_self, reason = "a method of a file")]
    fn flush(&self) {}
}
