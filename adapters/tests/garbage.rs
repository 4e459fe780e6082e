//! What is not of a gateway's protocol ends its connection, is named in the log, and harms nobody.
#![cfg(all(feature = "fastcgi", feature = "scgi", feature = "uwsgi"))]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    fmt,
    io::{Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use narthex_adapters::{Backend, Options, Stop, Stopping, fastcgi, scgi, uwsgi};
use narthex_core::{Exchange, Journal, Level, ResponseHead, Site};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Journal for Lines {
    fn write(&self, level: Level, message: &dyn fmt::Display) {
        self.0.lock().unwrap().push(format!("{}: {message}", level.as_str()));
    }
}

impl Lines {
    fn has(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.0.lock().unwrap().iter().any(|line| line.contains(text)) {
            assert!(Instant::now() < end, "no {text:?} in {:#?}", self.0.lock().unwrap());
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Everything that is said to `bytes` before the connection ends.
fn said(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut said = Vec::new();
    // It may be reset, for what it has not read.
    if let Err(error) = stream.read_to_end(&mut said) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{}", bytes.escape_ascii());
    }
    said
}

/// Stops a server, also when a test has failed.
struct StopAtEnd<'a>(&'a Stop);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.request(Stopping::Now);
    }
}

/// Sends each of `garbage`, which the log has to name as it says beside it; and `good`, cut after
/// every byte and whole.
fn survives(backend: &dyn Backend, garbage: &[(&[u8], &str)], good: &[u8]) {
    // A log that clients can fill has a line a second: so each has a server of its own.
    for (bytes, named) in garbage {
        serving(backend, |address, lines| {
            assert_eq!(said(address, bytes), b"", "{}", bytes.escape_ascii());
            lines.has(named);
        });
    }
    serving(backend, |address, _| {
        for end in 0..good.len() {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&good[..end]).unwrap();
        }
        let answer = said(address, good);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains(" 200 OK\r\n") && answer.contains("here"), "{answer:?}");
    });
}

/// Calls `talk` with the address and the log of a server.
fn serving(backend: &dyn Backend, talk: impl FnOnce(&str, &Lines)) {
    let mut options = Options::default();
    options.binds = vec!["127.0.0.1:0".parse().unwrap()];
    let door = backend.open(&options).unwrap();
    let address = door.addresses().remove(0);
    let (lines, stop) = (Arc::new(Lines::default()), Stop::new());
    let mut site = Site::new(Arc::new(|exchange: Arc<Exchange>| async move {
        exchange.respond(ResponseHead::default(), "here".into()).await
    }));
    site.journal = Arc::clone(&lines) as _;
    thread::scope(|scope| {
        scope.spawn(|| door.serve(Arc::new(site), &stop).unwrap());
        let _stop = StopAtEnd(&stop);
        talk(address.rsplit('/').next().unwrap(), &lines);
    });
}

#[test]
fn garbage_by_fastcgi() {
    let garbage: [(&[u8], &str); 3] = [
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
        (b"\0\0\0\0", "version 0"),
        (b"\x01\x01\0\0\0\x08\0\0", "id 0"),
    ];
    let good = b"\x01\x01\0\x01\0\x08\0\0\0\x01\0\0\0\0\0\0\
        \x01\x04\0\x01\0\x13\0\0\x0e\x03REQUEST_METHODGET\
        \x01\x04\0\x01\0\0\0\0\x01\x05\0\x01\0\0\0\0";
    survives(&fastcgi::BACKEND, &garbage, good);
}

#[test]
fn garbage_by_scgi() {
    let garbage: [(&[u8], &str); 4] = [
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
        (b"\x01\x01\0\x01", "no SCGI request"),
        (b"3:abc;", "does not end with a comma"),
        (b"4:A\0B\0,", "does not begin with CONTENT_LENGTH"),
    ];
    let good = b"48:CONTENT_LENGTH\x003\0SCGI\x001\0REQUEST_METHOD\0POST\0X\0Y\0,abc";
    survives(&scgi::BACKEND, &garbage, good);
}

#[test]
fn garbage_by_uwsgi() {
    let garbage: [(&[u8], &str); 4] = [
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
        (b"\x05\0\0\0", "modifier1 5"),
        (b"\0\0\0\x01", "modifier2 1"),
        (b"\0\x03\0\0\xff\xffA", "goes past its packet"),
    ];
    let good = b"\0\x2a\0\0\x0e\0REQUEST_METHOD\x04\0POST\x0e\0CONTENT_LENGTH\x02\x0003abc";
    survives(&uwsgi::BACKEND, &garbage, good);
}
