//! CGI, through the suite: each exchange is one request of a process's life.
#![cfg(feature = "cgi")]

use narthex_adapters::{Backend, cgi};
use narthex_conformance::{Host, Opened, suite};

struct Cgi;

impl Host for Cgi {
    fn name(&self) -> &'static str {
        cgi::BACKEND.name()
    }

    fn open(&self, _bind: &str) -> Opened {
        Opened::gateway(|site, variables, input, output| {
            // What went wrong is in the journal; a process would also exit with a failure.
            let _ = cgi::serve_one(site, variables, input, output);
        })
    }
}

suite!(Cgi);
