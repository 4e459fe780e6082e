//! What httpd knows of a request and its server beside HTTP.
#![allow(unsafe_code, reason = "httpd's functions are of C")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr,
    time::Duration,
};

use super::{Request, Server, text};
use crate::{ffi, module};

/// What httpd would do with a path, if it were asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The status that it would have, before anything answers.
    pub(crate) status: u16,
    /// The file.
    pub(crate) filename: Vec<u8>,
    /// The type of that.
    pub(crate) content_type: Vec<u8>,
    /// What would answer.
    pub(crate) handler: Vec<u8>,
    /// What is behind the file.
    pub(crate) path_info: Vec<u8>,
    /// Whether the file is there.
    pub(crate) exists: bool,
}

impl<'r> Request<'r> {
    /// The name by which the server was called, or its own if `UseCanonicalName` says so.
    pub(crate) fn server_name(&self) -> &'r [u8] {
        // SAFETY: the request lives; what it gives is in its pool or lives longer.
        unsafe { text::bytes(ffi::ap_get_server_name_for_url(self.as_ptr())) }.unwrap_or_default()
    }

    /// The port that goes with it.
    pub(crate) fn server_port(&self) -> u16 {
        // SAFETY: the request lives.
        unsafe { ffi::ap_get_server_port(self.as_ptr()) }
    }

    /// The address at which the client has reached the server.
    pub(crate) fn server_address(&self) -> Option<&'r [u8]> {
        // SAFETY: the connection lives longer than its request; null, or a string in its pool.
        unsafe { text::bytes((*self.record().connection).local_ip) }
    }

    /// Asks a client that waits for it to send its body. httpd does so by itself only for who waits for
    /// the body in its filters. No response may have been begun.
    pub(crate) fn invite(&self) {
        // SAFETY: the request lives, and is this thread's.
        unsafe {
            let request = &mut *self.as_ptr();
            let (status, line) = (request.status, request.status_line);
            request.status = ffi::HTTP_CONTINUE.cast_signed();
            request.status_line = ptr::null();
            ffi::ap_send_interim_response(request, 0);
            (request.status, request.status_line) = (status, line);
        }
    }

    /// Whether the client sends the body only when it is asked to (`Expect: 100-continue`).
    pub(crate) fn is_reluctant(&self) -> bool {
        self.record().expecting_100 != 0
    }

    /// The port of the client.
    pub(crate) fn client_port(&self) -> u16 {
        // SAFETY: null, or in the pool of the request or connection.
        unsafe { self.record().useragent_addr.as_ref() }.map_or(0, |address| address.port)
    }

    /// Whether URLs of this request begin with `https`.
    pub(crate) fn is_secure(&self) -> bool {
        // SAFETY: the request lives; what it gives is null or a string.
        let scheme = unsafe { text::bytes(ffi::ap_run_http_scheme(self.as_ptr())) };
        scheme == Some(b"https")
    }

    /// How many requests came before on this connection.
    pub(crate) fn earlier(&self) -> u32 {
        // SAFETY: the connection lives longer than its request.
        let before = unsafe { (*self.record().connection).keepalives };
        u32::try_from(before).unwrap_or(0)
    }

    /// A variable of TLS; none without `mod_ssl`.
    pub(crate) fn tls(&self, name: &[u8]) -> Option<&'r [u8]> {
        let name = CString::new(name).ok()?;
        let record = self.record();
        // SAFETY: what mod_ssl has registered by this name has this type; what it is given lives, and
        // it writes to none of it.
        let value = unsafe {
            let lookup = ffi::apr_dynamic_fn_retrieve(c"ssl_var_lookup".as_ptr())?;
            let lookup = std::mem::transmute::<
                unsafe extern "C" fn(),
                <ffi::apr_OFN_ssl_var_lookup_t as Unwrapped>::Function,
            >(lookup);
            text::bytes(lookup(
                record.pool,
                record.server,
                record.connection,
                self.as_ptr(),
                name.as_ptr().cast_mut(),
            ))
        };
        value.filter(|value| !value.is_empty())
    }

    /// The directory of the files of this request's server.
    pub(crate) fn document_root(&self) -> Option<&'r [u8]> {
        // SAFETY: the request lives; what it gives is null or a string that lives as long.
        unsafe { text::bytes(ffi::ap_document_root(self.as_ptr())) }
    }

    /// Sets the user, none if empty. What has a NUL in it cannot be set: false.
    pub(crate) fn set_user(&self, user: &[u8]) -> bool {
        // SAFETY: the request lives, and is this thread's.
        unsafe { self.set(user, &raw mut (*self.as_ptr()).user) }
    }

    /// Sets how the user was authenticated, nothing if empty. As `set_user`.
    pub(crate) fn set_authentication(&self, how: &[u8]) -> bool {
        // SAFETY: the request lives, and is this thread's.
        unsafe { self.set(how, &raw mut (*self.as_ptr()).ap_auth_type) }
    }

    /// # Safety
    /// `place` is one of the request's.
    unsafe fn set(&self, value: &[u8], place: *mut *mut c_char) -> bool {
        if value.contains(&0) {
            return false;
        }
        let copy = self.pool().copy(value).as_ptr().cast_mut().cast();
        // SAFETY: promised by the caller.
        unsafe { *place = if value.is_empty() { ptr::null_mut() } else { copy } };
        true
    }

    /// Asks httpd what it would do with a path.
    pub(crate) fn look_up(&self, path: &[u8]) -> Option<Found> {
        let path = CString::new(path).ok()?;
        // SAFETY: the request lives; what is asked for is read before it is destroyed.
        unsafe {
            let asked = ffi::ap_sub_req_lookup_uri(path.as_ptr(), self.as_ptr(), ptr::null_mut());
            let record = asked.as_ref()?;
            let bytes = |text| text::bytes(text).unwrap_or_default().to_vec();
            let found = Found {
                status: u16::try_from(record.status).unwrap_or(0),
                filename: bytes(record.filename),
                content_type: bytes(record.content_type),
                handler: bytes(record.handler),
                path_info: bytes(record.path_info),
                exists: record.finfo.filetype != ffi::apr_filetype_e_APR_NOFILE,
            };
            ffi::ap_destroy_sub_req(asked);
            Some(found)
        }
    }

    /// Has httpd answer by what is at another path. What has a NUL in it is none: false.
    pub(crate) fn redirect(&self, path: &[u8]) -> bool {
        let Ok(path) = CString::new(path) else { return false };
        // SAFETY: the request lives, and nothing has been sent.
        unsafe { ffi::ap_internal_redirect(path.as_ptr(), self.as_ptr()) };
        true
    }

    /// A place that lives as long as the connection, null at first; `end` is called with what is in it
    /// at the end of that, unless it is null then.
    pub(crate) fn kept(&self, end: fn(*mut c_void)) -> *mut *mut c_void {
        struct Kept {
            value: *mut c_void,
            end: fn(*mut c_void),
        }
        super::callback::callbacks! {
            fn end_kept(kept: *mut c_void) -> ffi::apr_status_t, else 0 => {
                // SAFETY: put into the connection's pool below, which calls this once, at its end.
                let kept = unsafe { &mut *kept.cast::<Kept>() };
                if !kept.value.is_null() {
                    (kept.end)(std::mem::replace(&mut kept.value, ptr::null_mut()));
                }
                0
            }
        }
        // SAFETY: the connection lives longer than its request, and is served by this thread now; its
        // vector has a place for each module.
        unsafe {
            let connection = &*self.record().connection;
            let known = ffi::ap_get_module_config(connection.conn_config, module::record());
            let kept = if known.is_null() {
                let made: *mut Kept = ffi::apr_palloc(connection.pool, size_of::<Kept>()).cast();
                made.write(Kept { value: ptr::null_mut(), end });
                ffi::ap_set_module_config(connection.conn_config, module::record(), made.cast());
                ffi::apr_pool_cleanup_register(
                    connection.pool,
                    made.cast(),
                    Some(end_kept),
                    Some(ffi::apr_pool_cleanup_null),
                );
                made
            } else {
                known.cast()
            };
            &raw mut (*kept).value
        }
    }
}

/// The function in what C knows as a pointer to one.
trait Unwrapped {
    /// It.
    type Function;
}

impl<T> Unwrapped for Option<T> {
    type Function = T;
}

impl<'a> Server<'a> {
    /// The address of whom `ServerAdmin` names.
    pub(crate) fn admin(self) -> Option<&'a [u8]> {
        // SAFETY: null, or a string in the pool of the configuration.
        unsafe { text::bytes((*self.as_ptr()).server_admin) }
    }

    /// `Timeout`: how long a client may take for anything.
    pub(crate) fn timeout(self) -> Duration {
        // SAFETY: it lives, and is not changed once there are requests.
        let microseconds = unsafe { (*self.as_ptr()).timeout };
        Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
    }

    /// The file of `ErrorLog`.
    pub(crate) fn error_log(self) -> Option<&'a [u8]> {
        // SAFETY: as above.
        unsafe { text::bytes((*self.as_ptr()).error_fname) }
    }
}

/// `ServerRoot`.
pub(crate) fn root() -> &'static [u8] {
    // SAFETY: set before there are threads; null, or a string in the pool of the configuration.
    unsafe { text::bytes(ffi::ap_server_root) }.unwrap_or_default()
}

/// The name and version of httpd, as `ServerTokens` wants them told.
pub(crate) fn software() -> &'static [u8] {
    // SAFETY: a string that is put together before there are requests.
    unsafe { text::bytes(ffi::ap_get_server_banner()) }.unwrap_or_default()
}

/// When httpd was built.
pub(crate) fn built() -> &'static [u8] {
    // SAFETY: a constant.
    unsafe { text::bytes(ffi::ap_get_server_built()) }.unwrap_or_default()
}

/// The name of the MPM.
pub(crate) fn mpm() -> &'static [u8] {
    // SAFETY: a constant of the MPM's.
    unsafe { text::bytes(ffi::ap_show_mpm()) }.unwrap_or_default()
}

/// Whether several threads serve requests in a child.
pub(crate) fn is_threaded() -> bool {
    ask_mpm(ffi::AP_MPMQ_IS_THREADED) != 0
}

/// Whether there may be several children.
pub(crate) fn is_forked() -> bool {
    ask_mpm(ffi::AP_MPMQ_IS_FORKED) != 0 && ask_mpm(ffi::AP_MPMQ_MAX_DAEMONS) > 1
}

fn ask_mpm(what: u32) -> c_int {
    let mut answer = 0;
    // SAFETY: the answer has a place.
    let status = unsafe { ffi::ap_mpm_query(what.cast_signed(), &raw mut answer) };
    if status == 0 { answer } else { 0 }
}

/// The name, user and group of the configuration, as whom children run; none where httpd was not
/// started as root, and they run as it does.
pub(crate) fn user() -> Option<(&'static CStr, u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    // SAFETY: written while the configuration is read, by the only thread; the name is a string.
    unsafe {
        let config = (&raw const ffi::ap_unixd_config).read();
        let name = if config.user_name.is_null() { c"" } else { CStr::from_ptr(config.user_name) };
        (config.user_id != u32::MAX).then_some((name, config.user_id, config.group_id))
    }
}
