//! Limits and timeouts: each named once, with its default.

use std::time::Duration;

/// How much a client may send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request head, request line included; beyond it 431.
    pub head_size: usize,
    /// Fields of a request head; beyond it 431.
    pub header_count: usize,
    /// Bytes of a request body; beyond it 413. `u64::MAX` lifts the limit.
    pub body_size: u64,
    /// Bytes of a request body that are awaited before the application is called, so that it
    /// finds them without a wait.
    pub body_prefetch: usize,
    /// Requests that one connection may have running at once (HTTP/2 streams).
    pub streams: u32,
    /// Bytes of one piece read from or written to a transport.
    pub chunk_size: usize,
}

impl Default for Limits {
    /// Apache's `LimitRequestBody` default (1 GiB) and `LimitRequestFields` (100); 64 KiB of head;
    /// as few streams as RFC 9113 finds reasonable (6.5.2), since a slow client makes the server
    /// hold a response for each.
    fn default() -> Self {
        Self {
            head_size: 64 * 1024,
            header_count: 100,
            body_size: 1 << 30,
            body_prefetch: 64 * 1024,
            streams: 100,
            chunk_size: 64 * 1024,
        }
    }
}

/// How long a client may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the first byte of a request head to its end; beyond it 408.
    pub header: Duration,
    /// Between two pieces of a request body that the application waits for; beyond it 408.
    pub body: Duration,
    /// Between two requests on one connection; beyond it the connection is closed.
    pub keep_alive: Duration,
    /// Without one byte taken by a client that is owed a response; beyond it the connection is
    /// closed.
    pub write: Duration,
    /// For running requests after a graceful stop was asked for.
    pub graceful: Duration,
    /// For the next request on an idle connection after a graceful stop was asked for: it is still
    /// answered, and told to come back by another connection.
    pub farewell: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(20),
            body: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            write: Duration::from_secs(60),
            graceful: Duration::from_secs(30),
            farewell: Duration::from_millis(500),
        }
    }
}
