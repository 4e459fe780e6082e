//! The embedded server: hyper below, tokio at the edge.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | the edge: listens, accepts, owns the runtime |
//! | `connection.rs` | drives one connection, on any transport and executor |
//! | `wire.rs` | its bytes: guarded on the way in, gathered on the way out |
//! | `shared.rs` | what the parts of a connection tell each other |
//! | `keeper.rs` | the time of all connections |
//! | `expiry.rs` | requests that are ended from outside |
//! | `lookout.rs` | calls that hold a thread |
//! | `service.rs` | from a request to the application, at once or by a task |
//! | `transaction.rs`, `body.rs` | the request in such a task, and what is sent |

mod body;
mod connection;
mod expiry;
mod keeper;
mod lookout;
mod service;
mod shared;
mod transaction;
mod wire;

use std::{fmt, io, sync::Arc, time::Duration};

use hyper_util::rt::{TokioIo, TokioTimer};
use narthex_core::{Blocking, Capabilities, Capability, Connection, Endpoint, Level, Scheme, Site};
use tokio::{
    net::{TcpListener, UnixListener},
    runtime::{Builder, Handle, Runtime},
    sync::mpsc,
    task::block_in_place,
};

use crate::{
    Backend, Door, Error, Listener, Options, Result, Stop, Stopping, Surroundings, ThreadStart,
    activated,
};
use connection::{Farewell, Stage};
use keeper::Keeper;
use lookout::Lookout;
use service::{Server, Spawn, Task, Tasks};

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
        if options.binds.is_empty() {
            return Err(Error::Options("no address to listen on: give one with --bind".into()));
        }
        #[cfg(feature = "static-files")]
        let statics = crate::statics::Mounts::open(&options.statics)?;
        #[cfg(not(feature = "static-files"))]
        options.refuse_statics("this build is without the feature static-files")?;
        let mut listeners = Vec::new();
        for bind in &options.binds {
            listeners.extend(bind.listen(options.backlog)?);
        }
        Ok(Box::new(Open {
            listeners,
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

/// The server with its sockets, before it serves.
struct Open {
    listeners: Vec<Listener>,
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
        let address = |listener: &Listener| match listener {
            Listener::Tcp(_) => Some(format!("http://{}", listener.address().ok()?)),
            Listener::Unix(..) => listener.address().ok(),
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
        builder.worker_threads(self.threads).thread_name("narthex").enable_all();
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
#[derive(Clone, Copy, Debug)]
struct InPlace;

impl Blocking for InPlace {
    fn block(&self, work: &mut dyn FnMut()) {
        block_in_place(work);
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
    listeners: Vec<Listener>,
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
        blocking: Arc::new(InPlace),
        tasks: Tasks(Arc::new(TokioTasks(Arc::clone(&lookout)))),
    });
    let accepting = Accepting {
        server,
        lookout,
        keeper: Arc::clone(&keeper),
        farewell: Arc::clone(&farewell),
        running,
    };
    let keeping = tokio::spawn(keeper.keep(TokioTimer::new()));
    let mut acceptors = Vec::new();
    let mut files = Vec::new();
    for listener in listeners {
        let accepting = accepting.clone();
        acceptors.push(match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                tokio::spawn(accepting.tcp(listener))
            }
            Listener::Unix(listener, file) => {
                listener.set_nonblocking(true)?;
                files.push(file);
                let listener = UnixListener::from_std(listener)?;
                tokio::spawn(accepting.unix(listener))
            }
        });
    }
    drop(accepting);
    stop.requested(Stopping::Graceful).await;
    for acceptor in &acceptors {
        acceptor.abort();
    }
    drop(files);
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
}

impl Accepting {
    async fn tcp(self, listener: TcpListener) {
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
                    self.spawn(TokioIo::new(stream), peer.into(), server);
                }
                Err(error) => self.wait(&error).await,
            }
        }
    }

    async fn unix(self, listener: UnixListener) {
        let local = Endpoint::nameless();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    self.spawn(TokioIo::new(stream), Endpoint::default(), local.clone());
                }
                Err(error) => self.wait(&error).await,
            }
        }
    }

    fn spawn<I>(&self, io: I, client: Endpoint, server: Endpoint)
    where
        I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let mount = self.server.site.mount.clone();
        let connection =
            Connection { scheme: Scheme::Http, client, server, mount, ..Connection::default() };
        let serving = connection::serve(
            io,
            Arc::new(connection),
            Arc::clone(&self.server),
            Arc::clone(&self.keeper),
            Arc::clone(&self.farewell),
        );
        let running = self.running.clone();
        // The application is called in it, for answers and for the pieces of their bodies.
        tokio::spawn(Arc::clone(&self.lookout).over(async move {
            serving.await;
            drop(running);
        }));
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
