//! Records and pairs of any bytes: no panic, bounded memory, and the same whatever the pieces.

#![no_main]

use std::collections::BTreeMap;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use narthex_adapters::fastcgi::{
    client::{Client, ClientError, Event},
    pairs::{BadPairs, Pairs},
    record::{Broken, Incoming, RESPONDER, Reader, Stream},
};
use narthex_core::Packed;
use narthex_fuzz::{in_pieces, joined};

/// Numbers of requests that are told apart: those of a connection that carries a few.
const IDS: u16 = 4;
const LIMIT_BYTES: usize = 1 << 16;
const LIMIT_COUNT: usize = 100;

fuzz_target!(|data: &[u8]| {
    let whole = as_responder([data]);
    assert_eq!(as_responder(data.chunks(1)), whole);
    assert_eq!(as_responder(in_pieces(data)), whole);
    let whole = as_web_server([data]);
    assert_eq!(as_web_server(data.chunks(1)), whole);
    assert_eq!(as_web_server(in_pieces(data)), whole);
});

/// What the records say, how they end, and what the variables of each request are.
#[derive(Debug, PartialEq)]
struct Read {
    seen: Vec<Incoming>,
    end: Result<bool, Broken>,
    requests: BTreeMap<u16, (Packed, Option<BadPairs>)>,
}

fn as_responder<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut reader = Reader::new();
    let mut parameters: BTreeMap<u16, Pairs> = BTreeMap::new();
    let mut read = Read { seen: Vec::new(), end: Ok(true), requests: BTreeMap::new() };
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let incoming = match reader.next(&mut input) {
                Ok(Some(incoming)) => incoming,
                Ok(None) => break,
                Err(broken) => {
                    read.end = Err(broken);
                    return read;
                }
            };
            if let Incoming::Stream { kind: Stream::Params, id: id @ ..=IDS, content } = &incoming {
                let (variables, bad) = read.requests.entry(*id).or_default();
                let pairs =
                    parameters.entry(*id).or_insert_with(|| Pairs::new(LIMIT_BYTES, LIMIT_COUNT));
                if bad.is_none() {
                    *bad = pairs.feed(content, variables).err();
                }
            }
            if let Incoming::StreamEnd { kind: Stream::Params, id } = incoming
                && let Some(pairs) = parameters.remove(&id)
                && let Some((_, bad)) = read.requests.get_mut(&id)
            {
                *bad = bad.or(pairs.finish().err());
            }
            joined(&mut read.seen, incoming, |last, next| match (last, next) {
                (
                    Incoming::Stream { kind: last_kind, id: last_id, content: last },
                    Incoming::Stream { kind, id, content },
                ) if (*last_kind, *last_id) == (*kind, *id) => Some((last, content)),
                _ => None,
            });
        }
        assert!(input.is_empty());
    }
    read.end = Ok(reader.between_records());
    read
}

fn as_web_server<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Event>, Result<bool, ClientError>) {
    let mut client = Client::new();
    let mut sent = Vec::new();
    for _ in 0..IDS {
        client.begin(&mut sent, RESPONDER, true, []);
    }
    client.abort(&mut sent, 2);
    let mut seen = Vec::new();
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let event = match client.next(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
            };
            joined(&mut seen, event, |last, next| match (last, next) {
                (Event::Output { id: last_id, content: last }, Event::Output { id, content })
                | (Event::Log { id: last_id, content: last }, Event::Log { id, content })
                    if *last_id == *id =>
                {
                    Some((last, content))
                }
                _ => None,
            });
        }
    }
    (seen, Ok(client.is_idle()))
}
