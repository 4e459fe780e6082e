//! What is written is read, wherever it is cut.

use bytes::Bytes;
use narthex_core::Variables;
use proptest::{collection::vec, prelude::*};

use super::*;

fn read(
    pieces: impl IntoIterator<Item = Bytes>,
    limit_bytes: usize,
    limit_count: usize,
) -> (Variables, Result<(), BadPairs>) {
    let mut pairs = Pairs::new(limit_bytes, limit_count);
    let mut packed = Packed::new();
    let mut fed = 0;
    for piece in pieces {
        fed += piece.len();
        if let Err(bad) = pairs.feed(&piece, &mut packed) {
            return (packed.into_iter().collect(), Err(bad));
        }
        // Twice what has arrived, as a vector grows, and 64 to begin with.
        assert!(pairs.held.capacity() <= 64.max(2 * fed), "{} bytes held", pairs.held.capacity());
    }
    let end = pairs.finish();
    (packed.into_iter().collect(), end)
}

fn unlimited(pieces: impl IntoIterator<Item = Bytes>) -> (Variables, Result<(), BadPairs>) {
    read(pieces, usize::MAX, usize::MAX)
}

fn written(variables: &Variables) -> Bytes {
    let mut out = Vec::new();
    for (name, value) in variables {
        pair(&mut out, name, value);
    }
    out.into()
}

/// `bytes` cut at `cuts`, taken modulo their length.
fn cut(bytes: &Bytes, cuts: &[usize]) -> Vec<Bytes> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|two| bytes.slice(two[0]..two[1])).collect()
}

fn text() -> impl Strategy<Value = Bytes> {
    // Around where lengths take four bytes.
    prop_oneof![0..40_usize, 120..140_usize, Just(5000)]
        .prop_flat_map(|length| vec(any::<u8>(), length))
        .prop_map(Bytes::from)
}

proptest! {
    #[test]
    fn what_is_written_is_read_wherever_it_is_cut(
        variables in vec((text(), text()), 0..12),
        cuts in vec(any::<usize>(), 0..40),
    ) {
        let bytes = written(&variables);
        prop_assert_eq!(unlimited(cut(&bytes, &cuts)), (variables, Ok(())));
    }

    #[test]
    fn any_bytes_are_read_the_same_wherever_they_are_cut(
        bytes in vec(prop_oneof![0..4_u8, any::<u8>()], 0..200).prop_map(Bytes::from),
        cuts in vec(any::<usize>(), 0..20),
        limit_bytes in 0..300_usize,
        limit_count in 0..20_usize,
    ) {
        let pieces = cut(&bytes, &cuts);
        let whole = read([bytes], limit_bytes, limit_count);
        prop_assert_eq!(read(pieces, limit_bytes, limit_count), whole);
    }

    #[test]
    fn a_stream_that_ends_within_a_pair_is_refused(
        variables in vec((text(), text()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let bytes = written(&variables);
        let (first, last) = variables.split_at(variables.len() - 1);
        let before = written(&first.to_vec()).len();
        let end = before + 1 + end.index(written(&last.to_vec()).len() - 1);
        let (read, end) = unlimited([bytes.slice(..end)]);
        prop_assert_eq!((&*read, end), (first, Err(BadPairs::CutShort)));
    }
}

#[test]
fn one_byte_at_a_time_is_enough() {
    let variables: Variables = vec![
        ("A".into(), "".into()),
        ("".into(), "b".into()),
        (vec![b'c'; 128].into(), "d".into()),
    ];
    let bytes = written(&variables);
    let each = bytes.chunks(1).map(Bytes::copy_from_slice);
    assert_eq!(unlimited(each), (variables, Ok(())));
}

#[test]
fn lengths_are_written_as_short_as_they_can_be() {
    let lengths = |length: usize| written(&vec![("".into(), vec![0; length].into())]);
    assert_eq!(lengths(127)[..2], [0, 127]);
    assert_eq!(lengths(128)[..5], [0, 0x80, 0, 0, 128]);
    assert_eq!(lengths(0x0001_2345)[..5], [0, 0x80, 1, 0x23, 0x45]);
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_it_arrives() {
    let refused = (Variables::new(), Err(BadPairs::TooLong(1 << 16)));
    for lie in
        [&b"\xff\xff\xff\xff\x01"[..], b"\x01\xff\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff"]
    {
        assert_eq!(read([Bytes::from_static(lie)], 1 << 16, 100), refused);
        let each = lie.chunks(1).map(Bytes::copy_from_slice);
        assert_eq!(read(each, 1 << 16, 100), refused);
    }
}

#[test]
fn limits_are_of_all_pairs_together() {
    let variables: Variables = vec![("A".into(), "12345".into()); 4];
    let bytes = written(&variables);
    let length = bytes.len();
    assert_eq!(read([bytes.clone()], length, 4), (variables.clone(), Ok(())));
    let longer = read([bytes.clone()], length - 1, 4);
    assert_eq!(longer, (variables[..3].to_vec(), Err(BadPairs::TooLong(length - 1))));
    let more = read([bytes], length, 3);
    assert_eq!(more, (variables[..3].to_vec(), Err(BadPairs::TooMany(3))));
}
