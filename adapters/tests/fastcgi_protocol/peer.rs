//! A web server that sends what it is told to, record by record.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use bytes::BytesMut;
use narthex_adapters::fastcgi::{
    pairs::pair,
    record::{self, Incoming, ProtocolStatus, RESPONDER, Reader, Stream},
};
use socket2::{Domain, Socket, Type};

use crate::application::{PATIENCE, Server};

/// One connection.
pub(crate) struct Peer {
    socket: Socket,
    reader: Reader,
    input: BytesMut,
    /// Bytes read off the wire.
    pub(crate) received: usize,
}

/// What came of a request.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) output: Vec<u8>,
    pub(crate) log: Vec<u8>,
    /// Exit status and protocol status; `None` when the connection ended first.
    pub(crate) end: Option<(u32, ProtocolStatus)>,
}

impl Answer {
    /// The body of a response that is whole, and 200.
    #[track_caller]
    pub(crate) fn body(&self) -> &[u8] {
        assert_eq!(self.end, Some((0, ProtocolStatus::RequestComplete)), "{self:?}");
        assert!(self.output.starts_with(b"Status: 200 "), "{}", self.output.escape_ascii());
        let end = self.output.windows(4).position(|window| window == b"\r\n\r\n");
        &self.output[end.expect("a head") + 4..]
    }

    fn take(&mut self, id: u16, incoming: Incoming) -> bool {
        match incoming {
            Incoming::Stream { kind: Stream::Stdout, id: of, content } if of == id => {
                self.output.extend_from_slice(&content);
            }
            Incoming::Stream { kind: Stream::Stderr, id: of, content } if of == id => {
                self.log.extend_from_slice(&content);
            }
            Incoming::StreamEnd { kind: Stream::Stdout | Stream::Stderr, id: of } if of == id => {}
            Incoming::End { id: of, application_status, protocol_status } if of == id => {
                self.end = Some((application_status, protocol_status));
                return true;
            }
            other => panic!("not expected while request {id} is answered: {other:?}"),
        }
        false
    }
}

impl Peer {
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.socket()).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream.into())
    }

    pub(crate) fn connect_unix(path: &std::path::Path) -> Self {
        Self::over(UnixStream::connect(path).unwrap().into())
    }

    /// Connects with a small window, so that little fits between the two.
    pub(crate) fn connect_narrow(server: &Server) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect(&server.socket().into()).unwrap();
        Self::over(socket)
    }

    fn over(socket: Socket) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { socket, reader: Reader::new(), input: BytesMut::new(), received: 0 }
    }

    /// Sends bytes. That the server has closed already shows when reading.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.write_all(bytes.as_ref());
    }

    /// Sends bytes on a thread of its own, so that the answer can be read meanwhile; how many of
    /// them the server, or the system, has taken.
    pub(crate) fn send_aside(&self, bytes: Vec<u8>) -> Arc<AtomicUsize> {
        let mut socket = self.socket.try_clone().unwrap();
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&taken);
        thread::spawn(move || {
            for piece in bytes.chunks(64 * 1024) {
                if socket.write_all(piece).is_err() {
                    break; // which shows when reading
                }
                counter.fetch_add(piece.len(), SeqCst);
            }
        });
        taken
    }

    /// The next thing that comes; `None` at the end of the connection.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<Incoming> {
        loop {
            match self.reader.next(&mut self.input).expect("records") {
                Some(incoming) => return Some(incoming),
                None if self.fill() => {}
                None => {
                    assert!(self.reader.between_records(), "the end of the connection in a record");
                    return None;
                }
            }
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        self.input.split().to_vec()
    }

    /// Reads what is there; false at the end of the connection.
    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut piece = [0; 16 * 1024];
        match self.socket.read(&mut piece) {
            Ok(0) => false,
            Ok(count) => {
                self.input.extend_from_slice(&piece[..count]);
                self.received += count;
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("nothing came: {error}"),
        }
    }

    /// What comes of a request, up to its end.
    #[track_caller]
    pub(crate) fn answer(&mut self, id: u16) -> Answer {
        let mut answer = Answer::default();
        while let Some(incoming) = self.next() {
            if answer.take(id, incoming) {
                break;
            }
        }
        answer
    }

    /// Whether the connection ends without a further record.
    #[track_caller]
    pub(crate) fn closes(&mut self) -> bool {
        self.next().is_none()
    }

    /// Goes away without a farewell.
    pub(crate) fn reset(self) {
        self.socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) id: u16,
    pub(crate) role: u16,
    pub(crate) keep: bool,
    pub(crate) variables: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        let variables = [
            ("REQUEST_METHOD", "GET"),
            ("REQUEST_URI", path),
            ("SCRIPT_NAME", ""),
            ("PATH_INFO", path),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_NAME", "example.test"),
            ("SERVER_PORT", "80"),
            ("REMOTE_ADDR", "127.0.0.1"),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Self { id: 1, role: RESPONDER, keep: true, variables: variables.into(), body: Vec::new() }
    }

    pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let mut request = Self::get(path).with("CONTENT_LENGTH", body.len().to_string());
        request.variables[0].1 = b"POST".to_vec();
        Self { body, ..request }
    }

    pub(crate) fn with(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn id(self, id: u16) -> Self {
        Self { id, ..self }
    }

    /// The variables as pairs.
    pub(crate) fn pairs(&self) -> Vec<u8> {
        let mut pairs = Vec::new();
        for (name, value) in &self.variables {
            pair(&mut pairs, name, value);
        }
        pairs
    }

    /// The records up to the end of the variables.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        record::begin(&mut out, self.id, self.role, self.keep);
        record::stream(&mut out, Stream::Params, self.id, &self.pairs());
        record::stream_end(&mut out, Stream::Params, self.id);
        out
    }

    /// A piece of the body.
    pub(crate) fn stdin(&self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        record::stream(&mut out, Stream::Stdin, self.id, piece);
        out
    }

    /// The end of the body.
    pub(crate) fn end(&self) -> Vec<u8> {
        let mut out = Vec::new();
        record::stream_end(&mut out, Stream::Stdin, self.id);
        out
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head(), self.stdin(&self.body), self.end()].concat()
    }
}

/// A record with any padding, of any type.
pub(crate) fn raw(kind: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let [id_1, id_0] = id.to_be_bytes();
    let [length_1, length_0] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = [1, kind, id_1, id_0, length_1, length_0, padding, 0];
    [&header[..], content, &vec![0xee; padding.into()]].concat()
}
