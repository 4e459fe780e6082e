//! The engine: Python applications as handlers, and the command that serves them.

mod adaptive;
mod calls;
mod command;
mod current;
mod engine;
mod hash;
mod hold;
mod journal;
mod native;
mod seam;
mod spool;
mod turn;
mod wsgi;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The native half of the Python package.
#[pyo3::pymodule(gil_used = true)]
mod _narthex {
    use std::ffi::OsString;

    use pyo3::prelude::*;

    /// Runs the command with these arguments and returns its exit status.
    #[pyfunction]
    fn main(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<i32> {
        crate::command::main(py, arguments)
    }

    /// Writes bytes to the log of the request that this thread answers, or of the process.
    #[pyfunction]
    #[pyo3(signature = (bytes, /))]
    fn write_errors(py: Python<'_>, bytes: &[u8]) {
        // A log that cannot be written to must not fail whoever prints.
        py.detach(|| {
            let write =
                |errors: std::os::fd::BorrowedFd<'_>| crate::journal::write_all(errors, bytes);
            let _ = narthex_adapters::with_errors(write);
        });
    }

    #[pymodule_export]
    use crate::current::request_id;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        crate::native::register(module)
    }
}
