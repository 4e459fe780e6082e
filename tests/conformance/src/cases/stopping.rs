//! What a stop lets go on, and what it ends.

use std::{sync::atomic::Ordering::SeqCst, thread, time::Duration};

use crate::{Ending, Host, Request, Server, Way};

pub(crate) fn running_request_is_finished(host: &dyn Host) {
    for way in [Way::Pushed, Way::Waited] {
        finishes(host, way);
    }
}

fn finishes(host: &dyn Host, way: Way) {
    let server = Server::start(host);
    let (mut gated, mut arriving) = (server.connect(), server.connect());
    gated.send(Request::get("/gate").bytes());
    let head = format!("POST /count HTTP/1.1\r\nHost: a\r\nWay: {}\r\n", way.name());
    arriving.send(head + "Content-Length: 200000\r\n\r\n");
    arriving.send("a".repeat(100_000));
    server
        .probe
        .until("both run", |probe| probe.waiting.load(SeqCst) == 1 && probe.seen().len() == 2);
    server.stop(Ending::Graceful);
    thread::sleep(Duration::from_millis(30));
    server.probe.open_the_gate();
    arriving.send("a".repeat(100_000));
    assert_eq!(gated.response("GET").whole(200).body, b"through");
    arriving.response("POST").received("a".repeat(200_000).as_bytes());
    assert!(gated.closes() && arriving.closes());
    server.has_stopped();
}

pub(crate) fn nothing_is_accepted_after_a_stop(host: &dyn Host) {
    let server = Server::start(host);
    server.exchange(&Request::get("/")).whole(200);
    let (_, address) = server.address().split_once("://").expect("a scheme");
    let address = address.to_owned();
    server.stop(Ending::Graceful);
    server.has_stopped();
    assert!(std::net::TcpStream::connect(address).is_err());
}
