//! `narthex init`: writes the files that put an application behind a web server.

use pyo3::prelude::*;

use super::{failure::Failure, options::init::Init};

/// Writes them, by way of `narthex._init`. Returns the exit status.
///
/// # Errors
/// They cannot be written, or would not work.
pub(super) fn init(py: Python<'_>, init: &Init) -> Result<i32, Failure> {
    let module = py.import("narthex._init")?;
    let options = module.getattr("Options")?.call((), Some(&init.keywords(py)?))?;
    module.call_method1("write", (options,))?;
    Ok(0)
}
