//! The engine inside this child's Python.
#![allow(unsafe_code, reason = "a table of functions of a library that is opened")]

use std::{
    ffi::c_void,
    os::unix::ffi::OsStrExt,
    path::Path,
    process,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use narthex_abi::{self as abi, Application, List, Sink, Status, Text};

use super::{
    environment::{Environment, Refusal},
    host::{self, Carried},
    library::{self, Library, Symbols},
    reach::{self, Need},
    user::User,
};

/// The engine of this process: there is one, and it is never taken away.
static RUNNING: OnceLock<Engine> = OnceLock::new();

/// An engine that has begun.
#[derive(Debug)]
pub(super) struct Engine {
    table: &'static abi::Engine,
    /// The process that it began in: those that an application forks end differently.
    process: u32,
    ended: AtomicBool,
}

/// Makes sure that nobody else has brought a Python into this process.
pub(super) fn alone() -> Result<(), Refusal> {
    let Some(stranger) = library::stranger() else { return Ok(()) };
    let library = stranger.library.display();
    let who = match &stranger.modules[..] {
        [] => "another module".to_owned(),
        modules => modules.join(" and "),
    };
    Err(Refusal(format!(
        "{who} has brought a Python of its own into httpd ({library}), and there cannot be two: take that LoadModule away, or write \"NarthexProcess group:NAME\" (in a group every Python works)"
    )))
}

impl Engine {
    /// The engine, if it has begun and not ended.
    pub(super) fn running() -> Option<&'static Self> {
        RUNNING.get().filter(|engine| !engine.ended.load(Relaxed))
    }

    /// Opens Python and its engine, and begins both.
    pub(super) fn begin(environment: &Environment) -> Result<&'static Self, Refusal> {
        alone()?;
        library::stay();
        // What extension modules refer to must be found by them.
        open(&environment.library, Symbols::Shared, environment)?;
        let library = open(&environment.engine, Symbols::Own, environment)?;
        let table = table(library, environment)?;
        let beginning = abi::Beginning {
            executable: Text::new(environment.executable.as_os_str().as_bytes()),
            host: host::table(),
        };
        // SAFETY: the beginning lives through the call, the host as long as the process.
        let (status, why) = heard(|sink| unsafe { (table.begin)(&raw const beginning, sink) });
        if status != Status::DONE {
            return Err(Refusal(said(&why, "Python could not be begun, and does not say why")));
        }
        let engine = Self { table, process: process::id(), ended: AtomicBool::new(false) };
        Ok(RUNNING.get_or_init(|| engine))
    }

    /// Loads an application; `Err` is what its user is to see.
    pub(super) fn load(&self, arguments: &[Bytes]) -> Result<Application, String> {
        let arguments: Vec<Text<'_>> =
            arguments.iter().map(|argument| Text::new(argument)).collect();
        // SAFETY: the arguments live through the call.
        let (application, why) =
            heard(|sink| unsafe { (self.table.load)(List::new(&arguments), sink) });
        if application.is_null() {
            return Err(said(&why, "the application could not be loaded"));
        }
        Ok(application)
    }

    /// Answers a request, on this thread.
    pub(super) fn answer(
        &self,
        application: Application,
        carried: &mut Carried<'_>,
        request: &abi::Request<'_>,
    ) -> Status {
        // SAFETY: the application came from `load`; request and context live through the call, and
        // nobody else uses them.
        unsafe { (self.table.answer)(application, carried.context(), request) }
    }

    /// Ends what was kept for a connection.
    pub(super) fn forget(&self, kept: *mut c_void) {
        // SAFETY: the engine has left it in the place that is kept for it, and it is given once.
        unsafe { (self.table.forget)(kept) };
    }

    /// Lets applications end what they have begun.
    pub(super) fn end(&self, milliseconds: u64) {
        if process::id() != self.process || self.ended.swap(true, Relaxed) {
            return;
        }
        // SAFETY: it has begun, in this process, and is ended once.
        unsafe { (self.table.end)(milliseconds) };
    }
}

/// Opens a library, or says what keeps this process from it.
fn open(path: &Path, symbols: Symbols, environment: &Environment) -> Result<Library, Refusal> {
    Library::open(path, symbols).map_err(|why| {
        let own = User::own();
        match reach::obstacle(path, Need::Read, &own) {
            Some(obstacle) => obstacle.refuse(&environment.prefix, &own),
            None => Refusal(format!("{} cannot be opened: {why}", path.display())),
        }
    })
}

/// Asks a library for the engine's table.
fn table(library: Library, environment: &Environment) -> Result<&'static abi::Engine, Refusal> {
    let other = |what: &dyn std::fmt::Display| {
        Refusal(format!(
            "the narthex in {} is of another release than mod_narthex.so ({what}): install the same one, or load the module that \"{} -m narthex apache module-path\" names",
            environment.prefix.display(),
            environment.executable.display(),
        ))
    };
    let entry = library.symbol(abi::ENTRY).ok_or_else(|| other(&"it knows nothing of httpd"))?;
    let mut speaks = 0;
    // SAFETY: what has this name has this type, and stays as long as the library, for good.
    let table = unsafe {
        let entry = std::mem::transmute::<*mut c_void, abi::Entry>(entry);
        entry(abi::VERSION, &raw mut speaks).as_ref()
    };
    table.filter(|table| table.version == abi::VERSION).ok_or_else(|| {
        other(&format_args!("the one speaks version {speaks}, the other version {}", abi::VERSION))
    })
}

/// Calls something that may put texts into a sink, and gives what was put, one after another.
fn heard<T>(call: impl FnOnce(Sink) -> T) -> (T, Vec<u8>) {
    unsafe extern "C" fn put(keeper: *mut c_void, text: Text<'_>) {
        // SAFETY: it is the list below, which nobody else uses during the call.
        unsafe { (*keeper.cast::<Vec<u8>>()).extend_from_slice(text.bytes()) };
    }
    let mut said = Vec::new();
    let result = call(Sink { keeper: (&raw mut said).cast(), put });
    (result, said)
}

fn said(why: &[u8], otherwise: &str) -> String {
    let why = String::from_utf8_lossy(why.trim_ascii());
    if why.is_empty() { otherwise.into() } else { why.into_owned() }
}
