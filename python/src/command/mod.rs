//! The command `narthex`.

mod application;
mod arguments;
mod check;
mod choice;
mod entry;
mod failure;
mod management;
mod options;
mod plan;
mod ports;
mod reload;
mod request;
mod response;
mod serve;
mod settings;
mod signals;
mod startup_page;
mod values;
mod watch;

pub(crate) use entry::main;
