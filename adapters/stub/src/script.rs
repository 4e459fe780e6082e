//! The file that an application is in, and what tells one version of it from the next.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// Files beside a script that settings are read from.
pub const SETTINGS: [&str; 2] = ["narthex.toml", "pyproject.toml"];

/// The file of what may be `file.py:attribute` or `file.py:factory("x")`.
#[must_use]
pub fn script_file(script: &OsStr) -> PathBuf {
    if fs::symlink_metadata(script).is_ok() {
        return script.into();
    }
    let bytes = script.as_bytes();
    let end = bytes.iter().position(|&byte| byte == b'(').unwrap_or(bytes.len());
    let colon = bytes[..end].iter().rposition(|&byte| byte == b':').unwrap_or(end);
    OsStr::from_bytes(&bytes[..colon]).into()
}

/// What tells a file from an older one at its place.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct FileVersion {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
}

impl FileVersion {
    /// The version of the file at `path`, if there is one.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            file: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    }

    /// Whether both are the same file, whatever it says.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        self.file == other.file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_found_in_what_names_the_application() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("app.py");
        let named = |end: &str| {
            let mut text = file.clone().into_os_string();
            text.push(end);
            script_file(&text)
        };
        for end in ["", ":app", ":make(\"a:b\")"] {
            assert_eq!(named(end), file);
        }
        fs::write(place.path().join("app.py:x"), "").unwrap();
        assert_eq!(named(":x"), place.path().join("app.py:x"));
    }

    #[test]
    fn an_edit_makes_another_version() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("app.py");
        assert_eq!(FileVersion::of(&file), None);
        fs::write(&file, "1").unwrap();
        let first = FileVersion::of(&file).unwrap();
        assert_eq!(FileVersion::of(&file).unwrap(), first);
        fs::write(&file, "22").unwrap();
        let second = FileVersion::of(&file).unwrap();
        assert!(second != first && second.is_same_file(&first));
    }
}
