//! Loading the application, by way of `narthex._load`.

use pyo3::prelude::*;

use super::{arguments::Application, failure::Failure};
use crate::engine::Api;

/// An application, ready to be called.
pub(super) struct Loaded {
    pub(super) app: Py<PyAny>,
    pub(super) api: Api,
    /// Where it is, as `module:attribute`.
    pub(super) name: String,
    pub(super) notes: Vec<Note>,
}

impl Loaded {
    /// No application, where none is named.
    pub(super) fn nothing(py: Python<'_>) -> Self {
        Self { app: py.None(), api: Api::Transaction, name: String::new(), notes: Vec::new() }
    }
}

/// What was chosen, and why.
pub(super) struct Note {
    pub(super) subject: String,
    pub(super) choice: String,
    pub(super) reason: String,
}

/// Imports the application and finds out how it is called.
///
/// # Errors
/// The application cannot be had.
pub(super) fn load(py: Python<'_>, application: &Application) -> Result<Loaded, Failure> {
    let arguments = (&application.app, &application.app_dir, &application.api);
    let loaded = py.import("narthex._load")?.call_method1("load", arguments)?;
    let api: String = loaded.getattr("api")?.extract()?;
    let notes: Vec<(String, String, String)> = loaded.getattr("notes")?.extract()?;
    Ok(Loaded {
        app: loaded.getattr("app")?.unbind(),
        api: Api::from_name(&api).expect("`_load` gives the name of an API, or fails"),
        name: loaded.getattr("name")?.extract()?,
        notes: notes
            .into_iter()
            .map(|(subject, choice, reason)| Note { subject, choice, reason })
            .collect(),
    })
}
