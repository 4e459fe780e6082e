//! Listening and stopping.

use std::{sync::atomic::Ordering::SeqCst, thread, time::Duration};

use crate::{Ending, Host, Request, Server, Way, script::Script};

pub(crate) fn unix_socket(host: &dyn Host) {
    let name = format!("narthex-conformance-{}-{}.sock", host.name(), std::process::id());
    let path = std::env::temp_dir().join(name);
    let bind = format!("unix:{}", path.display());
    let server = Server::bound(host, &bind, |_| ());
    let mut connection = server.connect();
    for way in Way::ALL {
        connection.send(Request::post("/count", "abc").way(way).bytes());
        connection.response("POST").received(b"abc");
    }
    connection.send(Request::get("/").bytes());
    assert_eq!(connection.response("GET").view().one("client"), "", "it has no address");
    drop(connection);
    drop(server);
    assert!(!path.exists(), "the socket goes when its server goes");
}

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

pub(crate) fn idle_connections_are_closed(host: &dyn Host) {
    let server = Server::start(host);
    let (mut fresh, mut used) = (server.connect(), server.connect());
    used.send(Script::new().piece("x").get().bytes());
    used.response("GET").whole(200);
    assert!(fresh.is_silent(Duration::from_millis(10)));
    server.stop(Ending::Graceful);
    assert!(used.closes() && fresh.closes());
    server.has_stopped();
}

pub(crate) fn nothing_is_accepted_after_a_stop(host: &dyn Host) {
    let server = Server::start(host);
    server.exchange(&Request::get("/")).whole(200);
    let address = server.address().trim_start_matches("http://").to_owned();
    server.stop(Ending::Graceful);
    server.has_stopped();
    assert!(std::net::TcpStream::connect(address).is_err());
}

pub(crate) fn access_log_has_every_request(host: &dyn Host) {
    let server = Server::with(host, |site| site.limits.body_size = 10);
    let mut connection = server.connect();
    for way in Way::ALL {
        connection.send(Request::get("/a\u{25}1b").way(way).bytes());
        connection.response("GET").whole(200);
    }
    // A line is written when its response is out: other connections must not overtake it.
    server.journal.accesses(Way::ALL.len());
    server.exchange(&Request::post("/", "more than ten bytes")).whole(413);
    server.journal.accesses(Way::ALL.len() + 1);
    server.exchange(&Script::new().fail_early().get()).whole(500);
    let accesses = server.journal.accesses(Way::ALL.len() + 2);
    let statuses: Vec<u16> = accesses.iter().map(|line| line.status).collect();
    let answered = Way::ALL.len();
    assert!(statuses[..answered].iter().all(|&status| status == 200), "{statuses:?}");
    assert_eq!(statuses[answered..], [413, 500]);
    assert!(accesses.iter().all(|line| line.complete && line.bytes > 0), "{accesses:#?}");
    assert_eq!(accesses[0].request.as_deref(), Some("GET /a%1b"));
    assert_eq!(accesses[answered].request.as_deref(), Some("POST /"));
}
