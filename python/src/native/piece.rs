//! Pieces of a response body: what applications write, yield and return.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    pybacked::{PyBackedBytes, PyBackedStr},
    types::{PyByteArray, PyBytes, PyMemoryView, PyString},
};

/// From here on a piece is lent by its Python object; below, copying it is cheaper.
const LENT_FROM: usize = 4 * 1024;

/// What a response body is made of: it decides the content type where the application does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    Octets,
    Json,
}

impl Kind {
    /// The fields of a response of this kind of which nothing else is said.
    pub(super) fn head(self) -> &'static HeaderMap {
        static HEADS: LazyLock<[HeaderMap; 3]> = LazyLock::new(|| {
            [Kind::Text, Kind::Octets, Kind::Json]
                .map(|kind| HeaderMap::from_iter([(CONTENT_TYPE, kind.content_type())]))
        });
        &HEADS[self as usize]
    }

    /// The content type of a body of this kind.
    ///
    /// Text is plain: what an application puts together from a client's words must not turn into
    /// markup because nobody said what it is.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Octets => "application/octet-stream",
            Self::Json => "application/json",
        })
    }
}

/// The bytes of `data`, if it is a piece of body: `None` for anything but text and bytes.
pub(super) fn piece(data: &Bound<'_, PyAny>) -> PyResult<Option<(Kind, Bytes)>> {
    if let Ok(text) = data.cast::<PyString>() {
        let encoded = text.to_str()?;
        let encoded = if encoded.len() < LENT_FROM {
            Bytes::copy_from_slice(encoded.as_bytes())
        } else {
            Bytes::from_owner(PyBackedStr::try_from(text.clone())?)
        };
        return Ok(Some((Kind::Text, encoded)));
    }
    if let Ok(octets) = data.cast::<PyBytes>() {
        return Ok(Some((Kind::Octets, lend(octets))));
    }
    if data.is_instance_of::<PyByteArray>() || data.is_instance_of::<PyMemoryView>() {
        // Both may change while they wait to be sent.
        let octets = data.py().get_type::<PyBytes>().call1((data,))?;
        return Ok(Some((Kind::Octets, lend(octets.cast::<PyBytes>()?))));
    }
    Ok(None)
}

/// The bytes of `data`, which has to be a piece of body; `taker` is who takes it.
pub(super) fn required(data: &Bound<'_, PyAny>, taker: &str) -> PyResult<(Kind, Bytes)> {
    if let Some(piece) = piece(data)? {
        return Ok(piece);
    }
    let kind = data.get_type().name()?;
    Err(PyTypeError::new_err(format!("{taker} takes str or bytes, not {kind}")))
}

fn lend(octets: &Bound<'_, PyBytes>) -> Bytes {
    let slice = octets.as_bytes();
    if slice.len() < LENT_FROM {
        Bytes::copy_from_slice(slice)
    } else {
        Bytes::from_owner(PyBackedBytes::from(octets.clone()))
    }
}
