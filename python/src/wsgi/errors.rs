//! `wsgi.errors`: text for the server's log.

use pyo3::prelude::*;

use crate::journal::write_all;

/// Writes to standard error, which every backend leads to its log.
///
/// Not Python's `sys.stderr`: applications replace that one.
#[pyclass(frozen, module = "narthex", name = "errors")]
pub(super) struct Errors;

#[pymethods]
impl Errors {
    /// Writes text; a line that is whole goes out at once.
    #[pyo3(signature = (text, /))]
    #[expect(clippy::unused_self, reason = "a method of a file")]
    fn write(&self, py: Python<'_>, text: &str) -> usize {
        let bytes = text.as_bytes();
        // A log that cannot be written to must not fail the request.
        py.detach(|| {
            let _ = narthex_adapters::with_errors(|errors| write_all(errors, bytes));
        });
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
