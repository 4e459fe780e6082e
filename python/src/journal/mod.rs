//! The logs: whole lines, none of which a client could have written.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | the error log, and what the access log is handed |
//! | `format.rs`, `access.rs` | formats of the access log, read once and written by steps |
//! | `json.rs` | both logs as JSON |
//! | `line.rs`, `clock.rs` | escaping; times |
//! | `output.rs` | files and streams: gathering, reopening, lines that are lost |

mod access;
mod clock;
mod format;
mod json;
mod line;
mod output;

use std::{
    cell::RefCell,
    env, fmt, io,
    path::Path,
    sync::{Arc, Once},
    thread,
    time::SystemTime,
};

use narthex_core::{Access, Journal, Level, Metrics, RequestHead};

use clock::Moment;
pub(crate) use format::Format;
use line::Line;
pub(crate) use output::write_all;
use output::{Change, Output, Target};

/// The logs of a server, and its figures if anyone wants them.
#[derive(Debug)]
pub(crate) struct Log {
    errors: Arc<Errors>,
    access: Option<AccessLog>,
    metrics: Option<Metrics>,
}

/// A journal that is told more than what happens to requests.
pub(crate) trait Notices: Journal {
    /// Writes a line for whoever started the server.
    fn notice(&self, message: &dyn fmt::Display);
}

/// How lines of the error log look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Style {
    /// For people.
    #[default]
    Text,
    /// A JSON object for each line.
    Json,
}

impl Style {
    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The error log.
#[derive(Debug)]
struct Errors {
    level: Level,
    style: Style,
    output: Output,
    /// Lines begin with their priority: the journal of systemd reads them (sd-daemon(3)).
    priorities: bool,
    /// Not on standard error, where whoever starts a server waits to hear of it.
    elsewhere: bool,
}

/// Where and how accesses are written.
#[derive(Debug)]
struct AccessLog {
    format: Format,
    wants_response: bool,
    output: Arc<Output>,
    /// Starts the thread that writes what was gathered: late, so that a process that only starts
    /// others has none.
    gathering: Once,
}

impl Log {
    /// A log of what is at least as grave as `level`, on standard error.
    pub(crate) fn new(level: Level, style: Style) -> Self {
        let errors = Arc::new(Errors::standard(level, style));
        Self { errors, access: None, metrics: None }
    }

    /// Writes errors to `path`.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn with_errors(mut self, path: &Path) -> io::Result<Self> {
        let Errors { level, style, .. } = *self.errors;
        let output = Output::new(Target::file(path)?, 0);
        let errors = Errors { level, style, output, priorities: false, elsewhere: true };
        self.errors = Arc::new(errors);
        Ok(self)
    }

    /// Writes accesses to `path`, or to standard output if it is `-`; gathers up to `buffer` bytes
    /// of them.
    ///
    /// A gateway's standard output is the response: there `-` is standard error.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn with_access(
        mut self,
        path: &Path,
        gateway: bool,
        format: Format,
        buffer: usize,
    ) -> io::Result<Self> {
        let target = match (path == Path::new("-"), gateway) {
            (true, true) => Target::Errors,
            (true, false) => Target::Output,
            (false, _) => Target::file(path)?,
        };
        let output = Arc::new(Output::new(target, buffer));
        let wants_response = format.wants_response();
        let gathering = Once::new();
        self.access = Some(AccessLog { format, wants_response, output, gathering });
        Ok(self)
    }

    /// Counts what happens.
    pub(crate) fn with_metrics(mut self) -> Self {
        self.metrics = Some(Metrics::new());
        self
    }

    /// Opens the files of the logs again, after they were moved away. Says whether there are any.
    ///
    /// # Errors
    /// One cannot be opened; the old one stays in use.
    pub(crate) fn reopen(&self) -> io::Result<bool> {
        let (errors, change) = self.errors.output.reopen()?;
        self.errors.tell("error log", change);
        let Some(access) = &self.access else { return Ok(errors) };
        let (accesses, change) = access.output.reopen()?;
        self.errors.tell("access log", change);
        Ok(errors || accesses)
    }

    /// Writes what is still gathered, at the end of a process.
    pub(crate) fn flush(&self) {
        let Some(access) = &self.access else { return };
        self.errors.tell("access log", access.output.flush());
        let lost = access.output.lost();
        if lost > 0 {
            self.write(Level::Warning, &format_args!("{lost} lines of the access log are lost"));
        }
    }
}

impl Notices for Log {
    fn notice(&self, message: &dyn fmt::Display) {
        self.errors.notice(message);
    }
}

impl Journal for Log {
    fn write(&self, level: Level, message: &dyn fmt::Display) {
        self.errors.write(level, None, message);
    }

    fn write_about(&self, level: Level, request: &RequestHead, message: &dyn fmt::Display) {
        if level == Level::Error
            && let Some(metrics) = &self.metrics
        {
            metrics.failed();
        }
        self.errors.write(level, Some(request), message);
        if level == Level::Error
            && let Some(connection) = request.connection.expiry.find()
        {
            connection.tell(message);
        }
    }

    fn wants_access(&self) -> bool {
        self.access.is_some() || self.metrics.is_some()
    }

    fn wants_response(&self) -> bool {
        self.access.as_ref().is_some_and(|log| log.wants_response)
    }

    fn access(&self, access: &Access<'_>) {
        thread_local! {
            static LINE: RefCell<Line> = RefCell::default();
        }
        if let Some(metrics) = &self.metrics {
            metrics.answered(access);
        }
        let Some(log) = &self.access else { return };
        let change = LINE.with_borrow_mut(|line| {
            line.0.clear();
            access::write(&log.format, access, SystemTime::now(), line);
            log.output.write(&line.0)
        });
        self.errors.tell("access log", change);
        log.gather(&self.errors);
    }

    fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }
}

impl AccessLog {
    /// Makes sure that what is gathered is written after a while.
    fn gather(&self, errors: &Arc<Errors>) {
        if !self.output.gathers() || self.gathering.is_completed() {
            return;
        }
        self.gathering.call_once(|| {
            let (output, errors) = (Arc::clone(&self.output), Arc::clone(errors));
            let thread = thread::Builder::new().name("narthex-log".to_owned());
            let spawned = thread.spawn(move || {
                loop {
                    errors.tell("access log", output.flush_later());
                }
            });
            if spawned.is_err() {
                self.output.gather_nothing();
            }
        });
    }
}

impl Errors {
    fn write(&self, level: Level, request: Option<&RequestHead>, message: &dyn fmt::Display) {
        if level < self.level {
            return;
        }
        let mut line = Line::default();
        if self.style == Style::Json {
            json::error(level, request, message, Moment::new(SystemTime::now()), &mut line);
        } else {
            line.text(b"narthex: ");
            line.text(level.as_str().as_bytes());
            line.text(b": ");
            let start = line.0.len();
            line.message(message);
            if let Some(id) = request.and_then(RequestHead::id) {
                // Behind the first line: a traceback may follow.
                let first = line.0[start..].iter().position(|&byte| byte == b'\n');
                let rest = line.0.split_off(first.map_or(line.0.len(), |first| start + first));
                line.formatted(format_args!(" [{id}]"));
                line.text(&rest);
            }
        }
        self.put(line, priority(level));
    }

    fn notice(&self, message: &dyn fmt::Display) {
        const NOTICE: u8 = b'5';
        let text = || {
            let mut line = Line::default();
            line.text(b"narthex: ");
            line.message(message);
            line
        };
        if self.style == Style::Json {
            let mut line = Line::default();
            json::error(Level::Info, None, message, Moment::new(SystemTime::now()), &mut line);
            self.put(line, NOTICE);
        } else {
            self.put(text(), NOTICE);
        }
        if self.elsewhere {
            // Who does not listen does not want to know.
            let _ = Output::new(Target::Errors, 0).write(&text().0);
        }
    }

    fn put(&self, line: Line, priority: u8) {
        let line = if self.priorities { marked(&line, priority) } else { line };
        let change = self.output.write(&line.0);
        // When standard error itself fails, nobody is left to be told.
        if self.elsewhere && !matches!(change, Change::None) {
            Self::standard(self.level, self.style).tell("error log", change);
        }
    }

    /// The error log on standard error.
    fn standard(level: Level, style: Style) -> Self {
        let output = Output::new(Target::Errors, 0);
        Self { level, style, output, priorities: is_journal(), elsewhere: false }
    }

    /// Says what has changed for the lines of a log.
    fn tell(&self, name: &str, change: Change) {
        match change {
            Change::None => {}
            Change::Fails(error) => {
                self.write(Level::Error, None, &format_args!("{name} cannot be written: {error}"));
            }
            Change::Works(lost) => {
                let message = format_args!("{name} can be written again; {lost} lines are lost");
                self.write(Level::Warning, None, &message);
            }
        }
    }
}

/// The priority of a level (syslog(3)).
fn priority(level: Level) -> u8 {
    match level {
        Level::Debug => b'7',
        Level::Info => b'6',
        Level::Warning => b'4',
        Level::Error => b'3',
    }
}

/// A message of several lines with its priority before each.
fn marked(line: &Line, priority: u8) -> Line {
    let mut marked = Line::default();
    for (number, part) in line.0.split(|&byte| byte == b'\n').enumerate() {
        if number > 0 {
            marked.text(b"\n");
        }
        marked.text(&[b'<', priority, b'>']);
        marked.text(part);
    }
    marked
}

/// Whether standard error is connected to the journal of systemd (systemd.exec(5)).
fn is_journal() -> bool {
    let stream = env::var("JOURNAL_STREAM").ok();
    let found = rustix::fs::fstat(rustix::stdio::stderr());
    match (stream.as_deref().and_then(|stream| stream.split_once(':')), found) {
        (Some((device, inode)), Ok(found)) => {
            device.parse() == Ok(found.st_dev) && inode.parse() == Ok(found.st_ino)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
