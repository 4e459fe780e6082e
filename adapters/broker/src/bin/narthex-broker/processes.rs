//! How the processes of a pool are started, and what is done with what they say.

use std::{
    ffi::OsStr,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt, net::UnixListener, process::CommandExt},
    },
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use narthex_broker::{Definition, Group, identity::Identity, python::interpreter};
use narthex_core::{Journal, Level};
use narthex_supervisor::{Order, Owner, Policy, Settings};
use rustix::process::{getegid, geteuid};

use crate::{descend::Descent, log::About};

/// This program, even after its file was replaced.
const ITSELF: &str = "/proc/self/exe";

/// The environment of a login, as far as it is the same for everyone.
const ENVIRONMENT: [(&str, &str); 2] =
    [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")];

/// A group, with all that was found out about it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Spec {
    pub(crate) group: Group,
    identity: Identity,
    interpreter: PathBuf,
}

impl Spec {
    /// Looks up what a group needs.
    ///
    /// # Errors
    /// It cannot be had; the text says why.
    pub(crate) fn new(group: &Group, definition: &Definition) -> Result<Self, String> {
        let children = (&definition.run_user[..], Some(&definition.run_group[..]));
        let (user, in_group) = match (&group.user, &group.group) {
            (None, None) => children,
            (None, Some(in_group)) => (children.0, Some(&in_group[..])),
            (Some(user), in_group) => (&user[..], in_group.as_deref()),
        };
        let identity = Identity::of(user, in_group)?;
        let own = geteuid();
        if own.is_root() && identity.user == 0 {
            return Err("it would run as root: write user=NAME".to_owned());
        }
        if !own.is_root() && identity.user != own.as_raw() {
            let httpd = Identity::of(&own.as_raw().to_string(), Some("0"))?.name;
            let name = &identity.name;
            return Err(format!(
                "it is to run as {name}, which only root can start, but httpd was started by \
                 {httpd}: leave out user="
            ));
        }
        if let (false, Some(name)) = (own.is_root(), &group.group)
            && identity.group != getegid().as_raw()
        {
            return Err(format!("only root can give it the group {name}: leave out group="));
        }
        let interpreter = interpreter(&group.python)?;
        Ok(Self { group: group.clone(), identity, interpreter })
    }

    /// How its workers are looked after.
    pub(crate) fn settings(&self, name: String) -> Settings {
        Settings {
            name,
            policy: Policy {
                workers: self.group.processes.into(),
                order: Order::StartFirst,
                start_timeout: self.group.start_timeout,
                graceful: self.group.graceful,
                on_demand: true,
            },
            max_memory: self.group.max_rss,
            control: None,
            web_servers_child: false,
        }
    }

    /// The options of `narthex fastcgi` that make a worker of it.
    fn options(&self, link: BorrowedFd<'_>) -> Vec<String> {
        let group = &self.group;
        let seconds = |time: Duration| time.as_secs_f64().to_string();
        let list = [
            ("--child-of", Some(std::process::id().to_string())),
            ("--child-link", Some(link.as_raw_fd().to_string())),
            ("--child-bind", Some("fd://0".to_owned())),
            ("--child-idle", group.idle.map(seconds)),
            ("--workers", Some(group.processes.to_string())),
            ("--threads", group.threads.map(|threads| threads.to_string())),
            ("--max-requests", group.max_requests.map(|requests| requests.to_string())),
            ("--timeout", group.timeout.map(seconds)),
            ("--graceful-timeout", Some(seconds(group.graceful))),
        ];
        let given =
            list.into_iter().filter_map(|(option, value)| Some([option.to_owned(), value?]));
        let watch = group.reload.then(|| "--child-watch".to_owned());
        given.flatten().chain(watch).collect()
    }
}

/// The owner of a pool's processes.
pub(crate) struct Processes {
    pub(crate) spec: Arc<Spec>,
    pub(crate) journal: About,
    arguments: Vec<Vec<u8>>,
    listener: UnixListener,
    /// Since when they serve.
    pub(crate) since: Option<Instant>,
    /// What came of a reload, until somebody has asked.
    pub(crate) reloaded: Option<Result<(), String>>,
    /// What was written last about a start that failed: it is written once.
    screen: Option<String>,
}

impl Processes {
    /// Those that serve the application of these `arguments` at `listener`.
    pub(crate) fn new(
        spec: Arc<Spec>,
        journal: About,
        arguments: Vec<Vec<u8>>,
        listener: UnixListener,
    ) -> Self {
        Self { spec, journal, arguments, listener, since: None, reloaded: None, screen: None }
    }
}

impl Owner for Processes {
    /// The worker inherits the listener in place of its standard input, and its end of the link.
    fn command(&mut self, link: BorrowedFd<'_>) -> io::Result<Command> {
        let Spec { group, identity, interpreter } = &*self.spec;
        let chdir = group.chdir.as_deref();
        let descent = Descent { identity, umask: group.umask, chdir, link: link.as_raw_fd() };
        let mut command = Command::new(ITSELF);
        command.arg0("narthex-broker").args(descent.arguments());
        command.arg(interpreter).args(["-m", "narthex", "fastcgi"]);
        command.args(self.spec.options(link));
        command.args(self.arguments.iter().map(|argument| OsStr::from_bytes(argument)));
        command.env_clear().envs(ENVIRONMENT);
        command.env("HOME", &identity.home);
        command.envs(["USER", "LOGNAME"].map(|name| (name, &identity.name)));
        let values = group.env.iter().map(|(name, value)| (name, OsStr::from_bytes(value)));
        command.envs(values);
        command.stdin(OwnedFd::from(self.listener.try_clone()?));
        // What an application prints goes where its errors go.
        command.stdout(Stdio::from(io::stderr().as_fd().try_clone_to_owned()?));
        Ok(command)
    }

    fn serving(&mut self, _lines: &[String], first: bool) {
        self.since = Some(Instant::now());
        self.screen = None;
        if first {
            let processes = self.spec.group.processes;
            let what = if processes == 1 { "a process serves" } else { "processes serve" };
            self.journal.write(Level::Info, &what);
        }
    }

    fn not_started(&mut self, screen: &str) {
        if self.screen.as_deref() != Some(screen) {
            crate::log::line(screen);
            self.screen = Some(screen.to_owned());
        }
    }

    fn reloaded(&mut self, outcome: &Result<(), String>) {
        self.reloaded = Some(outcome.clone());
    }
}
