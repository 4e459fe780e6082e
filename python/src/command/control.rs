//! `narthex status`, `narthex reload`, `narthex stop`.

use std::{io::Write as _, os::unix::net::UnixStream};

use narthex_supervisor::{
    Manner,
    control::{Request, ask},
    runtime::Directory,
};

use super::{
    arguments::{Named, Reload, Status, Stop},
    failure::Failure,
    supervise::failure,
};

/// Shows how a server and its workers are. Returns the exit status.
///
/// # Errors
/// There is no such server, or it does not answer.
pub(super) fn status(status: &Status) -> Result<i32, Failure> {
    send(&status.server, Request::Status { json: status.json })
}

/// Loads a server's application anew, and waits for the end of that.
///
/// # Errors
/// There is no such server, or the old workers had to go on.
pub(super) fn reload(reload: &Reload) -> Result<i32, Failure> {
    send(&reload.server, Request::Reload)
}

/// Stops a server, and waits for its end.
///
/// # Errors
/// There is no such server.
pub(super) fn stop(stop: &Stop) -> Result<i32, Failure> {
    send(&stop.server, Request::Stop(if stop.now { Manner::Now } else { Manner::Graceful }))
}

fn send(named: &Named, request: Request) -> Result<i32, Failure> {
    let (name, stream) = find(named)?;
    match ask(stream, request).map_err(failure)? {
        Ok(answer) => {
            // Whoever reads it may have seen enough.
            let _ = std::io::stdout().write_all(answer.as_bytes());
            Ok(0)
        }
        Err(why) => Err(Failure::new(
            "N227",
            &format!("{name}: {why}"),
            Vec::new(),
            vec!["the log of the server says more".to_owned()],
        )),
    }
}

/// Connects to the server that is meant.
fn find(meant: &Named) -> Result<(String, UnixStream), Failure> {
    let directories = Directory::existing();
    let running: Vec<String> = directories.iter().flat_map(Directory::names).collect();
    let name = match (&meant.name, &running[..]) {
        (Some(name), _) | (None, [name]) => name,
        (None, []) => return Err(none("no supervised server of this user runs here", &running)),
        (None, _) => {
            return Err(Failure::new(
                "N229",
                "several servers run: say which is meant",
                running,
                vec!["give one of these names".to_owned()],
            ));
        }
    };
    for directory in &directories {
        if let Some(stream) = directory.connect(name).map_err(failure)? {
            return Ok((name.clone(), stream));
        }
    }
    Err(none(&format!("no server called {name} runs here"), &running))
}

fn none(title: &str, running: &[String]) -> Failure {
    let details = if running.is_empty() {
        "A server is supervised with --workers, --supervise or --reload.".to_owned()
    } else {
        format!("running: {}", running.join(", "))
    };
    Failure::new(
        "N228",
        title,
        vec![details],
        vec!["give both the same NARTHEX_RUNTIME_DIR if they have different ones".to_owned()],
    )
}
