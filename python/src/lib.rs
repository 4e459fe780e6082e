//! The engine: Python applications as handlers, and the command that serves them.

mod adaptive;
mod engine;
mod hash;
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
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
