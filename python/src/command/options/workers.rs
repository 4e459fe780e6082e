//! Worker processes: how many, and when one is replaced.

use std::{path::PathBuf, time::Duration};

use clap::{Args, builder::BoolishValueParser};
use narthex_adapters::Options;
use narthex_supervisor::{Order, Policy};

use crate::command::values::{seconds, size};

/// Worker processes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Worker processes")]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
pub(in crate::command) struct Workers {
    /// Processes that serve; with more than one, a parent looks after them
    #[arg(
        short, long, env = "NARTHEX_WORKERS", value_name = "N", default_value_t = 1,
        value_parser = workers
    )]
    pub(in crate::command) workers: u16,
    /// Have a parent look after the process even if it is the only one: it can be reloaded; with
    /// `=false` not even --timeout makes one, and a process in which a call hangs is not replaced
    #[arg(
        long, env = "NARTHEX_SUPERVISE", value_name = "BOOL", num_args = 0..=1,
        require_equals = true, default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub(in crate::command) supervise: Option<bool>,
    /// Replace a worker after about so many requests
    #[arg(
        long, env = "NARTHEX_MAX_REQUESTS", value_name = "N", alias = "limit-max-requests",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(in crate::command) max_requests: Option<u64>,
    /// Replace a worker that has more memory resident than this, such as 500M
    #[arg(
        long, env = "NARTHEX_MAX_RSS", value_name = "SIZE", value_parser = size,
        aliases = ["reload-on-rss", "workers-max-rss"]
    )]
    pub(in crate::command) max_rss: Option<u64>,
    /// Longest wait for a worker to be ready [default: 60]
    #[arg(
        long, env = "NARTHEX_START_TIMEOUT", value_name = "SECONDS", value_parser = seconds,
        alias = "timeout-worker-healthcheck"
    )]
    start_timeout: Option<Duration>,
    /// What `narthex status`, `reload` and `stop` call the server [default: APP-PID]
    #[arg(long, env = "NARTHEX_NAME", value_name = "NAME")]
    pub(in crate::command) name: Option<String>,
    /// Write the number of the process that signals go to into this file
    #[arg(
        long, env = "NARTHEX_PID_FILE", value_name = "FILE", aliases = ["pidfile", "pid"]
    )]
    pub(in crate::command) pid_file: Option<PathBuf>,
}

/// What a parent tells its workers. Not for users.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::command) struct Child {
    /// Process number of the parent.
    #[arg(long = "child-of", hide = true, requires = "link")]
    pub(in crate::command) parent: Option<i32>,
    /// Descriptor of the link to it.
    #[arg(long = "child-link", hide = true, requires = "parent")]
    pub(in crate::command) link: Option<i32>,
    /// How long it may have nothing to do before it says so.
    #[arg(
        long = "child-idle", hide = true, requires = "parent", value_parser = seconds
    )]
    pub(in crate::command) idle: Option<Duration>,
    /// Whether it tells its parent when files of the application change.
    #[arg(long = "child-watch", hide = true, requires = "parent")]
    pub(in crate::command) watch: bool,
    /// Listeners that it inherits, instead of addresses.
    #[arg(long = "child-bind", hide = true, requires = "parent")]
    pub(in crate::command) listeners: Vec<String>,
}

impl Workers {
    /// Whether a parent is needed to do what is asked for; `deadlines` are best kept by one.
    pub(in crate::command) fn want_parent(&self, deadlines: bool) -> bool {
        self.supervise.unwrap_or(deadlines)
            || self.workers > 1
            || self.max_requests.is_some()
            || self.max_rss.is_some()
    }

    /// How the workers are looked after.
    pub(in crate::command) fn policy(&self, order: Order, graceful: Duration) -> Policy {
        Policy {
            workers: match order {
                Order::StartFirst => self.workers.into(),
                Order::StopFirst => 1,
            },
            order,
            start_timeout: self.start_timeout.unwrap_or(Duration::from_secs(60)),
            graceful,
            on_demand: false,
        }
    }

    /// Says how many processes share the cores.
    pub(in crate::command) fn open(&self, options: &mut Options) {
        options.processes = usize::from(self.workers.max(1));
    }
}

fn workers(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(workers @ 1..=1024) => Ok(workers),
        _ => Err("write a number of processes from 1 to 1024, such as the number of cores".into()),
    }
}
