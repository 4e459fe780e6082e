//! The descriptors of a request: where its body comes from, and where its response goes.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind, Read, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::StatusCode;
use narthex_cgi::{Client, drain};
use narthex_core::{Answer, Body, Error as RequestError, Result as RequestResult};
use rustix::{event::PollFlags, io::Errno};

use crate::cgi_text;

/// What is sent of a file, or written, before the client is looked at again.
const PIECE: usize = 256 << 10;

/// The streams of one request, and who waits for its end.
pub(super) struct Streams {
    // A read may wait long while the response is being written: a lock for each.
    input: Mutex<Input>,
    output: Mutex<Output>,
    /// The program that the web server has started, where that is another than this process.
    client: Option<Client>,
    begun: AtomicBool,
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Where the body of the request comes from.
struct Input {
    source: Source,
    left: Left,
}

/// What is read from.
pub(super) enum Source {
    /// A descriptor that we own.
    File(File),
    /// Anything else.
    Other(Box<dyn Read + Send>),
    /// The request has ended.
    Closed,
}

/// How much of the request body is still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Left {
    Bytes(u64),
    ToTheEnd,
}

/// Where the response goes.
pub(super) enum Output {
    /// A descriptor that we own.
    File(File),
    /// Anything else.
    Other(Box<dyn Write + Send>),
    /// The request has ended.
    Closed,
}

impl Streams {
    pub(super) fn new(source: Source, output: Output, client: Option<Client>) -> Self {
        Self {
            input: Mutex::new(Input { source, left: Left::Bytes(0) }),
            output: Mutex::new(output),
            client,
            begun: AtomicBool::new(false),
        }
    }

    /// Says how long the body is.
    pub(super) fn expect(&self, left: Left) {
        self.input().left = left;
    }

    /// Closes them, whoever still knows of them, and tells the client that the request has ended.
    pub(super) fn close(&self, status: u8) {
        // Whoever still waits for a body must not be waited for.
        if let (Err(_), Some(client)) = (self.input.try_lock(), &self.client) {
            client.leave();
        }
        self.input().source = Source::Closed;
        *self.output() = Output::Closed;
        if let Some(client) = &self.client {
            client.end(status);
        }
    }

    /// Closes them if another process waits for that. The web server waits for this one itself, and
    /// may end it as soon as they are closed.
    pub(super) fn release(&self) {
        if self.client.is_some() {
            self.close(0);
        }
    }

    /// Reads a piece of the body. Never past its declared length: nothing ends a stream there
    /// (RFC 3875, 4.2).
    ///
    /// # Errors
    /// The client has gone, or the host was told more by it than it got.
    pub(super) fn read(&self, chunk_size: usize) -> RequestResult<Option<Bytes>> {
        let mut input = self.input();
        let most = match input.left {
            Left::Bytes(0) => return Ok(None),
            Left::Bytes(left) => chunk_size.min(usize::try_from(left).unwrap_or(chunk_size)),
            Left::ToTheEnd => chunk_size,
        };
        let mut buffer = vec![0; most];
        let count = loop {
            match self.read_some(&mut input.source, &mut buffer) {
                Err(RequestError::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        match &mut input.left {
            Left::Bytes(_) if count == 0 => return Err(RequestError::Disconnected),
            Left::Bytes(left) => *left -= count as u64,
            Left::ToTheEnd if count == 0 => {
                input.left = Left::Bytes(0);
                return Ok(None);
            }
            Left::ToTheEnd => {}
        }
        buffer.truncate(count);
        Ok(Some(buffer.into()))
    }

    fn read_some(&self, source: &mut Source, buffer: &mut [u8]) -> RequestResult<usize> {
        match source {
            Source::File(file) => {
                self.await_ready(file, PollFlags::IN)?;
                Ok(file.read(buffer)?)
            }
            Source::Other(reader) => Ok(reader.read(buffer)?),
            Source::Closed => Err(RequestError::Disconnected),
        }
    }

    /// Reads the rest of a body that nobody wanted, where it comes by a socket.
    pub(super) fn discard(&self) {
        // Whoever still waits for a body must not be waited for.
        let Ok(mut input) = self.input.try_lock() else { return };
        let Input { source: Source::File(file), left } = &mut *input else { return };
        let left = match std::mem::replace(left, Left::Bytes(0)) {
            Left::Bytes(left) => Some(left),
            Left::ToTheEnd => None,
        };
        drain(&*file, left, self.client.as_ref());
    }

    /// Sends bytes of the response.
    ///
    /// # Errors
    /// The client has gone.
    pub(super) fn send(&self, mut bytes: &[u8]) -> RequestResult<()> {
        match &mut *self.output() {
            Output::File(file) => {
                self.begin();
                while !bytes.is_empty() {
                    self.await_ready(file, PollFlags::OUT)?;
                    let (piece, rest) = bytes.split_at(bytes.len().min(PIECE));
                    file.write_all(piece)?;
                    bytes = rest;
                }
                Ok(())
            }
            Output::Other(writer) => {
                writer.write_all(bytes)?;
                Ok(writer.flush()?)
            }
            Output::Closed => Err(RequestError::Disconnected),
        }
    }

    /// Sends `length` bytes of `file` without copying them to this process; `None` where that is
    /// impossible.
    pub(super) fn send_file(&self, file: &File, length: u64) -> Option<RequestResult<u64>> {
        match &mut *self.output() {
            Output::File(to) => {
                self.begin();
                Some(self.copy(file, length, to))
            }
            Output::Other(_) => None,
            Output::Closed => Some(Err(RequestError::Disconnected)),
        }
    }

    fn copy(&self, file: &File, length: u64, to: &mut File) -> RequestResult<u64> {
        let mut sent = 0;
        while sent < length {
            self.await_ready(to, PollFlags::OUT)?;
            let left = usize::try_from(length - sent).unwrap_or(usize::MAX);
            let most = if self.client.is_some() { left.min(PIECE) } else { left };
            match rustix::fs::sendfile(&*to, file, None, most) {
                Ok(0) => break,
                Ok(count) => sent += count as u64,
                Err(Errno::INTR) => {}
                // One of the two is nothing that the system does it for, such as a file to append
                // to.
                Err(Errno::INVAL | Errno::NOSYS) => {
                    return Ok(sent + io::copy(&mut file.take(length - sent), to)?);
                }
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        Ok(sent)
    }

    /// Answers what is no request; how long its body is, is not known.
    ///
    /// # Errors
    /// The client has gone.
    pub(super) fn refuse(&self, status: StatusCode) -> RequestResult<()> {
        self.expect(Left::ToTheEnd);
        let answer = Answer::plain(status);
        let mut message = Vec::new();
        cgi_text::append(cgi_text::STATUS, &answer.head, &mut message);
        if let Body::Whole(body) = answer.body {
            message.extend_from_slice(&body);
        }
        self.send(&message)
    }

    /// Waits for a stream, unless there is nobody left to wait for it with. A process that the web
    /// server has started itself is ended by it (`grace.rs`).
    fn await_ready(&self, stream: &File, wanted: PollFlags) -> RequestResult<()> {
        match &self.client {
            Some(client) if !client.await_ready(stream, wanted)? => Err(RequestError::Disconnected),
            _ => Ok(()),
        }
    }

    /// Tells the client that bytes may have gone to its web server.
    fn begin(&self) {
        if let Some(client) = &self.client
            && !self.begun.swap(true, Relaxed)
        {
            client.begin();
        }
    }

    fn input(&self) -> MutexGuard<'_, Input> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
