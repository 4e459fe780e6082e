//! Back-pressure: a slow client slows the application down, and nothing is kept for it.

use std::{sync::atomic::Ordering::SeqCst, thread, time::Duration};

use crate::{
    Host, Request, Server, Way,
    script::{Script, pattern},
};

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
        let mut connection = server.connect_narrow();
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
        let mut connection = server.connect_narrow();
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

/// A client that stops sending in the middle of its body, and goes away.
pub(crate) fn client_leaves_in_the_middle_of_its_body(host: &dyn Host) {
    let server = Server::start(host);
    for (reads, way) in (1..).zip([Way::Pushed, Way::Waited]) {
        let mut connection = server.connect();
        let head = format!("POST /count HTTP/1.1\r\nHost: a\r\nWay: {}\r\n", way.name());
        connection.send(head + "Content-Length: 1000000\r\n\r\n");
        connection.send(vec![b'a'; 500_000]);
        server.probe.until("the request runs", |probe| probe.seen().len() == reads);
        connection.reset();
        server.probe.until("everything released", |probe| {
            probe.held.load(SeqCst) == reads && probe.released.load(SeqCst) == reads
        });
        assert_eq!(server.probe.failed_reads.load(SeqCst), reads, "{way:?}: a read fails, once");
    }
}

/// However slowly one body comes, and on however few threads, others are not held up.
pub(crate) fn slow_upload_beside_a_fast_one(host: &dyn Host) {
    let server = Server::start(host);
    let fast = pattern(3_000_000);
    for way in Way::ALL {
        let mut slow = server.connect();
        let head = format!("POST /count HTTP/1.1\r\nHost: a\r\nWay: {}\r\n", way.name());
        slow.send(head + "Content-Length: 200000\r\n\r\n");
        for _ in 0..4 {
            slow.send(vec![b'a'; 50_000]);
            server.exchange(&Request::post("/count", &fast).way(way)).received(&fast);
        }
        slow.response("POST").received(&vec![b'a'; 200_000]);
    }
}
