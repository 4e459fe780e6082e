//! Which requests are an application's, and whose.
//!
//! An application at a path of the server claims its requests before httpd looks for a file, but after
//! `Alias` and others that map paths. One in a directory claims what no file is there for, once httpd has
//! looked. What is claimed is answered when httpd comes to handlers, if nobody has set another one since.

use std::borrow::Cow;

use crate::{
    child::Child,
    config::{App, Base, Settings, Target, WILDCARDS},
    group,
    httpd::{Claim, FileKind, Level, Request},
    inline, paths,
    place::{Application, Outcome, Place, Process},
};

/// The handler of what is claimed.
const CLAIMED: &[u8] = b"narthex";

/// The handler of a file that is an application: `SetHandler narthex-script`.
const SCRIPT: &[u8] = b"narthex-script";

/// What a hook says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Others are asked.
    Declined,
    /// It is done.
    Done,
    /// The request is answered by this status; why is in the log.
    Status(u16),
}

/// Claims what is below the path of an application, when httpd translates a path.
pub(crate) fn translate(request: &Request<'_>) -> Step {
    if Child::here().is_none() || request.is_proxied() {
        return Step::Declined;
    }
    // By mod_rewrite, since httpd has looked which <Location> it is in.
    if request.is_rewritten() {
        request.walk_locations();
    }
    match request.settings().app {
        Some(App { base: Base::Path(mount), .. }) => claim_path(request, mount),
        _ => Step::Declined,
    }
}

/// Keeps httpd from looking for files where all is an application's.
pub(crate) fn map_to_storage(request: &Request<'_>) -> Step {
    if request.claim().is_some() { Step::Done } else { Step::Declined }
}

/// Claims, before a type is guessed by the name of a file, what there is no file for.
pub(crate) fn check_type(request: &Request<'_>) -> Step {
    if request.claim().is_some() {
        return Step::Done;
    }
    let Some(app) = request.settings().app.filter(|_| !request.is_proxied()) else {
        return Step::Declined;
    };
    match app.base {
        Base::Path(mount) => {
            // An `Alias` around the application, not one inside of it.
            let alias = request.alias().filter(|alias| !alias.is_empty());
            let around = alias.is_some_and(|alias| trimmed(alias).len() < mount.len());
            if around { claim_path(request, mount) } else { Step::Declined }
        }
        Base::Directory(_) | Base::Access(_) if request.file_kind() == FileKind::File => {
            Step::Declined
        }
        Base::Directory(directory) | Base::Access(directory) => {
            claim_directory(request, app, directory)
        }
    }
}

/// Claims files that no server hands out, in the directory of an application.
pub(crate) fn fix_up(request: &Request<'_>) -> Step {
    if request.claim().is_some() || request.handler().is_some() || request.is_proxied() {
        return Step::Declined;
    }
    let Some(app) = request.settings().app else { return Step::Declined };
    let (Base::Directory(directory) | Base::Access(directory)) = app.base else {
        return Step::Declined;
    };
    let file = request.filename().unwrap_or_default();
    if !paths::is_private(paths::inside(file, directory)) {
        return Step::Declined;
    }
    match claim_directory(request, app, directory) {
        // Others have their say yet.
        Step::Done => Step::Declined,
        step => step,
    }
}

/// Answers what is claimed, and files that are applications.
pub(crate) fn handle(request: &Request<'_>) -> Outcome {
    match (request.handler(), request.claim()) {
        (Some(CLAIMED), Some(claim)) => claimed(request, claim),
        (Some(SCRIPT), _) => script(request),
        _ => Outcome::Declined,
    }
}

fn claim_path(request: &Request<'_>, mount: &str) -> Step {
    let uri = request.uri().unwrap_or_default();
    let Some(rest) = paths::below(uri, mount.as_bytes()) else { return Step::Declined };
    let pool = request.pool();
    request.set_claim(Claim {
        mount: pool.copy(mount.as_bytes()),
        path_info: rest,
        directory: pool.copy(if mount.is_empty() { b"/" } else { mount.as_bytes() }),
    });
    // As that of a request that is passed on, it is no file.
    request.set_filename(&[b"narthex:", uri].concat());
    request.set_path_info(rest);
    request.set_handler(CLAIMED);
    Step::Done
}

fn claim_directory(request: &Request<'_>, app: App<'_>, directory: &str) -> Step {
    // What may run programs is the server's to say, as for CGI.
    if matches!(app.base, Base::Access(_)) && !request.may_run_programs() {
        request.log(
            Level::Error,
            format!(
                "NarthexApp in {directory}.htaccess runs a program, which the server does not allow: \
                 write Options +ExecCGI in its <Directory>"
            ),
        );
        return Step::Status(403);
    }
    let uri = request.uri().unwrap_or_default();
    let file = request.filename().unwrap_or_default();
    let path_info = request.path_info().unwrap_or_default();
    // A URL that was mapped in another way says nothing of where the directory is.
    let end = paths::mount_in(uri, directory, file, path_info).unwrap_or(0);
    let (mount, rest) = uri.split_at(end);
    let inside = paths::inside(file, directory);
    let pool = request.pool();
    request.set_claim(Claim {
        mount: pool.copy(&paths::squeezed(mount)),
        path_info: rest,
        directory: pool.copy(&file[..file.len() - inside.len()]),
    });
    request.forget_file();
    request.set_handler(CLAIMED);
    Step::Done
}

fn claimed(request: &Request<'_>, claim: Claim<'_>) -> Outcome {
    let settings = request.settings();
    // The settings of the place as it is known now, after <Directory> and <If>.
    let Some(app) = settings.app else { return Outcome::Declined };
    let directory = String::from_utf8_lossy(claim.directory);
    let target = match app.base {
        // Of many directories each has one of its own.
        Base::Directory(path) if path.contains(WILDCARDS) => {
            Cow::Owned(Target::new(app.target).in_directory(&directory))
        }
        _ => Cow::Borrowed(app.target),
    };
    let Some(application) = application(request, &settings, &target, &directory) else {
        return Outcome::Declined;
    };
    answer(request, application, claim.mount, claim.path_info)
}

/// A file that is an application.
fn script(request: &Request<'_>) -> Outcome {
    let file = String::from_utf8_lossy(request.filename().unwrap_or_default());
    let refuse = |status, why: &str| {
        request.log(Level::Error, format!("{file}: {why}"));
        Outcome::Status(status)
    };
    match request.file_kind() {
        FileKind::None => return refuse(404, "there is no such application"),
        FileKind::Directory => return refuse(403, "a directory is no application"),
        FileKind::File => {}
    }
    if !request.may_run_programs() {
        return refuse(403, "it must not be run: write Options +ExecCGI in its <Directory>");
    }
    let path_info = request.path_info().unwrap_or_default();
    if !path_info.is_empty() && request.refuses_path_info() {
        return refuse(404, "AcceptPathInfo is Off");
    }
    let directory = &file[..file.rfind('/').map_or(0, |slash| slash + 1)];
    let Some(application) = application(request, &request.settings(), &file, directory) else {
        return Outcome::Declined;
    };
    let uri = request.uri().unwrap_or_default();
    let mount = uri.strip_suffix(path_info).unwrap_or_default();
    let path_info = uri.strip_prefix(mount).unwrap_or_default();
    answer(request, application, trimmed(&paths::squeezed(mount)), path_info)
}

fn application(
    request: &Request<'_>,
    settings: &Settings<'_>,
    target: &str,
    directory: &str,
) -> Option<&'static Application> {
    let child = Child::here()?;
    Some(child.application(settings, target, directory, request.server()))
}

fn answer(
    request: &Request<'_>,
    application: &'static Application,
    mount: &[u8],
    path_info: &[u8],
) -> Outcome {
    if let Some(previous) = request.previous() {
        came_from(request, &previous);
    }
    let sent = paths::recovered(request.target().unwrap_or_default(), mount, path_info);
    let path_info = sent.as_deref().unwrap_or(path_info);
    let place = Place { application, mount, path_info };
    match application.process {
        Process::Inline => inline::answer(request, &place),
        Process::Group(_) => group::answer(request, &place),
    }
}

/// Says which request was redirected within httpd, as it does itself for CGI programs.
fn came_from(request: &Request<'_>, previous: &Request<'_>) {
    let variables = request.subprocess_env();
    for (name, value) in
        [(&b"REDIRECT_URL"[..], previous.uri()), (b"REDIRECT_QUERY_STRING", previous.query())]
    {
        if let Some(value) = value.filter(|_| variables.first(name).is_none()) {
            variables.set(name, value);
        }
    }
}

/// A path without a slash at its end.
fn trimmed(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1)]
}
