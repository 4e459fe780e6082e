//! Starting an application: transport first, then the application, then requests.

use std::sync::Arc;

use narthex_adapters::{Door, Stop};
use narthex_core::{Handler, Journal, Level};
use pyo3::prelude::*;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use super::{
    application::{self, Loaded},
    arguments::Child,
    choice::Choice,
    failure::Failure,
    management::Opened,
    options::sockets,
    plan::Plan,
    ports, signals,
    startup_page::StartupPage,
};
use crate::{
    calls,
    engine::{self, AppSettings},
    journal::Log,
};

/// Serves the application until it is asked to stop. Returns the exit status.
///
/// # Errors
/// The start failed.
pub(super) fn run(py: Python<'_>, choice: &Choice, plan: &Plan) -> Result<i32, Failure> {
    let listens = choice.backend.listens();
    let child = plan.listening.child.reload_parent;
    match child {
        Some(parent) => die_with(parent), // which has changed the directory
        None => plan.change_directory()?,
    }
    let log = Arc::new(plan.log(!listens)?);
    // Before the application is imported: nothing that it does then can reach the transport.
    let options = plan.options()?;
    let threads = options.thread_count();
    let door = choice.backend.open(&options).map_err(|error| ports::failure(&error))?;
    sockets::forget(py)?;
    let management = match &plan.listening.management.management {
        Some(address) if listens => Some(Opened::new(address, &log)?),
        _ => None,
    };
    let hold = if listens { Some(signals::hold(py)?) } else { None };
    if plan.application.explain {
        explain(&log, "backend", choice.backend.name(), &choice.reason);
    }
    if listens {
        calls::show_crashes(py)?;
    } else {
        forget_proxy(py)?;
    }
    let started = start(py, choice, plan, &log);
    report_watched(py, &plan.listening.child)?;
    let (handler, loaded): (Arc<dyn Handler>, _) = match started {
        Ok((handler, loaded)) => (handler, Some(loaded)),
        Err(Failure::Interrupted) => return Ok(0),
        Err(failure) if child.is_some() || !listens => {
            failure.show(py)?;
            (Arc::new(StartupPage::new(failure.page(py)?, plan.shows_failures(listens))), None)
        }
        Err(failure) => return Err(failure),
    };
    if listens {
        let journal = Arc::clone(&log) as Arc<dyn Journal>;
        calls::start(py, plan.listening.calls.limits(threads), journal, Box::new(|_| {}))?;
    }
    let site = Arc::new(plan.site(handler, &log));
    let outcome = match hold {
        Some(hold) => {
            let ready = |door: &dyn Door, stop: &Stop| {
                if let (Some(management), Some(_)) = (&management, &loaded) {
                    management.serving(stop);
                }
                announce(&log, choice, plan, door, loaded.as_ref());
                for address in management.iter().flat_map(Opened::addresses) {
                    log.notice(&format_args!("management on {address}"));
                }
            };
            signals::serve(py, door, site, &log, &hold, child.is_some(), ready)?
        }
        // A gateway's one request is answered on the main thread, under the signals by which the
        // web server expects to end it.
        None => py.detach(|| door.serve(site, &Stop::new())),
    };
    log.flush();
    if let Err(error) = &outcome {
        log.write(Level::Error, &ports::full(error));
    }
    Ok(i32::from(outcome.is_err() || loaded.is_none()))
}

/// Removes `HTTP_PROXY` from the environment, where a gateway puts a client's field `Proxy` and HTTP
/// clients look for a proxy (httpoxy, CVE-2016-5385).
fn forget_proxy(py: Python<'_>) -> PyResult<()> {
    let environment = py.import("os")?.getattr("environ")?;
    environment.call_method1("pop", ("HTTP_PROXY", py.None())).map(drop)
}

fn start(
    py: Python<'_>,
    choice: &Choice,
    plan: &Plan,
    log: &Arc<Log>,
) -> Result<(Arc<dyn Handler>, Loaded), Failure> {
    let loaded = application::load(py, &plan.application)?;
    let listens = choice.backend.listens();
    for note in &loaded.notes {
        // That a factory is called is always said, except to a web server's log at each request.
        if plan.application.explain || (listens && note.subject == "factory") {
            explain(log, &note.subject, &note.choice, &note.reason);
        }
    }
    let settings = AppSettings {
        serialize: plan.application.serialize,
        debug: plan.shows_failures(listens),
        request_ids: plan.application.logs.names_requests(),
        placement: plan.listening.placement,
        cautious: plan.listening.calls.wants_parent(),
        backend: choice.backend.name(),
    };
    let journal = Arc::clone(log) as Arc<dyn Journal>;
    let handler = engine::handler(loaded.app.bind(py).clone(), loaded.api, settings, journal)?;
    Ok((handler, loaded))
}

fn explain(log: &Log, subject: &str, choice: &str, reason: &str) {
    log.notice(&format_args!("{subject} {choice}: {reason}"));
}

/// Says where clients find the application, and what it is.
fn announce(log: &Log, choice: &Choice, plan: &Plan, door: &dyn Door, loaded: Option<&Loaded>) {
    for address in door.addresses() {
        log.notice(&format_args!("listening on {address}"));
    }
    let backend = choice.backend.name();
    match loaded {
        None => log.notice(&"showing this error until a file changes"),
        Some(Loaded { name, api, .. }) => {
            let end = if plan.listening.child.reload_parent.is_some() {
                "restarts when a file changes"
            } else {
                "stop it with Ctrl-C"
            };
            let api = api.name();
            log.notice(&format_args!("serving {name} by the API {api} with {backend}; {end}"));
        }
    }
}

/// Makes the process end when the one that restarts it has ended.
fn die_with(parent: i32) {
    let orphan = set_parent_process_death_signal(Some(Signal::TERM)).is_err()
        || getppid().is_none_or(|actual| actual.as_raw_nonzero().get() != parent);
    if orphan {
        signal_hook::low_level::exit(1);
    }
}

/// Tells the parent which directories the application's modules lie in.
fn report_watched(py: Python<'_>, child: &Child) -> PyResult<()> {
    if let Some(descriptor) = child.reload_report {
        py.import("narthex._load")?.call_method1("report_watched", (descriptor,))?;
    }
    Ok(())
}
