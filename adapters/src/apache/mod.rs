//! Inside Apache httpd: the application runs in the processes of httpd itself, on its threads.
//!
//! What is here is the engine's side. The module, `mod_narthex.so`, is built by itself, since it refers
//! to functions that only httpd has; the two know each other by the tables of [`narthex_abi`].
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | answers a request: at once, or through a transaction |
//! | `table.rs` | the functions of the host, as safe calls |
//! | `head.rs` | the head of a request, and what is remembered of the one before |
//! | `transaction.rs` | a request that is read from, and answered piece by piece |
//! | `current.rs` | the request that a thread answers, for those who have nothing else in hand |
//!
//! httpd frames requests and responses, keeps connections and the time, and writes the access log.

mod current;
mod head;
mod table;
mod transaction;

use std::{
    fs::File,
    sync::{Arc, atomic::AtomicBool},
};

use bytes::Bytes;
use http::Method;
use narthex_abi::{Context, Matter, Request, Status};
use narthex_core::{
    Answer, Ask, Blocking, Body, Capabilities, Capability, Error, Exchange, Forwarding, Inline,
    Record, RequestHead, Result, Site, answer, block_on,
};

use crate::{Backend, Door, Options, Result as Opened, Surroundings};
pub use current::{Here, log};
use head::Kept;
use table::{Call, Line, Place};
pub use table::{Table, forget};
use transaction::OneRequest;

/// Inside Apache httpd.
pub static BACKEND: Apache = Apache;

/// See [`BACKEND`].
#[derive(Clone, Copy, Debug)]
pub struct Apache;

impl Backend for Apache {
    fn name(&self) -> &'static str {
        "apache"
    }

    fn summary(&self) -> &'static str {
        "Apache httpd: in its own processes, by the module mod_narthex.so"
    }

    /// httpd starts no process for it.
    fn detect(&self, _seen: &Surroundings) -> Option<&'static str> {
        None
    }

    fn open(&self, _options: &Options) -> Opened<Box<dyn Door>> {
        Err(crate::Error::Options(NOT_HERE.into()))
    }
}

const NOT_HERE: &str = "httpd starts the application itself, by the module mod_narthex.so: \
    `narthex apache serve APP` runs a private httpd with it, and `narthex apache config APP` prints \
    what to write into the configuration of yours";

/// An application inside httpd.
#[derive(Debug)]
pub struct Server {
    table: Table,
    site: Arc<Site>,
    capabilities: Capabilities,
    blocking: Arc<dyn Blocking>,
    nothing: Bytes,
    at_end: fn(),
}

impl Server {
    /// The application of `site`, which may refuse to be called by two threads at once.
    #[must_use]
    pub fn new(table: Table, site: Arc<Site>, serialize: bool) -> Self {
        let given = |capabilities: Capabilities, capability, given| {
            if given { capabilities.with(capability) } else { capabilities }
        };
        let base = Capabilities::NONE
            .with(Capability::Blocking)
            .with(Capability::Persistent)
            .with(Capability::Duplex)
            .with(Capability::ReasonPhrase)
            .with(Capability::Truncation);
        let base = given(base, Capability::Multithread, table.threaded() && !serialize);
        let capabilities = given(base, Capability::Multiprocess, table.forked());
        Self {
            table,
            site,
            capabilities,
            blocking: Arc::new(Inline),
            nothing: Bytes::new(),
            at_end: || (),
        }
    }

    /// Calls `at_end` at the end of each request, while its thread can still reach the host.
    #[must_use]
    pub fn at_end(self, at_end: fn()) -> Self {
        Self { at_end, ..self }
    }

    /// Facts about this server instance.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// The application, and how its requests are treated.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Answers a request on this thread, as [`Engine::answer`](narthex_abi::Engine::answer) does.
    ///
    /// # Safety
    /// The request and its context are the host's, as [`narthex_abi`] says.
    #[expect(unsafe_code, reason = "what the host hands over")]
    pub unsafe fn answer(&self, context: Context, request: &Request<'_>) -> Status {
        // SAFETY: `Line` lets one thread at a time use it, and is closed before this returns; this
        // thread waits meanwhile.
        let call = unsafe { Call::new(self.table, context) };
        // SAFETY: promised by the caller.
        let place = unsafe { Place::of(request) };
        let mut kept = Kept::renew(place.take(), &self.site, self.table.software(), request);
        let outcome = self.run(call, &mut kept, request);
        if request.earlier > 0 {
            place.put(kept); // most connections that bring one request bring no other
        }
        match outcome {
            Ok(()) => Status::DONE,
            Err(Error::Disconnected) => Status::DISCONNECTED,
            Err(_) => Status::FAILED,
        }
    }

    fn run(&self, call: Call, kept: &mut Kept, request: &Request<'_>) -> Result<()> {
        let mut head = match kept.head(request) {
            Ok(head) => head,
            Err(error) => return self.refuse(call, request, &error),
        };
        self.site.arrived(&mut head, request.earlier);
        let stay = current::enter(call, head.arrival.number());
        if !self.site.trust.is_empty() {
            Forwarding::new(&self.site, &head.connection).apply(&self.site, &mut head);
        }
        let outcome = if request.has_body {
            self.stream(call, head, true)
        } else {
            match self.now(call, &head) {
                Some(outcome) => {
                    if self.site.trust.is_empty() {
                        kept.give_back(head);
                    }
                    outcome
                }
                None => self.stream(call, head, false),
            }
        };
        let outcome = match current::take_redirect() {
            Some(path) => redirect(call, &path),
            None => outcome,
        };
        (self.at_end)();
        drop(stay);
        outcome
    }

    /// Asks for an answer at once; `None` when the application wants a transaction.
    fn now(&self, call: Call, head: &RequestHead) -> Option<Result<()>> {
        let site = &self.site;
        let mut record = Record::begin(site, head);
        let ask = Ask::new(head, &self.nothing, self.capabilities, &self.blocking);
        let Some(answer) = answer(site, &ask) else {
            if let Some(record) = &record {
                record.give_up(site);
            }
            return None;
        };
        if !current::start() {
            return Some(Ok(())); // another path answers it
        }
        if let Some(record) = &mut record {
            record.answered(site, &answer.head);
        }
        let mut sent = 0;
        let outcome = self.send(call, head, answer, &mut sent);
        if let Some(record) = &mut record {
            record.bytes = sent;
            record.complete = outcome.is_ok();
            record.write(site, head);
        }
        Some(outcome)
    }

    fn send(&self, call: Call, head: &RequestHead, answer: Answer, sent: &mut u64) -> Result<()> {
        let Answer { head: mut out, body } = answer;
        match body {
            Body::Whole(body) => {
                if head.method != Method::HEAD {
                    out.declare_length(body.len());
                }
                *sent = body.len() as u64;
                call.respond(&out, &body)
            }
            Body::Pulled(mut body) => {
                call.start(&out)?;
                let by_httpd = |file: &File, from, length| call.send_file(file, from, length);
                if let Some(outcome) = body.send_file(&self.site, head, by_httpd) {
                    *sent = outcome?;
                }
                while let Some(piece) = body.next(&self.site, head)? {
                    call.write(&piece, true)?;
                    *sent += piece.len() as u64;
                }
                drop(body); // whatever it closes may still be of use to the client
                call.finish()
            }
        }
    }

    /// Runs the application over a transaction.
    fn stream(&self, call: Call, head: Box<RequestHead>, has_body: bool) -> Result<()> {
        let line = Arc::new(Line::new(call));
        current::share(&line);
        let transaction = OneRequest {
            head,
            capabilities: self.capabilities,
            chunk_size: self.site.limits.chunk_size,
            has_body,
            line: Arc::clone(&line),
            elsewhere: AtomicBool::new(false),
        };
        let outcome = block_on(Exchange::run(transaction, Arc::clone(&self.site)));
        line.close();
        current::have_alone(call);
        outcome
    }

    /// Answers for the application.
    fn refuse(&self, call: Call, request: &Request<'_>, error: &Error) -> Result<()> {
        self.site.report(error, None);
        let Answer { head: mut out, body: Body::Whole(body) } = Answer::plain(error.status())
        else {
            return Err(Error::Reported);
        };
        out.declare_length(body.len());
        let body = if request.method.bytes() == b"HEAD" { Bytes::new() } else { body };
        call.respond(&out, &body)
    }
}

/// Has another path answer.
fn redirect(call: Call, path: &[u8]) -> Result<()> {
    match call.tell(Matter::REDIRECT, b"", path) {
        Status::DONE => Ok(()),
        _ => Err(Error::internal("httpd does not redirect the request")),
    }
}
