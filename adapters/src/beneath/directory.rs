//! Opens files below a directory, and nowhere else.

#[cfg(feature = "static-files")]
use std::ffi::CStr;
use std::{
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use narthex_core::Blocking;
use rustix::{
    fs::{self, FileType, Mode, OFlags, ResolveFlags, Stat},
    io::Errno,
};

/// Opens files to read them. A special file is never waited for, and a terminal never becomes ours.
#[cfg(any(feature = "static-files", test))]
pub(crate) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Opens files only to see what they are: those that may be executed need not be readable.
#[cfg(feature = "cgi-bin")]
pub(crate) const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// How often a lookup that others disturb by renaming is tried.
const TRIES: usize = 4;

/// A directory that holds what may be served.
#[derive(Debug)]
pub(crate) struct Directory {
    descriptor: OwnedFd,
    /// How files are opened.
    flags: OFlags,
    /// For the kernel that cannot keep a lookup below a directory, and for absolute links.
    path: PathBuf,
    /// What the kernel can do (Linux 5.6, and 5.12 for `CACHED`), unless a sandbox forbids it.
    beneath: bool,
    cached: bool,
}

/// What was found under a name.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "static-files"),
    expect(dead_code, reason = "of a program it is enough to know that it is there")
)]
pub(crate) enum Found {
    /// A regular file.
    File(OwnedFd, Stat),
    /// A directory.
    Directory,
    /// Nothing that can be served; the reason is for the log.
    Nothing(Errno),
}

impl Directory {
    /// Opens `path`, whose files are opened by `flags`, and sees what the kernel can do.
    ///
    /// # Errors
    /// It is no directory, or may not be read.
    pub(crate) fn open(path: &Path, flags: OFlags) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let own = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let descriptor = fs::open(&path, own, Mode::empty())?;
        fs::accessat(
            &descriptor,
            ".",
            fs::Access::READ_OK | fs::Access::EXEC_OK,
            fs::AtFlags::empty(),
        )?;
        let can = |resolve| {
            let probe = fs::openat2(&descriptor, ".", own, Mode::empty(), resolve);
            !matches!(probe, Err(Errno::NOSYS | Errno::PERM | Errno::INVAL))
        };
        let beneath = can(ResolveFlags::BENEATH);
        let cached = beneath && can(ResolveFlags::BENEATH | ResolveFlags::CACHED);
        Ok(Self { descriptor, flags, path, beneath, cached })
    }

    /// Looks for `name`; at once where the kernel has it in memory, else by `blocking`.
    ///
    /// # Errors
    /// The system failed: no descriptors, a broken disk.
    pub(crate) fn find(&self, name: &[u8], blocking: &dyn Blocking) -> io::Result<Found> {
        let name = if name.is_empty() { b"." } else { name };
        let opened = match self.lookup(name) {
            Err(Errno::AGAIN) => {
                let mut opened = Err(Errno::AGAIN);
                blocking.block(&mut || opened = self.lookup_patiently(name));
                opened
            }
            opened => opened,
        };
        let file = match opened {
            Ok(file) => file,
            Err(
                errno @ (Errno::NOENT
                | Errno::NOTDIR
                | Errno::ACCESS
                | Errno::PERM
                | Errno::LOOP
                | Errno::XDEV
                | Errno::NAMETOOLONG
                | Errno::INVAL
                | Errno::ILSEQ
                | Errno::NXIO
                | Errno::NODEV),
            ) => return Ok(Found::Nothing(errno)),
            Err(errno) => return Err(errno.into()),
        };
        let stat = fs::fstat(&file)?;
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Found::File(file, stat),
            FileType::Directory => Found::Directory,
            _ => Found::Nothing(Errno::NXIO),
        })
    }

    /// Whether `path` still leads here.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        match (fs::stat(path), fs::fstat(&self.descriptor)) {
            (Ok(there), Ok(here)) => (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino),
            // Gone, for the moment: better what there was.
            _ => true,
        }
    }

    /// What is known of the file called `name`, links followed. Nothing is opened: that it lies below
    /// the directory was seen when it was.
    #[cfg(feature = "static-files")]
    pub(crate) fn stat(&self, name: &CStr) -> Option<Stat> {
        fs::statat(&self.descriptor, name, fs::AtFlags::empty()).ok()
    }

    fn lookup(&self, name: &[u8]) -> Result<OwnedFd, Errno> {
        if self.cached { self.beneath(name, ResolveFlags::CACHED) } else { Err(Errno::AGAIN) }
    }

    fn lookup_patiently(&self, name: &[u8]) -> Result<OwnedFd, Errno> {
        let mut outcome = Err(Errno::AGAIN);
        for _ in 0..TRIES {
            outcome = if self.beneath {
                self.beneath(name, ResolveFlags::empty())
            } else {
                self.beneath_by_name(name)
            };
            if !matches!(outcome, Err(Errno::AGAIN)) {
                break;
            }
        }
        outcome
    }

    fn beneath(&self, name: &[u8], resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
        let open = |name: &[u8]| {
            let resolve = resolve | ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            fs::openat2(&self.descriptor, name, self.flags, Mode::empty(), resolve)
        };
        match open(name) {
            // Perhaps an absolute link that leads back inside. Where it leads is asked by name; the
            // kernel then makes sure of it again.
            Err(Errno::XDEV) if resolve.contains(ResolveFlags::CACHED) => Err(Errno::AGAIN),
            Err(Errno::XDEV) => open(self.inside(name)?.as_os_str().as_bytes()),
            outcome => outcome,
        }
    }

    /// For old kernels: where the name leads is found out first. Whoever can rename directories
    /// inside meanwhile could lead the second step astray.
    fn beneath_by_name(&self, name: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = self.flags | OFlags::NOFOLLOW;
        fs::openat(&self.descriptor, self.inside(name)?, flags, Mode::empty())
    }

    /// Where `name` leads, relative to the directory, without links.
    fn inside(&self, name: &[u8]) -> Result<PathBuf, Errno> {
        let path = self.path.join(std::ffi::OsStr::from_bytes(name));
        let real = path
            .canonicalize()
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::NOENT))?;
        let inside = real.strip_prefix(&self.path).map_err(|_| Errno::XDEV)?;
        Ok(if inside.as_os_str().is_empty() { ".".into() } else { inside.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use narthex_core::Inline;

    use super::*;

    /// A directory of this test's own, removed with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("narthex-{name}-{}", std::process::id()));
            std::fs::create_dir_all(path.join("inside/deep")).unwrap();
            std::fs::write(path.join("secret"), "s").unwrap();
            std::fs::write(path.join("inside/file"), "f").unwrap();
            let inside = path.canonicalize().unwrap().join("inside");
            symlink("../secret", inside.join("out")).unwrap();
            symlink("/etc", inside.join("etc")).unwrap();
            symlink("../file", inside.join("deep/back")).unwrap();
            symlink(inside.join("file"), inside.join("absolute")).unwrap();
            symlink("loop", inside.join("loop")).unwrap();
            Self(path)
        }

        fn directory(&self) -> Directory {
            Directory::open(&self.0.join("inside"), READ).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn check(directory: &Directory) {
        let find = |name: &str| directory.find(name.as_bytes(), &Inline).unwrap();
        for name in ["file", "deep/back", "absolute"] {
            assert!(matches!(find(name), Found::File(..)), "{name}");
        }
        for name in ["", "deep"] {
            assert!(matches!(find(name), Found::Directory), "{name}");
        }
        let long = "x".repeat(5000);
        for name in [
            "out",
            "etc",
            "etc/passwd",
            "../secret",
            "/etc/passwd",
            "loop",
            "none",
            "file/x",
            &long,
        ] {
            assert!(matches!(find(name), Found::Nothing(_)), "{name}");
        }
    }

    #[test]
    fn nothing_outside_is_found() {
        let scratch = Scratch::new("directory");
        let directory = scratch.directory();
        assert!(directory.beneath, "the kernel of the tests has openat2");
        check(&directory);
    }

    #[test]
    fn nor_on_an_old_kernel() {
        let scratch = Scratch::new("old-directory");
        check(&Directory { beneath: false, cached: false, ..scratch.directory() });
    }

    #[test]
    fn a_file_is_no_directory() {
        let scratch = Scratch::new("no-directory");
        assert!(Directory::open(&scratch.0.join("secret"), READ).is_err());
        assert!(Directory::open(&scratch.0.join("none"), READ).is_err());
    }
}
