//! A gateway protocol without I/O: what a web server sends taken apart, and what it is sent put
//! together.

use std::{borrow::Cow, fmt};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use narthex_core::Packed;

use crate::cgi_text;

/// Which of the running requests of a connection; 0 where a connection carries only one.
///
/// A peer may use the same again for another request once it has been told of the end of the first.
pub(crate) type Id = u16;

/// What a web server and a connection say to each other, as bytes.
///
/// It follows one connection: whatever a peer sends, what it keeps is bounded by the limits that it
/// was made with.
pub(crate) trait Protocol: Send + 'static {
    /// What stands before the status of a response.
    const OPENING: &'static str = cgi_text::STATUS;

    /// Takes what it can off the front of `input`; `None` when there is no more to be said of it.
    ///
    /// What the protocol itself has to answer (values that were asked for, a type that nobody
    /// knows, a request too many) is appended to `out` and is no event. So is what belongs to no
    /// running request: it is passed over.
    ///
    /// # Errors
    /// The bytes are not of this protocol: the connection is closed.
    fn next(&mut self, input: &mut BytesMut, out: &mut Vec<u8>) -> Result<Option<Event>, Broken>;

    /// Appends to `out` what stands before a piece of output of up to `length` bytes, which is not
    /// 0, and says how many of its bytes belong directly behind that: at least one. The rest is
    /// another piece.
    fn before(&mut self, id: Id, length: usize, out: &mut Vec<u8>) -> usize;

    /// Appends a line for the error log of the web server, where the protocol has a way to it.
    fn errors(&mut self, _id: Id, _text: &[u8], _out: &mut Vec<u8>) {}

    /// Appends the end of a request, which is forgotten thereby; what still comes of it is passed
    /// over. One that is unknown has been ended before.
    fn end(&mut self, id: Id, how: Ended, out: &mut Vec<u8>) -> After;

    /// Whether the peer may close its side once it has sent all of a request, and still wants the
    /// answer. Otherwise the end of its bytes is the end of all its requests.
    fn may_half_close(&self) -> bool;

    /// Whether the peer may have several requests running at once, as far as is known by now.
    fn multiplexes(&self) -> bool {
        false
    }

    /// Whether nothing of a request has been begun that is not complete: the peer owes nothing.
    fn is_between_requests(&self) -> bool;
}

/// What a peer has said.
#[derive(Debug)]
#[cfg_attr(not(feature = "fastcgi"), allow(dead_code, reason = "some is said by FastCGI alone"))]
pub(crate) enum Event {
    /// A request, with all of its variables. [`Body`](Self::Body) and [`BodyEnd`](Self::BodyEnd)
    /// follow.
    Request {
        /// Which one it is from now on.
        id: Id,
        /// What is asked of the application.
        role: Role,
        /// In the order in which they came.
        variables: Told,
    },
    /// A request that cannot be taken, such as one with too many variables: it is answered with
    /// this status, and none of it follows.
    Refused {
        /// Which one it is.
        id: Id,
        /// The status.
        status: StatusCode,
        /// Why, for the log.
        reason: &'static str,
    },
    /// A request that the protocol itself has an answer to: it is ended by that, and none of it
    /// follows.
    TurnedAway {
        /// Which one it is.
        id: Id,
        /// The answer.
        how: Ended,
    },
    /// A piece of the body of a request, never empty.
    Body {
        /// Of which one.
        id: Id,
        /// The piece.
        bytes: Bytes,
    },
    /// The end of a body, be it empty.
    BodyEnd {
        /// Of which request.
        id: Id,
    },
    /// The client of a request has left: it is to be ended.
    Abort {
        /// Which one.
        id: Id,
    },
}

/// The variables of a request.
#[derive(Debug)]
#[cfg_attr(not(feature = "fastcgi"), allow(dead_code, reason = "some is said by FastCGI alone"))]
pub(crate) enum Told {
    /// One by one.
    #[cfg(any(feature = "scgi", feature = "uwsgi"))]
    List(narthex_core::Variables),
    /// On a connection that carries others, which may be nearly the same.
    Packed(Packed),
}

/// What is asked of an application.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(not(feature = "fastcgi"), allow(dead_code, reason = "some is said by FastCGI alone"))]
pub(crate) enum Role {
    /// The answer to a request.
    #[default]
    Responder,
    /// Whether a request may be answered (FastCGI, 6.3).
    Authorizer,
}

/// How a request has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(not(feature = "fastcgi"), allow(dead_code, reason = "some is said by FastCGI alone"))]
pub(crate) enum Ended {
    /// With its whole response.
    Complete,
    /// Without any of it, or unwanted.
    Failed,
    /// In the middle of its response, which must not be taken for whole: the connection is closed
    /// behind what this appends.
    Cut,
    /// It is not begun, for there are too many.
    Overloaded,
    /// It is not begun: nobody here does what it asks for.
    UnknownRole,
}

/// What becomes of the connection after a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(not(feature = "fastcgi"), allow(dead_code, reason = "some is said by FastCGI alone"))]
pub(crate) enum After {
    /// It carries others.
    KeepOpen,
    /// It is closed when all that was appended has been sent.
    Close,
}

/// Bytes that are not of the protocol: why, in words for the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Broken(Cow<'static, str>);

impl Broken {
    /// What came, such as "a record of version 2".
    pub(crate) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}
