//! What a connection goes through before HTTP: the PROXY header, and TLS.

use std::{future::Future, io, os::fd::AsFd, sync::Arc, time::Duration};

use narthex_core::{Connection, Endpoint, Level, Scheme};
use rustix::net::{RecvFlags, recv};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    Accepting,
    proxy_protocol::{Header, Malformed, Said},
    tls::{Secure, Secured, is_refusal},
};
use crate::edge::{Seldom, Socket, Stream, UnixStream};

/// How long a connection that has not come in yet may take for it once the server stops.
const LEAVE: Duration = Duration::from_millis(500);
/// How long a client that speaks HTTP to the HTTPS port is given to read why that is wrong.
const LINGER: Duration = Duration::from_secs(2);
/// The answer to a request that came in plain text.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 23\r\nConnection: close\r\n\r\nthis port speaks HTTPS\n";

/// How the connections of one listener come in.
#[derive(Clone, Debug, Default)]
pub(super) struct Entrance {
    /// They begin with a PROXY header.
    pub(super) announced: bool,
    /// They speak TLS.
    pub(super) tls: Option<Arc<Secure>>,
}

/// The lines of the log that uninvited connections cause.
#[derive(Debug, Default)]
pub(super) struct Turned {
    headers: Seldom,
    handshakes: Seldom,
}

/// Why a connection does not come in.
enum Refused {
    /// Its peer may not speak for others.
    Untrusted,
    /// Its PROXY header is none.
    Header(Malformed),
    /// It speaks HTTP where TLS is expected, and has been told so.
    Plain,
    /// The transport or the handshake failed.
    Io(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Accepting {
    /// Lets a connection in that speaks TLS, and serves it.
    pub(super) async fn enter_secure(
        self,
        stream: TcpStream,
        connection: Connection,
        announced: bool,
        secure: Arc<Secure>,
    ) {
        let peer = connection.client.clone();
        let coming = async {
            let connection = self.announced(announced, &stream, connection).await?;
            handshake(&secure, stream, connection).await
        };
        match self.in_time(Box::pin(coming)).await {
            Ok((stream, connection)) => self.serve(stream, connection).await,
            Err(refused) => self.refuse(&peer, &refused),
        }
    }

    /// Lets a connection in that begins with a PROXY header, and serves it.
    pub(super) async fn enter_announced<S: Look>(self, stream: S, connection: Connection) {
        let peer = connection.client.clone();
        match self.in_time(Box::pin(self.announced(true, &stream, connection))).await {
            Ok(connection) => self.serve(Socket::new(stream), connection).await,
            Err(refused) => self.refuse(&peer, &refused),
        }
    }

    /// `connection`, as the PROXY header says if there has to be one.
    async fn announced<S: Look>(
        &self,
        announced: bool,
        stream: &S,
        mut connection: Connection,
    ) -> Result<Connection, Refused> {
        if !announced {
            return Ok(connection);
        }
        if !self.edge.server.site.trust.trusts(&connection.client) {
            return Err(Refused::Untrusted);
        }
        connection.relayed = true;
        if let Said::Passed { client, server, secure } = header(stream).await? {
            connection.client = client;
            connection.server = server;
            connection.scheme = if secure { Scheme::Https } else { Scheme::Http };
        }
        Ok(connection)
    }

    /// Waits for `coming` as long as for a request head; not for long once the server stops.
    async fn in_time<T>(
        &self,
        coming: impl Future<Output = Result<T, Refused>>,
    ) -> Result<T, Refused> {
        let mut stopping = self.edge.stopping.clone();
        let gone = async move {
            // An error: the server has gone.
            let _ = stopping.wait_for(|&stops| stops).await;
            sleep(LEAVE).await;
        };
        let late = || Err(Refused::Io(io::ErrorKind::TimedOut.into()));
        tokio::select! {
            came = timeout(self.edge.server.site.timeouts.header, coming) => {
                came.unwrap_or_else(|_| late())
            }
            () = gone => late(),
        }
    }

    fn refuse(&self, peer: &Endpoint, refused: &Refused) {
        let journal = &*self.edge.server.site.journal;
        let peer = peer.host.escape_ascii();
        match refused {
            Refused::Untrusted => self.turned.headers.write(
                journal,
                &format_args!("connection of {peer} refused: no proxy that --trust-proxy names"),
            ),
            Refused::Header(Malformed(why)) => self
                .turned
                .headers
                .write(journal, &format_args!("connection of {peer} refused: {why}")),
            Refused::Io(error) if is_refusal(error) => self
                .turned
                .handshakes
                .write(journal, &format_args!("connection of {peer} refused: {error}")),
            Refused::Io(error) => {
                journal.write(Level::Debug, &format_args!("connection of {peer} ended: {error}"));
            }
            Refused::Plain => {
                let message = format_args!("connection of {peer} ended: HTTP on the HTTPS port");
                journal.write(Level::Debug, &message);
            }
        }
    }
}

/// Reads the PROXY header off `stream`, and nothing behind it.
async fn header<S: Look>(stream: &S) -> Result<Said, Refused> {
    let mut header = Header::default();
    let mut seen = [0; 1024];
    loop {
        let count = receive(stream, &mut seen, RecvFlags::PEEK).await?;
        if count == 0 {
            return Err(Refused::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        let (taken, said) = header.take(&seen[..count]).map_err(Refused::Header)?;
        // They are there: nobody else reads.
        receive(stream, &mut seen[..taken], RecvFlags::empty()).await?;
        if let Some(said) = said {
            return Ok(said);
        }
    }
}

async fn handshake(
    secure: &Secure,
    stream: TcpStream,
    mut connection: Connection,
) -> Result<(Secured, Connection), Refused> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0].is_ascii_uppercase() {
        explain(stream).await;
        return Err(Refused::Plain);
    }
    let (stream, variables) = secure.accept(Socket::new(stream)).await?;
    connection.scheme = Scheme::Https;
    connection.variables = variables;
    Ok((stream, connection))
}

/// Tells a client that speaks HTTP in plain text what it should speak.
async fn explain(mut stream: TcpStream) {
    let told = async {
        stream.write_all(PLAIN).await?;
        stream.shutdown().await?;
        // Closing with its request unread would reset the connection, and the answer with it.
        let mut request = [0; 1024];
        while stream.read(&mut request).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(LINGER, told).await; // it need not listen
}

/// A socket that can be looked into.
pub(super) trait Look: Stream + AsFd + Sync {
    /// Calls `receive` once there is something to read, and again while there is not.
    fn when_readable(
        &self,
        receive: impl FnMut() -> io::Result<usize> + Send,
    ) -> impl Future<Output = io::Result<usize>> + Send;
}

impl Look for TcpStream {
    async fn when_readable(
        &self,
        receive: impl FnMut() -> io::Result<usize> + Send,
    ) -> io::Result<usize> {
        self.async_io(Interest::READABLE, receive).await
    }
}

impl Look for UnixStream {
    async fn when_readable(
        &self,
        receive: impl FnMut() -> io::Result<usize> + Send,
    ) -> io::Result<usize> {
        Self::when_readable(self, receive).await
    }
}

async fn receive<S: Look>(stream: &S, into: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    stream.when_readable(|| Ok(recv(stream, &mut *into, flags)?.0)).await
}
