//! Groups of options, each with what it turns into.

pub(super) mod apache;
pub(super) mod calls;
pub(super) mod cgi_bin;
pub(super) mod http2;
pub(super) mod init;
pub(super) mod observing;
pub(super) mod proxy;
pub(super) mod proxy_protocol;
#[cfg(feature = "cgi")]
pub(super) mod residence;
pub(super) mod sockets;
pub(super) mod statics;
pub(super) mod tls;
pub(super) mod workers;
