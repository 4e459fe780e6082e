//! The directory of a mount, wherever its path leads now.

#[cfg(feature = "static-files")]
use std::ffi::CStr;
use std::{
    io,
    path::{self, Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use narthex_core::Blocking;
use rustix::fs::OFlags;
#[cfg(feature = "static-files")]
use rustix::fs::Stat;

use super::directory::{Directory, Found};

/// How long it is believed that the path leads where it did, in milliseconds.
const LOOK_AGAIN: u64 = 1000;

/// The directory of a mount.
///
/// Deployments replace it by a rename, by another symbolic link, or by making it anew; an open
/// descriptor would go on with what it was.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    flags: OFlags,
    directory: RwLock<Arc<Directory>>,
    start: Instant,
    looked: AtomicU64,
}

impl Root {
    /// Opens `path`, whose files are opened by `flags`.
    ///
    /// # Errors
    /// It is no directory, or may not be read.
    pub(crate) fn open(path: &Path, flags: OFlags) -> io::Result<Self> {
        let path = path::absolute(path)?;
        let directory = RwLock::new(Arc::new(Directory::open(&path, flags)?));
        Ok(Self { path, flags, directory, start: Instant::now(), looked: AtomicU64::new(0) })
    }

    /// The path, absolute.
    #[cfg(feature = "cgi-bin")]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// See [`Directory::find`].
    ///
    /// # Errors
    /// Those of [`Directory::find`].
    pub(crate) fn find(&self, name: &[u8], blocking: &dyn Blocking) -> io::Result<Found> {
        self.directory().find(name, blocking)
    }

    /// See [`Directory::stat`].
    #[cfg(feature = "static-files")]
    pub(crate) fn stat(&self, name: &CStr) -> Option<Stat> {
        self.directory().stat(name)
    }

    /// Looks where the path leads, if that has not been done for a while.
    pub(crate) fn refresh(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked = self.looked.load(Relaxed);
        if now < looked.saturating_add(LOOK_AGAIN)
            || self.looked.compare_exchange(looked, now, Relaxed, Relaxed).is_err()
        {
            return;
        }
        if !self.directory().is_at(&self.path)
            && let Ok(directory) = Directory::open(&self.path, self.flags)
        {
            let mut place = self.directory.write().unwrap_or_else(PoisonError::into_inner);
            *place = Arc::new(directory);
        }
    }

    fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }
}
