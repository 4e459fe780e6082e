//! The pools of processes that a child of httpd knows of, and where they listen.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use narthex_adapters::fastcgi::asking::{Downstream, Line, NotTaken};
use narthex_broker::{Group, OpenError};

use super::broker;
use crate::{
    httpd::Server,
    place::{Application, Process},
};

/// How long a request waits for a broker that is being started, or for a pool that moves.
const MOVING: Duration = Duration::from_secs(10);

/// How long to wait before trying again.
const PAUSE: Duration = Duration::from_millis(20);

/// How much longer than its own processes need to say that a request is overdue, or that they do not
/// start, they are believed to be about to.
const GRACE: Duration = Duration::from_secs(10);

/// What this child knows of groups: set before there are requests.
static HERE: OnceLock<Here> = OnceLock::new();

#[derive(Debug)]
struct Here {
    /// Where the broker is asked, if there is one.
    control: Option<PathBuf>,
    groups: Vec<Group>,
    /// Pools so far.
    pools: AtomicUsize,
}

/// Prepares this child, in which applications may run in these `groups`. Called once, before there is
/// any other thread.
pub(crate) fn child_init(server: Server<'_>, groups: &[Group]) {
    HERE.get_or_init(|| Here {
        control: broker::control(server),
        groups: groups.to_vec(),
        pools: AtomicUsize::new(0),
    });
}

/// What is kept with each application; made empty, and shared by all threads of the child.
#[derive(Debug, Default)]
pub(crate) struct Slot(OnceLock<Pool>);

impl Slot {
    /// The pool of `application`, whose slot this is.
    ///
    /// # Errors
    /// Why it can have none.
    pub(super) fn pool(&self, application: &'static Application) -> Result<&Pool, String> {
        if let Some(pool) = self.0.get() {
            return Ok(pool);
        }
        let made = Pool::of(application)?;
        Ok(self.0.get_or_init(|| made))
    }
}

/// Processes of one group that serve one application.
#[derive(Debug)]
pub(super) struct Pool {
    number: usize,
    control: &'static Path,
    group: String,
    application: &'static Application,
    /// Where it listens, once that has been asked for.
    path: RwLock<Option<Arc<Path>>>,
    /// Requests of this child that its processes have, or that wait for them; and the most.
    running: AtomicUsize,
    most: usize,
    /// How long its processes may take to start.
    start: Duration,
    /// How long a request may take.
    timeout: Option<Duration>,
}

/// A request that was let in.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Pool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}

/// How many requests may run and wait.
fn most(group: &Group) -> usize {
    let threads = group.threads.map(usize::from);
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let at_once = usize::from(group.processes) * threads.unwrap_or_else(cores);
    at_once + usize::from(group.queue)
}

impl Pool {
    fn of(application: &'static Application) -> Result<Self, String> {
        let here = HERE.get().ok_or("this process is no child of httpd")?;
        let Process::Group(name) = &application.process else {
            return Err("the application runs in no group".to_owned());
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let group = here.groups.iter().find(|group| group.is_called(&name));
        let group = group.ok_or_else(|| format!("there is no group {name}"))?;
        let control = here.control.as_deref();
        let control = control.ok_or("the broker could not be started: see above in the log")?;
        Ok(Self {
            number: here.pools.fetch_add(1, Relaxed),
            control,
            group: name,
            application,
            path: RwLock::default(),
            running: AtomicUsize::new(0),
            most: most(group),
            start: group.start_timeout,
            timeout: group.timeout,
        })
    }

    /// Lets a request in, unless too many wait already: so a site that does not get on leaves threads of
    /// httpd to the others.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn enter(&self) -> Result<Turn<'_>, String> {
        let turn = Turn(self);
        if self.running.fetch_add(1, Relaxed) < self.most {
            return Ok(turn);
        }
        Err(format!("{} requests are running or waiting already", self.most))
    }

    /// By which the connections to it are known.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// How long its processes may say nothing: they answer themselves for what takes too long.
    pub(super) fn silence(&self) -> Option<Duration> {
        self.timeout.map(|timeout| timeout + GRACE)
    }

    /// Connects to it, and waits until a process has taken the connection.
    ///
    /// # Errors
    /// None has; nothing has been sent.
    pub(super) fn open(&self, client: &mut impl Downstream) -> Result<Line, NotTaken> {
        let began = Instant::now();
        loop {
            let path = self.path(began)?;
            let deadline = began + self.start + GRACE;
            let tried = match Line::open(&path, deadline, &mut || client.departed()) {
                Ok(line) => return Ok(line),
                Err(tried) => tried,
            };
            let moving = match &tried {
                // The broker is asked again: it may be another one, with other sockets.
                NotTaken::Nobody(_) => {
                    self.forget(&path);
                    true
                }
                // A process that ends has closed it; another takes the next.
                NotTaken::Closed => true,
                _ => false,
            };
            if !moving || began.elapsed() >= MOVING || client.departed() {
                return Err(tried);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Where it listens.
    fn path(&self, began: Instant) -> Result<Arc<Path>, NotTaken> {
        let known = self.path.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(path) = known {
            return Ok(path);
        }
        loop {
            let left = MOVING.saturating_sub(began.elapsed());
            let arguments = &self.application.arguments;
            match narthex_broker::open(self.control, &self.group, arguments, left) {
                Ok(path) => {
                    let path: Arc<Path> = path.into();
                    let mut known = self.path.write().unwrap_or_else(PoisonError::into_inner);
                    *known = Some(Arc::clone(&path));
                    return Ok(path);
                }
                // It is being started again.
                Err(OpenError::Unreachable(_)) if !left.is_zero() => thread::sleep(PAUSE),
                Err(error) => return Err(NotTaken::Refused(error.to_string())),
            }
        }
    }

    /// Does not believe any more that it listens at `path`.
    fn forget(&self, path: &Arc<Path>) {
        let mut known = self.path.write().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, path)) {
            *known = None;
        }
    }
}
