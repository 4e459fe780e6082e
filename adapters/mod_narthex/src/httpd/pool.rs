//! Pools: memory that ends with what it was taken for.
#![allow(unsafe_code, reason = "pools are structures of C")]

use std::{
    ffi::{CStr, c_void},
    marker::PhantomData,
    ptr, slice,
};

use super::callback::guard;
use crate::ffi;

/// A pool, which lives for `'a`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool<'a> {
    raw: *mut ffi::apr_pool_t,
    lifetime: PhantomData<&'a ()>,
}

impl<'a> Pool<'a> {
    /// # Safety
    /// `raw` is a pool that lives for `'a`, and is used by this thread only.
    pub(crate) unsafe fn new(raw: *mut ffi::apr_pool_t) -> Self {
        Self { raw, lifetime: PhantomData }
    }

    /// The pool as httpd knows it.
    pub(crate) fn as_ptr(self) -> *mut ffi::apr_pool_t {
        self.raw
    }

    /// A copy of these bytes in the pool, followed by a NUL.
    pub(crate) fn copy(self, bytes: &[u8]) -> &'a [u8] {
        // SAFETY: the pool lives; it gives `bytes.len() + 1` bytes, or httpd has ended.
        unsafe {
            let copy = ffi::apr_pstrmemdup(self.raw, bytes.as_ptr().cast(), bytes.len());
            slice::from_raw_parts(copy.cast(), bytes.len())
        }
    }

    /// A copy of this value in the pool.
    pub(crate) fn put<T: Copy>(self, value: T) -> &'a mut T {
        // APR aligns to 8 bytes.
        const { assert!(align_of::<T>() <= 8) };
        // SAFETY: the pool lives; it gives as many bytes as are written, aligned, or httpd has ended.
        unsafe {
            let place: *mut T = ffi::apr_palloc(self.raw, size_of::<T>()).cast();
            place.write(value);
            &mut *place
        }
    }

    /// Calls `end` when the pool ends; in a process that is forked and becomes another program, not.
    pub(crate) fn at_end(self, end: impl FnOnce() + 'static) {
        let boxed: Box<Box<dyn FnOnce()>> = Box::new(Box::new(end));
        // SAFETY: the pool lives; what is given is taken back by `call` once.
        unsafe {
            ffi::apr_pool_cleanup_register(
                self.raw,
                Box::into_raw(boxed).cast(),
                Some(call),
                Some(ffi::apr_pool_cleanup_null),
            );
        }
    }

    /// Keeps bytes under a name, for whoever has the pool later, be it another copy of this module.
    pub(crate) fn keep(self, name: &'static CStr, bytes: &[u8]) {
        let length = self.put(bytes.len());
        let bytes = self.copy(bytes);
        let kept = self.put((bytes.as_ptr(), ptr::from_ref(length)));
        // SAFETY: the pool lives; it copies the name.
        unsafe {
            ffi::apr_pool_userdata_set(ptr::from_mut(kept).cast(), name.as_ptr(), None, self.raw);
        }
    }

    /// What is kept under a name.
    pub(crate) fn kept(self, name: &CStr) -> Option<&'a [u8]> {
        let mut kept: *mut c_void = ptr::null_mut();
        // SAFETY: the pool lives; what it has under a name of ours was put there by `keep`.
        unsafe {
            ffi::apr_pool_userdata_get(&raw mut kept, name.as_ptr(), self.raw);
            let (bytes, length) = *kept.cast::<(*const u8, *const usize)>().as_ref()?;
            Some(slice::from_raw_parts(bytes, *length))
        }
    }
}

/// Calls what `Pool::at_end` was given.
unsafe extern "C" fn call(end: *mut c_void) -> ffi::apr_status_t {
    guard("the end of a pool", 0, || {
        // SAFETY: made by `Pool::at_end`, and a pool calls it once.
        let end: Box<Box<dyn FnOnce()>> = unsafe { Box::from_raw(end.cast()) };
        end();
        0
    })
}
