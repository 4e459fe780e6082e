//! A request body that is sent back while it is read.

use crate::{Host, Request, Server, script::pattern};

pub(crate) fn echo(host: &dyn Host) {
    let server = Server::start(host);
    for length in [1, 100_000] {
        let response = server.exchange(&Request::post("/echo", pattern(length))).whole(200);
        assert!(response.body == pattern(length));
    }
}
