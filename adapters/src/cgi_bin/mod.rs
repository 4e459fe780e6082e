//! Programs of a directory, run as CGI (RFC 3875) before the application is asked.
//!
//! A [`Handler`] that stands before the application's, as static files do: access log, limits,
//! timeouts, HEAD and cut connections are those of every other response. Everything is awaited, so
//! that no thread is held by a program.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | what is asked for |
//! | `handler.rs` | the handler: which program, and what is said where there is none |
//! | `program.rs` | from a path to a program |
//! | `environment.rs` | the variables that a program gets |
//! | `process.rs` | one process: its start, its end, its standard error |
//! | `queue.rs` | how many processes run, and that none outlives the server |
//! | `relay.rs` | one request: its body to the program, the output to the client |
//! | `output.rs` | reads that output, without I/O |
//! | `redirect.rs` | requests that a program leaves to another path |
//! | `diagnosis.rs` | why a program does not start |
//!
//! [`Handler`]: narthex_core::Handler

use std::{ffi::OsString, path::PathBuf, time::Duration};

mod diagnosis;
#[cfg(feature = "cgi-bin")]
mod environment;
#[cfg(feature = "cgi-bin")]
mod handler;
#[cfg(feature = "cgi-bin")]
mod output;
#[cfg(feature = "cgi-bin")]
mod process;
#[cfg(feature = "cgi-bin")]
mod program;
#[cfg(feature = "cgi-bin")]
mod queue;
#[cfg(feature = "cgi-bin")]
mod redirect;
#[cfg(feature = "cgi-bin")]
mod relay;

pub use diagnosis::why_not;
#[cfg(feature = "cgi-bin")]
pub(crate) use handler::Programs;

/// CGI programs, and how they are run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CgiBin {
    /// The directories they lie in.
    pub mounts: Vec<CgiMount>,
    /// Variables of their environment beside those of the request; a name alone is one of ours that
    /// is passed on.
    pub environment: Vec<(OsString, Option<OsString>)>,
    /// Whether they see the field Authorization (RFC 3875, 4.1.18).
    pub authorization: bool,
    /// How long one may neither take its input nor write.
    pub timeout: Duration,
    /// How many may run at once; as many requests again may wait.
    pub limit: usize,
}

impl Default for CgiBin {
    fn default() -> Self {
        Self {
            mounts: Vec::new(),
            environment: Vec::new(),
            authorization: false,
            timeout: Duration::from_secs(60),
            limit: 64,
        }
    }
}

/// A directory of CGI programs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CgiMount {
    /// The decoded path below the application's mount, with a leading slash and no trailing one;
    /// empty for every path.
    pub route: Vec<u8>,
    /// Where the programs are.
    pub directory: PathBuf,
}
