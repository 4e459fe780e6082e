//! What a handler returned, made into a response.

use bytes::Bytes;
use pyo3::{
    exceptions::PyTypeError,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{IntoPyDict, PyDict, PyIterator, PyList, PyString},
};

use super::piece::{Kind, piece};

/// What a handler returned.
#[derive(Debug)]
pub(super) enum Returned<'py> {
    /// What was written is the body.
    Nothing,
    /// The rest of the body.
    Piece(Kind, Bytes),
    /// The rest of the body, to be pulled.
    Iterator(Bound<'py, PyIterator>),
}

impl<'py> Returned<'py> {
    /// Reads the value that a handler returned.
    pub(super) fn new(value: Bound<'py, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self::Nothing);
        }
        if let Some((kind, body)) = piece(&value)? {
            return Ok(Self::Piece(kind, body));
        }
        if value.is_instance_of::<PyDict>() || value.is_instance_of::<PyList>() {
            return Ok(Self::Piece(Kind::Json, json(&value)?));
        }
        match value.cast_into::<PyIterator>() {
            Ok(iterator) => Ok(Self::Iterator(iterator)),
            Err(error) => Err(refusal(&error.into_inner())?),
        }
    }
}

/// `value` as compact JSON: UTF-8, and nothing that JSON does not know, such as NaN.
fn json(value: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    static ENCODE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let encode = ENCODE.get_or_try_init(py, || {
        let options = [
            ("ensure_ascii", false.into_pyobject(py)?.to_owned().into_any()),
            ("allow_nan", false.into_pyobject(py)?.to_owned().into_any()),
            ("separators", (",", ":").into_pyobject(py)?.into_any()),
        ];
        let encoder = py
            .import("json")?
            .getattr("JSONEncoder")?
            .call((), Some(&options.into_py_dict(py)?))?;
        PyResult::Ok(encoder.getattr("encode")?.unbind())
    })?;
    let text = encode.bind(py).call1((value,))?;
    Ok(Bytes::copy_from_slice(text.cast::<PyString>()?.to_str()?.as_bytes()))
}

/// Says what is wrong with a value that is no response.
fn refusal(value: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    let py = value.py();
    let kind = value.get_type().name()?;
    if value.hasattr(intern!(py, "__await__"))? || value.hasattr(intern!(py, "__anext__"))? {
        if let Some(close) = value.getattr_opt(intern!(py, "close"))? {
            close.call0()?; // or Python warns that it was never awaited
        }
        return Ok(PyTypeError::new_err(format!(
            "the handler returned a {kind}: asynchronous handlers are not supported"
        )));
    }
    Ok(PyTypeError::new_err(format!(
        "a handler returns None, str, bytes, dict, list or an iterator, not {kind}"
    )))
}
