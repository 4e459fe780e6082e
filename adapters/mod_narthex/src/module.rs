//! What httpd sees: the record of the module, and every function that it calls.
#![allow(unsafe_code, reason = "httpd calls functions of C")]

use std::{
    cell::UnsafeCell,
    ffi::{c_int, c_ulong},
    ptr,
};

use crate::{ffi, httpd::callback::callbacks};

/// The record of a module, which httpd writes to while it has one thread.
#[repr(transparent)]
pub(crate) struct Record(UnsafeCell<ffi::module>);

// SAFETY: httpd writes to it only while it reads its configuration, by one thread.
unsafe impl Sync for Record {}

/// By this name `LoadModule narthex_module` finds it.
// SAFETY: no other symbol of a process has this name.
#[unsafe(no_mangle)]
pub(crate) static narthex_module: Record = Record(UnsafeCell::new(ffi::module {
    version: ffi::MODULE_MAGIC_NUMBER_MAJOR.cast_signed(),
    minor_version: ffi::MODULE_MAGIC_NUMBER_MINOR.cast_signed(),
    module_index: -1,
    name: c"mod_narthex.c".as_ptr(),
    dynamic_load_handle: ptr::null_mut(),
    next: ptr::null_mut(),
    magic: ffi::MODULE_MAGIC_COOKIE as c_ulong,
    rewrite_args: None,
    create_dir_config: None,
    merge_dir_config: None,
    create_server_config: None,
    merge_server_config: None,
    cmds: ptr::null(),
    register_hooks: Some(register_hooks),
    flags: 0,
}));

/// The record, as functions of httpd want it.
pub(crate) fn record() -> *mut ffi::module {
    narthex_module.0.get()
}

/// The number of the module, by which httpd finds the level of its log.
pub(crate) fn index() -> c_int {
    // SAFETY: written when the module was loaded.
    unsafe { (*record()).module_index }
}

callbacks! {
    fn register_hooks(_pool: *mut ffi::apr_pool_t) -> (), else () => {
        // SAFETY: called by httpd while it takes hooks.
        unsafe {
            ffi::ap_hook_handler(Some(handler), ptr::null(), ptr::null(), 10);
        }
    }

    fn handler(_request: *mut ffi::request_rec) -> c_int, else 500 => {
        ffi::DECLINED
    }
}
