//! Slow and stuck requests: `--slow`, `--timeout`.

use std::time::Duration;

use clap::Args;
use narthex_adapters::Options;

use crate::{calls::Limits, command::values::seconds};

/// How long the application may hold a request.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Slow and stuck requests")]
pub(in crate::command) struct Calls {
    /// Answer 504 when the application holds a request for so long; 0 for never
    #[arg(
        long, env = "NARTHEX_TIMEOUT", value_name = "SECONDS", value_parser = seconds,
        alias = "harakiri"
    )]
    timeout: Option<Duration>,
    /// Write the stack of a request to the log when the application holds it for so long
    #[arg(long, env = "NARTHEX_SLOW", value_name = "SECONDS", value_parser = seconds)]
    slow: Option<Duration>,
}

impl Calls {
    /// Whether a parent has to replace workers in which a request is stuck.
    pub(in crate::command) fn wants_parent(&self) -> bool {
        nonzero(self.timeout).is_some()
    }

    /// What is watched for, where so many threads serve connections.
    pub(in crate::command) fn limits(&self, threads: usize) -> Limits {
        Limits { slow: nonzero(self.slow), timeout: nonzero(self.timeout), threads }
    }

    /// How the backend is to be opened.
    pub(in crate::command) fn open(&self, options: &mut Options) {
        if self.wants_parent() {
            // One that is stuck must not be the only one.
            options.least_threads = options.least_threads.max(2);
        }
    }
}

fn nonzero(time: Option<Duration>) -> Option<Duration> {
    time.filter(|time| !time.is_zero())
}
