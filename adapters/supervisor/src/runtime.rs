//! The directory of sockets by which commands reach running servers.

use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    process::geteuid,
};

use crate::{Error, Result};

/// What the names of sockets end in.
const SUFFIX: &str = ".sock";

/// A directory that belongs to this user alone.
#[derive(Debug)]
pub struct Directory(PathBuf);

/// A socket that listens in the directory; its file goes when it is dropped.
#[derive(Debug)]
pub struct Socket {
    /// The socket.
    pub listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Gone already is as good as removed.
        let _ = fs::remove_file(&self.path);
    }
}

impl Directory {
    /// The directory in which this process makes sockets; made if there is none.
    ///
    /// # Errors
    /// It cannot be made, or others may read or change it.
    pub fn open() -> Result<Self> {
        let candidates = candidates();
        match candidates.iter().find_map(|path| Self::make(path).ok()) {
            Some(directory) => Ok(directory),
            None => Self::make(&candidates[0]), // which says what is wrong with the best place
        }
    }

    /// The directories in which servers that this process may ask have their sockets.
    ///
    /// More than one: a service has another environment than a login.
    #[must_use]
    pub fn existing() -> Vec<Self> {
        candidates().into_iter().filter(|path| check(path).is_ok()).map(Self).collect()
    }

    fn make(path: &Path) -> Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                let what = format!("the runtime directory {} cannot be made", path.display());
                return Err(Error::System(what, error));
            }
        }
        check(path)?;
        Ok(Self(path.to_owned()))
    }

    /// Listens on the socket `name`.
    ///
    /// # Errors
    /// Somebody does already, the name is no file name, or the path is too long for a socket.
    pub fn listen(&self, name: &str) -> Result<Socket> {
        let path = self.path(name)?;
        let cannot = |error| Error::system(format!("cannot listen on {}", path.display()))(error);
        let lock = fs::File::open(&self.0).map_err(cannot)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| cannot(error.into()))?;
        self.sweep();
        if path.exists() {
            return Err(Error::Running(name.to_owned()));
        }
        // Under the lock: until it listens it looks abandoned.
        let listener = UnixListener::bind(&path).map_err(cannot)?;
        Ok(Socket { listener, path })
    }

    /// Connects to the socket `name`; `None` if nobody listens.
    ///
    /// # Errors
    /// The name is no file name.
    pub fn connect(&self, name: &str) -> Result<Option<UnixStream>> {
        Ok(UnixStream::connect(self.path(name)?).ok())
    }

    /// The names on which somebody listens.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            self.sockets().into_iter().filter(|(_, path)| is_live(path)).collect();
        names.sort_unstable();
        names.into_iter().map(|(name, _)| name).collect()
    }

    /// Removes the files of servers that were killed.
    fn sweep(&self) {
        for (_, path) in self.sockets() {
            if !is_live(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn sockets(&self) -> Vec<(String, PathBuf)> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()))
            .filter_map(|entry| {
                let name = entry.file_name().to_str()?.strip_suffix(SUFFIX)?.to_owned();
                Some((name, entry.path()))
            })
            .collect()
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(Error::Name(name.to_owned()));
        }
        Ok(self.0.join(format!("{name}{SUFFIX}")))
    }
}

/// Whether somebody listens, even if too busy to answer.
fn is_live(path: &Path) -> bool {
    match UnixStream::connect(path) {
        Ok(_) => true,
        Err(error) => {
            !matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
        }
    }
}

/// Where the directory may be, the best place first.
fn candidates() -> Vec<PathBuf> {
    let given = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = given("NARTHEX_RUNTIME_DIR") {
        return vec![path];
    }
    let user = geteuid().as_raw();
    let session = PathBuf::from(format!("/run/user/{user}/narthex"));
    let mut paths = Vec::new();
    if let Some(path) = given("XDG_RUNTIME_DIR") {
        paths.push(path.join("narthex"));
    }
    if !paths.contains(&session) {
        paths.push(session);
    }
    paths.push(PathBuf::from(format!("/tmp/narthex-{user}")));
    paths
}

/// Refuses a directory that is not this user's alone: whoever could write to it could pretend to be
/// a server, or a client of one.
fn check(path: &Path) -> Result<()> {
    let unsafe_because = |why| Err(Error::Unsafe(path.to_owned(), why));
    let found = fs::symlink_metadata(path)
        .map_err(Error::system(format!("the runtime directory {}", path.display())))?;
    let user = geteuid();
    if !found.is_dir() {
        return unsafe_because("is no directory");
    }
    // Root may look after everybody's servers.
    if found.uid() != user.as_raw() && !user.is_root() {
        return unsafe_because("belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return unsafe_because("is open to other users: its mode has to be 0700");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_directory_open_to_others_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("narthex");
        Directory::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(Directory::make(&path), Err(Error::Unsafe(..))));
        let link = place.path().join("link");
        symlink(place.path(), &link).unwrap();
        assert!(matches!(Directory::make(&link), Err(Error::Unsafe(..))));
        assert!(matches!(Directory::make(&link.join("a/b")), Err(Error::System(..))));
    }

    #[test]
    fn a_name_is_taken_once_and_a_stale_socket_is_swept() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::make(&place.path().join("narthex")).unwrap();
        drop(UnixListener::bind(directory.0.join("dead.sock")).unwrap());
        let socket = directory.listen("shop").unwrap();
        assert_eq!(directory.names(), ["shop"]);
        assert!(!directory.0.join("dead.sock").exists());
        assert!(matches!(directory.listen("shop"), Err(Error::Running(_))));
        assert!(directory.connect("shop").unwrap().is_some());
        drop(socket);
        assert!(directory.connect("shop").unwrap().is_none());
        directory.listen("shop").unwrap();
    }

    #[test]
    fn names_are_file_names() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::make(&place.path().join("narthex")).unwrap();
        for name in ["", "../x", "a/b", ".hidden", "a b", "a\n"] {
            assert!(matches!(directory.listen(name), Err(Error::Name(_))), "{name:?}");
        }
    }
}
