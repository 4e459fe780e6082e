//! What the application must see of repeated request fields, where the host does not join them.

use crate::{Host, Request, Server};

pub(crate) fn repeated_request_fields(host: &dyn Host) {
    let request = Request::get("/").field("Foo", "bar").field("X", "y").field("foo", "baz");
    let view = Server::start(host).exchange(&request).view();
    assert_eq!(view.all("field foo"), ["bar", "baz"]);
    assert_eq!(view.one("variable HTTP_FOO"), "bar, baz");
}
