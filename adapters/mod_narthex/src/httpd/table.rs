//! Tables of names and values: fields, notes, variables.
#![allow(unsafe_code, reason = "tables are structures of C")]

use std::{
    ffi::{CStr, CString},
    marker::PhantomData,
    slice,
};

use super::text;
use crate::ffi;

/// A table, which lives for `'a`.
///
/// Names are compared without regard to case. What is put in is copied into the table's pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    raw: *mut ffi::apr_table_t,
    lifetime: PhantomData<&'a ()>,
}

impl<'a> Table<'a> {
    /// # Safety
    /// `raw` is a table that lives for `'a`, and is used by this thread only.
    pub(super) unsafe fn new(raw: *mut ffi::apr_table_t) -> Self {
        Self { raw, lifetime: PhantomData }
    }

    /// Names and values in their order, repeated names repeated. The table must not be changed
    /// meanwhile; the bytes stay where they are.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> {
        // SAFETY: the table lives; its array is of entries, as many as it says.
        let entries: &'a [ffi::apr_table_entry_t] = unsafe {
            let array = &*ffi::apr_table_elts(self.raw);
            let length = usize::try_from(array.nelts).unwrap_or(0);
            if length == 0 { &[] } else { slice::from_raw_parts(array.elts.cast(), length) }
        };
        entries.iter().map(|entry| {
            // SAFETY: both are strings in the table's pool.
            unsafe {
                (
                    text::bytes(entry.key).unwrap_or_default(),
                    text::bytes(entry.val).unwrap_or_default(),
                )
            }
        })
    }

    /// The first value of this name.
    pub(crate) fn first(self, name: &[u8]) -> Option<&'a [u8]> {
        self.known(&CString::new(name).ok()?)
    }

    /// The first value of this name, which is written out in the program.
    pub(crate) fn known(self, name: &CStr) -> Option<&'a [u8]> {
        // SAFETY: the table lives, the name ends in a NUL; the value is in the table's pool.
        unsafe { text::bytes(ffi::apr_table_get(self.raw, name.as_ptr())) }
    }

    /// Puts a value in place of those of this name. What has a NUL in it cannot be put: false.
    pub(crate) fn set(&self, name: &[u8], value: &[u8]) -> bool {
        let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) else {
            return false;
        };
        // SAFETY: the table lives, and copies both.
        unsafe { ffi::apr_table_set(self.raw, name.as_ptr(), value.as_ptr()) };
        true
    }

    /// Takes away all values of this name.
    pub(crate) fn remove(&self, name: &[u8]) {
        let Ok(name) = CString::new(name) else { return };
        // SAFETY: the table lives, the name ends in a NUL.
        unsafe { ffi::apr_table_unset(self.raw, name.as_ptr()) };
    }
}
