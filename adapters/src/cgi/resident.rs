//! A process that stays and answers the CGI requests of one application, one after another and
//! several at once. `narthex-cgi` hands them over.

use std::{
    fmt,
    fs::{self, File},
    io,
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use narthex_cgi::{FileVersion, Handover, Socket, is_ours};
use narthex_core::{Capabilities, Capability, Level, Site, block_on};
use rustix::{
    event::PollFlags,
    event::{PollFd, Timespec, poll},
    io::Errno,
};

use super::{
    capabilities, one_request,
    streams::{Output, Source, Streams},
};
use crate::{Door, Options, Result, Stop, Stopping, ThreadStart, errors_stream::lend_errors};

/// How often is looked whether there is still anything to stay for.
const LOOK: Duration = Duration::from_secs(1);

/// How long after a failure to take a request the next is tried.
const RESPITE: Duration = Duration::from_millis(100);

/// Python code runs on these threads: as much stack as a main thread has.
const STACK: usize = 8 << 20;

/// How long it stays, and for how many requests at once.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// It ends when no request has come for so long.
    pub idle: Duration,
    /// More requests than these wait.
    pub most: usize,
}

/// The place where requests are handed over, and the file for which this process stays there.
#[derive(Debug)]
pub struct Residence {
    socket: Socket,
    script: PathBuf,
    version: Option<FileVersion>,
    patience: Patience,
}

impl Residence {
    /// Takes up residence on `socket`, for the application in the file `script`.
    #[must_use]
    pub fn new(socket: Socket, script: PathBuf, patience: Patience) -> Self {
        let version = FileVersion::of(&script);
        Self { socket, script, version, patience }
    }

    /// How long it stays, and for how many requests at once.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// A door for requests that are answered by threads of this process.
    #[must_use]
    pub fn door(self, options: &Options) -> Box<dyn Door> {
        let base = capabilities().without(Capability::RunOnce).with(Capability::Multithread);
        Box::new(Warm {
            residence: self,
            capabilities: options.capabilities(base),
            on_thread_start: options.on_thread_start.clone(),
        })
    }

    /// Leaves it to the process that this one is a fork of.
    pub fn leave_to_others(self) {
        self.socket.handed_over();
    }

    /// Whether it would be of use to nobody to stay: clients find another, since the file was
    /// changed or the socket removed, or none came since `last`.
    #[must_use]
    pub fn is_over(&self, last: Instant) -> bool {
        last.elapsed() >= self.patience.idle
            || FileVersion::of(&self.script) != self.version
            || !self.socket.is_there()
    }

    /// Takes no more requests but those that wait already: [`next`](Self::next) gives these.
    pub fn close(&self) {
        // Before the socket goes, so that it is not a successor's: a log in which there is nothing.
        let log = self.socket.path().with_extension("log");
        if fs::metadata(&log).is_ok_and(|found| found.len() == 0) {
            let _ = fs::remove_file(&log);
        }
        self.socket.remove();
        // Who has found the socket before that, and not yet connected, is told to look again.
        let _ = rustix::net::shutdown(&self.socket.listener, rustix::net::Shutdown::Read);
    }

    /// Waits for a request for `time` at most; gives none when that has passed.
    ///
    /// # Errors
    /// The residence is closed, and no request waits any more.
    pub fn next(&self, time: Duration) -> io::Result<Option<Handover>> {
        let time = Timespec::try_from(time).unwrap_or_default();
        let mut polled = [PollFd::new(&self.socket.listener, PollFlags::IN)];
        match poll(&mut polled, Some(&time)) {
            Ok(1..) => Ok(received(self.socket.listener.accept()?.0).unwrap_or_default()),
            Ok(0) | Err(Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Answers all requests that wait by saying why none can be answered, in the log of the web
    /// server.
    pub fn refuse(self, why: &str) {
        self.close();
        while let Ok(request) = self.next(Duration::ZERO) {
            let Some(Handover { streams: [input, output, errors], client, .. }) = request else {
                continue;
            };
            // A log that cannot be written to must not keep the client waiting.
            let _ = io::Write::write_all(&mut File::from(errors), why.as_bytes());
            let output = Output::File(output.into());
            let streams = Streams::new(Source::File(input.into()), output, Some(client));
            let _ = streams.refuse(http::StatusCode::INTERNAL_SERVER_ERROR);
            streams.discard();
            streams.close(1);
        }
    }
}

/// The request of a client that has connected; `None` if it has none, or is not to be spoken to.
fn received(socket: UnixStream) -> io::Result<Option<Handover>> {
    if is_ours(&socket)? { Handover::receive(socket) } else { Ok(None) }
}

/// Answers by threads.
struct Warm {
    residence: Residence,
    capabilities: Capabilities,
    on_thread_start: Option<ThreadStart>,
}

impl Door for Warm {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn addresses(&self) -> Vec<String> {
        vec![format!("cgi+unix:{}", self.residence.socket.path().display())]
    }

    fn serve(self: Box<Self>, site: Arc<Site>, stop: &Stop) -> Result<()> {
        let pool = Arc::new(Pool {
            warm: *self,
            site,
            crew: Mutex::new(Crew { idle: 0, threads: 0, last: Instant::now() }),
            left: Condvar::new(),
            closed: AtomicBool::new(false),
        });
        Pool::hire(&pool)?;
        let stopping = (Arc::clone(&pool), stop.clone());
        thread::Builder::new().name("stop".to_owned()).spawn(move || {
            let (pool, stop) = stopping;
            block_on(stop.requested(Stopping::Graceful));
            pool.close();
        })?;
        pool.watch(stop);
        Ok(())
    }
}

/// Threads that all wait for the next request: who gets it answers it.
struct Pool {
    warm: Warm,
    site: Arc<Site>,
    crew: Mutex<Crew>,
    /// A thread has ended.
    left: Condvar,
    closed: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct Crew {
    /// Threads that wait for a request.
    idle: usize,
    threads: usize,
    /// When a request came or ended last.
    last: Instant,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("crew", &self.crew).finish_non_exhaustive()
    }
}

impl Pool {
    /// Adds a thread.
    fn hire(this: &Arc<Self>) -> io::Result<()> {
        {
            let mut crew = this.crew();
            crew.threads += 1;
            crew.idle += 1;
        }
        let pool = Arc::clone(this);
        let thread = thread::Builder::new().name("cgi".to_owned()).stack_size(STACK);
        let spawned = thread.spawn(move || {
            let _presence = Presence(Arc::clone(&pool));
            if let Some(start) = &pool.warm.on_thread_start {
                start();
            }
            Self::work(&pool);
        });
        if spawned.is_err() {
            let mut crew = this.crew();
            crew.threads -= 1;
            crew.idle -= 1;
        }
        spawned.map(drop)
    }

    /// Answers requests until the residence is closed.
    fn work(this: &Arc<Self>) {
        loop {
            let socket = match this.warm.residence.socket.listener.accept() {
                Ok((socket, _)) => socket,
                Err(_) if this.closed.load(Relaxed) => return,
                Err(error) => {
                    let message = format_args!("no request can be taken: {error}");
                    this.site.journal.write(Level::Error, &message);
                    thread::sleep(RESPITE);
                    continue;
                }
            };
            this.before();
            match received(socket) {
                Ok(Some(request)) => this.answer(request),
                Ok(None) => {}
                Err(error) => {
                    let message = format_args!("what was handed over is no request: {error}");
                    this.site.journal.write(Level::Warning, &message);
                }
            }
            let mut crew = this.crew();
            crew.idle += 1;
            crew.last = Instant::now();
        }
    }

    /// Sees to it that somebody waits for the next request.
    fn before(self: &Arc<Self>) {
        let short = {
            let mut crew = self.crew();
            crew.idle -= 1;
            crew.last = Instant::now();
            crew.idle == 0 && crew.threads < self.warm.residence.patience.most
        };
        if short && let Err(error) = Self::hire(self) {
            // Those that there are go on.
            self.site.journal.write(Level::Warning, &format_args!("no further thread: {error}"));
        }
    }

    fn answer(&self, request: Handover) {
        let variables: Vec<(Bytes, Bytes)> = {
            let block = Bytes::from(request.variables);
            let bounds = Handover::split(&block);
            bounds.map(|(name, value)| (block.slice_ref(name), block.slice_ref(value))).collect()
        };
        let [input, output, errors] = request.streams;
        let lent = lend_errors(errors.into());
        let output = Output::File(output.into());
        let client = Some(request.client);
        let streams = Arc::new(Streams::new(Source::File(input.into()), output, client));
        let held = Arc::clone(&streams);
        // What failed has been reported; the host sees no more of it than the client does.
        let _ = one_request::run(Arc::clone(&self.site), variables, &held, self.warm.capabilities);
        drop(lent);
        streams.close(0);
    }

    /// Stays until the last thread has ended, or `stop` is urgent.
    fn watch(&self, stop: &Stop) {
        let mut crew = self.crew();
        while crew.threads > 0 && stop.stopping() != Stopping::Now {
            let at_rest = crew.idle == crew.threads;
            let last = if at_rest { crew.last } else { Instant::now() };
            drop(crew);
            if !self.closed.load(Relaxed) && self.warm.residence.is_over(last) {
                self.close();
            }
            crew = self.crew();
            if crew.threads > 0 {
                let waited = self.left.wait_timeout(crew, LOOK);
                crew = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn close(&self) {
        if !self.closed.swap(true, Relaxed) {
            self.warm.residence.close();
        }
    }

    fn crew(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread of the pool, however it ends.
struct Presence(Arc<Pool>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.crew().threads -= 1;
        self.0.left.notify_all();
    }
}
