//! One module for each way of being deployed.
//!
//! A backend is one file with a `BACKEND`, one line below, one feature. Nothing else in the
//! project names it: whoever wants a backend asks [`backends`] for it.

mod backend;
#[cfg(any(feature = "static-files", feature = "cgi-bin"))]
mod beneath;
mod cgi_bin;
#[cfg(any(feature = "cgi-bin", feature = "fastcgi"))]
mod cgi_head;
#[cfg(any(feature = "cgi", feature = "gateway"))]
mod cgi_text;
#[cfg(feature = "edge")]
mod edge;
mod error;
mod errors_stream;
#[cfg(feature = "gateway")]
mod gateway;
#[cfg(any(feature = "hyper", feature = "tiny-http"))]
mod guard;
mod listen;
#[cfg(any(feature = "hyper", feature = "tiny-http"))]
mod plain;
mod statics;
mod stop;
mod tls;

pub use backend::{Backend, Door, Options, Surroundings, ThreadStart};
pub use cgi_bin::{CgiBin, CgiMount, why_not};
pub use error::{Error, Result};
pub use errors_stream::ErrorStream;
pub use listen::{
    ACTIVATION_VARIABLES, Bind, Listener, Permissions, SocketFile, SocketTrouble, activated,
    close_on_exec, inherited_descriptor,
};
pub use statics::StaticMount;
pub use stop::{Stop, Stopping};
pub use tls::{Certificate, Clients, Tls, TlsError, TlsVersion};

macro_rules! backends {
    ($($feature:literal => $module:ident,)*) => {
        $(#[cfg(feature = $feature)] pub mod $module;)*

        /// The backends compiled in, in the order in which they may claim a process.
        #[must_use]
        pub fn backends() -> Vec<&'static dyn Backend> {
            vec![$(#[cfg(feature = $feature)] &$module::BACKEND),*]
        }
    };
}

backends! {
    "apache" => apache,
    "cgi" => cgi,
    "fastcgi" => fastcgi,
    "hyper" => hyper,
    "scgi" => scgi,
    "tiny-http" => tiny_http,
    "uwsgi" => uwsgi,
}
