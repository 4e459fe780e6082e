//! The uwsgi protocol: variables in a packet of up to 64 KiB, then the body.

use bytes::{Buf, Bytes, BytesMut};
use narthex_core::Variables;

pub use crate::gateway::{head_limits::HeadLimits, single::BadHead};
use crate::{
    Backend, Door, Options, Result, Surroundings,
    gateway::{
        Allowed, Open,
        gather::gather,
        single::{self, Single, foreign},
    },
};

/// The uwsgi protocol.
pub static BACKEND: Uwsgi = Uwsgi;

/// See [`BACKEND`].
#[derive(Clone, Copy, Debug)]
pub struct Uwsgi;

impl Backend for Uwsgi {
    fn name(&self) -> &'static str {
        "uwsgi"
    }

    fn summary(&self) -> &'static str {
        "the uwsgi protocol: behind nginx or Apache"
    }

    fn detect(&self, _seen: &Surroundings) -> Option<&'static str> {
        None
    }

    fn open(&self, options: &Options) -> Result<Box<dyn Door>> {
        let make = Single::<Head>::new;
        Ok(Box::new(Open::new("uwsgi", options, single::BASE, make, Allowed::default())?))
    }
}

/// A modifier, the size of the variables, another modifier.
const PACKET_HEADER: usize = 4;

/// The variables of a request, without I/O.
#[derive(Debug)]
pub struct Head {
    limits: HeadLimits,
    state: State,
}

#[derive(Debug)]
enum State {
    Header(BytesMut),
    Variables { size: usize, held: BytesMut },
}

impl Head {
    /// A head for a new connection.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, state: State::Header(BytesMut::new()) }
    }

    /// Takes what it can off the front of `input`: all of it until the variables are whole, and
    /// nothing of what is behind them.
    ///
    /// # Errors
    /// [`BadHead`]: no request will come.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Variables>, BadHead> {
        if let State::Header(held) = &mut self.state {
            // Only one kind of packet is a request; others need not be waited for.
            match held.first().or(input.first()) {
                Some(b'\0') | None => {}
                Some(&modifier) if modifier.is_ascii_uppercase() => {
                    return Err(foreign("uwsgi", modifier));
                }
                Some(&modifier) => return Err(unserved(1, modifier)),
            }
            let Some(mut header) = gather(held, PACKET_HEADER, input) else { return Ok(None) };
            let (_, size, modifier) = (header.get_u8(), header.get_u16_le(), header.get_u8());
            if modifier != 0 {
                return Err(unserved(2, modifier));
            }
            if usize::from(size) > self.limits.bytes {
                return Err(BadHead::TooMuch("too many bytes of variables"));
            }
            self.state = State::Variables { size: size.into(), held: BytesMut::new() };
        }
        let State::Variables { size, held } = &mut self.state else { return Ok(None) };
        let Some(packet) = gather(held, *size, input) else { return Ok(None) };
        variables(packet, self.limits.count).map(Some)
    }
}

impl single::Head for Head {
    // Apache's mod_proxy_uwsgi takes nothing else for a response, and nginx both.
    const OPENING: &'static str = "HTTP/1.1 ";

    fn of(limits: HeadLimits) -> Self {
        Self::new(limits)
    }

    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Variables>, BadHead> {
        self.next(input)
    }

    fn has_begun(&self) -> bool {
        !matches!(&self.state, State::Header(held) if held.is_empty())
    }
}

/// The words for a packet that is no request for a WSGI application.
fn unserved(place: u8, modifier: u8) -> BadHead {
    let what =
        format!("a uwsgi packet with modifier{place} {modifier}; only 0, a request, is served");
    BadHead::Foreign(what.into())
}

/// The variables of a packet, up to `most`, as slices of it.
fn variables(mut packet: Bytes, most: usize) -> Result<Variables, BadHead> {
    let mut variables = Variables::new();
    while !packet.is_empty() {
        if variables.len() == most {
            return Err(BadHead::TooMuch("too many variables"));
        }
        let Some((name, value)) =
            text(&mut packet).and_then(|name| Some((name, text(&mut packet)?)))
        else {
            return Err(BadHead::Foreign("a uwsgi variable that goes past its packet".into()));
        };
        variables.push((name, value));
    }
    Ok(variables)
}

/// The text at the front of `packet`, behind its length.
fn text(packet: &mut Bytes) -> Option<Bytes> {
    let length = packet.try_get_u16_le().ok()?.into();
    (packet.len() >= length).then(|| packet.split_to(length))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const LIMITS: HeadLimits = HeadLimits { bytes: 1000, count: 5 };

    /// What a head makes of `pieces`, and what it leaves of them.
    fn read<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Result<Option<Variables>, BadHead>, Vec<u8>) {
        let mut head = Head::new(LIMITS);
        let mut outcome = Ok(None);
        let mut rest = BytesMut::new();
        for piece in pieces {
            rest.extend_from_slice(piece);
            if outcome == Ok(None) {
                outcome = head.next(&mut rest);
            }
        }
        (outcome, rest.to_vec())
    }

    fn packet(variables: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut packet = vec![0; PACKET_HEADER];
        for text in variables.iter().flat_map(|&(name, value)| [name, value]) {
            packet.extend_from_slice(&u16::try_from(text.len()).unwrap().to_le_bytes());
            packet.extend_from_slice(text);
        }
        let size = u16::try_from(packet.len() - PACKET_HEADER).unwrap();
        packet[1..3].copy_from_slice(&size.to_le_bytes());
        packet
    }

    fn refused(bytes: &[u8]) -> BadHead {
        read([bytes]).0.unwrap_err()
    }

    proptest! {
        #[test]
        fn a_packet_is_read_wherever_it_is_cut(
            variables in vec((vec(any::<u8>(), 0..90), vec(any::<u8>(), 0..90)), 0..=5),
            body in vec(any::<u8>(), 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let written: Vec<_> = variables.iter().map(|(name, value)| (&**name, &**value)).collect();
            let bytes = [packet(&written), body.clone()].concat();
            let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
            let expected = (Ok(Some(variables.collect())), body);
            let (front, back) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(read([front, back]), expected.clone());
            prop_assert_eq!(read(bytes.chunks(1)), expected);
        }

        #[test]
        fn arbitrary_bytes_mean_the_same_wherever_they_are_cut(
            mut bytes in vec(prop_oneof![0..5_u8, any::<u8>()], 0..60),
            begins in any::<bool>(),
        ) {
            if begins && bytes.len() > PACKET_HEADER {
                let size = u8::try_from(bytes.len() - PACKET_HEADER).unwrap();
                bytes[..PACKET_HEADER].copy_from_slice(&[0, size, 0, 0]);
            }
            prop_assert_eq!(read([&*bytes]).0, read(bytes.chunks(1)).0);
        }
    }

    #[test]
    fn a_packet_in_one_piece_is_not_copied() {
        let mut input = BytesMut::from(&*packet(&[(b"NAME", b"value")]));
        let value = input[PACKET_HEADER + 2 + 4 + 2..].as_ptr();
        let variables = Head::new(LIMITS).next(&mut input).unwrap().unwrap();
        assert_eq!(variables[0].1.as_ptr(), value);
    }

    #[test]
    fn only_requests_are_served() {
        assert!(refused(b"GET / HTTP/1.0").to_string().contains("HTTP"));
        assert!(refused(b"\x05").to_string().contains("modifier1 5"));
        assert!(refused(b"\0\0\0\x07").to_string().contains("modifier2 7"));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bad in [&b"\0\x01\0\0\0"[..], b"\0\x02\0\0\x01\0", b"\0\x06\0\0\x01\0ab\0\0"] {
            assert!(matches!(refused(bad), BadHead::Foreign(_)), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn limits_hold() {
        assert!(matches!(refused(b"\0\xe9\x03\0"), BadHead::TooMuch(_)));
        assert!(matches!(refused(&packet(&[(&b""[..], &b""[..]); 6])), BadHead::TooMuch(_)));
        assert_eq!(read([&*packet(&[(&b""[..], &b""[..]); 5])]).0.unwrap().unwrap().len(), 5);
    }
}
