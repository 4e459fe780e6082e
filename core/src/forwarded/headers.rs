//! Which fields the proxies in front set.

use core::{fmt, str::FromStr};

use http::{HeaderName, header::FORWARDED};

pub(super) const X_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) const X_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
pub(super) const X_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
pub(super) const X_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// All of them; each is known by the bit of its place.
static NAMES: [HeaderName; 6] = [X_FOR, X_PROTO, X_HOST, X_PORT, X_PREFIX, FORWARDED];
const RFC_7239: u8 = 0b10_0000;
const X_FORWARDED: u8 = 0b01_1111;
/// What Forwarded does not say.
const BESIDE_RFC_7239: u8 = 0b01_0000;

/// The fields by which the proxies in front say whom they speak for.
///
/// A proxy passes on what it does not set itself, so the others are a client's own words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProxyHeaders(u8);

impl ProxyHeaders {
    /// X-Forwarded-For, -Proto, -Host, -Port and -Prefix.
    pub const X_FORWARDED: Self = Self(X_FORWARDED);
    /// Forwarded (RFC 7239).
    pub const FORWARDED: Self = Self(RFC_7239);

    /// Whether it is Forwarded that says who asks.
    pub(super) fn is_rfc_7239(self) -> bool {
        self.0 & RFC_7239 != 0
    }

    /// What `name` is; told by its length first, since most are none of these.
    pub(super) fn kind(self, name: &HeaderName) -> Kind {
        let text = name.as_str();
        let bit = match text.len() {
            4 if text == "host" => return Kind::Host,
            9 if text == "forwarded" => 5,
            15 if text == "x-forwarded-for" => 0,
            16 if text == "x-forwarded-host" => 2,
            16 if text == "x-forwarded-port" => 3,
            17 if text == "x-forwarded-proto" => 1,
            18 if text == "x-forwarded-prefix" => 4,
            _ => return Kind::Other,
        };
        if self.0 >> bit & 1 == 1 { Kind::Set } else { Kind::Unset }
    }

    /// Those that the proxies set.
    pub(super) fn set(self) -> impl Iterator<Item = &'static HeaderName> {
        NAMES.iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, it)| it)
    }

    /// Those that they do not.
    pub(super) fn unset(self) -> impl Iterator<Item = &'static HeaderName> {
        Self(!self.0).set()
    }
}

/// What a field is to whoever asks for the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The proxies set it.
    Set,
    /// Proxies may set it, but these do not.
    Unset,
    Host,
    Other,
}

impl Default for ProxyHeaders {
    fn default() -> Self {
        Self::X_FORWARDED
    }
}

/// As a user writes them: a list of fields, or `x-forwarded` for all of that kind.
impl FromStr for ProxyHeaders {
    type Err = NotHeaders;

    fn from_str(text: &str) -> Result<Self, NotHeaders> {
        let mut set = 0;
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let is = |known: &HeaderName| name.eq_ignore_ascii_case(known.as_str());
            set |= match NAMES.iter().position(is) {
                Some(bit) => 1 << bit,
                None if name.eq_ignore_ascii_case("x-forwarded") => X_FORWARDED,
                None => return Err(NotHeaders::Unknown(name.to_owned())),
            };
        }
        match set {
            0 => Err(NotHeaders::Unknown(text.to_owned())),
            set if set & RFC_7239 != 0 && set & !RFC_7239 & !BESIDE_RFC_7239 != 0 => {
                Err(NotHeaders::Contradictory)
            }
            set => Ok(Self(set)),
        }
    }
}

impl fmt::Display for ProxyHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == X_FORWARDED {
            return f.write_str("x-forwarded");
        }
        for (index, name) in self.set().enumerate() {
            let separator = if index > 0 { "," } else { "" };
            write!(f, "{separator}{name}")?;
        }
        Ok(())
    }
}

/// Why a text does not say which fields the proxies set.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NotHeaders {
    /// It is no field of proxies.
    Unknown(String),
    /// Two fields would say the same thing, and differ.
    Contradictory,
}

impl fmt::Display for NotHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(
                f,
                "{text:?} is no field of proxies: write x-forwarded, forwarded, or some of \
                 x-forwarded-for, -proto, -host, -port and -prefix with their whole names"
            ),
            Self::Contradictory => f.write_str(
                "forwarded and x-forwarded say the same things: write the one that the proxy \
                 sets, beside forwarded at most x-forwarded-prefix",
            ),
        }
    }
}

impl std::error::Error for NotHeaders {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_or_not() {
        for (text, written, set) in [
            ("x-forwarded", "x-forwarded", 5),
            ("Forwarded", "forwarded", 1),
            ("X-Forwarded-Proto, x-forwarded-for", "x-forwarded-for,x-forwarded-proto", 2),
            ("forwarded,x-forwarded-prefix", "x-forwarded-prefix,forwarded", 2),
        ] {
            let headers: ProxyHeaders = text.parse().unwrap();
            assert_eq!(headers.to_string(), written);
            assert_eq!(written.parse(), Ok(headers));
            assert_eq!((headers.set().count(), headers.unset().count()), (set, 6 - set));
            assert!(headers.set().all(|name| headers.kind(name) == Kind::Set));
            assert!(headers.unset().all(|name| headers.kind(name) == Kind::Unset));
        }
        assert_eq!(ProxyHeaders::default(), "x-forwarded".parse().unwrap());
        let kind = |name| ProxyHeaders::default().kind(&HeaderName::from_static(name));
        assert_eq!((kind("host"), kind("x-forwarded-by")), (Kind::Host, Kind::Other));
        assert_eq!(ProxyHeaders::FORWARDED, "forwarded".parse().unwrap());
        for text in ["", ",", "x-real-ip", "forwarded,x-forwarded-for", "x-forwarded,forwarded"] {
            assert!(text.parse::<ProxyHeaders>().is_err(), "{text}");
        }
    }
}
