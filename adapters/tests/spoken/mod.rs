//! A listening backend that does not speak HTTP as a host of the suite.

use narthex_adapters::Backend;
use narthex_conformance::{Dialect, Host, Opened};

use crate::listening::Listening;

/// A backend that is spoken to in `dialect`.
pub(crate) struct Spoken<D> {
    pub(crate) backend: &'static (dyn Backend + Sync),
    pub(crate) dialect: fn() -> D,
}

impl<D: Dialect + 'static> Host for Spoken<D> {
    fn name(&self) -> &'static str {
        self.backend.name()
    }

    fn open(&self, bind: &str) -> Opened {
        let dialect = self.dialect;
        Listening(self.backend).open(bind).spoken_to(move || Box::new(dialect()))
    }
}
