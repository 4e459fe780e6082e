//! A process that has imported the application, and forks for each request.
//!
//! It has one thread, so a fork of it is whole. What a request changes ends with its process.

use std::{
    os::fd::AsRawFd,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use narthex_adapters::{Stop, cgi, cgi::Residence};
use narthex_core::{Journal, Level};
use narthex_supervisor::runtime::Handover;
use pyo3::{prelude::*, types::PyBytes};
use rustix::process::{Pid, WaitOptions, waitpid};

use super::{
    failure::Failure,
    plan::Plan,
    ports,
    resident::{LOOK, Started},
};

/// How long is waited for one of too many requests to end, or after a failure.
const RESPITE: Duration = Duration::from_millis(5);

/// Answers requests until nobody has any. Returns the exit status.
///
/// # Errors
/// Python fails.
pub(super) fn serve(
    py: Python<'_>,
    residence: Residence,
    plan: &Plan,
    started: &Started,
) -> Result<i32, Failure> {
    let python = py.import("narthex._resident")?;
    python.call_method0("freeze")?;
    let mut children: Vec<Pid> = Vec::new();
    let (mut last, mut looked, mut closed) = (Instant::now(), Instant::now(), false);
    loop {
        py.check_signals()?;
        children.retain(|&child| matches!(waitpid(Some(child), WaitOptions::NOHANG), Ok(None)));
        if !closed && looked.elapsed() >= LOOK {
            looked = Instant::now();
            if residence.is_over(last) {
                closed = true;
                residence.close();
            }
        }
        if children.len() >= residence.patience().most {
            py.detach(|| thread::sleep(RESPITE));
            continue;
        }
        let request = match py.detach(|| residence.next(LOOK)) {
            Ok(None) => continue,
            Ok(Some(request)) => request,
            // Those that still run need nobody.
            Err(_) if closed => return Ok(0),
            Err(error) => {
                let message = format_args!("no request can be taken: {error}");
                started.log.write(Level::Error, &message);
                py.detach(|| thread::sleep(RESPITE));
                continue;
            }
        };
        last = Instant::now();
        match py.import("os")?.call_method0("fork").and_then(|child| child.extract::<i32>()) {
            Ok(0) => {
                residence.leave_to_others();
                return answer(py, request, plan, started, &python);
            }
            Ok(child) => children.extend(Pid::from_raw(child)),
            Err(error) => {
                // The request goes with `request`: its client is told that it was lost.
                let message = format_args!("no process for a request: {error}");
                started.log.write(Level::Error, &message);
            }
        }
    }
}

/// Answers one request, in a process of its own, as a CGI program does.
fn answer(
    py: Python<'_>,
    request: Handover,
    plan: &Plan,
    started: &Started,
    python: &Bound<'_, PyModule>,
) -> Result<i32, Failure> {
    let Handover { variables, streams, client } = request;
    let numbers = streams.each_ref().map(AsRawFd::as_raw_fd);
    python.call_method1("begin", (numbers, PyBytes::new(py, &variables)))?;
    drop(streams);
    let outcome = plan.options().and_then(|options| {
        cgi::open(&options, Some(client)).map_err(|error| ports::failure(&error))
    });
    let status = match outcome {
        Ok(door) => {
            let site = Arc::new(plan.site(Arc::clone(&started.handler), &started.log));
            let outcome = py.detach(|| door.serve(site, &Stop::new()));
            i32::from(outcome.is_err())
        }
        Err(failure) => failure.show(py)?,
    };
    started.log.flush();
    py.import("narthex._command")?.call_method1("end", (status,))?;
    Ok(status)
}
