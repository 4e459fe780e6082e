//! A request of httpd.
#![allow(unsafe_code, reason = "requests are structures of C")]

use std::{marker::PhantomData, ptr};

use super::{Server, Table, pool::Pool, text};
use crate::{ffi, module};

/// A request, which lives for `'r` and belongs to this thread.
#[derive(Debug)]
pub(crate) struct Request<'r> {
    raw: *mut ffi::request_rec,
    lifetime: PhantomData<&'r ()>,
}

/// That a request is an application's, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'r> {
    /// Where that is mounted: decoded, without a slash at its end.
    pub(crate) mount: &'r [u8],
    /// The path below that, as httpd has decoded it.
    pub(crate) path_info: &'r [u8],
    /// The directory that it is in, or the path that it is mounted at.
    pub(crate) directory: &'r [u8],
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FileKind {
    /// Nothing, as far as httpd has looked.
    None,
    /// A directory.
    Directory,
    /// A file.
    File,
}

/// Texts of the record, null or not.
macro_rules! texts {
    ($($(#[$attribute:meta])* $name:ident = $field:ident,)*) => {$(
        $(#[$attribute])*
        pub(crate) fn $name(&self) -> Option<&'r [u8]> {
            // SAFETY: null, or a string in the pool of the request or of what lives longer.
            unsafe { text::bytes(self.record().$field) }
        }
    )*};
}

/// Tables of the record.
macro_rules! tables {
    ($($(#[$attribute:meta])* $name:ident,)*) => {$(
        $(#[$attribute])*
        pub(crate) fn $name(&self) -> Table<'r> {
            // SAFETY: made with the request, and its thread's.
            unsafe { Table::new(self.record().$name) }
        }
    )*};
}

impl<'r> Request<'r> {
    /// # Safety
    /// `raw` is a request that lives for `'r` and is served by this thread.
    pub(crate) unsafe fn new(raw: *mut ffi::request_rec) -> Self {
        Self { raw, lifetime: PhantomData }
    }

    /// The same request.
    pub(crate) fn again(&self) -> Self {
        Self { raw: self.raw, lifetime: PhantomData }
    }

    /// The request as httpd knows it.
    pub(crate) fn as_ptr(&self) -> *mut ffi::request_rec {
        self.raw
    }

    /// The record, read while nothing of httpd is called that may write to it.
    pub(super) fn record(&self) -> &ffi::request_rec {
        // SAFETY: it lives for 'r, and only this thread writes to it.
        unsafe { &*self.raw }
    }

    texts! {
        /// The path, decoded and with dots removed.
        uri = uri,
        /// What is behind the question mark.
        query = args,
        /// The file, or what stands for one.
        filename = filename,
        /// What of the path is behind the file.
        path_info = path_info,
        /// The handler that is to answer.
        handler = handler,
        /// The user, if one is authenticated.
        user = user,
        /// How.
        authentication = ap_auth_type,
        /// The address of the client, as `mod_remoteip` sees it.
        client = useragent_ip,
        /// The identifier in the logs.
        log_id = log_id,
    }

    tables! {
        /// The fields of the request.
        headers_in,
        /// The fields of any response, also of an error and through an internal redirect.
        err_headers_out,
        /// The variables of the request.
        subprocess_env,
        /// The notes that modules leave each other.
        notes,
    }

    /// The target as the client sent it, before anything was redirected within httpd.
    pub(crate) fn target(&self) -> Option<&'r [u8]> {
        let mut first = self.record();
        // SAFETY: those that a request came from live longer than it.
        while let Some(before) = unsafe { first.prev.as_ref().or(first.main.as_ref()) } {
            first = before;
        }
        // SAFETY: a string in the pool of a request that lives longer.
        unsafe { text::bytes(first.unparsed_uri) }
    }

    /// The method.
    pub(crate) fn method(&self) -> &'r [u8] {
        // SAFETY: never null once the request line is read.
        unsafe { text::bytes(self.record().method) }.unwrap_or_default()
    }

    /// The version, major times 1000 and minor.
    pub(crate) fn protocol(&self) -> u32 {
        u32::try_from(self.record().proto_num).unwrap_or(0)
    }

    /// The server that serves it.
    pub(crate) fn server(&self) -> Server<'r> {
        // SAFETY: servers live longer than requests.
        unsafe { Server::new(self.record().server) }
    }

    /// The pool of the request.
    pub(crate) fn pool(&self) -> Pool<'r> {
        // SAFETY: it ends with the request.
        unsafe { Pool::new(self.record().pool) }
    }

    /// The request that was redirected internally to this.
    pub(crate) fn previous(&self) -> Option<Self> {
        let previous = self.record().prev;
        (!previous.is_null()).then_some(Self { raw: previous, lifetime: PhantomData })
    }

    /// Whether the client has gone.
    pub(crate) fn is_aborted(&self) -> bool {
        // SAFETY: the connection lives longer than its requests.
        unsafe { (*self.record().connection).aborted != 0 }
    }

    /// Who claimed the request for an application, and where.
    pub(crate) fn claim(&self) -> Option<Claim<'r>> {
        // SAFETY: null, or put there by `set_claim` of this request.
        unsafe {
            let kept = ffi::ap_get_module_config(self.record().request_config, module::record());
            kept.cast::<Claim<'r>>().as_ref().copied()
        }
    }

    /// Claims the request for an application.
    pub(crate) fn set_claim(&self, claim: Claim<'r>) {
        let kept: *mut Claim<'r> = self.pool().put(claim);
        // SAFETY: the request lives as long as its pool.
        unsafe {
            ffi::ap_set_module_config(self.record().request_config, module::record(), kept.cast());
        }
    }

    /// Whether it is for another server (`ProxyPass`).
    pub(crate) fn is_proxied(&self) -> bool {
        self.record().proxyreq != 0
    }

    /// Whether its path is no longer the one that was parsed.
    pub(crate) fn is_rewritten(&self) -> bool {
        let record = self.record();
        !record.parsed_uri.path.is_null() && record.uri != record.parsed_uri.path
    }

    /// Has httpd find anew which `<Location>` the path is in.
    pub(crate) fn walk_locations(&self) {
        // SAFETY: the request is this thread's; httpd itself starts from the server's settings.
        unsafe {
            (*self.raw).per_dir_config = (*self.record().server).lookup_defaults;
            ffi::ap_location_walk(self.raw);
        }
    }

    /// The path of the `Alias` that the request came through; empty or none if it did not.
    pub(crate) fn alias(&self) -> Option<&'r [u8]> {
        // SAFETY: a string in the pool of the request or of the configuration.
        unsafe { text::bytes(ffi::ap_context_prefix(self.raw)) }
    }

    /// What the path leads to, as far as httpd has looked.
    pub(crate) fn file_kind(&self) -> FileKind {
        match self.record().finfo.filetype {
            ffi::apr_filetype_e_APR_NOFILE => FileKind::None,
            ffi::apr_filetype_e_APR_DIR => FileKind::Directory,
            _ => FileKind::File,
        }
    }

    /// Makes httpd forget the file or directory that it has found, and what it guessed by its name.
    pub(crate) fn forget_file(&self) {
        // SAFETY: the request lives, and is this thread's; a type of null is none.
        unsafe {
            (*self.raw).finfo.filetype = ffi::apr_filetype_e_APR_NOFILE;
            (*self.raw).content_type = ptr::null();
            (*self.raw).content_encoding = ptr::null();
            (*self.raw).content_languages = ptr::null_mut();
        }
    }

    /// Whether `Options` has `ExecCGI`.
    pub(crate) fn may_run_programs(&self) -> bool {
        // SAFETY: the request lives.
        let options = unsafe { ffi::ap_allow_options(self.raw) };
        options & ffi::OPT_EXECCGI.cast_signed() != 0
    }

    /// Whether `AuthType` says how somebody can log in.
    pub(crate) fn may_log_in(&self) -> bool {
        // SAFETY: the request lives; a string in the pool of its configuration.
        let how = unsafe { text::bytes(ffi::ap_auth_type(self.raw)) };
        how.is_some_and(|how| !how.eq_ignore_ascii_case(b"none"))
    }

    /// Whether `AcceptPathInfo` is `Off`.
    pub(crate) fn refuses_path_info(&self) -> bool {
        self.record().used_path_info == ffi::AP_REQ_REJECT_PATH_INFO.cast_signed()
    }

    /// Names the file, or what stands for one.
    pub(crate) fn set_filename(&self, name: &[u8]) {
        let name = self.pool().copy(name);
        // SAFETY: the request lives, and is this thread's; the copy ends in a NUL.
        unsafe { (*self.raw).filename = name.as_ptr().cast_mut().cast() };
    }

    /// Says what of the path is behind the file.
    pub(crate) fn set_path_info(&self, path: &[u8]) {
        let path = self.pool().copy(path);
        // SAFETY: the request lives, and is this thread's; the copy ends in a NUL.
        unsafe { (*self.raw).path_info = path.as_ptr().cast_mut().cast() };
    }

    /// Names the handler that is to answer.
    pub(crate) fn set_handler(&self, name: &'static [u8]) {
        let name = self.pool().copy(name);
        // SAFETY: the request lives, and is this thread's; the copy ends in a NUL.
        unsafe { (*self.raw).handler = name.as_ptr().cast() };
    }
}
