//! The two connections of a client: its own, and the one that `tiny_http` takes for it.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{StatusCode, header::CONNECTION};
use narthex_core::{Answer, Body, Connection, Endpoint, Level, Scheme, Site, Timeouts};
use socket2::Socket;

use super::{InnerAddress, TICK, named, transaction::written};
use crate::{Listener, Stop, Stopping};

/// All lines of a server.
pub(super) struct Lines {
    inner: InnerAddress,
    open: Mutex<HashMap<InnerAddress, Arc<Line>>>,
    timeouts: Timeouts,
    mount: Bytes,
    ending: AtomicBool,
}

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
    /// No further request is read.
    ending: bool,
    /// The client has sent its last byte.
    client_ended: bool,
    /// Since when the application has been waiting for more of a body.
    awaited: Option<Instant>,
    /// The client took too long over a body.
    late: bool,
    /// Nothing that the client sent after a certain request is a request.
    barred: bool,
    /// The response is not whole: the client must see that.
    aborted: bool,
    /// Only a reset shows the client that the response is not whole.
    reset: bool,
    /// Sent in place of everything after what has been sent.
    refusal: Option<StatusCode>,
}

/// How long a client may go on sending after its response, before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);
const BUFFER: usize = 16 * 1024;
/// The threads of a line only copy.
const STACK: usize = 128 * 1024;

impl Lines {
    pub(super) fn new(inner: InnerAddress, site: &Site) -> Arc<Self> {
        Arc::new(Self {
            inner,
            open: Mutex::default(),
            timeouts: site.timeouts,
            mount: site.mount.clone(),
            ending: AtomicBool::new(false),
        })
    }

    /// Accepts clients until `stop` is requested.
    pub(super) fn accept(self: &Arc<Self>, listener: &Listener, site: &Site, stop: &Stop) {
        let accepting = |error: io::Error| {
            // Out of descriptors, most likely: what is open goes on, and some of it ends.
            site.journal.write(Level::Error, &format_args!("cannot accept: {error}"));
            std::thread::sleep(5 * TICK);
        };
        let socket = match listener {
            Listener::Tcp(listener) => listener.try_clone().map(Socket::from),
            Listener::Unix(listener, _) => listener.try_clone().map(|it| OwnedFd::from(it).into()),
        };
        let socket = match socket.and_then(|socket| {
            // Nothing else can wake a thread from a socket that other processes may share.
            socket.set_read_timeout(Some(10 * TICK))?;
            Ok(socket)
        }) {
            Ok(socket) => socket,
            Err(error) => return accepting(error),
        };
        while stop.stopping() == Stopping::No {
            match socket.accept() {
                Ok((client, _)) => {
                    if let Err(error) = self.open(client) {
                        accepting(error);
                    }
                }
                Err(error) if is_timeout(&error) || error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => accepting(error),
            }
        }
    }

    fn open(self: &Arc<Self>, client: Socket) -> io::Result<()> {
        let endpoint = |address: io::Result<socket2::SockAddr>| {
            address.ok().and_then(|address| address.as_socket()).map(Endpoint::from)
        };
        let connection = Connection {
            scheme: Scheme::Http,
            client: endpoint(client.peer_addr()).unwrap_or_default(),
            server: endpoint(client.local_addr()).unwrap_or_default(),
            mount: self.mount.clone(),
        };
        if client.local_addr().is_ok_and(|address| address.as_socket().is_some()) {
            client.set_tcp_nodelay(true)?;
        }
        let patience = self.timeouts.body.min(self.timeouts.keep_alive);
        client.set_read_timeout(Some(patience.clamp(TICK, LINGER)))?;
        client.set_write_timeout(Some(self.timeouts.write.max(TICK)))?;
        let inner = TcpStream::connect(self.inner)?;
        inner.set_nodelay(true)?;
        let key = inner.local_addr()?;
        let line = Arc::new(Line {
            client,
            inner,
            connection: Arc::new(connection),
            timeouts: self.timeouts,
            running: AtomicUsize::new(0),
            state: Mutex::default(),
        });
        self.lines().insert(key, Arc::clone(&line));
        let (down, lines) = (Arc::clone(&line), Arc::clone(self));
        let spawned = named("narthex-down").stack_size(STACK).spawn(move || {
            down.copy_down();
            lines.lines().remove(&key);
        });
        let spawned =
            spawned.and_then(|_| named("narthex-up").stack_size(STACK).spawn(move || line.copy_up()));
        spawned.map(drop).inspect_err(|_| {
            if let Some(line) = self.lines().remove(&key) {
                line.cut();
            }
        })
    }

    pub(super) fn find(&self, address: InnerAddress) -> Option<Arc<Line>> {
        self.lines().get(&address).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    pub(super) fn ended(&self) -> bool {
        self.ending.load(SeqCst)
    }

    /// Ends each line after the requests that it is running.
    pub(super) fn end(&self) {
        self.ending.store(true, SeqCst);
        for line in self.lines().values() {
            line.end_when_idle();
        }
    }

    /// Ends each line at once.
    pub(super) fn cut(&self) {
        for line in self.lines().values() {
            line.reset();
            line.cut();
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<InnerAddress, Arc<Line>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
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
        self.state().ending
    }

    /// Whether the client took too long over a body.
    pub(super) fn late(&self) -> bool {
        self.state().late
    }

    /// Whether the client has sent its last byte.
    pub(super) fn client_ended(&self) -> bool {
        self.state().client_ended
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
        self.state().ending = true;
        let _ = self.inner.shutdown(Shutdown::Write); // it may be closed already
    }

    fn end_when_idle(&self) {
        self.state().ending = true;
        if self.running.load(SeqCst) == 0 {
            self.end();
        }
    }

    /// Ends the line after what has been sent, without what an orderly end would say.
    pub(super) fn abort(&self) {
        let mut state = self.state();
        state.ending = true;
        state.barred = true;
        state.aborted = true;
        let _ = self.inner.shutdown(Shutdown::Both);
    }

    /// As [`abort`](Self::abort), for a response whose end is the end of the connection.
    pub(super) fn reset(&self) {
        self.state().reset = true;
        self.abort();
    }

    /// Ends both connections.
    fn cut(&self) {
        let _ = self.inner.shutdown(Shutdown::Both);
        let _ = self.client.shutdown(Shutdown::Both);
    }

    /// From the client to `tiny_http`, until either has ended.
    fn copy_up(&self) {
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
        self.state().client_ended = true;
        let _ = self.inner.shutdown(Shutdown::Write);
        if self.late() {
            self.linger(&mut buffer);
        }
    }

    /// Whether what the client still sends is of no more interest.
    fn ending_for_good(&self) -> bool {
        let state = self.state();
        state.ending && self.running.load(SeqCst) == 0 || state.aborted
    }

    /// Whether the client has been silent for too long since `last`.
    fn gave_up(&self, last: Instant) -> bool {
        let mut state = self.state();
        if self.running.load(SeqCst) == 0 {
            return last.elapsed() >= self.timeouts.keep_alive || state.ending;
        }
        let late = state
            .awaited
            .is_some_and(|since| since.max(last).elapsed() >= self.timeouts.body);
        state.late |= late;
        late || state.aborted
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
    fn copy_down(&self) {
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
        let (reset, refusal) = {
            let mut state = self.state();
            state.ending = true;
            (state.reset, state.refusal)
        };
        if let Some(status) = refusal {
            let mut answer = Answer::plain(status);
            answer.head.headers.insert(CONNECTION, "close".parse().expect("a field value"));
            if let Body::Whole(body) = answer.body {
                let message = [written(&answer.head, body.len()), body.to_vec()].concat();
                let _ = (&self.client).write_all(&message); // or the client is gone
            }
        }
        if reset {
            // Such a body would be whole at an orderly end (RFC 9112, 8).
            let _ = rustix::net::connect_unspec(&self.client);
            return self.cut();
        }
        let _ = self.inner.shutdown(Shutdown::Both);
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
        let mut state = self.0.state();
        state.ending = true;
        state.barred = true;
        state.refusal = Some(status);
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

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
