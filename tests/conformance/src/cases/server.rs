//! Listening, and connections that are kept.

use std::time::Duration;

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
