//! `narthex apache`: the module of httpd, and configuration for it.

use clap::{ArgMatches, Command};
use pyo3::prelude::*;

use super::{arguments::Run, failure::Failure, options::apache::Apache, settings};

/// The backend that no process of ours serves by: httpd does.
pub(super) const BACKEND: &str = "apache";

/// Does it, by way of `narthex._apache`. Returns the exit status.
///
/// # Errors
/// What was asked for cannot be had.
pub(super) fn apache(py: Python<'_>, action: &Apache) -> Result<i32, Failure> {
    let module = py.import("narthex._apache")?;
    let place = || module.getattr("Place");
    let status = match action {
        Apache::ModulePath => module.call_method0("module_path"),
        Apache::Config(config) => {
            let place = place()?.call((), Some(&config.keywords(py)?))?;
            module.call_method1("config", (place,))
        }
        Apache::Serve(serve) => {
            let (placed, private) = serve.keywords(py)?;
            let place = place()?.call((), Some(&placed))?;
            let private = module.getattr("Private")?.call((), Some(&private))?;
            module.call_method1("serve", (place, private))
        }
        Apache::Check(check) => {
            let checked = module.getattr("Checked")?.call((), Some(&check.keywords(py)?))?;
            module.call_method1("check", (checked,))
        }
    };
    Ok(status?.extract()?)
}

/// `narthex run --backend apache APP` is `narthex apache serve APP`, with the options of `run`. Returns
/// the exit status.
///
/// # Errors
/// It cannot be served.
pub(super) fn run(
    py: Python<'_>,
    run: &Run,
    command: &Command,
    matches: &ArgMatches,
) -> Result<i32, Failure> {
    let below = command.find_subcommand("run").zip(matches.subcommand_matches("run"));
    let given = below.map(|(command, matches)| settings::chosen(command, matches));
    let module = py.import("narthex._apache")?;
    let arguments = (&run.application.app, given.unwrap_or_default());
    Ok(module.call_method1("run", arguments)?.extract()?)
}
