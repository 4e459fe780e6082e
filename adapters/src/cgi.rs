//! One request per process, over environment variables and the standard streams (RFC 3875).
//!
//! # What the hosts make of it
//!
//! Seen with Apache 2.4 (`mod_cgid`) and lighttpd 1.4 (`mod_cgi`); more of it in `cgi_text.rs`.
//!
//! - Both end an incomplete response as if it were whole (Apache even drops its Content-Length):
//!   there is no [`Capability::Truncation`].
//! - Apache passes the reason phrase on, lighttpd puts its own.
//! - Apache sends the decoded body of a chunked request without a length, up to the end of file.

use std::{
    env, fmt,
    fs::File,
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, StatusCode, header::CONTENT_LENGTH};
use narthex_core::{
    Answer, Body, Capabilities, Capability, Error as RequestError, Exchange, RequestHead,
    RequestHeads, ResponseHead, Result as RequestResult, Site, Transaction, Variables, block_on,
};
use rustix::{
    io::{Errno, fcntl_dupfd_cloexec},
    stdio,
};

use crate::{Backend, Door, Error, Options, Result, Stop, Surroundings, ThreadStart, cgi_text};

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
        options.refuse_statics("under CGI the web server serves files")?;
        options.refuse_programs("under CGI the web server runs them")?;
        let variables: Variables = env::vars_os()
            .map(|(name, value)| (name.into_vec().into(), value.into_vec().into()))
            .collect();
        if !variables.iter().any(|(name, value)| name == "REQUEST_METHOD" && !value.is_empty()) {
            return Err(Error::Options(NO_REQUEST.into()));
        }
        let (input, output) = claim_streams()?;
        Ok(Box::new(Open {
            variables,
            input,
            output,
            capabilities: options.capabilities(capabilities()),
            on_thread_start: options.on_thread_start.clone(),
        }))
    }
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
    input: Option<File>,
    output: File,
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
        let input: Box<dyn Read + Send> = match self.input {
            Some(input) => Box::new(input),
            None => Box::new(io::empty()),
        };
        // What failed has been reported; the host sees no more of it than the client does.
        let _ = run(site, self.variables, input, Output::File(self.output), self.capabilities);
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
    let variables = variables.into_iter().collect();
    let output = Output::Other(Box::new(output));
    run(site, variables, Box::new(input), output, capabilities())
}

fn run(
    site: Arc<Site>,
    variables: Variables,
    reader: Box<dyn Read + Send>,
    mut output: Output,
    capabilities: Capabilities,
) -> RequestResult<()> {
    let streamed = variables.iter().any(|(name, _)| name == "HTTP_TRANSFER_ENCODING");
    let mut heads = RequestHeads::program(site.mount.clone());
    let mut request = match heads.head(variables) {
        Ok(request) => request,
        Err(error) => {
            site.report(&error, None);
            output.refuse(error.status())?;
            return Err(error);
        }
    };
    site.arrived(&mut request, 0);
    let declared = request.headers.get(CONTENT_LENGTH);
    let length = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    let left = match length {
        None if streamed => Left::ToTheEnd,
        length => Left::Bytes(length.unwrap_or(0)),
    };
    let transaction = OneRequest {
        request,
        capabilities,
        chunk_size: site.limits.chunk_size,
        input: Mutex::new(Input { reader, left }),
        output: Mutex::new(output),
    };
    block_on(Exchange::run(transaction, site))
}

/// The request of a CGI process.
struct OneRequest {
    request: RequestHead,
    capabilities: Capabilities,
    chunk_size: usize,
    input: Mutex<Input>,
    output: Mutex<Output>,
}

impl fmt::Debug for OneRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneRequest").field("request", &self.request).finish_non_exhaustive()
    }
}

impl OneRequest {
    fn output<T>(&self, send: impl FnOnce(&mut Output) -> io::Result<T>) -> RequestResult<T> {
        Ok(send(&mut self.output.lock().unwrap_or_else(PoisonError::into_inner))?)
    }
}

#[async_trait]
impl Transaction for OneRequest {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn request(&self) -> &RequestHead {
        &self.request
    }

    async fn read(&self) -> RequestResult<Option<Bytes>> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        input.read(self.chunk_size)
    }

    async fn start(&self, head: ResponseHead) -> RequestResult<()> {
        let mut text = Vec::with_capacity(512);
        cgi_text::append(cgi_text::STATUS, &head, &mut text);
        self.output(|output| output.send(&text))
    }

    async fn write(&self, chunk: Bytes) -> RequestResult<()> {
        self.output(|output| output.send(&chunk))
    }

    async fn finish(&self) -> RequestResult<()> {
        Ok(()) // the host takes the end of the process, or of the stream, for the end
    }

    async fn respond(&self, head: ResponseHead, body: Bytes) -> RequestResult<()> {
        let mut message = Vec::with_capacity(512 + body.len());
        let bodiless = self.request.method == Method::HEAD;
        cgi_text::append_whole(cgi_text::STATUS, &head, body.len(), bodiless, &mut message);
        message.extend_from_slice(&body);
        self.output(|output| output.send(&message))
    }

    async fn send_file(&self, file: &File, length: u64) -> Option<RequestResult<u64>> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *output {
            Output::File(to) => Some(send_file(file, length, to).map_err(Into::into)),
            Output::Other(_) => None,
        }
    }
}

/// Sends `length` bytes of `file` without copying them to this process.
fn send_file(file: &File, length: u64, to: &mut File) -> io::Result<u64> {
    let mut sent = 0;
    while sent < length {
        let most = usize::try_from(length - sent).unwrap_or(usize::MAX);
        match rustix::fs::sendfile(&*to, file, None, most) {
            Ok(0) => break,
            Ok(count) => sent += count as u64,
            Err(Errno::INTR) => {}
            // One of the two is nothing that the system does it for, such as a file to append to.
            Err(Errno::INVAL | Errno::NOSYS) => {
                return Ok(sent + io::copy(&mut file.take(length - sent), to)?);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent)
}

/// Where the body of the request comes from.
struct Input {
    reader: Box<dyn Read + Send>,
    left: Left,
}

/// How much of the request body is still to be read.
enum Left {
    Bytes(u64),
    ToTheEnd,
}

impl Input {
    /// Reads a piece. Never past the declared length: nothing ends a stream there (RFC 3875, 4.2).
    fn read(&mut self, chunk_size: usize) -> RequestResult<Option<Bytes>> {
        let most = match self.left {
            Left::Bytes(0) => return Ok(None),
            Left::Bytes(left) => chunk_size.min(usize::try_from(left).unwrap_or(chunk_size)),
            Left::ToTheEnd => chunk_size,
        };
        let mut buffer = vec![0; most];
        let count = loop {
            match self.reader.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        match &mut self.left {
            // The host was told more by the client than it got.
            Left::Bytes(_) if count == 0 => return Err(RequestError::Disconnected),
            Left::Bytes(left) => *left -= count as u64,
            Left::ToTheEnd if count == 0 => {
                self.left = Left::Bytes(0);
                return Ok(None);
            }
            Left::ToTheEnd => {}
        }
        buffer.truncate(count);
        Ok(Some(buffer.into()))
    }
}

/// Where the response goes.
enum Output {
    /// A descriptor that we own.
    File(File),
    /// Anything else.
    Other(Box<dyn Write + Send>),
}

impl Output {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all(bytes),
            Self::Other(writer) => {
                writer.write_all(bytes)?;
                writer.flush()
            }
        }
    }

    /// Answers what is no request.
    fn refuse(&mut self, status: StatusCode) -> io::Result<()> {
        let answer = Answer::plain(status);
        let mut message = Vec::new();
        cgi_text::append(cgi_text::STATUS, &answer.head, &mut message);
        if let Body::Whole(body) = answer.body {
            message.extend_from_slice(&body);
        }
        self.send(&message)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

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
