//! The process that stays and answers CGI requests, which `narthex-cgi` starts.

use std::{
    env,
    os::{fd::OwnedFd, unix::net::UnixListener, unix::process::CommandExt},
    path::{self, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use narthex_adapters::cgi::Residence;
use narthex_core::{Handler, Journal, Level};
use narthex_supervisor::runtime::{Socket, script_file};
use pyo3::prelude::*;
use rustix::{
    io::fcntl_dupfd_cloexec,
    net::sockopt::socket_acceptconn,
    stdio::{dup2_stdin, stdin},
};

use super::{
    arguments::{Cgi, Listening},
    failure::Failure,
    fork,
    options::residence::Mode,
    plan::Plan,
    ports, serve, signals,
};
use crate::journal::Log;

/// The program that hands requests over.
const STUB: &str = "narthex-cgi";

/// Names that program, where it does not lie beside the interpreter.
const STUB_VARIABLE: &str = "NARTHEX_CGI_PROGRAM";

/// Becomes `narthex-cgi`, which answers in the way that was asked for.
///
/// # Errors
/// There is no such program.
pub(super) fn hand_over(py: Python<'_>, cgi: &Cgi, options: Vec<std::ffi::OsString>) -> Failure {
    let become_it = || -> Result<Failure, PyErr> {
        let python: PathBuf = py.import("sys")?.getattr("executable")?.extract()?;
        let beside = python.with_file_name(STUB);
        let program = env::var_os(STUB_VARIABLE).map_or(beside, PathBuf::from);
        let mut command = Command::new(&program);
        if env::var_os("NARTHEX_PYTHON").is_none() {
            command.env("NARTHEX_PYTHON", python);
        }
        let error = command.args(options).args(cgi.application.arguments()).exec();
        Ok(Failure::new(
            "N294",
            &format!("{} cannot be started: {error}", program.display()),
            vec!["It hands requests to a process that stays, and comes with narthex.".to_owned()],
            vec![format!("install narthex anew, or name the program by {STUB_VARIABLE}")],
        ))
    };
    become_it().unwrap_or_else(Failure::from)
}

/// Answers requests until nobody has any. Returns the exit status.
///
/// # Errors
/// The start failed, and there is nobody to be told.
pub(super) fn run(py: Python<'_>, mut cgi: Cgi, mode: Mode) -> Result<i32, Failure> {
    let residence = settle(py, &mut cgi)?;
    let plan = Plan::production(cgi.application, Listening::default());
    match start(py, &plan, mode) {
        Ok(started) if mode == Mode::Fork => fork::serve(py, residence, &plan, &started),
        Ok(started) => answer(py, residence, &plan, started),
        Err(failure) => {
            let text = failure.screen(py)?;
            py.detach(|| residence.refuse(&text));
            Err(failure)
        }
    }
}

/// An application that is ready.
pub(super) struct Started {
    pub(super) log: Arc<Log>,
    pub(super) handler: Arc<dyn Handler>,
    hold: Option<signals::Hold>,
}

/// Takes over what `narthex-cgi` has left: the socket as standard input, the rest as it was when the
/// first request came.
fn settle(py: Python<'_>, cgi: &mut Cgi) -> Result<Residence, Failure> {
    let not_started_by_it = || {
        Failure::new(
            "N295",
            "standard input is not the socket of narthex-cgi",
            Vec::new(),
            vec!["leave --resident to narthex-cgi".to_owned()],
        )
    };
    let socket = cgi.residence.resident_socket.clone().ok_or_else(not_started_by_it)?;
    if !socket_acceptconn(stdin()).unwrap_or(false) {
        return Err(not_started_by_it());
    }
    let taken = || -> std::io::Result<UnixListener> {
        let listener = fcntl_dupfd_cloexec(stdin(), 3)?;
        dup2_stdin(OwnedFd::from(std::fs::File::open("/dev/null")?))?;
        // Signals for the web server's group, such as those of a terminal, are not for this process.
        // It fails only where that group is this process's own.
        let _ = rustix::process::setsid();
        Ok(listener.into())
    };
    let listener = taken().map_err(|error| {
        let title = format!("the socket cannot be taken over: {error}");
        Failure::new("N295", &title, Vec::new(), Vec::new())
    })?;
    let app = &mut cgi.application.app;
    let mut script = script_file(app);
    if script.is_file() {
        // Before the directory changes.
        let whole = |path: &std::ffi::OsStr| path::absolute(path).unwrap_or_else(|_| path.into());
        *app = whole(app).into();
        script = whole(script.as_os_str());
        if cgi.application.chdir.is_none() {
            // Where web servers start a script.
            cgi.application.chdir = script.parent().map(Into::into);
        }
    }
    py.import("narthex._resident")?.call_method1("settle", (&script,))?;
    let socket = Socket::inherited(listener, socket);
    Ok(Residence::new(socket, script, cgi.residence.patience()))
}

fn start(py: Python<'_>, plan: &Plan, mode: Mode) -> Result<Started, Failure> {
    plan.change_directory()?;
    let log = Arc::new(plan.log(true)?);
    // A zygote has no threads, and ends like any script.
    let warm = mode == Mode::Warm;
    let hold = if warm { Some(signals::hold(py, None)?) } else { None };
    if warm {
        py.import("narthex._resident")?.call_method0("lead_streams")?;
        crate::calls::show_crashes(py)?;
    }
    let backend = if warm { "cgi-warm" } else { "cgi-fork" };
    let (handler, _) = serve::start(py, backend, false, plan, &log)?;
    Ok(Started { log, handler, hold })
}

/// Answers by threads.
fn answer(
    py: Python<'_>,
    residence: Residence,
    plan: &Plan,
    started: Started,
) -> Result<i32, Failure> {
    let Started { log, handler, hold } = started;
    let hold = hold.expect("threads answer in a process that handles signals");
    let options = plan.options()?;
    let site = Arc::new(plan.site(handler, &log));
    let door = residence.door(&options);
    let caught = signals::Caught { hold, tie: None, web_servers_child: false };
    let outcome = signals::serve(py, door, site, &log, &caught, |_| ())?;
    log.flush();
    if let Err(error) = &outcome {
        log.write(Level::Error, &ports::full(error));
    }
    let status = i32::from(outcome.is_err());
    py.import("narthex._command")?.call_method1("leave", (status,))?;
    Ok(status)
}

/// How long a process without work sleeps.
pub(super) const LOOK: Duration = Duration::from_secs(1);
