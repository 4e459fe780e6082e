//! The engine: Python applications as handlers, and the command that serves them.

mod adaptive;
mod calls;
mod command;
mod current;
#[cfg(feature = "apache")]
mod embedded;
mod engine;
mod errors;
mod hash;
mod hold;
mod host;
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
        let stream = narthex_adapters::ErrorStream::current();
        py.detach(|| crate::errors::write(stream.as_ref(), bytes));
    }

    #[pymodule_export]
    use crate::{
        current::request_id,
        host::{backend_name, host_ask, host_log, host_request, host_tell},
        wsgi::FileWrapper,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        crate::native::register(module)
    }
}
