//! From the arguments of the process to its exit status.

use std::{env, ffi::OsString};

use narthex_adapters::{Backend, backends};
use pyo3::prelude::*;

#[cfg(feature = "cgi")]
use super::resident;
use super::{
    apache,
    arguments::{self, Action, Config, Listening, Mistake, Serve},
    check, choice, control,
    failure::Failure,
    init,
    options::sockets,
    plan::Plan,
    request, serve, settings, supervise,
};

/// Runs the command with these arguments; returns its exit status.
///
/// # Errors
/// What escapes from Python where nothing of ours can tell it better.
#[expect(clippy::needless_pass_by_value, reason = "what Python hands over is owned")]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<i32> {
    sockets::open_streams()?;
    let gateway = env::var_os("GATEWAY_INTERFACE").is_some();
    let parsed = match arguments::parse(&arguments, &version(py)?, gateway) {
        Ok(parsed) => parsed,
        Err(Mistake::Arguments(error)) => {
            // Nobody is left to be told when the terminal has gone.
            let _ = error.print();
            return Ok(error.exit_code());
        }
        Err(Mistake::Settings(failure)) => return failure.show(py),
    };
    let outcome = match parsed.cli.action {
        Action::Run(run) if run.backend == apache::BACKEND => {
            apache::run(py, &run, &parsed.command, &parsed.matches)
        }
        Action::Run(run) => {
            serve(py, &run.backend, &Plan::development(run.application, run.listening), &arguments)
        }
        Action::Serve(serving) => {
            let plan = Plan::production(serving.application, serving.listening);
            serve(py, choice::SERVER, &plan, &arguments)
        }
        Action::Fastcgi(serving) => gateway_server(py, "fastcgi", serving, &arguments),
        Action::Scgi(serving) => gateway_server(py, "scgi", serving, &arguments),
        Action::Uwsgi(serving) => gateway_server(py, "uwsgi", serving, &arguments),
        Action::Cgi(cgi) if cgi.played.request.is_some() => request::play(py, &cgi),
        #[cfg(feature = "cgi")]
        Action::Cgi(cgi) if let Some(mode) = cgi.residence.resident => resident::run(py, cgi, mode),
        #[cfg(feature = "cgi")]
        Action::Cgi(cgi) if let Some(options) = cgi.residence.arguments() => {
            return resident::hand_over(py, &cgi, options).show(py);
        }
        Action::Cgi(cgi) => {
            let plan = Plan::production(cgi.application, Listening::default());
            serve(py, choice::GATEWAY, &plan, &arguments)
        }
        Action::Check(checked) => check::check(py, checked),
        Action::Init(init) => init::init(py, &init),
        Action::Apache(action) => apache::apache(py, &action),
        Action::Status(status) => control::status(&status),
        Action::Reload(reload) => control::reload(&reload),
        Action::Stop(stop) => control::stop(&stop),
        Action::Config(Config::Show(_)) => {
            let shown = settings::show(&parsed.command, &parsed.matches, &parsed.completed);
            Ok(i32::from(shown.is_err()))
        }
    };
    match outcome {
        Ok(status) => Ok(status),
        Err(failure) => failure.show(py),
    }
}

fn gateway_server(
    py: Python<'_>,
    backend: &str,
    serving: Serve,
    arguments: &[OsString],
) -> Result<i32, Failure> {
    serve(py, backend, &Plan::production(serving.application, serving.listening), arguments)
}

fn serve(
    py: Python<'_>,
    backend: &str,
    plan: &Plan,
    arguments: &[OsString],
) -> Result<i32, Failure> {
    let choice = choice::choose(backend, &choice::surroundings())?;
    if supervise::wants_parent(plan) {
        return supervise::run(py, &choice, plan, arguments);
    }
    serve::run(py, &choice, plan)
}

/// Version, backends compiled in, and the Python that this is.
pub(super) fn version(py: Python<'_>) -> PyResult<String> {
    let names: Vec<_> = backends().into_iter().map(Backend::name).collect();
    let version = Python::version_str();
    let number = version.split_whitespace().next().unwrap_or(version);
    let executable: String = py.import("sys")?.getattr("executable")?.extract()?;
    Ok(format!(
        "{}\nbackends: {}\nPython {number} at {executable}",
        env!("CARGO_PKG_VERSION"),
        names.join(", ")
    ))
}
