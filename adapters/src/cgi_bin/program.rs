//! From a path to a program.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use narthex_core::Blocking;

use crate::beneath::{Found, Root};

/// A program, and how much of the path it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Program {
    /// Its absolute path.
    pub(super) file: PathBuf,
    /// How many bytes of the path lead to it; the rest is `PATH_INFO`.
    pub(super) length: usize,
    /// Whether anybody may execute it.
    pub(super) executable: bool,
}

impl Program {
    /// Looks for the program that `path`, decoded and below the route, begins with; `None` where
    /// there is none. The first file on the way is the one: what follows is for it to read.
    ///
    /// Dot segments are gone by now, so a segment that begins with a dot is a hidden file, and no
    /// program. A program has one URL: repeated slashes are not passed over. Backslashes are no
    /// separators here, but a proxy may think so.
    ///
    /// # Errors
    /// The system failed: no descriptors, a broken disk.
    pub(super) fn find(
        root: &Root,
        path: &[u8],
        blocking: &dyn Blocking,
    ) -> io::Result<Option<Self>> {
        let Some(names) = path.strip_prefix(b"/") else { return Ok(None) };
        let mut end = 0;
        for segment in names.split(|&byte| byte == b'/') {
            if matches!(segment, [] | [b'.', ..]) || segment.contains(&b'\\') {
                return Ok(None);
            }
            end += 1 + segment.len();
            match root.find(&path[1..end], blocking)? {
                Found::File(_, stat) => {
                    let file = root.path().join(OsStr::from_bytes(&path[1..end]));
                    let executable = stat.st_mode & 0o111 != 0;
                    return Ok(Some(Self { file, length: end, executable }));
                }
                Found::Directory => {}
                Found::Nothing(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Whether it wants to write HTTP itself (RFC 3875, 5).
    pub(super) fn is_nph(&self) -> bool {
        self.file.file_name().is_some_and(|name| name.as_bytes().starts_with(b"nph-"))
    }

    /// The directory it lies in, and runs in (RFC 3875, 7.2).
    pub(super) fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use narthex_core::Inline;

    use super::*;
    use crate::beneath::LOOK;

    #[test]
    fn the_first_file_on_the_way_is_the_program() {
        let folder = std::env::temp_dir().join(format!("narthex-program-{}", std::process::id()));
        fs::create_dir_all(folder.join("sub dir/.git")).unwrap();
        for (name, mode) in
            [("a", 0o755), ("plain", 0o644), ("sub dir/b c", 0o711), (".hidden", 0o755)]
        {
            fs::write(folder.join(name), "").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        std::os::unix::fs::symlink("/bin/sh", folder.join("out")).unwrap();
        let root = Root::open(&folder, LOOK).unwrap();
        let find = |path: &str| {
            let found = Program::find(&root, path.as_bytes(), &Inline).unwrap()?;
            assert!(found.file.starts_with(&folder));
            Some((path[..found.length].to_owned(), found.executable))
        };
        let found = |name: &str, executable| Some((name.to_owned(), executable));
        assert_eq!(find("/a"), found("/a", true));
        assert_eq!(find("/a/"), found("/a", true));
        assert_eq!(find("/a//x/.y\\z"), found("/a", true));
        assert_eq!(find("/plain/x"), found("/plain", false));
        assert_eq!(find("/sub dir/b c/x"), found("/sub dir/b c", true));
        for path in ["", "/", "//a", "/A", "/ab", "/sub dir", "/sub dir/", "/sub dir/x", "/out"] {
            assert_eq!(find(path), None, "{path}");
        }
        for path in ["/.hidden", "/sub dir//b c", "/sub dir/.git/x", "/sub dir\\b c"] {
            assert_eq!(find(path), None, "{path}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
