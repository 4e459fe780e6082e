//! Reason phrases, where the protocol carries them.

use crate::{Host, Server, Way, script::Script};

pub(crate) fn reason_phrase_of_its_own(host: &dyn Host) {
    let server = Server::start(host);
    for way in Way::ALL {
        let script = Script::new().status(404).reason("Gone Fishing").piece("x");
        let response = server.exchange(&script.get().way(way)).whole(404);
        assert_eq!(response.reason, b"Gone Fishing");
        let script = Script::new().status(299).reason("Odd\tBut, (Fine)!");
        let response = server.exchange(&script.get().way(way)).whole(299);
        assert_eq!(response.reason, b"Odd\tBut, (Fine)!");
    }
}

pub(crate) fn reason_phrase_above_ascii(host: &dyn Host) {
    let server = Server::start(host);
    let script = Script::new().status(200).reason(b"Tr\xe8s bien");
    assert_eq!(server.exchange(&script.get()).whole(200).reason, b"Tr\xe8s bien");
}
