//! What an application answers, as it comes.

use std::fmt;

use super::{Departed, Downstream};
use crate::cgi_head::{self, Search};

/// The longest head.
const LONGEST_HEAD: usize = 64 * 1024;

/// The longest line of the log.
const LONGEST_LINE: usize = 8 * 1024;

/// The head of a response.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The status, from 200 to 999.
    pub status: u16,
    /// The reason phrase, perhaps empty.
    pub reason: &'a [u8],
    /// The lines of the head, which have been looked through.
    lines: &'a [u8],
}

impl<'a> Head<'a> {
    /// Reads a head, without the empty line behind it.
    fn read(lines: &'a [u8]) -> Result<Self, BadHead> {
        let mut status = None;
        for line in cgi_head::lines(lines) {
            let (name, value) = cgi_head::field(line).ok_or(BadHead::Line)?;
            if is_status(name) {
                let read = cgi_head::status(value).ok_or(BadHead::Status)?;
                if status.replace(read).is_some() {
                    return Err(BadHead::Status);
                }
            }
        }
        // Our own applications always say it.
        let (status, reason) = status.ok_or(BadHead::Status)?;
        Ok(Self { status, reason, lines })
    }

    /// The names and values of its fields.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let fields = cgi_head::lines(self.lines).filter_map(cgi_head::field);
        fields.filter(|(name, _)| !is_status(name))
    }
}

fn is_status(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"status")
}

/// Why there is no head of a response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BadHead {
    /// A line is no field.
    Line,
    /// There is no status, or more than one.
    Status,
    /// It is too long.
    Long,
}

impl fmt::Display for BadHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line => f.write_str("a line of the head of its response is no field"),
            Self::Status => f.write_str("its response has no status"),
            Self::Long => {
                write!(f, "the head of its response is longer than {LONGEST_HEAD} bytes")
            }
        }
    }
}

impl std::error::Error for BadHead {}

/// A response that is coming.
#[derive(Debug, Default)]
pub(super) struct Response {
    search: Search,
    /// The head, where it comes in pieces.
    gathered: Vec<u8>,
    begun: bool,
    unflushed: bool,
    line: Vec<u8>,
}

/// Why a response goes no further.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stuck {
    Departed,
    Head(BadHead),
}

impl From<Departed> for Stuck {
    fn from(_: Departed) -> Self {
        Self::Departed
    }
}

impl Response {
    /// Whether its head has been passed on.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Takes the next piece of the output.
    pub(super) fn output(
        &mut self,
        piece: &[u8],
        downstream: &mut impl Downstream,
    ) -> Result<(), Stuck> {
        let body = if self.begun {
            piece
        } else if self.gathered.is_empty() {
            let Some((head, whole)) = self.search.end(piece) else {
                self.gathered.extend_from_slice(piece);
                return self.bound();
            };
            downstream.start(&Head::read(&piece[..head]).map_err(Stuck::Head)?)?;
            &piece[whole..]
        } else {
            let before = self.gathered.len();
            self.gathered.extend_from_slice(piece);
            let Some((head, whole)) = self.search.end(&self.gathered) else {
                return self.bound();
            };
            downstream.start(&Head::read(&self.gathered[..head]).map_err(Stuck::Head)?)?;
            &piece[whole - before..]
        };
        self.begun = true;
        self.unflushed = true;
        if !body.is_empty() {
            downstream.write(body)?;
        }
        Ok(())
    }

    fn bound(&self) -> Result<(), Stuck> {
        let long = self.gathered.len() > LONGEST_HEAD;
        if long { Err(Stuck::Head(BadHead::Long)) } else { Ok(()) }
    }

    /// Whether something has been written and not flushed.
    pub(super) fn is_unflushed(&self) -> bool {
        self.unflushed
    }

    /// Flushes what has been written.
    pub(super) fn flush(&mut self, downstream: &mut impl Downstream) -> Result<(), Departed> {
        self.unflushed = false;
        downstream.flush()
    }

    /// Takes the next piece of what is to be logged.
    pub(super) fn log(&mut self, piece: &[u8], downstream: &mut impl Downstream) {
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            let room = LONGEST_LINE - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") || self.line.len() == LONGEST_LINE {
                self.end_line(downstream);
            }
        }
    }

    /// Makes room for the next request; a line without an end is one all the same.
    pub(super) fn finish(&mut self, downstream: &mut impl Downstream) {
        self.end_line(downstream);
        let (mut gathered, line) = (std::mem::take(&mut self.gathered), Vec::new());
        gathered.clear();
        *self = Self { gathered, line, ..Self::default() };
    }

    fn end_line(&mut self, downstream: &mut impl Downstream) {
        let line = self.line.trim_ascii_end();
        if !line.is_empty() {
            downstream.log(line);
        }
        self.line.clear();
    }
}
