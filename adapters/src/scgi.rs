//! SCGI: variables in a netstring, then the body.

use bytes::{Bytes, BytesMut};
use memchr::memchr;
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

/// SCGI.
pub static BACKEND: Scgi = Scgi;

/// See [`BACKEND`].
#[derive(Clone, Copy, Debug)]
pub struct Scgi;

impl Backend for Scgi {
    fn name(&self) -> &'static str {
        "scgi"
    }

    fn summary(&self) -> &'static str {
        "SCGI: behind nginx, Apache or lighttpd"
    }

    fn detect(&self, _seen: &Surroundings) -> Option<&'static str> {
        None
    }

    fn open(&self, options: &Options) -> Result<Box<dyn Door>> {
        let make = Single::<Head>::new;
        Ok(Box::new(Open::new("scgi", options, single::BASE, make, Allowed::default())?))
    }
}

/// The variables of a request, without I/O.
#[derive(Debug)]
pub struct Head {
    limits: HeadLimits,
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    /// The length of the netstring, as far as its digits have come.
    Length(usize),
    /// The variables and the comma behind them.
    Variables {
        length: usize,
        held: BytesMut,
    },
}

impl Head {
    /// A head for a new connection.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, state: State::Begin }
    }

    /// Takes what it can off the front of `input`: all of it until the variables are whole, and
    /// nothing of what is behind them.
    ///
    /// # Errors
    /// [`BadHead`]: no request will come.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Variables>, BadHead> {
        loop {
            match &mut self.state {
                State::Begin => match input.first() {
                    None => return Ok(None),
                    Some(byte) if byte.is_ascii_digit() => self.state = State::Length(0),
                    Some(&byte) => return Err(foreign("SCGI", byte)),
                },
                State::Length(length) => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    match input.split_to(1)[0] {
                        digit @ b'0'..=b'9' => {
                            *length =
                                length.saturating_mul(10).saturating_add((digit - b'0').into());
                            if *length > self.limits.bytes {
                                return Err(BadHead::TooMuch("too many bytes of variables"));
                            }
                        }
                        b':' => {
                            let length = *length + 1;
                            self.state = State::Variables { length, held: BytesMut::new() };
                        }
                        _ => return Err(BadHead::Foreign("a malformed SCGI netstring".into())),
                    }
                }
                State::Variables { length, held } => {
                    let Some(netstring) = gather(held, *length, input) else { return Ok(None) };
                    return variables(&netstring, self.limits.count).map(Some);
                }
            }
        }
    }
}

impl single::Head for Head {
    fn of(limits: HeadLimits) -> Self {
        Self::new(limits)
    }

    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Variables>, BadHead> {
        self.next(input)
    }

    fn has_begun(&self) -> bool {
        !matches!(self.state, State::Begin)
    }
}

/// The variables of a netstring, up to `most`, as slices of it.
fn variables(netstring: &Bytes, most: usize) -> Result<Variables, BadHead> {
    let malformed = |what: &'static str| Err(BadHead::Foreign(what.into()));
    let Some((b',', all)) = netstring.split_last() else {
        return malformed("an SCGI netstring that does not end with a comma");
    };
    let mut variables = Variables::new();
    let mut rest = all;
    while !rest.is_empty() {
        if variables.len() == most {
            return Err(BadHead::TooMuch("too many variables"));
        }
        let Some((name, value)) = text(&mut rest).zip(text(&mut rest)) else {
            return malformed("an SCGI variable that does not end");
        };
        variables.push((netstring.slice_ref(name), netstring.slice_ref(value)));
    }
    if variables.first().is_none_or(|(name, _)| name != "CONTENT_LENGTH") {
        return malformed("an SCGI request that does not begin with CONTENT_LENGTH");
    }
    // It has to be there, but nginx sends it only where its file scgi_params is included.
    if variables.iter().any(|(name, value)| name == "SCGI" && value != "1") {
        return malformed("an SCGI request of a version other than 1");
    }
    Ok(variables)
}

/// The text at the front of `rest`, up to the NUL that ends it.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (text, nul_and_more) = rest.split_at(memchr(0, rest)?);
    *rest = &nul_and_more[1..];
    Some(text)
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

    fn netstring(text: &[u8]) -> Vec<u8> {
        [text.len().to_string().as_bytes(), b":", text, b","].concat()
    }

    fn refused(bytes: &[u8]) -> BadHead {
        read([bytes]).0.unwrap_err()
    }

    proptest! {
        #[test]
        fn a_netstring_is_read_wherever_it_is_cut(
            others in vec((vec(1..=u8::MAX, 0..90), vec(1..=u8::MAX, 0..90)), 0..5),
            body in vec(any::<u8>(), 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let length = body.len().to_string();
            let mut variables: Variables = vec![("CONTENT_LENGTH".into(), length.into())];
            variables.extend(others.into_iter().map(|(name, value)| (name.into(), value.into())));
            let mut text = Vec::new();
            for part in variables.iter().flat_map(|(name, value)| [name, value]) {
                text.extend_from_slice(part);
                text.push(0);
            }
            let bytes = [netstring(&text), body.clone()].concat();
            let expected = (Ok(Some(variables)), body);
            let (front, back) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(read([front, back]), expected.clone());
            prop_assert_eq!(read(bytes.chunks(1)), expected);
        }

        #[test]
        fn arbitrary_bytes_mean_the_same_wherever_they_are_cut(
            text in vec(prop_oneof![0..2_u8, any::<u8>()], 0..60),
            first in any::<bool>(),
        ) {
            let first: &[u8] = if first { b"CONTENT_LENGTH\x001\0" } else { b"" };
            let bytes = netstring(&[first, &text].concat());
            prop_assert_eq!(read([&*bytes]).0, read(bytes.chunks(1)).0);
            prop_assert_eq!(read([&*text]).0, read(text.chunks(1)).0);
        }
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let bytes = b"70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0\
            REQUEST_URI\0/deepthought\0,What is the answer to life?";
        let (variables, body) = read([&bytes[..]]);
        let variables = variables.unwrap().unwrap();
        assert_eq!(variables[3], ("REQUEST_URI".into(), "/deepthought".into()));
        assert_eq!((variables.len(), &*body), (4, &b"What is the answer to life?"[..]));
    }

    #[test]
    fn a_netstring_in_one_piece_is_not_copied() {
        let mut input = BytesMut::from(&*netstring(b"CONTENT_LENGTH\x000\0"));
        let value = input[3 + 15..].as_ptr();
        let variables = Head::new(LIMITS).next(&mut input).unwrap().unwrap();
        assert_eq!(variables[0].1.as_ptr(), value);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert!(refused(b"GET / HTTP/1.0").to_string().contains("HTTP"));
        let bad: [&[u8]; 8] = [
            b":,",
            b"-1:",
            b"5x",
            b"0:,",
            b"1:a.",
            b"16:CONTENT_LENGTH\x000,",
            b"9:SCGI\x001\0A\0,",
            b"24:CONTENT_LENGTH\x000\0SCGI\x002\0,",
        ];
        for bad in bad {
            assert!(matches!(refused(bad), BadHead::Foreign(_)), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn limits_hold() {
        for long in [&b"1001"[..], b"99999999999999999999999999"] {
            assert!(matches!(refused(long), BadHead::TooMuch(_)), "{}", long.escape_ascii());
        }
        let many = |count| netstring(&[b"CONTENT_LENGTH\x000\0", &*b"\0\0".repeat(count)].concat());
        assert!(matches!(refused(&many(5)), BadHead::TooMuch(_)));
        assert_eq!(read([&*many(4)]).0.unwrap().unwrap().len(), 5);
    }
}
