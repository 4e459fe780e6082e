//! What an application can ask about the backend that it runs under.

use narthex_core::{Capabilities, Capability};
use pyo3::{prelude::*, types::PyFrozenSet};

/// The backend that carries a transaction.
#[pyclass(frozen, module = "narthex._narthex")]
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) backend: &'static str,
    pub(super) set: Capabilities,
}

#[pymethods]
impl Backend {
    /// Its name, as on the command line.
    #[getter]
    fn name(&self) -> &'static str {
        self.backend
    }

    /// The names of what it can do.
    #[getter]
    fn capabilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyFrozenSet>> {
        PyFrozenSet::new(py, self.set.iter().map(Capability::name))
    }

    fn __repr__(&self) -> String {
        format!("<Backend {}>", self.backend)
    }
}
