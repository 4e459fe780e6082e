//! SCGI, through the suite.
#![cfg(feature = "scgi")]

mod listening;
mod spoken;

use narthex_adapters::scgi::BACKEND;
use narthex_conformance::{Dialect, suite};
use narthex_core::Variables;
use spoken::Spoken;

struct Netstring;

impl Dialect for Netstring {
    fn variables(&mut self, variables: &Variables, out: &mut Vec<u8>) {
        // The length comes first, and is always there.
        let (length, others): (Vec<_>, Vec<_>) =
            variables.iter().partition(|(name, _)| name == "CONTENT_LENGTH");
        let length = length.first().map_or(&b"0"[..], |(_, value)| value);
        let mut text = [b"CONTENT_LENGTH\0", length, b"\0SCGI\x001\0"].concat();
        for (name, value) in others {
            text.extend_from_slice(&[name, &b"\0"[..], value, b"\0"].concat());
        }
        out.extend_from_slice(format!("{}:", text.len()).as_bytes());
        out.extend_from_slice(&text);
        out.push(b',');
    }
}

suite!(Spoken { backend: &BACKEND, dialect: || Netstring });
