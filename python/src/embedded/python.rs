//! Python's beginning, in a process that is not its own.
#![expect(unsafe_code, reason = "Python's configuration is a C structure")]

use std::{
    env,
    ffi::{CStr, CString, OsStr, c_char, c_void},
    mem::MaybeUninit,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    ptr,
};

use pyo3::{
    ffi::{
        Py_InitializeFromConfig, Py_IsInitialized, Py_PreInitialize, PyConfig, PyConfig_Clear,
        PyConfig_InitIsolatedConfig, PyConfig_SetBytesString, PyEval_SaveThread, PyPreConfig,
        PyPreConfig_InitIsolatedConfig, PyStatus, PyStatus_Exception,
    },
    prelude::*,
};

/// Begins Python as that of `executable`, which is not run. The calling thread is Python's main thread
/// from now on.
///
/// # Errors
/// What the user is to be told.
pub(super) fn begin(executable: &OsStr) -> Result<(), String> {
    // SAFETY: may be asked at any time.
    if unsafe { Py_IsInitialized() } != 0 {
        // Whoever began it may have been of another environment, and will end it.
        return Python::attach(|py| same_environment(py, executable));
    }
    let failed = |status: PyStatus| begun_not(executable, &status);
    // SAFETY: this is the first call of Python in the process, or of a process in which it was never
    // begun; structures are made by the functions that are there for it, and used by nobody else.
    unsafe {
        pre_initialize().map_err(failed)?;
        initialize(executable).map_err(failed)?;
        // The GIL is for whoever answers a request.
        PyEval_SaveThread();
    }
    Ok(())
}

/// # Safety
/// Python has not been begun.
unsafe fn pre_initialize() -> Result<(), PyStatus> {
    let mut config = MaybeUninit::<PyPreConfig>::zeroed();
    // SAFETY: it fills the structure, which is as large as it thinks.
    let config = unsafe {
        PyPreConfig_InitIsolatedConfig(config.as_mut_ptr());
        config.assume_init_mut()
    };
    // httpd runs in the locale C, in which file names would be ASCII: `python` would not have that
    // either (PEP 538, PEP 540). The locale itself is httpd's.
    config.utf8_mode = 1;
    // SAFETY: it is whole.
    done(unsafe { Py_PreInitialize(config) })
}

/// # Safety
/// Python has not been begun.
unsafe fn initialize(executable: &OsStr) -> Result<(), PyStatus> {
    let mut config = MaybeUninit::<PyConfig>::zeroed();
    // SAFETY: it fills the structure, which is as large as it thinks: this was built for this version
    // of Python.
    let config = unsafe {
        PyConfig_InitIsolatedConfig(config.as_mut_ptr());
        config.assume_init_mut()
    };
    config.install_signal_handlers = 0;
    config.parse_argv = 0;
    config.site_import = 1;
    let executable = CString::new(executable.as_bytes()).unwrap_or_default();
    let name = executable.as_ptr();
    let config: *mut PyConfig = config;
    // SAFETY: the structure is whole, its strings are Python's to make and to free.
    unsafe {
        let set = move |field: *mut *mut libc::wchar_t| {
            done(PyConfig_SetBytesString(config, field, name))
        };
        // By these it finds `pyvenv.cfg`, and by that all else.
        let outcome = set(&raw mut (*config).executable)
            .and_then(|()| set(&raw mut (*config).program_name))
            .and_then(|()| done(Py_InitializeFromConfig(config)));
        PyConfig_Clear(config);
        outcome
    }
}

fn done(status: PyStatus) -> Result<(), PyStatus> {
    // SAFETY: it only looks at it.
    if unsafe { PyStatus_Exception(status) } == 0 { Ok(()) } else { Err(status) }
}

fn begun_not(executable: &OsStr, status: &PyStatus) -> String {
    let text = |text: *const c_char| {
        if text.is_null() {
            return String::new();
        }
        // SAFETY: a constant of Python's.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    };
    let what = match text(status.err_msg) {
        what if what.is_empty() => format!("it wants to exit with {}", status.exitcode),
        what => what,
    };
    format!(
        "narthex: error N312: the Python {} cannot be begun: {what}\n\n  Fix: make sure that the user \
         that httpd runs as can read all of it, and what its pyvenv.cfg names as home\n",
        Path::new(executable).display(),
    )
}

fn same_environment(py: Python<'_>, executable: &OsStr) -> Result<(), String> {
    let running: Option<PathBuf> =
        py.import("sys").and_then(|sys| sys.getattr("executable")?.extract()).ok();
    if running.as_deref() == Some(Path::new(executable)) {
        return Ok(());
    }
    Err(format!(
        "narthex: error N313: another module of httpd has begun a Python in this process: {}\n\n  Fix: \
         leave mod_wsgi and mod_python out, or let the application run in a group\n",
        running.unwrap_or_default().display(),
    ))
}

/// The folder of the package to which this engine belongs.
pub(super) fn package() -> Option<PathBuf> {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    let symbol = package as *const c_void;
    // SAFETY: it looks up an address of this library and fills the structure.
    let name = unsafe {
        if libc::dladdr(symbol, found.as_mut_ptr()) == 0 {
            return None;
        }
        CStr::from_ptr(found.assume_init().dli_fname)
    };
    let library = Path::new(OsStr::from_bytes(name.to_bytes()));
    let library = env::current_dir().map_or_else(|_| library.into(), |here| here.join(library));
    library.parent().map(Path::to_owned)
}

/// Blocks all signals on this thread, until what is returned is dropped: what it starts must take
/// none of the host's.
pub(super) fn block_signals() -> Blocked {
    let mut all = MaybeUninit::zeroed();
    let mut before = MaybeUninit::zeroed();
    // SAFETY: both are filled by the functions that are there for it.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        Blocked(before.assume_init())
    }
}

/// See [`block_signals`].
pub(super) struct Blocked(libc::sigset_t);

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the mask was this thread's.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}
