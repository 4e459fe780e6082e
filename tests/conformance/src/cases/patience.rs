//! Clients that take too long over a body, on any connection.

use std::{sync::atomic::Ordering::SeqCst, thread, time::Instant};

use narthex_core::Capability;

use super::timeouts::{SHORT, patient};
use crate::{Host, Way, script::Script};

pub(crate) fn body_too_slow(host: &dyn Host) {
    let server = patient(host, |site| site.timeouts.body = SHORT);
    let framings = ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\na"];
    // A web server in front takes chunks apart.
    let count = if server.capabilities.has(Capability::Framing) { 2 } else { 1 };
    for way in Way::ALL {
        for body in &framings[..count] {
            let started = Instant::now();
            let mut connection = server.connect();
            let way = way.name();
            connection.send(format!("POST /count HTTP/1.1\r\nHost: a\r\nWay: {way}\r\n{body}"));
            connection.response("POST").whole(408);
            assert!(connection.closes());
            let elapsed = started.elapsed();
            assert!(elapsed > SHORT * 9 / 10 && elapsed < SHORT * 10, "{elapsed:?}");
        }
    }
    // It is the time between two pieces that counts.
    let mut connection = server.connect();
    connection.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n");
    for _ in 0..8 {
        thread::sleep(SHORT / 4);
        connection.send("x");
    }
    connection.response("POST").received(b"xxxxxxxx");
}

pub(crate) fn response_not_taken(host: &dyn Host) {
    let server = patient(host, |site| site.timeouts.write = SHORT);
    for way in Way::STREAMED {
        let mut connection = server.connect_narrow();
        connection.send(Script::new().endless().get().way(way).bytes());
        connection.fill(crate::PATIENCE).expect("the start of the response");
        server.probe.until("the response is given up", |probe| {
            let held = probe.held.load(SeqCst);
            held > 0 && probe.released.load(SeqCst) == held
        });
    }
}
