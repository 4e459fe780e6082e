//! The strings of C.
#![allow(unsafe_code, reason = "what httpd hands out are pointers")]

use std::ffi::{CStr, c_char};

/// The bytes at `text`, none for null.
///
/// # Safety
/// `text` is null, or ends in a NUL and stays as it is for `'a`.
pub(crate) unsafe fn bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller's word.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}
