//! The command `narthex`.

mod apache;
mod application;
mod arguments;
mod check;
mod choice;
mod control;
#[cfg(feature = "apache")]
mod embedded;
mod entry;
mod failure;
#[cfg(feature = "cgi")]
mod fork;
mod heartbeat;
mod idle;
mod init;
mod management;
mod nothing;
mod options;
mod plan;
mod ports;
mod request;
#[cfg(feature = "cgi")]
mod resident;
mod response;
mod retire;
mod serve;
mod settings;
mod signals;
mod startup_page;
mod supervise;
mod values;
mod watch;
mod worker;

#[cfg(feature = "apache")]
pub(crate) use embedded::{Application, load};
pub(crate) use entry::main;
