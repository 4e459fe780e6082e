//! `wsgi.file_wrapper` (PEP 3333, optional platform-specific file handling).

use std::{
    fs::File,
    os::{fd::BorrowedFd, unix::fs::FileExt},
    sync::Arc,
};

use bytes::Bytes;
use narthex_core::{Blocking, Result, Source};
use pyo3::{intern, prelude::*, types::PyBytes};

use crate::adaptive::blocked;

/// Bytes read at once; between the 64 and 256 KiB where copying is cheapest.
const PIECE: usize = 128 * 1024;

/// Wraps a file-like object to be sent as body.
#[pyclass(frozen, module = "narthex", name = "FileWrapper")]
pub(crate) struct FileWrapper {
    file: Py<PyAny>,
    block_size: usize,
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, block_size = 8192))]
    fn new(filelike: Py<PyAny>, block_size: usize) -> Self {
        Self { file: filelike, block_size: block_size.max(1) }
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let data = self.file.bind(py).call_method1(intern!(py, "read"), (self.block_size,))?;
        let ended = data.cast::<PyBytes>().is_ok_and(|data| data.as_bytes().is_empty());
        Ok((!ended).then_some(data))
    }

    /// Closes the file, if it can be closed.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.file.bind(py).getattr_opt(intern!(py, "close"))? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }
}

/// A regular file, from where the application left it.
pub(super) struct Regular {
    pub(super) file: File,
    pub(super) position: u64,
    pub(super) length: u64,
}

impl FileWrapper {
    /// The regular file below, if there is one: it can be sent without Python.
    ///
    /// Whatever goes wrong in finding out only means that it is read through Python.
    pub(super) fn regular(&self, py: Python<'_>) -> Option<Regular> {
        let file = self.file.bind(py);
        if !is_plain(file) {
            return None;
        }
        let number: i32 = file.call_method0(intern!(py, "fileno")).ok()?.extract().ok()?;
        // A buffered reader is ahead of its descriptor: only `tell` knows where the application is.
        let position: u64 = file.call_method0(intern!(py, "tell")).ok()?.extract().ok()?;
        let file = duplicate(number)?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let length = metadata.len().saturating_sub(position);
        Some(Regular { file, position, length })
    }
}

/// Whether reading `file` gives the bytes of its descriptor: not so with `GzipFile`, say, which has a
/// `fileno` too.
fn is_plain(file: &Bound<'_, PyAny>) -> bool {
    let py = file.py();
    let Ok(io) = py.import(intern!(py, "io")) else { return false };
    let kinds =
        [intern!(py, "BufferedReader"), intern!(py, "BufferedRandom"), intern!(py, "FileIO")];
    kinds.into_iter().any(|kind| io.getattr(kind).is_ok_and(|kind| file.get_type().is(&kind)))
}

/// A descriptor of our own for the file behind `number`.
#[expect(unsafe_code, reason = "a number that Python gives becomes a descriptor")]
fn duplicate(number: i32) -> Option<File> {
    if number < 0 {
        return None;
    }
    // SAFETY: borrowed for this call only, under the GIL, while Python's file object lives; a
    // number that is not open fails in the call.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    borrowed.try_clone_to_owned().ok().map(File::from)
}

/// Sends a regular file piece by piece.
pub(super) struct FileSource {
    pub(super) regular: Regular,
    pub(super) blocking: Arc<dyn Blocking>,
}

impl Source for FileSource {
    fn next(&mut self) -> Result<Option<Bytes>> {
        let Regular { file, position, length } = &mut self.regular;
        if *length == 0 {
            return Ok(None);
        }
        let most = usize::try_from(*length).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; most];
        // In the page cache a read takes microseconds; a disk is waited for like an application.
        let count = if *length > PIECE as u64 {
            blocked(&*self.blocking, || file.read_at(&mut piece, *position))?
        } else {
            file.read_at(&mut piece, *position)?
        };
        piece.truncate(count);
        *position += count as u64;
        *length -= count as u64;
        Ok((count > 0).then(|| piece.into()))
    }

    fn file(&self) -> Option<(&File, u64, u64)> {
        let Regular { file, position, length } = &self.regular;
        Some((file, *position, *length))
    }
}
