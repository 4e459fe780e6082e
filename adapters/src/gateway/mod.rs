//! Connections of gateway protocols, by which a web server hands on what it has received.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | a backend made of a protocol |
//! | `protocol.rs` | what a protocol is: bytes to events and back, without I/O |
//! | `single.rs` | a protocol that carries one request to a connection |
//! | `gather.rs` | bytes that are wanted together |
//! | `head_limits.rs` | how much a web server may say of a request |
//! | `connection.rs` | drives one connection, on any transport |
//! | `line.rs`, `line/` | the requests that run on it, their responses, its bytes in both directions |
//! | `arriving.rs`, `outbox.rs` | the body of a request on its way in, and what is on its way out |
//! | `shared.rs` | from what a peer says to a request; its limits and its time |
//! | `calls.rs`, `transaction.rs` | from a request to the application: at once, or piece by piece |
//!
//! # Several requests on one connection
//!
//! A connection that carries one request at a time is driven as one of the embedded server's: its
//! application is called on the thread that polls it, and has it to itself. From the second request
//! on that runs beside another, or when the peer has asked whether it may do that, each call is a
//! task and none waits for another. No gateway protocol has a window for each request. So when a body
//! is not read, and 128 KiB of it wait, nothing more is read from its connection.

mod arriving;
mod calls;
mod connection;
#[cfg(any(feature = "scgi", feature = "uwsgi"))]
pub(crate) mod gather;
pub(crate) mod head_limits;
mod line;
mod outbox;
pub(crate) mod protocol;
mod shared;
#[cfg(any(feature = "scgi", feature = "uwsgi"))]
pub(crate) mod single;
#[cfg(all(test, feature = "fastcgi"))]
mod tests;
mod transaction;

use std::{fmt, net::IpAddr, sync::Arc};

use narthex_core::{Capabilities, Connection, Limits, Site};
use tokio::net::TcpStream;

use crate::{
    Door, Error, Listener, Options, Result, Stop,
    edge::{self, Accept, Edge, Seldom, Socket, Threads, Transport, UnixStream},
};
use protocol::Protocol;

/// Makes the protocol of a new connection.
type Make<P> = fn(&Limits) -> P;

/// A gateway with its sockets, before it serves.
pub(crate) struct Open<P> {
    name: &'static str,
    listeners: Vec<(Listener, ())>,
    threads: Threads,
    capabilities: Capabilities,
    make: Make<P>,
    allowed: Allowed,
}

/// The addresses of the web servers that may connect by TCP; where none is named, all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed(pub(crate) Option<Arc<[IpAddr]>>);

impl<P: Protocol> Open<P> {
    /// Listens as `options` ask, to speak what `make` makes; `base` is what that can do.
    ///
    /// # Errors
    /// An address that cannot be bound, or options that make no sense behind a web server.
    pub(crate) fn new(
        name: &'static str,
        options: &Options,
        base: Capabilities,
        make: Make<P>,
        allowed: Allowed,
    ) -> Result<Self> {
        options.plain_only(name)?;
        options.refuse_statics("the web server in front serves files")?;
        options.refuse_programs("the web server in front runs them")?;
        if !options.insecure_binds.is_empty() {
            return Err(Error::Options(format!(
                "--insecure-bind is for servers with TLS: {name} has one kind of address, --bind"
            )));
        }
        if options.binds.is_empty() {
            return Err(Error::Options("no address to listen on: give one with --bind".into()));
        }
        let mut listeners = Vec::new();
        for bind in &options.binds {
            let opened = bind.listen(options.backlog)?;
            listeners.extend(opened.into_iter().map(|listener| (listener, ())));
        }
        let (threads, capabilities) = (Threads::of(options), options.capabilities(base));
        Ok(Self { name, listeners, threads, capabilities, make, allowed })
    }
}

impl<P: Protocol> Door for Open<P> {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn addresses(&self) -> Vec<String> {
        let address = |(listener, ()): &(Listener, ())| {
            let address = listener.address().ok()?;
            Some(match listener {
                Listener::Tcp(_) => format!("{}://{address}", self.name),
                Listener::Unix(..) => address,
            })
        };
        self.listeners.iter().filter_map(address).collect()
    }

    fn serve(self: Box<Self>, site: Arc<Site>, stop: &Stop) -> Result<()> {
        let Self { listeners, threads, capabilities, make, allowed, .. } = *self;
        let site = (site, capabilities);
        let accept = |edge| Gate { edge, make, allowed, seldom: Arc::default() };
        Ok(edge::run(&threads, listeners, site, stop, accept)?)
    }
}

impl<P> fmt::Debug for Open<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

/// Takes on connections.
struct Gate<P> {
    edge: Edge,
    make: Make<P>,
    allowed: Allowed,
    seldom: Arc<Seldom>,
}

impl<P> Clone for Gate<P> {
    fn clone(&self) -> Self {
        Self {
            edge: self.edge.clone(),
            make: self.make,
            allowed: self.allowed.clone(),
            seldom: Arc::clone(&self.seldom),
        }
    }
}

impl<P: Protocol> Gate<P> {
    fn serve(&self, io: impl Transport, peer: bytes::Bytes) {
        let Self { edge, make, seldom, .. } = self.clone();
        tokio::spawn(async move {
            let protocol = make(&edge.server.site.limits);
            let Edge { server, keeper, farewell, .. } = &edge;
            let around = connection::Around { server, keeper, farewell, seldom: &seldom };
            let serving = connection::serve(io, protocol, &around, &peer);
            // The application is called in it, for answers and for the pieces of their bodies.
            Arc::clone(&edge.lookout).over(serving).await;
        });
    }
}

impl<P: Protocol> Accept for Gate<P> {
    type Entrance = ();

    fn tcp(&self, stream: TcpStream, connection: Connection, (): &()) {
        if let Allowed(Some(allowed)) = &self.allowed
            && let Ok(peer) = stream.peer_addr()
            && !allowed.contains(&peer.ip().to_canonical())
        {
            let message = format_args!("connection of {} refused: not allowed", peer.ip());
            return self.seldom.write(&*self.edge.server.site.journal, &message);
        }
        self.serve(Socket::new(stream), connection.client.host);
    }

    fn unix(&self, stream: UnixStream, _connection: Connection, (): &()) {
        self.serve(Socket::new(stream), bytes::Bytes::from_static(b"unix socket"));
    }
}
