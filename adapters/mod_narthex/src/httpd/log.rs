//! The error log.
#![allow(unsafe_code, reason = "httpd's log is a function of C")]

use std::ffi::{CString, c_int};

use super::{Request, Server};
use crate::{ffi, module};

/// Levels of the error log, as httpd counts them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(i32)]
pub(crate) enum Level {
    /// `APLOG_ERR`.
    Error = 3,
    /// `APLOG_WARNING`.
    Warning = 4,
    /// `APLOG_NOTICE`.
    Notice = 5,
    /// `APLOG_INFO`.
    Info = 6,
    /// `APLOG_DEBUG`.
    Debug = 7,
}

/// httpd cuts a message at 8192 bytes, what it puts before it included, after it has escaped it.
const LONGEST: usize = 7000;

impl Server<'_> {
    /// Writes to the error log of this server, a line for each of `message`.
    pub(crate) fn log(&self, level: Level, message: impl AsRef<[u8]>) {
        lines(message.as_ref(), |line| {
            // SAFETY: the server lives; the format takes one string, which ends in a NUL.
            unsafe {
                ffi::ap_log_error_(
                    c"mod_narthex".as_ptr(),
                    0,
                    module::index(),
                    level as c_int,
                    0,
                    self.as_ptr(),
                    c"%s".as_ptr(),
                    line.as_ptr(),
                );
            }
        });
    }
}

impl Request<'_> {
    /// Writes to the error log, as of this request, a line for each of `message`.
    pub(crate) fn log(&self, level: Level, message: impl AsRef<[u8]>) {
        lines(message.as_ref(), |line| {
            // SAFETY: the request lives; the format takes one string, which ends in a NUL.
            unsafe {
                ffi::ap_log_rerror_(
                    c"mod_narthex".as_ptr(),
                    0,
                    module::index(),
                    level as c_int,
                    0,
                    self.as_ptr(),
                    c"%s".as_ptr(),
                    line.as_ptr(),
                );
            }
        });
    }
}

/// The lines of a message, each short enough for httpd, which escapes control characters itself.
fn lines(message: &[u8], mut write: impl FnMut(CString)) {
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    for line in message.split(|&byte| byte == b'\n') {
        let mut rest = line;
        loop {
            let (piece, later) = rest.split_at(cut(rest));
            let piece = piece.iter().map(|&byte| if byte == 0 { b' ' } else { byte });
            write(CString::new(piece.collect::<Vec<_>>()).expect("there is no NUL any more"));
            if later.is_empty() {
                break;
            }
            rest = later;
        }
    }
}

/// Where to cut a line, not within a character of UTF-8.
fn cut(line: &[u8]) -> usize {
    let mut length = 0;
    let over = line.iter().position(|&byte| {
        length += escaped(byte);
        length > LONGEST
    });
    let Some(over) = over else { return line.len() };
    (over - 3..=over).rev().find(|&at| line[at] & 0xC0 != 0x80).unwrap_or(over)
}

/// How long a byte becomes in the log.
const fn escaped(byte: u8) -> usize {
    match byte {
        b'\\' => 2,
        b' '..=b'~' => 1,
        _ => 4,
    }
}
