//! A transaction with the rules of HTTP applied, as applications see it.

use std::{
    fmt,
    fs::File,
    io::{Read, Seek, SeekFrom},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
};

use bytes::Bytes;
use http::HeaderMap;

use crate::{
    Answer, Blocking, Body, Capabilities, Error, Expired, Record, RequestHead, ResponseHead,
    Result, Site, Transaction, poll_once, rules::Outgoing,
};

/// A [`Transaction`] with the rules of HTTP applied once, for every backend.
///
/// - One head, before any body; an interim status is not a head.
/// - A body is as long as its Content-Length: what is over is cut and reported, what is missing
///   cuts the connection.
/// - No body after HEAD, 204 and 304.
/// - An application that fails before the head gives its error's status, one that fails after it
///   cuts the connection.
/// - The request body is bounded by [`Limits::body_size`](crate::Limits::body_size).
pub struct Exchange {
    transaction: Box<dyn Transaction>,
    site: Arc<Site>,
    // Held for a few instructions only, never across a wait.
    outgoing: Mutex<Outgoing>,
    received: AtomicU64,
    sent: AtomicU64,
    status: AtomicU16,
    /// Fields of the response, where the log wants them.
    fields: OnceLock<HeaderMap>,
    disconnected: AtomicBool,
    /// Answered from outside, and accounted for.
    expired: AtomicBool,
}

impl Exchange {
    /// Runs the application of `site` over `transaction` to the end of the response.
    ///
    /// # Errors
    /// The response could not be completed: the transport must let the client see that, which
    /// dropping the transaction has already done. The error has been reported.
    pub async fn run(transaction: impl Transaction + 'static, site: Arc<Site>) -> Result<()> {
        let this = Arc::new(Self {
            transaction: Box::new(transaction),
            site: Arc::clone(&site),
            outgoing: Mutex::default(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            status: AtomicU16::new(0),
            fields: OnceLock::new(),
            disconnected: AtomicBool::new(false),
            expired: AtomicBool::new(false),
        });
        let mut record = Record::begin(&site, this.request());
        let outcome = match site.admit(this.request()) {
            Ok(()) => contained(site.handler.handle(Arc::clone(&this))).await,
            Err(error) => Err(error),
        };
        let outcome = this.conclude(outcome).await;
        if let Some(record) = record.as_ref().filter(|_| this.expired.load(Relaxed)) {
            record.give_up(&site);
        } else if let Some(record) = &mut record {
            record.status = this.status.load(Relaxed);
            record.bytes = this.sent.load(Relaxed);
            record.received = this.received.load(Relaxed);
            record.complete = outcome.is_ok();
            record.fields = this.fields.get().cloned();
            record.write(&site, this.request());
        }
        outcome
    }

    /// Ends the response after the application has ended.
    async fn conclude(&self, outcome: Result<()>) -> Result<()> {
        let (started, finished) = {
            let outgoing = self.outgoing();
            (outgoing.started(), outgoing.finished())
        };
        let outcome = match outcome {
            Ok(()) if finished => return Ok(()),
            Ok(()) if started => self.finish().await,
            Ok(()) => Err(Error::application("no response was started")),
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { return Ok(()) };
        if finished {
            // The client has its whole response; what failed afterwards is for the log.
            self.site.report(&error, Some(self.request()));
            return Ok(());
        }
        self.site.report(&error, Some(self.request()));
        if started && self.outgoing().complete() {
            // All that the head promised is there: there is nothing to cut.
            return self.finish().await;
        }
        if started || self.disconnected.load(Relaxed) {
            return Err(error);
        }
        let Answer { head, body: Body::Whole(body) } = Answer::plain(error.status()) else {
            return Err(error);
        };
        self.respond(head, body).await
    }

    /// See [`Transaction::capabilities`].
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.transaction.capabilities()
    }

    /// See [`Transaction::request`].
    #[must_use]
    pub fn request(&self) -> &RequestHead {
        self.transaction.request()
    }

    /// The site that this request belongs to.
    #[must_use]
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Whether the head has been sent.
    #[must_use]
    pub fn started(&self) -> bool {
        self.outgoing().started()
    }

    /// Reads the next piece of the request body; `None` at its end.
    ///
    /// # Errors
    /// The client went away, took too long, broke the framing, or sent more than allowed.
    pub async fn read(&self) -> Result<Option<Bytes>> {
        let chunk = self.noticed(self.transaction.read().await)?;
        if let Some(chunk) = &chunk {
            let size = chunk.len() as u64;
            if self.received.fetch_add(size, Relaxed) + size > self.site.limits.body_size {
                return Err(Error::BODY_TOO_LARGE);
            }
        }
        Ok(chunk)
    }

    /// Sends the head.
    ///
    /// # Errors
    /// The head breaks a rule, or the client is gone.
    pub async fn start(&self, mut head: ResponseHead) -> Result<()> {
        self.outgoing().begin(self.request(), &mut head)?;
        self.note(&mut head);
        self.noticed(self.transaction.start(head).await)
    }

    /// Sends a piece of the body, and returns when the transport would take another.
    ///
    /// # Errors
    /// The body is longer than its Content-Length (what fits has been sent), or the client is gone.
    pub async fn write(&self, chunk: Bytes) -> Result<()> {
        let (chunk, broken) = self.outgoing().admit(chunk);
        if !chunk.is_empty() {
            // An empty chunk would end a chunked body.
            self.sent.fetch_add(chunk.len() as u64, Relaxed);
            self.noticed(self.transaction.write(chunk).await)?;
        }
        broken.map_or(Ok(()), Err)
    }

    /// Returns when what was written is on its way to the client.
    ///
    /// # Errors
    /// The client is gone.
    pub async fn flush(&self) -> Result<()> {
        if self.outgoing().bodiless() {
            return Ok(()); // nothing was written, and nobody may be there to say so
        }
        self.noticed(self.transaction.flush().await)
    }

    /// Ends the body.
    ///
    /// # Errors
    /// The body is shorter than its Content-Length, or the client is gone.
    pub async fn finish(&self) -> Result<()> {
        self.outgoing().finish()?;
        self.noticed(self.transaction.finish().await)
    }

    /// Sends a whole response.
    ///
    /// # Errors
    /// As [`start`](Self::start), [`write`](Self::write) and [`finish`](Self::finish).
    pub async fn respond(&self, mut head: ResponseHead, body: Bytes) -> Result<()> {
        let (body, broken) = {
            let mut outgoing = self.outgoing();
            outgoing.begin(self.request(), &mut head)?;
            if outgoing.bodiless() {
                Outgoing::declare(&mut head, body.len());
            }
            let (body, mut broken) = outgoing.admit(body);
            if let Err(short) = outgoing.finish() {
                broken = Some(short);
            }
            (body, broken)
        };
        self.note(&mut head);
        self.sent.fetch_add(body.len() as u64, Relaxed);
        let short = broken.is_some() && !self.outgoing().complete();
        if short {
            // The head promises more: send what there is, and leave the transaction unfinished.
            self.noticed(self.transaction.start(head).await)?;
            if !body.is_empty() {
                self.noticed(self.transaction.write(body).await)?;
            }
        } else {
            self.noticed(self.transaction.respond(head, body).await)?;
        }
        broken.map_or(Ok(()), Err)
    }

    /// Sends `length` bytes of `file`, from its current position, as body.
    ///
    /// # Errors
    /// As [`write`](Self::write); also [`Error::Io`] when the file cannot be read.
    pub async fn send_file(&self, file: &File, length: u64) -> Result<()> {
        let plain = {
            let outgoing = self.outgoing();
            if outgoing.bodiless() {
                return Ok(());
            }
            outgoing.started() && !outgoing.complete()
        };
        if plain {
            let position = { file }.stream_position()?;
            let end = file.metadata()?.len();
            let length = length.min(end.saturating_sub(position));
            let fits = self.outgoing().reserve(length);
            if fits && let Some(sent) = self.transaction.send_file(file, length).await {
                let sent = self.noticed(sent)?;
                self.sent.fetch_add(sent, Relaxed);
                { file }.seek(SeekFrom::Start(position + sent))?;
                if sent < length {
                    return Err(Error::application("the file shrank while it was sent"));
                }
                return Ok(());
            }
            if fits {
                self.outgoing().restore(length);
            }
        }
        let mut left = length;
        while left > 0 {
            let size = left.min(4 * self.site.limits.chunk_size as u64);
            let mut buffer = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
            let count = { file }.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            buffer.truncate(count);
            left -= count as u64;
            self.write(buffer.into()).await?;
        }
        Ok(())
    }

    /// See [`Transaction::departed`].
    pub async fn departed(&self) {
        self.transaction.departed().await;
        self.disconnected.store(true, Relaxed);
    }

    /// Ends the request from outside while its application holds it. Never waits.
    pub fn expire(&self) -> Expired {
        let whole = self.outgoing().finished();
        let expired = self.transaction.expire(whole);
        if expired != Expired::Left {
            self.disconnected.store(true, Relaxed);
        }
        if expired == Expired::Answered {
            self.expired.store(true, Relaxed);
        }
        expired
    }

    /// How to wait on the thread that runs the application.
    #[must_use]
    pub fn blocking(&self) -> &dyn Blocking {
        self.transaction.blocking()
    }

    /// Runs `operation` to its end on this thread, making room for others if it has to wait.
    ///
    /// # Panics
    /// When the backend's [`Transaction::wait`] does not run the operation to its end.
    pub fn wait<T: Send>(&self, operation: impl Future<Output = T> + Send) -> T {
        let mut operation = pin!(operation);
        if let Poll::Ready(output) = poll_once(operation.as_mut()) {
            return output;
        }
        let mut output = None;
        self.transaction.wait(pin!(async { output = Some(operation.await) }));
        output.expect("Transaction::wait runs the operation to its end")
    }

    /// Notes the head that is about to be sent.
    fn note(&self, head: &mut ResponseHead) {
        let request = self.request();
        self.site.name_request(request, &mut head.headers);
        self.status.store(head.status.as_u16(), Relaxed);
        if request.arrival.at.is_some() && self.site.journal.wants_response() {
            let _ = self.fields.set(head.headers.clone()); // there is one head only
        }
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        // Nothing panics while it is held, and the state would be whole if it did.
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that the client is gone.
    fn noticed<T>(&self, result: Result<T>) -> Result<T> {
        if matches!(result, Err(Error::Disconnected)) {
            self.disconnected.store(true, Relaxed);
        }
        result
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("request", self.request()).finish_non_exhaustive()
    }
}

/// Turns a panic of `future` into an error: it costs one request, never the process.
async fn contained(future: impl Future<Output = Result<()>>) -> Result<()> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(Error::internal("panic in the handler"))))
    })
    .await
}
