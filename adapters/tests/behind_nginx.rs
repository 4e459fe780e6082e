//! FastCGI behind a real nginx, through the suite.
#![cfg(feature = "fastcgi")]

use std::{
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
};

use narthex_adapters::{Backend, Options, Stop, Stopping, fastcgi::BACKEND};
use narthex_conformance::{Ending, Host, Opened, suite};
use narthex_core::Capability;

/// nginx, and behind it the backend in this process.
struct Nginx;

impl Host for Nginx {
    fn name(&self) -> &'static str {
        "nginx-fastcgi"
    }

    fn open(&self, _bind: &str) -> Opened {
        let place = Place::take();
        let mut options = Options::default();
        let bind = format!("unix:{}", place.socket().display());
        options.binds = vec![bind.parse().expect("an address")];
        let door = BACKEND.open(&options).expect("a free address");
        // nginx frames the requests; what is well-formed comes through.
        let capabilities = door.capabilities().with(Capability::Framing);
        let address = format!("http://{}", place.address());
        let stop = Stop::new();
        let told = stop.clone();
        let serve = move |site| {
            door.serve(site, &told).expect("a service");
            drop(place);
        };
        Opened::listening(capabilities, &[address], serve, move |ending| match ending {
            Ending::Graceful => stop.request(Stopping::Graceful),
            Ending::Now => stop.request(Stopping::Now),
        })
    }

    fn in_front(&self, group: &str, name: &str) -> Option<&'static str> {
        let known = EXCUSED.iter().find(|((of, one), _)| *of == group && [name, ALL].contains(one));
        known.map(|(_, reason)| *reason)
    }
}

const EXCUSED: &[((&str, &str), &str)] = &[
    // Bytes of the client wait in its socket, and none on the way to the backend (1.22).
    (("duplex", "large_body_there_and_back"), "stops in the middle of a long body both ways"),
    (("malformed", ALL), FRAMES),
    (("smuggling", ALL), FRAMES),
    (("syntax", ALL), FRAMES),
    (("interim", ALL), FRAMES),
    (("head_limits", ALL), FRAMES),
    (("timeouts", ALL), FRAMES),
    (("corpus", ALL), FRAMES),
    (("chunked", "chunked_sizes_and_extensions"), "takes a tab for a part of a coding"),
    (("connection", "closed_after_a_failure_after_the_head"), CUT),
    (("connection", "half_closed_client_is_answered"), "takes a half-closed client to have left"),
    (("expectation", "no_interim_when_answered_first"), "wants the body before it asks"),
    (("server", "idle_connections_are_closed"), "keeps the connections of clients"),
    (("server", "unix_socket"), "listens on TCP here"),
    (("hostile", "started_twice"), CUT),
    (("request", "dot_segments_are_removed"), "refuses dot segments that rise above the root"),
    (("request", "methods"), "refuses methods in lower case"),
    (("response", "every_status"), "writes a status it does not know without a space behind"),
    (("stopping", "nothing_is_accepted_after_a_stop"), "goes on listening"),
    (("stopping", "running_request_is_finished"), "keeps the connections of clients"),
    (("truncation", "body_short_of_its_length"), CUT),
    (("truncation", "failure_after_the_head"), CUT),
    (("truncation", "failure_before_the_first_piece"), CUT),
    (("truncation", "failure_within_a_declared_length"), CUT),
    (("truncation", "panic_after_the_head"), CUT),
];

/// In place of a case: all of its group.
const ALL: &str = "*";
/// What is malformed or too slow does not reach the backend.
const FRAMES: &str = "frames requests by itself";
/// Clients see that something is missing, but more than the backend left out.
const CUT: &str = "throws away what it has read of a response that is cut in the same moment";

/// How many servers there are at once at most; others wait.
const PLACES: usize = 16;

/// One of the addresses of nginx, and the socket of the backend behind it.
struct Place(usize);

impl Place {
    fn take() -> Self {
        let front = Front::get();
        let mut free = front.free();
        loop {
            match free.pop() {
                Some(place) => return Self(place),
                None => {
                    free = front.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn socket(&self) -> PathBuf {
        socket(&Front::get().directory, self.0)
    }

    fn address(&self) -> SocketAddr {
        Front::get().addresses[self.0]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let front = Front::get();
        // Before it answers, nginx has seen that its connections to the backend have ended.
        let mut probe = TcpStream::connect(self.address()).expect("nginx");
        probe.write_all(b"GET /-/ended HTTP/1.0\r\n\r\n").expect("nginx");
        probe.read_to_end(&mut Vec::new()).expect("nginx");
        front.free().push(self.0);
        front.freed.notify_one();
    }
}

/// The one nginx of this process.
struct Front {
    directory: PathBuf,
    addresses: Vec<SocketAddr>,
    free: Mutex<Vec<usize>>,
    freed: Condvar,
    _nginx: Child,
    /// Ends it when its own standard input ends, with us.
    _watch: Child,
}

impl Front {
    fn get() -> &'static Self {
        static FRONT: OnceLock<Front> = OnceLock::new();
        FRONT.get_or_init(Self::start)
    }

    fn free(&self) -> MutexGuard<'_, Vec<usize>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start() -> Self {
        let directory = env::temp_dir().join(format!("narthex-nginx-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("ours");
        let bind = |_| TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listeners: Vec<_> = (0..PLACES).map(bind).collect();
        let address = |listener: &TcpListener| listener.local_addr().expect("bound");
        let addresses: Vec<_> = listeners.iter().map(address).collect();
        let configuration = configuration(&directory, &addresses);
        fs::write(directory.join("nginx.conf"), configuration).expect("a file");
        // As at an upgrade of itself, nginx takes over sockets that it is told of.
        let inherit = |listener: &TcpListener| {
            rustix::io::fcntl_setfd(listener, rustix::io::FdFlags::empty()).expect("inheritable");
            format!("{};", listener.as_raw_fd())
        };
        let inherited = listeners.iter().map(inherit).collect::<Vec<_>>().concat();
        let path = env::var("PATH").unwrap_or_default();
        let nginx = Command::new("nginx")
            .arg("-p")
            .arg(&directory)
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .env("NGINX", inherited)
            .env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin"))
            .spawn()
            .expect("nginx, of the package nginx-light");
        // If it ends, nobody can connect, and nobody waits.
        drop(listeners);
        let watch = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .arg(nginx.id().to_string())
            .arg(&directory)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh");
        let free = Mutex::new((0..PLACES).collect());
        Self { directory, addresses, free, freed: Condvar::new(), _nginx: nginx, _watch: watch }
    }
}

/// nginx removes files of its own as it ends.
const WATCH: &str = "cat >/dev/null; kill $1; until rm -rf \"$2\" 2>/dev/null; do sleep 0.1; done";

fn socket(directory: &Path, place: usize) -> PathBuf {
    directory.join(format!("{place}.sock"))
}

fn configuration(directory: &Path, addresses: &[SocketAddr]) -> Vec<u8> {
    let mut text = Vec::from(GENERAL);
    for (place, address) in addresses.iter().enumerate() {
        let socket = socket(directory, place);
        let socket = socket.display();
        write!(
            text,
            "upstream backend{place} {{ server unix:{socket} max_fails=0; keepalive 4; }}\n\
             server {{ listen {address}; location / {{ fastcgi_pass backend{place}; }}\n\
             location = /-/ended {{ return 204; }} }}\n",
        )
        .expect("memory");
    }
    text.extend_from_slice(b"}\n");
    text
}

/// Debian's parameters, and what lets requests and responses stream.
const GENERAL: &str = "\
daemon off;
user root;
pid nginx.pid;
events { worker_connections 512; }
http {
access_log off;
client_body_temp_path body;
fastcgi_temp_path fastcgi;
proxy_temp_path proxy;
scgi_temp_path scgi;
uwsgi_temp_path uwsgi;
client_max_body_size 0;
large_client_header_buffers 4 64k;
fastcgi_buffer_size 64k;
fastcgi_buffers 8 64k;
fastcgi_busy_buffers_size 128k;
fastcgi_buffering off;
fastcgi_request_buffering off;
fastcgi_keep_conn on;
fastcgi_param QUERY_STRING $query_string;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param CONTENT_TYPE $content_type;
fastcgi_param CONTENT_LENGTH $content_length;
fastcgi_param SCRIPT_NAME $fastcgi_script_name;
fastcgi_param REQUEST_URI $request_uri;
fastcgi_param DOCUMENT_URI $document_uri;
fastcgi_param DOCUMENT_ROOT $document_root;
fastcgi_param SERVER_PROTOCOL $server_protocol;
fastcgi_param REQUEST_SCHEME $scheme;
fastcgi_param HTTPS $https if_not_empty;
fastcgi_param GATEWAY_INTERFACE CGI/1.1;
fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
fastcgi_param REMOTE_ADDR $remote_addr;
fastcgi_param REMOTE_PORT $remote_port;
fastcgi_param REMOTE_USER $remote_user;
fastcgi_param SERVER_ADDR $server_addr;
fastcgi_param SERVER_PORT $server_port;
fastcgi_param SERVER_NAME $server_name;
";

suite!(Nginx);
