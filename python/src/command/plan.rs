//! What is to be served, and how: the command line, turned into what the server wants.

use std::{env, sync::Arc, time::Duration};

use bytes::Bytes;
use narthex_adapters::{Bind, Options};
use narthex_core::{Handler, Journal, Site};

use super::{
    arguments::{Application, Listening},
    choice,
    failure::Failure,
    options::sockets,
    ports,
};
use crate::{engine, journal::Log};

/// Marks a listener that a child inherits and that does not speak TLS.
pub(super) const INSECURE: &str = "insecure:";

/// What is to be served, and how.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) application: Application,
    pub(super) listening: Listening,
    /// Whether failures are shown to local users unless someone says otherwise.
    development: bool,
}

impl Plan {
    /// `narthex run`.
    pub(super) fn development(application: Application, listening: Listening) -> Self {
        Self { application, listening, development: true }
    }

    /// The commands that name a backend.
    pub(super) fn production(application: Application, listening: Listening) -> Self {
        let development = listening.reload;
        Self { application, listening, development }
    }

    /// Whether failures are shown to local users.
    ///
    /// Under a gateway and on a hosting platform (which sets PORT) nobody develops, and a proxy
    /// on the same machine would make every client look local.
    pub(super) fn shows_failures(&self, listens: bool) -> bool {
        let application = &self.application;
        if application.no_debug {
            return false;
        }
        if let Some(asked) = application.debug {
            return asked;
        }
        let hosted = self.listening.bind.is_empty() && env::var_os("PORT").is_some();
        self.development && listens && !hosted
    }

    /// The addresses to listen on: those that were given, or the sockets that a service manager
    /// has opened.
    ///
    /// # Errors
    /// One of them is no address, or has an owner that is not there.
    pub(super) fn binds(&self) -> Result<Vec<Bind>, Failure> {
        let listening = &self.listening;
        let texts = match (&listening.child.listeners[..], &listening.bind[..]) {
            ([], []) => match sockets::inherited() {
                inherited if inherited.is_empty() => vec![default_bind().0],
                inherited => return Ok(inherited),
            },
            ([], binds) => binds.to_vec(),
            (inherited, _) => inherited.to_vec(),
        };
        let secure = texts.iter().filter(|text| !text.starts_with(INSECURE));
        self.parsed(secure.map(String::as_str))
    }

    /// Whether it listens on what a web server has made its standard input.
    pub(super) fn on_standard_input(&self) -> bool {
        let listening = &self.listening;
        listening.child.listeners.is_empty() && listening.bind.is_empty() && choice::stdin_listens()
    }

    /// The addresses to listen on without TLS.
    ///
    /// # Errors
    /// One of them is no address.
    pub(super) fn insecure_binds(&self) -> Result<Vec<Bind>, Failure> {
        let inherited = &self.listening.child.listeners[..];
        if inherited.is_empty() {
            return self.parsed(self.listening.tls.insecure_binds().iter().map(String::as_str));
        }
        self.parsed(inherited.iter().filter_map(|text| text.strip_prefix(INSECURE)))
    }

    fn parsed<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Result<Vec<Bind>, Failure> {
        let binds: Result<Vec<_>, _> = texts.map(str::parse).collect();
        let mut binds = binds.map_err(|error| ports::failure(&error))?;
        self.listening.sockets.apply(&mut binds)?;
        Ok(binds)
    }

    /// The log that was asked for.
    ///
    /// # Errors
    /// Its file cannot be opened.
    pub(super) fn log(&self, gateway: bool) -> Result<Log, Failure> {
        let log = self.application.logs.open(gateway)?;
        Ok(if self.listening.management.management.is_some() { log.with_metrics() } else { log })
    }

    /// Changes to the directory that was asked for.
    ///
    /// # Errors
    /// There is no such directory.
    pub(super) fn change_directory(&self) -> Result<(), Failure> {
        let Some(directory) = &self.application.chdir else { return Ok(()) };
        env::set_current_dir(directory).map_err(|error| {
            Failure::new(
                "N118",
                &format!("cannot change to the directory {}: {error}", directory.display()),
                Vec::new(),
                vec!["check --chdir".to_owned()],
            )
        })
    }

    /// How the backend is to be opened.
    ///
    /// # Errors
    /// An address that is none.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::default();
        options.binds = self.binds()?;
        options.insecure_binds = self.insecure_binds()?;
        options.backlog = self.listening.backlog;
        options.threads = self.listening.threads;
        options.serialize = self.application.serialize;
        options.on_thread_start = Some(engine::thread_start());
        self.listening.tls.open(&mut options)?;
        self.listening.proxy_protocol.open(&self.listening.proxy, &mut options)?;
        self.listening.statics.open(&mut options)?;
        self.listening.programs.open(&mut options)?;
        self.listening.calls.open(&mut options);
        self.listening.workers.open(&mut options);
        options.shared = self.on_standard_input();
        Ok(options)
    }

    /// `handler` with the limits, timeouts and logs that were asked for.
    pub(super) fn site(
        &self,
        handler: Arc<dyn Handler>,
        log: &Arc<impl Journal + 'static>,
    ) -> Site {
        let (application, listening) = (&self.application, &self.listening);
        let mut site = Site::new(handler);
        site.journal = Arc::clone(log) as Arc<dyn Journal>;
        site.mount = application.mount.clone().map(Bytes::from);
        let whole = |size| usize::try_from(size).unwrap_or(usize::MAX);
        set(&mut site.limits.body_size, application.limit_body);
        set(&mut site.limits.head_size, listening.limit_head.map(whole));
        set(&mut site.limits.header_count, listening.limit_headers);
        set(&mut site.timeouts.header, listening.header_timeout);
        set(&mut site.timeouts.body, application.body_timeout);
        set(&mut site.timeouts.keep_alive, listening.keep_alive);
        set(&mut site.timeouts.write, listening.write_timeout);
        set(&mut site.timeouts.graceful, listening.graceful_timeout);
        if listening.reload {
            site.timeouts.farewell = Duration::ZERO; // the next request is for the new code
        }
        listening.proxy.site(&mut site);
        listening.http2.limit(&mut site.limits);
        application.logs.site(&mut site);
        site
    }
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

/// Where to listen if nobody says so, and the variable that says so after all.
pub(super) fn default_bind() -> (String, Option<&'static str>) {
    match env::var("PORT") {
        Ok(port) => (format!("0.0.0.0:{port}"), Some("PORT")),
        Err(_) => ("127.0.0.1:8000".to_owned(), None),
    }
}
