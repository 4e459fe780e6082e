//! httpd in miniature: what `mod_narthex` does for an engine, over a protocol that is none.
#![expect(unsafe_code, reason = "tables of functions, as C sees them")]

mod table;

use std::{
    ffi::c_void,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use narthex_abi::{List, Pair, Request, Text};
use narthex_adapters::{
    Backend, Door, Options, Result, Stop, Stopping, Surroundings,
    apache::{self, Server, Table},
};
use narthex_conformance::Dialect;
use narthex_core::{Capabilities, Exchange, Site, Variables};
use table::{Answering, HOST};

/// The backend behind it.
pub(crate) static IN_MINIATURE: InMiniature = InMiniature;

pub(crate) struct InMiniature;

impl Backend for InMiniature {
    fn name(&self) -> &'static str {
        apache::BACKEND.name()
    }

    fn summary(&self) -> &'static str {
        apache::BACKEND.summary()
    }

    fn detect(&self, seen: &Surroundings) -> Option<&'static str> {
        apache::BACKEND.detect(seen)
    }

    fn open(&self, _options: &Options) -> Result<Box<dyn Door>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Ok(Box::new(Open(listener)))
    }
}

fn table() -> Table {
    // SAFETY: it is static, and its functions do what they should.
    unsafe { Table::new(&raw const HOST) }
}

struct Open(TcpListener);

impl Door for Open {
    fn capabilities(&self) -> Capabilities {
        let site = Site::new(Arc::new(|_: Arc<Exchange>| async { Ok(()) }));
        Server::new(table(), Arc::new(site), false).capabilities()
    }

    fn addresses(&self) -> Vec<String> {
        vec![format!("http://{}", self.0.local_addr().expect("it is bound"))]
    }

    fn serve(self: Box<Self>, site: Arc<Site>, stop: &Stop) -> Result<()> {
        let server = Arc::new(Server::new(table(), site, false));
        let kept = Arc::new(Places::default());
        let mut running: Vec<(TcpStream, thread::JoinHandle<()>)> = Vec::new();
        while stop.stopping() == Stopping::No {
            match self.0.accept() {
                Ok((stream, _)) => {
                    let (server, kept) = (Arc::clone(&server), Arc::clone(&kept));
                    let ours = stream.try_clone()?;
                    let answering = thread::spawn(move || answer(&server, &kept, stream));
                    running.push((ours, answering));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(2));
                }
                Err(error) => return Err(error.into()),
            }
        }
        drop(self);
        while running.iter().any(|(_, answering)| !answering.is_finished()) {
            if stop.stopping() == Stopping::Now {
                for (stream, _) in &running {
                    drop(stream.shutdown(Shutdown::Both));
                }
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

/// What is kept for connections; each new one is another request of an old one.
#[derive(Default)]
struct Places {
    kept: Mutex<Vec<usize>>,
    requests: AtomicU32,
}

impl Places {
    fn take(&self) -> *mut c_void {
        let kept = self.kept.lock().expect("nobody panics").pop();
        std::ptr::with_exposed_provenance_mut(kept.unwrap_or_default())
    }

    fn give(&self, kept: *mut c_void) {
        if !kept.is_null() {
            self.kept.lock().expect("nobody panics").push(kept.expose_provenance());
        }
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        for kept in self.kept.get_mut().expect("nobody panics").drain(..) {
            // SAFETY: a request has left it, and nobody else has it.
            unsafe { apache::forget(std::ptr::with_exposed_provenance_mut(kept)) };
        }
    }
}

/// Answers the one request of a connection.
fn answer(server: &Server, places: &Places, mut stream: TcpStream) {
    let mut size = [0; 4];
    if stream.set_nonblocking(false).is_err() || stream.read_exact(&mut size).is_err() {
        return;
    }
    let mut block = vec![0; u32::from_be_bytes(size) as usize];
    if stream.read_exact(&mut block).is_err() {
        return;
    }
    let mut parts = block.split(|&byte| byte == 0);
    let mut told = Vec::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        told.push((name, value));
    }
    let variable = |wanted: &str| {
        let found = told.iter().find(|(name, _)| *name == wanted.as_bytes());
        found.map_or(&b""[..], |&(_, value)| value)
    };
    let number = |name: &str| {
        std::str::from_utf8(variable(name)).ok().and_then(|text| text.parse::<u64>().ok())
    };
    let fields = fields(&told);
    let fields: Vec<Pair<'_>> = fields.iter().map(|(name, value)| pair(name, value)).collect();
    let mut kept = places.take();
    let request = Request {
        method: Text::new(variable("REQUEST_METHOD")),
        target: Text::new(variable("REQUEST_URI")),
        protocol: 1001,
        secure: false,
        earlier: places.requests.fetch_add(1, Relaxed),
        mount: Text::new(variable("SCRIPT_NAME")),
        path_info: Text::new(variable("PATH_INFO")),
        query: Text::new(variable("QUERY_STRING")),
        fields: List::new(&fields),
        variables: List::new(&[]),
        server_name: Text::new(variable("SERVER_NAME")),
        server_port: 80,
        client_port: 0,
        client: Text::new(variable("REMOTE_ADDR")),
        user: Text::EMPTY,
        authentication: Text::EMPTY,
        has_body: number("CONTENT_LENGTH").is_some(),
        kept: &raw mut kept,
    };
    let timeouts = server.site().timeouts;
    let set = |stream: &TcpStream| {
        stream.set_read_timeout(Some(timeouts.body))?;
        stream.set_write_timeout(Some(timeouts.write))
    };
    set(&stream).expect("times that are not zero");
    let mut answering = Answering::new(stream, number("CONTENT_LENGTH").unwrap_or(0));
    // SAFETY: the context is what the functions of the table take it for.
    let _ = unsafe { server.answer((&raw mut answering).cast(), &request) };
    answering.close();
    places.give(kept);
}

/// The fields that variables were made of.
fn fields<'a>(told: &[(&'a [u8], &'a [u8])]) -> Vec<(Vec<u8>, &'a [u8])> {
    let field = |&(name, value): &(&'a [u8], &'a [u8])| {
        let own = matches!(name, b"CONTENT_TYPE" | b"CONTENT_LENGTH");
        let name = name.strip_prefix(b"HTTP_").or(own.then_some(name))?;
        let lower = |&byte: &u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
        Some((name.iter().map(lower).collect(), value))
    };
    told.iter().filter_map(field).collect()
}

fn pair<'a>(name: &'a [u8], value: &'a [u8]) -> Pair<'a> {
    Pair { name: Text::new(name), value: Text::new(value) }
}

/// Variables in one piece, and the body; back come pieces, each behind its length. Nothing behind a
/// length says that the response was whole.
#[derive(Default)]
pub(crate) struct Pieces {
    whole: bool,
}

impl Dialect for Pieces {
    fn variables(&mut self, variables: &Variables, out: &mut Vec<u8>) {
        let pairs = variables.iter().map(|(name, value)| [name, &b"\0"[..], value].concat());
        let block = pairs.collect::<Vec<_>>().join(&0);
        let size = u32::try_from(block.len()).expect("a short head");
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(&block);
    }

    fn output(&mut self, input: &mut BytesMut) -> Option<Bytes> {
        let size = u32::from_be_bytes(*input.first_chunk()?) as usize;
        if input.len() < 4 + size {
            return None;
        }
        input.advance(4);
        self.whole |= size == 0;
        (size > 0).then(|| input.split_to(size).freeze())
    }

    fn is_whole(&self) -> bool {
        self.whole
    }
}

/// Writes a piece as [`Pieces`] reads it.
fn send(stream: &mut TcpStream, piece: &[u8]) -> std::io::Result<()> {
    let size = u32::try_from(piece.len()).expect("a short piece");
    stream.write_all(&[&size.to_be_bytes()[..], piece].concat())
}
