//! Opening shared libraries, and who else has.
#![expect(unsafe_code, reason = "the system's loader")]

use std::{
    ffi::{CStr, CString, OsStr, c_int, c_void},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    ptr,
};

/// A library that stays open as long as the process lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Library(*mut c_void);

/// Whether the symbols of a library are there for those that are opened after it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Symbols {
    /// They are.
    Shared,
    /// They are not.
    Own,
}

impl Library {
    /// Opens the library in the file `path`.
    ///
    /// # Errors
    ///
    /// What the loader says.
    pub(crate) fn open(path: &Path, symbols: Symbols) -> Result<Self, String> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
        let shared = match symbols {
            Symbols::Shared => libc::RTLD_GLOBAL,
            Symbols::Own => libc::RTLD_LOCAL,
        };
        // SAFETY: the name is terminated. The library's initialisers run, which is what is wanted.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | shared) };
        if handle.is_null() { Err(complaint()) } else { Ok(Self(handle)) }
    }

    /// The address of a symbol.
    pub(crate) fn symbol(self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: the handle came from `dlopen` and is never closed; the name is terminated.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!symbol.is_null()).then_some(symbol)
    }
}

/// What the loader said last.
fn complaint() -> String {
    // SAFETY: what it gives is terminated, and stays until this thread's next call of the loader.
    let said = unsafe { libc::dlerror().as_ref().map(|said| CStr::from_ptr(said)) };
    said.map_or_else(|| "unknown error".into(), |said| said.to_string_lossy().into_owned())
}

/// Keeps this module loaded until the process ends, whatever httpd does: threads may be inside of it,
/// and Python knows addresses of it.
pub(crate) fn stay() {
    let path = holder((&raw const STAYS).cast());
    if let Some(name) = path.and_then(|path| CString::new(path.as_os_str().as_bytes()).ok()) {
        let flags = libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
        // SAFETY: the name is terminated; nothing is loaded, a count is raised.
        unsafe { libc::dlopen(name.as_ptr(), flags) };
    }
}

/// Something that lies in this module.
static STAYS: u8 = 0;

/// The file of the library that an address lies in.
fn holder(address: *const c_void) -> Option<PathBuf> {
    let mut found = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    // SAFETY: any address may be asked for.
    if unsafe { libc::dladdr(address, &raw mut found) } == 0 || found.dli_fname.is_null() {
        return None;
    }
    // SAFETY: it is terminated, and there as long as the library is.
    let name = unsafe { CStr::from_ptr(found.dli_fname) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// A Python that is in this process already.
#[derive(Debug)]
pub(crate) struct Stranger {
    /// The file that it lies in.
    pub(crate) library: PathBuf,
    /// The modules that are known to bring one along, of those that are loaded.
    pub(crate) modules: Vec<String>,
}

/// Finds a Python that somebody else has brought along.
pub(crate) fn stranger() -> Option<Stranger> {
    let loaded = loaded();
    let named = |path: &&PathBuf| file_name(path).starts_with("libpython");
    // One that is linked into something else shows by its symbols.
    // SAFETY: the name is terminated.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"Py_IsInitialized".as_ptr()) };
    let linked = || if symbol.is_null() { None } else { holder(symbol) };
    let library = loaded.iter().find(named).cloned().or_else(linked)?;
    let modules = ["mod_wsgi", "mod_python", "mod_uwsgi", "mod_snake"];
    let modules = modules
        .iter()
        .filter(|module| loaded.iter().any(|path| file_name(path).starts_with(**module)))
        .map(ToString::to_string)
        .collect();
    Some(Stranger { library, modules })
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// The files of everything that is loaded.
fn loaded() -> Vec<PathBuf> {
    unsafe extern "C" fn note(
        object: *mut libc::dl_phdr_info,
        _size: usize,
        noted: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader gives its description of an object, and what `loaded` has passed, which
        // waits for this call to return.
        let (name, noted) = unsafe { ((*object).dlpi_name, &mut *noted.cast::<Vec<PathBuf>>()) };
        if !name.is_null() {
            // SAFETY: the name is terminated.
            let name = unsafe { CStr::from_ptr(name) };
            noted.push(PathBuf::from(OsStr::from_bytes(name.to_bytes())));
        }
        0
    }
    let mut noted: Vec<PathBuf> = Vec::new();
    // SAFETY: `note` takes what it is given here.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut noted).cast()) };
    noted
}
