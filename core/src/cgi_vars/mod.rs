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

/// The decoded path below `mount` of what the client sent, `target`, if a host that decodes paths
/// itself made `path_info` from it; otherwise the host has rewritten the URL.
#[must_use]
pub fn sent_below(
    target: &bytes::Bytes,
    mount: &[u8],
    path_info: &bytes::Bytes,
) -> Option<bytes::Bytes> {
    let target = recover::origin_form(target);
    recover::below(recover::halves(&target).0, mount, path_info)
}

/// Variables in the order they were handed down.
pub type Variables = Vec<(bytes::Bytes, bytes::Bytes)>;
