//! `narthex check`: everything that is wrong, at once.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use narthex_adapters::Bind;
use pyo3::prelude::*;

use super::{
    application,
    arguments::Check,
    choice::{self, Choice},
    failure::Failure,
    options,
    plan::Plan,
    ports,
};

/// How a check came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mark {
    Ok,
    Warn,
    Fail,
}

/// What was found out.
#[derive(Default)]
struct Findings {
    text: String,
    failed: bool,
}

impl Findings {
    fn add(&mut self, mark: Mark, subject: &str, what: &str) {
        let word = match mark {
            Mark::Ok => "ok  ",
            Mark::Warn => "warn",
            Mark::Fail => "fail",
        };
        self.failed |= mark == Mark::Fail;
        let _ = writeln!(self.text, "{word}  {subject}: {}", visible(what));
    }

    fn fail(&mut self, py: Python<'_>, subject: &str, failure: &Failure) -> PyResult<()> {
        self.add(Mark::Fail, subject, &failure.summary(py)?);
        for fix in failure.fixes(py)? {
            let _ = writeln!(self.text, "      {}", visible(&fix));
        }
        Ok(())
    }
}

/// Checks an application and its settings; prints what was found. Returns the exit status.
///
/// # Errors
/// Python failed where it should not.
pub(super) fn check(py: Python<'_>, check: Check) -> Result<i32, Failure> {
    let Check { backend, application, listening } = check;
    let plan = Plan::production(application, listening);
    let mut findings = Findings::default();
    python(py, &mut findings)?;
    let choice = choice::choose(&backend, &choice::surroundings());
    match &choice {
        Ok(Choice { backend, reason }) => {
            findings.add(Mark::Ok, "backend", &format!("{}: {reason}", backend.name()));
        }
        Err(failure) => findings.fail(py, "backend", failure)?,
    }
    if choice.is_ok_and(|choice| choice.backend.listens()) {
        addresses(py, &plan, &mut findings)?;
        certificates(py, &plan, &mut findings)?;
    }
    programs(&plan, &mut findings);
    if let Some(path) = &plan.application.logs.access_log {
        access_log(path, &mut findings);
    }
    match plan.change_directory() {
        Ok(()) if plan.application.app.is_empty() => {}
        Ok(()) => load(py, &plan, &mut findings)?,
        Err(failure) => findings.fail(py, "directory", &failure)?,
    }
    // Whoever reads it may have seen enough.
    let _ = std::io::stdout().write_all(findings.text.as_bytes());
    Ok(i32::from(findings.failed))
}

fn python(py: Python<'_>, findings: &mut Findings) -> PyResult<()> {
    let sys = py.import("sys")?;
    let executable: String = sys.getattr("executable")?.extract()?;
    let version = Python::version_str().split_whitespace().next().unwrap_or_default();
    findings.add(Mark::Ok, "Python", &format!("{version} at {executable}"));
    let hints: Vec<String> =
        py.import("narthex._import_errors")?.call_method0("environment_hints")?.extract()?;
    if !hints.is_empty() {
        findings.add(Mark::Warn, "environment", &hints.join(" "));
    }
    Ok(())
}

fn addresses(py: Python<'_>, plan: &Plan, findings: &mut Findings) -> PyResult<()> {
    let all = plan.binds().and_then(|binds| Ok([binds, plan.insecure_binds()?].concat()));
    let binds = match all {
        Ok(binds) => binds,
        Err(failure) => return findings.fail(py, "address", &failure),
    };
    for bind in binds {
        // To look at an inherited descriptor would be to close it.
        if matches!(bind, Bind::Fd(_)) {
            continue;
        }
        match bind.listen(1) {
            Ok(_) => findings.add(Mark::Ok, "address", &format!("{bind} is free")),
            Err(error) => findings.fail(py, "address", &ports::failure(&error))?,
        }
    }
    Ok(())
}

fn certificates(py: Python<'_>, plan: &Plan, findings: &mut Findings) -> PyResult<()> {
    let tls = match plan.listening.tls.settings() {
        Ok(Some(tls)) => tls,
        Ok(None) => return Ok(()),
        Err(failure) => return findings.fail(py, "HTTPS", &failure),
    };
    match tls.check() {
        Ok(warnings) => {
            for warning in &warnings {
                findings.add(Mark::Warn, "HTTPS", warning);
            }
            findings.add(Mark::Ok, "HTTPS", "certificates and keys belong together");
            Ok(())
        }
        Err(error) => findings.fail(py, "HTTPS", &options::tls::failure(&error)),
    }
}

fn access_log(path: &Path, findings: &mut Findings) {
    if path == Path::new("-") {
        return;
    }
    let existed = path.exists();
    let name = path.display();
    match OpenOptions::new().append(true).create(true).open(path) {
        Ok(_) => {
            if !existed {
                // Only looked: nothing is left behind.
                let _ = std::fs::remove_file(path);
            }
            findings.add(Mark::Ok, "access log", &format!("{name} can be written"));
        }
        Err(error) => findings.add(Mark::Fail, "access log", &format!("N208: {name}: {error}")),
    }
}

/// Looks at the directories of CGI programs, and at what lies in them.
fn programs(plan: &Plan, findings: &mut Findings) {
    for (prefix, directory) in plan.listening.programs.directories() {
        let name = directory.display();
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => {
                findings.add(Mark::Fail, "CGI programs", &format!("N296: {name}: {error}"));
                continue;
            }
        };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.is_file() && !is_hidden(path));
        files.sort();
        let mut good = 0;
        for file in files {
            match narthex_adapters::why_not(&file) {
                Some(why) => {
                    let what = format!("{}: {why}", file.display());
                    findings.add(Mark::Warn, "CGI programs", &what);
                }
                None => good += 1,
            }
        }
        let what = format!("{good} in {name}, below {prefix}");
        findings.add(Mark::Ok, "CGI programs", &what);
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn load(py: Python<'_>, plan: &Plan, findings: &mut Findings) -> PyResult<()> {
    match application::load(py, &plan.application) {
        Ok(loaded) => {
            findings.add(Mark::Ok, "application", &format!("{} is importable", loaded.name));
            for note in loaded.notes {
                findings.add(Mark::Ok, &note.subject, &format!("{}: {}", note.choice, note.reason));
            }
            Ok(())
        }
        Err(failure) => findings.fail(py, "application", &failure),
    }
}

/// Text without anything that a terminal would obey.
fn visible(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
