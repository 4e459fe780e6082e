//! The native API: applications that take a `Transaction`.

mod abort;
mod backend;
mod body;
mod fields;
mod gathered;
mod handler;
mod headers;
mod output;
mod piece;
mod pieces;
mod query;
mod request;
mod response;
mod returned;
mod transaction;

use pyo3::{prelude::*, types::PyModule};

use crate::seam;

pub(crate) use handler::Native;

/// Adds the classes of the native API to the extension module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<transaction::Transaction>()?;
    module.add_class::<response::ResponseView>()?;
    module.add_class::<headers::Headers>()?;
    module.add_class::<headers::MutableHeaders>()?;
    module.add_class::<query::Query>()?;
    module.add_class::<body::Body>()?;
    module.add_class::<backend::Backend>()?;
    module.add_class::<abort::Abort>()?;
    module.add("BadRequest", py.get_type::<seam::BadRequest>())?;
    module.add("Disconnected", py.get_type::<seam::Disconnected>())?;
    module.add("ProtocolError", py.get_type::<seam::ProtocolError>())
}
