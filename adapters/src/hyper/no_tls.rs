//! Stands in for HTTPS where it is not compiled in.

use std::{io, sync::Arc};

use narthex_core::{Journal, Variables};
use tokio::net::TcpStream;

use crate::{Tls, TlsError, edge::Socket};

/// A connection that has been made secure.
pub(super) type Secured = Socket<TcpStream>;

/// The certificates of a server: there are none.
#[derive(Debug)]
pub(super) enum Secure {}

impl Secure {
    /// Refuses.
    pub(super) fn open(_settings: &Tls) -> Result<Self, TlsError> {
        Err(TlsError::NotCompiledIn)
    }

    /// Shakes hands with the client of `stream`.
    #[expect(clippy::unused_async, reason = "as where TLS is compiled in")]
    pub(super) async fn accept(&self, _: Socket<TcpStream>) -> io::Result<(Secured, Variables)> {
        match *self {}
    }

    /// Follows the files.
    #[expect(clippy::unused_async, reason = "as where TLS is compiled in")]
    pub(super) async fn keep(self: Arc<Self>, _journal: Arc<dyn Journal>) {
        match *self {}
    }
}

/// Whether a failed handshake is of interest.
pub(super) fn is_refusal(_error: &io::Error) -> bool {
    false
}
