//! The embedded server on `tiny_http`: threads, no runtime. For tests and tiny devices.
//!
//! `tiny_http` keeps its sockets to itself: it has no timeouts, no limits, and no way to cut a
//! connection; and it takes most shapes that RFC 9112 tells servers to refuse. So it does not get
//! the clients' connections but one of our own for each, over the loopback interface, and between
//! the two, with a thread for each direction, stands the guard that the other embedded server has
//! too (`line.rs`).
//!
//! Its limits, all known:
//!
//! - It is slow: three threads and three copies for each connection.
//! - A thread waits for its client: as many slow clients as there are threads (32, unless told
//!   otherwise) hold up everybody.
//! - Bytes outside ASCII in a field end the connection.
//! - Of a request body not read before the response starts, 64 KiB are kept; the rest is refused,
//!   and the connection closed. There is no [`Capability::Duplex`].
//! - No body may be larger than 1 GiB, whatever the limits say (`transaction.rs` says why).
//! - Pipelined requests are answered in order but may be worked on at once.
//! - Its interim 100 carries a Content-Length.

mod incoming;
mod line;
mod lines;
mod request;
mod transaction;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use narthex_core::{
    Answer, Body, Capabilities, Capability, Error as RequestError, Exchange, Site,
    Transaction, block_on,
};

use crate::{
    Backend, Door, Error, Listener, Options, Result, Stop, Stopping, Surroundings, ThreadStart,
};
use lines::Lines;
use transaction::OneRequest;

/// The embedded server for tests and tiny devices.
pub static BACKEND: TinyHttp = TinyHttp;

/// See [`BACKEND`].
#[derive(Clone, Copy, Debug)]
pub struct TinyHttp;

impl Backend for TinyHttp {
    fn name(&self) -> &'static str {
        "tiny-http"
    }

    fn summary(&self) -> &'static str {
        "embedded server without a runtime, for tests and tiny devices: HTTP/1.1, slow"
    }

    fn detect(&self, _seen: &Surroundings) -> Option<&'static str> {
        None // only when asked for by name
    }

    fn open(&self, options: &Options) -> Result<Box<dyn Door>> {
        if options.binds.is_empty() {
            return Err(Error::Options("no address to listen on: give one with --bind".into()));
        }
        let mut listeners = Vec::new();
        for bind in &options.binds {
            listeners.extend(bind.listen(options.backlog)?);
        }
        Ok(Box::new(Open {
            listeners,
            threads: match options.threads {
                // A thread that waits for its client runs nothing meanwhile, whatever the cores.
                0 => options.thread_count().max(LEAST_THREADS),
                threads => threads,
            },
            on_thread_start: options.on_thread_start.clone(),
            capabilities: options.capabilities(
                Capabilities::NONE
                    .with(Capability::Blocking)
                    .with(Capability::Persistent)
                    .with(Capability::Multithread)
                    .with(Capability::ReasonPhrase)
                    .with(Capability::RepeatedFields)
                    .with(Capability::Framing)
                    .with(Capability::Truncation),
            ),
        }))
    }
}

/// Threads that call the application, where nobody says how many.
const LEAST_THREADS: usize = 32;

/// The server with its sockets, before it serves.
struct Open {
    listeners: Vec<Listener>,
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
        let inner = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = inner.local_addr()?;
        let server = Arc::new(Server {
            requests: tiny_http::Server::from_listener(inner, None).map_err(io::Error::other)?,
            lines: Lines::new(address, Arc::clone(&site)),
            site: Arc::clone(&site),
            capabilities: self.capabilities,
            working: AtomicUsize::new(0),
            stop: stop.clone(),
            failure: Mutex::default(),
        });
        for _ in 0..self.threads {
            server.spawn(self.on_thread_start.clone())?;
        }
        let mut accepting = Vec::new();
        for listener in self.listeners {
            let (server, stop) = (Arc::clone(&server), stop.clone());
            let accept = move || server.lines.accept(&listener, &stop);
            accepting.push(named("narthex-accept").spawn(accept)?);
        }
        block_on(stop.requested(Stopping::Graceful));
        for thread in accepting {
            let _ = thread.join(); // with its listener: nobody can connect any more
        }
        server.end(self.threads);
        let failure = server.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Whether letting go of this request could end the process.
fn too_large(unread: &tiny_http::Request) -> bool {
    unread.body_length().is_some_and(|length| length > transaction::LARGEST_BODY)
}

/// Lets go of what is no request of ours, which reads it to its end.
fn discard(unread: tiny_http::Request) {
    if too_large(&unread) {
        std::mem::forget(unread);
    } else if unread.body_length().is_some() {
        // Without a thread to spare, dropping it here is as good.
        let _ = named("narthex-drop").spawn(move || drop(unread));
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.into())
}

/// What the threads of a server share.
struct Server {
    requests: tiny_http::Server,
    lines: Arc<Lines>,
    site: Arc<Site>,
    capabilities: Capabilities,
    /// Threads that have not ended.
    working: AtomicUsize,
    stop: Stop,
    /// Why it stopped without having been asked to.
    failure: Mutex<Option<io::Error>>,
}

impl Server {
    fn spawn(self: &Arc<Self>, start: Option<ThreadStart>) -> io::Result<()> {
        let server = Arc::clone(self);
        self.working.fetch_add(1, Ordering::SeqCst);
        let spawned = named("narthex").spawn(move || {
            if let Some(start) = start {
                start();
            }
            server.work();
            server.working.fetch_sub(1, Ordering::SeqCst);
        });
        spawned.map(drop)
    }

    /// Answers requests until it is told to stop.
    fn work(&self) {
        loop {
            match self.requests.recv() {
                Ok(request) => {
                    let answer = std::panic::AssertUnwindSafe(|| self.answer(request));
                    if std::panic::catch_unwind(answer).is_err() {
                        self.site.report(&RequestError::internal("panic in the server"), None);
                    }
                }
                Err(_) if self.lines.ended() => return,
                // Its own accept failed, and it will not try again.
                Err(error) => {
                    self.failure.lock().unwrap_or_else(PoisonError::into_inner).replace(error);
                    self.stop.request(Stopping::Graceful);
                    return;
                }
            }
        }
    }

    fn answer(&self, unread: tiny_http::Request) {
        // Anyone on this machine may call the inner address, but only our own lines are served.
        let line = unread.remote_addr().and_then(|address| self.lines.find(*address));
        let Some(line) = line.filter(|line| !line.barred()) else {
            discard(unread);
            return;
        };
        let busy = line.busy();
        let head = request::head(&unread, busy.line(), &self.site.limits);
        let (head, refused) = match head {
            Ok(head) => (head, None),
            Err(error) => (narthex_core::RequestHead::default(), Some(error)),
        };
        if too_large(&unread) {
            self.refuse_unread(unread, &busy);
            return;
        }
        let limits = &self.site.limits;
        let transaction = OneRequest::new(head, unread, busy, self.capabilities, limits);
        let Some(error) = refused else {
            // What failed has been reported, and the line was cut when the transaction was dropped.
            let _ = block_on(Exchange::run(transaction, Arc::clone(&self.site)));
            return;
        };
        transaction.line().report_refused(&error);
        transaction.bar();
        if let Answer { head, body: Body::Whole(body) } = Answer::plain(error.status()) {
            // A client that does not even listen to this has gone.
            let _ = block_on(transaction.respond(head, body));
        }
    }

    /// Refuses a body so large that `tiny_http` must not be let near it.
    fn refuse_unread(&self, unread: tiny_http::Request, busy: &line::Busy) {
        let error = RequestError::BODY_TOO_LARGE;
        busy.line().report_refused(&error);
        busy.refuse(error.status(), self.site.timeouts.write);
        std::mem::forget(unread);
    }

    /// Lets running requests end, then the threads.
    fn end(&self, threads: usize) {
        let deadline = Instant::now() + self.site.timeouts.graceful;
        self.lines.end();
        while !self.lines.is_empty()
            && Instant::now() < deadline
            && self.stop.stopping() < Stopping::Now
        {
            thread::sleep(TICK);
        }
        self.lines.cut();
        for _ in 0..threads {
            self.requests.unblock();
        }
        // A thread that is still in the application ends with the process.
        let deadline = Instant::now() + Duration::from_millis(200);
        while self.working.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            thread::sleep(TICK);
        }
    }
}

/// How often a thread that cannot be woken looks whether it is to end.
const TICK: Duration = Duration::from_millis(10);
