//! What is told to the web server's log, and to the client, when a request cannot be answered.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use narthex_cgi::{Error, drain};

use crate::{Variables, value};

/// Bytes of the resident's log that are shown.
const SHOWN: u64 = 8 << 10;

/// Why a request cannot be answered.
#[derive(Debug)]
pub(crate) struct Trouble {
    code: &'static str,
    title: String,
    details: String,
    fix: String,
    /// The client may have been sent something already.
    begun: bool,
}

impl Trouble {
    fn new(code: &'static str, title: String, fix: &str) -> Self {
        Self { code, title, details: String::new(), fix: fix.to_owned(), begun: false }
    }

    /// The directory of sockets cannot be used.
    pub(crate) fn directory(error: Error) -> Self {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        let title = format!("{error}{}", source.unwrap_or_default());
        let fix = match error {
            Error::Unsafe(path, _) => format!(
                "remove {} if it is none of yours, chmod 700 it if it is, or name another \
                 directory by NARTHEX_RUNTIME_DIR",
                path.display()
            ),
            _ => "name a directory by NARTHEX_RUNTIME_DIR that this user may write to".to_owned(),
        };
        Self::new("N285", title, &fix)
    }

    /// Python cannot be started.
    pub(crate) fn python(why: &str) -> Self {
        let fix = "name the interpreter that narthex is installed for by NARTHEX_PYTHON";
        Self::new("N286", why.to_owned(), fix)
    }

    /// The resident has gone in the midst of the request.
    pub(crate) fn lost(script: &OsStr, log: &Path, begun: bool) -> Self {
        let title = format!(
            "the process that answers for {} ended while it answered this request",
            script.display()
        );
        let fix = "the next request starts another one; if that ends too, run the application by \
            narthex serve to see why";
        Self { details: tail(log), begun, ..Self::new("N287", title, fix) }
    }

    /// Somebody else listens.
    pub(crate) fn foreign(socket: &Path) -> Self {
        let title = format!("{} belongs to a process of another user", socket.display());
        Self::new("N288", title, "remove it, or name another directory by NARTHEX_RUNTIME_DIR")
    }

    /// The request cannot be handed over.
    pub(crate) fn delivery(error: &io::Error) -> Self {
        let title = format!("the request cannot be handed over: {error}");
        Self::new("N289", title, "write --mode=cold to do without a resident")
    }

    /// Process after process ends before it takes a request.
    pub(crate) fn start(script: &OsStr, log: &Path) -> Self {
        let title =
            format!("the process that is to answer for {} does not start", script.display());
        let fix = format!("what it said is above, and in {}", log.display());
        Self { details: tail(log), ..Self::new("N290", title, &fix) }
    }

    /// This program was asked for as if it were a CGI program itself.
    pub(crate) fn exposed() -> Self {
        let title = "narthex-cgi itself was asked for by a client".to_owned();
        Self::new("N291", title, "remove it from the web server's directory: scripts begin with #!")
    }

    /// There is no such script.
    pub(crate) fn script(script: &OsStr) -> Self {
        let title = format!("there is no file {}", script.display());
        Self::new("N292", title, "write the path of a Python file that this user may read")
    }

    /// The command line is wrong.
    pub(crate) fn usage(why: &str) -> Self {
        Self::new("N293", why.to_owned(), "narthex-cgi --help tells more")
    }

    /// Tells the web server, and the client that its request failed. Returns the exit status.
    pub(crate) fn tell(&self, variables: &Variables) -> u8 {
        let Self { code, title, details, fix, begun } = self;
        let text = format!("{details}narthex-cgi: error {code}: {title}\n  Fix: {fix}\n");
        // Nobody is left to be told when these fail.
        let _ = io::stderr().write_all(text.as_bytes());
        if !begun && let Some(method) = value(variables, "REQUEST_METHOD") {
            let body = if method == "HEAD" { "" } else { "Internal Server Error\n" };
            let answer = format!(
                "Status: 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\n\
                 Content-Length: 22\r\n\r\n{body}"
            );
            let _ = rustix::io::write(rustix::stdio::stdout(), answer.as_bytes());
            let length =
                value(variables, "CONTENT_LENGTH").and_then(|it| it.to_str()?.parse().ok());
            drain(rustix::stdio::stdin(), Some(length.unwrap_or(0)), None);
        }
        1
    }
}

/// The end of a log, in whole lines.
fn tail(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(SHOWN)))?;
        let mut bytes = Vec::new();
        file.take(SHOWN).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
}
