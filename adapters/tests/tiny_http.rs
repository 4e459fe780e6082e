//! The embedded server on `tiny_http`, through the suite.
#![cfg(feature = "tiny-http")]

use narthex_adapters::{Backend, Options, Stop, Stopping, tiny_http::BACKEND};
use narthex_conformance::{Ending, Host, Opened, suite};

struct TinyHttp;

impl Host for TinyHttp {
    fn name(&self) -> &'static str {
        BACKEND.name()
    }

    fn open(&self, bind: &str) -> Opened {
        let mut options = Options::default();
        options.binds = vec![bind.parse().expect("an address")];
        let door = BACKEND.open(&options).expect("a free address");
        let (capabilities, addresses, stop) = (door.capabilities(), door.addresses(), Stop::new());
        let told = stop.clone();
        let serve = move |site| door.serve(site, &told).expect("a service");
        Opened::listening(capabilities, &addresses, serve, move |ending| match ending {
            Ending::Graceful => stop.request(Stopping::Graceful),
            Ending::Now => stop.request(Stopping::Now),
        })
    }
}

suite!(TinyHttp);
