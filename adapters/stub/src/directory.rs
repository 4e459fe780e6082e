//! The directory of sockets by which programs of one user reach each other.

use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    net::sockopt,
    process::{Uid, geteuid},
};

use crate::{Error, Result};

/// What listens on a socket: each kind has names of its own.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Kind {
    /// A server, which takes orders.
    #[default]
    Control,
    /// A process that answers CGI requests.
    Resident,
}

impl Kind {
    /// What the names of its sockets end in.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Control => ".sock",
            Self::Resident => ".cgi",
        }
    }
}

/// A directory that belongs to this user alone, and the sockets of one kind in it.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    kind: Kind,
}

/// A socket that listens in the directory; its file goes when it is dropped.
#[derive(Debug)]
pub struct Socket {
    /// The socket.
    pub listener: UnixListener,
    directory: PathBuf,
    path: PathBuf,
    /// Which file it is: after it was removed, another server may have taken its place.
    file: Option<(u64, u64)>,
}

impl Socket {
    /// A socket that another process has opened for this one, as `path`.
    #[must_use]
    pub fn inherited(listener: UnixListener, path: PathBuf) -> Self {
        let directory = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        let file = identity(&path);
        Self { listener, directory, path, file }
    }

    /// Whether clients still find it.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.file.is_some() && identity(&self.path) == self.file
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes its file: from now on clients find another server, or none.
    pub fn remove(&self) {
        // Under the lock: whoever makes a socket of this name sees it live, or not at all.
        let _lock = lock(&self.directory);
        if self.is_there() {
            // Gone already is as good as removed.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Keeps the file when this is dropped: it is another process's to remove.
    pub fn handed_over(mut self) {
        self.file = None;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.file.is_some() {
            self.remove();
        }
    }
}

/// Whether the process at the other end of `socket` is this user's.
///
/// # Errors
/// The system cannot tell.
pub fn is_ours(socket: &UnixStream) -> io::Result<bool> {
    let peer: Uid = sockopt::socket_peercred(socket)?.uid;
    Ok(peer == geteuid())
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
        // Root may look after everybody's servers.
        let anyone = geteuid().is_root();
        let safe = |path: &PathBuf| check(path, anyone).is_ok();
        candidates().into_iter().filter(safe).map(Self::at).collect()
    }

    /// The same directory, for sockets of this kind.
    #[must_use]
    pub fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    fn at(path: PathBuf) -> Self {
        Self { path, kind: Kind::default() }
    }

    fn make(path: &Path) -> Result<Self> {
        match check(path, false) {
            Err(Error::System(_, error)) if error.kind() == io::ErrorKind::NotFound => {}
            checked => return checked.map(|()| Self::at(path.to_owned())),
        }
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let what = format!("the runtime directory {} cannot be made", path.display());
                return Err(Error::System(what, error));
            }
            _ => {}
        }
        check(path, false)?;
        Ok(Self::at(path.to_owned()))
    }

    /// Listens on the socket `name`.
    ///
    /// # Errors
    /// Somebody does already, the name is no file name, or the path is too long for a socket.
    pub fn listen(&self, name: &str) -> Result<Socket> {
        let path = self.path(name)?;
        let cannot = |error| Error::system(format!("cannot listen on {}", path.display()))(error);
        // Until it listens it looks abandoned.
        let _lock = lock(&self.path).map_err(cannot)?;
        self.sweep();
        if path.exists() {
            return Err(Error::Running(name.to_owned()));
        }
        let listener = UnixListener::bind(&path).map_err(cannot)?;
        Ok(Socket::inherited(listener, path))
    }

    /// Connects to the socket `name`; `None` if nobody listens.
    ///
    /// # Errors
    /// The name is no file name, or the socket cannot be reached though it is there.
    pub fn connect(&self, name: &str) -> Result<Option<UnixStream>> {
        let path = self.path(name)?;
        match UnixStream::connect(&path) {
            Ok(stream) => Ok(Some(stream)),
            Err(error) if is_nobody(&error) => Ok(None),
            Err(error) => Err(Error::System(format!("cannot reach {}", path.display()), error)),
        }
    }

    /// The file of the socket `name`.
    #[must_use]
    pub fn socket_path(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}{}", self.kind.suffix()))
    }

    /// The file that whoever listens on `name` writes to when there is nobody else to tell.
    #[must_use]
    pub fn log_path(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.log"))
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
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()))
            .filter_map(|entry| {
                let name = entry.file_name().to_str()?.strip_suffix(self.kind.suffix())?.to_owned();
                Some((name, entry.path()))
            })
            .collect()
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(Error::Name(name.to_owned()));
        }
        Ok(self.socket_path(name))
    }
}

/// Whether somebody listens, even if too busy to answer.
fn is_live(path: &Path) -> bool {
    UnixStream::connect(path).map_or_else(|error| !is_nobody(&error), |_| true)
}

/// Whether this means that nobody listens.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

/// Device and number of a file.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// Waits until nobody else changes the directory; until what is returned is dropped.
fn lock(directory: &Path) -> io::Result<fs::File> {
    let lock = fs::File::open(directory)?;
    flock(&lock, FlockOperation::LockExclusive)?;
    Ok(lock)
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
fn check(path: &Path, of_anyone: bool) -> Result<()> {
    let unsafe_because = |why| Err(Error::Unsafe(path.to_owned(), why));
    let found = fs::symlink_metadata(path)
        .map_err(Error::system(format!("the runtime directory {}", path.display())))?;
    if !found.is_dir() {
        return unsafe_because("is no directory");
    }
    if found.uid() != geteuid().as_raw() && !of_anyone {
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
        drop(UnixListener::bind(directory.path.join("dead.sock")).unwrap());
        let socket = directory.listen("shop").unwrap();
        assert_eq!(directory.names(), ["shop"]);
        assert!(!directory.path.join("dead.sock").exists());
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
