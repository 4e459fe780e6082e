//! Bytes that are wanted together.

use bytes::{Bytes, BytesMut};

/// Takes off the front of `input` what is missing in `held` of `length` bytes; all of them once
/// they are there.
///
/// They are a slice of `input` where they lie whole in it. `held` takes no more memory than has
/// arrived, whatever `length` announces.
pub(crate) fn gather(held: &mut BytesMut, length: usize, input: &mut BytesMut) -> Option<Bytes> {
    if held.is_empty() && input.len() >= length {
        return Some(input.split_to(length).freeze());
    }
    let count = input.len().min(length - held.len());
    held.extend_from_slice(&input.split_to(count));
    (held.len() == length).then(|| held.split().freeze())
}
