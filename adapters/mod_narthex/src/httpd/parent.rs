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

/// What happens to a process that the parent has started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// It has ended, and httpd goes on.
    Ended,
    /// httpd ends, or begins anew without waiting for anybody: `apachectl restart`.
    HttpdEnds,
}

/// Has `told` called, once and with a pool like this one, when something happens to a process that the
/// parent has started; until `pool` ends, which is at the next restart.
pub(crate) fn watch(process: u32, pool: Pool<'_>, told: fn(Event, Pool<'_>)) {
    let watch = pool.put(Watch { pool: pool.as_ptr(), told });
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
    told: fn(Event, Pool<'_>),
}

callbacks! {
    fn tell(reason: c_int, watch: *mut c_void, _status: c_int) -> (), else () => {
        let event = match reason.cast_unsigned() {
            ffi::APR_OC_REASON_DEATH | ffi::APR_OC_REASON_LOST if !is_stopping() => Event::Ended,
            ffi::APR_OC_REASON_RESTART => Event::HttpdEnds,
            // Among them that it is watched no longer.
            _ => return,
        };
        // SAFETY: registered above, and not since its pool has ended; only the parent's one thread gets
        // here.
        let (watch, pool) = unsafe {
            ffi::apr_proc_other_child_unregister(watch);
            let watch = *watch.cast::<Watch>();
            (watch, Pool::new(watch.pool))
        };
        (watch.told)(event, pool);
    }
}

/// How often httpd has restarted.
pub(crate) fn generation() -> c_int {
    ask_mpm(ffi::AP_MPMQ_GENERATION)
}

fn ask_mpm(what: u32) -> c_int {
    let mut answer = 0;
    // SAFETY: the answer has a place.
    let status = unsafe { ffi::ap_mpm_query(what.cast_signed(), &raw mut answer) };
    if status == 0 { answer } else { 0 }
}

/// Whether httpd is about to end.
fn is_stopping() -> bool {
    ask_mpm(ffi::AP_MPMQ_MPM_STATE) == ffi::AP_MPMQ_STOPPING.cast_signed()
}

/// A path in `DefaultRuntimeDir`.
pub(crate) fn runtime_path(pool: Pool<'_>, name: &str) -> Option<PathBuf> {
    let name = CString::new(name).ok()?;
    // SAFETY: the pool lives, the name ends in a NUL; the result is null or a string in the pool.
    let path = unsafe { text::bytes(ffi::ap_runtime_dir_relative(pool.as_ptr(), name.as_ptr()))? };
    Some(PathBuf::from(OsStr::from_bytes(path)))
}
