//! httpd as the rest of the crate sees it: safe, and borrowed for as long as it lives.

pub(crate) mod callback;
mod log;
pub(crate) mod pool;
mod request;
mod server;
mod table;
mod text;

pub(crate) use log::Level;
pub(crate) use request::Request;
pub(crate) use server::Server;
pub(crate) use table::Table;
