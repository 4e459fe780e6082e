//! The parent's side of a supervised server: what its workers are, and what it does for them.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, mpsc::Sender},
};

use narthex_adapters::Listener;
use narthex_core::{Journal, Level, Timeouts};
use narthex_supervisor::{
    Error, Order, PidFile, Settings, Source, Supervisor,
    runtime::{self, Directory, Socket},
    systemd,
};
use pyo3::prelude::*;
use rustix::io::{FdFlags, fcntl_setfd};

use super::{
    choice::Choice,
    failure::Failure,
    management::{Opened, Together},
    options::sockets,
    plan::{INSECURE, Plan},
    ports, signals,
    watch::{self, News},
};
use crate::journal::{Log, Notices};

/// Whether what is asked for needs a parent process.
pub(super) fn wants_parent(plan: &Plan) -> bool {
    let listening = &plan.listening;
    listening.child.parent.is_none()
        && (listening.reload || listening.workers.want_parent(listening.calls.wants_parent()))
}

/// Holds the sockets, and looks after the workers that serve. Returns the exit status.
///
/// # Errors
/// An address cannot be had, or the workers do not start.
pub(super) fn run(
    py: Python<'_>,
    choice: &Choice,
    plan: &Plan,
    arguments: &[OsString],
) -> Result<i32, Failure> {
    if !choice.backend.listens() {
        return Err(no_workers(choice.backend.name()));
    }
    let start = here();
    plan.change_directory()?;
    let workers = &plan.listening.workers;
    let order = if plan.listening.reload { Order::StopFirst } else { Order::StartFirst };
    let graceful = plan.listening.graceful_timeout.unwrap_or(Timeouts::default().graceful);
    let log = Arc::new(plan.application.logs.standard());
    let web_servers_child = plan.on_standard_input();
    let mut listeners = Vec::new();
    for (binds, mark) in [(plan.binds()?, ""), (plan.insecure_binds()?, INSECURE)] {
        for bind in binds {
            let bound = bind.listen(plan.listening.backlog);
            let bound = bound.map_err(|error| ports::failure(&error))?;
            listeners.extend(bound.into_iter().map(|listener| (listener, mark)));
        }
    }
    sockets::forget(py)?;
    let workers_together = Arc::new(Together::default());
    let management = match &plan.listening.management.management {
        Some(address) => {
            let source: Arc<dyn Source> = Arc::clone(&workers_together) as _;
            Some(Opened::new(address, &source)?)
        }
        None => None,
    };
    let _pid_file = pid_file(plan)?;
    let name = workers.name.clone().unwrap_or_else(|| default_name(&plan.application.app));
    let control = control(&name, workers.name.is_some(), &log)?;
    // From here on Python's own handlers do nothing: the workers are told what is to be done.
    signals::hold(py, None)?.release(py)?;
    let python: OsString = py.import("sys")?.getattr("executable")?.extract()?;
    let flags: Vec<OsString> =
        py.import("subprocess")?.call_method0("_args_from_interpreter_flags")?.extract()?;
    let has_control = control.is_some();
    let (supervisor, remote) = Supervisor::new(Settings {
        policy: workers.policy(order, graceful),
        name: name.clone(),
        max_memory: workers.max_rss,
        control,
        web_servers_child,
    })
    .map_err(failure)?;
    let watched = match order {
        Order::StopFirst => {
            let here = env::current_dir().map_err(notify::Error::io);
            let say = move |what| remote.reload(what);
            let watched = here.and_then(|here| watch::follow(Some(here), Arc::clone(&log), say));
            Some(watched.map_err(|error| watch::failure(&error))?)
        }
        Order::StartFirst => None,
    };
    let mut parent = Parent {
        log: Arc::clone(&log),
        python,
        flags,
        arguments: arguments.to_vec(),
        start,
        listeners,
        watched,
        name: has_control.then_some(name),
        together: workers_together,
        management,
    };
    match py.detach(|| supervisor.run(&mut parent, &*log)) {
        Ok(()) => Ok(0),
        Err(Error::Start(_, true)) => Ok(1), // the user has been told
        Err(error) => Err(failure(error)),
    }
}

/// What to tell the user of a server that cannot be supervised.
pub(super) fn failure(error: impl Into<Error>) -> Failure {
    let error = error.into();
    let fixes = |fixes: &[&str]| fixes.iter().map(|&fix| fix.to_owned()).collect();
    let title = ports::full(&error);
    match error {
        Error::Start(..) => Failure::new(
            "N221",
            &title,
            Vec::new(),
            fixes(&["run narthex check APP; see --start-timeout if the start takes long"]),
        ),
        Error::Runtime(runtime::Error::Running(name)) => Failure::new(
            "N222",
            &title,
            Vec::new(),
            vec![format!("choose another --name, or narthex stop {name} first")],
        ),
        Error::Runtime(runtime::Error::Name(_)) => {
            Failure::new("N223", &title, Vec::new(), fixes(&["for example --name shop"]))
        }
        Error::PidFile(path, _) => Failure::new(
            "N224",
            &title,
            Vec::new(),
            vec![format!("stop that server, or remove {}", path.display())],
        ),
        Error::Runtime(runtime::Error::Unsafe(..)) => Failure::new(
            "N225",
            &title,
            Vec::new(),
            fixes(&["name another directory by NARTHEX_RUNTIME_DIR, or chmod 700 this one"]),
        ),
        _ => Failure::new("N226", &title, Vec::new(), Vec::new()),
    }
}

/// The pid file that was asked for.
///
/// # Errors
/// It cannot be written, or another server has it.
pub(super) fn pid_file(plan: &Plan) -> Result<Option<PidFile>, Failure> {
    let path = plan.listening.workers.pid_file.as_deref();
    path.map(PidFile::write).transpose().map_err(failure)
}

fn no_workers(backend: &str) -> Failure {
    Failure::new(
        "N207",
        &format!("the backend {backend} has no worker processes, and nothing to reload"),
        vec!["It imports the application anew for each request.".to_owned()],
        vec!["leave out --reload, --workers, --supervise and --max-…".to_owned()],
    )
}

/// The socket for commands. A server without one still serves, unless it was given a name.
fn control(name: &str, named: bool, log: &Log) -> Result<Option<Socket>, Failure> {
    match Directory::open().and_then(|directory| directory.listen(name)) {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if named => Err(failure(error)),
        Err(error) => {
            let error = ports::full(&error);
            log.write(Level::Warning, &format_args!("no narthex status, reload, stop: {error}"));
            Ok(None)
        }
    }
}

/// What a server of `app` is called: its module, and this process.
fn default_name(app: &OsStr) -> String {
    let text = app.to_string_lossy();
    let module = text.split(':').next().unwrap_or_default();
    let path = Path::new(module);
    let is_file = path.extension().is_some_and(|extension| extension == "py");
    let stem = if is_file { path.file_stem() } else { path.file_name() };
    let stem = stem.unwrap_or_default().to_string_lossy();
    let plain = stem.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() || "._-".contains(letter) => letter,
        _ => '_',
    });
    let name: String = plain.skip_while(|&letter| letter == '.').collect();
    let name = if name.is_empty() { "server" } else { &name };
    format!("{name}-{}", std::process::id())
}

/// The current directory by the name that the shell has for it: after a deployment has put another
/// directory in its place, a new worker starts in that one.
fn here() -> Option<PathBuf> {
    let actual = env::current_dir().ok();
    let named = env::var_os("PWD").map(PathBuf::from).filter(|path| path.is_absolute());
    let place = |path: &Path| fs::metadata(path).ok().map(|it| (it.dev(), it.ino()));
    named.filter(|path| place(path).is_some_and(|it| Some(it) == place(Path::new(".")))).or(actual)
}

/// How workers are started, and what is done with what they say.
struct Parent {
    log: Arc<Log>,
    python: OsString,
    flags: Vec<OsString>,
    arguments: Vec<OsString>,
    start: Option<PathBuf>,
    /// With what marks those that do not speak TLS.
    listeners: Vec<(Listener, &'static str)>,
    watched: Option<Sender<News>>,
    /// What commands call it.
    name: Option<String>,
    together: Arc<Together>,
    management: Option<Opened>,
}

impl narthex_supervisor::Owner for Parent {
    /// The worker inherits the listeners and its end of the link, and nothing else.
    fn command(&mut self, link: BorrowedFd<'_>) -> io::Result<Command> {
        let mut command = Command::new(&self.python);
        command.args(&self.flags).args(["-m", "narthex"]);
        let (action, rest) = self.arguments.split_at(1);
        command.args(action);
        command.args(["--child-of", &std::process::id().to_string()]);
        command.args(["--child-link", &link.as_raw_fd().to_string()]);
        for (listener, mark) in &self.listeners {
            let descriptor = match listener {
                Listener::Tcp(listener) => listener.as_fd(),
                Listener::Unix(listener, _) => listener.as_fd(),
            };
            fcntl_setfd(descriptor, FdFlags::empty())?;
            command.args(["--child-bind", &format!("{mark}fd://{}", descriptor.as_raw_fd())]);
        }
        command.args(rest);
        for variable in systemd::VARIABLES {
            command.env_remove(variable);
        }
        if let Some(start) = &self.start {
            command.current_dir(start);
        }
        Ok(command)
    }

    fn serving(&mut self, lines: &[String], first: bool) {
        // Where the old worker ends first, each start is one that someone waits for.
        if first || self.watched.is_some() {
            for line in lines {
                self.log.notice(line);
            }
        }
        if first {
            for line in self.management.iter().flat_map(Opened::announcement) {
                self.log.notice(&line);
            }
        }
        if let (Some(name), true, None) = (&self.name, first, &self.watched) {
            let commands = "narthex status, narthex reload, narthex stop";
            self.log.notice(&format_args!("called {name} by the commands {commands}"));
        }
    }

    fn not_started(&mut self, screen: &str) {
        // As it is: it was made for the terminal.
        let _ = io::Write::write_all(&mut io::stderr(), screen.as_bytes());
    }

    fn strength(&mut self, serving: usize) {
        self.together.serve(serving);
    }

    fn metrics(&mut self, process: u32, figures: &[u64]) {
        self.together.figures().report(process, figures);
    }

    fn gone(&mut self, process: u32, by_itself: bool) {
        let mut figures = self.together.figures();
        figures.retire(process);
        if by_itself {
            figures.restarted();
        }
    }

    fn modules(&mut self, directories: Vec<PathBuf>) {
        if let Some(watched) = &self.watched {
            let _ = watched.send(News::Watch(directories));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn names_come_from_applications() {
        for (app, name) in [
            ("shop.web:app", "shop.web"),
            ("dir/app.py", "app"),
            ("app.py:make(\"x/y\")", "app"),
            ("./shop/", "shop"),
            (".", "server"),
            ("Bücher", "B_cher"),
        ] {
            let named = default_name(OsStr::from_bytes(app.as_bytes()));
            assert_eq!(named, format!("{name}-{}", std::process::id()));
        }
    }
}
