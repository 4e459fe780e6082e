//! A responder for the fuzz targets: every request that has wholly arrived is answered with its
//! body.

use std::collections::BTreeMap;

use bytes::BytesMut;
use narthex_core::Limits;

use super::responder::Responder;
use crate::gateway::protocol::{After, Ended, Event, Id, Protocol};

/// What a peer is sent that sends `pieces`.
pub fn respond<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut limits = Limits::default();
    limits.streams = 3;
    let mut responder = Responder::new(&limits);
    let mut bodies: BTreeMap<Id, Vec<u8>> = BTreeMap::new();
    let (mut input, mut out) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let (id, how) = match responder.next(&mut input, &mut out) {
                Err(_) => return out,
                Ok(None) => break,
                Ok(Some(Event::Request { id, .. })) => {
                    assert!(bodies.insert(id, Vec::new()).is_none(), "{id} begins twice");
                    continue;
                }
                Ok(Some(Event::Body { id, bytes })) => {
                    bodies.get_mut(&id).expect("a request").extend_from_slice(&bytes);
                    continue;
                }
                Ok(Some(Event::BodyEnd { id })) => (id, Ended::Complete),
                Ok(Some(Event::Abort { id })) => (id, Ended::Failed),
                Ok(Some(Event::Refused { id, .. })) => (id, Ended::Complete),
                Ok(Some(Event::TurnedAway { id, how })) => (id, how),
            };
            let body = bodies.remove(&id).unwrap_or_default();
            assert!(bodies.len() <= 3, "{} requests at once", bodies.len());
            let mut rest = if how == Ended::Complete { &*body } else { b"" };
            while !rest.is_empty() {
                let count = responder.before(id, rest.len(), &mut out);
                out.extend_from_slice(&rest[..count]);
                rest = &rest[count..];
            }
            if responder.end(id, how, &mut out) == After::Close {
                return out;
            }
        }
    }
    out
}
