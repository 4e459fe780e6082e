//! What can be wrong with the directory and its sockets.

use std::{fmt, io, path::PathBuf};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the directory or a socket in it cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The directory could be read or changed by others; the text says how.
    Unsafe(PathBuf, &'static str),
    /// Somebody listens on this name already.
    Running(String),
    /// A name that is no file name.
    Name(String),
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
            Self::Unsafe(path, why) => {
                write!(f, "the runtime directory {} {why}", path.display())
            }
            Self::Running(name) => write!(f, "a server called {name} is running already"),
            Self::Name(name) => {
                write!(f, "{name:?} is no name: letters, digits, dots, dashes and underscores are")
            }
            Self::System(what, _) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(_, source) => Some(source),
            _ => None,
        }
    }
}
