//! `wsgi.input`: the request body as a file (PEP 3333).

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Buf, Bytes};
use narthex_core::Exchange;
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
    /// What has arrived and has not been read.
    ready: Bytes,
    ended: bool,
}

impl Input {
    /// No body.
    pub(super) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// A body that has arrived.
    pub(super) fn whole(body: Bytes) -> Self {
        Self { exchange: None, state: Mutex::new(State { ready: body, ended: true }) }
    }

    /// A body that is still arriving.
    pub(super) fn arriving(exchange: Arc<Exchange>) -> Self {
        let state = State { ready: Bytes::new(), ended: false };
        Self { exchange: Some(exchange), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        hold(&self.state)
    }

    /// Takes up to `most` bytes, and up to `until` where it is given, of what is ready.
    ///
    /// `None`: nothing is ready and nothing will be.
    fn take(&self, py: Python<'_>, most: usize, until: Option<u8>) -> PyResult<Option<Bytes>> {
        loop {
            {
                let mut state = self.state();
                if !state.ready.is_empty() {
                    let mut end = state.ready.len().min(most);
                    if let Some(until) = until
                        && let Some(at) = state.ready[..end].iter().position(|&byte| byte == until)
                    {
                        end = at + 1;
                    }
                    return Ok(Some(state.ready.copy_to_bytes(end)));
                }
                if state.ended {
                    return Ok(None);
                }
            }
            let Some(exchange) = &self.exchange else { return Ok(None) };
            let chunk = wait(py, exchange, exchange.read())?;
            let mut state = self.state();
            match chunk {
                // Another thread may have read in the meantime: its bytes come first.
                Some(chunk) if state.ready.is_empty() => state.ready = chunk,
                Some(chunk) => state.ready = [&state.ready[..], &chunk].concat().into(),
                None => state.ended = true,
            }
        }
    }

    fn gather<'py>(
        &self,
        py: Python<'py>,
        size: Option<isize>,
        until: Option<u8>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        // A negative size, like none, means everything.
        let most = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        if most == 0 {
            return Ok(PyBytes::new(py, b""));
        }
        let Some(first) = self.take(py, most, until)? else { return Ok(PyBytes::new(py, b"")) };
        let done = |bytes: &[u8]| {
            bytes.len() >= most || until.is_some_and(|until| bytes.last() == Some(&until))
        };
        if done(&first) {
            return Ok(PyBytes::new(py, &first));
        }
        let mut gathered = Vec::new();
        loop {
            let next = self.take(py, most - first.len() - gathered.len(), until)?;
            match next {
                None if gathered.is_empty() => return Ok(PyBytes::new(py, &first)),
                None => break,
                Some(chunk) => gathered.extend_from_slice(&chunk),
            }
            if first.len() + gathered.len() >= most || done(&gathered) {
                break;
            }
        }
        PyBytes::new_with(py, first.len() + gathered.len(), |target| {
            target[..first.len()].copy_from_slice(&first);
            target[first.len()..].copy_from_slice(&gathered);
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
