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

    #[pyfunction]
    fn _serve(
        py: Python<'_>,
        app: Bound<'_, PyAny>,
        bind: String,
        threads: usize,
        backend: String,
    ) -> PyResult<()> {
        use crate::engine::*;
        struct J;
        impl narthex_core::Journal for J {
            fn write(&self, l: narthex_core::Level, m: &dyn std::fmt::Display) {
                if l > narthex_core::Level::Debug {
                    eprintln!("narthex: {}: {m}", l.as_str());
                }
            }
        }
        let b = narthex_adapters::backends().into_iter().find(|b| b.name() == backend).unwrap();
        let mut o = narthex_adapters::Options::default();
        o.binds = vec![bind.parse().unwrap()];
        o.threads = threads;
        o.on_thread_start = Some(thread_start());
        let door = b.open(&o).unwrap();
        for a in door.addresses() {
            eprintln!("narthex: listening on {a}");
        }
        let journal: std::sync::Arc<dyn narthex_core::Journal> = std::sync::Arc::new(J);
        let h = handler(
            app,
            Api::Wsgi,
            AppSettings {
                serialize: false,
                debug: false,
                placement: if std::env::var_os("INLINE").is_some() {
                    Placement::Inline
                } else {
                    Placement::Adaptive
                },
                backend: b.name(),
            },
            journal.clone(),
        )?;
        let mut site = narthex_core::Site::new(h);
        site.journal = journal;
        py.detach(|| {
            door.serve(std::sync::Arc::new(site), &narthex_adapters::Stop::new()).unwrap()
        });
        Ok(())
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
