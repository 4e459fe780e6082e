//! `wsgi.input`: the request body as a file (PEP 3333).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::{Bytes, BytesMut};
use narthex_core::{Exchange, Result};
use pyo3::{prelude::*, types::PyBytes};

use crate::{hold::hold, seam::wait};

/// A request body. At its end every method returns `b""`, for ever.
#[pyclass(frozen, module = "narthex", name = "input")]
pub(super) struct Input {
    /// Where the rest comes from.
    exchange: Option<Arc<Exchange>>,
    // Locked for moments only, never across a wait.
    state: Mutex<State>,
}

struct State {
    /// What has arrived and has not been read; no piece is empty.
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl Input {
    /// No body.
    pub(super) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// A body that has arrived.
    pub(super) fn whole(body: Bytes) -> Self {
        let ready = if body.is_empty() { VecDeque::new() } else { VecDeque::from([body]) };
        Self { exchange: None, state: Mutex::new(State { ready, ended: true }) }
    }

    /// A body that is still arriving.
    pub(super) fn arriving(exchange: Arc<Exchange>) -> Self {
        let state = State { ready: VecDeque::new(), ended: false };
        Self { exchange: Some(exchange), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        hold(&self.state)
    }

    /// Takes up to `most` bytes of what is ready into `gathered`, up to `until` where it is given.
    /// Whether that is all that was asked for, or all there will ever be.
    fn take(&self, most: usize, until: Option<u8>, gathered: &mut Gathered) -> bool {
        let mut state = self.state();
        while let Some(piece) = state.ready.front_mut() {
            let mut end = piece.len().min(most - gathered.length);
            let found = until.and_then(|until| piece[..end].iter().position(|&it| it == until));
            if let Some(at) = found {
                end = at + 1;
            }
            gathered.push(piece.split_to(end));
            if piece.is_empty() {
                state.ready.pop_front();
            }
            if found.is_some() || gathered.length == most {
                return true;
            }
        }
        state.ended
    }

    /// Takes as [`take`](Self::take) does, and waits for what has not arrived.
    async fn fill(&self, most: usize, until: Option<u8>, gathered: &mut Gathered) -> Result<()> {
        while !self.take(most, until, gathered) {
            let Some(exchange) = &self.exchange else { return Ok(()) };
            let chunk = exchange.read().await?;
            let mut state = self.state();
            match chunk {
                Some(chunk) => state.ready.push_back(chunk),
                None => state.ended = true,
            }
        }
        Ok(())
    }

    fn gather<'py>(
        &self,
        py: Python<'py>,
        size: Option<isize>,
        until: Option<u8>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        // A negative size, like none, means everything.
        let most = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let mut gathered = Gathered::default();
        if most > 0
            && !self.take(most, until, &mut gathered)
            && let Some(exchange) = &self.exchange
        {
            // As one operation, however many pieces it takes: the GIL is let go of once.
            wait(py, exchange, self.fill(most, until, &mut gathered))?;
        }
        gathered.bytes(py)
    }
}

/// Pieces of a body that are to be one.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    more: Vec<Bytes>,
    /// Small pieces since the last of them: a chunk of one byte must not cost fifty.
    small: BytesMut,
    length: usize,
}

impl Gathered {
    fn push(&mut self, piece: Bytes) {
        const SMALL: usize = 4096;
        self.length += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else if piece.len() < SMALL {
            self.small.extend_from_slice(&piece);
        } else {
            self.settle();
            self.more.push(piece);
        }
    }

    fn settle(&mut self) {
        if !self.small.is_empty() {
            self.more.push(self.small.split().freeze());
        }
    }

    fn bytes<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if self.first.len() == self.length {
            return Ok(PyBytes::new(py, &self.first));
        }
        self.settle();
        PyBytes::new_with(py, self.length, |mut target| {
            for piece in std::iter::once(&self.first).chain(&self.more) {
                let (here, rest) = target.split_at_mut(piece.len());
                here.copy_from_slice(piece);
                target = rest;
            }
            Ok(())
        })
    }
}

#[pymethods]
impl Input {
    /// Reads `size` bytes, or everything.
    #[pyo3(signature = (size = None, /))]
    fn read<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.gather(py, size, None)
    }

    /// Reads a line, or the first `size` bytes of it.
    #[pyo3(signature = (size = None, /))]
    fn readline<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.gather(py, size, Some(b'\n'))
    }

    /// Reads lines until there are `hint` bytes of them, or all.
    #[pyo3(signature = (hint = None, /))]
    fn readlines<'py>(
        &self,
        py: Python<'py>,
        hint: Option<isize>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let hint = hint.and_then(|hint| usize::try_from(hint).ok()).filter(|&hint| hint > 0);
        let (mut lines, mut size) = (Vec::new(), 0);
        loop {
            let line = self.gather(py, None, Some(b'\n'))?;
            if line.as_bytes().is_empty() {
                return Ok(lines);
            }
            size += line.as_bytes().len();
            lines.push(line);
            if hint.is_some_and(|hint| size >= hint) {
                return Ok(lines);
            }
        }
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.gather(py, None, Some(b'\n'))?;
        Ok((!line.as_bytes().is_empty()).then_some(line))
    }

    /// Does nothing: the body is the server's to close.
    #[expect(clippy::unused_self, reason = "a method of a file")]
    fn close(&self) {}
}
