//! What an application returns, on its way out.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use narthex_core::{
    Answer, Blocking, Body, Error, Exchange, Journal, Pulled, RequestHead, ResponseHead, Result,
    Source,
};
use pyo3::{
    intern,
    prelude::*,
    types::{PyBytes, PyIterator, PyList, PyTuple},
};

use super::{
    file::{FileSource, FileWrapper},
    start::{Start, bytes, not_bytes},
};
use crate::{
    adaptive::{Route, blocked},
    calls::{self, Where},
    current,
    seam::{failed, to_python, wait},
    spool::Spool,
    turn::Held,
};

/// Several small pieces up to this size go out as one.
const JOINED: usize = 64 * 1024;

/// Calls `close` of the returned iterable once, whatever happens (PEP 3333).
struct Closer {
    result: Option<Py<PyAny>>,
}

impl Closer {
    fn new(result: &Bound<'_, PyAny>) -> Self {
        Self { result: Some(result.clone().unbind()) }
    }

    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(result) = self.result.take() else { return Ok(()) };
        match result.bind(py).getattr_opt(intern!(py, "close"))? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }
}

/// What is needed to go on with a response after the call that began it.
pub(super) struct Going {
    pub(super) request: RequestHead,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) blocking: Arc<dyn Blocking>,
    pub(super) route: Route,
    pub(super) turn: Option<Held>,
}

/// The pieces of a list or tuple; `None` for anything else.
fn pieces(result: &Bound<'_, PyAny>) -> Option<PyResult<Bytes>> {
    let one = |piece: &Bound<'_, PyAny>| match piece.cast::<PyBytes>() {
        Ok(piece) => Ok(bytes(piece)),
        Err(_) => Err(not_bytes("the body is made of", piece)),
    };
    let many = |length: usize, pieces: &mut dyn Iterator<Item = Bound<'_, PyAny>>| match length {
        0 => Some(Ok(Bytes::new())),
        1 => pieces.next().map(|piece| one(&piece)),
        _ => {
            let mut joined = BytesMut::new();
            for piece in pieces {
                match piece.cast::<PyBytes>() {
                    Ok(piece) if joined.len() + piece.as_bytes().len() > JOINED => return None,
                    Ok(piece) => joined.extend_from_slice(piece.as_bytes()),
                    Err(_) => return Some(Err(not_bytes("the body is made of", &piece))),
                }
            }
            Some(Ok(joined.freeze()))
        }
    };
    if let Ok(list) = result.cast_exact::<PyList>() {
        many(list.len(), &mut list.iter())
    } else if let Ok(tuple) = result.cast_exact::<PyTuple>() {
        many(tuple.len(), &mut tuple.iter())
    } else {
        None
    }
}

/// The response to a request that was answered without an exchange, and whether it streamed.
pub(super) fn answer(
    py: Python<'_>,
    result: &Bound<'_, PyAny>,
    start: &Bound<'_, Start>,
    going: impl FnOnce() -> Going,
) -> PyResult<(Answer, bool)> {
    let written = start.get().take_written();
    if written.is_none()
        && let Some(whole) = pieces(result)
    {
        let head = start.get().take_head()?.ok_or_else(|| ours("head taken twice"))?;
        return Ok((Answer::whole(head, whole?), false));
    }
    let mut closer = Closer::new(result);
    let begun = begin(py, result, start, written, &mut closer, going);
    if begun.is_err()
        && let Err(error) = closer.close(py)
    {
        error.write_unraisable(py, Some(result));
    }
    begun
}

fn begin(
    py: Python<'_>,
    result: &Bound<'_, PyAny>,
    start: &Bound<'_, Start>,
    written: Option<Spool>,
    closer: &mut Closer,
    going: impl FnOnce() -> Going,
) -> PyResult<(Answer, bool)> {
    let streamed = written.is_some();
    if let (None, Ok(wrapper)) = (&written, result.cast_exact::<FileWrapper>())
        && let Some(regular) = wrapper.get().regular(py)
    {
        let mut head = start.get().take_head()?.ok_or_else(|| ours("head taken twice"))?;
        head.headers.entry(CONTENT_LENGTH).or_insert_with(|| regular.length.into());
        let blocking = going().blocking;
        closer.close(py)?;
        let source = FileSource { regular, blocking };
        return Ok((pulled(head, Box::new(source)), false));
    }
    let iterator = result.try_iter()?;
    // The head may be set, or replaced, until there is something to send.
    let first = if written.is_some() { None } else { next_piece(&iterator)? };
    let head = start.get().take_answer_head()?;
    if !streamed && is_whole(&head, first.as_ref()) {
        // Nothing more may be sent: the rest of the iterable is not asked for (PEP 3333).
        if let Err(error) = closer.close(py) {
            let Going { request, journal, .. } = going();
            failed(py, &error, &request, &*journal);
        }
        return Ok((Answer::whole(head, first.unwrap_or_default()), false));
    }
    let source = Iterating {
        iterator: Some(iterator.unbind()),
        closer: Closer { result: closer.result.take() },
        first,
        written,
        going: going(),
    };
    // Remembered as streaming, so that from now on all of it is made on one thread, as frameworks
    // with state of their threads expect.
    Ok((pulled(head, Box::new(source)), true))
}

/// Whether `piece` is all of the body that `head` declares.
pub(super) fn is_whole(head: &ResponseHead, piece: Option<&Bytes>) -> bool {
    let declared = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = piece.map_or(0, Bytes::len);
    declared.is_some_and(|declared| declared.parse() == Ok(length))
}

/// The response that `write` has begun and that will not be ended; `None` where it has begun none.
pub(super) fn cut(start: &Bound<'_, Start>) -> PyResult<Option<Answer>> {
    let start = start.get();
    let Some(written) = start.take_written().filter(|written| written.len() > 0) else {
        return Ok(None);
    };
    Ok(Some(pulled(start.take_answer_head()?, Box::new(Cut(written)))))
}

/// What was written before the application failed.
struct Cut(Spool);

impl Source for Cut {
    fn next(&mut self) -> Result<Option<Bytes>> {
        match self.0.next()? {
            Some(piece) => Ok(Some(piece)),
            None => Err(Error::Reported),
        }
    }
}

fn pulled(head: ResponseHead, source: Box<dyn Source>) -> Answer {
    Answer { head, body: Body::Pulled(Pulled::new(source)) }
}

fn ours(what: &'static str) -> PyErr {
    to_python(Error::internal(what))
}

/// The next piece that is not empty.
fn next_piece(iterator: &Bound<'_, PyIterator>) -> PyResult<Option<Bytes>> {
    let mut iterator = iterator.clone();
    loop {
        let Some(piece) = iterator.next() else { return Ok(None) };
        let piece = piece?;
        let data = piece.cast::<PyBytes>().map_err(|_| not_bytes("the body is made of", &piece))?;
        if !data.as_bytes().is_empty() {
            return Ok(Some(bytes(data)));
        }
    }
}

/// An iterable that is pulled while it is sent: back-pressure without a thread.
struct Iterating {
    iterator: Option<Py<PyIterator>>,
    closer: Closer,
    first: Option<Bytes>,
    written: Option<Spool>,
    going: Going,
}

impl Iterating {
    fn pull(&self, py: Python<'_>) -> Result<Option<Bytes>> {
        let Some(iterator) = &self.iterator else { return Ok(None) };
        next_piece(iterator.bind(py))
            .map_err(|error| failed(py, &error, &self.going.request, &*self.going.journal))
    }
}

impl Source for Iterating {
    fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(written) = &mut self.written
            && let Some(piece) = written.next()?
        {
            return Ok(Some(piece));
        }
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let pull = || {
            let _call = calls::enter(&self.going.request, self.going.route.at());
            Python::attach(|py| {
                let _stay = current::enter(&self.going.request);
                self.pull(py)
            })
        };
        let piece =
            if self.going.route.blocks { blocked(&*self.going.blocking, pull) } else { pull() };
        if !matches!(piece, Ok(Some(_))) {
            self.iterator = None;
        }
        piece
    }
}

impl Drop for Iterating {
    fn drop(&mut self) {
        let _call = calls::enter(&self.going.request, Where::Inline);
        Python::attach(|py| {
            let _stay = current::enter(&self.going.request);
            if let Err(error) = self.closer.close(py) {
                // The response is out: all that is left is to say so in the log.
                failed(py, &error, &self.going.request, &*self.going.journal);
            }
            drop(self.iterator.take());
        });
        drop(self.going.turn.take());
    }
}

/// Sends what an application returned through `exchange`.
pub(super) fn send(
    py: Python<'_>,
    result: &Bound<'_, PyAny>,
    start: &Bound<'_, Start>,
    exchange: &Exchange,
) -> PyResult<()> {
    if let Some(whole) = pieces(result) {
        return send_whole(py, whole?, start.get(), exchange);
    }
    let mut closer = Closer::new(result);
    let sent = send_pieces(py, result, start.get(), exchange);
    match (sent, closer.close(py)) {
        (Err(error), Err(also)) => {
            failed(py, &also, exchange.request(), &*exchange.site().journal);
            Err(error)
        }
        (sent, end) => sent.and(end),
    }
}

fn send_whole(py: Python<'_>, whole: Bytes, start: &Start, exchange: &Exchange) -> PyResult<()> {
    if let Some(head) = start.take_head()? {
        return wait(py, exchange, exchange.respond(head, whole));
    }
    wait(py, exchange, exchange.write(whole))?;
    wait(py, exchange, exchange.finish())
}

fn send_pieces(
    py: Python<'_>,
    result: &Bound<'_, PyAny>,
    start: &Start,
    exchange: &Exchange,
) -> PyResult<()> {
    if let Ok(wrapper) = result.cast_exact::<FileWrapper>()
        && let Some(mut regular) = wrapper.get().regular(py)
    {
        if let Some(mut head) = start.take_head()? {
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| regular.length.into());
            wait(py, exchange, exchange.start(head))?;
        }
        let _pause = calls::pause();
        py.detach(|| -> Result<()> {
            use std::io::{Seek, SeekFrom};
            regular.file.seek(SeekFrom::Start(regular.position))?;
            exchange.wait(exchange.send_file(&regular.file, regular.length))
        })
        .map_err(to_python)?;
        return wait(py, exchange, exchange.finish());
    }
    let iterator = result.try_iter()?;
    let first = next_piece(&iterator)?;
    if let Some(head) = start.take_whole(first.as_ref())? {
        return wait(py, exchange, exchange.respond(head, first.unwrap_or_default()));
    }
    let mut next = first;
    while let Some(piece) = next {
        start.send(py, exchange, piece)?;
        next = next_piece(&iterator)?;
    }
    match start.take_head()? {
        Some(head) => wait(py, exchange, exchange.respond(head, Bytes::new())),
        None => wait(py, exchange, exchange.finish()),
    }
}
