//! An application as the engine knows it, once it has been loaded.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{
            AtomicPtr,
            Ordering::{Acquire, Release},
        },
    },
};

use bytes::Bytes;
use narthex_abi::Application;

use super::engine::Engine;
use crate::httpd::{Level, Server};

/// One application is loaded at a time, as the engine wants it.
static LOADING: Mutex<()> = Mutex::new(());

/// What is kept with each application; made empty, and shared by all threads of the child.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The application; null until it is loaded.
    ready: AtomicPtr<std::ffi::c_void>,
    /// What the file was like when it could not be.
    failed: Mutex<Option<Stamp>>,
}

/// A version of the file that an application lies in.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Stamp(Option<(u64, u64, i64, i64)>);

impl Slot {
    /// The application, if it has been loaded.
    pub(super) fn ready(&self) -> Option<Application> {
        let application = self.ready.load(Acquire);
        (!application.is_null()).then_some(application)
    }

    /// Loads the application, or says that it cannot be: the log has said why. What has failed is tried
    /// again when its file has changed.
    pub(super) fn load(
        &self,
        engine: &Engine,
        arguments: &[Bytes],
        server: Server<'_>,
    ) -> Option<Application> {
        let _others_wait = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(application) = self.ready() {
            return Some(application);
        }
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of(arguments);
        if failed.as_ref() == Some(&stamp) {
            return None;
        }
        match engine.load(arguments) {
            Ok(application) => {
                self.ready.store(application, Release);
                *failed = None;
                Some(application)
            }
            Err(why) => {
                server.log(Level::Error, why);
                *failed = Some(stamp);
                None
            }
        }
    }
}

impl Stamp {
    /// That of the file which the last argument names, by itself or before a colon.
    fn of(arguments: &[Bytes]) -> Self {
        let metadata = arguments.last().and_then(|named| fs::metadata(file(named)).ok());
        Self(metadata.map(|file| {
            (
                file.dev(),
                file.ino(),
                file.size().cast_signed(),
                file.mtime_nsec() ^ file.mtime() << 20,
            )
        }))
    }
}

/// The file in `PATH` or `PATH:NAME`.
fn file(named: &[u8]) -> PathBuf {
    let path = |bytes| Path::new(OsStr::from_bytes(bytes)).to_owned();
    let whole = path(named);
    if whole.exists() {
        return whole;
    }
    let colon = named.iter().rposition(|&byte| byte == b':');
    colon.map_or(whole, |colon| path(&named[..colon]))
}
