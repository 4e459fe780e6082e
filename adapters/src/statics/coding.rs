//! How files are compressed, and what of it a client takes.

use http::{HeaderMap, header::ACCEPT_ENCODING};

/// How the neighbour of a file is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Coding {
    Brotli,
    Zstandard,
    Gzip,
}

impl Coding {
    /// Every one, those that make the smallest files first.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstandard, Self::Gzip];

    /// Its name in `Content-Encoding`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstandard => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What is appended to the name of the file.
    pub(super) const fn extension(self) -> &'static [u8] {
        match self {
            Self::Brotli => b".br",
            Self::Zstandard => b".zst",
            Self::Gzip => b".gz",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The codings that a client takes.
///
/// All of them are the same to us except one with the weight 0 (RFC 9110, 12.5.3): whoever takes
/// several does not mind which one it gets.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Accepted(u8);

impl Accepted {
    /// Reads them from the fields of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let (mut taken, mut named, mut others) = (0, 0, false);
        for value in headers.get_all(ACCEPT_ENCODING) {
            for part in value.to_str().unwrap_or_default().split(',') {
                let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
                let name = name.trim_ascii();
                let wanted = !is_zero(parameters);
                if name == "*" {
                    others = wanted;
                }
                for coding in Coding::ALL {
                    if name.eq_ignore_ascii_case(coding.name()) {
                        named |= coding.bit();
                        taken |= if wanted { coding.bit() } else { 0 };
                    }
                }
            }
        }
        let every = Coding::ALL.iter().fold(0, |bits, coding| bits | coding.bit());
        Self(if others { taken | (every & !named) } else { taken })
    }

    /// Whether it takes files only as they are.
    pub(super) fn none(self) -> bool {
        self.0 == 0
    }

    /// The codings, in our order.
    pub(super) fn iter(self) -> impl Iterator<Item = Coding> {
        Coding::ALL.into_iter().filter(move |coding| self.0 & coding.bit() != 0)
    }
}

/// Whether the weight among `parameters` is 0.
fn is_zero(parameters: &str) -> bool {
    let parameters = parameters.trim_ascii();
    let Some(value) = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q="))
    else {
        return false;
    };
    value.starts_with('0') && value.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepted(values: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        let names: Vec<_> = Accepted::of(&headers).iter().map(Coding::name).collect();
        names.join(" ")
    }

    #[test]
    fn what_the_client_takes() {
        assert_eq!(accepted(&[]), "");
        assert_eq!(accepted(&[""]), "");
        assert_eq!(accepted(&["gzip, deflate, br, zstd"]), "br zstd gzip");
        assert_eq!(accepted(&["gzip;q=0.5", "BR ; q=0.001"]), "br gzip");
        assert_eq!(accepted(&["gzip;q=0, br;q=0.000, zstd; Q=0."]), "");
        assert_eq!(accepted(&["*"]), "br zstd gzip");
        assert_eq!(accepted(&["*, br;q=0"]), "zstd gzip");
        assert_eq!(accepted(&["*;q=0, gzip"]), "gzip");
        assert_eq!(accepted(&["identity, brotli, gz"]), "");
    }
}
