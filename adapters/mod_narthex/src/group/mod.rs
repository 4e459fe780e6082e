//! Applications in processes of their own: httpd's thread is a FastCGI client of them, and the broker
//! looks after them.

use crate::{
    httpd::{Level, Request, Server, pool::Pool},
    place::{Outcome, Place},
};

/// What is kept with each application; made empty, and shared by all threads of the child.
#[derive(Debug, Default)]
pub(crate) struct Slot;

/// Starts the broker, or tells it the new configuration. Called in the parent, still privileged, at each
/// start and graceful restart that is meant (not at configtest, not in the first of httpd's two
/// passes), only if something may run in a group. Nothing of it may outlive the restart but what is in
/// `server.process_pool()`: the module itself may be loaded anew.
///
/// # Errors
/// Why the broker cannot be started, in a line: it is logged, and applications in groups are then
/// answered by 503.
pub(crate) fn post_config(
    _server: Server<'_>,
    _pool: Pool<'_>,
    _groups: &[narthex_broker::Group],
) -> Result<(), String> {
    Err("the broker of groups is missing from this build".to_owned())
}

/// Prepares this child. Called once, before there is any other thread.
pub(crate) fn child_init(_server: Server<'_>, _pool: Pool<'_>) {}

/// Answers a request whose place says [`Process::Group`](crate::place::Process::Group).
pub(crate) fn answer(request: &Request<'_>, _place: &Place<'_>) -> Outcome {
    request.log(Level::Error, "Narthex cannot run applications in groups yet");
    Outcome::Status(503)
}
