//! How CGI requests are answered: by a process each, or by one that stays.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use narthex_adapters::cgi::Patience;

use crate::command::values::seconds;

/// How CGI requests are answered.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Warm CGI")]
pub(in crate::command) struct Residence {
    /// Have narthex-cgi answer: by a process that stays, by a fork of one, or by a small start
    #[arg(long, value_name = "warm|fork|cold")]
    mode: Option<Mode>,
    /// The same as --mode warm
    #[arg(long, conflicts_with = "mode")]
    warm: bool,
    /// A process that stays ends when no request has come for so long
    #[arg(
        long, env = "NARTHEX_CGI_IDLE", value_name = "SECONDS", default_value = "300",
        value_parser = seconds
    )]
    idle: Duration,
    /// Requests that one process, and its forks, answer at once; others wait
    #[arg(
        long, env = "NARTHEX_CGI_CONCURRENCY", value_name = "N", default_value_t = 40,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    concurrency: u16,
    /// Be the process that stays
    #[arg(long, hide = true, requires = "resident_socket")]
    pub(in crate::command) resident: Option<Mode>,
    /// Where its socket is, which it has as standard input
    #[arg(long, hide = true, value_name = "PATH")]
    pub(in crate::command) resident_socket: Option<PathBuf>,
}

/// The ways of `narthex-cgi`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(in crate::command) enum Mode {
    /// A process stays.
    Warm,
    /// A process stays and forks.
    Fork,
    /// A process for each request.
    Cold,
}

impl Residence {
    /// What `narthex-cgi` is to be given, if it is to answer.
    pub(in crate::command) fn arguments(&self) -> Option<Vec<OsString>> {
        let mode = self.mode.or(self.warm.then_some(Mode::Warm))?;
        let mode = match mode {
            Mode::Warm => "warm",
            Mode::Fork => "fork",
            Mode::Cold => "cold",
        };
        Some(vec![
            format!("--mode={mode}").into(),
            format!("--idle={}", self.idle.as_secs_f64()).into(),
            format!("--concurrency={}", self.concurrency).into(),
        ])
    }

    /// How long a process stays, and for how many requests at once.
    pub(in crate::command) fn patience(&self) -> Patience {
        Patience { idle: self.idle, most: self.concurrency.into() }
    }
}
