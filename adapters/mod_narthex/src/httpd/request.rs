//! A request of httpd.
#![allow(unsafe_code, reason = "requests are structures of C")]

use std::{ffi::c_int, marker::PhantomData};

use super::{Server, Table, pool::Pool, text};
use crate::ffi;

/// A request, which lives for `'r` and belongs to this thread.
#[derive(Debug)]
pub(crate) struct Request<'r> {
    raw: *mut ffi::request_rec,
    lifetime: PhantomData<&'r ()>,
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
        /// The request line, without its end.
        request_line = the_request,
        /// The target as the client sent it; of a subrequest or redirect, its own.
        target = unparsed_uri,
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
        /// The host that is asked for, in lower case and without its port.
        hostname = hostname,
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
        /// The fields of a response that succeeds.
        headers_out,
        /// The fields of any response, also of an error and through an internal redirect.
        err_headers_out,
        /// The variables of the request.
        subprocess_env,
        /// The notes that modules leave each other.
        notes,
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

    /// The request that this is a subrequest of.
    pub(crate) fn main(&self) -> Option<Self> {
        let main = self.record().main;
        (!main.is_null()).then_some(Self { raw: main, lifetime: PhantomData })
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

    /// Answers by this status, as httpd sees it.
    pub(crate) fn set_status(&self, status: u16) {
        // SAFETY: the request lives, and is this thread's.
        unsafe { (*self.raw).status = c_int::from(status) };
    }
}
