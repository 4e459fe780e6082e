//! A running backend, and the dialogues that all kinds of backends can hold.

use std::{
    fmt,
    io::{self, Cursor, Write},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread,
};

use narthex_core::{Capabilities, Site};

use crate::{
    App, Ending, Host, PATIENCE, Probe, Recorder, Request, Response,
    connection::Connection,
    front::{Dialects, Front},
    gateway,
    host::{Answer, Service},
};

/// A backend that serves the [`App`].
pub(crate) struct Server {
    /// What the application did.
    pub(crate) probe: Arc<Probe>,
    /// What was logged.
    pub(crate) journal: Arc<Recorder>,
    /// What the backend can do.
    pub(crate) capabilities: Capabilities,
    running: Running,
}

enum Running {
    Listening {
        address: String,
        stop: Box<dyn Fn(Ending) + Send + Sync>,
        stopped: Receiver<()>,
        /// How it is spoken to, where that is not HTTP, and where its application is mounted.
        dialects: Option<(Dialects, String)>,
    },
    Gateway {
        answer: Box<Answer>,
        site: Arc<Site>,
    },
}

impl Server {
    /// Starts `host` with the defaults.
    pub(crate) fn start(host: &dyn Host) -> Self {
        Self::with(host, |_| ())
    }

    /// Starts `host` with a site that `configure` has changed.
    pub(crate) fn with(host: &dyn Host, configure: impl FnOnce(&mut Site)) -> Self {
        Self::bound(host, "127.0.0.1:0", configure)
    }

    /// Starts `host` on an address.
    pub(crate) fn bound(host: &dyn Host, bind: &str, configure: impl FnOnce(&mut Site)) -> Self {
        let probe = Arc::new(Probe::default());
        let journal = Arc::new(Recorder::default());
        let mut site = Site::new(Arc::new(App::new(Arc::clone(&probe))));
        site.journal = Arc::clone(&journal) as _;
        configure(&mut site);
        let (site, opened) = (Arc::new(site), host.open(bind));
        let running = match opened.service {
            Service::Gateway(answer) => Running::Gateway { answer, site },
            Service::Listening { address, serve, stop, dialects } => {
                let mount = mount_of(&site);
                let dialects = dialects.map(|dialects| (dialects, mount));
                let (stopping, stopped) = channel();
                thread::spawn(move || {
                    serve(site);
                    // Unless the case has gone already.
                    let _ = stopping.send(());
                });
                Running::Listening { address, stop, stopped, dialects }
            }
        };
        Self { probe, journal, capabilities: opened.capabilities, running }
    }

    /// Sends a request on a connection of its own, and reads the response.
    #[track_caller]
    pub(crate) fn exchange(&self, request: &Request) -> Response {
        match &self.running {
            Running::Listening { .. } => {
                let mut connection = self.connect();
                connection.send_aside(request.bytes());
                connection.response(request.method)
            }
            Running::Gateway { .. } => {
                let output = self.run_gateway(request, usize::MAX);
                let response = gateway::parse_output(&output, request.method).expect("a response");
                eprintln!("< {response:?}");
                response
            }
        }
    }

    /// Sends a request, and goes away after so many bytes of the response.
    pub(crate) fn abandon(&self, request: &Request, after: usize) {
        if matches!(self.running, Running::Gateway { .. }) {
            self.run_gateway(request, after);
            return;
        }
        let mut connection = self.connect();
        connection.send(request.bytes());
        while connection.taken < after as u64 {
            connection.drink().expect("more of the response");
        }
        connection.reset();
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address()).behind(self.front())
    }

    /// Opens a connection with a small window, so that little fits between server and client.
    pub(crate) fn connect_narrow(&self) -> Connection {
        Connection::open_narrow(self.address()).behind(self.front())
    }

    fn front(&self) -> Option<Front> {
        match &self.running {
            Running::Listening { dialects: Some((dialects, mount)), .. } => {
                Some(Front::new(dialects(), mount))
            }
            _ => None,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        match &self.running {
            Running::Listening { address, .. } => address,
            Running::Gateway { .. } => panic!("a gateway has no address: the case is not for it"),
        }
    }

    /// Asks the server to end.
    pub(crate) fn stop(&self, ending: Ending) {
        if let Running::Listening { stop, .. } = &self.running {
            stop(ending);
        }
    }

    /// Fails unless the server has ended soon.
    #[track_caller]
    pub(crate) fn has_stopped(&self) {
        if let Running::Listening { stopped, .. } = &self.running {
            stopped.recv_timeout(PATIENCE).expect("the server ends");
        }
    }

    fn run_gateway(&self, request: &Request, room: usize) -> Vec<u8> {
        let Running::Gateway { answer, site } = &self.running else {
            panic!("a listening backend is spoken to over its socket");
        };
        let variables = gateway::variables(request, &mount_of(site));
        // A web server may leave more on the pipe than the request has.
        let mut body = request.body.clone().unwrap_or_default();
        body.extend_from_slice(b"not of this request");
        let output = Arc::new(Mutex::new(Vec::new()));
        let pipe = Pipe { output: Arc::clone(&output), room };
        answer(Arc::clone(site), variables, Box::new(Cursor::new(body)), Box::new(pipe));
        let output = output.lock().unwrap_or_else(PoisonError::into_inner);
        output.clone()
    }
}

fn mount_of(site: &Site) -> String {
    String::from_utf8(site.mount_point().to_vec()).expect("an ASCII mount point")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.probe.open_the_gate();
        self.stop(Ending::Now);
        if !thread::panicking()
            && let Running::Listening { stopped, .. } = &self.running
        {
            // A case that has seen it stop has taken the message; the sender is gone then.
            let outcome = stopped.recv_timeout(PATIENCE);
            let hangs = outcome == Err(std::sync::mpsc::RecvTimeoutError::Timeout);
            assert!(!hangs, "the server does not end when told to at once");
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("capabilities", &self.capabilities).finish_non_exhaustive()
    }
}

/// The web server's end of a pipe, which breaks when there is no room left.
struct Pipe {
    output: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.room - output.len().min(self.room);
        if left == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(left);
        output.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
