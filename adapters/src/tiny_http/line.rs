//! The two connections of a client: its own, and the one that `tiny_http` takes for it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use http::{StatusCode, header::CONNECTION};
use narthex_core::{Access, Answer, Body, Connection, Error, Site};
use socket2::Socket;

use super::{TICK, incoming::Incoming, transaction::written};
use crate::guard::{Phase, Refusal};

/// One client.
pub(super) struct Line {
    client: Socket,
    inner: TcpStream,
    connection: Arc<Connection>,
    site: Arc<Site>,
    /// Requests that `tiny_http` has handed out and that are not yet answered.
    running: AtomicUsize,
    /// `tiny_http` has handed out a request.
    seen: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    end: End,
    /// Why the body that is being read cannot be read any further.
    broken: Option<Refusal>,
    /// Since when the application has been waiting for more of a body.
    awaited: Option<Instant>,
    /// Nothing that the client sent after a certain request is a request.
    barred: bool,
    /// Sent in place of everything after what has been sent.
    refusal: Option<StatusCode>,
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

/// What is to be done about a client that is waited for.
enum Verdict {
    GoOn,
    End,
    Refuse(Refusal),
}

const LATE_BODY: &str = "the client took too long over its body";
/// How long a client may go on sending after its response, before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);
const BUFFER: usize = 16 * 1024;
/// How often a line asks for its thread before it looks after its client again.
const NUDGES: usize = 3;

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
            connection: Arc::new(connection),
            site,
            running: AtomicUsize::new(0),
            seen: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Counts a request as running, until the result is dropped.
    pub(super) fn busy(self: Arc<Self>) -> Busy {
        self.seen.store(true, SeqCst);
        self.running.fetch_add(1, SeqCst);
        Busy(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the response is to announce the end of the connection.
    pub(super) fn ending(&self) -> bool {
        self.state().end > End::Open
    }

    /// Why the body that is being read has ended before its end, as far as it was the client's
    /// doing.
    pub(super) fn broken(&self) -> Error {
        match self.state().broken {
            Some(refusal) => Error::Refused(refusal.status, refusal.reason),
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
        let _ = self.inner.shutdown(Shutdown::Both);
    }

    /// As [`abort`](Self::abort), for a response whose end is the end of the connection.
    pub(super) fn reset(&self) {
        self.end_by(End::Reset);
        self.abort();
    }

    fn end_by(&self, end: End) {
        let mut state = self.state();
        state.end = state.end.max(end);
    }

    /// Ends both connections.
    pub(super) fn cut(&self) {
        self.hang_up();
        let _ = self.client.shutdown(Shutdown::Both);
    }

    /// Resets the connection to `tiny_http`: a thread that writes to one that is only shut down,
    /// and that nobody reads, would wait for ever.
    fn hang_up(&self) {
        let _ = rustix::net::connect_unspec(&self.inner);
    }

    /// From the client to `tiny_http`, until either has ended or something is not to be passed on.
    pub(super) fn copy_up(&self) {
        let mut buffer = [0; BUFFER];
        let mut incoming = Incoming::new(&self.site.limits);
        let mut nudged = false;
        loop {
            match (&self.client).read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    let wanted = self.wanted()
                        && match incoming.take(&buffer[..count]) {
                            Ok(passed) => (&self.inner).write_all(&passed).is_ok(),
                            Err((passed, refusal)) => {
                                let _ = (&self.inner).write_all(&passed);
                                self.refuse(refusal);
                                false
                            }
                        };
                    if !wanted {
                        self.linger(&mut buffer);
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {}
                Err(_) => break,
            }
            if incoming.guard.heads() > 0 && !nudged {
                nudged = self.nudge();
            }
            match self.verdict(&incoming) {
                Verdict::GoOn => continue,
                Verdict::End => {}
                Verdict::Refuse(refusal) => self.refuse(refusal),
            }
            self.linger(&mut buffer);
            break;
        }
        let _ = self.inner.shutdown(Shutdown::Write);
    }

    /// Makes sure that `tiny_http` has a thread for this line; `true` once it is known to have.
    ///
    /// It starts one for a connection unless one is idle, and takes a thread for idle that it has
    /// just given another connection. What waits for a thread then gets it from the next
    /// connection, whatever that is.
    fn nudge(&self) -> bool {
        for _ in 0..NUDGES {
            if self.seen.load(SeqCst) {
                return true;
            }
            std::thread::sleep(TICK);
            if !self.seen.load(SeqCst)
                && let Ok(inner) = self.inner.peer_addr()
            {
                let _ = TcpStream::connect(inner);
            }
        }
        // It holds the request back until its small body is there, or refuses it by itself.
        false
    }

    /// Whether what the client sends is still of interest.
    fn wanted(&self) -> bool {
        match self.state().end {
            End::Open => true,
            End::Orderly => self.running.load(SeqCst) > 0,
            End::Early | End::Reset => false,
        }
    }

    /// Whether the client takes too long, and what to tell it.
    fn verdict(&self, incoming: &Incoming) -> Verdict {
        let timeouts = &self.site.timeouts;
        let refused = |during, reason| {
            Verdict::Refuse(Refusal { status: StatusCode::REQUEST_TIMEOUT, reason, during })
        };
        let silence = incoming.last.elapsed();
        let idle = self.running.load(SeqCst) == 0;
        let state = self.state();
        if state.end >= End::Early {
            return Verdict::End;
        }
        match incoming.guard.phase() {
            Phase::Head if incoming.head.is_some_and(|it| it.elapsed() >= timeouts.header) => {
                refused(Phase::Head, "the client took too long over a request head")
            }
            // tiny_http holds back a request until its body is there, if it is small.
            Phase::Body if idle && silence >= timeouts.body => refused(Phase::Head, LATE_BODY),
            Phase::Body => match state.awaited {
                Some(since) if since.max(incoming.last).elapsed() >= timeouts.body => {
                    refused(Phase::Body, LATE_BODY)
                }
                _ => Verdict::GoOn,
            },
            Phase::Idle if idle && (silence >= timeouts.keep_alive || state.end > End::Open) => {
                Verdict::End
            }
            _ => Verdict::GoOn,
        }
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
                state.refusal = Some(refusal.status);
            }
        }
        if refusal.during != Phase::Body {
            let error = Error::Refused(refusal.status, refusal.reason);
            self.report_refused(&error);
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

    /// Takes what the client still sends, so that it can read its response before its own bytes
    /// are answered by a reset (RFC 9112, 9.6).
    fn linger(&self, buffer: &mut [u8]) {
        let deadline = Instant::now() + LINGER;
        while Instant::now() < deadline {
            match (&self.client).read(buffer) {
                Ok(0) => return,
                Err(error) if !is_timeout(&error) => return,
                _ => {}
            }
        }
    }

    /// From `tiny_http` to the client, until either has ended.
    pub(super) fn copy_down(&self) {
        let mut buffer = [0; BUFFER];
        loop {
            match (&self.inner).read(&mut buffer) {
                Ok(count) if count > 0 => {
                    if (&self.client).write_all(&buffer[..count]).is_err() {
                        return self.cut();
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        self.end_by(End::Orderly);
        let (end, refusal) = {
            let state = self.state();
            (state.end, state.refusal)
        };
        if let Some(status) = refusal {
            let mut answer = Answer::plain(status);
            answer.head.headers.insert(CONNECTION, "close".parse().expect("a field value"));
            if let Body::Whole(body) = answer.body {
                let message = [written(&answer.head, body.len()), body.to_vec()].concat();
                let _ = (&self.client).write_all(&message); // or the client is gone
            }
        }
        if end == End::Reset {
            // Such a body would be whole at an orderly end (RFC 9112, 8).
            let _ = rustix::net::connect_unspec(&self.client);
            return self.cut();
        }
        self.hang_up();
        let _ = self.client.shutdown(Shutdown::Write);
    }
}

/// A line with a request that is not yet answered.
pub(super) struct Busy(Arc<Line>);

impl Busy {
    pub(super) fn line(&self) -> &Line {
        &self.0
    }

    /// Answers with `status` without `tiny_http`, once earlier requests have been answered, and
    /// ends the line.
    pub(super) fn refuse(&self, status: StatusCode, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.0.running.load(SeqCst) > 1 && Instant::now() < deadline {
            std::thread::sleep(TICK);
        }
        self.0.end_by(End::Orderly);
        self.0.bar();
        self.0.state().refusal = Some(status);
        let _ = self.0.inner.shutdown(Shutdown::Both);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let left = self.0.running.fetch_sub(1, SeqCst) - 1;
        if left == 0 && self.0.ending() {
            self.0.end();
        }
    }
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
