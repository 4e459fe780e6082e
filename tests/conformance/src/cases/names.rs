//! Field names that two fields can be confused by.

use crate::{Host, Request, Server};

/// In variables `X_Forwarded_For` and `X-Forwarded-For` are the same (CVE-2015-0219): Apache httpd
/// and nginx drop the former, and so do we.
pub(crate) fn underscores_are_dropped(host: &dyn Host) {
    let server = Server::start(host);
    let request = Request::get("/")
        .field("X-Forwarded-For", "good")
        .field("X_Forwarded_For", "evil")
        .field("X_Forwarded-For", "evil")
        .field("Remote_User", "evil")
        .field("Content_Length", "99");
    let view = server.exchange(&request).view();
    assert_eq!(view.one("variable HTTP_X_FORWARDED_FOR"), "good");
    assert_eq!(view.one("field x-forwarded-for"), "good");
    for name in ["x_forwarded_for", "x_forwarded-for", "remote_user", "content_length"] {
        assert!(view.all(&format!("field {name}")).is_empty(), "{name}");
    }
    assert!(view.all("variable HTTP_REMOTE_USER").is_empty());
    assert!(view.all("variable HTTP_CONTENT_LENGTH").is_empty());
}
