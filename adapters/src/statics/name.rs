//! From a path to the name of a file.

/// The name of a file, relative to a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Name<'a> {
    /// Without a slash at either end; empty for the directory itself.
    pub(super) path: &'a [u8],
    /// Whether the path ended with a slash: a directory is meant.
    pub(super) directory: bool,
}

impl<'a> Name<'a> {
    /// Reads what is left of a decoded path after its route; `None` where no file can be meant.
    ///
    /// Dot segments are gone by now, so a segment that begins with a dot is a hidden file: nothing
    /// that tells of versions, passwords or editors is ever served. `/.well-known/` is there to be
    /// seen (RFC 8615), below the root only. A file has one URL: repeated slashes are not passed
    /// over. Backslashes are no separators here, but a proxy may think so.
    pub(super) fn read(rest: &'a [u8], at_root: bool) -> Option<Self> {
        let path = rest.strip_prefix(b"/").unwrap_or(rest);
        let (path, directory) = match path.strip_suffix(b"/") {
            Some(path) => (path, true),
            None => (path, path.is_empty() && !rest.is_empty()),
        };
        if path.is_empty() {
            return (rest.len() < 2).then_some(Self { path, directory });
        }
        let allowed = path.split(|&byte| byte == b'/').enumerate().all(|(position, segment)| {
            let known = at_root && position == 0 && segment == b".well-known";
            known || !matches!(segment, [] | [b'.', ..])
        });
        let plain = !path.iter().any(|byte| matches!(byte, 0 | b'\\'));
        (allowed && plain).then_some(Self { path, directory })
    }

    /// The type of the content, by the extension.
    pub(super) fn kind(path: &[u8]) -> &'static str {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        name.iter()
            .rposition(|&byte| byte == b'.')
            .and_then(|dot| std::str::from_utf8(&name[dot + 1..]).ok())
            .and_then(|extension| mime_guess::from_ext(extension).first_raw())
            .unwrap_or("application/octet-stream")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_or_a_directory() {
        let read = |rest: &'static str| {
            Name::read(rest.as_bytes(), false)
                .map(|name| (std::str::from_utf8(name.path).unwrap(), name.directory))
        };
        assert_eq!(read("/a/b.css"), Some(("a/b.css", false)));
        assert_eq!(read("/a/"), Some(("a", true)));
        assert_eq!(read("/"), Some(("", true)));
        assert_eq!(read(""), Some(("", false)));
        for rest in ["//", "//a", "/a//b", "/a//", "/.git/config", "/a/.env", "/a\\b", "/a\0"] {
            assert_eq!(read(rest), None, "{rest:?}");
        }
    }

    #[test]
    fn only_the_root_has_well_known() {
        assert!(Name::read(b"/.well-known/x", true).is_some());
        assert!(Name::read(b"/.well-known/.x", true).is_none());
        assert!(Name::read(b"/a/.well-known/x", true).is_none());
        assert!(Name::read(b"/.well-known/x", false).is_none());
        assert!(Name::read(b"/.well-knownx/x", true).is_none());
    }

    #[test]
    fn the_extension_tells_the_type() {
        assert_eq!(Name::kind(b"a.b/app.JS"), "text/javascript");
        assert_eq!(Name::kind(b"page.html"), "text/html");
        for path in [&b"a.css/b"[..], b"file", b"x.\xff", b"x."] {
            assert_eq!(Name::kind(path), "application/octet-stream", "{path:?}");
        }
    }
}
