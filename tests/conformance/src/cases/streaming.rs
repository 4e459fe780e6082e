//! Back-pressure: a slow client slows the application down, and nothing is kept for it.

use std::{sync::atomic::Ordering::SeqCst, thread, time::Duration};

use crate::{Host, Request, Server, Way, connection::Connection, script::Script};

/// More than the kernel takes into its buffers on both sides, and far less than the body.
const BETWEEN: u64 = 16 << 20;

pub(crate) fn slow_reader_is_waited_for(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::STREAMED {
        let before = server.probe.accepted.load(SeqCst);
        let mut script = Script::new();
        for _ in 0..50 {
            script = script.pattern(1 << 20);
        }
        let mut connection = Connection::open_narrow(server.address());
        connection.send(script.get().way(way).bytes());
        let mut farthest = 0;
        for round in 0.. {
            if connection.taken < 8 << 20 && round % 16 == 0 {
                thread::sleep(Duration::from_millis(3));
            }
            let accepted = server.probe.accepted.load(SeqCst) - before;
            farthest = farthest.max(accepted.saturating_sub(connection.taken));
            assert!(farthest < BETWEEN, "{way:?}: {farthest} bytes taken that nobody has read");
            match connection.drink() {
                Ok(_) if connection.taken < 50 << 20 => {}
                Ok(_) => break,
                Err(gap) => panic!("{gap:?} after {} bytes", connection.taken),
            }
        }
        // The client may have the last byte before the application is told that it was taken.
        server
            .probe
            .until("everything accepted", |probe| probe.accepted.load(SeqCst) - before == 50 << 20);
    }
}

pub(crate) fn client_leaves_a_stalled_response(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::STREAMED {
        let mut connection = Connection::open_narrow(server.address());
        connection.send(Script::new().endless().get().way(way).bytes());
        connection.fill(crate::PATIENCE).expect("the start of the response");
        let stalled = || {
            let accepted = server.probe.accepted.load(SeqCst);
            thread::sleep(Duration::from_millis(30));
            accepted > 0 && server.probe.accepted.load(SeqCst) == accepted
        };
        while !stalled() {}
        connection.reset();
        server.probe.until("everything released", |probe| {
            let held = probe.held.load(SeqCst);
            held > 0 && probe.released.load(SeqCst) == held
        });
    }
    server.exchange(&Request::get("/")).whole(200);
}
