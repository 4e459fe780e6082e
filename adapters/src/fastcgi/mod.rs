//! FastCGI: a web server keeps connections to the application, and sends requests over them.

pub mod asking;
pub mod client;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod pairs;
pub mod record;
pub(crate) mod responder;

use std::{env, net::IpAddr};

use narthex_core::{Capabilities, Capability};

use crate::{
    Backend, Door, Error, Options, Result, Surroundings,
    gateway::{Allowed, Open},
};
use responder::Responder;

/// FastCGI, responder and authorizer.
pub static BACKEND: FastCgi = FastCgi;

/// See [`BACKEND`].
#[derive(Clone, Copy, Debug)]
pub struct FastCgi;

/// The variable in which whoever starts us names the web servers that may connect (3.2).
const ALLOWED: &str = "FCGI_WEB_SERVER_ADDRS";

impl Backend for FastCgi {
    fn name(&self) -> &'static str {
        "fastcgi"
    }

    fn summary(&self) -> &'static str {
        "FastCGI: behind nginx, Apache, lighttpd, Caddy or HAProxy"
    }

    fn detect(&self, seen: &Surroundings) -> Option<&'static str> {
        seen.stdin_listens.then_some("descriptor 0 is a listening socket, as web servers do for it")
    }

    fn open(&self, options: &Options) -> Result<Box<dyn Door>> {
        let base = Capabilities::NONE
            .with(Capability::Persistent)
            .with(Capability::Duplex)
            .with(Capability::Multithread)
            .with(Capability::ReasonPhrase)
            .with(Capability::Truncation);
        let allowed = match env::var(ALLOWED) {
            Ok(addresses) => allowed(&addresses)?,
            Err(env::VarError::NotPresent) => Allowed::default(),
            Err(error) => return Err(Error::Options(format!("{ALLOWED}: {error}"))),
        };
        Ok(Box::new(Open::new("fastcgi", options, base, Responder::new, allowed)?))
    }
}

/// The addresses in the value of [`ALLOWED`], between commas.
fn allowed(value: &str) -> Result<Allowed> {
    let addresses = value.split(',').map(str::trim).filter(|address| !address.is_empty());
    let addresses: Result<Vec<IpAddr>> = addresses
        .map(|address| {
            address.parse::<IpAddr>().map(|address| address.to_canonical()).map_err(|_| {
                Error::Options(format!(
                    "{ALLOWED}: {address:?} is no address; write IP addresses with commas between"
                ))
            })
        })
        .collect();
    let addresses = addresses?;
    Ok(Allowed((!addresses.is_empty()).then(|| addresses.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_servers_are_named_by_their_addresses() {
        let Allowed(Some(addresses)) = allowed("127.0.0.1, ::1,::ffff:10.0.0.1").unwrap() else {
            panic!("some are allowed");
        };
        let expected: [IpAddr; 3] =
            ["127.0.0.1", "::1", "10.0.0.1"].map(|address| address.parse().unwrap());
        assert_eq!(&*addresses, expected);
        assert!(allowed("").unwrap().0.is_none());
        assert!(allowed("localhost").unwrap_err().to_string().contains("\"localhost\""));
    }

    #[test]
    fn a_process_is_known_by_its_standard_input() {
        let seen = |stdin_listens| Surroundings { stdin_listens, ..Surroundings::default() };
        assert!(FastCgi.detect(&seen(true)).is_some());
        assert!(FastCgi.detect(&seen(false)).is_none());
    }
}
