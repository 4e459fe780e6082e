//! `narthex-cgi`: the program that a web server starts for each CGI request.
//!
//! | file | what it does |
//! |---|---|
//! | `main.rs` | from the arguments to an exit status |
//! | `arguments.rs` | what is to be run, and how |
//! | `key.rs` | which resident answers for a script |
//! | `python.rs` | starting Python: as a resident, or for one request |
//! | `trouble.rs` | what is told to the web server's log and to the client |
//!
//! It runs once for each request, before anything else can: it asks the system for little, and
//! takes no detour through Python unless it must start one.
#![cfg_attr(not(test), no_main)]

mod arguments;
mod key;
mod python;
mod trouble;

use std::{
    env,
    ffi::OsString,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use narthex_cgi::{Directory, Error, FileVersion, Kind, Outcome, deliver, is_ours};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    stdio::{stderr, stdin, stdout},
};

use arguments::{Invocation, Mode, Parsed};
use key::key;
use python::Python;
use trouble::Trouble;

/// How often a request is handed over that nobody takes.
const ATTEMPTS: u32 = 3;

/// The variables of this process.
type Variables = Vec<(OsString, OsString)>;

/// Where the C library begins.
///
/// Not Rust's own way in: what that brings for programs that panic and run long, handlers, a second
/// stack, stacks told by name, is a tenth of the start and a sixth of the size.
#[cfg(not(test))]
#[expect(unsafe_code, reason = "the C library calls this by its name, and there is no other")]
// SAFETY: no other function of the program has this name, and this is the type it is called by.
// What it is given is left alone: the standard library is given it as well.
#[unsafe(no_mangle)]
extern "C" fn main(_count: i32, _arguments: *const *const u8) -> i32 {
    answer().into()
}

/// Answers the request of this process. Returns the exit status.
#[cfg_attr(test, expect(dead_code, reason = "the tests have a beginning of their own"))]
fn answer() -> u8 {
    let variables: Variables = env::vars_os().collect();
    let outcome = open_streams().and_then(|()| run(&variables));
    outcome.unwrap_or_else(|trouble| trouble.tell(&variables))
}

/// Makes sure that no file of ours becomes a standard stream.
fn open_streams() -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::delivery(&error);
    loop {
        let [input, output, errors] = [stdin(), stdout(), stderr()];
        let mut polled =
            [input, output, errors].map(|it| PollFd::from_borrowed_fd(it, PollFlags::empty()));
        match poll(&mut polled, Some(&Timespec::default())) {
            Err(Errno::INTR) => continue,
            outcome => outcome.map_err(|error| failed(error.into()))?,
        };
        if !polled.iter().any(|it| it.revents().contains(PollFlags::NVAL)) {
            return Ok(());
        }
        // It gets the lowest number that is free, and keeps it.
        let null = std::fs::File::options().read(true).write(true).open("/dev/null");
        std::mem::forget(null.map_err(failed)?);
    }
}

fn run(variables: &Variables) -> Result<u8, Trouble> {
    let program = env::current_exe().map_err(|error| Trouble::python(&error.to_string()))?;
    refuse_exposure(&program, variables)?;
    let invocation = match arguments::parse(env::args_os().skip(1), variables)? {
        Parsed::Run(invocation) => invocation,
        Parsed::Say(text) => {
            // Whoever reads it may have seen enough.
            let _ = rustix::io::write(stdout(), text.as_bytes());
            return Ok(0);
        }
    };
    let python = Python::beside(&program, variables);
    match invocation.mode {
        Mode::Cold => Err(python.answer(&invocation)),
        Mode::Warm | Mode::Fork => hand_over(&program, &invocation, &python, variables),
    }
}

/// Refuses to be a CGI program itself: then the query of a request, which web servers put on the
/// command line (RFC 3875, 4.4), would name the script to run (CVE-2012-1823 was that of PHP).
fn refuse_exposure(program: &Path, variables: &Variables) -> Result<(), Trouble> {
    if value(variables, "GATEWAY_INTERFACE").is_none() {
        return Ok(());
    }
    let requested = value(variables, "SCRIPT_FILENAME").map(Path::new);
    let exposed = requested.is_some_and(|requested| {
        let asked = FileVersion::of(requested);
        asked
            .zip(FileVersion::of(program))
            .is_some_and(|(asked, program)| asked.is_same_file(&program))
    });
    if exposed { Err(Trouble::exposed()) } else { Ok(()) }
}

/// Has the request answered by the resident of its script, which is started if there is none.
fn hand_over(
    program: &Path,
    invocation: &Invocation,
    python: &Python,
    variables: &Variables,
) -> Result<u8, Trouble> {
    let directory = Directory::open().map_err(Trouble::directory)?.of(Kind::Resident);
    let name = key(program, invocation, python, variables)?;
    let block = block(variables);
    let mut attempts = 0;
    let mut log = None;
    while attempts < ATTEMPTS {
        let Some(socket) = directory.connect(&name).map_err(Trouble::directory)? else {
            log = start(&directory, &name, invocation, python, variables)?.or(log);
            continue;
        };
        if !is_ours(&socket).unwrap_or(false) {
            return Err(Trouble::foreign(&directory.socket_path(&name)));
        }
        let streams = [stdin(), stdout(), stderr()];
        match deliver(socket, &block, streams).map_err(|error| Trouble::delivery(&error))? {
            Outcome::Ended(status) => return Ok(status),
            Outcome::Lost { begun } => {
                let log = directory.log_path(&name);
                return Err(Trouble::lost(&invocation.script, &log, begun));
            }
            Outcome::Untouched => attempts += 1,
        }
    }
    Err(Trouble::start(&invocation.script, &log.unwrap_or_else(|| directory.log_path(&name))))
}

/// Starts the resident, unless somebody else just has. Requests wait in the queue of its socket
/// from the first moment on. Returns its log.
fn start(
    directory: &Directory,
    name: &str,
    invocation: &Invocation,
    python: &Python,
    variables: &Variables,
) -> Result<Option<PathBuf>, Trouble> {
    let socket = match directory.listen(name) {
        Ok(socket) => socket,
        Err(Error::Running(_)) => return Ok(None),
        Err(error) => return Err(Trouble::directory(error)),
    };
    let log = directory.log_path(name);
    python.reside(invocation, &socket, &log, variables)?;
    socket.handed_over();
    Ok(Some(log))
}

/// The environment as it is handed over.
fn block(variables: &Variables) -> Vec<u8> {
    let mut block = Vec::with_capacity(4096);
    for (name, value) in variables {
        block.extend_from_slice(name.as_bytes());
        block.push(b'=');
        block.extend_from_slice(value.as_bytes());
        block.push(0);
    }
    block
}

/// The value of a variable that is not empty.
fn value<'a>(variables: &'a Variables, name: &str) -> Option<&'a OsString> {
    let found = variables.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value).filter(|value| !value.is_empty())
}
