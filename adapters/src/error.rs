//! Why a backend could not start or go on.

use std::{fmt, io, path::PathBuf};

use crate::{SocketTrouble, TlsError};

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a backend could not start or go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An address could not be bound.
    Bind {
        /// The address, as the user wrote it.
        bind: String,
        /// What the system said.
        source: io::Error,
    },
    /// A Unix socket cannot be made.
    Socket {
        /// The address, as the user wrote it.
        bind: String,
        /// What stands in the way.
        trouble: SocketTrouble,
    },
    /// An address that cannot be read.
    Address(String),
    /// The options do not fit the backend; the text says why and what to do.
    Options(String),
    /// TLS cannot be spoken with the files that were given.
    Tls(TlsError),
    /// A directory of static files that cannot be opened.
    Directory {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory of CGI programs that cannot be opened.
    Programs {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The transport failed.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { bind, .. } => write!(f, "cannot listen on {bind}"),
            Self::Socket { bind, trouble } => write!(f, "cannot listen on {bind}: {trouble}"),
            Self::Address(text) => {
                write!(
                    f,
                    "{text:?} is no address: write HOST:PORT, unix:PATH, unix:@NAME or fd://N"
                )
            }
            Self::Options(text) => f.write_str(text),
            Self::Tls(error) => error.fmt(f),
            Self::Directory { directory, .. } => {
                write!(f, "cannot serve the files in {}", directory.display())
            }
            Self::Programs { directory, .. } => {
                write!(f, "cannot run the programs in {}", directory.display())
            }
            Self::Io(_) => f.write_str("transport error"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. }
            | Self::Directory { source, .. }
            | Self::Programs { source, .. }
            | Self::Io(source) => Some(source),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}
