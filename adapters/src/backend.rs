//! What every backend offers to whoever starts it.

use std::{ffi::OsString, fmt, sync::Arc};

use narthex_core::{Capabilities, Capability, Site};

use crate::{Bind, CgiBin, Error, Result, StaticMount, Stop, Tls, TlsError};

/// A way of being deployed.
pub trait Backend: Sync {
    /// Its name on the command line and in its feature, such as `tiny-http`.
    fn name(&self) -> &'static str;

    /// What it is, in a line.
    fn summary(&self) -> &'static str;

    /// Whether this process was started for it; the text says how it knows.
    ///
    /// Asked in the order of [`backends`](crate::backends): the first that claims the process has
    /// it.
    fn detect(&self, seen: &Surroundings) -> Option<&'static str>;

    /// Whether it listens on addresses; otherwise whoever started the process hands it requests.
    fn listens(&self) -> bool {
        true
    }

    /// Claims the transport: binds addresses, takes descriptors away from the application.
    ///
    /// Called before the application is imported, so that nothing it does at import can reach the
    /// transport.
    ///
    /// # Errors
    /// An address that cannot be bound, or options that make no sense here.
    fn open(&self, options: &Options) -> Result<Box<dyn Door>>;
}

/// A claimed transport, ready to serve.
pub trait Door: Send {
    /// Facts about this server instance.
    fn capabilities(&self) -> Capabilities;

    /// Where clients find it, such as `http://127.0.0.1:8000`; empty for a gateway.
    fn addresses(&self) -> Vec<String>;

    /// Serves `site` until `stop` says so, or until the one request of a gateway is answered.
    ///
    /// # Errors
    /// The transport failed as a whole. A failed request is no error: it has been reported.
    fn serve(self: Box<Self>, site: Arc<Site>, stop: &Stop) -> Result<()>;
}

/// What a process can see of how it was started.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Its environment.
    pub variables: Vec<(OsString, OsString)>,
    /// Whether descriptor 0 is a listening socket: the mark of FastCGI (its specification, 2.2).
    pub stdin_listens: bool,
}

impl Surroundings {
    /// The value of a variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// Called on each thread that may call the application, before it does.
pub type ThreadStart = Arc<dyn Fn() + Send + Sync>;

/// How a backend is to be opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// Addresses to listen on, for backends that listen.
    pub binds: Vec<Bind>,
    /// TLS, spoken on the TCP addresses of `binds`.
    pub tls: Option<Tls>,
    /// Addresses without TLS beside them.
    pub insecure_binds: Vec<Bind>,
    /// Each connection comes from a trusted peer and begins with a PROXY header.
    pub proxy_protocol: bool,
    /// Length of the queue of connections not yet accepted.
    pub backlog: i32,
    /// Threads that call the application; 0 for this process's share of the cores.
    pub threads: usize,
    /// The fewest threads that will do, whatever is asked for.
    pub least_threads: usize,
    /// The application refuses to be called by two threads at once.
    pub serialize: bool,
    /// Processes that run the same application, this one included.
    pub processes: usize,
    /// Whoever started this process may have started others for the same sockets.
    pub shared: bool,
    /// Directories whose files are served without the application.
    pub statics: Vec<StaticMount>,
    /// Directories whose programs are run without the application.
    pub cgi_bin: CgiBin,
    /// Called on each thread that may call the application.
    pub on_thread_start: Option<ThreadStart>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            binds: Vec::new(),
            tls: None,
            insecure_binds: Vec::new(),
            proxy_protocol: false,
            backlog: 1024,
            threads: 0,
            least_threads: 1,
            serialize: false,
            processes: 1,
            shared: false,
            statics: Vec::new(),
            cgi_bin: CgiBin::default(),
            on_thread_start: None,
        }
    }
}

impl Options {
    /// The number of threads, at least one.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        let threads = match self.threads {
            0 => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                cores.div_ceil(self.processes.max(1))
            }
            count => count,
        };
        threads.max(self.least_threads)
    }

    /// Refuses mounts of static files, for backends that cannot serve them; `instead` says who can.
    ///
    /// # Errors
    /// There are some.
    pub fn refuse_statics(&self, instead: &str) -> Result<()> {
        if self.statics.is_empty() {
            return Ok(());
        }
        Err(Error::Options(format!("--static cannot be used here: {instead}")))
    }

    /// Refuses directories of CGI programs, for backends that cannot run them; `instead` says who can.
    ///
    /// # Errors
    /// There are some.
    pub fn refuse_programs(&self, instead: &str) -> Result<()> {
        if self.cgi_bin.mounts.is_empty() {
            return Ok(());
        }
        Err(Error::Options(format!("--cgi-bin cannot be used here: {instead}")))
    }

    /// Refuses what only a server that looks at connections before HTTP can do.
    ///
    /// # Errors
    /// [`Error::Tls`] or [`Error::Options`], saying what `backend` lacks.
    pub fn plain_only(&self, backend: &'static str) -> Result<()> {
        if self.tls.is_some() {
            return Err(TlsError::Unsupported(backend).into());
        }
        if self.proxy_protocol {
            return Err(Error::Options(format!("{backend} does not know the PROXY protocol")));
        }
        Ok(())
    }

    /// `base`, with what these options add and take away.
    #[must_use]
    pub fn capabilities(&self, base: Capabilities) -> Capabilities {
        let alone = self.processes <= 1 && !self.shared;
        let base = if alone { base } else { base.with(Capability::Multiprocess) };
        if self.serialize { base.without(Capability::Multithread) } else { base }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("binds", &self.binds)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
