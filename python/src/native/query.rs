//! The query of a request, taken apart when it is first asked for.

use std::sync::OnceLock;

use bytes::Bytes;
use pyo3::{
    exceptions::PyKeyError,
    prelude::*,
    types::{PyBytes, PyIterator, PyList},
};

/// The parameters of a request's query, by name.
///
/// Names and values are percent-decoded and read as UTF-8; what is not UTF-8 becomes U+FFFD, so
/// that every string can be printed, stored and sent on. `raw` holds the bytes as they came.
#[pyclass(frozen, mapping, module = "narthex._narthex")]
#[derive(Debug)]
pub(super) struct Query {
    raw: Bytes,
    pairs: OnceLock<Vec<(String, String)>>,
}

impl Query {
    pub(super) fn new(raw: &[u8]) -> Self {
        Self { raw: Bytes::copy_from_slice(raw), pairs: OnceLock::new() }
    }

    fn pairs(&self) -> &[(String, String)] {
        self.pairs.get_or_init(|| {
            let parts = self.raw.split(|&byte| byte == b'&').filter(|part| !part.is_empty());
            parts.map(pair).collect()
        })
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.pairs().iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        names.extend(
            self.pairs().iter().map(|(key, _)| key.as_str()).filter(|key| seen.insert(*key)),
        );
        names
    }
}

#[pymethods]
impl Query {
    /// The query as it came, without the question mark.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.raw)
    }

    /// The first value of a parameter, or `default`.
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.first(name) {
            Some(value) => Ok(Some(value.into_pyobject(py)?.into_any())),
            None => Ok(default),
        }
    }

    /// All values of a parameter, in their order.
    fn get_all(&self, name: &str) -> Vec<&str> {
        let named = self.pairs().iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The names, each once.
    fn keys(&self) -> Vec<&str> {
        self.names()
    }

    /// The values of all parameters, in their order.
    fn values(&self) -> Vec<&str> {
        self.pairs().iter().map(|(_, value)| value.as_str()).collect()
    }

    /// All parameters as pairs, in their order.
    fn items(&self) -> Vec<(&str, &str)> {
        self.pairs().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    fn __getitem__(&self, name: &str) -> PyResult<&str> {
        self.first(name).ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<&str>().is_ok_and(|name| self.first(name).is_some())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.names())?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.names().len()
    }

    fn __repr__(&self) -> String {
        format!("<Query {:?}>", String::from_utf8_lossy(&self.raw))
    }
}

/// Takes one `name=value` apart.
fn pair(part: &[u8]) -> (String, String) {
    let (name, value) = match part.iter().position(|&byte| byte == b'=') {
        Some(middle) => (&part[..middle], &part[middle + 1..]),
        None => (part, &part[..0]),
    };
    (text(name), text(value))
}

/// Decodes a name or a value: a plus sign is a space (WHATWG URL, 5.1).
fn text(encoded: &[u8]) -> String {
    let spaced: Vec<u8>;
    let encoded = if encoded.contains(&b'+') {
        spaced = encoded.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        &spaced
    } else {
        encoded
    };
    String::from_utf8_lossy(&narthex_core::decode(encoded)).into_owned()
}
