//! Starting an application: transport first, then the application, then requests.

use std::{path::PathBuf, sync::Arc};

use narthex_adapters::{Door, Stop};
use narthex_core::{Handler, Journal, Level};
use narthex_supervisor::{Message, Source};
use pyo3::prelude::*;

use super::{
    application::{self, Loaded},
    choice::Choice,
    failure::Failure,
    idle::Attentive,
    management::{Alone, Opened},
    nothing::Nothing,
    options::sockets,
    plan::Plan,
    ports,
    retire::Counted,
    signals,
    startup_page::StartupPage,
    supervise,
    worker::{self, Tie},
};
use crate::{
    calls,
    engine::{self, AppSettings},
    journal::{Log, Notices},
};

/// Serves the application until it is asked to stop. Returns the exit status.
///
/// # Errors
/// The start failed.
pub(super) fn run(py: Python<'_>, choice: &Choice, plan: &Plan) -> Result<i32, Failure> {
    let tie = Tie::of(&plan.listening.child)?;
    match run_tied(py, choice, plan, tie.as_ref()) {
        Err(Failure::Interrupted) if tie.is_some() => Ok(0),
        Err(failure) if let Some(tie) = &tie => {
            tie.say_failure(py, &failure)?;
            Ok(1)
        }
        outcome => outcome,
    }
}

fn run_tied(
    py: Python<'_>,
    choice: &Choice,
    plan: &Plan,
    tie: Option<&Tie>,
) -> Result<i32, Failure> {
    let listens = choice.backend.listens();
    plan.change_directory()?;
    let log = Arc::new(plan.log(!listens)?);
    // Before the application is imported: nothing that it does then can reach the transport.
    let options = plan.options()?;
    let web_servers_child = options.shared;
    // Counting cores costs more than much else of a process that answers one request.
    let threads = if listens { options.thread_count() } else { 1 };
    let door = choice.backend.open(&options).map_err(|error| ports::failure(&error))?;
    sockets::forget(py)?;
    let management = if listens && tie.is_none() { managed(plan, &log)? } else { None };
    let hold = if listens { Some(signals::hold(py, tie)?) } else { None };
    if plan.application.explain {
        explain(&*log, "backend", choice.backend.name(), &choice.reason);
    }
    if listens {
        calls::show_crashes(py)?;
    } else {
        forget_proxy(py)?;
    }
    let started = start(py, choice.backend.name(), listens, plan, &log);
    if let (Err(_), Some(hold), Some(_)) = (&started, &hold, tie) {
        hold.release(py)?; // it ends anyway
    }
    if let Some(tie) = tie.filter(|_| plan.listening.reload) {
        tie.say_modules(py)?;
    }
    let (mut handler, loaded): (Arc<dyn Handler>, _) = match started {
        Ok((handler, loaded)) => (handler, Some(loaded)),
        Err(Failure::Interrupted) => return Ok(0),
        Err(failure) if plan.listening.reload || !listens => {
            match tie {
                Some(tie) => tie.say_failure(py, &failure)?,
                None => drop(failure.show(py)?),
            }
            (Arc::new(StartupPage::new(failure.page(py)?, plan.shows_failures(listens))), None)
        }
        Err(failure) => return Err(failure),
    };
    if listens {
        watch_calls(py, plan, tie, threads, &log)?;
    }
    if let (Some(tie), Some(limit)) = (tie, plan.listening.workers.max_requests) {
        handler = Arc::new(Counted::new(handler, limit, tie.clone()));
    }
    if let Some(tie) = tie.filter(|_| plan.listening.child.watch) {
        worker::watch(py, tie, &log)?;
    }
    if let (Some(tie), Some(idle)) = (tie, plan.listening.child.idle) {
        handler = Arc::new(Attentive::new(handler, idle, tie).map_err(PyErr::from)?);
    }
    // The parent has written its own.
    let pid_file = if tie.is_none() { supervise::pid_file(plan)? } else { None };
    let site = Arc::new(plan.site(handler, &log));
    let outcome = match hold {
        Some(hold) => {
            let mut lines = announcement(choice, plan, door.as_ref(), loaded.as_ref());
            lines.extend(management.iter().flat_map(|(opened, _)| opened.announcement()));
            let reporting = tie.map(|tie| worker::report(tie, &log)).transpose()?;
            let ready = |stop: &Stop| {
                if let (Some((_, alone)), Some(_)) = (&management, &loaded) {
                    alone.serves(stop);
                }
                match tie {
                    Some(tie) => tie.say(&Message::Ready(lines)),
                    None => lines.iter().for_each(|line| log.notice(line)),
                }
            };
            let signals = signals::Caught { hold, tie, web_servers_child };
            let outcome = signals::serve(py, door, site, &log, &signals, ready);
            drop(reporting); // says its last
            drop(pid_file); // what follows may not come back
            let outcome = outcome?;
            py.import("narthex._command")?.call_method1("leave", (i32::from(outcome.is_err()),))?;
            outcome
        }
        // A gateway's one request is answered on the main thread, under the signals by which the
        // web server expects to end it; the backend sees to SIGTERM.
        None => py.detach(|| door.serve(site, &Stop::new())),
    };
    log.flush();
    if let Err(error) = &outcome {
        log.write(Level::Error, &ports::full(error));
    }
    Ok(i32::from(outcome.is_err() || loaded.is_none()))
}

/// The management bind of a process that has no parent: one answers for all of its workers.
fn managed(plan: &Plan, log: &Arc<Log>) -> Result<Option<(Opened, Arc<Alone>)>, Failure> {
    let Some(address) = &plan.listening.management.management else { return Ok(None) };
    let alone = Arc::new(Alone::new(log));
    let source: Arc<dyn Source> = Arc::clone(&alone) as _;
    Ok(Some((Opened::new(address, &source)?, alone)))
}

/// Has slow and stuck calls noticed; a parent is told of those that are stuck.
fn watch_calls(
    py: Python<'_>,
    plan: &Plan,
    tie: Option<&Tie>,
    threads: usize,
    log: &Arc<Log>,
) -> PyResult<()> {
    let tie = tie.cloned();
    let on_stuck = move |text: &str| {
        if let Some(tie) = &tie {
            tie.say(&Message::Stuck(text.to_owned()));
        }
    };
    let limits = plan.listening.calls.limits(threads);
    calls::start(py, limits, Arc::clone(log) as Arc<dyn Journal>, Box::new(on_stuck))
}

/// Removes `HTTP_PROXY` from the environment, where a gateway puts a client's field `Proxy` and HTTP
/// clients look for a proxy (httpoxy, CVE-2016-5385).
fn forget_proxy(py: Python<'_>) -> PyResult<()> {
    let environment = py.import("os")?.getattr("environ")?;
    environment.call_method1("pop", ("HTTP_PROXY", py.None())).map(drop)
}

/// Imports the application, for a backend of this name.
///
/// # Errors
/// The application cannot be had.
pub(super) fn start(
    py: Python<'_>,
    backend: &'static str,
    listens: bool,
    plan: &Plan,
    log: &Arc<impl Notices + 'static>,
) -> Result<(Arc<dyn Handler>, Loaded), Failure> {
    if plan.application.app.is_empty() {
        return Ok((Arc::new(Nothing), Loaded::nothing(py)));
    }
    let loaded = application::load(py, &plan.application)?;
    for note in &loaded.notes {
        // That a factory is called is always said, except to a web server's log at each request.
        if plan.application.explain || (listens && note.subject == "factory") {
            explain(&**log, &note.subject, &note.choice, &note.reason);
        }
    }
    let settings = AppSettings {
        serialize: plan.application.serialize,
        debug: plan.shows_failures(listens),
        request_ids: plan.application.logs.names_requests(),
        placement: plan.listening.placement,
        cautious: plan.listening.calls.wants_parent(),
        backend,
    };
    let journal = Arc::clone(log) as Arc<dyn Journal>;
    let handler = engine::handler(loaded.app.bind(py).clone(), loaded.api, settings, journal)?;
    Ok((handler, loaded))
}

fn explain(log: &impl Notices, subject: &str, choice: &str, reason: &str) {
    log.notice(&format_args!("{subject} {choice}: {reason}"));
}

/// Where clients find the application, and what it is.
fn announcement(
    choice: &Choice,
    plan: &Plan,
    door: &dyn Door,
    loaded: Option<&Loaded>,
) -> Vec<String> {
    let mut lines: Vec<_> =
        door.addresses().iter().map(|address| format!("listening on {address}")).collect();
    let backend = choice.backend.name();
    let below = |(prefix, directory): (&str, &PathBuf)| {
        format!("running the CGI programs in {} below {prefix}", directory.display())
    };
    lines.extend(plan.listening.programs.directories().map(below));
    lines.push(match loaded {
        None => "showing this error until a file changes".to_owned(),
        Some(Loaded { name, api, .. }) => {
            let end = match plan.listening.workers.workers {
                _ if plan.listening.reload => "restarts when a file changes".to_owned(),
                1 => "stop it with Ctrl-C".to_owned(),
                workers => format!("{workers} workers; stop them with Ctrl-C"),
            };
            let api = api.name();
            match &name[..] {
                "" => format!("serving no application with {backend}; {end}"),
                name => format!("serving {name} by the API {api} with {backend}; {end}"),
            }
        }
    });
    lines
}
