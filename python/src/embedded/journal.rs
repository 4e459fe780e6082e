//! The error log of the host: a line at a time, at its levels.

use std::{cell::RefCell, fmt, fmt::Write as _, sync::OnceLock};

use narthex_abi as abi;
use narthex_adapters::apache::{self, Table};
use narthex_core::{Journal, Level, RequestHead};

use crate::{errors, journal::Notices};

/// The longest piece of a line that the host takes whole.
const MOST: usize = 4096;

static TABLE: OnceLock<Table> = OnceLock::new();

/// Has all that is written for the log written by the host from now on.
pub(super) fn lead_to(table: Table) {
    let _ = TABLE.set(table);
    errors::lead_to(Lines::take);
}

/// Writes a message to the log, each line of it by itself.
pub(super) fn write(level: abi::Level, message: &[u8]) {
    let Some(&table) = TABLE.get() else { return };
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    for line in message.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        for piece in line.chunks(MOST) {
            apache::log(table, level, piece);
        }
    }
}

/// Writes to the log, at a level by its name in Python.
pub(crate) fn log(level: &str, text: &str) {
    let level = match level {
        "debug" => abi::Level::DEBUG,
        "info" => abi::Level::INFO,
        "notice" => abi::Level::NOTICE,
        "warning" => abi::Level::WARNING,
        _ => abi::Level::ERROR,
    };
    write(level, text.as_bytes());
}

/// The host's error log.
#[derive(Debug)]
pub(super) struct HostLog;

impl Journal for HostLog {
    fn write(&self, level: Level, message: &dyn fmt::Display) {
        write(level_of(level), message.to_string().as_bytes());
    }

    fn write_about(&self, level: Level, request: &RequestHead, message: &dyn fmt::Display) {
        let mut text = message.to_string();
        if let Some(id) = request.id() {
            // Behind the first line: a traceback may follow.
            let mut name = String::new();
            if write!(name, " [{id}]").is_ok() {
                let end = text.find('\n').unwrap_or(text.len());
                text.insert_str(end, &name);
            }
        }
        write(level_of(level), text.as_bytes());
    }
}

impl Notices for HostLog {
    fn notice(&self, message: &dyn fmt::Display) {
        write(abi::Level::NOTICE, message.to_string().as_bytes());
    }
}

fn level_of(level: Level) -> abi::Level {
    match level {
        Level::Debug => abi::Level::DEBUG,
        Level::Info => abi::Level::INFO,
        Level::Warning => abi::Level::WARNING,
        Level::Error => abi::Level::ERROR,
    }
}

thread_local! {
    static LINES: RefCell<Lines> = const { RefCell::new(Lines(Vec::new())) };
}

/// What a thread has written of a line that is not whole yet.
struct Lines(Vec<u8>);

impl Lines {
    /// Takes what the application prints; whole lines go out at once.
    fn take(bytes: &[u8]) {
        // Nobody prints from within: the host's functions know nothing of Python. At the end of a
        // thread there is no place to wait for the rest of a line.
        let whole = LINES.try_with(|lines| lines.borrow_mut().add(bytes));
        write(abi::Level::ERROR, whole.as_deref().unwrap_or(bytes));
    }

    /// Adds to the line; gives back what is whole.
    fn add(&mut self, bytes: &[u8]) -> Vec<u8> {
        let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let (whole, rest) = bytes.split_at(end);
        let mut lines = Vec::new();
        if end > 0 || self.0.len() + rest.len() > MOST {
            lines = std::mem::take(&mut self.0);
            lines.extend_from_slice(whole);
        }
        self.0.extend_from_slice(rest);
        lines
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        write(abi::Level::ERROR, &self.0);
    }
}

/// Writes what this thread has not ended with a newline: its request has ended.
pub(super) fn end_line() {
    let rest = LINES.try_with(|lines| std::mem::take(&mut lines.borrow_mut().0));
    if let Ok(rest) = rest
        && !rest.is_empty()
    {
        write(abi::Level::ERROR, &rest);
    }
}
