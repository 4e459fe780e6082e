//! A blocking HTTP/1 client that is as strict with responses as servers should be with requests.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use crate::{End, Framing, PATIENCE, Response, front::Front};

/// One connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
    /// Bytes read off the wire.
    pub(crate) taken: u64,
    /// What stands between this client and a backend that does not speak HTTP.
    front: Option<Front>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Why there is nothing more to read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gap {
    /// The server closed the connection.
    Closed,
    /// Nothing came in time.
    Silence,
}

impl Connection {
    /// Connects to an address as servers print them.
    pub(crate) fn open(address: &str) -> Self {
        let stream = if let Some((_, path)) = address.split_once("unix:") {
            Stream::Unix(UnixStream::connect(path).expect("a server"))
        } else {
            let stream = TcpStream::connect(socket_address(address)).expect("a server");
            stream.set_nodelay(true).expect("TCP");
            Stream::Tcp(stream)
        };
        Self { stream, buffer: Vec::new(), taken: 0, front: None }
    }

    /// Connects over TCP with a small window, so that little fits between server and client.
    pub(crate) fn open_narrow(address: &str) -> Self {
        let address = socket_address(address);
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("TCP");
        socket.set_recv_buffer_size(16 * 1024).expect("TCP");
        socket.connect(&address.into()).expect("a server");
        Self { stream: Stream::Tcp(socket.into()), buffer: Vec::new(), taken: 0, front: None }
    }

    /// This connection behind a web server.
    pub(crate) fn behind(self, front: Option<Front>) -> Self {
        Self { front, ..self }
    }

    /// Sends bytes. That the server has closed already is not noticed here but while reading.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes.as_ref());
    }

    /// Sends bytes, and tells whether the server still takes them.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let bytes = match &mut self.front {
            Some(front) => &*front.request(bytes),
            None => bytes,
        };
        match &mut self.stream {
            Stream::Tcp(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.write_all(bytes)
            }
            Stream::Unix(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.write_all(bytes)
            }
        }
    }

    /// Sends bytes in packets of `size`, a moment apart.
    pub(crate) fn dribble(&mut self, bytes: impl AsRef<[u8]>, size: usize) {
        for packet in bytes.as_ref().chunks(size) {
            self.send(packet);
            thread::sleep(Duration::from_micros(300));
        }
    }

    /// Sends bytes on a thread of its own, so that the answer can be read meanwhile.
    pub(crate) fn send_aside(&mut self, bytes: Vec<u8>) {
        let bytes = match &mut self.front {
            Some(front) => front.request(&bytes),
            None => bytes,
        };
        let mut writer = match &self.stream {
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone().expect("a descriptor")),
            Stream::Unix(stream) => Stream::Unix(stream.try_clone().expect("a descriptor")),
        };
        thread::spawn(move || match &mut writer {
            Stream::Tcp(stream) => stream.write_all(&bytes),
            Stream::Unix(stream) => stream.write_all(&bytes),
        });
    }

    /// Says that nothing more will be sent.
    pub(crate) fn end(&mut self) {
        let _ = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Goes away without a farewell: the server sees a reset.
    pub(crate) fn reset(self) {
        if let Stream::Tcp(stream) = self.stream {
            let socket = Socket::from(stream);
            socket.set_linger(Some(Duration::ZERO)).expect("TCP");
        }
    }

    /// Reads what is there, waiting at most so long for the first byte.
    pub(crate) fn fill(&mut self, patience: Duration) -> Result<usize, Gap> {
        let mut piece = vec![0; 64 * 1024];
        let outcome = match &mut self.stream {
            Stream::Tcp(stream) => {
                stream.set_read_timeout(Some(patience)).expect("TCP");
                stream.read(&mut piece)
            }
            Stream::Unix(stream) => {
                stream.set_read_timeout(Some(patience)).expect("a socket");
                stream.read(&mut piece)
            }
        };
        match outcome {
            Ok(0) => Err(Gap::Closed),
            Ok(count) => {
                match &mut self.front {
                    Some(front) => front.response(&piece[..count], &mut self.buffer),
                    None => self.buffer.extend_from_slice(&piece[..count]),
                }
                self.taken += count as u64;
                Ok(count)
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(Gap::Silence),
                ErrorKind::Interrupted => self.fill(patience),
                _ => Err(Gap::Closed),
            },
        }
    }

    /// How often `text` is in what was read and not yet looked at.
    pub(crate) fn holds(&self, text: &[u8]) -> usize {
        self.buffer.windows(text.len()).filter(|window| window == &text).count()
    }

    /// Reads and forgets some bytes of a body.
    pub(crate) fn drink(&mut self) -> Result<usize, Gap> {
        let outcome = self.fill(PATIENCE);
        self.buffer.clear();
        outcome
    }

    /// The response to a request with this method.
    #[track_caller]
    pub(crate) fn response(&mut self, method: &str) -> Response {
        match self.try_response(method) {
            Ok(Some(response)) => response,
            Ok(None) => panic!("the connection was closed without a response"),
            Err(fault) => panic!("{fault}"),
        }
    }

    /// The response to a request with this method, if the server does not close instead.
    ///
    /// # Errors
    /// What came is no response, or nothing came in time; the text says what is wrong.
    pub(crate) fn try_response(&mut self, method: &str) -> Result<Option<Response>, String> {
        if self.buffer.is_empty() && self.fill(PATIENCE) == Err(Gap::Closed) {
            return Ok(None);
        }
        let head = self.head()?;
        let mut response = parse_head(&head)?;
        if response.status < 200 {
            return Err(format!("an interim response, not asked for: {response:?}"));
        }
        response.framing = framing(&response, method)?;
        match response.framing {
            Framing::Bodiless => {}
            Framing::Length => {
                let length = response.one("content-length").expect("just seen");
                let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
                let length = length.ok_or("a length beyond all bounds")?;
                (response.body, response.end) = self.exactly(length)?;
            }
            Framing::Chunked => (response.body, response.end) = self.chunks()?,
            Framing::Close => {
                loop {
                    match self.fill(PATIENCE) {
                        Ok(_) => {}
                        Err(Gap::Closed) => break,
                        Err(Gap::Silence) => return Err("no end of the connection".to_owned()),
                    }
                }
                response.body = std::mem::take(&mut self.buffer);
            }
        }
        self.settle(&mut response)?;
        eprintln!("< {response:?}");
        Ok(Some(response))
    }

    /// Sees that a backend behind a web server says nothing after its response, and whether it takes
    /// that for whole.
    fn settle(&mut self, response: &mut Response) -> Result<(), String> {
        if self.front.is_none() {
            return Ok(());
        }
        for framing in ["transfer-encoding", "connection"] {
            if response.one(framing).is_some() {
                return Err(format!("{framing} belongs to the web server: {response:?}"));
            }
        }
        if response.end == End::Whole && response.framing != Framing::Close && !self.closes() {
            return Err(format!("more than a response, or no end of the connection: {response:?}"));
        }
        if !self.front.as_ref().is_some_and(Front::is_whole) {
            response.end = End::Truncated;
        }
        Ok(())
    }

    /// Fails unless a `100 Continue` comes; gives its fields.
    #[track_caller]
    pub(crate) fn interim(&mut self) -> Vec<(String, Vec<u8>)> {
        let head = self.head().expect("an interim response");
        let interim = parse_head(&head).expect("an interim response");
        assert_eq!(interim.status, 100, "{interim:?}");
        interim.fields
    }

    /// Passes over a `100 Continue`, if that comes first.
    pub(crate) fn skip_interim(&mut self) {
        let interim = b"HTTP/1.1 100 ";
        while self.buffer.len() < interim.len() && self.fill(PATIENCE).is_ok() {}
        if self.buffer.starts_with(interim) {
            self.interim();
        }
    }

    /// Whether the server closes the connection without a further byte.
    pub(crate) fn closes(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while self.buffer.is_empty() {
            match self.fill(end.saturating_duration_since(Instant::now()).max(MOMENT)) {
                Err(Gap::Closed) => return true,
                Err(Gap::Silence) => return false,
                Ok(_) => {}
            }
        }
        eprintln!("< left over: {}", self.buffer.escape_ascii());
        false
    }

    /// Whether nothing comes for so long, while the connection stays open.
    pub(crate) fn is_silent(&mut self, duration: Duration) -> bool {
        self.buffer.is_empty() && self.fill(duration) == Err(Gap::Silence)
    }

    /// The bytes up to an empty line, less that line.
    fn head(&mut self) -> Result<Vec<u8>, String> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.buffer.drain(..at + 4).collect::<Vec<u8>>();
                return Ok(head[..at].to_vec());
            }
            self.fill(PATIENCE).map_err(|gap| {
                format!("{gap:?} in the head, after: {}", self.buffer.escape_ascii())
            })?;
        }
    }

    fn exactly(&mut self, length: usize) -> Result<(Vec<u8>, End), String> {
        while self.buffer.len() < length {
            match self.fill(PATIENCE) {
                Ok(_) => {}
                Err(Gap::Closed) => return Ok((std::mem::take(&mut self.buffer), End::Truncated)),
                Err(Gap::Silence) => {
                    return Err(format!("silence after {} of {length} bytes", self.buffer.len()));
                }
            }
        }
        Ok((self.buffer.drain(..length).collect(), End::Whole))
    }

    fn line(&mut self) -> Result<Option<String>, String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                let line = self.buffer.drain(..at + 2).take(at).collect();
                return String::from_utf8(line).map(Some).map_err(|error| error.to_string());
            }
            match self.fill(PATIENCE) {
                Ok(_) => {}
                Err(Gap::Closed) => return Ok(None),
                Err(Gap::Silence) => return Err("silence within a chunked body".to_owned()),
            }
        }
    }

    fn chunks(&mut self) -> Result<(Vec<u8>, End), String> {
        let mut body = Vec::new();
        while let Some(line) = self.line()? {
            if line.is_empty() || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(format!("no chunk size: {line:?}"));
            }
            let size = usize::from_str_radix(&line, 16).map_err(|error| error.to_string())?;
            if size == 0 {
                return match self.line()?.as_deref() {
                    Some("") => Ok((body, End::Whole)),
                    Some(trailer) => Err(format!("a trailer, not asked for: {trailer:?}")),
                    None => Ok((body, End::Truncated)),
                };
            }
            let (chunk, end) = self.exactly(size)?;
            body.extend(chunk);
            if end == End::Truncated {
                break;
            }
            match self.line()?.as_deref() {
                Some("") => {}
                Some(rest) => return Err(format!("a chunk longer than its size: {rest:?}")),
                None => break,
            }
        }
        Ok((body, End::Truncated))
    }
}

const MOMENT: Duration = Duration::from_millis(1);

fn socket_address(address: &str) -> SocketAddr {
    let (_, address) = address.split_once("://").unwrap_or(("", address));
    address.parse().expect("an address and a port")
}

/// Reads a status line and fields; lines end with CRLF, and nothing else does.
pub(crate) fn parse_head(head: &[u8]) -> Result<Response, String> {
    let text = || head.escape_ascii().to_string();
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.push(rest);
    let forbidden = |byte: &u8| matches!(byte, 0..=8 | 10..=31 | 127);
    if lines.iter().any(|line| line.iter().any(forbidden)) {
        return Err(format!("control characters in a response head: {}", text()));
    }
    let (version, rest) = lines[0].split_at_checked(9).ok_or_else(text)?;
    let (status, reason) = rest.split_at_checked(3).ok_or_else(text)?;
    let status = std::str::from_utf8(status).ok().and_then(|status| status.parse().ok());
    let reason = match reason {
        [b' ', reason @ ..] => reason.to_vec(),
        _ => return Err(format!("no space after the status: {}", text())),
    };
    if !matches!(version, b"HTTP/1.1 " | b"HTTP/1.0 ") {
        return Err(format!("no HTTP/1 response: {}", text()));
    }
    let mut fields = Vec::new();
    for line in &lines[1..] {
        let colon = line.iter().position(|&byte| byte == b':').ok_or_else(text)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        if name.is_empty() || !name.iter().all(token) {
            return Err(format!("no field name: {}", line.escape_ascii()));
        }
        let name = String::from_utf8(name.to_vec()).map_err(|error| error.to_string())?;
        fields.push((name, value.trim_ascii().to_vec()));
    }
    Ok(Response {
        status: status.filter(|status| (100..=999).contains(status)).ok_or_else(text)?,
        reason,
        fields,
        body: Vec::new(),
        framing: Framing::Bodiless,
        end: End::Whole,
    })
}

/// How the body is framed (RFC 9112, 6.3); ambiguities are refused.
fn framing(response: &Response, method: &str) -> Result<Framing, String> {
    let lengths = response.all("content-length");
    let codings = response.all("transfer-encoding");
    if lengths.len() + codings.len() > 1 {
        return Err(format!("framed more than once: {response:?}"));
    }
    if lengths.iter().any(|text| text.is_empty() || !text.iter().all(u8::is_ascii_digit)) {
        return Err(format!("malformed Content-Length: {response:?}"));
    }
    if codings.iter().any(|&coding| !coding.eq_ignore_ascii_case(b"chunked")) {
        return Err(format!("a coding that was not asked for: {response:?}"));
    }
    if matches!(response.status, 204 | 304) && !codings.is_empty() {
        return Err(format!("a framed body that cannot be: {response:?}"));
    }
    if response.status == 204 && !lengths.is_empty() {
        return Err(format!("a length that cannot be (RFC 9110, 8.6): {response:?}"));
    }
    Ok(match (lengths.len(), codings.len()) {
        _ if method == "HEAD" || matches!(response.status, 204 | 304) => Framing::Bodiless,
        (1, _) => Framing::Length,
        (_, 1) => Framing::Chunked,
        _ => Framing::Close,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &'static [u8]) -> Result<Option<Response>, String> {
        let (client, mut server) = UnixStream::pair().unwrap();
        server.write_all(bytes).unwrap();
        drop(server);
        let stream = Stream::Unix(client);
        Connection { stream, buffer: Vec::new(), taken: 0, front: None }.try_response("GET")
    }

    #[test]
    fn whole_responses_are_told_from_cut_ones() {
        let cases: &[(&[u8], &[u8], End)] = &[
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", b"ab", End::Whole),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", b"ab", End::Truncated),
            (
                b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
                b"ab",
                End::Whole,
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
                b"ab",
                End::Truncated,
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                b"ab",
                End::Truncated,
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
                b"ab",
                End::Truncated,
            ),
            (b"HTTP/1.0 200 OK\r\n\r\nab", b"ab", End::Whole),
        ];
        for (bytes, body, end) in cases {
            let response = told(bytes).unwrap().unwrap();
            assert_eq!((response.body.as_slice(), response.end), (*body, *end));
        }
        assert_eq!(told(b""), Ok(None));
    }

    #[test]
    fn malformed_responses_are_refused() {
        let cases: &[&[u8]] = &[
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nX: a\nb\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
            b"HTTP/1.1 200OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a",
        ];
        for bytes in cases {
            assert!(told(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
