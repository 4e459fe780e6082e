//! What a FastCGI responder must do (specification 1.0), over real sockets.
#![cfg(feature = "fastcgi")]
#![allow(clippy::unwrap_used, reason = "these are tests, and their peers")]

mod application;
mod peer;
mod requests;
mod several;
mod wrong;

use narthex_adapters::fastcgi::record::ProtocolStatus;
use peer::{Peer, Request};

const COMPLETE: Option<(u32, ProtocolStatus)> = Some((0, ProtocolStatus::RequestComplete));

/// Bytes of which none is like its neighbours.
fn pattern(length: usize) -> Vec<u8> {
    (0_u32..).take(length).map(|index| index.wrapping_mul(0x9e37_79b1).to_be_bytes()[0]).collect()
}

/// Fails unless the server still answers on a connection that is there.
#[track_caller]
fn is_usable(peer: &mut Peer) {
    peer.send(Request::get("/").id(9).bytes());
    assert_eq!(peer.answer(9).body(), b"here");
}
