//! Which httpd this is, and what it is doing.
#![allow(unsafe_code, reason = "functions of C that ask nothing of their caller")]

use std::ffi::{CString, c_int};

use crate::{ffi, module};

/// The version of httpd.
pub(crate) fn of_httpd() -> (u16, u16, u16) {
    let mut version =
        ffi::ap_version_t { major: 0, minor: 0, patch: 0, add_string: std::ptr::null() };
    // SAFETY: it writes to what it is given.
    unsafe { ffi::ap_get_server_revision(&raw mut version) };
    let number = |part: c_int| u16::try_from(part).unwrap_or(0);
    (number(version.major), number(version.minor), number(version.patch))
}

/// Whether httpd only looks at its configuration (`apachectl configtest`).
pub(crate) fn is_test() -> bool {
    state(ffi::AP_SQ_RUN_MODE) == ffi::AP_SQ_RM_CONFIG_TEST.cast_signed()
}

/// Whether httpd reads its configuration to serve by it: it reads it twice when it starts, the first
/// time only to see whether it can.
pub(crate) fn is_in_earnest() -> bool {
    state(ffi::AP_SQ_RUN_MODE) == ffi::AP_SQ_RM_NORMAL.cast_signed()
        && state(ffi::AP_SQ_MAIN_STATE) == ffi::AP_SQ_MS_CREATE_CONFIG.cast_signed()
}

fn state(what: u32) -> c_int {
    // SAFETY: it only reads.
    unsafe { ffi::ap_state_query(what.cast_signed()) }
}

/// Says something while httpd reads its configuration: on the terminal, without the time.
pub(crate) fn startup_log(message: &str) {
    let Ok(message) = CString::new(message.replace('\0', " ")) else { return };
    // SAFETY: without a server it is written to the standard error; the format takes one string.
    unsafe {
        ffi::ap_log_error_(
            c"mod_narthex".as_ptr(),
            0,
            module::index(),
            (ffi::APLOG_STARTUP | ffi::APLOG_ERR).cast_signed(),
            0,
            std::ptr::null(),
            c"%s".as_ptr(),
            message.as_ptr(),
        );
    }
}
