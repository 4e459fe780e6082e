//! Starting Python: as a resident, or for one request.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, OpenOptions},
    io::{BufRead, BufReader},
    os::{
        fd::{BorrowedFd, OwnedFd, RawFd},
        unix::{
            ffi::{OsStrExt, OsStringExt},
            fs::OpenOptionsExt,
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::Command,
};

use narthex_cgi::Socket;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::{Variables, arguments::Invocation, trouble::Trouble, value};

/// What Python does without `site`: `sys.path` is what was given by `PYTHONPATH`, the standard
/// library, and where packages are installed below the prefixes, the first arguments. Files `.pth`
/// are not read.
const COLD: &str = "\
import posix,sys
a=sys.argv
i=a.index('--')
t='/lib/python%d.%d/'%sys.version_info[:2]
for p in a[1:i]:
 for d in(p+t+'site-packages',p+t+'dist-packages',p+'/lib/python3/dist-packages'):
  try:posix.stat(d)
  except OSError:continue
  sys.path.append(d)
p=posix.environ.get(b'PYTHONPATH')
if p:sys.path[:0]=p.decode('utf-8','surrogateescape').split(':')
sys.argv=a[-1:]
from narthex._command import cold
cold(a[i+1:])
";

/// Variables of the request by their names: they are not the resident's.
const REQUEST: [&str; 13] = [
    "AUTH_TYPE",
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "FCGI_ROLE",
    "GATEWAY_INTERFACE",
    "H2PUSH",
    "H2_PUSH",
    "HTTP2",
    "HTTPS",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "UNIQUE_ID",
];

/// Variables of the request by what their names begin with. `HTTP_PROXY` is an attack
/// (CVE-2016-5385).
const REQUEST_PREFIXES: [&str; 13] = [
    "AUTHENTICATE_",
    "CONTEXT_",
    "DOCUMENT_",
    "H2_STREAM_",
    "HTTP_",
    "ORIG_",
    "PROXY_",
    "REDIRECT_",
    "REMOTE_",
    "REQUEST_",
    "SCRIPT_",
    "SERVER_",
    "SSL_",
];

/// What OpenSSL reads.
const NOT_REQUEST: [&str; 2] = ["SSL_CERT_DIR", "SSL_CERT_FILE"];

/// An interpreter.
#[derive(Debug, Hash)]
pub(crate) struct Python {
    /// Where this program lies.
    folder: PathBuf,
    /// The one that was asked for.
    named: Option<OsString>,
}

impl Python {
    /// The interpreter that lies beside `program`, unless another is named.
    pub(crate) fn beside(program: &Path, variables: &Variables) -> Self {
        let folder = program.parent().map_or_else(PathBuf::new, Path::to_owned);
        Self { folder, named: value(variables, "NARTHEX_PYTHON").cloned() }
    }

    /// Answers the request of this process; comes back only if it cannot be started.
    pub(crate) fn answer(&self, invocation: &Invocation) -> Trouble {
        let path = match self.path() {
            Ok(path) => path,
            Err(trouble) => return trouble,
        };
        let mut command = Command::new(&path);
        command
            .args(["-I", "-S", "-X", "frozen_modules=on", "-c", COLD])
            .args(prefix(&self.folder));
        if prefix(&self.folder) != path.parent().and_then(prefix) {
            command.args(path.parent().and_then(prefix));
        }
        let error = command
            .args(["--", "cgi"])
            .args(&invocation.options)
            .arg("--")
            .arg(&invocation.script)
            .exec();
        Trouble::python(&format!("{} cannot be started: {error}", path.display()))
    }

    /// Starts a process that answers on `socket`; what it says goes to `log`.
    pub(crate) fn reside(
        &self,
        invocation: &Invocation,
        socket: &Socket,
        log: &Path,
        variables: &Variables,
    ) -> Result<(), Trouble> {
        let path = self.path()?;
        let failed = |error: std::io::Error| {
            Trouble::python(&format!("{} cannot be started: {error}", path.display()))
        };
        let listener: OwnedFd = socket.listener.try_clone().map_err(failed)?.into();
        let output = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(log)
            .and_then(|file| file.set_len(0).map(|()| file))
            .map_err(failed)?;
        close_on_exec();
        let mut mode = OsString::from("--resident=");
        mode.push(invocation.mode.name());
        let mut name = OsString::from("--resident-socket=");
        name.push(socket.path());
        Command::new(&path)
            .args(["-m", "narthex", "cgi"])
            .args([mode, name])
            .args(&invocation.options)
            .arg("--")
            .arg(&invocation.script)
            .env_clear()
            .envs(variables.iter().filter(|(name, _)| !is_of_the_request(name)).cloned())
            .stdin(listener)
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .spawn()
            .map_err(failed)?;
        Ok(())
    }

    fn path(&self) -> Result<PathBuf, Trouble> {
        if let Some(named) = &self.named {
            return Ok(named.into());
        }
        let beside = ["python", "python3"].map(|name| self.folder.join(name));
        // An installation for one user has no interpreter of its own.
        let found = beside.into_iter().find(|path| path.exists());
        found
            .or_else(|| interpreter_of(&self.folder.join("narthex")))
            .ok_or_else(|| Trouble::python(&format!("no python lies in {}", self.folder.display())))
    }
}

/// Keeps what web servers leave open in their children from the process that outlives them: they
/// wait for the end of some, such as the pipe of a log.
fn close_on_exec() {
    // Without /proc nothing can be told, and what is open stays so.
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for number in numbers.filter(|&number: &RawFd| number > 2) {
        #[expect(unsafe_code, reason = "a descriptor that is known by its number only")]
        // SAFETY: the system has just said that it is open. Nobody else closes any: there is one
        // thread, and the loop closes nothing but, at its end, the listing.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
    }
}

/// The directory that `bin` lies in.
fn prefix(bin: &Path) -> Option<&OsStr> {
    bin.parent().map(Path::as_os_str).filter(|it| !it.is_empty())
}

/// The interpreter that a script names in its first line.
fn interpreter_of(script: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    BufReader::new(fs::File::open(script).ok()?).read_until(b'\n', &mut line).ok()?;
    let path = line.strip_prefix(b"#!")?.trim_ascii().to_vec();
    Some(OsString::from_vec(path).into()).filter(|path: &PathBuf| path.exists())
}

/// Whether a variable describes a request, rather than what the host is.
fn is_of_the_request(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let is = |known: &&str| name == known.as_bytes();
    let begins = |known: &&str| name.starts_with(known.as_bytes());
    (REQUEST.iter().any(is) || REQUEST_PREFIXES.iter().any(begins)) && !NOT_REQUEST.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_inherits_the_host_and_not_the_request() {
        for name in ["HTTP_PROXY", "PATH_INFO", "REDIRECT_X", "REMOTE_USER", "SSL_CIPHER"] {
            assert!(is_of_the_request(name.as_ref()), "{name}");
        }
        for name in ["PATH", "LANG", "DATABASE_URL", "NARTHEX_API", "SSL_CERT_FILE"] {
            assert!(!is_of_the_request(name.as_ref()), "{name}");
        }
    }
}
