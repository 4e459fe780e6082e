//! The suite that every backend passes.
//!
//! A [case](Case) is a dialogue with a server: what a client sends, and what it must see. All cases
//! talk to one application, which is told by the request itself what to do. A backend's test
//! file implements [`Host`] and says `suite!(ITS_HOST)`: each case becomes a `#[test]`.
//!
//! A case is excused on a backend by a named [`Capability`](narthex_core::Capability) only, and behind
//! a real web server by what that does ([`Host::in_front`]); the file `EXCUSED` says how many are.
#![allow(clippy::missing_panics_doc, reason = "panicking is how a case fails")]

mod app;
mod cases;
mod connection;
mod corpus;
mod front;
mod gateway;
mod host;
mod journal;
mod list;
mod matrix;
mod message;
mod probe;
mod script;
mod server;

pub(crate) use app::App;
pub use front::Dialect;
pub use host::{Ending, Host, Opened};
pub(crate) use journal::{AccessLine, Recorder};
pub(crate) use list::list_cases;
pub use list::{CASES, Case, Excuse, run};
pub use matrix::hold_to_the_excused;
pub(crate) use message::{End, Framing, Request, Response};
pub(crate) use probe::Probe;
pub(crate) use script::Way;
pub(crate) use server::Server;

/// How long anything in a dialogue may take before the case fails.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
