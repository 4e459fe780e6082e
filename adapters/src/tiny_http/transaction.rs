//! One request from `tiny_http`, and the response written in its place.

use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderValue, Method, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING},
};
use narthex_core::{
    Capabilities, Error, Expired, Limits, RequestHead, ResponseHead, Result, Transaction,
};

use super::line::{Busy, Line};
use crate::plain::{self, written};

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

/// `tiny_http` gives responses their turn only in exchange for the request: reading ends where
/// writing begins, and what is left of the body by then is kept aside.
struct State {
    unread: Option<tiny_http::Request>,
    body: Incoming,
    /// The rest of the body, once the response has started.
    aside: Option<Bytes>,
    /// The rest of the body was too much to be kept.
    abandoned: bool,
    /// Nothing is written to it: as long as it is held, it is this response's turn.
    turn: Option<Box<dyn Write + Send>>,
    /// The client waits for leave to send its body.
    awaits_leave: bool,
    framing: Framing,
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
        let closing = AtomicBool::new(!keeps_alive(&head));
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
            turn: None,
            // Nobody waits who does not know interim responses (RFC 9110, 10.1.1).
            awaits_leave: head.headers.contains_key(EXPECT) && head.version == Version::HTTP_11,
            framing: Framing::Length,
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

    /// Ends the connection with this response, and takes nothing that follows for a request.
    pub(super) fn bar(&self) {
        self.busy.line().bar();
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
            let reader = unread.as_reader(); // where 100 Continue is awaited, this awaits its turn
            if std::mem::take(&mut state.awaits_leave) {
                line.send(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| ErrorKind::NotConnected)?;
            }
            loop {
                match reader.read(&mut buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    outcome => break outcome,
                }
            }
        });
        let length = *count.as_ref().unwrap_or(&0);
        match (count, &mut state.body) {
            (Ok(0), Incoming::Chunked) if self.busy.is_whole() => {
                state.body = Incoming::Ended;
                return Ok(None);
            }
            (Ok(count @ 1..), Incoming::Length(left)) => *left -= count as u64,
            (Ok(1..), Incoming::Chunked) => {}
            (count, body) => {
                *body = Incoming::Broken;
                return Err(self.busy.broken(count.err().as_ref()));
            }
        }
        buffer.truncate(length);
        Ok(Some(buffer.into()))
    }

    /// Keeps the rest of the body for later, if it is small; `false` when it was given up.
    fn set_aside(&self, state: &mut State) -> bool {
        let mut rest = Vec::new();
        let whole = loop {
            match state.body {
                Incoming::Ended | Incoming::Length(0) => break true,
                Incoming::Broken => break false,
                Incoming::Length(left) if left > (self.keep - rest.len()) as u64 => break false,
                // A client that has not been told to go on would wait for the response instead.
                _ if state.awaits_leave => break false,
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

    /// Gives up what is left of the request, and waits for the turn of its response.
    fn take_turn(&self, state: &mut State) -> Result<()> {
        let unread = state.unread.take().ok_or(Error::application("response started twice"))?;
        let mut turn = unread.into_writer();
        let _ = turn.flush(); // it waits; nothing has been written
        state.turn = Some(turn);
        // The client may have been told meanwhile that there are no more responses.
        if self.busy.line().silent() { Err(Error::Disconnected) } else { Ok(()) }
    }

    /// Takes nothing more of the request than has arrived, nor anything behind it for a request.
    fn abandon(&self, state: &mut State) {
        self.bar();
        self.busy.line().end();
        if matches!(state.body, Incoming::Chunked | Incoming::Broken)
            && let Some(unread) = &mut state.unread
        {
            // tiny_http would look for requests in the rest of the chunks.
            let _ = io::copy(unread.as_reader(), &mut io::sink());
        }
    }

    /// Waits for the turn of the response, and gives the head that is due.
    fn begin(&self, state: &mut State, mut head: ResponseHead) -> Result<Vec<u8>> {
        if !self.set_aside(state) {
            self.abandon(state);
        }
        self.take_turn(state)?;
        let bodiless =
            self.head.method == Method::HEAD || matches!(head.status.as_u16(), 204 | 304);
        let measured = bodiless || head.headers.contains_key(CONTENT_LENGTH);
        state.framing = match (measured, self.head.version) {
            (true, _) => Framing::Length,
            (false, Version::HTTP_10) => Framing::Close,
            (false, _) => Framing::Chunked,
        };
        match state.framing {
            Framing::Length => {}
            Framing::Close => self.bar(),
            Framing::Chunked => {
                head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
        let closing = self.closing.load(SeqCst) || self.busy.is_last();
        if closing {
            self.bar();
            head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        } else if self.head.version == Version::HTTP_10 {
            head.headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        }
        Ok(written(&head, 0))
    }
}

/// Whether the client wants to go on after this request (RFC 9112, 9.3).
pub(super) fn keeps_alive(head: &RequestHead) -> bool {
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
        self.busy.line().send(&text)
    }

    async fn write(&self, chunk: Bytes) -> Result<()> {
        let state = self.state();
        match state.framing {
            Framing::Chunked => {
                let size = format!("{:x}\r\n", chunk.len());
                self.busy.line().send(&[size.as_bytes(), &chunk, b"\r\n"].concat())
            }
            Framing::Length | Framing::Close => self.busy.line().send(&chunk),
        }
    }

    async fn finish(&self) -> Result<()> {
        let mut state = self.state();
        if matches!(state.framing, Framing::Chunked) {
            self.busy.line().send(b"0\r\n\r\n")?;
        }
        state.finished = true;
        if self.closing.load(SeqCst) {
            self.busy.line().fall_silent();
            self.busy.line().end();
        }
        state.turn = None; // that of the next response
        Ok(())
    }

    fn expire(&self, whole: bool) -> Expired {
        if whole {
            return Expired::Left;
        }
        // Whoever has it locked waits for the client, and is not overdue.
        let untouched = self.state.try_lock().is_ok_and(|state| state.unread.is_some());
        let bodiless = self.head.method == Method::HEAD;
        let message = (untouched && self.busy.is_alone())
            .then(|| plain::last(StatusCode::GATEWAY_TIMEOUT, bodiless));
        self.line().expire(message.as_deref())
    }

    async fn respond(&self, mut head: ResponseHead, body: Bytes) -> Result<()> {
        let measured = !matches!(head.status.as_u16(), 204 | 304);
        if measured && !head.headers.contains_key(CONTENT_LENGTH) {
            head.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        {
            let mut state = self.state();
            let text = self.begin(&mut state, head)?;
            self.busy.line().send(&[&text[..], &body].concat())?;
        }
        self.finish().await
    }
}

impl Drop for OneRequest {
    fn drop(&mut self) {
        let mut state = self.state();
        if state.finished {
            return;
        }
        if state.unread.is_some() {
            // There is no response, since the client has gone; maybe not from earlier ones.
            self.abandon(&mut state);
            let _ = self.take_turn(&mut state);
        }
        match state.framing {
            Framing::Close => self.busy.line().reset(),
            Framing::Length | Framing::Chunked => self.busy.line().abort(),
        }
    }
}
