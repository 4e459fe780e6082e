//! A responder that is sent any bytes: no panic, and it says the same whatever the pieces, in
//! records that can be read.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use narthex_adapters::fastcgi::{
    fuzzing::respond,
    record::{Incoming, Reader, Stream},
};
use narthex_fuzz::in_pieces;

fuzz_target!(|data: &[u8]| {
    let said = respond([data]);
    assert_eq!(respond(data.chunks(1)), said);
    assert_eq!(respond(in_pieces(data)), said);
    let mut input = BytesMut::from(&*said);
    let mut reader = Reader::new();
    while let Some(incoming) = reader.next(&mut input).expect("a record") {
        let known = matches!(
            incoming,
            Incoming::Stream { kind: Stream::Stdout, .. }
                | Incoming::StreamEnd { kind: Stream::Stdout, .. }
                | Incoming::End { .. }
                | Incoming::GetValuesResult { .. }
                | Incoming::UnknownType { .. }
        );
        assert!(known, "{incoming:?}");
    }
    assert!(reader.between_records());
});
