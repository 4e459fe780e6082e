//! In place of the management bind where it is not compiled in: with no backend that listens.

use std::{io, sync::Arc};

use crate::Source;

/// A bind that nobody can open.
#[derive(Debug)]
pub struct Management(());

impl Management {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn serve<L>(_listener: L, _source: Arc<dyn Source>) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "it is not compiled in"))
    }
}
