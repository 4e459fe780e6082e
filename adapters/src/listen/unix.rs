//! Unix sockets: who may connect, and what lies in their place.

use std::{
    fmt, fs, io,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt,
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
        },
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Gid, Mode, Uid, chownat, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};

use super::Listener;
use crate::{Error, Result};

/// Who may connect to a Unix socket: those who may write to its file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Permissions {
    /// Mode of the file; by default what the process's umask leaves.
    pub mode: Option<u32>,
    /// Owner of the file; by default the process's user.
    pub user: Option<u32>,
    /// Group of the file; by default the process's group.
    pub group: Option<u32>,
}

/// Why a Unix socket cannot be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum SocketTrouble {
    /// Something lies there that is no socket, and that is nobody's to remove.
    NotASocket,
    /// The directory that it is to lie in does not exist.
    NoDirectory(PathBuf),
    /// Its name is longer than the system's limit.
    TooLong,
    /// The file cannot be given to that owner.
    Owner(io::Error),
    /// The file cannot be given that mode.
    Mode(io::Error),
}

impl SocketTrouble {
    /// The longest name of a socket: `sun_path` less its NUL (unix(7)).
    pub const LONGEST: usize = 107;
}

impl fmt::Display for SocketTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASocket => f.write_str("there is something that is no socket"),
            Self::NoDirectory(directory) => {
                write!(f, "there is no directory {}", directory.display())
            }
            Self::TooLong => {
                write!(f, "the name is longer than the {} bytes of a socket's", Self::LONGEST)
            }
            Self::Owner(error) => write!(f, "cannot change the owner: {error}"),
            Self::Mode(error) => write!(f, "cannot change the mode: {error}"),
        }
    }
}

/// A socket file that goes when its listener goes, in the process that made it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    process: u32,
    /// Device and inode: what lies there later may be another server's.
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let identity = identity(path)?;
        // A later change of directory must not lead elsewhere.
        let path = std::path::absolute(path)?;
        Ok(Self { path, process: std::process::id(), identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = self.process == std::process::id()
            && identity(&self.path).is_ok_and(|identity| identity == self.identity);
        if ours {
            // Gone already is as good as removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Listens on `path`, once nobody can connect who is not allowed to.
pub(super) fn listen(path: &Path, permissions: &Permissions, backlog: i32) -> Result<Listener> {
    let failed = |source| Error::Bind { bind: name(path), source };
    let trouble = |trouble| Error::Socket { bind: name(path), trouble };
    if path.as_os_str().len() > SocketTrouble::LONGEST {
        return Err(trouble(SocketTrouble::TooLong));
    }
    let socket = match bind(path, permissions) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            match fs::symlink_metadata(path) {
                Ok(there) if !there.file_type().is_socket() => {
                    return Err(trouble(SocketTrouble::NotASocket));
                }
                _ if abandoned(path) => {
                    fs::remove_file(path).map_err(failed)?;
                    bind(path, permissions).map_err(failed)?
                }
                _ => return Err(failed(error)),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = path.parent().unwrap_or(path).to_owned();
            return Err(trouble(SocketTrouble::NoDirectory(directory)));
        }
        bound => bound.map_err(failed)?,
    };
    let file = SocketFile::new(path).map_err(failed)?;
    // Nobody can connect before `listen`.
    permissions.apply(path).map_err(trouble)?;
    socket.listen(backlog).map_err(failed)?;
    Ok(Listener::Unix(OwnedFd::from(socket).into(), Some(file)))
}

/// Listens on a name that is no file.
pub(super) fn listen_abstract(name: &[u8], backlog: i32) -> io::Result<Listener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let path = [b"\0", name].concat();
    socket.bind(&SockAddr::unix(std::ffi::OsStr::from_bytes(&path))?)?;
    socket.listen(backlog)?;
    Ok(Listener::Unix(OwnedFd::from(socket).into(), None))
}

fn name(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn bind(path: &Path, permissions: &Permissions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    if let Some(mode) = permissions.mode {
        // The file takes its mode from the socket, less the umask: it is never wider than asked.
        fchmod(&socket, Mode::from_raw_mode(mode))?;
    }
    socket.bind(&SockAddr::unix(path)?)?;
    Ok(socket)
}

impl Permissions {
    fn apply(&self, path: &Path) -> Result<(), SocketTrouble> {
        if self.user.is_some() || self.group.is_some() {
            let (user, group) = (self.user.map(Uid::from_raw), self.group.map(Gid::from_raw));
            chownat(CWD, path, user, group, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| SocketTrouble::Owner(error.into()))?;
        }
        if let Some(mode) = self.mode {
            // What the umask took away.
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
                .map_err(SocketTrouble::Mode)?;
        }
        Ok(())
    }
}

/// Whether the socket at `path` is one that nobody listens on any more.
fn abandoned(path: &Path) -> bool {
    let connect = || -> io::Result<()> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // One whose queue is full is not abandoned, and would keep us waiting.
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    connect().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("narthex-unix-{name}-{}", std::process::id()))
    }

    fn listen_at(path: &Path) -> Result<Listener> {
        listen(path, &Permissions::default(), 16)
    }

    #[test]
    fn an_abandoned_socket_is_replaced_and_a_live_one_is_not() {
        let path = path("abandoned");
        drop(UnixListener::bind(&path).unwrap()); // leaves the file
        let live = listen_at(&path).unwrap();
        assert!(listen_at(&path).is_err());
        drop(live);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_socket_of_ours_stays() {
        let path = path("stays");
        fs::write(&path, "precious").unwrap();
        let error = listen_at(&path).unwrap_err();
        assert!(matches!(error, Error::Socket { trouble: SocketTrouble::NotASocket, .. }));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        fs::remove_file(&path).unwrap();
        let other = UnixDatagram::bind(&path).unwrap();
        assert!(matches!(listen_at(&path), Err(Error::Bind { .. })));
        drop(other);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_file_of_a_successor_stays() {
        let path = path("successor");
        let first = listen_at(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = listen_at(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn the_mode_is_the_one_asked_for() {
        let path = path("mode");
        for mode in [0o600, 0o660, 0o666, 0o777] {
            let permissions = Permissions { mode: Some(mode), ..Permissions::default() };
            let socket = bind(&path, &permissions).unwrap();
            let now = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(now & !mode, 0, "wider than {mode:o} at first: {now:o}");
            drop(socket);
            fs::remove_file(&path).unwrap();
            let listener = listen(&path, &permissions, 16).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            drop(listener);
        }
    }

    #[test]
    fn a_place_that_cannot_be_is_told() {
        let long = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
        let error = listen_at(&long).unwrap_err();
        assert!(matches!(error, Error::Socket { trouble: SocketTrouble::TooLong, .. }));
        let error = listen_at(Path::new("/nowhere/at/all")).unwrap_err();
        let Error::Socket { trouble: SocketTrouble::NoDirectory(directory), .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(directory, Path::new("/nowhere/at"));
    }
}
