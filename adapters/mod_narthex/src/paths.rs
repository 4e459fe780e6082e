//! Where in a path an application is mounted.

use std::borrow::Cow;

use bytes::Bytes;

/// The rest of a decoded path below a mount: empty, or it begins with a slash. Repeated slashes are as
/// one, as in `<Location>`.
pub(crate) fn below<'a>(path: &'a [u8], mount: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = path.strip_prefix(mount) {
        return matches!(rest.first(), None | Some(b'/')).then_some(rest);
    }
    let mut rest = path;
    for segment in segments(mount) {
        let start = rest.iter().position(|&byte| byte != b'/').filter(|&start| start > 0)?;
        rest = rest[start..].strip_prefix(segment)?;
    }
    matches!(rest.first(), None | Some(b'/')).then_some(rest)
}

/// Where the directory of an application is in the path of a request: the end of the mount, and of the
/// slashes that follow it the first.
///
/// `directory` is that of the section, with wildcards perhaps, and `file` with `path_info` is what httpd
/// has made of the path. If they do not end alike, the URL was mapped in a way that says nothing.
pub(crate) fn mount_in(
    path: &[u8],
    directory: &str,
    file: &[u8],
    path_info: &[u8],
) -> Option<usize> {
    let depth = segments(directory.as_bytes()).count();
    let inside: Vec<_> = segments(file).skip(depth).chain(segments(path_info)).collect();
    let mut end = path.len();
    for segment in inside.iter().rev() {
        let trimmed = trimmed(&path[..end]);
        end = path[..trimmed].strip_suffix(*segment)?.len();
        if end == 0 || path[end - 1] != b'/' {
            return None;
        }
    }
    Some(trimmed(&path[..end]))
}

/// A path without repeated slashes.
pub(crate) fn squeezed(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.windows(2).any(|pair| pair == b"//") {
        return Cow::Borrowed(path);
    }
    let mut squeezed = path.to_vec();
    squeezed.dedup_by(|a, b| *a == b'/' && *b == b'/');
    Cow::Owned(squeezed)
}

/// The path below a mount as the client sent it, decoded, if httpd has made `path_info` from it; that
/// may have lost repeated slashes, or have kept `%2F` (`AllowEncodedSlashes NoDecode`).
///
/// None if it is the same, or the URL was rewritten.
pub(crate) fn recovered(target: &[u8], mount: &[u8], path_info: &[u8]) -> Option<Bytes> {
    let end = target.iter().position(|&byte| byte == b'?').unwrap_or(target.len());
    let (path, _) = target.split_at(end);
    if path.strip_prefix(mount) == Some(path_info) && !path_info.contains(&b'%') {
        return None;
    }
    let (target, path_info) = (Bytes::copy_from_slice(target), Bytes::copy_from_slice(path_info));
    narthex_core::sent_below(&target, mount, &path_info)
}

/// Whether a file in an application's directory is one that no server hands out: Python's own, and what
/// a name with a dot hides. `inside` is its path below the directory.
pub(crate) fn is_private(inside: &[u8]) -> bool {
    let python: [&[u8]; 8] =
        [b".py", b".pyc", b".pyo", b".pyi", b".pyw", b".pyd", b".pth", b".wsgi"];
    segments(inside).any(|segment| segment.starts_with(b".") || segment == b"__pycache__")
        || python.iter().any(|extension| inside.to_ascii_lowercase().ends_with(extension))
}

/// What of `file` is below `directory`.
pub(crate) fn inside<'a>(file: &'a [u8], directory: &str) -> &'a [u8] {
    let mut rest = file;
    for _ in segments(directory.as_bytes()) {
        let start = rest.iter().position(|&byte| byte != b'/').unwrap_or(rest.len());
        let length = rest[start..].iter().position(|&byte| byte == b'/');
        rest = &rest[length.map_or(rest.len(), |length| start + length)..];
    }
    rest
}

fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty())
}

/// The length of a path without the slashes at its end.
fn trimmed(path: &[u8]) -> usize {
    path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_taken_off_whole() {
        for (path, mount, rest) in [
            ("/x/y", "/x", Some("/y")),
            ("/x", "/x", Some("")),
            ("/x/", "/x", Some("/")),
            ("/xy", "/x", None),
            ("/", "", Some("/")),
            ("//a//b/c", "/a/b", Some("/c")),
            ("/a//b", "/a", Some("//b")),
            ("/a", "/a/b", None),
            ("a/b", "/a", None),
        ] {
            let found = below(path.as_bytes(), mount.as_bytes());
            assert_eq!(found, rest.map(str::as_bytes), "{path} below {mount}");
        }
    }

    #[test]
    fn a_directory_is_found_in_the_path() {
        for (path, directory, file, path_info, mount) in [
            ("/x/a/b", "/srv/x/", "/srv/x/a", "/b", Some("/x")),
            ("/x/", "/srv/x/", "/srv/x/", "", Some("/x")),
            ("/x", "/srv/x/", "/srv/x", "", Some("/x")),
            ("/", "/srv/x/", "/srv/x/", "", Some("")),
            ("/a", "/srv/x/", "/srv/x/a", "", Some("")),
            ("/~joe/w/a//", "/home/*/w/", "/home/joe/w/a", "//", Some("/~joe/w")),
            ("/x//a/./b", "/srv/x/", "/srv/x/a/./b", "", Some("/x")),
            ("/x//a", "/srv/x/", "/srv/x/a", "", Some("/x")),
            ("/other", "/srv/x/", "/srv/x/a", "", None),
            ("/xa", "/srv/x/", "/srv/x/a", "", None),
        ] {
            let end = mount_in(path.as_bytes(), directory, file.as_bytes(), path_info.as_bytes());
            assert_eq!(end.map(|end| &path[..end]), mount, "{path} in {directory}");
        }
    }

    #[test]
    fn what_the_client_sent_comes_back() {
        let recovered = |target: &str, mount: &str, path: &str| {
            recovered(target.as_bytes(), mount.as_bytes(), path.as_bytes())
        };
        assert_eq!(recovered("/x/a?b", "/x", "/a"), None);
        assert_eq!(recovered("/x/a%2Fb", "/x", "/a%2Fb").as_deref(), Some(b"/a/b".as_slice()));
        assert_eq!(recovered("/x/a%252Fb", "/x", "/a%2Fb").as_deref(), Some(b"/a%2Fb".as_slice()));
        assert_eq!(recovered("/x//a", "/x", "/a").as_deref(), Some(b"//a".as_slice()));
        assert_eq!(recovered("/before", "/x", "/a"), None);
    }

    #[test]
    fn sources_and_hidden_files_are_private() {
        for name in ["app.py", "a/b.PY", "x.wsgi", ".env", "a/.git/config", "__pycache__/x.png"] {
            assert!(is_private(name.as_bytes()), "{name}");
        }
        for name in ["style.css", "a/b.js", "python.html", "happy"] {
            assert!(!is_private(name.as_bytes()), "{name}");
        }
        assert_eq!(inside(b"/srv/x/a/b", "/srv/x/"), b"/a/b");
        assert_eq!(inside(b"/srv/x", "/srv/x/"), b"");
        assert_eq!(inside(b"/home/joe/w/a", "/home/*/w/"), b"/a");
    }

    #[test]
    fn slashes_are_squeezed() {
        assert_eq!(&*squeezed(b"//a///b/"), b"/a/b/");
        assert_eq!(&*squeezed(b"/a/b"), b"/a/b");
    }
}
