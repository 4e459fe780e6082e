//! From a loaded Python object to a handler.

use std::{fmt, sync::Arc};

use narthex_adapters::ThreadStart;
use narthex_core::{Handler, Journal};
use pyo3::prelude::*;

use crate::{calls, host, native::Native, seam, wsgi::Wsgi};

/// How an application is called: the one list of application interfaces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Api {
    /// The common interface: a callable that takes a transaction, or an object with `respond`.
    Transaction,
    /// PEP 3333.
    Wsgi,
}

impl Api {
    /// Every interface.
    pub(crate) const ALL: &'static [Self] = &[Self::Transaction, Self::Wsgi];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Wsgi => "wsgi",
        }
    }

    /// The interface with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|api| api.name() == name)
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where calls into the application are made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Placement {
    /// On the thread that owns the connection, or aside where they have been seen to block.
    #[default]
    Adaptive,
    /// Always on the thread that owns the connection.
    Inline,
    /// Always aside.
    Aside,
}

impl Placement {
    /// Every placement.
    pub(crate) const ALL: &'static [Self] = &[Self::Adaptive, Self::Inline, Self::Aside];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Inline => "inline",
            Self::Aside => "aside",
        }
    }
}

/// How an application is to be run.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting by itself")]
pub(crate) struct AppSettings {
    /// One request at a time.
    pub(crate) serialize: bool,
    /// Errors are shown to clients on this machine.
    pub(crate) debug: bool,
    /// Environs tell which request they are of.
    pub(crate) request_ids: bool,
    /// Where calls into the application are made.
    pub(crate) placement: Placement,
    /// Calls of which nothing is known are made aside: they may never return.
    pub(crate) cautious: bool,
    /// Name of the backend.
    pub(crate) backend: &'static str,
}

/// Wraps `app` as a handler.
///
/// # Errors
/// The object cannot be called by this interface.
pub(crate) fn handler(
    app: Bound<'_, PyAny>,
    api: Api,
    settings: AppSettings,
    journal: Arc<dyn Journal>,
) -> PyResult<Arc<dyn Handler>> {
    host::settle(settings.backend, &journal);
    Ok(match api {
        Api::Wsgi => Arc::new(Wsgi::new(app, settings, journal)),
        Api::Transaction => Arc::new(Native::new(&app, settings, journal)?),
    })
}

/// What each thread that calls Python does first.
pub(crate) fn thread_start() -> ThreadStart {
    Arc::new(|| {
        seam::keep_thread_state();
        calls::thread_started();
    })
}
