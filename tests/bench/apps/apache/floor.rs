//! A module of httpd that answers by itself: what a request costs without any Python.

#![allow(non_upper_case_globals, reason = "httpd finds the module by this name")]
#![allow(clashing_extern_declarations, reason = "the declarations are more than it needs")]

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr::{null, null_mut},
};

#[path = "../../../../adapters/mod_narthex/src/ffi.rs"]
#[allow(warnings)]
mod ffi;

unsafe extern "C" {
    fn ap_hook_handler(
        handler: unsafe extern "C" fn(*mut ffi::request_rec) -> c_int,
        before: *const *const c_char,
        after: *const *const c_char,
        order: c_int,
    );
    fn ap_set_content_type(request: *mut ffi::request_rec, kind: *const c_char);
    fn ap_set_content_length(request: *mut ffi::request_rec, length: i64);
    fn ap_rwrite(data: *const c_void, length: c_int, request: *mut ffi::request_rec) -> c_int;
}

const HELLO: &[u8] = b"Hello, world!";

#[unsafe(no_mangle)]
static mut floor_module: ffi::module = ffi::module {
    version: ffi::MODULE_MAGIC_NUMBER_MAJOR as c_int,
    minor_version: ffi::MODULE_MAGIC_NUMBER_MINOR as c_int,
    module_index: -1,
    name: c"floor.rs".as_ptr(),
    dynamic_load_handle: null_mut(),
    next: null_mut(),
    magic: ffi::MODULE_MAGIC_COOKIE as _,
    rewrite_args: None,
    create_dir_config: None,
    merge_dir_config: None,
    create_server_config: None,
    merge_server_config: None,
    cmds: null(),
    register_hooks: Some(register),
    flags: 0,
};

unsafe extern "C" fn register(_: *mut ffi::apr_pool_t) {
    const MIDDLE: c_int = 10;
    // SAFETY: called by httpd while it registers hooks.
    unsafe { ap_hook_handler(answer, null(), null(), MIDDLE) }
}

unsafe extern "C" fn answer(request: *mut ffi::request_rec) -> c_int {
    const DECLINED: c_int = -1;
    // SAFETY: httpd hands over a request that lives until this returns.
    unsafe {
        if CStr::from_ptr((*request).handler) != c"floor" {
            return DECLINED;
        }
        ap_set_content_type(request, c"text/plain".as_ptr());
        ap_set_content_length(request, HELLO.len() as i64);
        ap_rwrite(HELLO.as_ptr().cast(), HELLO.len() as c_int, request);
    }
    0
}
