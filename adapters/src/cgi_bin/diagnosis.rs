//! Why a program does not start, as whoever wrote it has to be told.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
};

#[cfg(feature = "cgi-bin")]
use rustix::io::Errno;

/// How much of a first line the system reads (`BINPRM_BUF_SIZE`).
const LINE: u64 = 256;

/// What can be seen to be wrong with a program without starting it; `None` where nothing is.
#[must_use]
pub fn why_not(file: &Path) -> Option<String> {
    match file.metadata() {
        Ok(found) if found.permissions().mode() & 0o111 == 0 => {
            Some(format!("it may not be executed: chmod +x {}", file.display()))
        }
        Ok(_) => first_line(file).and_then(|line| judge(&line)),
        Err(error) => Some(error.to_string()),
    }
}

/// Why `file` could not be started, the system having said `error`.
#[cfg(feature = "cgi-bin")]
pub(super) fn explain(file: &Path, error: &io::Error) -> String {
    if let Some(reason) = why_not(file) {
        return reason;
    }
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS) => format!(
            "this user may not execute it, or not its interpreter, or the file system is mounted \
             noexec: {error}"
        ),
        Some(Errno::NOEXEC) => {
            "it is no program: a script begins with a line such as #!/usr/bin/env python3"
                .to_owned()
        }
        Some(Errno::TXTBSY) => "it is being written at the moment".to_owned(),
        _ => error.to_string(),
    }
}

/// What is wrong with a first line, if it is that of a script.
fn judge(line: &[u8]) -> Option<String> {
    let line = line.strip_prefix(b"#!")?;
    if line.ends_with(b"\r") {
        return Some(
            "its first line ends with CR LF, as on Windows, and so would the name of its \
             interpreter: save it with LF"
                .to_owned(),
        );
    }
    let interpreter = line.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let shown = String::from_utf8_lossy(interpreter);
    if interpreter.is_empty() {
        return Some("its first line names no interpreter".to_owned());
    }
    let path = Path::new(std::ffi::OsStr::from_bytes(interpreter));
    match path.metadata() {
        Ok(found) if found.is_dir() => Some(format!("its interpreter {shown} is a directory")),
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some(format!("its interpreter {shown} is missing"))
        }
        Err(error) => Some(format!("its interpreter {shown}: {error}")),
    }
}

/// The first line of a file that this user may read.
fn first_line(file: &Path) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    File::open(file).ok()?.take(LINE).read_to_end(&mut line).ok()?;
    let end = line.iter().position(|&byte| byte == b'\n');
    line.truncate(end.unwrap_or(line.len()));
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_is_judged() {
        assert_eq!(judge(b"#!/bin/sh"), None);
        assert_eq!(judge(b"#! /bin/sh -e x"), None);
        assert_eq!(judge(b"\x7fELF"), None);
        assert_eq!(judge(b""), None);
        for (line, words) in [
            (&b"#!/bin/sh\r"[..], "CR LF"),
            (b"#!/usr/bin/env python3\r", "CR LF"),
            (b"#!/no/such -x", "/no/such is missing"),
            (b"#!/tmp", "is a directory"),
            (b"#!", "names no interpreter"),
        ] {
            let told = judge(line).unwrap();
            assert!(told.contains(words), "{told}");
        }
    }
}
