//! Where processes of one user meet: a directory of sockets, and what is handed over through them.
//!
//! | file | what it does |
//! |---|---|
//! | `directory.rs` | the directory, which belongs to the user alone, and the sockets in it |
//! | `handover.rs` | a CGI request on its way from the program that the web server started |
//! | `drain.rs` | the rest of a body that nobody wanted |
//! | `script.rs` | the file that an application is in, and its versions |
//!
//! Small on purpose: the program beside it is this and little else.

mod directory;
mod drain;
mod error;
mod handover;
mod script;

pub use directory::{Directory, Kind, Socket, is_ours};
pub use drain::drain;
pub use error::{Error, Result};
pub use handover::{Client, Handover, Outcome, deliver};
pub use script::{FileVersion, SETTINGS, script_file};
