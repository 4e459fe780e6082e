//! A filter over the bytes read from an HTTP/1 connection, without I/O.
//!
//! hyper takes shapes that RFC 9112 tells servers to refuse, since another recipient may read them
//! otherwise: bare LF, both framings, equal repeated Content-Length, chunk extensions of any kind,
//! a missing Host. Its API shows none of the bytes, so they are judged before it sees them: heads
//! and what stands between chunks pass whole and valid, or not at all; data passes as it comes.
//! Whatever passes has one meaning, hyper's.

mod chunked;
mod head;
mod scan;
#[cfg(test)]
mod tests;

use http::StatusCode;
use narthex_core::Limits;

use self::{
    chunked::Chunked,
    head::{Framing, Head, Known},
};

/// Follows the messages of one connection.
#[derive(Debug)]
pub(crate) struct Guard {
    limits: Limits,
    /// The longest body that may be declared.
    longest: u64,
    state: State,
    known: Known,
    heads: u64,
    underscores: bool,
}

#[derive(Debug)]
enum State {
    Head(Head),
    Length(u64),
    Chunked(Chunked),
    Refused(Refusal),
}

/// What a connection is in the middle of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Nothing: no byte of the next head has been seen, save an empty line before it.
    Idle,
    /// A head.
    Head,
    /// A body.
    Body,
}

/// What is to become of bytes that have arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Inspection {
    /// So many of them, from the first on, may be passed on.
    pub(crate) pass: usize,
    /// What the others are.
    pub(crate) rest: Rest,
}

/// What the bytes that may not be passed on are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rest {
    /// There are none.
    Nothing,
    /// Part of a head or of a line between chunks: to be held, and inspected again with more.
    Incomplete,
    /// Not to be passed on, ever.
    Refuse(Refusal),
}

/// Why a message is refused. Nothing that follows it can be trusted to be a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    /// The status that says so.
    pub(crate) status: StatusCode,
    /// The reason, for the log.
    pub(crate) reason: &'static str,
    /// [`Phase::Head`] or [`Phase::Body`].
    pub(crate) during: Phase,
}

const TOO_LONG: Refusal = Refusal {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    reason: "request body too large",
    during: Phase::Head,
};

impl Guard {
    /// A guard for a new connection.
    pub(crate) fn new(limits: &Limits) -> Self {
        let state = State::Head(Head::default());
        Self {
            limits: *limits,
            longest: u64::MAX,
            state,
            known: Known::default(),
            heads: 0,
            underscores: false,
        }
    }

    /// This guard, refusing a head that declares a body longer than `longest`.
    ///
    /// It is for what the server behind cannot bear. What the user allows is no matter of framing,
    /// and counted where bodies are read.
    #[cfg_attr(
        not(feature = "tiny-http"),
        allow(dead_code, reason = "hyper takes any length, and the tests ask")
    )]
    pub(crate) fn longest_body(self, longest: u64) -> Self {
        Self { longest, ..self }
    }

    /// Judges `bytes`: those held since the last call, unchanged, and what has arrived since.
    ///
    /// What passes and what is refused does not depend on how the bytes were cut into pieces.
    pub(crate) fn inspect(&mut self, bytes: &[u8]) -> Inspection {
        let mut pass = 0;
        loop {
            let rest = &bytes[pass..];
            if rest.is_empty() {
                return Inspection { pass, rest: Rest::Nothing };
            }
            let step = match &mut self.state {
                State::Head(head) => match head.read(rest, &self.limits, &self.known) {
                    head::Progress::Whole(_) if matches!(head.framing(), Framing::Length(it) if it > self.longest) => {
                        Err(Rest::Refuse(TOO_LONG))
                    }
                    head::Progress::Whole(size) => {
                        self.underscores |= head.underscores();
                        if self.heads > 0 {
                            // Not for the first: most connections of one request end after it.
                            head.remember(&rest[..size], &mut self.known);
                        }
                        self.heads += 1;
                        self.state = State::after(head.framing());
                        Ok(size)
                    }
                    head::Progress::Partial => Err(Rest::Incomplete),
                    head::Progress::Refused(refusal) => Err(Rest::Refuse(*refusal)),
                },
                State::Length(left) => {
                    let size = usize::try_from(*left).map_or(rest.len(), |n| n.min(rest.len()));
                    *left -= size as u64;
                    if *left == 0 {
                        self.state = State::Head(Head::default());
                    }
                    Ok(size)
                }
                State::Chunked(body) => {
                    let (size, progress) = body.read(rest, &self.limits);
                    self.underscores |= body.underscores();
                    pass += size;
                    match progress {
                        chunked::Progress::Done => {
                            self.state = State::Head(Head::default());
                            Ok(0)
                        }
                        chunked::Progress::More if pass == bytes.len() => Err(Rest::Nothing),
                        chunked::Progress::More => Err(Rest::Incomplete),
                        chunked::Progress::Broken(reason) => Err(Rest::Refuse(Refusal {
                            status: StatusCode::BAD_REQUEST,
                            reason,
                            during: Phase::Body,
                        })),
                    }
                }
                State::Refused(refusal) => Err(Rest::Refuse(*refusal)),
            };
            match step {
                Ok(size) => pass += size,
                Err(rest) => {
                    if let Rest::Refuse(refusal) = rest {
                        self.state = State::Refused(refusal);
                    }
                    return Inspection { pass, rest };
                }
            }
        }
    }

    /// What the connection is in the middle of, as far as the bytes seen say.
    pub(crate) fn phase(&self) -> Phase {
        match &self.state {
            State::Head(head) if head.begun() => Phase::Head,
            State::Head(_) => Phase::Idle,
            State::Length(_) | State::Chunked(_) => Phase::Body,
            State::Refused(refusal) => refusal.during,
        }
    }

    /// The number of heads passed on.
    pub(crate) fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether a field name passed on since the connection began has an underscore.
    ///
    /// In an environment `X_Y` and `X-Y` are one name, so that a field with an underscore can pose
    /// as one that a proxy vouches for.
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "only hyper asks, and the tests"))]
    pub(crate) fn underscores(&self) -> bool {
        self.underscores
    }
}

impl State {
    fn after(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) => Self::Head(Head::default()),
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
        }
    }
}
