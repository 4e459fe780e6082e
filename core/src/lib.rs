//! One request, one response, and the rules of HTTP between them: no transport, no Python.
//!
//! Start with [`Transaction`], which every backend implements, and [`Handler`], which every
//! application is. [`Exchange`] stands between the two.
#![forbid(unsafe_code)]

mod arrival;
mod block_on;
mod capabilities;
mod cgi_vars;
mod config;
mod error;
mod exchange;
mod expire;
mod forwarded;
mod handler;
mod head;
mod journal;
mod metrics;
mod path;
pub mod quantity;
mod quota;
mod record;
mod reply;
mod rules;
mod site;
mod transaction;
mod trust;

pub use arrival::{Arrival, RequestId};
pub use block_on::{block_on, poll_once};
pub use capabilities::{Capabilities, Capability};
pub use cgi_vars::{
    Packed, RequestHeads, Unpacked, Variables, field_value, header_variable,
    request_from_variables, sent_below, visit_variables,
};
pub use config::{Limits, Timeouts};
pub use error::{Error, Fault, Result};
pub use exchange::Exchange;
pub use expire::{Expire, Expired, Expiry, Overdue};
pub use forwarded::{Forwarding, NotHeaders, ProxyHeaders};
pub use handler::{Ask, Blocking, Handler, Inline, Reply};
pub use head::{
    Authentication, Connection, Endpoint, Gateway, Kept, RequestHead, ResponseHead, Scheme,
};
pub use journal::{Access, Journal, Level, Silent};
pub use metrics::{Aggregate, Metrics};
pub use path::{decode, encode, host_is_valid, normalize};
pub use quota::Quota;
pub use record::Record;
pub use reply::{Answer, Body, Pulled, Source, answer};
pub use site::{Connected, Site};
pub use transaction::Transaction;
pub use trust::{NotTrust, Trust};
