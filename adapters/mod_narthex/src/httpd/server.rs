//! Servers: the main one and its virtual hosts.
#![allow(unsafe_code, reason = "servers are structures of C")]

use std::{borrow::Cow, ffi::c_void, marker::PhantomData};

use super::{pool::Pool, text};
use crate::{ffi, module};

/// A server, which lives for `'a`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server<'a> {
    raw: *mut ffi::server_rec,
    lifetime: PhantomData<&'a ()>,
}

impl<'a> Server<'a> {
    /// # Safety
    /// `raw` is a server that lives for `'a`.
    pub(crate) unsafe fn new(raw: *mut ffi::server_rec) -> Self {
        Self { raw, lifetime: PhantomData }
    }

    /// The main server; none while httpd has not read its configuration.
    pub(crate) fn main() -> Option<Self> {
        // SAFETY: set by httpd before there are threads, and null or the main server.
        let raw = unsafe { ffi::ap_server_conf };
        (!raw.is_null()).then_some(Self { raw, lifetime: PhantomData })
    }

    /// The server as httpd knows it.
    pub(crate) fn as_ptr(self) -> *mut ffi::server_rec {
        self.raw
    }

    fn record(self) -> &'a ffi::server_rec {
        // SAFETY: it lives for 'a, and is not changed once there are requests.
        unsafe { &*self.raw }
    }

    /// This server and those that follow it: from the main one, all.
    pub(crate) fn all(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |server| {
            let next = server.record().next;
            (!next.is_null()).then_some(Self { raw: next, lifetime: PhantomData })
        })
    }

    /// Whether it is a `<VirtualHost>`.
    pub(crate) fn is_virtual(self) -> bool {
        self.record().is_virtual != 0
    }

    /// The name of `ServerName`.
    pub(crate) fn name(self) -> Option<&'a [u8]> {
        // SAFETY: a string in the pool of the configuration.
        unsafe { text::bytes(self.record().server_hostname) }
    }

    /// The same, for people.
    pub(crate) fn display_name(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.name().unwrap_or(b"localhost"))
    }

    /// Something that tells servers from each other.
    pub(crate) fn key(self) -> usize {
        self.raw.addr()
    }

    /// The port of `ServerName`, 0 for none.
    pub(crate) fn port(self) -> u16 {
        self.record().port
    }

    /// The pool that lives as long as this process of httpd, through restarts.
    pub(crate) fn process_pool(self) -> Pool<'a> {
        // SAFETY: the process and its pool live as long as httpd.
        unsafe { Pool::new((*self.record().process).pool) }
    }

    /// What the module keeps with this server.
    pub(super) fn kept(self) -> *mut c_void {
        // SAFETY: the vector has a place for each module.
        unsafe { ffi::ap_get_module_config(self.record().module_config, module::record()) }
    }
}
