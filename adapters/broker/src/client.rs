//! What httpd says to its broker: one connection, one question, one answer.

use std::{
    fmt,
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
    os::unix::{ffi::OsStringExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};

use crate::{
    Definition,
    text::{Line, words},
};

/// Bytes of the longest answer, and more.
const LONGEST: u64 = 64 * 1024;

/// Why there is no socket of a pool.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The broker does not answer: it is being started, or has ended.
    Unreachable(io::Error),
    /// The broker says no; the text says why, in one line for the log.
    Refused(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "the broker does not answer: {error}"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable(error) => Some(error),
            Self::Refused(_) => None,
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error)
    }
}

/// Asks the broker at `control` for the socket of a pool: of the processes of `group` that serve the
/// application of these `arguments`, those of `narthex fastcgi` without the command.
///
/// The answer stays right until httpd restarts, or connecting to it is refused or finds nothing; then
/// ask again. Nothing is started by asking: the first connection does that.
///
/// # Errors
/// There is no such group, or no broker; after `patience` at the latest.
pub fn open(
    control: &Path,
    group: &str,
    arguments: &[impl AsRef<[u8]>],
    patience: Duration,
) -> Result<PathBuf, OpenError> {
    let mut question = String::new();
    let line = Line::begin(&mut question, "open").word(group);
    arguments.iter().fold(line, Line::word).end();
    let words = ask(control, &question, patience)?;
    match <[Vec<u8>; 2]>::try_from(words) {
        Ok([word, path]) if word == b"path" => {
            Ok(PathBuf::from(std::ffi::OsString::from_vec(path)))
        }
        _ => Err(nonsense()),
    }
}

/// Tells the broker at the control socket of the definition that this is what holds from now on: at a
/// graceful restart, as the user that started it.
///
/// Pools whose group has not changed go on as they are. Those of groups that have changed get new
/// processes, and the old ones finish their requests.
///
/// # Errors
/// There is no broker, and one is to be [`start`]ed; or it refuses what it was told, and goes on as it
/// was.
pub fn define(definition: &Definition, patience: Duration) -> Result<(), OpenError> {
    let question = format!("define\n{}", definition.write());
    let words = ask(&definition.control, &question, patience)?;
    if words == [b"defined"] { Ok(()) } else { Err(nonsense()) }
}

/// Starts the broker `program`, which ends when this process does. Returns when it can be asked, or has
/// said why it cannot be; what it says later goes to the standard error output.
///
/// # Errors
/// It does not start; the text says why.
pub fn start(program: &Path, definition: &Definition) -> Result<Child, OpenError> {
    let mut child = Command::new(program)
        .args(["--child-of", &std::process::id().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let exchanged = begin(&mut child, definition);
    if exchanged.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    exchanged.map(|()| child)
}

fn begin(child: &mut Child, definition: &Definition) -> Result<(), OpenError> {
    if let Some(mut input) = child.stdin.take() {
        input.write_all(definition.write().as_bytes())?;
    }
    let mut answer = String::new();
    if let Some(output) = child.stdout.take() {
        output.take(LONGEST).read_to_string(&mut answer)?;
    }
    let words = understood(&answer)?;
    if words == [b"defined"] { Ok(()) } else { Err(nonsense()) }
}

fn ask(control: &Path, question: &str, patience: Duration) -> Result<Vec<Vec<u8>>, OpenError> {
    let deadline = Instant::now() + patience;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(io::Error::from)?;
    // So long a full queue may keep us; a timeout of zero would be none at all.
    set_socket_timeout(&socket, Timeout::Send, Some(patience.max(Duration::from_millis(1))))
        .map_err(io::Error::from)?;
    connect(&socket, &SocketAddrUnix::new(control).map_err(io::Error::from)?)
        .map_err(|error| late(error.into()))?;
    let mut stream = UnixStream::from(socket);
    stream.write_all(question.as_bytes()).map_err(late)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(late(error).into()),
        }
        if answer.len() as u64 > LONGEST || left.is_zero() {
            return Err(io::Error::from(ErrorKind::TimedOut).into());
        }
    }
    understood(&String::from_utf8_lossy(&answer))
}

/// The words of an answer that is no refusal.
fn understood(answer: &str) -> Result<Vec<Vec<u8>>, OpenError> {
    let words = answer.strip_suffix('\n').and_then(words).ok_or_else(nonsense)?;
    match &words[..] {
        [word, why] if word == b"refused" => {
            Err(OpenError::Refused(String::from_utf8_lossy(why).into_owned()))
        }
        _ => Ok(words),
    }
}

/// The broker has ended while it answered.
fn nonsense() -> OpenError {
    io::Error::from(ErrorKind::UnexpectedEof).into()
}

/// The same error, said as what it is: a timeout of a socket is reported as an operation that would
/// block.
fn late(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    fn answered(answer: &'static str) -> (String, Result<PathBuf, OpenError>) {
        let place = tempfile::tempdir().unwrap();
        let control = place.path().join("control");
        let listener = UnixListener::bind(&control).unwrap();
        let broker = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = String::new();
            stream.read_to_string(&mut question).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            question
        });
        let outcome =
            open(&control, "shop", &["--mount", "/a b", "", "app.py"], Duration::from_secs(20));
        (broker.join().unwrap(), outcome)
    }

    #[test]
    fn a_pool_has_a_path() {
        let (question, outcome) = answered("path /run/x\\x20y/1\n");
        assert_eq!(question, "open shop --mount /a\\x20b \\e app.py\n");
        assert_eq!(outcome.unwrap(), Path::new("/run/x y/1"));
    }

    #[test]
    fn a_refusal_has_its_reason() {
        let (_, outcome) = answered("refused no\\x20such\\x20group\n");
        assert!(matches!(outcome, Err(OpenError::Refused(why)) if why == "no such group"));
    }

    #[test]
    fn what_is_cut_off_is_no_answer() {
        for answer in ["", "path /run", "path\n", "hello there\n", "path a b\n"] {
            let (_, outcome) = answered(answer);
            assert!(matches!(outcome, Err(OpenError::Unreachable(_))), "{answer:?}: {outcome:?}");
        }
    }

    #[test]
    fn a_broker_that_says_nothing_is_waited_for_until_the_deadline() {
        let place = tempfile::tempdir().unwrap();
        let control = place.path().join("control");
        let nobody = open(&control, "shop", &[""; 0], Duration::from_secs(20));
        assert!(matches!(nobody, Err(OpenError::Unreachable(_))), "{nobody:?}");
        let _listener = UnixListener::bind(&control).unwrap();
        let silent = open(&control, "shop", &[""; 0], Duration::from_millis(50));
        let Err(OpenError::Unreachable(error)) = silent else { panic!("{silent:?}") };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
