//! Clients that go away in the middle of a response.

use std::sync::atomic::Ordering::SeqCst;

use narthex_core::Level;

use crate::{Host, Request, Server, Way, script::Script};

/// The application's resources are let go of, and nobody is blamed for it.
#[track_caller]
fn departs(host: &dyn Host, way: Way) -> Server {
    let server = Server::start(host);
    server.abandon(&Script::new().piece("x").endless().get().way(way), 100_000);
    server.probe.until("everything released", |probe| {
        let held = probe.held.load(SeqCst);
        held > 0 && probe.released.load(SeqCst) == held
    });
    assert_eq!(server.probe.seen().len(), 1);
    let access = server.journal.accesses(1);
    assert!(!access[0].complete, "{access:?}");
    let errors = server.journal.lines();
    assert!(errors.iter().all(|(level, _)| *level < Level::Warning), "{errors:#?}");
    server.exchange(&Request::get("/")).whole(200);
    server
}

pub(crate) fn client_leaves_while_pushed(host: &dyn Host) {
    let server = departs(host, Way::Pushed);
    assert_eq!(server.probe.failed_writes.load(SeqCst), 1, "a write fails, once");
}

pub(crate) fn client_leaves_while_waited_for(host: &dyn Host) {
    let server = departs(host, Way::Waited);
    assert_eq!(server.probe.failed_writes.load(SeqCst), 1, "a write fails, once");
}

pub(crate) fn client_leaves_while_pulled(host: &dyn Host) {
    departs(host, Way::Pulled);
}
