//! FastCGI records (specification 1.0, section 3.3) taken apart and written, both sides, without
//! I/O.
//!
//! What a responder receives and what a web server receives are told apart by [`Incoming`] alone:
//! whoever reads decides what it does not expect.

mod write;

#[cfg(test)]
mod tests;

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

pub use self::write::{
    LARGEST_CONTENT, abort, begin, end, get_values, get_values_result, stream, stream_end,
    stream_header, unknown_type,
};

/// The role of an application that answers requests.
pub const RESPONDER: u16 = 1;
/// The role of an application that lets requests pass or answers them itself.
pub const AUTHORIZER: u16 = 2;
/// The role of an application that filters a file.
pub const FILTER: u16 = 3;

const VERSION: u8 = 1;
const HEADER_LENGTH: usize = 8;
/// The content of the records that begin or end a request, or say that a type is not known.
const FIXED: usize = 8;
/// The most content of a management record. Three variables are known; their names take 47 bytes.
const LARGEST_GATHERED: usize = 4096;

const BEGIN_REQUEST: u8 = 1;
const ABORT_REQUEST: u8 = 2;
const END_REQUEST: u8 = 3;
const GET_VALUES: u8 = 9;
const GET_VALUES_RESULT: u8 = 10;
const UNKNOWN_TYPE: u8 = 11;

/// Bytes that have arrived, of which a [`Reader`] takes what it can off the front.
pub trait Input {
    /// A part of them.
    type Content;

    /// Those that have not been taken.
    fn rest(&self) -> &[u8];

    /// Takes the first `count`.
    fn take(&mut self, count: usize) -> Self::Content;
}

/// Parts of it live as long as they are wanted, wherever the next bytes are read to.
impl Input for BytesMut {
    type Content = Bytes;

    #[inline]
    fn rest(&self) -> &[u8] {
        self
    }

    #[inline]
    fn take(&mut self, count: usize) -> Bytes {
        self.split_to(count).freeze()
    }
}

/// Parts of it are where they were read to.
impl<'a> Input for &'a [u8] {
    type Content = &'a [u8];

    #[inline]
    fn rest(&self) -> &[u8] {
        self
    }

    #[inline]
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.split_at(count);
        *self = rest;
        taken
    }
}

/// What a peer has sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Incoming<C = Bytes> {
    /// A request begins.
    Begin {
        /// The number by which the request is known until it has ended, never 0.
        id: u16,
        /// What is asked for, such as [`RESPONDER`].
        role: u16,
        /// Whether the connection is to stay open after the request.
        keep: bool,
    },
    /// The web server does not want the answer any more.
    Abort {
        /// The request.
        id: u16,
    },
    /// A request has ended.
    End {
        /// The request.
        id: u16,
        /// What a program would have exited with.
        application_status: u32,
        /// Whether the request was served at all.
        protocol_status: ProtocolStatus,
    },
    /// Part of a stream, perhaps less than a record.
    Stream {
        /// The stream.
        kind: Stream,
        /// The request.
        id: u16,
        /// What has arrived, never empty.
        content: C,
    },
    /// The end of a stream.
    StreamEnd {
        /// The stream.
        kind: Stream,
        /// The request.
        id: u16,
    },
    /// The web server asks for variables: pairs with empty values.
    GetValues {
        /// The pairs.
        content: Bytes,
    },
    /// The application says what the web server asked for.
    GetValuesResult {
        /// The pairs.
        content: Bytes,
    },
    /// The peer does not know a type of record that it was sent.
    UnknownType {
        /// The type that it was sent.
        kind: u8,
    },
    /// A management record of an unknown type, to be answered by [`unknown_type`].
    Unknown {
        /// The type.
        kind: u8,
    },
    /// A record of an unknown type that belongs to a request.
    Ignored,
}

/// The streams of a request.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Stream {
    /// Variables, see [`Pairs`](super::pairs::Pairs).
    Params = 4,
    /// The body of the request.
    Stdin = 5,
    /// The response.
    Stdout = 6,
    /// What is to be logged.
    Stderr = 7,
    /// The file that a [`FILTER`] is given.
    Data = 8,
}

impl Stream {
    fn of(kind: u8) -> Option<Self> {
        Some(match kind {
            4 => Self::Params,
            5 => Self::Stdin,
            6 => Self::Stdout,
            7 => Self::Stderr,
            8 => Self::Data,
            _ => return None,
        })
    }
}

/// How a request has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProtocolStatus {
    /// It was served.
    RequestComplete,
    /// It was refused: another request of the connection is running.
    CantMultiplex,
    /// It was refused: the application is busy.
    Overloaded,
    /// It was refused: the application does not have the role.
    UnknownRole,
    /// What the specification does not name.
    Other(u8),
}

impl From<u8> for ProtocolStatus {
    fn from(value: u8) -> Self {
        match value {
            0 => Self::RequestComplete,
            1 => Self::CantMultiplex,
            2 => Self::Overloaded,
            3 => Self::UnknownRole,
            other => Self::Other(other),
        }
    }
}

impl From<ProtocolStatus> for u8 {
    fn from(status: ProtocolStatus) -> Self {
        match status {
            ProtocolStatus::RequestComplete => 0,
            ProtocolStatus::CantMultiplex => 1,
            ProtocolStatus::Overloaded => 2,
            ProtocolStatus::UnknownRole => 3,
            ProtocolStatus::Other(value) => value,
        }
    }
}

/// Why nothing that follows on a connection can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Broken {
    /// A record is not of version 1. The value is its first byte.
    Version(u8),
    /// A record of a request is numbered 0, or a management record is not.
    Id {
        /// The type of the record.
        kind: u8,
        /// The number.
        id: u16,
    },
    /// The content of a record has a length that its type cannot have.
    Length {
        /// The type of the record.
        kind: u8,
        /// The length.
        length: u16,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(byte) if byte.is_ascii_alphabetic() => {
                f.write_str("no FastCGI record; does the client speak HTTP?")
            }
            Self::Version(byte) => write!(f, "a FastCGI record of version {byte}"),
            Self::Id { kind, id } => write!(f, "a FastCGI record of type {kind} with the id {id}"),
            Self::Length { kind, length } => {
                write!(f, "a FastCGI record of type {kind} with {length} bytes of content")
            }
        }
    }
}

impl std::error::Error for Broken {}

/// Takes apart what a peer sends.
///
/// It holds at most one header and the content of one management record.
#[derive(Debug, Default)]
pub struct Reader {
    header: [u8; HEADER_LENGTH],
    /// How much of `header` has arrived; 0 outside of a header.
    arrived: usize,
    state: State,
    /// What follows the content of the record.
    padding: u8,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Header,
    /// Content that is passed on as it comes.
    Stream {
        kind: Stream,
        id: u16,
        left: usize,
    },
    /// Content of [`FIXED`] bytes, of which so many have arrived.
    Fixed {
        kind: u8,
        id: u16,
        arrived: usize,
        content: [u8; FIXED],
    },
    /// Content that is passed on whole.
    Gather {
        kind: u8,
        length: usize,
        held: BytesMut,
    },
    /// Padding, and content that means nothing.
    Skip(usize),
    Broken(Broken),
}

impl Reader {
    /// A reader for a new connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a record has been read to its end and none begun, so that the peer may close here.
    #[must_use]
    pub fn between_records(&self) -> bool {
        matches!(self.state, State::Header) && self.arrived == 0
    }

    /// Takes what it can off the front of `input`.
    ///
    /// `Ok(None)` means that more must arrive; `input` is empty then. How the bytes were cut into
    /// pieces changes nothing but how the content of streams is.
    ///
    /// # Errors
    /// [`Broken`], again at each further call.
    pub fn next<I: Input>(
        &mut self,
        input: &mut I,
    ) -> Result<Option<Incoming<I::Content>>, Broken> {
        loop {
            match &mut self.state {
                State::Header => {
                    if !self.take_header(input)? {
                        return Ok(None);
                    }
                    if let Some(incoming) = self.enter()? {
                        return Ok(Some(incoming));
                    }
                }
                State::Stream { kind, id, left } => {
                    let (kind, id) = (*kind, *id);
                    let count = input.rest().len().min(*left);
                    if count == 0 {
                        return Ok(None);
                    }
                    *left -= count;
                    if *left == 0 {
                        self.skip(0);
                    }
                    return Ok(Some(Incoming::Stream { kind, id, content: input.take(count) }));
                }
                State::Fixed { kind, id, arrived, content } => {
                    *arrived += fill(&mut content[*arrived..], input);
                    if *arrived < FIXED {
                        return Ok(None);
                    }
                    let incoming = fixed(*kind, *id, content);
                    self.skip(0);
                    return Ok(Some(incoming));
                }
                State::Gather { kind, length, held } => {
                    let count = input.rest().len().min(*length - held.len());
                    held.extend_from_slice(&input.rest()[..count]);
                    input.take(count);
                    if held.len() < *length {
                        return Ok(None);
                    }
                    let (kind, content) = (*kind, held.split().freeze());
                    self.skip(0);
                    return Ok(Some(match kind {
                        GET_VALUES => Incoming::GetValues { content },
                        _ => Incoming::GetValuesResult { content },
                    }));
                }
                State::Skip(left) => {
                    let count = input.rest().len().min(*left);
                    input.take(count);
                    *left -= count;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = State::Header;
                }
                State::Broken(broken) => return Err(*broken),
            }
        }
    }

    /// Takes what is missing of a header; false when more must arrive.
    fn take_header(&mut self, input: &mut impl Input) -> Result<bool, Broken> {
        let count = fill(&mut self.header[self.arrived..], input);
        if count == 0 {
            return Ok(false);
        }
        self.arrived += count;
        if self.header[0] != VERSION {
            return self.fail(Broken::Version(self.header[0]));
        }
        Ok(self.arrived == HEADER_LENGTH)
    }

    /// Begins what `header` says.
    fn enter<C>(&mut self) -> Result<Option<Incoming<C>>, Broken> {
        let [_, kind, id_1, id_0, length_1, length_0, padding, _] = self.header;
        let id = u16::from_be_bytes([id_1, id_0]);
        let length = u16::from_be_bytes([length_1, length_0]);
        self.arrived = 0;
        self.padding = padding;
        let management = match kind {
            GET_VALUES | GET_VALUES_RESULT | UNKNOWN_TYPE => true,
            BEGIN_REQUEST..=8 => false,
            _ => id == 0,
        };
        if management != (id == 0) {
            return self.fail(Broken::Id { kind, id });
        }
        if let Some(stream) = Stream::of(kind) {
            if length == 0 {
                self.skip(0);
                return Ok(Some(Incoming::StreamEnd { kind: stream, id }));
            }
            self.state = State::Stream { kind: stream, id, left: length.into() };
            return Ok(None);
        }
        let state = match kind {
            BEGIN_REQUEST | END_REQUEST | UNKNOWN_TYPE => (usize::from(length) == FIXED)
                .then_some(State::Fixed { kind, id, arrived: 0, content: [0; FIXED] }),
            GET_VALUES | GET_VALUES_RESULT => {
                let length = usize::from(length);
                let held = BytesMut::new();
                (length <= LARGEST_GATHERED).then_some(State::Gather { kind, length, held })
            }
            ABORT_REQUEST => {
                self.skip(length);
                return Ok(Some(Incoming::Abort { id }));
            }
            _ => {
                self.skip(length);
                return Ok(Some(if management {
                    Incoming::Unknown { kind }
                } else {
                    Incoming::Ignored
                }));
            }
        };
        match state {
            Some(state) => self.state = state,
            None => return self.fail(Broken::Length { kind, length }),
        }
        Ok(None)
    }

    /// Goes on behind `length` bytes of content and the padding.
    fn skip(&mut self, length: u16) {
        let left = usize::from(length) + usize::from(self.padding);
        self.state = if left == 0 { State::Header } else { State::Skip(left) };
    }

    fn fail<T>(&mut self, broken: Broken) -> Result<T, Broken> {
        self.state = State::Broken(broken);
        Err(broken)
    }
}

/// Takes the front of `input` to `room`, as far as it fits; says how much.
#[inline]
fn fill(room: &mut [u8], input: &mut impl Input) -> usize {
    let count = input.rest().len().min(room.len());
    room[..count].copy_from_slice(&input.rest()[..count]);
    input.take(count);
    count
}

/// What a record says whose content has [`FIXED`] bytes.
fn fixed<C>(kind: u8, id: u16, mut content: &[u8]) -> Incoming<C> {
    match kind {
        // Role, flags, and five bytes that are reserved.
        BEGIN_REQUEST => {
            Incoming::Begin { id, role: content.get_u16(), keep: content.get_u8() & 1 != 0 }
        }
        END_REQUEST => Incoming::End {
            id,
            application_status: content.get_u32(),
            protocol_status: content.get_u8().into(),
        },
        _ => Incoming::UnknownType { kind: content.get_u8() },
    }
}
