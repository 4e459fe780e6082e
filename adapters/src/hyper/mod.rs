//! The embedded server: hyper below, tokio at the edge.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | opens it, and takes on its connections |
//! | `entrance.rs`, `proxy_protocol.rs`, `tls/` | what comes before HTTP: whom a proxy connects for, and TLS |
//! | `connection.rs` | one connection, on any transport and executor |
//! | `line/`, `wire.rs` | its bytes: guarded on the way in, gathered on the way out; what hyper sees of them |
//! | `frames.rs` | what a client does over HTTP/2 that is none of the work |
//! | `shared.rs` | what the parts of a connection tell each other |
//! | `watch.rs`, `expiry.rs` | its time; requests that are ended from outside |
//! | `service.rs` | from a request to the application, at once or outside the poll |
//! | `transaction.rs`, `lane.rs`, `body.rs` | the request as a transaction, and what is sent |

mod body;
mod connection;
mod entrance;
mod expiry;
mod frames;
mod lane;
mod line;
mod proxy_protocol;
mod service;
mod shared;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
mod transaction;
mod watch;
mod wire;

use std::{fmt, sync::Arc};

use narthex_core::{Capabilities, Capability, Connection, Site};
use tokio::net::TcpStream;

use crate::{
    Backend, Door, Error, Listener, Options, Result, Stop, Surroundings, activated,
    edge::{self, Accept, Edge, Socket, Threads, Transport, UnixStream},
};
use entrance::{Entrance, Turned};
use tls::Secure;

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
        #[cfg(feature = "cgi-bin")]
        let programs = crate::cgi_bin::Programs::open(&options.cgi_bin, &options.statics)?;
        #[cfg(not(feature = "cgi-bin"))]
        options.refuse_programs("this build is without the feature cgi-bin")?;
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
            #[cfg(feature = "cgi-bin")]
            programs,
            threads: Threads::of(options),
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
    #[cfg(feature = "cgi-bin")]
    programs: Option<crate::cgi_bin::Programs>,
    threads: Threads,
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
        #[cfg(feature = "static-files")]
        let site = match self.statics {
            Some(mounts) => Arc::new(mounts.before(&site)),
            None => site,
        };
        // Before the files: none of them is the source of a program.
        #[cfg(feature = "cgi-bin")]
        let site = match self.programs {
            Some(programs) => Arc::new(programs.before(&site)),
            None => site,
        };
        let secure = self.secure;
        edge::run(&self.threads, self.listeners, (site, self.capabilities), stop, |edge| {
            if let Some(secure) = secure {
                tokio::spawn(secure.keep(Arc::clone(&edge.server.site.journal)));
            }
            Accepting { edge, turned: Arc::default() }
        })?;
        Ok(())
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

/// Takes on the connections of a server.
#[derive(Clone)]
struct Accepting {
    edge: Edge,
    turned: Arc<Turned>,
}

impl Accept for Accepting {
    type Entrance = Entrance;

    fn tcp(&self, stream: TcpStream, connection: Connection, entrance: &Entrance) {
        let this = self.clone();
        match (&entrance.tls, entrance.announced) {
            (None, false) => tokio::spawn(this.serve(Socket::new(stream), connection)),
            (None, true) => tokio::spawn(this.enter_announced(stream, connection)),
            (Some(secure), announced) => {
                let secure = Arc::clone(secure);
                tokio::spawn(this.enter_secure(stream, connection, announced, secure))
            }
        };
    }

    fn unix(&self, stream: UnixStream, connection: Connection, entrance: &Entrance) {
        let this = self.clone();
        if entrance.announced {
            tokio::spawn(this.enter_announced(stream, connection));
        } else {
            tokio::spawn(this.serve(Socket::new(stream), connection));
        }
    }
}

impl Accepting {
    /// Serves a connection to its end. While it lives, so does the server.
    async fn serve(self, io: impl Transport, connection: Connection) {
        let lookout = Arc::clone(&self.edge.lookout);
        // The application is called in it, for answers and for the pieces of their bodies.
        lookout.over(connection::serve(io, Arc::new(connection), self.edge)).await;
    }
}
