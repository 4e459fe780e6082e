//! Header fields as Python strings: Latin-1 both ways.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyList, PyString},
};

/// `bytes` decoded as Latin-1, as fields are (RFC 9110, 5.5, of old ISO-8859-1).
pub(super) fn latin1<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => PyString::new(py, text),
        _ => PyString::new(py, &bytes.iter().map(|&byte| char::from(byte)).collect::<String>()),
    }
}

/// `text` encoded as Latin-1; `what` names it in the error.
pub(super) fn to_latin1<'a>(text: &'a str, what: &str) -> PyResult<Cow<'a, [u8]>> {
    if text.is_ascii() {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let encoded: Option<Vec<u8>> =
        text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    encoded.map(Cow::Owned).ok_or_else(|| {
        PyValueError::new_err(format!("{what} must be Latin-1, and {text:?} is not"))
    })
}

/// A field name as applications write it.
pub(super) fn name(text: &str) -> PyResult<HeaderName> {
    HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| PyValueError::new_err(format!("{text:?} is not a header name")))
}

/// A field value as applications write it.
pub(super) fn value(text: &str) -> PyResult<HeaderValue> {
    HeaderValue::from_bytes(&to_latin1(text, "a header value")?).map_err(|_| {
        PyValueError::new_err(format!("a header value has no control characters, {text:?} has"))
    })
}

/// The value of a field, repeated ones joined, so that a host which joins them makes no difference.
pub(super) fn joined<'py>(
    py: Python<'py>,
    fields: &HeaderMap,
    name: &str,
) -> Option<Bound<'py, PyString>> {
    let mut values = fields.get_all(name).iter();
    let first = values.next()?;
    let mut rest = values.peekable();
    if rest.peek().is_none() || name.eq_ignore_ascii_case(SET_COOKIE.as_str()) {
        return Some(latin1(py, first.as_bytes()));
    }
    // RFC 9110, 5.3; cookies are joined by RFC 6265, 5.4.
    let separator: &[u8] = if name.eq_ignore_ascii_case(COOKIE.as_str()) { b"; " } else { b", " };
    let mut whole = first.as_bytes().to_vec();
    for value in rest {
        whole.extend_from_slice(separator);
        whole.extend_from_slice(value.as_bytes());
    }
    Some(latin1(py, &whole))
}

/// All values of a field.
pub(super) fn all<'py>(
    py: Python<'py>,
    fields: &HeaderMap,
    name: &str,
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(
        py,
        fields.get_all(name).iter().map(|value| latin1(py, value.as_bytes())).collect::<Vec<_>>(),
    )
}

/// Each name once, in lower case.
pub(super) fn names<'py>(py: Python<'py>, fields: &HeaderMap) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, fields.keys().map(HeaderName::as_str).collect::<Vec<_>>())
}

/// The value of each field; repeated ones one by one.
pub(super) fn values<'py>(py: Python<'py>, fields: &HeaderMap) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, fields.values().map(|value| latin1(py, value.as_bytes())).collect::<Vec<_>>())
}

/// Each field as a pair; repeated ones one by one.
pub(super) fn pairs<'py>(py: Python<'py>, fields: &HeaderMap) -> PyResult<Bound<'py, PyList>> {
    let pairs = fields.iter().map(|(name, value)| (name.as_str(), latin1(py, value.as_bytes())));
    PyList::new(py, pairs.collect::<Vec<_>>())
}

/// Each field as a pair of bytes.
pub(super) fn raw<'py>(py: Python<'py>, fields: &HeaderMap) -> PyResult<Bound<'py, PyList>> {
    let pairs = fields.iter().map(|(name, value)| {
        (PyBytes::new(py, name.as_str().as_bytes()), PyBytes::new(py, value.as_bytes()))
    });
    PyList::new(py, pairs.collect::<Vec<_>>())
}
