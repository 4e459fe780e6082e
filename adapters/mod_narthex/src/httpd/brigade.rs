//! Brigades: the rings of buckets in which bytes travel through httpd's filters.
#![allow(unsafe_code, reason = "rings of C, whose operations are macros there")]

use std::{mem::offset_of, ptr};

use crate::ffi;

/// What stands for the end of the ring: the brigade itself, seen as a bucket.
///
/// # Safety
/// `brigade` is one.
unsafe fn sentinel(brigade: *mut ffi::apr_bucket_brigade) -> *mut ffi::apr_bucket {
    // The link comes first in a bucket, so the head of the list can be taken for one.
    const { assert!(offset_of!(ffi::apr_bucket, link) == 0) };
    // SAFETY: promised by the caller.
    unsafe { (&raw mut (*brigade).list).cast() }
}

/// Puts a bucket at the end.
///
/// # Safety
/// `brigade` is one, and `bucket` is in none.
pub(super) unsafe fn append(brigade: *mut ffi::apr_bucket_brigade, bucket: *mut ffi::apr_bucket) {
    // SAFETY: promised by the caller; the links of a ring are good, the sentinel's too.
    unsafe {
        let end = sentinel(brigade);
        let last = (*brigade).list.prev;
        (*bucket).link.next = end;
        (*bucket).link.prev = last;
        (*last).link.next = bucket;
        (*brigade).list.prev = bucket;
    }
}

/// Whether it holds nothing.
///
/// # Safety
/// `brigade` is one.
pub(super) unsafe fn is_empty(brigade: *mut ffi::apr_bucket_brigade) -> bool {
    // SAFETY: promised by the caller.
    unsafe { (*brigade).list.next == sentinel(brigade) }
}

/// Whether the last bucket says that the body has ended.
///
/// # Safety
/// `brigade` is one.
pub(super) unsafe fn ends(brigade: *mut ffi::apr_bucket_brigade) -> bool {
    // SAFETY: promised by the caller; it is not empty, so its last is a bucket.
    unsafe {
        !is_empty(brigade)
            && ptr::eq((*(*brigade).list.prev).type_, &raw const ffi::apr_bucket_type_eos)
    }
}

/// Drops the first `count` bytes, which have been read. Says whether there are more; if not, all is
/// dropped.
///
/// # Safety
/// `brigade` is one, and has as many bytes in memory.
pub(super) unsafe fn drop_front(brigade: *mut ffi::apr_bucket_brigade, count: usize) -> bool {
    let mut length: ffi::apr_off_t = 0;
    let count = ffi::apr_off_t::try_from(count).unwrap_or(ffi::apr_off_t::MAX);
    // SAFETY: promised by the caller. A bucket is removed from its ring before it is destroyed, as
    // `apr_bucket_delete` does.
    unsafe {
        ffi::apr_brigade_length(brigade, 0, &raw mut length);
        if length >= 0 && length <= count {
            ffi::apr_brigade_cleanup(brigade.cast());
            return false;
        }
        let mut rest = ptr::null_mut();
        if ffi::apr_brigade_partition(brigade, count, &raw mut rest) != 0 {
            ffi::apr_brigade_cleanup(brigade.cast());
            return false;
        }
        loop {
            let first = (*brigade).list.next;
            if first == rest {
                return true;
            }
            delete(first);
        }
    }
}

/// Takes a bucket out of its ring and ends it.
///
/// # Safety
/// It is in one.
unsafe fn delete(bucket: *mut ffi::apr_bucket) {
    // SAFETY: promised by the caller; every type of bucket has a `destroy`, and every bucket a `free`.
    unsafe {
        let (next, previous) = ((*bucket).link.next, (*bucket).link.prev);
        (*previous).link.next = next;
        (*next).link.prev = previous;
        if let Some(destroy) = (*(*bucket).type_).destroy {
            destroy((*bucket).data);
        }
        if let Some(free) = (*bucket).free {
            free(bucket.cast());
        }
    }
}
