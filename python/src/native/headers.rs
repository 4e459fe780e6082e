//! The fields of a request and of a response, as Python sees them.

use http::HeaderMap;
use pyo3::{
    exceptions::{PyKeyError, PyValueError},
    prelude::*,
    types::{PyIterator, PyList, PyString},
};

use super::{fields, transaction::Transaction};

/// The header fields of a request, by name in any case.
///
/// Names come in lower case and values as Latin-1. `headers[name]` joins repeated fields by a
/// comma (cookies by a semicolon), the same on every backend; `get_all` and `items` give them
/// one by one.
#[pyclass(frozen, mapping, module = "narthex._narthex")]
#[derive(Debug)]
pub(super) struct Headers(pub(super) Py<Transaction>);

impl Headers {
    fn fields(&self) -> &HeaderMap {
        &self.0.get().head.headers
    }
}

#[pymethods]
impl Headers {
    /// All fields as pairs of bytes.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::raw(py, self.fields())
    }

    /// The value of a field, or `default`.
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> Option<Bound<'py, PyAny>> {
        fields::joined(py, self.fields(), name).map(Bound::into_any).or(default)
    }

    /// All values of a field, in their order.
    fn get_all<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        fields::all(py, self.fields(), name)
    }

    /// The names, each once.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::names(py, self.fields())
    }

    /// The values of all fields, repeated ones one by one.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::values(py, self.fields())
    }

    /// All fields as pairs, repeated ones one by one.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::pairs(py, self.fields())
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyString>> {
        fields::joined(py, self.fields(), name).ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<&str>().is_ok_and(|name| self.fields().contains_key(name))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        fields::names(py, self.fields())?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.fields().keys_len()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Headers {}>", fields::pairs(py, self.fields())?.repr()?))
    }
}

/// The header fields of a response, by name in any case.
///
/// They can be changed until the head has been sent. What could not be sent is refused when it is
/// set.
#[pyclass(frozen, mapping, module = "narthex._narthex")]
#[derive(Debug)]
pub(super) struct MutableHeaders(pub(super) Py<Transaction>);

impl MutableHeaders {
    /// The fields as they are now: making Python objects may run code that changes them.
    fn fields(&self) -> HeaderMap {
        self.0.get().output().head.headers.clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut HeaderMap) -> T) -> PyResult<T> {
        Ok(change(&mut self.0.get().output().open_head()?.headers))
    }
}

fn too_many<E>(_: E) -> PyErr {
    PyValueError::new_err("too many header fields")
}

#[pymethods]
impl MutableHeaders {
    /// All fields as pairs of bytes.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::raw(py, &self.fields())
    }

    /// Adds a field beside those of the same name.
    fn add(&self, name: &str, value: &str) -> PyResult<()> {
        let (name, value) = (fields::name(name)?, fields::value(value)?);
        self.change(|fields| fields.try_append(name, value))?.map(drop).map_err(too_many)
    }

    /// Sets a field, where there is none of that name, and gives its value.
    fn setdefault<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: &str,
    ) -> PyResult<Bound<'py, PyString>> {
        if !self.fields().contains_key(name) {
            self.__setitem__(name, default)?;
        }
        self.__getitem__(py, name)
    }

    /// The value of a field, or `default`.
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> Option<Bound<'py, PyAny>> {
        fields::joined(py, &self.fields(), name).map(Bound::into_any).or(default)
    }

    /// All values of a field, in their order.
    fn get_all<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        fields::all(py, &self.fields(), name)
    }

    /// The names, each once.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::names(py, &self.fields())
    }

    /// The values of all fields, repeated ones one by one.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::values(py, &self.fields())
    }

    /// All fields as pairs, repeated ones one by one.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::pairs(py, &self.fields())
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyString>> {
        fields::joined(py, &self.fields(), name).ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __setitem__(&self, name: &str, value: &str) -> PyResult<()> {
        let (name, value) = (fields::name(name)?, fields::value(value)?);
        self.change(|fields| fields.try_insert(name, value))?.map(drop).map_err(too_many)
    }

    fn __delitem__(&self, name: &str) -> PyResult<()> {
        match self.change(|fields| fields.remove(name))? {
            Some(_) => Ok(()),
            None => Err(PyKeyError::new_err(name.to_owned())),
        }
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<&str>().is_ok_and(|name| self.fields().contains_key(name))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        fields::names(py, &self.fields())?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.fields().keys_len()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<MutableHeaders {}>", fields::pairs(py, &self.fields())?.repr()?))
    }
}
