//! Which backend is to be used, and why.

use std::env;

use narthex_adapters::{Backend, Surroundings, backends};
use rustix::net::sockopt;

use super::{arguments::AUTO, failure::Failure};

/// The backend of `narthex serve`, and of `narthex run` where nothing speaks for another.
pub(super) const SERVER: &str = "hyper";

/// The backend of `narthex cgi`.
pub(super) const GATEWAY: &str = "cgi";

/// A backend, and the reason for it.
pub(super) struct Choice {
    pub(super) backend: &'static dyn Backend,
    pub(super) reason: String,
}

/// What this process can see of how it was started.
pub(super) fn surroundings() -> Surroundings {
    Surroundings { variables: env::vars_os().collect(), stdin_listens: stdin_listens() }
}

/// Whether the standard input is a listening socket, as FastCGI has it.
pub(super) fn stdin_listens() -> bool {
    sockopt::socket_acceptconn(rustix::stdio::stdin()).unwrap_or(false)
}

/// Chooses the backend called `name`, or the one that the surroundings speak for.
///
/// # Errors
/// No such backend is compiled in.
pub(super) fn choose(name: &str, seen: &Surroundings) -> Result<Choice, Failure> {
    if name != AUTO {
        let backend = named(name).ok_or_else(|| absent(name))?;
        return Ok(Choice { backend, reason: "it was asked for".to_owned() });
    }
    let detected =
        backends().into_iter().find_map(|backend| Some((backend, backend.detect(seen)?)));
    if let Some((backend, reason)) = detected {
        return Ok(Choice { backend, reason: reason.to_owned() });
    }
    let server = named(SERVER).or_else(|| backends().into_iter().find(|it| it.listens()));
    let backend = server.ok_or_else(|| absent(SERVER))?;
    let reason = "nothing in the environment speaks for a gateway".to_owned();
    Ok(Choice { backend, reason })
}

fn named(name: &str) -> Option<&'static dyn Backend> {
    backends().into_iter().find(|backend| backend.name() == name)
}

fn absent(name: &str) -> Failure {
    let names: Vec<_> = backends().into_iter().map(Backend::name).collect();
    Failure::new(
        "N206",
        &format!("the backend {name} is not compiled in"),
        vec![format!("compiled in: {}", names.join(", "))],
        vec![format!("build narthex with the feature `{name}`")],
    )
}
