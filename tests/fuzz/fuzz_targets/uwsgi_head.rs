//! Heads of the uwsgi protocol of any bytes: no panic, and the same whatever the pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_adapters::uwsgi::{BadHead, Head, HeadLimits};
use narthex_core::Variables;
use narthex_fuzz::{head, in_pieces};

const LIMITS: HeadLimits = HeadLimits { bytes: 1 << 16, count: 100 };

fuzz_target!(|data: &[u8]| {
    let whole = read([data]);
    assert_eq!(read(data.chunks(1)), whole);
    assert_eq!(read(in_pieces(data)), whole);
});

fn read<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Result<Option<Variables>, BadHead>, Vec<u8>) {
    let mut state = Head::new(LIMITS);
    let (outcome, rest) = head(pieces, |input| state.next(input));
    (outcome, rest.to_vec())
}
