//! What can go wrong before anything is served.

use std::{fmt, io, path::PathBuf};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why supervising is impossible.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The socket for orders cannot be had.
    Runtime(narthex_cgi::Error),
    /// The process that a pid file names still runs.
    PidFile(PathBuf, i32),
    /// The first set of workers did not start; the text says why, the flag whether a worker has
    /// told the user already.
    Start(String, bool),
    /// The system refused; the text says what.
    System(String, io::Error),
}

impl Error {
    /// Wraps what the system said about `what`.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System(what, source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime(error) => error.fmt(f),
            Self::PidFile(path, process) => {
                write!(f, "process {process} runs already, says the pid file {}", path.display())
            }
            Self::Start(why, _) => write!(f, "the workers do not start: {why}"),
            Self::System(what, _) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(_, source) => Some(source),
            Self::Runtime(error) => error.source(),
            _ => None,
        }
    }
}

impl From<narthex_cgi::Error> for Error {
    fn from(error: narthex_cgi::Error) -> Self {
        Self::Runtime(error)
    }
}
