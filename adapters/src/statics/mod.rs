//! Directories whose files are served without the application.
//!
//! Files are looked up by a [`Handler`] that stands before the application's, so that access log,
//! metrics, limits, timeouts, HEAD and cut connections are those of every other response. Backends
//! that offer this put it there when they start to serve; without mounts it is not there at all.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | what a mount is |
//! | `files.rs` | the handler: which mount, and what it says to a path |
//! | `name.rs` | from a path to the name of a file |
//! | `coding.rs` | compressed neighbours, and which a client takes |
//! | `representation.rs` | what is said of a file |
//! | `conditions.rs` | preconditions and ranges |
//! | `content.rs` | its bytes |
//! | `memory.rs` | small files that are kept |
//!
//! Files are opened by [`beneath`](crate::beneath).
//!
//! Why not `tower-http`'s `ServeDir`: it opens by path, which symlinks can lead out of the
//! directory, and hops to another thread for each of its four steps. A backend of one's own mends
//! that (0.7); what remains would have to be corrected from outside: it does not know If-Range, obeys
//! a Range on HEAD, refuses one in other units or with a suffix longer than the file, answers 206
//! for an empty one, leads from `//host` to another host, leaves Vary out of a 304, and gives
//! neighbours of one size and time one `ETag`. That is more than what it would do for us, and
//! without it a small file costs four system calls. Types are `mime_guess`'s, as there; dates are
//! `httpdate`'s.
//!
//! [`Handler`]: narthex_core::Handler

use std::path::PathBuf;

use http::{HeaderName, HeaderValue};

#[cfg(feature = "static-files")]
mod coding;
#[cfg(feature = "static-files")]
mod conditions;
#[cfg(feature = "static-files")]
mod content;
#[cfg(feature = "static-files")]
mod files;
#[cfg(feature = "static-files")]
mod memory;
#[cfg(feature = "static-files")]
mod name;
#[cfg(feature = "static-files")]
mod representation;

#[cfg(feature = "static-files")]
pub(crate) use files::Mounts;

/// A directory whose files are served below a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StaticMount {
    /// The decoded path below the application's mount, with a leading slash and no trailing one;
    /// empty for every path.
    pub route: Vec<u8>,
    /// Where the files are.
    pub directory: PathBuf,
    /// Fields of every response with a file; they replace those of the same name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether the application is asked where there is no file.
    pub fallthrough: bool,
}
