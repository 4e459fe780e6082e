//! The two connections of a client: its own, and the one that `tiny_http` takes for it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use http::StatusCode;
use narthex_core::{
    Access, Connected, Connection, Error, Expired, Forwarding, RequestHead, Result, Site,
};
use socket2::Socket;

use crate::{
    guard::{Phase, Refusal},
    plain,
};

mod up;

/// One client.
pub(super) struct Line {
    client: Socket,
    inner: TcpStream,
    connection: Arc<Connection>,
    forwarding: Forwarding,
    _connected: Connected,
    site: Arc<Site>,
    /// Requests that `tiny_http` has handed out and that are not yet answered.
    running: AtomicUsize,
    /// Requests that `tiny_http` has handed out.
    handed: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    end: End,
    /// Why the body that is being read cannot be read any further.
    broken: Option<Refusal>,
    /// Since when the application has been waiting for more of a body.
    awaited: Option<Instant>,
    /// The number of requests that have been passed on, as far as their heads.
    heads: u64,
    /// The number of requests that have been passed on to their ends.
    whole: u64,
    /// The client sends nothing more.
    gone: bool,
    /// Nothing that the client sent after a certain request is a request.
    barred: bool,
    /// The client has been sent all that it ever will be.
    silent: bool,
    /// Sent in place of everything after what has been sent.
    refusal: Option<Refusal>,
}

/// How a line is to end.
#[derive(Clone, Copy, Default, Eq, Ord, PartialEq, PartialOrd)]
enum End {
    /// When the client has had enough.
    #[default]
    Open,
    /// After the requests that are running.
    Orderly,
    /// After what has been sent, although more was announced.
    Early,
    /// As before, and by a reset: nothing else shows the client that more was to come.
    Reset,
}

/// What `tiny_http` answers by itself: the guard has let it pass, the other parser has not.
const NOT_UNDERSTOOD: &str = "tiny_http does not understand the request";

impl Line {
    pub(super) fn new(
        client: Socket,
        inner: TcpStream,
        connection: Connection,
        site: Arc<Site>,
    ) -> Self {
        Self {
            client,
            inner,
            forwarding: Forwarding::new(&site, &connection),
            connection: Arc::new(connection),
            _connected: site.connected(),
            site,
            running: AtomicUsize::new(0),
            handed: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Makes of `head` what the proxies in front say that it is.
    pub(super) fn forward(&self, head: &mut RequestHead) {
        // Those that are handed out are counted one by one, and this one is.
        let earlier = self.handed.load(SeqCst).saturating_sub(1);
        self.site.arrived(head, u32::try_from(earlier).unwrap_or(u32::MAX));
        self.forwarding.apply(&self.site, head);
    }

    /// Counts the next request as running, until the result is dropped.
    pub(super) fn busy(self: Arc<Self>) -> Busy {
        let number = self.handed.fetch_add(1, SeqCst) + 1;
        self.running.fetch_add(1, SeqCst);
        Busy { line: self, number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ending(&self) -> bool {
        self.state().end > End::Open
    }

    /// Whether the response to the request of that number, counted from 1, is the last.
    fn ends_with(&self, number: u64) -> bool {
        let state = self.state();
        state.end > End::Open && state.heads <= number && state.refusal.is_none()
    }

    /// Sends `bytes` to the client, unless it has been sent all.
    ///
    /// This is no business of `tiny_http`: what it says by itself does not get in between, and
    /// nothing follows the last response.
    pub(super) fn send(&self, bytes: &[u8]) -> Result<()> {
        if self.silent() {
            return Err(Error::Disconnected);
        }
        (&self.client).write_all(bytes).map_err(|_| {
            self.cut(); // it is gone, or takes nothing any more
            Error::Disconnected
        })
    }

    /// Sends nothing more.
    pub(super) fn fall_silent(&self) {
        self.state().silent = true;
    }

    /// Whether nothing more is sent.
    pub(super) fn silent(&self) -> bool {
        self.state().silent
    }

    /// Whether the request of that number, counted from 1, has been passed on to its end.
    fn is_whole(&self, number: u64) -> bool {
        self.state().whole >= number
    }

    /// Why the body of the request of that number has ended before its end.
    fn broken(&self, number: u64, error: Option<&io::Error>) -> Error {
        let state = self.state();
        // What has passed the guard and is none the less invalid is a trailer, or the client's end.
        let invalid = error.is_some_and(|error| error.kind() == ErrorKind::InvalidInput);
        match state.broken {
            Some(refusal) => Error::Refused(refusal.status, refusal.reason),
            None if invalid && (state.whole >= number || !state.gone) => {
                Error::bad_request(NOT_UNDERSTOOD)
            }
            None => Error::Disconnected,
        }
    }

    /// Runs `read`, during which the client may keep nobody waiting for longer than allowed.
    pub(super) fn awaiting<T>(&self, read: impl FnOnce() -> T) -> T {
        self.state().awaited = Some(Instant::now());
        let outcome = read();
        self.state().awaited = None;
        outcome
    }

    /// Takes nothing that `tiny_http` still finds in this connection for a request: it may be the
    /// rest of a body.
    pub(super) fn bar(&self) {
        self.state().barred = true;
    }

    /// Whether requests are no longer taken for such.
    pub(super) fn barred(&self) -> bool {
        self.state().barred
    }

    /// Reads nothing more from the client; what has been received is still worked on.
    pub(super) fn end(&self) {
        self.end_by(End::Orderly);
        let _ = self.inner.shutdown(Shutdown::Write); // it may be closed already
    }

    pub(super) fn end_when_idle(&self) {
        self.end_by(End::Orderly);
        if self.running.load(SeqCst) == 0 {
            self.end();
        }
    }

    /// Ends the line after what has been sent, without what an orderly end would say.
    pub(super) fn abort(&self) {
        self.end_by(End::Early);
        self.bar();
        self.fall_silent();
        let _ = self.inner.shutdown(Shutdown::Both);
    }

    /// As [`abort`](Self::abort), for a response whose end is the end of the connection.
    pub(super) fn reset(&self) {
        self.end_by(End::Reset);
        self.abort();
    }

    /// Ends the line from outside while its application holds a request: with `message` if the
    /// client can be sent that, else by a cut. Waits for nobody.
    pub(super) fn expire(&self, message: Option<&[u8]>) -> Expired {
        use rustix::net::{SendFlags, send};
        let sent = message.is_some_and(|message| {
            !self.silent()
                && send(&self.client, message, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
                    == Ok(message.len())
        });
        self.bar();
        self.fall_silent();
        if sent {
            self.end();
            let _ = self.client.shutdown(Shutdown::Write);
            return Expired::Answered;
        }
        self.end_by(End::Reset);
        // A response that ends with its connection would be whole at an orderly end.
        let _ = rustix::net::connect_unspec(&self.client);
        self.cut();
        Expired::Cut
    }

    fn end_by(&self, end: End) {
        let mut state = self.state();
        state.end = state.end.max(end);
    }

    /// Ends both connections.
    pub(super) fn cut(&self) {
        self.state().gone = true;
        self.hang_up();
        let _ = self.client.shutdown(Shutdown::Both);
    }

    /// Resets the connection to `tiny_http`: a thread that writes to one that is only shut down,
    /// and that nobody reads, would wait for ever.
    fn hang_up(&self) {
        let _ = rustix::net::connect_unspec(&self.inner);
    }

    /// Reads nothing more. Whoever is reading the body is told why; where it is no body, the
    /// client is told, once it has been told all else.
    fn refuse(&self, refusal: Refusal) {
        {
            let mut state = self.state();
            state.end = state.end.max(End::Orderly);
            if refusal.during == Phase::Body {
                state.broken = Some(refusal);
            } else {
                state.refusal = Some(refusal);
            }
        }
        let _ = self.inner.shutdown(Shutdown::Write);
    }

    /// Logs a request that never became one.
    pub(super) fn report_refused(&self, error: &Error) {
        self.site.report(error, None);
        if self.site.journal.wants_access() {
            let client = &self.connection.client.host;
            self.site.journal.access(&Access::new(None, client, error.status().as_u16()));
        }
    }

    /// Waits until `tiny_http` has ended, and ends the client's connection.
    pub(super) fn see_out(&self) {
        let said = self.own_words();
        self.end_by(End::Orderly);
        let (end, refusal) = {
            let mut state = self.state();
            // Behind the last request there is none to refuse, and within a response no room.
            let due = !state.barred && !state.silent && state.end == End::Orderly;
            // Bytes above ASCII in a head leave it speechless.
            let mute = state.whole > self.handed.load(SeqCst);
            let said = said.or(mute.then_some(StatusCode::BAD_REQUEST));
            let said =
                said.map(|status| Refusal { status, reason: NOT_UNDERSTOOD, during: Phase::Head });
            (state.end, state.refusal.take().or(said).filter(|_| due))
        };
        if let Some(refusal) = refusal {
            self.report_refused(&Error::Refused(refusal.status, refusal.reason));
            let _ = self.send(&plain::last(refusal.status, false)); // or the client is gone
        }
        if end == End::Reset {
            // Such a body would be whole at an orderly end (RFC 9112, 8).
            let _ = rustix::net::connect_unspec(&self.client);
            return self.cut();
        }
        self.hang_up();
        let _ = self.client.shutdown(Shutdown::Write);
    }

    /// The first status that `tiny_http` sends, until it has ended. Responses do not pass through
    /// it, nor is its interim 100 sent to the client: it has a Content-Length.
    fn own_words(&self) -> Option<StatusCode> {
        let (mut said, mut status) = (Vec::new(), None);
        let mut buffer = [0; 1024];
        loop {
            match (&self.inner).read(&mut buffer) {
                Ok(count) if count > 0 => said.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return status,
            }
            while let Some(end) = said.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                // `HTTP/1.1 400 Bad Request`
                let code = said.get(9..12).and_then(|code| StatusCode::from_bytes(code).ok());
                status = status.or(code.filter(|code| *code != StatusCode::CONTINUE));
                said.drain(..end + 4);
            }
        }
    }
}

/// A line with a request that is not yet answered.
pub(super) struct Busy {
    line: Arc<Line>,
    /// Which one it is, counted from 1.
    number: u64,
}

impl Busy {
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Whether the response is to announce the end of the connection.
    pub(super) fn is_last(&self) -> bool {
        self.line.ends_with(self.number)
    }

    /// Why its body has ended before its end, with what reading it came to.
    pub(super) fn broken(&self, error: Option<&io::Error>) -> Error {
        self.line.broken(self.number, error)
    }

    /// Whether no other request of the line is waiting for its answer.
    pub(super) fn is_alone(&self) -> bool {
        self.line.running.load(SeqCst) == 1
    }

    /// Whether all of the request has been passed on.
    pub(super) fn is_whole(&self) -> bool {
        self.line.is_whole(self.number)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let left = self.line.running.fetch_sub(1, SeqCst) - 1;
        if left == 0 && self.line.ending() {
            self.line.end();
        }
    }
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
