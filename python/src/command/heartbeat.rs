//! Signs of life for systemd's watchdog, where one process serves.
//!
//! Two things are asked for each: that Python's main thread gets the lock of the interpreter, and
//! that the server answers on one of its own sockets. Neither reaches the application.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use narthex_supervisor::systemd::Manager;

/// What a client that speaks HTTP/2 sends first, with empty settings (RFC 9113, 3.4): every backend
/// answers it in some way, and none by a request to the application.
const QUESTION: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// What knows whether the process lives.
#[derive(Clone)]
pub(super) struct Heart(Arc<Shared>);

struct Shared {
    address: Option<String>,
    bell: UnixStream,
    /// How often Python's main thread has run.
    turns: AtomicU64,
    waiting: OnceLock<Thread>,
}

impl Heart {
    /// The heart of a server at these `addresses`, whose main thread is woken by `bell`.
    pub(super) fn new(addresses: Vec<String>, bell: UnixStream) -> Self {
        Self(Arc::new(Shared {
            address: addresses.into_iter().next(),
            bell,
            turns: AtomicU64::new(0),
            waiting: OnceLock::new(),
        }))
    }

    /// Notes that Python's main thread runs.
    pub(super) fn python_runs(&self) {
        self.0.turns.fetch_add(1, Relaxed);
        if let Some(waiting) = self.0.waiting.get() {
            waiting.unpark();
        }
    }

    /// Gives signs of life as often as the manager wants them, as long as there is life.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(super) fn beat(&self, manager: Arc<Manager>) -> io::Result<()> {
        let Some(period) = manager.heartbeat() else { return Ok(()) };
        let heart = self.clone();
        thread::Builder::new().name("heartbeat".to_owned()).spawn(move || {
            let _ = heart.0.waiting.set(thread::current());
            loop {
                let next = Instant::now() + period;
                if heart.python_answers(next) && heart.server_answers(period) {
                    manager.alive();
                }
                while let Some(left) = next.checked_duration_since(Instant::now()) {
                    thread::sleep(left);
                }
            }
        })?;
        Ok(())
    }

    fn python_answers(&self, deadline: Instant) -> bool {
        let before = self.0.turns.load(Relaxed);
        // When it cannot be written to, it is full of bytes that wake as well.
        let _: io::Result<usize> = (&self.0.bell).write(&[0]);
        while self.0.turns.load(Relaxed) == before {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            thread::park_timeout(left);
        }
        true
    }

    /// Whether the server says anything at all: under TLS it will be an alert.
    fn server_answers(&self, patience: Duration) -> bool {
        let Some(address) = &self.0.address else { return true };
        let heard = if let Some(path) = address.strip_prefix("unix:") {
            UnixStream::connect(path).and_then(|stream| {
                stream.set_read_timeout(Some(patience))?;
                hear(stream)
            })
        } else {
            let address = address.rsplit('/').next().unwrap_or_default();
            TcpStream::connect(address).and_then(|stream| {
                stream.set_read_timeout(Some(patience))?;
                hear(stream)
            })
        };
        // Only silence is no answer.
        !matches!(heard, Err(error) if error.kind() == io::ErrorKind::WouldBlock
            || error.kind() == io::ErrorKind::TimedOut)
    }
}

fn hear(mut stream: impl Read + Write) -> io::Result<()> {
    stream.write_all(QUESTION)?;
    stream.read(&mut [0; 1]).map(drop)
}
