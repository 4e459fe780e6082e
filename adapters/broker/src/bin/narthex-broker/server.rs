//! All pools of one httpd, and the loop that looks after them.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    ops::ControlFlow,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use narthex_broker::{Definition, identity::Identity};
use narthex_core::Level;
use narthex_supervisor::{Charge, Manner, Rounds, Told, Waits};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::Mode,
    io::Errno,
    process::{
        Pid, PidfdFlags, Signal, getppid, pidfd_open, set_parent_process_death_signal, setsid,
        umask,
    },
    stdio::dup2_stdout,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::{
    children::{self, Asking, Children, Question},
    log,
    orders::{Member, Orders},
    place::Place,
    pool::Pool,
    processes::Spec,
};

/// Pools at once: each is a socket, and children may ask for any application.
const MOST: usize = 4096;

/// How long a pool that nobody has asked for since the last definition is kept.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// A group, and the arguments of an application.
type Key = (String, Vec<Vec<u8>>);

/// A group as it was defined, or what is wrong with it.
type Found = Result<Arc<Spec>, String>;

/// The broker.
struct Server {
    definition: Definition,
    specs: BTreeMap<String, Found>,
    pools: BTreeMap<Key, Entry>,
    /// Pools so far: they are numbered.
    count: u64,
    children: Children,
    orders: Orders,
    /// httpd, as long as it lives, if it can be watched so.
    httpd: Option<OwnedFd>,
    /// Everything is to end.
    ends: bool,
    /// Behind the sockets in it.
    place: Place,
}

struct Entry {
    pool: Pool,
    /// When it goes unless somebody asks for it.
    until: Option<Instant>,
    /// It takes no connections any more.
    is_gone: bool,
}

impl Entry {
    fn turn(&mut self, now: Instant, ends: bool) {
        if self.until.is_some_and(|until| until <= now) {
            (self.until, self.is_gone) = (None, true);
            self.pool.stop(Manner::Graceful);
        }
        self.pool.turn(!self.is_gone && !ends);
    }
}

/// The pools, with the names of their groups.
fn members(pools: &mut BTreeMap<Key, Entry>) -> Vec<Member<'_>> {
    pools.iter_mut().map(|((group, _), entry)| (&group[..], &mut entry.pool)).collect()
}

/// Serves the httpd of this number until it ends.
pub(crate) fn run(httpd: &OsStr) -> ExitCode {
    // Signals to httpd's group are not for the broker.
    let _ = setsid();
    umask(Mode::from_raw_mode(0o077));
    narthex_adapters::close_on_exec();
    match begin(httpd) {
        Ok((mut server, rounds)) => {
            say(&children::line("defined", None));
            rounds.go(&mut server);
            ExitCode::SUCCESS
        }
        Err(why) => {
            say(&children::line("refused", Some(format!("N320: {why}").as_bytes())));
            ExitCode::FAILURE
        }
    }
}

/// Answers whoever has started this process; afterwards there is no standard output.
fn say(answer: &str) {
    let _ = io::stdout().write_all(answer.as_bytes());
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        let _ = dup2_stdout(null);
    }
}

fn begin(httpd: &OsStr) -> Result<(Server, Rounds), String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| format!("the definition: {error}"))?;
    let definition = Definition::read(&text)?;
    let number = httpd.to_str().and_then(|number| number.parse().ok()).and_then(Pid::from_raw);
    let number = number.ok_or("--child-of is the number of a process")?;
    let httpd = watched(number)
        .map_err(|error| format!("the process {number:?} cannot be watched: {error}"))?;
    let (rounds, _) = Rounds::new().map_err(|error| error.to_string())?;
    let Definition { run_user, run_group, control, .. } = &definition;
    let children = Identity::of(run_user, Some(run_group))?;
    let user = children.user;
    let place = Place::make(control, children)?;
    let name =
        control.file_name().and_then(OsStr::to_str).ok_or("the control socket has no name")?;
    let socket = place.listen(name, u16::MAX);
    let socket = socket.map_err(|error| format!("{}: {error}", control.display()))?;
    let mut server = Server {
        definition,
        specs: BTreeMap::new(),
        pools: BTreeMap::new(),
        count: 0,
        children: Children::new(socket, user),
        orders: Orders::default(),
        httpd,
        ends: false,
        place,
    };
    server.look_up();
    Ok((server, rounds))
}

/// What can be read from when the process has ended; `None` where a signal will say so.
fn watched(process: Pid) -> rustix::io::Result<Option<OwnedFd>> {
    match pidfd_open(process, PidfdFlags::empty()) {
        // Before Linux 5.3 only a parent can be watched.
        Err(Errno::NOSYS) => {
            set_parent_process_death_signal(Some(Signal::TERM))?;
            if getppid() == Some(process) { Ok(None) } else { Err(Errno::SRCH) }
        }
        opened => opened.map(Some),
    }
}

impl Charge for Server {
    fn heed(&mut self, told: Told) {
        match told {
            Told::Signal(SIGTERM | SIGINT) => self.end(Manner::Graceful),
            Told::Signal(SIGQUIT) => self.end(Manner::Now),
            Told::Signal(SIGHUP) => self.reload("SIGHUP"),
            Told::Signal(_) => {}
            Told::Reload(reason) => self.reload(&reason),
        }
    }

    fn turn(&mut self) -> ControlFlow<()> {
        self.look_for_httpd();
        let now = Instant::now();
        for (asking, question) in self.children.questions(now) {
            self.answer(asking, question);
        }
        self.orders.obey(&mut members(&mut self.pools));
        for entry in self.pools.values_mut() {
            entry.turn(now, self.ends);
        }
        self.orders.finish(&mut members(&mut self.pools));
        self.pools.retain(|_, entry| !entry.is_gone || !entry.pool.is_empty());
        if self.ends && self.pools.values().all(|entry| entry.pool.is_empty()) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn waits<'a>(&'a self, waits: &mut Waits<'a>) {
        self.httpd.iter().for_each(|httpd| waits.input(httpd.as_fd()));
        self.children.descriptors().for_each(|descriptor| waits.input(descriptor));
        waits.until(self.children.deadline());
        self.orders.waits(waits);
        for entry in self.pools.values() {
            entry.pool.waits(!entry.is_gone && !self.ends, waits);
            waits.until(entry.until);
        }
    }
}

impl Server {
    /// Ends everything when httpd has ended.
    fn look_for_httpd(&mut self) {
        let Some(httpd) = &self.httpd else { return };
        let mut polled = [PollFd::new(httpd, PollFlags::IN)];
        if matches!(poll(&mut polled, Some(&Timespec::default())), Ok(1..)) {
            self.httpd = None;
            self.end(Manner::Graceful);
        }
    }

    fn end(&mut self, manner: Manner) {
        let manner = if self.ends { Manner::Now } else { manner };
        self.ends = true;
        self.pools.values_mut().for_each(|entry| entry.pool.stop(manner));
    }

    fn reload(&mut self, reason: &str) {
        self.pools.values_mut().for_each(|entry| entry.pool.reload(reason));
    }

    /// Finds out about each group what it needs; says what is wrong with one.
    fn look_up(&mut self) {
        self.specs = BTreeMap::new();
        for group in &self.definition.groups {
            let found = Spec::new(group, &self.definition).map(Arc::new);
            if let Err(why) = &found {
                log::write(Level::Error, &format_args!("N321: group {}: {why}", group.name));
            }
            self.specs.insert(group.name.clone(), found);
        }
        self.orders.define(&self.definition);
    }

    fn answer(&mut self, asking: Asking, question: Question) {
        match question {
            Question::Open(group, arguments) => match self.open(group, arguments) {
                Ok(path) => asking.answer("path", Some(&path)),
                Err(why) => asking.answer("refused", Some(why.as_bytes())),
            },
            Question::Define(text) => match self.define(&text) {
                Ok(()) => asking.answer("defined", None),
                Err(why) => asking.answer("refused", Some(why.as_bytes())),
            },
        }
    }

    /// The path of the socket of a pool.
    fn open(&mut self, group: String, arguments: Vec<Vec<u8>>) -> Result<Vec<u8>, String> {
        if self.ends {
            return Err("httpd is ending".to_owned());
        }
        let unknown = || format!("there is no group {group}: write NarthexGroup {group} …");
        let defined = self.definition.group(&group).ok_or_else(unknown)?;
        let spec = self.specs[&defined.name].clone();
        let spec = spec.map_err(|why| format!("group {group}: {why}"))?;
        let key = (group, arguments);
        if !self.pools.contains_key(&key) {
            if self.pools.len() >= MOST {
                return Err(format!("there are {MOST} applications already"));
            }
            let name = (self.count + 1).to_string();
            let socket = self.place.listen(&name, spec.group.queue);
            let socket = socket.map_err(|error| format!("no socket can be made: {error}"))?;
            self.count += 1;
            let pool = Pool::new(called(&key), Arc::clone(&spec), key.1.clone(), socket);
            self.pools.insert(key.clone(), Entry { pool, until: None, is_gone: false });
        }
        let entry = self.pools.get_mut(&key).expect("it is there, or was put there");
        // One that was about to go comes back.
        entry.pool.redefine(spec);
        (entry.until, entry.is_gone) = (None, false);
        Ok(entry.pool.socket().path.as_os_str().as_bytes().to_vec())
    }

    /// Goes by another definition from now on.
    fn define(&mut self, text: &str) -> Result<(), String> {
        let definition = Definition::read(text)?;
        let fixed =
            |it: &Definition| (it.control.clone(), it.run_user.clone(), it.run_group.clone());
        if fixed(&definition) != fixed(&self.definition) {
            return Err(
                "another User, Group or DefaultRuntimeDir needs a new start: stop httpd, and \
                        start it again"
                    .to_owned(),
            );
        }
        self.definition = definition;
        self.look_up();
        let now = Instant::now();
        for ((group, _), entry) in &mut self.pools {
            let found = self.definition.group(group).map(|group| &self.specs[&group.name]);
            entry.until = Some(match found {
                Some(Ok(spec)) => {
                    entry.pool.redefine(Arc::clone(spec));
                    now + FORGOTTEN
                }
                // Requests that httpd has taken under the old definition may still come.
                _ => now + entry.pool.patience(),
            });
        }
        Ok(())
    }
}

/// What the log calls a pool: its group, and the application without options.
fn called((group, arguments): &Key) -> String {
    let application = arguments.last().map(|last| String::from_utf8_lossy(last).into_owned());
    let line = application.unwrap_or_default().replace(char::is_control, "?");
    format!("group {group} ({line})")
}
