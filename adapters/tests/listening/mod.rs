//! A listening backend as a host of the suite.

use narthex_adapters::{Backend, Options, Stop, Stopping};
use narthex_conformance::{Ending, Host, Opened};

/// A backend that listens.
pub(crate) struct Listening(pub(crate) &'static (dyn Backend + Sync));

impl Host for Listening {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn open(&self, bind: &str) -> Opened {
        let mut options = Options::default();
        options.binds = vec![bind.parse().expect("an address")];
        let door = self.0.open(&options).expect("a free address");
        let (capabilities, addresses, stop) = (door.capabilities(), door.addresses(), Stop::new());
        let told = stop.clone();
        let serve = move |site| door.serve(site, &told).expect("a service");
        Opened::listening(capabilities, &addresses, serve, move |ending| match ending {
            Ending::Graceful => stop.request(Stopping::Graceful),
            Ending::Now => stop.request(Stopping::Now),
        })
    }
}
