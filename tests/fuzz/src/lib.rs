//! What the targets share: bytes in pieces, and what comes of them compared.

use bytes::{Bytes, BytesMut};
use narthex_core::Variables;

/// `data` in pieces of lengths that `data` itself chooses.
pub fn in_pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    let mut state = data.len() as u32;
    std::iter::from_fn(move || {
        let (&first, _) = rest.split_first()?;
        state = state.wrapping_mul(0x9e37_79b1) ^ u32::from(first);
        let (piece, more) = rest.split_at(rest.len().min(1 + (state >> 8) as usize % 37));
        rest = more;
        Some(piece)
    })
}

/// Appends `next` to `seen`, or its content to the last of them where `both` finds that they are
/// pieces of one stream.
pub fn joined<T>(
    seen: &mut Vec<T>,
    next: T,
    both: impl for<'a> FnOnce(&'a mut T, &'a T) -> Option<(&'a mut Bytes, &'a Bytes)>,
) {
    if let Some((last, content)) = seen.last_mut().and_then(|last| both(last, &next)) {
        *last = [&**last, &**content].concat().into();
        return;
    }
    seen.push(next);
}

/// What a head makes of `pieces`, and what it leaves of them.
pub fn head<'a, E>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    mut next: impl FnMut(&mut BytesMut) -> Result<Option<Variables>, E>,
) -> (Result<Option<Variables>, E>, BytesMut) {
    let mut outcome = Ok(None);
    let mut rest = BytesMut::new();
    for piece in pieces {
        rest.extend_from_slice(piece);
        if matches!(outcome, Ok(None)) {
            outcome = next(&mut rest);
        }
    }
    if outcome.is_err() {
        // Nothing of what is behind an error means anything.
        rest.clear();
    }
    (outcome, rest)
}
