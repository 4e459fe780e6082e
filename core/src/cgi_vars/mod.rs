//! RFC 3875 meta-variables to a request head and back, as bytes, never lossy.

mod again;
mod incoming;
mod names;
mod outgoing;
mod packed;
mod place;
mod recover;

#[cfg(test)]
mod golden;

pub use incoming::{RequestHeads, request_from_variables};
pub use outgoing::{field_value, header_variable, visit_variables};
pub use packed::{Packed, Unpacked};

/// Variables in the order they were handed down.
pub type Variables = Vec<(bytes::Bytes, bytes::Bytes)>;
