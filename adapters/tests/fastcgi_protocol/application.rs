//! The application that the cases ask, and the server that runs it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use narthex_adapters::{Backend, Options, Stop, Stopping, fastcgi::BACKEND};
use narthex_core::{Error, Exchange, Journal, Level, ResponseHead, Result, Site};

/// How long anything may take before the case fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What happened in the application, and in the log.
#[derive(Default)]
pub(crate) struct Seen {
    /// Calls that have read a piece of their body.
    pub(crate) reading: AtomicUsize,
    /// Reads of a body that failed: the client had left.
    pub(crate) disconnects: AtomicUsize,
    /// Bytes of endless responses that were taken off the application.
    pub(crate) taken: AtomicUsize,
    /// Calls that wait at the gate.
    waiting: AtomicUsize,
    gate: (Mutex<bool>, Condvar),
    lines: Mutex<Vec<String>>,
}

impl Seen {
    pub(crate) fn open_the_gate(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    fn wait_at_the_gate(&self) {
        self.waiting.fetch_add(1, SeqCst);
        let closed = self.gate.0.lock().unwrap();
        drop(self.gate.1.wait_timeout_while(closed, PATIENCE, |open| !*open).unwrap());
    }

    pub(crate) fn until_waiting(&self, count: usize) {
        self.until("calls at the gate", |seen| seen.waiting.load(SeqCst) == count);
    }

    /// Waits for a line of the error log with `text` in it.
    pub(crate) fn logs(&self, text: &str) {
        self.until(text, |seen| seen.lines.lock().unwrap().iter().any(|line| line.contains(text)));
    }

    /// Waits until `condition` holds.
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !condition(self) {
            let lines = self.lines.lock().unwrap();
            assert!(Instant::now() < end, "{what}: not so after {PATIENCE:?}; log: {lines:#?}");
            drop(lines);
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Journal for Seen {
    fn write(&self, level: Level, message: &dyn fmt::Display) {
        self.lines.lock().unwrap().push(format!("{}: {message}", level.as_str()));
    }
}

async fn application(seen: Arc<Seen>, exchange: Arc<Exchange>) -> Result<()> {
    let head = ResponseHead::default();
    match &*exchange.request().path_info() {
        b"/echo" => {
            exchange.start(head).await?;
            while let Some(piece) = read(&seen, &exchange).await? {
                exchange.write(piece).await?;
            }
            exchange.finish().await
        }
        b"/count" => {
            let mut count = 0;
            while let Some(piece) = read(&seen, &exchange).await? {
                if count == 0 {
                    seen.reading.fetch_add(1, SeqCst);
                }
                count += piece.len();
            }
            exchange.respond(head, count.to_string().into()).await
        }
        b"/gate" => {
            exchange.blocking().block(&mut || seen.wait_at_the_gate());
            exchange.respond(head, "through".into()).await
        }
        b"/endless" => {
            exchange.start(head).await?;
            let piece = Bytes::from(vec![b'x'; 64 * 1024]);
            loop {
                exchange.write(piece.clone()).await?;
                seen.taken.fetch_add(piece.len(), SeqCst);
            }
        }
        b"/cut" => {
            exchange.start(head).await?;
            exchange.write("half of it".into()).await?;
            Err(Error::application("failed as asked"))
        }
        b"/variables" => {
            let mut text = Vec::new();
            for (name, value) in exchange.request().variables() {
                text.extend_from_slice(&[name, &b"="[..], value, b"\n"].concat());
            }
            for (name, value) in &exchange.request().headers {
                text.extend_from_slice(format!("{name}: {value:?}\n").as_bytes());
            }
            exchange.respond(head, text.into()).await
        }
        _ => exchange.respond(head, "here".into()).await,
    }
}

async fn read(seen: &Seen, exchange: &Exchange) -> Result<Option<Bytes>> {
    let piece = exchange.read().await;
    if piece.is_err() {
        seen.disconnects.fetch_add(1, SeqCst);
    }
    piece
}

/// A server with an address, until it is dropped.
pub(crate) struct Server {
    pub(crate) seen: Arc<Seen>,
    /// As the command prints it.
    pub(crate) address: String,
    stop: Stop,
    serving: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with("127.0.0.1:0", |_| ())
    }

    /// Serves on `bind` a site that `configure` has changed.
    pub(crate) fn with(bind: &str, configure: impl FnOnce(&mut Site)) -> Self {
        let mut options = Options::default();
        options.binds = vec![bind.parse().unwrap()];
        options.threads = 2;
        let door = BACKEND.open(&options).unwrap();
        let address = door.addresses().remove(0);
        let (seen, stop) = (Arc::new(Seen::default()), Stop::new());
        let asked = Arc::clone(&seen);
        let handler = move |exchange| application(Arc::clone(&asked), exchange);
        let mut site = Site::new(Arc::new(handler));
        site.journal = Arc::clone(&seen) as _;
        configure(&mut site);
        let told = stop.clone();
        let serving = thread::spawn(move || door.serve(Arc::new(site), &told).unwrap());
        Self { seen, address, stop, serving: Some(serving) }
    }

    /// Where it listens by TCP.
    pub(crate) fn socket(&self) -> SocketAddr {
        self.address.strip_prefix("fastcgi://").unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.seen.open_the_gate();
        self.stop.request(Stopping::Now);
        if let Some(serving) = self.serving.take()
            && !thread::panicking()
        {
            serving.join().unwrap();
        }
    }
}
