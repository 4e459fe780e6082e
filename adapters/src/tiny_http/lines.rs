//! All clients of a server, and how they come in.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use narthex_core::{Connection, Endpoint, Level, Scheme, Site};
use socket2::Socket;

use super::{
    TICK,
    line::{Line, is_timeout},
    named,
};
use crate::{Listener, Stop, Stopping};

/// All lines of a server.
pub(super) struct Lines {
    inner: SocketAddr,
    open: Mutex<HashMap<SocketAddr, Arc<Line>>>,
    site: Arc<Site>,
    ending: AtomicBool,
    /// How many may be open at once.
    most: usize,
}

/// Descriptors of one line: the client's, ours, and two that `tiny_http` makes of its own.
const DESCRIPTORS: u64 = 4;
/// Descriptors left to the application.
const SPARE: u64 = 64;

/// The threads of a line only copy.
const STACK: usize = 128 * 1024;
/// How often the silence of a client is judged, at least.
const PATIENCE: Duration = Duration::from_secs(1);

impl Lines {
    pub(super) fn new(inner: SocketAddr, site: Arc<Site>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            open: Mutex::default(),
            site,
            ending: AtomicBool::new(false),
            most: most(),
        })
    }

    /// Accepts clients until `stop` is requested.
    pub(super) fn accept(self: &Arc<Self>, listener: &Listener, stop: &Stop) {
        let accepting = |error: io::Error| {
            // Out of descriptors, most likely: what is open goes on, and some of it ends.
            self.site.journal.write(Level::Error, &format_args!("cannot accept: {error}"));
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
            if self.lines().len() >= self.most {
                // Out of descriptors tiny_http would never accept again; the queue can wait.
                std::thread::sleep(TICK);
                continue;
            }
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
            server: endpoint(client.local_addr()).unwrap_or_else(Endpoint::nameless),
            mount: self.site.mount_point(),
            ..Connection::default()
        };
        if client.local_addr().is_ok_and(|address| address.as_socket().is_some()) {
            client.set_tcp_nodelay(true)?;
        }
        let timeouts = &self.site.timeouts;
        let patience = timeouts.body.min(timeouts.keep_alive).min(timeouts.header);
        client.set_read_timeout(Some(patience.clamp(TICK, PATIENCE)))?;
        client.set_write_timeout(Some(timeouts.write.max(TICK)))?;
        let inner = TcpStream::connect(self.inner)?;
        inner.set_nodelay(true)?;
        let key = inner.local_addr()?;
        let line = Arc::new(Line::new(client, inner, connection, Arc::clone(&self.site)));
        self.lines().insert(key, Arc::clone(&line));
        let (down, lines) = (Arc::clone(&line), Arc::clone(self));
        let spawned = named("narthex-down").stack_size(STACK).spawn(move || {
            down.see_out();
            lines.lines().remove(&key);
        });
        let spawned = spawned
            .and_then(|_| named("narthex-up").stack_size(STACK).spawn(move || line.copy_up()));
        spawned.map(drop).inspect_err(|_| {
            if let Some(line) = self.lines().remove(&key) {
                line.cut();
            }
        })
    }

    pub(super) fn find(&self, address: SocketAddr) -> Option<Arc<Line>> {
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

    fn lines(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<Line>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many lines as there are descriptors for.
fn most() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let lines = limit.map(|limit| (limit.saturating_sub(SPARE) / DESCRIPTORS).max(1));
    lines.and_then(|lines| usize::try_from(lines).ok()).unwrap_or(usize::MAX)
}
