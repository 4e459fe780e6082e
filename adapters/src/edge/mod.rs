//! The tokio edge: what the backends share that serve many connections at once.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | owns the runtime, accepts, and stops in good order |
//! | `driver.rs` | polls one connection, and makes the calls that wait for it |
//! | `seat.rs` | how a call drives the connection that it came through |
//! | `transport.rs`, `socket.rs` | what that needs of a transport, and tokio's sockets with it |
//! | `unix.rs` | Unix sockets, for which tokio's own are too wakeful |
//! | `keeper.rs` | the time of all connections |
//! | `lookout.rs` | calls that hold a thread |
//! | `seldom.rs` | lines of the log that clients can cause |

mod driver;
mod keeper;
mod lookout;
mod seat;
mod seldom;
mod socket;
mod transport;
mod unix;

use std::{io, pin::Pin, sync::Arc, time::Duration};

use narthex_core::{Blocking, Capabilities, Connection, Endpoint, Level, Scheme, Site};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, watch},
    task::block_in_place,
};

use crate::{Listener, Options, Stop, Stopping, ThreadStart};

pub(crate) use driver::{Driver, Farewell, Stage};
pub(crate) use keeper::{Doing, Keeper, Look, Verdict, Watched};
pub(crate) use lookout::Lookout;
pub(crate) use seat::{Failure, Machine, Seat, Turn};
pub(crate) use seldom::Seldom;
pub(crate) use socket::Socket;
#[cfg(feature = "hyper")]
pub(crate) use socket::Stream;
#[cfg(feature = "hyper")]
pub(crate) use transport::HungUp;
pub(crate) use transport::{Awaited, Transport, Wanted};
pub(crate) use unix::{UnixListener, UnixStream};

/// Calls that may be blocked at once, each with a thread of its own: by slow clients, too. When there
/// are more, nobody is served until one of them ends.
const BLOCKED: usize = 4096;

/// How long a closed connection is listened to when the server stops: a request that crosses the end
/// of the connection would otherwise see a reset instead.
const LINGER: Duration = Duration::from_millis(200);

/// A future that outlives its connection's poll.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs tasks beside the connections: the one thing that is asked of a runtime.
pub(crate) trait Spawn: Send + Sync {
    fn spawn(&self, task: Task);
}

/// A [`Spawn`] that connections share.
#[derive(Clone)]
pub(crate) struct Tasks(Arc<dyn Spawn>);

impl Tasks {
    pub(crate) fn new(spawn: Arc<dyn Spawn>) -> Self {
        Self(spawn)
    }

    pub(crate) fn spawn(&self, task: Task) {
        self.0.spawn(task);
    }
}

/// What the connections of a server have in common.
pub(crate) struct Server {
    pub(crate) site: Arc<Site>,
    pub(crate) capabilities: Capabilities,
    pub(crate) blocking: Arc<dyn Blocking>,
    pub(crate) tasks: Tasks,
}

/// What serves the connections of a server, and keeps it alive while it does.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) server: Arc<Server>,
    pub(crate) lookout: Arc<Lookout>,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) farewell: Arc<Farewell>,
    /// Whether the server stops.
    #[cfg_attr(not(feature = "hyper"), expect(dead_code, reason = "for what comes before HTTP"))]
    pub(crate) stopping: watch::Receiver<bool>,
    /// Dropped with the last connection.
    _running: mpsc::Sender<()>,
}

/// Takes on connections: each is to be served by a task of its own, which keeps a clone of the
/// [`Edge`].
pub(crate) trait Accept: Clone + Send + Sync + 'static {
    /// How the connections of one listener come in.
    type Entrance: Clone + Send + Sync + 'static;

    /// Takes on a connection by TCP.
    fn tcp(&self, stream: TcpStream, connection: Connection, entrance: &Self::Entrance);

    /// Takes on a connection by a Unix socket.
    fn unix(&self, stream: UnixStream, connection: Connection, entrance: &Self::Entrance);
}

/// Threads that serve, and what each does first.
pub(crate) struct Threads {
    count: usize,
    on_start: Option<ThreadStart>,
}

/// Serves `site` on `listeners` until told to stop, by what `accept` makes of the edge.
pub(crate) fn run<A: Accept>(
    threads: &Threads,
    listeners: Vec<(Listener, A::Entrance)>,
    (site, capabilities): (Arc<Site>, Capabilities),
    stop: &Stop,
    accept: impl FnOnce(Edge) -> A,
) -> io::Result<()> {
    let runtime = threads.runtime()?;
    let graceful = site.timeouts.graceful;
    runtime.block_on(serve(listeners, (site, capabilities), stop, accept))?;
    // Tasks that are still blocked in the application cannot be ended; they end with the process.
    runtime.shutdown_timeout(match stop.stopping() {
        Stopping::Now => Duration::ZERO,
        _ => graceful.min(Duration::from_secs(1)),
    });
    Ok(())
}

impl Threads {
    /// Those that `options` ask for.
    pub(crate) fn of(options: &Options) -> Self {
        Self { count: options.thread_count(), on_start: options.on_thread_start.clone() }
    }

    fn runtime(&self) -> io::Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(self.count)
            .max_blocking_threads(BLOCKED)
            .thread_name("narthex")
            .enable_all();
        if let Some(start) = &self.on_start {
            let start = Arc::clone(start);
            builder.on_thread_start(move || start());
        }
        builder.build()
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
async fn serve<A: Accept>(
    listeners: Vec<(Listener, A::Entrance)>,
    (site, capabilities): (Arc<Site>, Capabilities),
    stop: &Stop,
    accept: impl FnOnce(Edge) -> A,
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
        tasks: Tasks::new(Arc::new(TokioTasks(Arc::clone(&lookout)))),
    });
    let (stopped, stopping) = watch::channel(false);
    let edge = Edge {
        server,
        lookout,
        keeper: Arc::clone(&keeper),
        farewell: Arc::clone(&farewell),
        stopping,
        _running: running,
    };
    let keeping = tokio::spawn(keeper.keep(tokio::time::sleep));
    let accepting = Accepting { site: Arc::clone(&site), accept: accept(edge) };
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
                let listener = UnixListener::new(listener)?;
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
    site.handler.end().await;
    Ok(())
}

/// What the acceptors of a server need.
#[derive(Clone)]
struct Accepting<A> {
    site: Arc<Site>,
    accept: A,
}

impl<A: Accept> Accepting<A> {
    async fn tcp(self, listener: TcpListener, entrance: A::Entrance) {
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
                    self.accept.tcp(stream, connection, &entrance);
                }
                Err(error) => self.wait(&error).await,
            }
        }
    }

    async fn unix(self, listener: UnixListener, entrance: A::Entrance) {
        let local = Endpoint::nameless();
        loop {
            match listener.accept().await {
                Ok(stream) => {
                    let connection = self.connection(Endpoint::default(), local.clone());
                    self.accept.unix(stream, connection, &entrance);
                }
                Err(error) => self.wait(&error).await,
            }
        }
    }

    fn connection(&self, client: Endpoint, server: Endpoint) -> Connection {
        let mount = self.site.mount_point();
        Connection { scheme: Scheme::Http, client, server, mount, ..Connection::default() }
    }

    /// Waits after a failed accept: without free descriptors the next one would fail at once.
    async fn wait(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return; // the client changed its mind
        }
        let journal = &self.site.journal;
        journal.write(Level::Error, &format_args!("cannot accept a connection: {error}"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
