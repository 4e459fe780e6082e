//! The table by which the host calls the engine.
#![expect(unsafe_code, reason = "what crosses from a host that is no Python")]

use std::{
    ffi::{OsStr, OsString, c_void},
    os::unix::ffi::OsStrExt,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{Arc, OnceLock},
};

use narthex_abi::{
    Application, Beginning, Context, Engine, Level, List, Request, Sink, Status, Text, VERSION,
};
use narthex_adapters::apache::{self, Server, Table};
use pyo3::prelude::*;

use super::{
    ending,
    journal::{self, HostLog},
    python,
};
use crate::{command, seam};

/// The host, once Python has begun.
static TABLE: OnceLock<Table> = OnceLock::new();

static ENGINE: Engine = Engine {
    version: VERSION,
    release: Text::new(env!("CARGO_PKG_VERSION").as_bytes()),
    begin,
    load,
    answer,
    forget,
    end,
};

/// Gives the engine's table to a host that speaks this version; see [`narthex_abi::Entry`].
///
/// # Safety
/// `speaks` is null, or a place for a number.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn narthex_engine(version: u32, speaks: *mut u32) -> *const Engine {
    if version == VERSION {
        return &raw const ENGINE;
    }
    // SAFETY: promised by the caller.
    if let Some(speaks) = unsafe { speaks.as_mut() } {
        *speaks = VERSION;
    }
    ptr::null()
}

unsafe extern "C" fn begin(beginning: *const Beginning<'_>, why: Sink) -> Status {
    // SAFETY: the host gives a structure that is good for the call, and a table that stays.
    let (executable, table) = unsafe {
        let Beginning { executable, host } = &*beginning;
        (executable.bytes(), Table::new(*host))
    };
    let begun = guarded(|| begun(OsStr::from_bytes(executable), table));
    match begun.unwrap_or_else(|| Err("narthex: panic while Python began\n".to_owned())) {
        Ok(()) => Status::DONE,
        Err(text) => {
            say(why, &text);
            Status::FAILED
        }
    }
}

fn begun(executable: &OsStr, table: Table) -> Result<(), String> {
    python::begin(executable)?;
    let _ = TABLE.set(table);
    Python::attach(settle).map_err(|error| {
        let text = Python::attach(|py| seam::traceback(py, &error));
        let text = text.unwrap_or_else(|_| error.to_string());
        format!("narthex: error N314: Python has begun, but cannot go on\n\n{text}")
    })?;
    journal::lead_to(table);
    ending::prepare().map_err(|error| format!("narthex: error N315: no thread: {error}\n"))
}

/// Makes Python at home in the process.
fn settle(py: Python<'_>) -> PyResult<()> {
    // Whoever imports it first is Python's main thread.
    py.import("threading")?;
    if let Some(package) = python::package() {
        // The package of this engine, and no other one.
        let found = py.import("importlib.util")?.call_method1("find_spec", ("narthex",))?;
        let origin = found.getattr_opt("origin")?.and_then(|it| it.extract::<OsString>().ok());
        if origin.is_none_or(|origin| std::path::Path::new(&origin).parent() != Some(&*package))
            && let Some(root) = package.parent()
        {
            py.import("sys")?.getattr("path")?.call_method1("insert", (0, root.as_os_str()))?;
        }
    }
    py.import("narthex._embedded")?.call_method0("settle").map(drop)
}

unsafe extern "C" fn load(arguments: List<'_, Text<'_>>, why: Sink) -> Application {
    let arguments: Vec<OsString> = arguments
        .values()
        .iter()
        .map(|argument| OsStr::from_bytes(argument.bytes()).to_owned())
        .collect();
    let loaded = guarded(|| loaded(&arguments));
    match loaded.unwrap_or_else(|| Err("narthex: panic while the application was loaded\n".into()))
    {
        Ok(server) => Box::into_raw(Box::new(server)).cast(),
        Err(text) => {
            say(why, &text);
            ptr::null_mut()
        }
    }
}

fn loaded(arguments: &[OsString]) -> Result<Server, String> {
    let Some(&table) = TABLE.get() else { return Err("narthex: Python has not begun\n".into()) };
    seam::keep_thread_state();
    let application = Python::attach(|py| command::load(py, arguments, &Arc::new(HostLog)));
    journal::end_line();
    let command::Application { site, serialize } = application?;
    ending::note(&site);
    Ok(Server::new(table, site, serialize).at_end(journal::end_line))
}

unsafe extern "C" fn answer(
    application: Application,
    context: Context,
    request: *const Request<'_>,
) -> Status {
    // SAFETY: `load` has made it, and it is never destroyed; the request is good for the call.
    let (server, request) = unsafe { (&*application.cast::<Server>(), &*request) };
    let answered = guarded(|| {
        seam::keep_thread_state();
        // SAFETY: they are the host's, and of one request.
        unsafe { server.answer(context, request) }
    });
    answered.unwrap_or(Status::FAILED)
}

unsafe extern "C" fn forget(kept: *mut c_void) {
    // SAFETY: `answer` has left it there.
    guarded(|| unsafe { apache::forget(kept) });
}

unsafe extern "C" fn end(milliseconds: u64) {
    ending::end(milliseconds);
}

/// Runs `work`; a panic ends here, and in the log.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    if outcome.is_err() {
        journal::write(Level::ERROR, b"panic in the engine");
    }
    outcome.ok()
}

fn say(why: Sink, text: &str) {
    // SAFETY: the host's function, with what it is to be called with.
    unsafe { (why.put)(why.keeper, Text::new(text.as_bytes())) };
}
