//! The embedded server on `tiny_http`: threads, no runtime. For tests and tiny devices.
//!
//! `tiny_http` keeps its sockets to itself: it has no timeouts, no limits, and no way to cut a
//! connection; and it takes most shapes that RFC 9112 tells servers to refuse. So it does not get
//! the clients' connections but one of our own for each, over the loopback interface, and between
//! the two stands the guard that the other embedded server has too. Responses do not go that way:
//! `tiny_http` says whose turn it is, and they are sent to the client as they are (`line.rs`).
//!
//! Its limits, all known:
//!
//! - It is slow: three threads for each connection, and a request is copied three times.
//! - A thread waits for its client: as many slow clients as there are threads (32, unless told
//!   otherwise) hold up everybody.
//! - Bytes outside ASCII in a field, an empty line before a request, an `Expect` of anything but
//!   `100-continue` and trailers are refused. This is [`Capability::LenientParser`].
//! - Chunks in a request that asks for an upgrade are refused: `tiny_http` would not undo them.
//! - Of a request body not read before the response starts, 64 KiB are kept; the rest is refused,
//!   and the connection closed. There is no [`Capability::Duplex`].
//! - No body may be larger than 1 GiB, whatever the limits say (`LARGEST_BODY`).
//! - Pipelined requests are answered in order but may be worked on at once.
//! - A process on the same machine that calls the inner address is not served; with a body declared
//!   to be larger than 1 GiB it costs a thread and two descriptors.

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
    Answer, Body, Capabilities, Capability, Error as RequestError, Exchange, RequestHead, Site,
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
        options.plain_only(self.name())?;
        options.refuse_statics("the backend tiny-http serves no files; hyper does")?;
        options.refuse_programs("the backend tiny-http runs no programs; hyper does")?;
        if options.binds.is_empty() {
            return Err(Error::Options("no address to listen on: give one with --bind".into()));
        }
        let mut listeners = Vec::new();
        for bind in options.binds.iter().chain(&options.insecure_binds) {
            listeners.extend(bind.listen(options.backlog)?);
        }
        Ok(Box::new(Open {
            listeners,
            threads: match options.threads {
                // A thread that waits for its client runs nothing meanwhile, whatever the cores.
                0 => options.thread_count().max(LEAST_THREADS),
                _ => options.thread_count(),
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
                    .with(Capability::Truncation)
                    .with(Capability::LenientParser),
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
            order: Mutex::default(),
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

/// The largest body that may be declared.
///
/// When `tiny_http` lets go of a request, it makes a buffer as large as what is left of the body:
/// one that cannot be had would end the process. One of this size is only reserved.
const LARGEST_BODY: usize = 1 << 30;

/// Lets go of what is no request of ours, which reads it to its end.
fn discard(unread: tiny_http::Request) {
    if unread.body_length().is_some_and(|length| length > LARGEST_BODY) {
        std::mem::forget(unread); // the guard lets no client's come here
    } else {
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
    /// Held while a request is taken, so that those of one line are counted in their order.
    order: Mutex<()>,
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
            let next = std::panic::AssertUnwindSafe(|| self.serve_next());
            match std::panic::catch_unwind(next) {
                Ok(Ok(())) => {}
                Ok(Err(_)) if self.lines.ended() => return,
                // Its own accept failed, and it will not try again.
                Ok(Err(error)) => {
                    self.failure.lock().unwrap_or_else(PoisonError::into_inner).replace(error);
                    self.stop.request(Stopping::Graceful);
                    return;
                }
                Err(_) => self.site.report(&RequestError::internal("panic in the server"), None),
            }
        }
    }

    fn serve_next(&self) -> io::Result<()> {
        let (unread, busy, head) = {
            let _order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            let unread = self.requests.recv()?;
            // Anyone on this machine may call the inner address; only our own lines are served.
            let line = unread.remote_addr().and_then(|address| self.lines.find(*address));
            let Some(line) = line.filter(|line| !line.barred()) else {
                discard(unread);
                return Ok(());
            };
            let busy = line.busy();
            let head = request::head(&unread, busy.line(), &self.site.limits);
            if !head.as_ref().is_ok_and(transaction::keeps_alive) {
                busy.line().bar();
            }
            (unread, busy, head)
        };
        self.answer(unread, busy, head);
        Ok(())
    }

    fn answer(
        &self,
        unread: tiny_http::Request,
        busy: line::Busy,
        head: narthex_core::Result<RequestHead>,
    ) {
        let (head, refused) = match head {
            Ok(head) => (head, None),
            Err(error) => (RequestHead::default(), Some(error)),
        };
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
