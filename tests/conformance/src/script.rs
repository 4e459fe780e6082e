//! What a request tells the application to answer.

use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use narthex_core::{ResponseHead, decode};

use crate::{Request, message};

/// The ways in which an application may answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// At once, with a whole body.
    Whole,
    /// At once, with a body that is pulled.
    Pulled,
    /// Through an exchange: a head, then writes, then the end.
    Pushed,
    /// Through an exchange, in one go.
    Responded,
    /// As pushed, and each operation waited for on the thread that makes the call.
    Waited,
}

impl Way {
    /// Every way.
    pub(crate) const ALL: [Self; 5] =
        [Self::Whole, Self::Pulled, Self::Pushed, Self::Responded, Self::Waited];
    /// The ways that make a body piece by piece.
    pub(crate) const STREAMED: [Self; 3] = [Self::Pulled, Self::Pushed, Self::Waited];

    /// Its name in the request field `Way`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Pulled => "pulled",
            Self::Pushed => "pushed",
            Self::Responded => "responded",
            Self::Waited => "waited",
        }
    }

    pub(crate) fn of(headers: &http::HeaderMap) -> Self {
        let named = headers.get("way").map(HeaderValue::as_bytes);
        let way = Self::ALL.into_iter().find(|way| named == Some(way.name().as_bytes()));
        way.unwrap_or(Self::Responded)
    }
}

/// A step of making a body.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These bytes; possibly none.
    Piece(Bytes),
    /// Pieces of 64 KiB without end.
    Endless,
    /// An error.
    Fail,
    /// A panic.
    Panic,
}

/// A response to be made: what a case asks for, and what the application does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    query: String,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn with(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(key);
        self.query.push('=');
        for &byte in value.as_ref() {
            if byte.is_ascii_alphanumeric() {
                self.query.push(byte.into());
            } else {
                write!(self.query, "%{byte:02x}").expect("memory");
            }
        }
        self
    }

    pub(crate) fn status(self, status: u16) -> Self {
        self.with("status", status.to_string())
    }

    pub(crate) fn reason(self, reason: impl AsRef<[u8]>) -> Self {
        self.with("reason", reason)
    }

    pub(crate) fn field(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.with("field", [name.as_bytes(), b":", value.as_ref()].concat())
    }

    pub(crate) fn length(self, length: usize) -> Self {
        self.field("content-length", length.to_string())
    }

    pub(crate) fn piece(self, piece: impl AsRef<[u8]>) -> Self {
        self.with("piece", piece)
    }

    /// A piece of so many bytes of [`pattern`].
    ///
    /// Pieces of one length in a row are one piece repeated.
    pub(crate) fn pattern(self, length: usize) -> Self {
        self.with("pattern", length.to_string())
    }

    pub(crate) fn endless(self) -> Self {
        self.with("endless", "")
    }

    pub(crate) fn fail(self) -> Self {
        self.with("fail", "")
    }

    pub(crate) fn panic(self) -> Self {
        self.with("panic", "")
    }

    /// Fails before the head.
    pub(crate) fn fail_early(self) -> Self {
        self.with("early", "fail")
    }

    /// Panics before the head.
    pub(crate) fn panic_early(self) -> Self {
        self.with("early", "panic")
    }

    /// The request that asks for it.
    pub(crate) fn get(&self) -> Request {
        Request::get(self.target())
    }

    pub(crate) fn target(&self) -> String {
        format!("/script?{}", self.query)
    }
}

/// A [`Script`] as the application reads it.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) early: Option<Step>,
    pub(crate) head: ResponseHead,
    pub(crate) steps: Vec<Step>,
}

impl Parsed {
    pub(crate) fn from_query(query: &[u8]) -> Self {
        let mut parsed = Self::default();
        for pair in query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            let equals = pair.iter().position(|&byte| byte == b'=').expect("key=value");
            let value = decode(&pair[equals + 1..]);
            parsed.take(&pair[..equals], &value);
        }
        parsed
    }

    fn take(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"status" => self.head.status = StatusCode::from_bytes(value).expect("a status"),
            b"reason" => self.head.reason = Some(Bytes::copy_from_slice(value)),
            b"field" => {
                let colon = value.iter().position(|&byte| byte == b':').expect("name:value");
                let name = HeaderName::from_bytes(&value[..colon]).expect("a name");
                let value = HeaderValue::from_bytes(&value[colon + 1..]).expect("a value");
                self.head.headers.append(name, value);
            }
            b"piece" => self.steps.push(Step::Piece(Bytes::copy_from_slice(value))),
            b"pattern" => {
                let length = std::str::from_utf8(value).expect("digits").parse();
                let length: usize = length.expect("digits");
                let piece = match self.steps.last() {
                    Some(Step::Piece(same)) if same.len() == length => same.clone(),
                    _ => pattern(length).into(),
                };
                self.steps.push(Step::Piece(piece));
            }
            b"endless" => self.steps.push(Step::Endless),
            b"fail" => self.steps.push(Step::Fail),
            b"panic" => self.steps.push(Step::Panic),
            b"early" => {
                self.early = Some(if value == b"fail" { Step::Fail } else { Step::Panic });
            }
            _ => panic!("no such step: {}", key.escape_ascii()),
        }
    }

    /// The pieces as one, for the ways that have the body whole.
    pub(crate) fn joined(&self) -> Bytes {
        let mut whole = Vec::new();
        for step in &self.steps {
            match step {
                Step::Piece(piece) => whole.extend_from_slice(piece),
                _ => panic!("a whole body cannot {step:?}"),
            }
        }
        whole.into()
    }
}

/// So many bytes in which a lost, doubled or moved piece shows.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 3);
    for number in 0_u32.. {
        if bytes.len() >= length {
            break;
        }
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A number that tells two bodies apart (FNV-1a).
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    checksum_on(0xcbf2_9ce4_8422_2325, bytes)
}

/// [`checksum`] of what came before and `bytes`.
pub(crate) fn checksum_on(before: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(before, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The body in which [`App`](crate::App) says how much it received.
pub(crate) fn received(body: &[u8]) -> Vec<u8> {
    format!("{} bytes, {:016x}", body.len(), checksum(body)).into_bytes()
}

impl message::Response {
    /// Fails unless the application received exactly `body`.
    #[track_caller]
    pub(crate) fn received(self, body: &[u8]) {
        let answer = self.whole(200).body;
        assert_eq!(answer.escape_ascii().to_string(), received(body).escape_ascii().to_string());
    }
}
