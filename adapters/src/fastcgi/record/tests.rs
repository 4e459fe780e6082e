//! What one side writes the other reads, wherever it is cut.

use proptest::{collection::vec, prelude::*};

use super::{write::header, *};

/// Everything in `pieces`, read one after the other; pieces of a stream that follow each other are
/// joined.
fn read(pieces: impl IntoIterator<Item = Bytes>) -> (Vec<Incoming>, Result<bool, Broken>) {
    let mut reader = Reader::new();
    let mut seen = Vec::new();
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(&piece);
        loop {
            match reader.next(&mut input) {
                Ok(Some(incoming)) => join(&mut seen, incoming),
                Ok(None) => break,
                Err(broken) => {
                    assert_eq!(reader.next(&mut input), Err(broken));
                    assert!(!reader.between_records());
                    return (seen, Err(broken));
                }
            }
        }
        assert!(input.is_empty());
    }
    (seen, Ok(reader.between_records()))
}

fn join(seen: &mut Vec<Incoming>, incoming: Incoming) {
    if let Incoming::Stream { kind, id, content } = &incoming {
        assert!(!content.is_empty());
        if let Some(Incoming::Stream { kind: last_kind, id: last_id, content: last }) =
            seen.last_mut()
            && (*last_kind, *last_id) == (*kind, *id)
        {
            *last = [&**last, &**content].concat().into();
            return;
        }
    }
    seen.push(incoming);
}

/// `bytes` cut at `cuts`, taken modulo their length.
fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|two| Bytes::copy_from_slice(&bytes[two[0]..two[1]])).collect()
}

fn whole(bytes: &[u8]) -> (Vec<Incoming>, Result<bool, Broken>) {
    read([Bytes::copy_from_slice(bytes)])
}

/// A record of any type with `padding` bytes that mean nothing.
fn record(kind: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let mut out = Vec::new();
    header(&mut out, kind, id, content.len().try_into().unwrap(), padding);
    out.extend_from_slice(content);
    out.resize(out.len() + usize::from(padding), 0xff);
    out
}

fn write(out: &mut Vec<u8>, incoming: &Incoming) {
    match incoming {
        Incoming::Begin { id, role, keep } => begin(out, *id, *role, *keep),
        Incoming::Abort { id } => abort(out, *id),
        Incoming::End { id, application_status, protocol_status } => {
            end(out, *id, *application_status, *protocol_status);
        }
        Incoming::Stream { kind, id, content } => stream(out, *kind, *id, content),
        Incoming::StreamEnd { kind, id } => stream_end(out, *kind, *id),
        Incoming::GetValues { content } => out.extend(record(GET_VALUES, 0, content, 3)),
        Incoming::GetValuesResult { content } => {
            out.extend(record(GET_VALUES_RESULT, 0, content, 0));
        }
        Incoming::UnknownType { kind } => unknown_type(out, *kind),
        Incoming::Unknown { kind } => out.extend(record(*kind, 0, b"whatever it says", 255)),
        Incoming::Ignored => out.extend(record(77, 1, b"whatever it says", 255)),
    }
}

fn streams() -> impl Strategy<Value = Stream> {
    (4..=8_u8).prop_map(|kind| Stream::of(kind).unwrap())
}

fn content(length: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), length).prop_map(Bytes::from)
}

fn incoming() -> impl Strategy<Value = Incoming> {
    let id = 1..=u16::MAX;
    prop_oneof![
        (id.clone(), any::<u16>(), any::<bool>()).prop_map(|(id, role, keep)| Incoming::Begin {
            id,
            role,
            keep
        }),
        id.clone().prop_map(|id| Incoming::Abort { id }),
        (id.clone(), any::<u32>(), any::<u8>()).prop_map(|(id, application_status, status)| {
            Incoming::End { id, application_status, protocol_status: status.into() }
        }),
        (streams(), 1..3_u16, content(1..300)).prop_map(|(kind, id, content)| Incoming::Stream {
            kind,
            id,
            content
        }),
        (streams(), id).prop_map(|(kind, id)| Incoming::StreamEnd { kind, id }),
        content(0..200).prop_map(|content| Incoming::GetValues { content }),
        content(0..200).prop_map(|content| Incoming::GetValuesResult { content }),
        any::<u8>().prop_map(|kind| Incoming::UnknownType { kind }),
        (12..=u8::MAX).prop_map(|kind| Incoming::Unknown { kind }),
        Just(Incoming::Ignored),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_wherever_it_is_cut(
        all in vec(incoming(), 0..12),
        cuts in vec(any::<usize>(), 0..40),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for incoming in all {
            write(&mut bytes, &incoming);
            join(&mut expected, incoming);
        }
        let read = read(cut(&bytes, &cuts));
        prop_assert_eq!(read, (expected, Ok(true)));
    }

    #[test]
    fn a_single_byte_at_a_time_changes_nothing(all in vec(incoming(), 0..6)) {
        let mut bytes = Vec::new();
        for incoming in &all {
            write(&mut bytes, incoming);
        }
        let each = bytes.iter().map(|&byte| Bytes::copy_from_slice(&[byte]));
        prop_assert_eq!(read(each), whole(&bytes));
    }

    #[test]
    fn any_bytes_are_read_the_same_wherever_they_are_cut(
        // Many begin like a record: others end with their first byte.
        records in vec((any::<[u8; 7]>(), vec(any::<u8>(), 0..40)), 0..8),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let mut bytes = Vec::new();
        for (header, content) in records {
            bytes.extend_from_slice(&[1, header[0] % 14, 0, header[1] % 3]);
            bytes.extend_from_slice(&[0, header[2] % 48, header[3] % 16, header[4]]);
            bytes.extend_from_slice(&content);
        }
        prop_assert_eq!(read(cut(&bytes, &cuts)), whole(&bytes));
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new();
        let mut input = BytesMut::from(&*bytes);
        while let Ok(Some(_)) = reader.next(&mut input) {}
    }
}

#[test]
fn a_stream_is_cut_into_records_that_end_on_8_bytes() {
    for length in [0, 1, 7, 8, 65527, 65528, 65529, 65535, 65536, 200_000] {
        let content: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
        let mut out = Vec::new();
        stream(&mut out, Stream::Stdout, 513, &content);
        assert_eq!(out.len() % 8, 0);
        let (seen, end) = whole(&out);
        assert_eq!(end, Ok(true));
        let content = Bytes::from(content);
        let expected = Incoming::Stream { kind: Stream::Stdout, id: 513, content };
        assert_eq!(seen, if length == 0 { vec![] } else { vec![expected] });
    }
}

#[test]
fn a_header_alone_announces_content_without_padding() {
    let mut out = Vec::new();
    stream_header(&mut out, Stream::Stdout, 1, 65535);
    assert_eq!(out, [1, 6, 0, 1, 0xff, 0xff, 0, 0]);
}

#[test]
fn the_examples_of_the_specification_are_read() {
    // Appendix B, 1.
    let bytes = [
        &record(1, 1, b"\0\x01\0\0\0\0\0\0", 0)[..],
        &record(4, 1, b"\x0b\x02SERVER_PORT80", 0),
        &record(4, 1, b"", 0),
        &record(5, 1, b"", 0),
    ]
    .concat();
    let params = Bytes::from_static(b"\x0b\x02SERVER_PORT80");
    let expected = vec![
        Incoming::Begin { id: 1, role: RESPONDER, keep: false },
        Incoming::Stream { kind: Stream::Params, id: 1, content: params },
        Incoming::StreamEnd { kind: Stream::Params, id: 1 },
        Incoming::StreamEnd { kind: Stream::Stdin, id: 1 },
    ];
    assert_eq!(whole(&bytes), (expected, Ok(true)));
}

#[test]
fn the_end_within_a_record_shows() {
    let bytes = record(5, 1, b"abc", 5);
    for end in 1..bytes.len() {
        assert_eq!(whole(&bytes[..end]).1, Ok(false), "after {end} bytes");
    }
    assert_eq!(whole(&bytes).1, Ok(true));
    assert_eq!(whole(&[]).1, Ok(true));
}

#[test]
fn what_is_no_record_is_refused() {
    let broken = |bytes: &[u8]| whole(bytes).1.unwrap_err();
    assert_eq!(broken(b"\x02"), Broken::Version(2));
    assert_eq!(broken(b"\0"), Broken::Version(0));
    assert_eq!(broken(b"GET / HTTP/1.1\r\n\r\n"), Broken::Version(b'G'));
    assert!(broken(b"POST").to_string().contains("HTTP"));
    for kind in 1..=8 {
        assert_eq!(broken(&record(kind, 0, b"", 0)), Broken::Id { kind, id: 0 });
    }
    for kind in 9..=11 {
        assert_eq!(broken(&record(kind, 258, b"", 0)), Broken::Id { kind, id: 258 });
    }
    for (kind, id) in [(1, 1), (3, 1), (11, 0)] {
        for length in [0_u16, 7, 9] {
            let content = vec![0; length.into()];
            assert_eq!(broken(&record(kind, id, &content, 0)), Broken::Length { kind, length });
        }
    }
    assert_eq!(whole(&record(9, 0, &[0; 4096], 0)).1, Ok(true));
    let long = Broken::Length { kind: 9, length: 4097 };
    assert_eq!(broken(&record(9, 0, &[0; 4097], 0)), long);
}

#[test]
fn questions_for_values_and_their_answers_are_pairs() {
    let mut out = Vec::new();
    get_values(&mut out, &[b"FCGI_MAX_CONNS", b"FCGI_MPXS_CONNS"]);
    get_values_result(&mut out, &[(b"FCGI_MPXS_CONNS", b"1")]);
    let asked = Bytes::from_static(b"\x0e\0FCGI_MAX_CONNS\x0f\0FCGI_MPXS_CONNS");
    let answered = Bytes::from_static(b"\x0f\x01FCGI_MPXS_CONNS1");
    let expected = vec![
        Incoming::GetValues { content: asked },
        Incoming::GetValuesResult { content: answered },
    ];
    assert_eq!(whole(&out), (expected, Ok(true)));
}

#[test]
fn values_that_do_not_fit_are_left_out_whole() {
    let mut out = Vec::new();
    get_values_result(&mut out, &[(b"a", &[0; 2000]), (b"b", &[0; 2000]), (b"c", &[0; 2000])]);
    let (seen, end) = whole(&out);
    let Incoming::GetValuesResult { content } = &seen[0] else { panic!("{seen:?}") };
    assert_eq!((content.len(), end), (2 * (1 + 4 + 1 + 2000), Ok(true)));
}
