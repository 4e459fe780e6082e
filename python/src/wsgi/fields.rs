//! Response headers from Python's tuples, those that an application sends again and again only once.

use std::sync::Mutex;

use http::{HeaderName, HeaderValue};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyString, PyTuple},
};

use super::hot;
use crate::hold::hold;

/// A header that is written down in the application's source, as Python keeps it and as `http` does.
struct Known {
    /// Kept alive, so that no other object can have its address.
    pair: Py<PyTuple>,
    name: HeaderName,
    value: HeaderValue,
}

/// A power of two; more constants than this only means that some are parsed again.
const PLACES: usize = 64;

static KNOWN: Mutex<[Option<Known>; PLACES]> = Mutex::new([const { None }; PLACES]);

/// The header that a pair of strings is.
///
/// # Errors
/// It is no pair of strings, or its name or value may not be sent.
pub(super) fn field(item: &Bound<'_, PyAny>) -> PyResult<(HeaderName, HeaderValue)> {
    let pair = item
        .cast::<PyTuple>()
        .ok()
        .filter(|pair| pair.len() == 2)
        .ok_or_else(|| PyTypeError::new_err("a header is no tuple of two strings"))?;
    let place = (pair.as_ptr() as usize >> 4) % PLACES;
    if let Some(known) = &hold(&KNOWN)[place]
        && known.pair.as_ptr() == pair.as_ptr()
    {
        return Ok((known.name.clone(), known.value.clone()));
    }
    let (name, value) = parse(pair)?;
    // One reference is the list's and one is ours; with a third somebody keeps the tuple, such as
    // the code that it is a constant of.
    if hot::references(pair) > 2 && pair.is_exact_instance_of::<PyTuple>() {
        let known = Known { pair: pair.clone().unbind(), name: name.clone(), value: value.clone() };
        let old = hold(&KNOWN)[place].replace(known);
        drop(old); // after the lock: the end of an object may run code
    }
    Ok((name, value))
}

fn parse(pair: &Bound<'_, PyTuple>) -> PyResult<(HeaderName, HeaderValue)> {
    let (name, value) = (pair.get_borrowed_item(0)?, pair.get_borrowed_item(1)?);
    let (Ok(name), Ok(value)) = (name.cast::<PyString>(), value.cast::<PyString>()) else {
        return Err(PyTypeError::new_err(format!("header {pair:?} is no tuple of two strings")));
    };
    let parsed_name = hot::bytes_of(&name).and_then(|name| HeaderName::from_bytes(name).ok());
    let Some(parsed_name) = parsed_name else {
        return Err(PyValueError::new_err(format!("{name:?} is no header name")));
    };
    let parsed_value = hot::bytes_of(&value).and_then(|value| HeaderValue::from_bytes(value).ok());
    let Some(parsed_value) = parsed_value else {
        return Err(PyValueError::new_err(format!(
            "the value of header {name:?} has control characters or is not Latin-1: {value:?}"
        )));
    };
    Ok((parsed_name, parsed_value))
}
