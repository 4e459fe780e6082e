//! What a request says of itself, as Python objects.

use std::ffi::CString;

use bytes::Bytes;
use http::{
    Method,
    header::{CONTENT_TYPE, HOST},
};
use narthex_core::{Endpoint, RequestHead};
use pyo3::{
    ffi::c_str,
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyString},
};

use super::{fields, transaction::Transaction};

/// The method; the usual ones are made once.
pub(super) fn method<'py>(py: Python<'py>, method: &Method) -> Bound<'py, PyString> {
    match *method {
        Method::GET => intern!(py, "GET").clone(),
        Method::HEAD => intern!(py, "HEAD").clone(),
        Method::POST => intern!(py, "POST").clone(),
        Method::PUT => intern!(py, "PUT").clone(),
        Method::DELETE => intern!(py, "DELETE").clone(),
        ref other => PyString::new(py, other.as_str()),
    }
}

/// A path as text: UTF-8, with what is not UTF-8 kept as lone surrogates (PEP 383).
pub(super) fn path<'py>(py: Python<'py>, decoded: &[u8]) -> PyResult<Bound<'py, PyString>> {
    if let Ok(text) = std::str::from_utf8(decoded) {
        return Ok(PyString::new(py, text));
    }
    let octets = PyBytes::new(py, decoded);
    PyString::from_encoded_object(&octets, Some(c_str!("utf-8")), Some(c_str!("surrogateescape")))
}

/// The URL that the client asked for, as far as the request tells.
pub(super) fn url(head: &RequestHead) -> String {
    let mut url = format!("{}://", head.connection.scheme.as_str());
    match head.headers.get(HOST).map(http::HeaderValue::as_bytes) {
        Some(host) if !host.is_empty() => push_escaped(&mut url, host),
        _ => push_endpoint(&mut url, head),
    }
    let target = head.target();
    if target.first() == Some(&b'/') {
        push_escaped(&mut url, head.removed());
        push_escaped(&mut url, &target);
    }
    url
}

/// The server's own name, for clients that did not say whom they asked.
fn push_endpoint(url: &mut String, head: &RequestHead) {
    let Endpoint { host, port } = &head.connection.server;
    if host.contains(&b':') {
        url.push('[');
        push_escaped(url, host);
        url.push(']');
    } else {
        push_escaped(url, host);
    }
    if let Some(port) = port.filter(|&port| port != head.connection.scheme.port()) {
        url.push(':');
        url.push_str(&port.to_string());
    }
}

/// Appends bytes of a URL, with those encoded that no URL holds (RFC 3986, 2).
pub(super) fn push_escaped(url: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b'!'..=b'~'
                if !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{'..=b'}') =>
            {
                url.push(char::from(byte));
            }
            _ => url.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

/// One end of the connection; `None` for a Unix socket.
pub(super) fn endpoint<'py>(
    py: Python<'py>,
    endpoint: &Endpoint,
) -> Option<(Bound<'py, PyString>, Option<u16>)> {
    (!endpoint.host.is_empty()).then(|| (fields::latin1(py, &endpoint.host), endpoint.port))
}

/// What only the backend has of a request: a `narthex.Native`.
pub(super) fn native<'py>(
    py: Python<'py>,
    head: &RequestHead,
    backend: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let decode = |octets: &Bytes| path(py, octets);
    let variables = PyDict::new(py);
    for (name, value) in head.variables() {
        variables.set_item(decode(name)?, decode(value)?)?;
    }
    let user = head.gateway.as_ref().and_then(|gateway| gateway.authentication.as_ref());
    let (name, kind) = user.map(|user| (&user.user, &user.kind)).unzip();
    let (name, kind) = (name.map(decode).transpose()?, kind.map(decode).transpose()?);
    py.import(intern!(py, "narthex._host"))?.getattr(intern!(py, "Native"))?.call1((
        backend,
        head.arrival.number(),
        variables,
        name,
        kind,
    ))
}

impl Transaction {
    /// The charset that the request declares for its body.
    pub(super) fn charset(&self) -> Option<CString> {
        let declared = self.head.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let charset = declared.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
        })?;
        CString::new(charset).ok()
    }
}
