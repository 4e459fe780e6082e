//! How much a web server may say of one request.

use narthex_core::Limits;

/// How many times more room the variables of a request have than a request head: a web server adds
/// as many of its own as it likes, and copies some.
const BYTES: usize = 16;
/// How many times more of them there may be than fields in a head.
const COUNT: usize = 32;

/// How much the variables of a request may be.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(any(feature = "scgi", feature = "uwsgi")),
    allow(unreachable_pub, reason = "FastCGI has limits of its own for each part")
)]
pub struct HeadLimits {
    /// Bytes, with what the protocol needs to tell them apart.
    pub bytes: usize,
    /// Variables.
    pub count: usize,
}

impl HeadLimits {
    /// Those for requests within `limits`.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { bytes: BYTES * limits.head_size, count: COUNT * limits.header_count }
    }
}
