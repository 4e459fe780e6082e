//! The embedded server: hyper below, tokio at the edge.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | the edge: listens, accepts, owns the runtime |
//! | `entrance.rs`, `proxy_protocol.rs`, `tls/` | what comes before HTTP: whom a proxy connects for, and TLS |
//! | `connection.rs` | drives one connection, on any transport and executor |
//! | `wire.rs` | its bytes: guarded on the way in, gathered on the way out |
//! | `frames.rs` | what a client does over HTTP/2 that is none of the work |
//! | `shared.rs` | what the parts of a connection tell each other |
//! | `keeper.rs` | the time of all connections |
//! | `expiry.rs` | requests that are ended from outside |
//! | `lookout.rs` | calls that hold a thread |
//! | `seat.rs` | how a call drives the connection that it came through |
//! | `transport.rs`, `socket.rs` | what that needs of a transport, and tokio's sockets with it |
//! | `service.rs` | from a request to the application, at once or outside the poll |
//! | `transaction.rs`, `lane.rs`, `body.rs` | the request as a transaction, and what is sent |

mod body;
mod connection;
mod entrance;
mod expiry;
mod frames;
mod keeper;
mod lane;
mod lookout;
mod proxy_protocol;
mod seat;
mod seldom;
mod service;
mod shared;
mod socket;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
mod transaction;
mod transport;
mod wire;

use std::{fmt, io, sync::Arc, time::Duration};

use hyper_util::rt::TokioTimer;
use narthex_core::{Blocking, Capabilities, Capability, Connection, Endpoint, Level, Scheme, Site};
use tokio::{
    net::{TcpListener, UnixListener},
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, watch},
    task::block_in_place,
};

use crate::{
    Backend, Door, Error, Listener, Options, Result, Stop, Stopping, Surroundings, ThreadStart,
    activated,
};
use connection::{Farewell, Stage};
use entrance::{Entrance, Turned};
use keeper::Keeper;
use lookout::Lookout;
use service::{Server, Spawn, Task, Tasks};
use socket::Socket;
use tls::Secure;
use transport::Transport;

/// Calls that may be blocked at once, each with a thread of its own: by slow clients, too. When there
/// are more, nobody is served until one of them ends.
const BLOCKED: usize = 4096;

/// How long a closed connection is listened to when the server stops: a request that crosses the end
/// of the connection would otherwise see a reset instead.
const LINGER: Duration = Duration::from_millis(200);

/// The embedded server.
pub static BACKEND: Hyper = Hyper;

/// See [`BACKEND`].
#[derive(Clone, Copy, Debug)]
pub struct Hyper;

impl Backend for Hyper {
    fn name(&self) -> &'static str {
        "hyper"
    }

    fn summary(&self) -> &'static str {
        "embedded server: HTTP/1.1 and HTTP/2 over TCP and Unix sockets"
    }

    fn detect(&self, seen: &Surroundings) -> Option<&'static str> {
        Some(if activated(seen).is_empty() {
            "nothing says that a web server started this process"
        } else {
            "a service manager has opened its sockets (LISTEN_FDS)"
        })
    }

    fn open(&self, options: &Options) -> Result<Box<dyn Door>> {
        if options.binds.is_empty() && options.insecure_binds.is_empty() {
            return Err(Error::Options("no address to listen on: give one with --bind".into()));
        }
        let secure = options.tls.as_ref().map(Secure::open).transpose()?.map(Arc::new);
        #[cfg(feature = "static-files")]
        let statics = crate::statics::Mounts::open(&options.statics)?;
        #[cfg(not(feature = "static-files"))]
        options.refuse_statics("this build is without the feature static-files")?;
        let mut listeners = Vec::new();
        for (binds, secure) in [(&options.binds, &secure), (&options.insecure_binds, &None)] {
            for bind in binds {
                for listener in bind.listen(options.backlog)? {
                    // Whoever connects to a Unix socket is on this machine.
                    let tls = secure.clone().filter(|_| matches!(listener, Listener::Tcp(_)));
                    let announced = options.proxy_protocol;
                    listeners.push((listener, Entrance { announced, tls }));
                }
            }
        }
        Ok(Box::new(Open {
            listeners,
            secure,
            #[cfg(feature = "static-files")]
            statics,
            threads: options.thread_count(),
            on_thread_start: options.on_thread_start.clone(),
            capabilities: options.capabilities(
                Capabilities::NONE
                    .with(Capability::Persistent)
                    .with(Capability::Duplex)
                    .with(Capability::Multithread)
                    .with(Capability::ReasonPhrase)
                    .with(Capability::RepeatedFields)
                    .with(Capability::Framing)
                    .with(Capability::Http2)
                    .with(Capability::Truncation),
            ),
        }))
    }
}

/// Reads certificates and keys; says what is to be known of them.
#[cfg(feature = "tls")]
pub(crate) fn check_tls(settings: &crate::Tls) -> Result<Vec<String>, crate::TlsError> {
    tls::check(settings)
}

/// The server with its sockets, before it serves.
struct Open {
    listeners: Vec<(Listener, Entrance)>,
    secure: Option<Arc<Secure>>,
    #[cfg(feature = "static-files")]
    statics: Option<crate::statics::Mounts>,
    threads: usize,
    on_thread_start: Option<ThreadStart>,
    capabilities: Capabilities,
}

impl Door for Open {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn addresses(&self) -> Vec<String> {
        let address = |(listener, entrance): &(Listener, Entrance)| {
            let address = listener.address().ok()?;
            Some(match (listener, &entrance.tls) {
                (Listener::Tcp(_), None) => format!("http://{address}"),
                (Listener::Tcp(_), Some(_)) => format!("https://{address}"),
                (Listener::Unix(..), _) => address,
            })
        };
        self.listeners.iter().filter_map(address).collect()
    }

    fn serve(self: Box<Self>, site: Arc<Site>, stop: &Stop) -> Result<()> {
        let runtime = self.runtime()?;
        #[cfg(feature = "static-files")]
        let site = match self.statics {
            Some(mounts) => Arc::new(mounts.before(&site)),
            None => site,
        };
        let graceful = site.timeouts.graceful;
        if let Some(secure) = &self.secure {
            runtime.spawn(Arc::clone(secure).keep(Arc::clone(&site.journal)));
        }
        runtime.block_on(serve(self.listeners, self.capabilities, site, stop))?;
        // Tasks that are still blocked in the application cannot be ended; they end with the
        // process.
        runtime.shutdown_timeout(match stop.stopping() {
            Stopping::Now => Duration::ZERO,
            _ => graceful.min(Duration::from_secs(1)),
        });
        Ok(())
    }
}

impl Open {
    fn runtime(&self) -> io::Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(self.threads)
            .max_blocking_threads(BLOCKED)
            .thread_name("narthex")
            .enable_all();
        if let Some(start) = &self.on_thread_start {
            let start = Arc::clone(start);
            builder.on_thread_start(move || start());
        }
        builder.build()
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

/// Waits on a tokio thread after handing its other tasks to another one.
struct InPlace(Arc<Lookout>);

impl Blocking for InPlace {
    fn block(&self, work: &mut dyn FnMut()) {
        self.0.aside(|| block_in_place(work));
    }
}

/// Runs tasks on the runtime of the calling thread.
struct TokioTasks(Arc<Lookout>);

impl Spawn for TokioTasks {
    fn spawn(&self, task: Task) {
        tokio::spawn(Arc::clone(&self.0).over(task));
    }
}

/// Serves on all `listeners` until told to stop, and then waits for what is running.
async fn serve(
    listeners: Vec<(Listener, Entrance)>,
    capabilities: Capabilities,
    site: Arc<Site>,
    stop: &Stop,
) -> io::Result<()> {
    let farewell = Arc::new(Farewell::default());
    let keeper = Arc::new(Keeper::new(site.timeouts));
    let runtime = Handle::current();
    // A task from outside wakes an idle thread, which then also waits for the sockets.
    let lookout = Lookout::start(move || drop(runtime.spawn(async {})))?;
    let (running, mut ended) = mpsc::channel::<()>(1);
    let server = Arc::new(Server {
        site: Arc::clone(&site),
        capabilities,
        blocking: Arc::new(InPlace(Arc::clone(&lookout))),
        tasks: Tasks(Arc::new(TokioTasks(Arc::clone(&lookout)))),
    });
    let (stopped, stopping) = watch::channel(false);
    let accepting = Accepting {
        server,
        lookout,
        keeper: Arc::clone(&keeper),
        farewell: Arc::clone(&farewell),
        running,
        stopping,
        turned: Arc::default(),
    };
    let keeping = tokio::spawn(keeper.keep(TokioTimer::new()));
    let mut acceptors = Vec::new();
    let mut files = Vec::new();
    for (listener, entrance) in listeners {
        let accepting = accepting.clone();
        acceptors.push(match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                tokio::spawn(accepting.tcp(listener, entrance))
            }
            Listener::Unix(listener, file) => {
                listener.set_nonblocking(true)?;
                files.push(file);
                let listener = UnixListener::from_std(listener)?;
                tokio::spawn(accepting.unix(listener, entrance))
            }
        });
    }
    drop(accepting);
    stop.requested(Stopping::Graceful).await;
    for acceptor in &acceptors {
        acceptor.abort();
    }
    drop(files);
    stopped.send_replace(true);
    farewell.say(Stage::Leaving);
    let parting = async {
        tokio::time::sleep(site.timeouts.farewell.min(site.timeouts.graceful / 2)).await;
        farewell.say(Stage::Closing);
        tokio::time::sleep(LINGER).await;
        farewell.say(Stage::Gone);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = parting => {}
        // No message is ever sent: this ends when the last connection has dropped its sender.
        _ = ended.recv() => {}
        () = stop.requested(Stopping::Now) => {}
        () = tokio::time::sleep(site.timeouts.graceful) => {
            site.journal.write(Level::Warning, &"running requests outlasted the graceful stop");
        }
    }
    keeping.abort();
    Ok(())
}

/// What the acceptors of a server need.
#[derive(Clone)]
struct Accepting {
    server: Arc<Server>,
    lookout: Arc<Lookout>,
    keeper: Arc<Keeper>,
    farewell: Arc<Farewell>,
    running: mpsc::Sender<()>,
    /// Whether the server stops.
    stopping: watch::Receiver<bool>,
    turned: Arc<Turned>,
}

impl Accepting {
    async fn tcp(self, listener: TcpListener, entrance: Entrance) {
        let local = listener.local_addr().map(Endpoint::from).unwrap_or_default();
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    // Answers are gathered here already; waiting for more would only delay them.
                    let _ = stream.set_nodelay(true);
                    let server = match stream.local_addr() {
                        Ok(address) => Endpoint::from(address),
                        Err(_) => local.clone(),
                    };
                    let connection = self.connection(peer.into(), server);
                    let this = self.clone();
                    match (&entrance.tls, entrance.announced) {
                        (None, false) => tokio::spawn(this.serve(Socket::io(stream), connection)),
                        (None, true) => tokio::spawn(this.enter_announced(stream, connection)),
                        (Some(secure), announced) => {
                            let secure = Arc::clone(secure);
                            tokio::spawn(this.enter_secure(stream, connection, announced, secure))
                        }
                    };
                }
                Err(error) => self.wait(&error).await,
            }
        }
    }

    async fn unix(self, listener: UnixListener, entrance: Entrance) {
        let local = Endpoint::nameless();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection = self.connection(Endpoint::default(), local.clone());
                    let this = self.clone();
                    if entrance.announced {
                        tokio::spawn(this.enter_announced(stream, connection));
                    } else {
                        tokio::spawn(this.serve(Socket::io(stream), connection));
                    }
                }
                Err(error) => self.wait(&error).await,
            }
        }
    }

    fn connection(&self, client: Endpoint, server: Endpoint) -> Connection {
        let mount = self.server.site.mount.clone();
        Connection { scheme: Scheme::Http, client, server, mount, ..Connection::default() }
    }

    /// Serves a connection to its end. While it lives, so does the server.
    async fn serve(self, io: impl Transport, connection: Connection) {
        let Self { server, lookout, keeper, farewell, running, .. } = self;
        let serving = connection::serve(io, Arc::new(connection), server, keeper, farewell);
        // The application is called in it, for answers and for the pieces of their bodies.
        lookout.over(serving).await;
        drop(running);
    }

    /// Waits after a failed accept: without free descriptors the next one would fail at once.
    async fn wait(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return; // the client changed its mind
        }
        let journal = &self.server.site.journal;
        journal.write(Level::Error, &format_args!("cannot accept a connection: {error}"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
