//! RFC 3875 meta-variables to a request head and back, as bytes, never lossy.

use bytes::Bytes;

use crate::{Error, RequestHead, Result};

/// Variables in the order they were handed down.
pub type Variables = Vec<(Bytes, Bytes)>;

/// Builds a request head from what a gateway handed down.
///
/// # Errors
/// [`Error::Refused`] when the variables are no request.
pub fn request_from_variables(
    _variables: impl IntoIterator<Item = (Bytes, Bytes)>,
) -> Result<RequestHead> {
    Err(Error::bad_request("not written yet"))
}

/// The variable that a field becomes: `HTTP_` and its name in upper case (RFC 3875, 4.1.18).
pub fn header_variable(_name: &[u8]) -> Vec<u8> {
    Vec::new()
}

/// Calls `visit` with each meta-variable of `head`, request fields included.
pub fn visit_variables(_head: &RequestHead, _visit: &mut dyn FnMut(&[u8], &[u8])) {}
