//! Why a start failed, as the user is told.

use bytes::Bytes;
use pyo3::{
    exceptions::{PyKeyboardInterrupt, PySystemExit},
    prelude::*,
    types::PyBytes,
};

/// What is said where there is nothing to say.
const INTERRUPTED: &str = "interrupted";

/// Why a start failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// A `narthex._problem.Problem`.
    Problem(Py<PyAny>),
    /// The user stopped it.
    Interrupted,
}

impl Failure {
    /// A failure with a stable code, what is wrong, where, and what to do about it.
    pub(super) fn new(code: &str, title: &str, details: Vec<String>, fixes: Vec<String>) -> Self {
        Python::attach(|py| {
            let problem = py
                .import("narthex._problem")
                .and_then(|module| module.getattr("Problem"))
                .and_then(|class| class.call1((code, title, details, fixes)));
            problem.map_or_else(|error| Self::bare(py, &error), |it| Self::Problem(it.unbind()))
        })
    }

    /// Tells the user, on standard error. Returns the exit status.
    pub(super) fn show(&self, py: Python<'_>) -> PyResult<i32> {
        if matches!(self, Self::Interrupted) {
            return Ok(0);
        }
        eprint!("{}", self.screen(py)?);
        Ok(1)
    }

    /// What the user is shown.
    pub(super) fn screen(&self, py: Python<'_>) -> PyResult<String> {
        let Self::Problem(problem) = self else { return Ok(String::new()) };
        let module = py.import("narthex._problem")?;
        let color = module.call_method0("wants_color")?;
        module.call_method1("render", (problem, color))?.extract()
    }

    /// What the log is told, without colours.
    #[cfg(feature = "apache")]
    pub(super) fn text(&self, py: Python<'_>) -> PyResult<String> {
        let Self::Problem(problem) = self else { return Ok(INTERRUPTED.to_owned()) };
        py.import("narthex._problem")?.call_method1("render", (problem,))?.extract()
    }

    /// The problem in a line.
    pub(super) fn summary(&self, py: Python<'_>) -> PyResult<String> {
        match self {
            Self::Problem(problem) => problem.bind(py).call_method0("summary")?.extract(),
            Self::Interrupted => Ok(INTERRUPTED.to_owned()),
        }
    }

    /// What to do about it.
    pub(super) fn fixes(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        match self {
            Self::Problem(problem) => problem.bind(py).getattr("fixes")?.extract(),
            Self::Interrupted => Ok(Vec::new()),
        }
    }

    /// What a developer's browser shows.
    pub(super) fn page(&self, py: Python<'_>) -> PyResult<Bytes> {
        let Self::Problem(problem) = self else { return Ok(Bytes::new()) };
        let page = py.import("narthex._problem")?.call_method1("page", (problem,))?;
        Ok(Bytes::copy_from_slice(page.cast::<PyBytes>()?.as_bytes()))
    }

    /// For a Python package so broken that not even its errors can be shown.
    fn bare(py: Python<'_>, error: &PyErr) -> Self {
        error.display(py); // `print` would end the process at a SystemExit
        Self::Interrupted
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Python::attach(|py| {
            if error.is_instance_of::<PyKeyboardInterrupt>(py)
                || error.is_instance_of::<PySystemExit>(py)
            {
                return Self::Interrupted;
            }
            if let Ok(problem) = error.value(py).getattr("problem") {
                return Self::Problem(problem.unbind());
            }
            let problem = py
                .import("narthex._start_errors")
                .and_then(|module| module.call_method1("unexpected", (error.value(py),)));
            problem.map_or_else(|error| Self::bare(py, &error), |it| Self::Problem(it.unbind()))
        })
    }
}
