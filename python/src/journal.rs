//! The logs: one write for each line, and no line that a client could have written.

use std::{
    fmt::{self, Write as _},
    fs::{File, OpenOptions},
    io,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use http::{
    HeaderValue,
    header::{REFERER, USER_AGENT},
};
use narthex_core::{Access, Journal, Level};

/// The logs of a server: errors on standard error, accesses in a file if one is wanted.
#[derive(Debug)]
pub(crate) struct Log {
    level: Level,
    access: Option<AccessLog>,
    lost: Lost,
}

/// Where accesses are written.
#[derive(Debug)]
struct AccessLog {
    to: Target,
    lost: Lost,
}

#[derive(Debug)]
enum Target {
    Output,
    Errors,
    /// Read-locked for a write, so that threads write at once: each line is one appending write.
    File(PathBuf, RwLock<File>),
}

/// Lines that could not be written since the last one that could.
#[derive(Debug, Default)]
struct Lost(AtomicU64);

impl Log {
    /// A log of what is at least as grave as `level`.
    pub(crate) fn new(level: Level) -> Self {
        Self { level, access: None, lost: Lost::default() }
    }

    /// Writes accesses to `path`, or to standard output if it is `-`.
    ///
    /// A gateway's standard output is the response: there `-` is standard error.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn with_access(mut self, path: &Path, gateway: bool) -> io::Result<Self> {
        let to = match (path == Path::new("-"), gateway) {
            (true, true) => Target::Errors,
            (true, false) => Target::Output,
            (false, _) => {
                // A later change of directory must not move the file.
                let path = std::path::absolute(path)?;
                let file = RwLock::new(append(&path)?);
                Target::File(path, file)
            }
        };
        self.access = Some(AccessLog { to, lost: Lost::default() });
        Ok(self)
    }

    /// Writes a line for whoever started the server.
    pub(crate) fn notice(&self, message: &dyn fmt::Display) {
        let mut line = Line::default();
        line.0.extend_from_slice(b"narthex: ");
        line.message(message);
        self.errors(line);
    }

    /// Opens the access log again, after its file was moved away. Says whether it has one.
    ///
    /// # Errors
    /// The file cannot be opened; the old one stays in use.
    pub(crate) fn reopen(&self) -> io::Result<bool> {
        let Some(AccessLog { to: Target::File(path, file), .. }) = &self.access else {
            return Ok(false);
        };
        let new = append(path)?;
        *file.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(true)
    }

    fn errors(&self, line: Line) {
        // Nobody is left to be told when standard error itself fails.
        let _ = self.lost.account(write_line(rustix::stdio::stderr(), line));
    }
}

impl Journal for Log {
    fn write(&self, level: Level, message: &dyn fmt::Display) {
        if level < self.level {
            return;
        }
        let mut line = Line::default();
        line.0.extend_from_slice(b"narthex: ");
        line.0.extend_from_slice(level.as_str().as_bytes());
        line.0.extend_from_slice(b": ");
        line.message(message);
        self.errors(line);
    }

    fn wants_access(&self) -> bool {
        self.access.is_some()
    }

    fn access(&self, access: &Access<'_>) {
        let Some(log) = &self.access else { return };
        let line = combined(access, SystemTime::now());
        let written = match &log.to {
            Target::Output => write_line(rustix::stdio::stdout(), line),
            Target::Errors => write_line(rustix::stdio::stderr(), line),
            Target::File(_, file) => {
                write_line(file.read().unwrap_or_else(PoisonError::into_inner).as_fd(), line)
            }
        };
        match log.lost.account(written) {
            Change::None => {}
            Change::Fails(error) => {
                self.write(Level::Error, &format_args!("access log cannot be written: {error}"));
            }
            Change::Works(lost) => {
                let message =
                    format_args!("access log can be written again; {lost} lines are lost");
                self.write(Level::Warning, &message);
            }
        }
    }
}

/// What the outcome of a write changes.
enum Change {
    None,
    Fails(io::Error),
    Works(u64),
}

impl Lost {
    /// Counts a line, so that a full disk is reported once and not once a request.
    fn account(&self, written: io::Result<()>) -> Change {
        match written {
            Ok(()) if self.0.load(Relaxed) == 0 => Change::None,
            Ok(()) => match self.0.swap(0, Relaxed) {
                0 => Change::None,
                lost => Change::Works(lost),
            },
            Err(error) => match self.0.fetch_add(1, Relaxed) {
                0 => Change::Fails(error),
                _ => Change::None,
            },
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Writes a line at once: lines of several threads and processes never mix.
fn write_line(to: BorrowedFd<'_>, mut line: Line) -> io::Result<()> {
    line.0.push(b'\n');
    let mut rest = &line.0[..];
    while !rest.is_empty() {
        match rustix::io::write(to, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The combined log format of Apache httpd: the one place that knows what a line looks like.
fn combined(access: &Access<'_>, now: SystemTime) -> Line {
    let head = access.request;
    let field = |name| head.and_then(|head| head.headers.get(name)).map(HeaderValue::as_bytes);
    let user = head
        .and_then(|head| head.gateway.as_ref()?.authentication.as_ref())
        .map(|authentication| &authentication.user[..]);
    let mut line = Line(Vec::with_capacity(256));
    line.bare(Some(access.client));
    line.0.extend_from_slice(b" - ");
    line.bare(user);
    line.time(now);
    match head {
        Some(head) => {
            line.0.push(b'"');
            line.visible(head.method.as_str().as_bytes(), QUOTED);
            line.0.push(b' ');
            line.visible(&head.target(), QUOTED);
            line.0.push(b' ');
            line.0.extend_from_slice(head.protocol().as_bytes());
            line.0.push(b'"');
        }
        None => line.0.extend_from_slice(b"\"-\""),
    }
    line.number(u64::from(access.status));
    match access.bytes {
        0 => line.0.extend_from_slice(b" -"),
        bytes => line.number(bytes),
    }
    line.quoted(field(REFERER));
    line.quoted(field(USER_AGENT));
    line
}

/// What would end a field in quotes, or make an escape ambiguous.
const QUOTED: &[u8] = b"\"\\";

/// A line being written.
#[derive(Default)]
struct Line(Vec<u8>);

impl Line {
    /// Text of ours in which a client's may be quoted. Further lines, such as those of a traceback,
    /// are indented: none of them can pass for a line of the log.
    fn message(&mut self, message: &dyn fmt::Display) {
        struct Escaping<'a>(&'a mut Line);
        impl fmt::Write for Escaping<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for (number, line) in text.split('\n').enumerate() {
                    if number > 0 {
                        self.0.0.extend_from_slice(b"\n  ");
                    }
                    self.0.visible(line.as_bytes(), b"");
                }
                Ok(())
            }
        }
        // A `Display` that fails leaves what it has written so far.
        let _ = write!(Escaping(self), "{message}");
    }

    /// A field without quotes: without spaces, therefore.
    fn bare(&mut self, value: Option<&[u8]>) {
        match value {
            None | Some(b"") => self.0.push(b'-'),
            Some(value) => self.visible(value, b" \"\\"),
        }
    }

    /// A space and a field in quotes.
    fn quoted(&mut self, value: Option<&[u8]>) {
        self.0.extend_from_slice(b" \"");
        match value {
            None | Some(b"") => self.0.push(b'-'),
            Some(value) => self.visible(value, QUOTED),
        }
        self.0.push(b'"');
    }

    /// Writes visible ASCII as it is, all else and what is `special` here escaped.
    fn visible(&mut self, value: &[u8], special: &[u8]) {
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
        for &byte in value {
            match byte {
                b' '..=b'~' if !special.contains(&byte) => self.0.push(byte),
                b'"' | b'\\' => self.0.extend_from_slice(&[b'\\', byte]),
                _ => self.0.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]),
            }
        }
    }

    fn number(&mut self, number: u64) {
        let _ = write!(Raw(&mut self.0), " {number}");
    }

    /// ` [10/Oct/2000:13:55:36 +0000]`: always UTC, so that no clock change makes lines ambiguous.
    fn time(&mut self, now: SystemTime) {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let _ = write!(
            Raw(&mut self.0),
            " [{day:02}/{}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000] ",
            MONTHS[month]
        );
    }
}

/// Formats into bytes.
struct Raw<'a>(&'a mut Vec<u8>);

impl fmt::Write for Raw<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Year, month from 0 and day from 1 of a day counted from 1970.
///
/// Years are taken to begin in March, so that the leap day comes last (H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let day = day - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 2 } else { march - 10 };
    let year = year + era * 400 + u64::from(month < 2);
    (year, usize::try_from(month).expect("months are fewer than 12"), day)
}
