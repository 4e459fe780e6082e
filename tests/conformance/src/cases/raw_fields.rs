//! Request fields with bytes above ASCII, where the parser hands them down.

use crate::{Host, Request, Server};

pub(crate) fn bytes_above_ascii_in_fields(host: &dyn Host) {
    let request = Request::get("/").field("X-Name", b"caf\xe9").field("X-Text", "あ");
    let view = Server::start(host).exchange(&request).view();
    assert_eq!(view.one("field x-name"), r"caf\xe9");
    assert_eq!(view.one("variable HTTP_X_NAME"), r"caf\xe9");
    assert_eq!(view.one("field x-text"), r"\xe3\x81\x82");
}

/// A server has died of this one (CVE-2026-42544).
pub(crate) fn bytes_above_ascii_in_an_upgrade(host: &dyn Host) {
    let request = Request::get("/")
        .field("Connection", "Upgrade")
        .field("Upgrade", "websocket")
        .field("Sec-WebSocket-Version", "13")
        .field("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .field("Sec-WebSocket-Protocol", b"chat\xe9");
    let server = Server::start(host);
    let view = server.exchange(&request).view();
    assert_eq!(view.one("field sec-websocket-protocol"), r"chat\xe9");
    server.exchange(&Request::get("/")).whole(200);
}
