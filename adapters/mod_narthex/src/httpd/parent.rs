//! The parent of all processes of httpd: what it starts, and where it keeps things.
#![allow(unsafe_code, reason = "httpd's functions are of C")]

use std::{
    ffi::{CString, OsStr, c_int, c_void},
    mem::MaybeUninit,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use super::{callback::callbacks, pool::Pool, text};
use crate::ffi;

/// Has `ended` called, with a pool like this one, when a process that the parent has started ends while
/// httpd goes on; until `pool` ends, which is at the next restart.
pub(crate) fn watch(process: u32, pool: Pool<'_>, ended: fn(Pool<'_>)) {
    let watch = pool.put(Watch { pool: pool.as_ptr(), ended });
    // SAFETY: zero is a value of all fields of the record, which are numbers and pointers.
    let mut record: ffi::apr_proc_t = unsafe { MaybeUninit::zeroed().assume_init() };
    record.pid = process.cast_signed();
    let record = pool.put(record);
    // SAFETY: both live as long as the pool, with which the registration ends.
    unsafe {
        ffi::apr_proc_other_child_register(
            record,
            Some(tell),
            std::ptr::from_mut(watch).cast(),
            std::ptr::null_mut(),
            pool.as_ptr(),
        );
    }
}

#[derive(Clone, Copy)]
struct Watch {
    pool: *mut ffi::apr_pool_t,
    ended: fn(Pool<'_>),
}

callbacks! {
    fn tell(reason: c_int, watch: *mut c_void, _status: c_int) -> (), else () => {
        if !matches!(reason.cast_unsigned(), ffi::APR_OC_REASON_DEATH | ffi::APR_OC_REASON_LOST) {
            return;
        }
        // SAFETY: registered above, and not since its pool has ended; only the parent's one thread gets
        // here.
        let (watch, pool) = unsafe {
            ffi::apr_proc_other_child_unregister(watch);
            let watch = *watch.cast::<Watch>();
            (watch, Pool::new(watch.pool))
        };
        if !is_stopping() {
            (watch.ended)(pool);
        }
    }
}

/// Whether httpd is about to end.
fn is_stopping() -> bool {
    let mut state = 0;
    // SAFETY: the answer has a place.
    let status = unsafe { ffi::ap_mpm_query(ffi::AP_MPMQ_MPM_STATE.cast_signed(), &raw mut state) };
    status != 0 || state == ffi::AP_MPMQ_STOPPING.cast_signed()
}

/// A path in `DefaultRuntimeDir`.
pub(crate) fn runtime_path(pool: Pool<'_>, name: &str) -> Option<PathBuf> {
    let name = CString::new(name).ok()?;
    // SAFETY: the pool lives, the name ends in a NUL; the result is null or a string in the pool.
    let path = unsafe { text::bytes(ffi::ap_runtime_dir_relative(pool.as_ptr(), name.as_ptr()))? };
    Some(PathBuf::from(OsStr::from_bytes(path)))
}
