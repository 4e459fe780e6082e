//! The handler that answers by programs, and asks the application elsewhere.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use http::{HeaderValue, StatusCode, header::RETRY_AFTER, uri::PathAndQuery};
use narthex_core::{
    Answer, Ask, Body, Error, Exchange, Handler, Level, Quota, Reply, RequestHead, Result, Site,
};
use rustix::io::Errno;

use super::{
    CgiBin, CgiMount, diagnosis,
    environment::Environment,
    process::{self, About},
    program::Program,
    queue::{Place, Queue},
    redirect,
    relay::{Input, Relayed, relay},
};
use crate::{
    StaticMount,
    beneath::{LOOK, Root},
};

/// How much is said of programs that fail: a fault that befalls every request must not fill the log.
const SAID: u32 = 60;
/// In this time.
const PERIOD: Duration = Duration::from_secs(60);

/// Opened directories of programs, before there is an application.
pub(crate) struct Programs {
    mounts: Vec<Mount>,
    environment: Environment,
    queue: Queue,
    timeout: Duration,
    said: Mutex<Quota>,
}

/// A [`CgiMount`] and its directory.
struct Mount {
    is: CgiMount,
    root: Root,
}

impl Programs {
    /// Opens the directories of `asked`; `None` where there are none.
    ///
    /// # Errors
    /// A directory that is none, or may not be read.
    pub(crate) fn open(asked: &CgiBin, statics: &[StaticMount]) -> crate::Result<Option<Self>> {
        let open = |mount: &CgiMount| match Root::open(&mount.directory, LOOK) {
            Ok(root) => Ok(Mount { is: mount.clone(), root }),
            Err(source) => {
                Err(crate::Error::Programs { directory: mount.directory.clone(), source })
            }
        };
        let mut mounts = asked.mounts.iter().map(open).collect::<crate::Result<Vec<_>>>()?;
        if mounts.is_empty() {
            return Ok(None);
        }
        crate::listen::close_on_exec();
        // The first that fits is the longest that does.
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.is.route.len()));
        let absolute = |path| std::path::absolute(path).map_err(crate::Error::Io);
        let mut documents = Vec::new();
        for mount in statics {
            documents.push((mount.route.clone(), absolute(&mount.directory)?));
        }
        for mount in &mounts {
            documents.push((mount.is.route.clone(), mount.root.path().to_owned()));
        }
        Ok(Some(Self {
            mounts,
            environment: Environment::new(asked, documents),
            queue: Queue::new(asked.limit),
            timeout: asked.timeout,
            said: Mutex::new(Quota::new(SAID, PERIOD)),
        }))
    }

    /// `site` with the programs before its application.
    pub(crate) fn before(self, site: &Site) -> Site {
        let mut site = site.clone();
        let (programs, application) = (Arc::new(self), site.handler);
        site.handler = Arc::new(CgiHandler { programs, application, passed: 0 });
        site
    }

    /// The directory that a path leads into, and what of the path is left there.
    fn mount_of<'a, 'b>(&'a self, path: &'b [u8]) -> Option<(&'a Mount, &'b [u8])> {
        self.mounts.iter().find_map(|mount| {
            let rest = path.strip_prefix(&mount.is.route[..])?;
            matches!(rest, [] | [b'/', ..]).then_some((mount, rest))
        })
    }

    /// Writes to the log what is wrong with a program, if that has not been done too often.
    fn complain(&self, about: &About, what: &str) {
        let now = Instant::now();
        let (granted, refused) = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let refused = said.refused(now);
            (said.take(now), refused)
        };
        if let Some(count) = refused {
            let message = format_args!("{count} more failures of CGI programs were not reported");
            about.journal.write(Level::Warning, &message);
        }
        if granted {
            about.say(Level::Error, &what);
        }
    }
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Programs").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// Programs, and the application behind them.
struct CgiHandler {
    programs: Arc<Programs>,
    application: Arc<dyn Handler>,
    /// How often the request has been passed on by a program.
    passed: u32,
}

#[async_trait]
impl Handler for CgiHandler {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        match self.programs.mount_of(&ask.head.path_info()) {
            Some(_) => Reply::Later,
            None => self.application.now(ask),
        }
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let found = {
            let path = exchange.request().path_info();
            let Some((mount, rest)) = self.programs.mount_of(&path) else {
                drop(path);
                return self.application.handle(exchange).await;
            };
            mount.root.refresh();
            let found = Program::find(&mount.root, rest, exchange.blocking());
            found.map(|found| found.map(|program| (mount, program)))
        };
        match found {
            Ok(Some((mount, program))) => self.run(&exchange, mount, program).await,
            Ok(None) => refuse(&exchange, StatusCode::NOT_FOUND).await,
            Err(error) => Err(Error::Io(error)),
        }
    }
    /// No program outlives the server.
    async fn end(&self) {
        self.programs.queue.end().await;
        self.application.end().await;
    }
}

impl CgiHandler {
    /// Runs `program` for a request.
    async fn run(&self, exchange: &Arc<Exchange>, mount: &Mount, program: Program) -> Result<()> {
        let programs = &*self.programs;
        let mut head = exchange.request().clone();
        let about = |head: RequestHead| {
            let directory = mount.root.path();
            let below = program.file.strip_prefix(directory).unwrap_or(&program.file);
            let name = match directory.file_name() {
                Some(directory) => std::path::Path::new(directory).join(below),
                None => below.to_owned(),
            };
            let journal = Arc::clone(&exchange.site().journal);
            Arc::new(About { request: Arc::new(head), journal, name: name.display().to_string() })
        };
        if program.is_nph() {
            programs
                .complain(&about(head), "nph- programs, which write HTTP themselves, are not run");
            return refuse(exchange, StatusCode::INTERNAL_SERVER_ERROR).await;
        }
        if !program.executable {
            let file = program.file.display();
            let message = format!("it may not be executed: chmod +x {file}");
            programs.complain(&about(head), &message);
            return refuse(exchange, StatusCode::FORBIDDEN).await;
        }
        let input = Input::of(exchange, &mut head).await?;
        let about = about(head);
        let place = tokio::select! {
            place = programs.queue.enter(programs.timeout) => place,
            () = exchange.departed() => return Err(Error::Disconnected),
        };
        let Some(place) = place else {
            programs.complain(&about, "too many programs run: see --cgi-limit");
            return refuse(exchange, StatusCode::SERVICE_UNAVAILABLE).await;
        };
        match self.start(exchange, mount, &program, &input, place, &about) {
            Ok(running) => {
                let relayed = relay(exchange, input, running, programs.timeout).await?;
                self.conclude(exchange, &program, &about, relayed).await
            }
            Err(error) => {
                programs.complain(&about, &diagnosis::explain(&program.file, &error));
                refuse(exchange, status_of(&error)).await
            }
        }
    }

    fn start(
        &self,
        exchange: &Exchange,
        mount: &Mount,
        program: &Program,
        input: &Input,
        place: Place,
        about: &Arc<About>,
    ) -> std::io::Result<process::Running> {
        let programs = &*self.programs;
        let variables = programs.environment.of(program, &mount.is.route, &about.request);
        let mut start = Some((variables, place));
        let mut started = None;
        // A new process is loaded from a disk, meanwhile others are served.
        exchange.blocking().block(&mut || {
            let Some((variables, place)) = start.take() else { return };
            let (body, about) = (input.is_there(), Arc::clone(about));
            started =
                Some(process::start(program, variables, body, programs.timeout, place, about));
        });
        started.unwrap_or_else(|| Err(std::io::Error::other("not started")))
    }

    /// Does what is left to do when a program has said what it has to say.
    async fn conclude(
        &self,
        exchange: &Arc<Exchange>,
        program: &Program,
        about: &About,
        relayed: Relayed,
    ) -> Result<()> {
        let programs = &*self.programs;
        match relayed {
            Relayed::Done => Ok(()),
            Relayed::Elsewhere(target, cookies) => {
                let path = PathAndQuery::try_from(&target[..]).ok();
                let Some(path) = path.filter(|path| !path.path().contains("%00")) else {
                    programs.complain(about, &format!("no location: {}", target.escape_ascii()));
                    return Err(Error::Reported);
                };
                if self.passed == redirect::MOST {
                    let most = redirect::MOST;
                    let what = format!("the request was passed on {most} times: {path} is next");
                    programs.complain(about, &what);
                    return Err(Error::Reported);
                }
                let next = Self {
                    programs: Arc::clone(&self.programs),
                    application: Arc::clone(&self.application),
                    passed: self.passed + 1,
                };
                redirect::follow(exchange, path, cookies, Arc::new(next)).await
            }
            Relayed::Bad(bad, status) => {
                // `env` is started where what it is to start cannot be.
                let reason = status.filter(|status| !status.success());
                let why = reason.and_then(|_| diagnosis::why_not(&program.file));
                let ended = reason.map_or(String::new(), |status| format!(" ({status})"));
                let why = why.map_or(String::new(), |why| format!("; {why}"));
                programs.complain(about, &format!("{bad}{ended}{why}"));
                Err(Error::Reported)
            }
            Relayed::Silent { answered } => {
                let seconds = programs.timeout.as_secs_f64();
                let what = format!("it wrote nothing for {seconds} s: it is ended (--cgi-timeout)");
                programs.complain(about, &what);
                if answered {
                    Err(Error::Reported)
                } else {
                    refuse(exchange, StatusCode::GATEWAY_TIMEOUT).await
                }
            }
        }
    }
}

/// What a client gets where a program cannot be started.
fn status_of(error: &std::io::Error) -> StatusCode {
    match Errno::from_io_error(error) {
        Some(Errno::ACCESS | Errno::PERM) => StatusCode::FORBIDDEN,
        // For want of processes, memory or descriptors.
        Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Answers for a program.
async fn refuse(exchange: &Exchange, status: StatusCode) -> Result<()> {
    let Answer { mut head, body } = Answer::plain(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        head.headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let Body::Whole(body) = body else { return Err(Error::Reported) };
    exchange.respond(head, body).await
}
