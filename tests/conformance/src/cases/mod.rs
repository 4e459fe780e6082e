//! The cases, a file for each group or for groups that are closely related.

pub(crate) mod chunked;
pub(crate) mod connection;
pub(crate) mod departure;
pub(crate) mod duplex;
pub(crate) mod echo;
pub(crate) mod expectation;
pub(crate) mod head_limits;
pub(crate) mod hostile;
pub(crate) mod http2;
pub(crate) mod interim;
pub(crate) mod limits;
pub(crate) mod malformed;
pub(crate) mod names;
pub(crate) mod patience;
pub(crate) mod raw_fields;
pub(crate) mod reason;
pub(crate) mod refusal;
pub(crate) mod repeated_fields;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod server;
pub(crate) mod smuggling;
pub(crate) mod stopping;
pub(crate) mod streaming;
pub(crate) mod syntax;
pub(crate) mod timeouts;
pub(crate) mod truncation;

pub(crate) use crate::corpus;
