//! Applications in the child of httpd itself: its library of Python, its engine, and requests given to
//! it on the thread of httpd that serves them.
//!
//! The parent asks the configured Python where its parts lie ([`prepare`]) and never opens it. A child
//! opens it before it has threads ([`child_init`]), loads what is configured, and answers ([`answer`]).

mod engine;
mod environment;
mod host;
mod library;
mod matters;
mod reach;
mod run;
mod slot;
mod user;

use std::{
    cell::Cell,
    ffi::c_void,
    path::Path,
    ptr,
    sync::{Mutex, PoisonError},
};

use narthex_abi::{self as abi, Context, List, Pair, Status, Text};

use crate::{
    auth::Unseen,
    httpd::{Announced, Level, Request, Server, facts, pool::Pool},
    place::{Application, Outcome, Place},
};
use engine::Engine;
use environment::{Environment, Refusal};
use host::Carried;
pub(crate) use slot::Slot;
use user::User;

/// How long applications have to end what they have begun, when a child ends.
const FAREWELL: u64 = 2000;

/// What the parent has found out, for the children that it forks.
static FOUND: Mutex<Option<Result<Environment, Refusal>>> = Mutex::new(None);

/// What is to be begun in a child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning<'a> {
    /// The main server.
    pub(crate) server: Server<'a>,
    /// Ends with the child; `Pool::at_end` for what is to be done then.
    pub(crate) pool: Pool<'a>,
    /// The applications that the configuration names, which are loaded now; those of `.htaccess` are
    /// loaded by their first request.
    pub(crate) applications: &'a [&'static Application],
}

/// Finds out where the parts of the Python lie whose environment or interpreter is `python`, and whether
/// it can run inside httpd. Called in the parent, at configtest and at each start and restart that is
/// meant, once for each, with the one environment that is configured, only if something is configured
/// to run in-process.
///
/// # Errors
/// Why it cannot, in a line. Applications are then answered by 503; the rest of httpd goes on.
pub(crate) fn prepare(python: &Path) -> Result<(), String> {
    let found = engine::alone().and_then(|()| Environment::ask(python, &run_user()));
    let result = found.as_ref().map(|_| ()).map_err(|refusal| refusal.0.clone());
    *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    result
}

/// Forgets what was found out.
pub(crate) fn release() {
    *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// As whom children run.
fn run_user() -> User {
    facts::user().map_or_else(User::own, |(name, id, group)| User::named(name, id, group))
}

/// Begins Python in this child, and loads its applications. Called once, before there is any other
/// thread, and only if something is configured to run in-process.
///
/// A failure is logged, and each application is then answered by 503.
pub(crate) fn child_init(beginning: &Beginning<'_>) {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).take();
    // What the parent has found wrong, it has said.
    let Some(Ok(environment)) = found else { return };
    let server = beginning.server;
    let engine = match Engine::begin(&environment) {
        Ok(engine) => engine,
        Err(refusal) => {
            server.log(Level::Error, format!("nothing can run in-process: {refusal}"));
            return;
        }
    };
    for application in beginning.applications {
        // The log says why one cannot be loaded; the others can be.
        application.inline.load(engine, &application.arguments, server);
    }
    // Under prefork this may run within a signal handler, which the engine knows of.
    beginning.pool.at_end(move || engine.end(FAREWELL));
}

/// Answers a request whose place says [`Process::Inline`](crate::place::Process::Inline).
pub(crate) fn answer(request: &Request<'_>, place: &Place<'_>) -> Outcome {
    let (engine, application) = match loaded(request, place) {
        Ok(loaded) => loaded,
        Err(status) => return Outcome::Status(status),
    };
    let body = request.body();
    if body == Announced::TooMuch {
        request.log(Level::Error, "the body is larger than LimitRequestBody lets it be");
        return Outcome::Status(413);
    }
    let mut carried = Carried::new(request);
    let status = ask(engine, application, &mut carried, request, place, body);
    settle(carried, request, status)
}

/// Asks an application that decides about a request; its response is not the client's. Without one, the
/// log has why.
pub(crate) fn consult(request: &Request<'_>, place: &Place<'_>) -> Option<Unseen> {
    let (engine, application) = loaded(request, place).ok()?;
    let mut carried = Carried::new(request);
    carried.unseen = Some(Unseen::default());
    let status = ask(engine, application, &mut carried, request, place, Announced::None);
    carried.unseen.filter(|_| status == Status::DONE)
}

/// The engine, and the application of a place as that knows it; or the status that says that there is
/// none, with the reason in the log.
fn loaded(
    request: &Request<'_>,
    place: &Place<'_>,
) -> Result<(&'static Engine, abi::Application), u16> {
    let Some(engine) = Engine::running() else {
        request.log(Level::Error, "Python could not be begun in this child: see above in this log");
        return Err(503);
    };
    let slot = &place.application.inline;
    let arguments = &place.application.arguments;
    let load = || slot.load(engine, arguments, request.server());
    let Some(application) = slot.ready().or_else(load) else {
        let named = arguments.last().map(|named| named.escape_ascii().to_string());
        let named = named.unwrap_or_default();
        request.log(Level::Error, format!("{named} could not be loaded: this log says why above"));
        return Err(500);
    };
    Ok((engine, application))
}

thread_local! {
    /// Lists of an earlier request on this thread, whose memory is used again.
    static SPARE: Cell<[Vec<Pair<'static>>; 2]> = const { Cell::new([const { Vec::new() }; 2]) };
}

/// Gives the request to the engine, and returns when that is done with it.
fn ask(
    engine: &'static Engine,
    application: abi::Application,
    carried: &mut Carried<'_>,
    request: &Request<'_>,
    place: &Place<'_>,
    body: Announced,
) -> Status {
    let [fields, variables] = SPARE.take();
    let fields = listed(fields, request, request.headers_in().entries());
    let variables = listed(variables, request, request.subprocess_env().entries());
    // What is kept is for requests like the one before, which are answered.
    let mut nothing = ptr::null_mut();
    let unseen = carried.unseen.is_some();
    let told = abi::Request {
        method: Text::new(request.method()),
        target: text(request.target()),
        protocol: request.protocol(),
        secure: request.is_secure(),
        earlier: if unseen { 0 } else { request.earlier() },
        mount: Text::new(place.mount),
        path_info: Text::new(place.path_info),
        query: text(request.query()),
        fields: List::new(&fields),
        variables: List::new(&variables),
        server_name: Text::new(request.server_name()),
        server_port: request.server_port(),
        client_port: request.client_port(),
        client: text(request.client()),
        user: text(request.user()),
        authentication: text(request.authentication()),
        has_body: body != Announced::None,
        kept: if unseen { &raw mut nothing } else { request.kept(forget) },
    };
    let status = engine.answer(application, carried, &told);
    SPARE.set([emptied(fields), emptied(variables)]);
    status
}

fn text(bytes: Option<&[u8]>) -> Text<'_> {
    Text::new(bytes.unwrap_or_default())
}

/// Fills a list that is empty.
fn listed<'a>(
    mut list: Vec<Pair<'a>>,
    request: &Request<'_>,
    entries: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Vec<Pair<'a>> {
    let pairs =
        entries.map(|(name, value)| Pair { name: Text::new(name), value: Text::new(value) });
    if request.is_of_error() {
        // The body was that of the request that failed.
        let framing = [&b"content-length"[..], b"transfer-encoding"];
        list.extend(pairs.filter(|pair| {
            !framing.iter().any(|name| name.eq_ignore_ascii_case(pair.name.bytes()))
        }));
    } else {
        list.extend(pairs);
    }
    list
}

/// The memory of a list, for any other.
fn emptied(mut list: Vec<Pair<'_>>) -> Vec<Pair<'static>> {
    list.clear();
    // Nothing is moved: collected in place.
    list.into_iter().map(|_| unreachable!("it is empty")).collect()
}

/// Ends what was kept for a connection.
fn forget(kept: *mut c_void) {
    if let Some(engine) = Engine::running() {
        engine.forget(kept);
    }
}

/// What becomes of a request that the engine is done with.
fn settle(mut carried: Carried<'_>, request: &Request<'_>, status: Status) -> Outcome {
    let response = &mut carried.outgoing;
    if response.is_ended() {
        return Outcome::Answered;
    }
    if response.is_started() {
        response.cut();
        return Outcome::Answered;
    }
    if request.is_answered() {
        return Outcome::Answered;
    }
    if let Some(path) = carried.redirect {
        return if request.redirect(&path) { Outcome::Answered } else { Outcome::Status(500) };
    }
    Outcome::Status(match status {
        Status::TOO_LARGE => 413,
        Status::MALFORMED | Status::DISCONNECTED => 400,
        Status::TIMED_OUT => 408,
        _ => 500,
    })
}

impl Carried<'_> {
    /// As the engine hands it back.
    fn context(&mut self) -> Context {
        (&raw mut *self).cast()
    }
}
