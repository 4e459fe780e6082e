//! The uwsgi protocol, through the suite.
#![cfg(feature = "uwsgi")]

mod listening;
mod spoken;

use narthex_adapters::uwsgi::BACKEND;
use narthex_conformance::{Dialect, suite};
use narthex_core::Variables;
use spoken::Spoken;

struct Packet;

impl Dialect for Packet {
    fn opening(&self) -> &'static str {
        "HTTP/1.1 "
    }

    fn variables(&mut self, variables: &Variables, out: &mut Vec<u8>) {
        let length = |text: &[u8]| u16::try_from(text.len()).expect("up to 64 KiB").to_le_bytes();
        let mut packet = Vec::new();
        for text in variables.iter().flat_map(|(name, value)| [name, value]) {
            packet.extend_from_slice(&length(text));
            packet.extend_from_slice(text);
        }
        let [size_0, size_1] = length(&packet);
        out.extend_from_slice(&[0, size_0, size_1, 0]);
        out.extend_from_slice(&packet);
    }
}

suite!(Spoken { backend: &BACKEND, dialect: || Packet });
