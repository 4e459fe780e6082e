//! httpd as the rest of the crate sees it: safe, and borrowed for as long as it lives.

mod brigade;
pub(crate) mod callback;
pub(crate) mod configuration;
pub(crate) mod facts;
mod incoming;
mod log;
pub(crate) mod machine;
mod outgoing;
pub(crate) mod parent;
pub(crate) mod pool;
mod request;
mod server;
mod socket;
mod table;
pub(crate) mod text;
pub(crate) mod version;

pub(crate) use incoming::{Announced, Incoming, Trouble};
pub(crate) use log::Level;
pub(crate) use outgoing::Outgoing;
pub(crate) use request::{Claim, FileKind, Request};
pub(crate) use server::Server;
pub(crate) use socket::Lookout;
pub(crate) use table::Table;
