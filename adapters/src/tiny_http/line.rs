//! The two connections of a client: its own, and the one that `tiny_http` takes for it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use http::{StatusCode, header::CONNECTION};
use narthex_core::{Answer, Body, Connection, Timeouts};
use socket2::Socket;

use super::{TICK, transaction::written};

/// One client.
pub(super) struct Line {
    client: Socket,
    inner: TcpStream,
    connection: Arc<Connection>,
    timeouts: Timeouts,
    /// Requests that `tiny_http` has handed out and that are not yet answered.
    running: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    end: End,
    client: Client,
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

/// What is known of the client's sending.
#[derive(Clone, Copy, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Client {
    #[default]
    Sending,
    /// It has sent its last byte.
    Ended,
    /// It took too long over a body.
    Late,
}

/// How long a client may go on sending after its response, before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);
const BUFFER: usize = 16 * 1024;

impl Line {
    pub(super) fn new(
        client: Socket,
        inner: TcpStream,
        connection: Connection,
        timeouts: Timeouts,
    ) -> Self {
        Self {
            client,
            inner,
            connection: Arc::new(connection),
            timeouts,
            running: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Counts a request as running, until the result is dropped.
    pub(super) fn busy(self: Arc<Self>) -> Busy {
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

    /// Whether the client took too long over a body.
    pub(super) fn late(&self) -> bool {
        self.state().client == Client::Late
    }

    /// Whether the client has sent its last byte.
    pub(super) fn client_ended(&self) -> bool {
        self.state().client >= Client::Ended
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

    /// From the client to `tiny_http`, until either has ended.
    pub(super) fn copy_up(&self) {
        let mut buffer = [0; BUFFER];
        let mut last = Instant::now();
        loop {
            match (&self.client).read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    last = Instant::now();
                    if self.ending_for_good() || (&self.inner).write_all(&buffer[..count]).is_err() {
                        self.linger(&mut buffer);
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {
                    if self.gave_up(last) {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        {
            let mut state = self.state();
            state.client = state.client.max(Client::Ended);
        }
        let _ = self.inner.shutdown(Shutdown::Write);
        if self.late() {
            self.linger(&mut buffer);
        }
    }

    /// Whether what the client still sends is of no more interest.
    fn ending_for_good(&self) -> bool {
        match self.state().end {
            End::Open => false,
            End::Orderly => self.running.load(SeqCst) == 0,
            End::Early | End::Reset => true,
        }
    }

    /// Whether the client has been silent for too long since `last`.
    fn gave_up(&self, last: Instant) -> bool {
        let mut state = self.state();
        if self.running.load(SeqCst) == 0 {
            return last.elapsed() >= self.timeouts.keep_alive || state.end > End::Open;
        }
        let late = state
            .awaited
            .is_some_and(|since| since.max(last).elapsed() >= self.timeouts.body);
        if late {
            state.client = Client::Late;
        }
        late || state.end >= End::Early
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
