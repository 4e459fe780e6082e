//! The raw calls of the hot path, each behind a safe function: strings as Latin-1, references.
//!
//! PEP 3333 wants bytes as native strings decoded as Latin-1, and back. Python keeps a string whose
//! code points all lie below 256 as exactly those bytes, so neither way needs a conversion.
#![expect(unsafe_code, reason = "pyo3 has no safe way to the bytes of a Latin-1 string")]

use std::slice;

use pyo3::{ffi, prelude::*, types::PyString};

/// The string whose code points are `bytes`.
pub(crate) fn latin1<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    // A slice never exceeds isize::MAX bytes.
    let length = bytes.len().cast_signed();
    // SAFETY: the pointer and length are those of a slice, and `py` proves the GIL. The result is
    // a new reference to a str, or null when memory has run out, which panics as all of pyo3's
    // constructors do.
    unsafe {
        let string = ffi::PyUnicode_DecodeLatin1(bytes.as_ptr().cast(), length, std::ptr::null());
        Bound::from_owned_ptr(py, string).cast_into_unchecked()
    }
}

/// The code points of `string` as bytes; `None` when one is above 255.
pub(crate) fn bytes_of<'a>(string: &'a Bound<'_, PyString>) -> Option<&'a [u8]> {
    let string = string.as_ptr();
    // SAFETY: `string` is a str, kept alive by the borrow for as long as the slice, and strs are
    // immutable. All strs are in canonical form from 3.12 on, and made so by READY before. With
    // kind 1 its data are `length` bytes.
    unsafe {
        if ffi::PyUnicode_READY(string) != 0 {
            ffi::PyErr_Clear();
            return None;
        }
        if ffi::PyUnicode_KIND(string) != ffi::PyUnicode_1BYTE_KIND {
            return None;
        }
        let length = ffi::PyUnicode_GET_LENGTH(string).cast_unsigned();
        Some(slice::from_raw_parts(ffi::PyUnicode_1BYTE_DATA(string), length))
    }
}

/// How many references there are to `object`.
pub(crate) fn references(object: &Bound<'_, PyAny>) -> isize {
    // SAFETY: the object is alive, and the GIL is held.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}
