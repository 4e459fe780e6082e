//! The broker, as the parent of httpd looks after it.
//!
//! It is started once and lives through graceful restarts, as do its processes; a hard one ends them
//! all, and so does the end of httpd. What is remembered of it, its process and where it is asked, is in
//! the pool of httpd's process: at each restart the module itself is loaded anew.

use std::{
    ffi::CStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use narthex_broker::{Definition, Group, OpenError};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    config::World,
    httpd::{
        Level, Server, facts,
        machine::Machine,
        parent::{self, Event},
        pool::Pool,
    },
};

/// What the pool of the process keeps: where the broker is asked, and which process it is.
const CONTROL: &CStr = c"narthex broker control";
const PROCESS: &CStr = c"narthex broker process";

/// How long a broker that runs may take to take another definition.
const PATIENCE: Duration = Duration::from_secs(10);

/// A broker that ends so often in so long a time is not started again.
const OFTEN: (usize, Duration) = (5, Duration::from_secs(60));

/// What is needed to start it again.
#[derive(Debug)]
struct Watched {
    program: PathBuf,
    definition: Definition,
    /// When it was started again.
    starts: Vec<Instant>,
}

/// Of the parent, and of this copy of the module.
static WATCHED: Mutex<Option<Watched>> = Mutex::new(None);

/// Where the broker is asked; nowhere if none could be started.
pub(super) fn control(server: Server<'_>) -> Option<PathBuf> {
    let kept = server.process_pool().kept(CONTROL).filter(|path| !path.is_empty())?;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(kept)))
}

/// Starts the broker, or tells it that these are the `groups` now. Called in the parent, still privileged,
/// at each start and graceful restart that is meant (not at configtest, not in the first of httpd's two
/// passes), only if something may run in a group. `pool` ends at the next restart.
///
/// # Errors
/// Why the broker cannot be started, in a line: it is logged, and applications in groups are then
/// answered by 503.
pub(crate) fn post_config(
    server: Server<'_>,
    pool: Pool<'_>,
    groups: &[Group],
) -> Result<(), String> {
    let begun = begin(server, pool, groups);
    if begun.is_err() {
        remember(server, None);
    }
    begun
}

fn begin(server: Server<'_>, pool: Pool<'_>, groups: &[Group]) -> Result<(), String> {
    let program = program()?;
    let definition = definition(server, pool, groups)?;
    let told =
        process(server).map(|process| (process, narthex_broker::define(&definition, PATIENCE)));
    let child = match told {
        Some((process, Ok(()))) => process,
        Some((_, Err(OpenError::Refused(why)))) => return Err(why),
        None | Some((_, Err(_))) => start(&program, &definition)?,
    };
    remember(server, Some((child, &definition.control)));
    let starts = Vec::new();
    *watched() = Some(Watched { program, definition, starts });
    parent::watch(child, pool, happened);
    Ok(())
}

/// Keeps what the next copy of the module has to know. What is kept takes memory for as long as httpd
/// lives, so only what is new.
fn remember(server: Server<'_>, broker: Option<(u32, &Path)>) {
    let pool = server.process_pool();
    let keep = |name, bytes: &[u8]| {
        if pool.kept(name).unwrap_or_default() != bytes {
            pool.keep(name, bytes);
        }
    };
    match broker {
        None => [CONTROL, PROCESS].map(|name| keep(name, b"")),
        Some((process, control)) => {
            [keep(CONTROL, control.as_os_str().as_bytes()), keep(PROCESS, &process.to_ne_bytes())]
        }
    };
}

fn watched() -> std::sync::MutexGuard<'static, Option<Watched>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something has happened to the broker.
fn happened(event: Event, pool: Pool<'_>) {
    let Some(server) = Server::main() else { return };
    match event {
        Event::Ended => start_again(server, pool),
        Event::HttpdEnds => {
            if let Some(process) = process(server).and_then(|it| Pid::from_raw(it.cast_signed())) {
                // It may have ended by itself.
                let _ = kill_process(process, Signal::TERM);
            }
            remember(server, None);
        }
    }
}

/// The process of the broker, if one was started.
fn process(server: Server<'_>) -> Option<u32> {
    let bytes = server.process_pool().kept(PROCESS)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn start_again(server: Server<'_>, pool: Pool<'_>) {
    let mut watched = watched();
    let Some(it) = &mut *watched else { return };
    it.starts.retain(|start| start.elapsed() < OFTEN.1);
    if it.starts.len() >= OFTEN.0 {
        let message = "the broker of groups ends again and again, and is not started any more; \
                       restart httpd once the reason is mended, which is above in this log";
        return server.log(Level::Error, message);
    }
    it.starts.push(Instant::now());
    match start(&it.program, &it.definition) {
        Ok(child) => {
            remember(server, Some((child, &it.definition.control)));
            parent::watch(child, pool, happened);
            server.log(Level::Error, "the broker of groups has ended, and another is started");
        }
        Err(why) => server.log(Level::Error, why),
    }
}

/// Starts it; its process.
fn start(program: &Path, definition: &Definition) -> Result<u32, String> {
    // httpd itself waits for its children, all of them.
    let started = narthex_broker::start(program, definition);
    started.map(|child| child.id()).map_err(|error| {
        format!("the broker of groups, {}, does not start: {error}", program.display())
    })
}

/// Where a broker is to be asked: a name of this httpd's own.
fn new_control(pool: Pool<'_>) -> Result<PathBuf, String> {
    // One that is ending takes its directory with it.
    let name = format!("narthex-{}-{}/control", process::id(), parent::generation());
    parent::runtime_path(pool, &name).ok_or_else(|| "DefaultRuntimeDir is no path".to_owned())
}

/// The program, which lies beside the module.
fn program() -> Result<PathBuf, String> {
    let module = Machine.module().ok_or("the file of mod_narthex.so cannot be found")?;
    let program = module.with_file_name("narthex-broker");
    if program.is_file() {
        return Ok(program);
    }
    Err(format!(
        "there is no {}: load the module from where it is installed, which \
         \"narthex apache module-path\" says",
        program.display()
    ))
}

fn definition(server: Server<'_>, pool: Pool<'_>, groups: &[Group]) -> Result<Definition, String> {
    // It stays where it is for as long as the broker lives.
    let control = control(server).map_or_else(|| new_control(pool), Ok)?;
    let (user, group) = facts::user().map_or_else(
        || (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
        |(_, user, group)| (user, group),
    );
    Ok(Definition {
        name: format!("httpd-{}", process::id()),
        run_user: user.to_string(),
        run_group: group.to_string(),
        control,
        groups: groups.to_vec(),
    })
}
