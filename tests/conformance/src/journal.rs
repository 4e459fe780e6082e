//! A journal that the cases read.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use narthex_core::{Access, Journal, Level};

use crate::PATIENCE;

/// One line of the access log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AccessLine {
    /// Method and target; `None` when the request was too malformed to have them.
    pub(crate) request: Option<String>,
    /// Status sent.
    pub(crate) status: u16,
    /// Bytes of body sent.
    pub(crate) bytes: u64,
    /// Whether the response went out whole.
    pub(crate) complete: bool,
}

/// Keeps what a server logs.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    lines: Mutex<Vec<(Level, String)>>,
    accesses: Mutex<Vec<AccessLine>>,
}

impl Recorder {
    /// The error log.
    pub(crate) fn lines(&self) -> Vec<(Level, String)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The access log, once it has `count` lines: a line may come after its response.
    #[track_caller]
    pub(crate) fn accesses(&self, count: usize) -> Vec<AccessLine> {
        let end = Instant::now() + PATIENCE;
        loop {
            let lines = self.accesses.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if lines.len() >= count {
                assert_eq!(lines.len(), count, "{lines:#?}");
                return lines;
            }
            assert!(Instant::now() < end, "{count} lines of access log expected: {lines:#?}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for a line of the error log at this level that `wanted` accepts.
    #[track_caller]
    pub(crate) fn line(&self, level: Level, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let lines = self.lines();
            if let Some((_, line)) = lines.iter().find(|(at, line)| *at == level && wanted(line)) {
                return line.clone();
            }
            assert!(Instant::now() < end, "no such line of level {level:?} in {lines:#?}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Journal for Recorder {
    fn write(&self, level: Level, message: &dyn fmt::Display) {
        let line = message.to_string();
        eprintln!("log: {}: {line}", level.as_str());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push((level, line));
    }

    fn wants_access(&self) -> bool {
        true
    }

    fn access(&self, access: &Access<'_>) {
        let request = access
            .request
            .map(|request| format!("{} {}", request.method, request.target().escape_ascii()));
        let (status, bytes, complete) = (access.status, access.bytes, access.complete);
        let line = AccessLine { request, status, bytes, complete };
        self.accesses.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
