//! One request: its body to the program, the program's output to the client.

use std::{
    collections::VecDeque,
    io,
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderValue,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use narthex_core::{Error, Exchange, RequestHead, ResponseHead, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout},
    time::{Instant, sleep_until},
};

use super::{
    output::{Bad, Head, Output},
    process::{Fate, Running},
};

/// How long a process may take to end after its output did, to be told from one that has crashed.
const CRASH: Duration = Duration::from_millis(100);

/// How long what a program says on standard error is waited for, to have it before what is said of
/// the program.
const WORDS: Duration = Duration::from_secs(2);

/// How a relayed request came out.
#[derive(Debug)]
pub(super) enum Relayed {
    /// The response has been given.
    Done,
    /// Another path is to answer.
    Elsewhere(Bytes, Vec<HeaderValue>),
    /// The output is no response; with how the program ended, if it has.
    Bad(Bad, Option<ExitStatus>),
    /// The program did nothing for too long, before or after it had begun to answer.
    Silent { answered: bool },
}

/// The body of a request, as far as it has to be known before a program starts.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// What has been read already.
    early: VecDeque<Bytes>,
    /// Whether there may be more.
    more: bool,
}

impl Input {
    /// Sees to it that `head` says how long the body is. One without a declared length is awaited as
    /// far as the server would have anyway; one that is longer is passed on to its end, and the
    /// program is told that it came in chunks.
    ///
    /// # Errors
    /// Those of [`Exchange::read`].
    pub(super) async fn of(exchange: &Exchange, head: &mut RequestHead) -> Result<Self> {
        let mut input = Self { more: true, ..Self::default() };
        if let Some(length) = head.headers.get(CONTENT_LENGTH) {
            input.more = length != "0";
            return Ok(input);
        }
        let chunked = head.headers.contains_key(TRANSFER_ENCODING);
        let mut size = 0;
        while input.more && size <= exchange.site().limits.body_prefetch {
            match exchange.read().await? {
                Some(piece) => {
                    size += piece.len();
                    input.early.push_back(piece);
                }
                None => input.more = false,
            }
        }
        if input.more {
            head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        } else if chunked || size > 0 {
            head.headers.remove(TRANSFER_ENCODING);
            head.headers.insert(CONTENT_LENGTH, size.into());
        }
        Ok(input)
    }

    /// Whether there is anything to be read.
    pub(super) fn is_there(&self) -> bool {
        self.more || !self.early.is_empty()
    }

    async fn next(&mut self, exchange: &Exchange) -> Result<Option<Bytes>> {
        match self.early.pop_front() {
            Some(piece) => Ok(Some(piece)),
            None if self.more => exchange.read().await,
            None => Ok(None),
        }
    }
}

/// Relays a request to a program and its output back.
///
/// # Errors
/// The client is gone or broke a rule, or the output does not keep what its head promised.
pub(super) async fn relay(
    exchange: &Exchange,
    input: Input,
    running: Running,
    patience: Duration,
) -> Result<Relayed> {
    let Running { stdin, stdout, fate } = running;
    let clock = Clock::new(patience);
    tokio::select! {
        biased;
        relayed = answer(exchange, stdout, fate, &clock) => relayed,
        error = feed(exchange, input, stdin, &clock) => Err(error),
    }
}

/// Gives the program its input. Returns at an error of the client's only: the response is what ends
/// a request, even if nobody wants its body.
async fn feed(
    exchange: &Exchange,
    mut input: Input,
    stdin: Option<ChildStdin>,
    clock: &Clock,
) -> Error {
    if let Some(mut stdin) = stdin {
        loop {
            clock.waits_for_client(true);
            let piece = input.next(exchange).await;
            clock.waits_for_client(false);
            match piece {
                Ok(Some(piece)) => {
                    if stdin.write_all(&piece).await.is_err() {
                        break; // it does not want to know
                    }
                }
                Ok(None) => break,
                Err(error) => return error,
            }
        }
    }
    std::future::pending().await
}

/// Gives the client what the program answers.
async fn answer(
    exchange: &Exchange,
    mut stdout: ChildStdout,
    mut fate: Fate,
    clock: &Clock,
) -> Result<Relayed> {
    let mut head = Head::new(exchange.site().limits.head_size);
    let mut buffer = BytesMut::new();
    let (output, body) = loop {
        let read = tokio::select! {
            biased;
            read = read(&mut stdout, &mut buffer, clock) => read,
            () = exchange.departed() => return Err(Error::Disconnected),
        };
        let found = match read {
            Ok(Some(piece)) => head.take(&piece),
            Ok(None) => Err(head.ended()),
            Err(silent) => return silent.outcome(false),
        };
        match found {
            Ok(Some(found)) => break found,
            Ok(None) => {}
            Err(bad) => {
                drop(stdout); // it has nothing more to say
                return Ok(Relayed::Bad(bad, fate.ended(WORDS).await));
            }
        }
    };
    match output {
        Output::Response(head) => send(exchange, head, body, stdout, fate, clock).await,
        Output::Elsewhere(target, cookies) => {
            tokio::spawn(discard(stdout, fate, clock.patience));
            Ok(Relayed::Elsewhere(target, cookies))
        }
    }
}

/// Sends a response: each piece as soon as it is there.
async fn send(
    exchange: &Exchange,
    head: ResponseHead,
    mut piece: Bytes,
    mut stdout: ChildStdout,
    mut fate: Fate,
    clock: &Clock,
) -> Result<Relayed> {
    let mut owed = length(&head);
    let mut buffer = BytesMut::new();
    exchange.start(head).await?;
    loop {
        if !piece.is_empty() {
            owed = owed.map(|owed| owed.saturating_sub(piece.len() as u64));
            exchange.write(piece).await?;
            clock.restart();
        }
        let read = tokio::select! {
            biased;
            read = read(&mut stdout, &mut buffer, clock) => read,
            // A client that has all that it was promised may leave.
            () = exchange.departed(), if owed != Some(0) => return Err(Error::Disconnected),
        };
        piece = match read {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(silent) => return silent.outcome(true),
        };
    }
    if owed.is_none() && fate.ended(CRASH).await.is_some_and(|status| status.signal().is_some()) {
        return Err(Error::Reported); // nobody may take what there is for all of it
    }
    fate.let_go();
    exchange.finish().await?;
    Ok(Relayed::Done)
}

/// The length that a head declares.
fn length(head: &ResponseHead) -> Option<u64> {
    head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Lets a program write what nobody reads.
async fn discard(mut stdout: ChildStdout, fate: Fate, patience: Duration) {
    let mut nobody = tokio::io::sink();
    let copying = tokio::io::copy(&mut stdout, &mut nobody);
    let _ = tokio::time::timeout(patience, copying).await;
    fate.let_go();
}

/// Why nothing was read.
enum Unread {
    /// The program has been silent for too long.
    Silent,
    /// The pipe failed.
    Failed(io::Error),
}

impl Unread {
    fn outcome(self, answered: bool) -> Result<Relayed> {
        match self {
            Self::Silent => Ok(Relayed::Silent { answered }),
            Self::Failed(error) => Err(Error::Io(error)),
        }
    }
}

/// Reads the next piece; `None` at the end.
async fn read(
    stdout: &mut ChildStdout,
    buffer: &mut BytesMut,
    clock: &Clock,
) -> Result<Option<Bytes>, Unread> {
    /// What a pipe holds.
    const SIZE: usize = 64 * 1024;

    buffer.reserve(SIZE);
    loop {
        tokio::select! {
            biased;
            count = stdout.read_buf(buffer) => {
                clock.restart();
                let count = count.map_err(Unread::Failed)?;
                return Ok((count > 0).then(|| buffer.split().freeze()));
            }
            () = sleep_until(clock.deadline()) => {
                if clock.is_over() {
                    return Err(Unread::Silent);
                }
            }
        }
    }
}

/// The time that a program has been given: it starts anew whenever the program does something, and
/// stands still while the client is the one to go on.
struct Clock {
    patience: Duration,
    begun: Instant,
    /// When it was started last, in milliseconds.
    started: AtomicU64,
    stopped: AtomicBool,
}

impl Clock {
    fn new(patience: Duration) -> Self {
        let (started, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { patience, begun: Instant::now(), started, stopped }
    }

    fn restart(&self) {
        let passed = self.begun.elapsed().as_millis();
        self.started.store(u64::try_from(passed).unwrap_or(u64::MAX), Relaxed);
    }

    fn waits_for_client(&self, waits: bool) {
        self.stopped.store(waits, Relaxed);
        self.restart();
    }

    /// When to look again.
    fn deadline(&self) -> Instant {
        let started = self.begun + Duration::from_millis(self.started.load(Relaxed));
        let from = if self.stopped.load(Relaxed) { Instant::now() } else { started };
        from + self.patience
    }

    fn is_over(&self) -> bool {
        self.deadline() <= Instant::now()
    }
}
