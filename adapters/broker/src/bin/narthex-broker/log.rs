//! Lines for httpd's error log, which is where the standard error output leads.

use std::{
    fmt::Display,
    io::{self, Write},
};

use narthex_core::{Access, Journal, Level};

/// Writes a line, or several, whole: others write there as well.
pub(crate) fn line(text: &str) {
    let mut text = text.trim_end().to_owned();
    text.push('\n');
    // There is nobody else to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes a line of this level.
pub(crate) fn write(level: Level, message: &dyn Display) {
    if level > Level::Debug {
        line(&format!("narthex: {}: {message}", level.as_str()));
    }
}

/// The log of one pool: its name stands before each line.
pub(crate) struct About(pub(crate) String);

impl Journal for About {
    fn access(&self, _access: &Access<'_>) {}

    fn write(&self, level: Level, message: &dyn Display) {
        write(level, &format_args!("{}: {message}", self.0));
    }
}
