//! One request per process, over environment variables and the standard streams (RFC 3875).
//!
//! # What the hosts make of it
//!
//! Seen with Apache 2.4 (`mod_cgid`) and lighttpd 1.4 (`mod_cgi`); more of it in `cgi_text.rs`.
//!
//! - Both end an incomplete response as if it were whole (Apache even drops its Content-Length):
//!   there is no [`Capability::Truncation`].
//! - Both send SIGTERM to the program that they have started, lighttpd as soon as it has the whole
//!   response: see `grace.rs`.
//! - Apache passes the reason phrase on, lighttpd puts its own.
//! - Apache sends the decoded body of a chunked request without a length, up to the end of file.

mod grace;
mod one_request;
mod resident;
mod streams;

use std::{
    env,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    sync::Arc,
};

use bytes::Bytes;
use narthex_cgi::Client;
use narthex_core::{Capabilities, Capability, Result as RequestResult, Site, Variables};
use rustix::{
    io::{Errno, fcntl_dupfd_cloexec},
    stdio,
};

use crate::{Backend, Door, Error, Options, Result, Stop, Surroundings, ThreadStart};
use one_request::run;
pub use resident::{Patience, Residence};
use streams::{Output, Source, Streams};

/// One request per process.
pub static BACKEND: Cgi = Cgi;

/// See [`BACKEND`].
#[derive(Clone, Copy, Debug)]
pub struct Cgi;

impl Backend for Cgi {
    fn name(&self) -> &'static str {
        "cgi"
    }

    fn summary(&self) -> &'static str {
        "CGI program: one request per process, started by a web server"
    }

    fn detect(&self, seen: &Surroundings) -> Option<&'static str> {
        let interface = seen.variable("GATEWAY_INTERFACE")?;
        (!interface.is_empty()).then_some("GATEWAY_INTERFACE is set, as web servers do for CGI")
    }

    fn listens(&self) -> bool {
        false
    }

    fn open(&self, options: &Options) -> Result<Box<dyn Door>> {
        open(options, None)
    }
}

/// Claims the request of this process; `client` waits for its end, if it is not the web server.
///
/// # Errors
/// There is no request.
pub fn open(options: &Options, client: Option<Client>) -> Result<Box<dyn Door>> {
    options.refuse_statics("under CGI the web server serves files")?;
    options.refuse_programs("under CGI the web server runs them")?;
    let variables: Variables = env::vars_os()
        .map(|(name, value)| (name.into_vec().into(), value.into_vec().into()))
        .collect();
    if !variables.iter().any(|(name, value)| name == "REQUEST_METHOD" && !value.is_empty()) {
        return Err(Error::Options(NO_REQUEST.into()));
    }
    let (input, output) = claim_streams()?;
    if client.is_none() {
        grace::grant();
    }
    let source = input.map_or_else(|| Source::Other(Box::new(io::empty())), Source::File);
    Ok(Box::new(Open {
        variables,
        streams: Arc::new(Streams::new(source, Output::File(output), client)),
        capabilities: options.capabilities(capabilities()),
        on_thread_start: options.on_thread_start.clone(),
    }))
}

const NO_REQUEST: &str = "REQUEST_METHOD is not set: a CGI program is started by a web server, \
    which describes the request in such variables; to try one by hand, use \
    `narthex cgi APP --request 'GET /'`";

fn capabilities() -> Capabilities {
    Capabilities::NONE
        .with(Capability::Blocking)
        .with(Capability::RunOnce)
        .with(Capability::Duplex)
        .with(Capability::Multiprocess)
        .with(Capability::ReasonPhrase)
}

/// Takes the standard input and output away from the application: it finds an empty input, and
/// what it prints goes to the error stream, which web servers write to their log.
fn claim_streams() -> Result<(Option<File>, File)> {
    // Above the standard descriptors, even if one of those is closed and would be the next.
    let null: OwnedFd = {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        fcntl_dupfd_cloexec(&null, 3).map_err(io::Error::from)?
    };
    let input = duplicate(stdio::stdin())?;
    let Some(output) = duplicate(stdio::stdout())? else {
        return Err(Error::Options(
            "the standard output is closed: a CGI response has nowhere to go".into(),
        ));
    };
    stdio::dup2_stdin(&null).map_err(io::Error::from)?;
    match stdio::dup2_stdout(stdio::stderr()) {
        Err(Errno::BADF) => {
            stdio::dup2_stderr(&null).map_err(io::Error::from)?;
            stdio::dup2_stdout(&null).map_err(io::Error::from)?;
        }
        outcome => outcome.map_err(io::Error::from)?,
    }
    Ok((input, output))
}

/// A descriptor of our own for a stream that may be closed; children do not inherit it.
fn duplicate(stream: impl AsFd) -> io::Result<Option<File>> {
    match fcntl_dupfd_cloexec(stream, 3) {
        Ok(own) => Ok(Some(own.into())),
        Err(Errno::BADF) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The request and the streams of this process.
struct Open {
    variables: Variables,
    streams: Arc<Streams>,
    capabilities: Capabilities,
    on_thread_start: Option<ThreadStart>,
}

impl Door for Open {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn addresses(&self) -> Vec<String> {
        Vec::new()
    }

    fn serve(self: Box<Self>, site: Arc<Site>, _stop: &Stop) -> Result<()> {
        if let Some(start) = &self.on_thread_start {
            start();
        }
        // What failed has been reported; the host sees no more of it than the client does.
        let _ = run(site, self.variables, &self.streams, self.capabilities);
        self.streams.release();
        Ok(())
    }
}

/// Serves the one request that `variables` describe, reading its body from `input` and writing the
/// CGI response to `output`.
///
/// # Errors
/// The request was refused, or its response could not be completed; both have been reported.
pub fn serve_one<R, W>(
    site: Arc<Site>,
    variables: impl IntoIterator<Item = (Bytes, Bytes)>,
    input: R,
    output: W,
) -> RequestResult<()>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    let output = Output::Other(Box::new(output));
    let streams = Streams::new(Source::Other(Box::new(input)), output, None);
    run(site, variables.into_iter().collect(), &Arc::new(streams), capabilities())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use narthex_core::{Exchange, ResponseHead};

    use super::*;

    /// Keeps what is written, and counts the writes.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>, Arc<AtomicUsize>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    async fn echo(exchange: Arc<Exchange>) -> RequestResult<()> {
        let mut body = Vec::new();
        while let Some(chunk) = exchange.read().await? {
            body.extend_from_slice(&chunk);
        }
        exchange.respond(ResponseHead::default(), body.into()).await
    }

    fn serve(variables: &[(&'static str, &'static str)], input: &'static [u8]) -> (Kept, bool) {
        let output = Kept::default();
        let method = [("REQUEST_METHOD", "POST")];
        let variables = method.iter().chain(variables);
        let variables = variables.map(|&(name, value)| (name.into(), value.into()));
        let site = Arc::new(Site::new(Arc::new(echo)));
        let served = serve_one(site, variables, input, output.clone());
        (output, served.is_ok())
    }

    #[test]
    fn a_response_is_one_write() {
        let (output, served) = serve(&[("CONTENT_LENGTH", "3")], b"abc");
        assert!(served);
        assert_eq!(output.text(), "Status: 200 OK\r\ncontent-length: 3\r\n\r\nabc");
        assert_eq!(output.1.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn the_body_is_as_long_as_declared() {
        assert!(serve(&[("CONTENT_LENGTH", "2")], b"abc").0.text().ends_with("\r\n\r\nab"));
        for none in ["", "-1", "0"] {
            assert!(serve(&[("CONTENT_LENGTH", none)], b"abc").0.text().ends_with("\r\n\r\n"));
        }
        assert!(serve(&[], b"abc").0.text().ends_with("\r\n\r\n"));
        let streamed = serve(&[("HTTP_TRANSFER_ENCODING", "chunked")], b"abc");
        assert!(streamed.0.text().ends_with("\r\n\r\nabc"));
    }

    #[test]
    fn a_short_body_is_a_client_that_left() {
        let (output, served) = serve(&[("CONTENT_LENGTH", "4")], b"abc");
        assert!(!served);
        assert_eq!(output.text(), "");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for bad in ["+5", "abc"] {
            let (output, served) = serve(&[("CONTENT_LENGTH", bad)], b"abc");
            assert!(!served);
            assert!(output.text().starts_with("Status: 400 Bad Request\r\n"), "{}", output.text());
        }
        let (output, _) = serve(&[("CONTENT_LENGTH", "99999999999")], b"abc");
        assert!(output.text().starts_with("Status: 413 "));
    }

    #[test]
    fn a_process_is_known_by_its_interface() {
        let seen = |value: &str| Surroundings {
            variables: vec![("GATEWAY_INTERFACE".into(), value.into())],
            ..Surroundings::default()
        };
        assert!(Cgi.detect(&seen("CGI/1.1")).is_some());
        assert!(Cgi.detect(&seen("")).is_none());
        assert!(Cgi.detect(&Surroundings::default()).is_none());
    }
}
