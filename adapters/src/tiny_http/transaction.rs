//! One request from `tiny_http`, and the response written in its place.

use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderValue, Method, Version,
    header::{CONNECTION, CONTENT_LENGTH, DATE, EXPECT, TRANSFER_ENCODING},
};
use narthex_core::{
    Capabilities, Error, Limits, RequestHead, ResponseHead, Result, Transaction,
};

use super::line::{Busy, Line};

/// The largest body that may be declared.
///
/// When `tiny_http` lets go of a request, it makes a buffer as large as what is left of the body:
/// one that cannot be had would end the process. One of this size is only reserved.
pub(super) const LARGEST_BODY: usize = 1 << 30;

/// A request and its line.
pub(super) struct OneRequest {
    head: RequestHead,
    capabilities: Capabilities,
    chunk_size: usize,
    /// What is kept of a body that was not read before the response started.
    keep: usize,
    /// The connection ends with this response.
    closing: AtomicBool,
    state: Mutex<State>,
    busy: Busy,
}

/// `tiny_http` gives its writer only in exchange for the request: reading ends where writing
/// begins, and what is left of the body by then is kept aside.
struct State {
    unread: Option<tiny_http::Request>,
    body: Incoming,
    /// The rest of the body, once the response has started.
    aside: Option<Bytes>,
    /// The rest of the body was too much to be kept.
    abandoned: bool,
    writer: Option<Box<dyn Write + Send>>,
    framing: Framing,
    started: bool,
    finished: bool,
}

/// How much of the request body is still to come.
enum Incoming {
    Length(u64),
    Chunked,
    Ended,
    /// It cannot be read any further.
    Broken,
}

/// How the response body is framed.
enum Framing {
    /// By its length, or by having none.
    Length,
    Chunked,
    /// By the end of the connection.
    Close,
}

impl OneRequest {
    pub(super) fn new(
        head: RequestHead,
        unread: tiny_http::Request,
        busy: Busy,
        capabilities: Capabilities,
        limits: &Limits,
    ) -> Self {
        let closing = AtomicBool::new(!keeps_alive(&head) || busy.line().ending());
        let body = if head.headers.contains_key(TRANSFER_ENCODING) {
            Incoming::Chunked
        } else {
            Incoming::Length(unread.body_length().unwrap_or(0) as u64)
        };
        let state = State {
            unread: Some(unread),
            body,
            aside: None,
            abandoned: false,
            writer: None,
            framing: Framing::Length,
            started: false,
            finished: false,
        };
        Self {
            head,
            capabilities,
            chunk_size: limits.chunk_size,
            // Of a body that is refused for its size, nothing is awaited.
            keep: usize::try_from(limits.body_size)
                .map_or(limits.body_prefetch, |size| limits.body_prefetch.min(size)),
            closing,
            state: Mutex::new(state),
            busy,
        }
    }

    /// Takes nothing that follows for a request: where this one ends is not known.
    pub(super) fn bar(&self) {
        self.busy.line().bar();
        self.close_after();
    }

    /// Ends the connection with this response.
    fn close_after(&self) {
        self.closing.store(true, SeqCst);
    }

    /// The line that it came by.
    pub(super) fn line(&self) -> &Line {
        self.busy.line()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_piece(&self, state: &mut State) -> Result<Option<Bytes>> {
        let Some(unread) = &mut state.unread else { return Ok(None) };
        let most = match state.body {
            Incoming::Ended | Incoming::Length(0) => return Ok(None),
            Incoming::Length(left) => usize::try_from(left).unwrap_or(usize::MAX),
            Incoming::Chunked => usize::MAX,
            Incoming::Broken => return Err(Error::Disconnected),
        };
        let mut buffer = vec![0; most.min(self.chunk_size)];
        let line = self.busy.line();
        let count = line.awaiting(|| {
            let reader = unread.as_reader(); // sends 100 Continue where it is awaited
            loop {
                match reader.read(&mut buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    outcome => break outcome,
                }
            }
        });
        let length = *count.as_ref().unwrap_or(&0);
        match (count, &mut state.body) {
            (Ok(0), Incoming::Chunked) => {
                state.body = Incoming::Ended;
                return Ok(None);
            }
            (Ok(count @ 1..), Incoming::Length(left)) => *left -= count as u64,
            (Ok(1..), _) => {}
            (_, body) => {
                *body = Incoming::Broken;
                return Err(line.broken());
            }
        }
        buffer.truncate(length);
        Ok(Some(buffer.into()))
    }

    /// Keeps the rest of the body for later, if it is small; `false` when it was given up.
    fn set_aside(&self, state: &mut State) -> bool {
        let awaits_leave = self.head.headers.contains_key(EXPECT);
        let mut rest = Vec::new();
        let whole = loop {
            match state.body {
                Incoming::Ended | Incoming::Length(0) => break true,
                Incoming::Broken => break false,
                Incoming::Length(left) if left > (self.keep - rest.len()) as u64 => break false,
                // A client that has not been told to go on would wait for the response instead.
                _ if awaits_leave && rest.is_empty() => break false,
                _ => {}
            }
            match self.read_piece(state) {
                Ok(Some(chunk)) if rest.len() + chunk.len() <= self.keep => {
                    rest.extend_from_slice(&chunk);
                }
                Ok(None) => break true,
                Ok(Some(_)) | Err(_) => break false,
            }
        };
        state.abandoned = !whole;
        state.aside = Some(rest).filter(|rest| whole && !rest.is_empty()).map(Into::into);
        whole
    }

    /// Exchanges the request for its writer, and gives the head that is due.
    fn begin(&self, state: &mut State, mut head: ResponseHead) -> Result<Vec<u8>> {
        state.started = true;
        if !self.set_aside(state) {
            // Whoever lets go of the request below reads it to its end: this is its end.
            self.bar();
            self.busy.line().end();
        }
        let bodiless = self.head.method == Method::HEAD
            || matches!(head.status.as_u16(), 204 | 304);
        let measured = bodiless || head.headers.contains_key(CONTENT_LENGTH);
        state.framing = match (measured, self.head.version) {
            (true, _) => Framing::Length,
            (false, Version::HTTP_10) => Framing::Close,
            (false, _) => Framing::Chunked,
        };
        match state.framing {
            Framing::Length => {}
            Framing::Close => self.close_after(),
            Framing::Chunked => {
                head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
        let closing = self.closing.load(SeqCst) || self.busy.line().ending();
        if closing {
            self.close_after();
            head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        } else if self.head.version == Version::HTTP_10 {
            head.headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        }
        let unread = state.unread.take().ok_or(Error::application("response started twice"))?;
        state.writer = Some(unread.into_writer());
        Ok(written(&head, 0))
    }
}

/// Whether the client wants to go on after this request (RFC 9112, 9.3).
fn keeps_alive(head: &RequestHead) -> bool {
    let has = |wanted: &str| {
        let values = head.headers.get_all(CONNECTION).iter().filter_map(|it| it.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|it| it.trim().eq_ignore_ascii_case(wanted))
    };
    // After an upgrade is asked for, tiny_http no longer knows where a request ends.
    match head.version {
        Version::HTTP_10 => has("keep-alive") && !has("close"),
        _ => !has("close") && !has("upgrade"),
    }
}

#[async_trait]
impl Transaction for OneRequest {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn request(&self) -> &RequestHead {
        &self.head
    }

    async fn read(&self) -> Result<Option<Bytes>> {
        let mut state = self.state();
        if state.unread.is_some() {
            return self.read_piece(&mut state);
        }
        if state.abandoned {
            return Err(Error::application(
                "on this backend a request body is to be read before the response starts",
            ));
        }
        Ok(state.aside.take())
    }

    async fn start(&self, head: ResponseHead) -> Result<()> {
        let mut state = self.state();
        let text = self.begin(&mut state, head)?;
        Ok(state.send(&[&text])?)
    }

    async fn write(&self, chunk: Bytes) -> Result<()> {
        let mut state = self.state();
        let sent = match state.framing {
            Framing::Chunked => {
                let size = format!("{:x}\r\n", chunk.len());
                state.send(&[size.as_bytes(), &chunk, b"\r\n"])
            }
            Framing::Length | Framing::Close => state.send(&[&chunk]),
        };
        Ok(sent?)
    }

    async fn finish(&self) -> Result<()> {
        let mut state = self.state();
        if matches!(state.framing, Framing::Chunked) {
            state.send(&[b"0\r\n\r\n"])?;
        }
        state.finished = true;
        state.writer = None; // the turn of the next response
        if self.closing.load(SeqCst) {
            self.busy.line().end();
        }
        Ok(())
    }

    async fn respond(&self, mut head: ResponseHead, body: Bytes) -> Result<()> {
        let measured = !matches!(head.status.as_u16(), 204 | 304);
        if measured && !head.headers.contains_key(CONTENT_LENGTH) {
            head.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        {
            let mut state = self.state();
            let text = self.begin(&mut state, head)?;
            state.send(&[&text, &body])?;
        }
        self.finish().await
    }
}

impl State {
    /// Sends `parts` together.
    fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let Some(writer) = &mut self.writer else {
            return Err(ErrorKind::NotConnected.into());
        };
        writer.write_all(&parts.concat())?;
        writer.flush()
    }
}

impl Drop for OneRequest {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !state.finished {
            // Also for a request without any response: its client has gone.
            match state.framing {
                Framing::Close => self.busy.line().reset(),
                Framing::Length | Framing::Chunked => self.busy.line().abort(),
            }
        }
    }
}

/// The head of a response as it goes on the wire; `length` is declared where it is not 0.
pub(super) fn written(head: &ResponseHead, length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(b"HTTP/1.1 ");
    text.extend_from_slice(head.status.as_str().as_bytes());
    text.push(b' ');
    text.extend_from_slice(head.reason());
    text.extend_from_slice(b"\r\n");
    let mut field = |name: &str, value: &[u8]| {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    };
    for (name, value) in &head.headers {
        field(name.as_str(), value.as_bytes());
    }
    if length > 0 {
        field("content-length", length.to_string().as_bytes());
    }
    if !head.headers.contains_key(DATE) {
        field("date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text
}
