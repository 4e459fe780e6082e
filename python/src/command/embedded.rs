//! An application inside httpd: `narthex serve` without a server.

use std::{ffi::OsString, sync::Arc};

use clap::{ArgMatches, Command, parser::ValueSource};
use narthex_adapters::{Backend, apache};
use narthex_core::Site;
use pyo3::prelude::*;

use super::{
    application,
    arguments::{self, Action, Mistake, Parsed},
    entry,
    failure::Failure,
    plan::Plan,
    serve,
};
use crate::journal::Notices;

/// What makes sense where httpd does everything else.
const SENSIBLE: &[&str] = &[
    "api",
    "app",
    "app_dir",
    "config",
    "debug",
    "explain",
    "limit_body",
    "mount",
    "no_debug",
    "proxy_headers",
    "request_id_header",
    "serialize",
    "trust_proxy",
];

/// What to write instead of an option of the server's.
const INSTEAD: &[(&[&str], &str)] = &[
    (&["bind", "backlog", "insecure_bind"], "httpd listens: see Listen, ListenBacklog"),
    (&["access_log", "access_log_format", "access_log_buffer"], "httpd writes it: see CustomLog"),
    (&["error_log", "log_format"], "httpd writes it: see ErrorLog, ErrorLogFormat"),
    (&["log_level"], "write LogLevel narthex:debug"),
    (&["threads", "placement"], "httpd has the threads: see ThreadsPerChild"),
    (&["limit_head"], "write LimitRequestLine and LimitRequestFieldSize"),
    (&["limit_headers"], "write LimitRequestFields"),
    (&["header_timeout", "body_timeout"], "write RequestReadTimeout"),
    (&["write_timeout"], "write Timeout"),
    (&["keep_alive"], "write KeepAliveTimeout"),
    (&["graceful_timeout"], "write GracefulShutdownTimeout"),
    (&["max_requests", "max_requests_jitter"], "write MaxConnectionsPerChild"),
    (&["proxy_protocol"], "write RemoteIPProxyProtocol"),
    (&["static_files", "statics"], "write Alias"),
    (&["cgi_bin", "programs"], "write ScriptAlias"),
    (&["timeout", "slow", "workers", "chdir", "max_rss"], "run it in a group: see NarthexGroup"),
];

/// An application that is ready.
pub(crate) struct Application {
    pub(crate) site: Arc<Site>,
    /// It refuses to be called by two threads at once.
    pub(crate) serialize: bool,
}

/// Loads the application that these arguments of `narthex serve` describe.
///
/// # Errors
/// What the user is to be told.
pub(crate) fn load(
    py: Python<'_>,
    arguments: &[OsString],
    log: &Arc<impl Notices + 'static>,
) -> Result<Application, String> {
    ready(py, arguments, log).map_err(|why| match why {
        Mistake::Arguments(error) => error.render().to_string(),
        Mistake::Settings(failure) => {
            let text = failure.text(py);
            text.unwrap_or_else(|_| "narthex: the failure cannot be shown\n".to_owned())
        }
    })
}

fn ready(
    py: Python<'_>,
    arguments: &[OsString],
    log: &Arc<impl Notices + 'static>,
) -> Result<Application, Mistake> {
    let named = std::iter::once(OsString::from("serve")).chain(arguments.iter().cloned());
    let version = entry::version(py).map_err(Failure::from)?;
    let parsed = arguments::parse(&named.collect::<Vec<_>>(), &version, false)?;
    refuse(&parsed)?;
    let Action::Serve(serving) = parsed.cli.action else {
        return Err(Failure::new("N310", "no application", Vec::new(), Vec::new()).into());
    };
    let plan = Plan::production(serving.application, serving.listening);
    let (handler, application::Loaded { .. }) =
        serve::start(py, apache::BACKEND.name(), false, &plan, log)?;
    let site = Arc::new(plan.site(handler, log));
    Ok(Application { site, serialize: plan.application.serialize })
}

/// Refuses options of the server's that were given for this application. What is set for all
/// servers, by a file or in the environment, is none of them.
fn refuse(parsed: &Parsed) -> Result<(), Failure> {
    let Some((name, matches)) = parsed.matches.subcommand() else { return Ok(()) };
    let Some(command) = parsed.command.find_subcommand(name) else { return Ok(()) };
    let refused: Vec<_> = given(command, matches)
        .filter(|id| !SENSIBLE.contains(id) && !parsed.completed.origins.contains_key(*id))
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let option = |id: &str| format!("--{}", id.replace('_', "-"));
    let names: Vec<_> = refused.iter().map(|id| option(id)).collect();
    let title = format!("{} cannot be used inside httpd", names.join(", "));
    let fixes = refused.iter().map(|id| {
        let instead = INSTEAD.iter().find(|(ids, _)| ids.contains(id));
        let instead = instead.map_or("leave it out, or run it in a group", |(_, text)| text);
        format!("{}: {instead}", option(id))
    });
    Err(Failure::new("N311", &title, Vec::new(), fixes.collect()))
}

/// The options that were written, by their identifiers.
fn given<'a>(command: &'a Command, matches: &'a ArgMatches) -> impl Iterator<Item = &'a str> {
    let ids = command.get_arguments().map(|argument| argument.get_id().as_str());
    ids.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine))
}

impl From<Failure> for Mistake {
    fn from(failure: Failure) -> Self {
        Self::Settings(failure)
    }
}
