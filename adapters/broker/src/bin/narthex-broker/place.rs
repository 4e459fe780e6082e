//! The directory of the sockets, which httpd's children can enter and only the broker can change.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use narthex_broker::identity::Identity;
use rustix::{
    fs::{AtFlags, CWD, Gid, Uid, chownat},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with},
    process::geteuid,
};

/// The longest name of a socket: `sun_path` less its NUL (unix(7)).
const LONGEST: usize = 107;

/// Digits of the number of a pool.
const DIGITS: usize = 10;

/// The directory; it and what is in it go when it is dropped.
pub(crate) struct Place {
    path: PathBuf,
    children: Identity,
}

/// A socket in it; its file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) listener: UnixListener,
    pub(crate) path: PathBuf,
}

impl Place {
    /// The directory of the socket `control`, made anew for `children`.
    ///
    /// # Errors
    /// It cannot be made, or it is somebody else's; the text says why.
    pub(crate) fn make(control: &Path, children: Identity) -> Result<Self, String> {
        let Some(path) = control.parent() else { return Err("it has no directory".to_owned()) };
        let name = path.display();
        if path.as_os_str().len() + 1 + DIGITS > LONGEST {
            return Err(format!(
                "{name} is too long for the names of sockets: set DefaultRuntimeDir to a shorter one"
            ));
        }
        let cannot = |error: io::Error| format!("the directory {name} cannot be made: {error}");
        match fs::DirBuilder::new().mode(0o700).create(path) {
            // After another broker was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => sweep(path)?,
            made => made.map_err(cannot)?,
        }
        let place = Self { path: path.to_owned(), children };
        // Owned by its children it could be changed by them: they may only pass through.
        let mode = if place.is_for_others() { 0o711 } else { 0o700 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(cannot)?;
        Ok(place)
    }

    fn is_for_others(&self) -> bool {
        self.children.user != geteuid().as_raw()
    }

    /// Listens on the socket `name`, to which only httpd's children and root can connect.
    pub(crate) fn listen(&self, name: &str, backlog: u16) -> io::Result<Socket> {
        let path = self.path.join(name);
        let kind = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, kind, None)?;
        bind(&socket, &SocketAddrUnix::new(&path)?)?;
        let socket = Socket { listener: socket.into(), path };
        // Nobody can connect before it listens.
        fs::set_permissions(&socket.path, fs::Permissions::from_mode(0o600))?;
        if self.is_for_others() {
            let (user, group) = (self.children.user, self.children.group);
            let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
            chownat(CWD, &socket.path, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        socket.hold(backlog)?;
        Ok(socket)
    }
}

impl Socket {
    /// Lets so many connections wait.
    pub(crate) fn hold(&self, backlog: u16) -> io::Result<()> {
        Ok(listen(&self.listener, backlog.into())?)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Gone already is as good as removed.
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What somebody else has put there stays, and the directory with it.
        let _ = fs::remove_dir(&self.path);
    }
}

/// Removes the sockets of a broker that was killed.
fn sweep(path: &Path) -> Result<(), String> {
    let name = path.display();
    let cannot = |error: io::Error| format!("the directory {name} cannot be used: {error}");
    let found = fs::symlink_metadata(path).map_err(cannot)?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() || found.mode() & 0o022 != 0 {
        return Err(format!("{name} is no directory of this user alone: remove it"));
    }
    for entry in fs::read_dir(path).map_err(cannot)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_socket()) {
            fs::remove_file(entry.path()).map_err(cannot)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn own() -> Identity {
        let user = geteuid().as_raw();
        Identity { name: String::new(), user, group: user, groups: vec![], home: "/".into() }
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn nobody_else_reaches_the_sockets() {
        let holder = tempfile::tempdir().unwrap();
        let control = holder.path().join("narthex/control");
        let place = Place::make(&control, own()).unwrap();
        let socket = place.listen("control", 5).unwrap();
        assert_eq!(socket.path, control);
        assert_eq!((mode(control.parent().unwrap()), mode(&control)), (0o700, 0o600));
        UnixStream::connect(&control).unwrap();
        drop((socket, place));
        assert!(!control.parent().unwrap().exists());
    }

    #[test]
    fn children_of_another_user_may_pass_and_connect() {
        if !geteuid().is_root() {
            return; // only root can give a file away
        }
        let holder = tempfile::tempdir().unwrap();
        let control = holder.path().join("narthex/control");
        let children = Identity { user: 65534, group: 65534, ..own() };
        let place = Place::make(&control, children).unwrap();
        let _socket = place.listen("control", 5).unwrap();
        assert_eq!((mode(control.parent().unwrap()), mode(&control)), (0o711, 0o600));
        assert_eq!(fs::metadata(&control).unwrap().uid(), 65534);
        assert_eq!(fs::metadata(control.parent().unwrap()).unwrap().uid(), 0);
    }

    #[test]
    fn what_a_killed_broker_left_is_swept_and_nothing_else() {
        let holder = tempfile::tempdir().unwrap();
        let control = holder.path().join("narthex/control");
        let place = Place::make(&control, own()).unwrap();
        std::mem::forget(place.listen("1", 5).unwrap());
        std::mem::forget(place);
        let place = Place::make(&control, own()).unwrap();
        assert_eq!(fs::read_dir(control.parent().unwrap()).unwrap().count(), 0);
        drop(place);
        let open = control.parent().unwrap();
        fs::create_dir(open).unwrap();
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Place::make(&control, own()).is_err());
    }

    #[test]
    fn a_name_that_is_too_long_is_told_at_once() {
        let control = Path::new("/run").join("x".repeat(100)).join("control");
        let Err(told) = Place::make(&control, own()) else { panic!("it was made") };
        assert!(told.contains("DefaultRuntimeDir"), "{told}");
    }
}
