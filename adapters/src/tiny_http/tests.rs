//! The server as its clients see it.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::StatusCode;
use narthex_core::{Error, Exchange, ResponseHead, Result, Site};

use super::BACKEND;
use crate::{Backend, Bind, Options, Permissions, Stop, Stopping};

struct Running {
    address: String,
    stop: Stop,
    errors: Receiver<String>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.request(Stopping::Graceful);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn started(bind: Bind, adjust: impl FnOnce(&mut Site)) -> Running {
    let (sender, errors) = channel();
    let application = move |exchange| application(exchange, sender.clone());
    let mut site = Site::new(Arc::new(application));
    site.timeouts.graceful = Duration::from_secs(5);
    adjust(&mut site);
    let options = Options { binds: vec![bind], ..Options::default() };
    let door = BACKEND.open(&options).unwrap();
    let address = door.addresses().remove(0);
    let stop = Stop::new();
    let thread = std::thread::spawn({
        let stop = stop.clone();
        move || door.serve(Arc::new(site), &stop).unwrap()
    });
    Running { address, stop, errors, thread: Some(thread) }
}

fn server() -> Running {
    started(Bind::Tcp("127.0.0.1".into(), 0), |_| {})
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    /// Sends `text` and reads to the end of the connection.
    fn talk(&self, text: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        to_the_end(&mut stream)
    }

    fn still_serves(&self) {
        let answer = self.talk("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    }
}

fn to_the_end(stream: &mut impl Read) -> String {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        panic!("{error} after {:?}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

/// Reads until what has been read ends with `end`.
fn until(stream: &mut impl Read, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| {
            panic!("{error} after {:?}", String::from_utf8_lossy(&answer));
        });
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

async fn application(exchange: Arc<Exchange>, errors: Sender<String>) -> Result<()> {
    let noted = |error: Error| {
        let _ = errors.send(error.to_string());
        error
    };
    let mut head = ResponseHead::default();
    match &*exchange.request().path_info() {
        b"/echo" => {
            let mut body = Vec::new();
            while let Some(chunk) = exchange.read().await.map_err(noted)? {
                body.extend_from_slice(&chunk);
            }
            exchange.respond(head, body.into()).await
        }
        b"/stream" => {
            head.reason = Some("As It Comes".into());
            exchange.start(head).await?;
            exchange.write("one".into()).await?;
            exchange.write("two".into()).await?;
            exchange.finish().await
        }
        b"/late-read" => {
            exchange.start(head).await?;
            while let Some(chunk) = exchange.read().await.map_err(noted)? {
                exchange.write(chunk).await?;
            }
            exchange.finish().await
        }
        b"/abort" => {
            exchange.start(head).await?;
            exchange.write("part".into()).await?;
            Err(Error::application("failed as asked"))
        }
        b"/short" => {
            head.headers.insert("content-length", 10.into());
            exchange.start(head).await?;
            exchange.write("part".into()).await?;
            exchange.finish().await
        }
        b"/endless" => {
            exchange.start(head).await?;
            loop {
                exchange.write(Bytes::from(vec![b'x'; 1 << 16])).await.map_err(noted)?;
            }
        }
        b"/slow" => {
            let _ = errors.send("slow".into());
            std::thread::sleep(Duration::from_millis(300));
            exchange.respond(head, "slow".into()).await
        }
        b"/panic" => panic!("as asked"),
        _ => exchange.respond(head, "hello".into()).await,
    }
}

#[test]
fn a_connection_carries_several_requests() {
    let server = server();
    let mut stream = server.connect();
    for _ in 0..2 {
        stream.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let answer = until(&mut stream, "hello");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\r\ncontent-length: 5\r\n"), "{answer}");
        assert!(answer.contains("\r\ndate: ") && !answer.contains("connection"), "{answer}");
    }
    // Pipelined, the first with a body that nobody reads.
    stream
        .write_all(b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n".as_slice())
        .unwrap();
    stream.write_all(&[b'x'; 2000]).unwrap();
    stream.write_all(b"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let answer = to_the_end(&mut stream);
    let (first, second) = answer.split_at(answer.find("hello").unwrap() + 5);
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(second.starts_with("HTTP/1.1 200 As It Comes\r\n"), "{answer}");
    assert!(second.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(second.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), "{answer}");
}

#[test]
fn bodies_come_in_both_framings() {
    let server = server();
    let mut stream = server.connect();
    let body = "0123456789".repeat(20_000);
    let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    until(&mut stream, "\r\n\r\n");
    let mut echo = vec![0; body.len()];
    stream.read_exact(&mut echo).unwrap();
    assert!(echo == body.as_bytes());
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
        Connection: close\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    stream.write_all(chunked.as_bytes()).unwrap();
    assert!(to_the_end(&mut stream).ends_with("\r\n\r\nabcde"));
}

#[test]
fn old_clients_get_what_they_understand() {
    let server = server();
    let answer = server.talk("GET /stream HTTP/1.0\r\n\r\n");
    assert!(answer.contains("\r\nconnection: close\r\n") && !answer.contains("chunked"));
    assert!(answer.ends_with("\r\n\r\nonetwo"), "{answer}");
    let mut stream = server.connect();
    stream.write_all(b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").unwrap();
    assert!(until(&mut stream, "hello").contains("\r\nconnection: keep-alive\r\n"));
    stream.write_all(b"HEAD /stream HTTP/1.0\r\n\r\n").unwrap();
    assert!(to_the_end(&mut stream).ends_with("\r\n\r\n"));
}

#[test]
fn a_failed_response_is_seen_to_be_incomplete() {
    let server = server();
    let answer = server.talk("GET /abort HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\n4\r\npart\r\n"), "{answer}");
    let answer = server.talk("GET /short HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\npart"), "{answer}");
    let mut stream = server.connect();
    stream.write_all(b"GET /abort HTTP/1.0\r\n\r\n").unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    server.still_serves();
}

#[test]
fn a_panic_costs_one_request() {
    let server = server();
    let answer = server.talk("GET /panic HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    server.still_serves();
}

#[test]
fn a_client_is_told_to_go_on_only_if_its_body_is_read() {
    let server = server();
    let mut stream = server.connect();
    let head = |path| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
             Content-Length: 5\r\nConnection: close\r\n\r\n"
        )
    };
    stream.write_all(head("/echo").as_bytes()).unwrap();
    assert_eq!(until(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abcde").unwrap();
    assert!(to_the_end(&mut stream).ends_with("\r\n\r\nabcde"));
    let answer = server.talk(&head("/hello"));
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"), "{answer}");
}

#[test]
fn what_cannot_be_trusted_is_refused_and_the_connection_closed() {
    let server = started(Bind::Tcp("127.0.0.1".into(), 0), |site| site.limits.body_size = 1000);
    let evil = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    for (status, request) in [
        (400, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_owned()),
        (400, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\nHost: a\n\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nx: y\r\n z: folded\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n".to_owned()),
        (400, format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n{evil}")),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_owned()),
        (
            400,
            format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\
                 Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{evil}"
            ),
        ),
        (
            400,
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
                .to_owned(),
        ),
        (413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n".to_owned()),
        // Let go of carelessly, these would end the process.
        (413, format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 1_u64 << 45)),
        (413, format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 1_u64 << 62)),
        (431, format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x: y\r\n".repeat(100))),
        (431, format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", "y".repeat(1 << 16))),
    ] {
        let answer = server.talk(&request);
        let shown = &request[..request.len().min(200)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{shown}: {answer}");
    }
    server.still_serves();
    assert!(!server.errors.try_iter().any(|noted| noted == "slow"), "a request was smuggled in");
}

#[test]
fn a_large_body_that_nobody_reads_holds_up_nobody() {
    let server = server();
    let mut stream = server.connect();
    stream
        .write_all(b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\nabc")
        .unwrap();
    let answer = to_the_end(&mut stream);
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[test]
fn a_small_body_may_be_read_after_the_start() {
    let server = server();
    let request = "POST /late-read HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
        Content-Length: 5\r\n\r\nabcde";
    assert!(server.talk(request).ends_with("\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"));
}

#[test]
fn a_client_that_leaves_is_an_error() {
    let server = server();
    let mut stream = server.connect();
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until(&mut stream, "\r\n\r\n");
    drop(stream);
    let noted = server.errors.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(noted, "client disconnected");
    let mut stream = server.connect();
    stream.write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nabc").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let noted = server.errors.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(noted, "client disconnected");
    assert_eq!(to_the_end(&mut stream), "");
}

#[test]
fn a_cut_body_is_not_taken_for_a_whole_one() {
    let server = server();
    let mut stream = server.connect();
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let whole = format!("{head}3\r\nabc\r\n0\r\n\r\n");
    stream.write_all(format!("{whole}{head}3\r\nab").as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let answer = to_the_end(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nabc"), "{answer}");
    let noted = server.errors.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(noted, "client disconnected");
}

#[test]
fn what_fails_takes_no_earlier_answer_along() {
    let server = server();
    let mut stream = server.connect();
    stream
        .write_all(
            b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n\
              POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nabc",
        )
        .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(to_the_end(&mut stream).ends_with("\r\n\r\nslow"));
}

#[test]
fn only_the_last_answer_announces_the_end() {
    let server = server();
    let get = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    let large = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 1_u64 << 31);
    for (last, status) in [("GET  /\r\n\r\n", 400), (&large, 413)] {
        let answer = server.talk(&format!("{get}{get}{last}"));
        assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 2, "{answer}");
        let (_, end) = answer.rsplit_once("hello").unwrap();
        assert!(end.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(answer.matches("connection: close").count(), 1, "{answer}");
    }
}

#[test]
fn nothing_behind_the_last_request_is_looked_at() {
    let server = server();
    let slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    for (fields, behind) in [
        ("Connection: close\r\n", slow),
        ("Connection: close\r\n", "GET  /\r\n\r\n"),
        // tiny_http looks at the first only.
        ("Connection: keep-alive\r\nConnection: close\r\n", slow),
    ] {
        let answer =
            server.talk(&format!("GET /hello HTTP/1.1\r\nHost: a\r\n{fields}\r\n{behind}"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    }
    assert!(server.errors.try_iter().next().is_none(), "what is behind has been answered");
}

#[test]
fn what_tiny_http_does_not_understand_is_refused() {
    let server = server();
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (status, fields, body) in [
        (400, "X: \u{e9}\r\n", ""),
        (417, "Expect: nothing\r\n", ""),
        (400, chunked, "0\r\nX: y\r\n\r\n"),
        (501, "Connection: upgrade\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ] {
        let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let answer = server.talk(&format!("{head}{body}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{fields}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{fields}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{fields}: {answer}");
    }
    server.still_serves();
}

#[test]
fn a_client_that_sleeps_is_given_up() {
    let server = started(Bind::Tcp("127.0.0.1".into(), 0), |site| {
        site.timeouts.header = Duration::from_millis(200);
        site.timeouts.body = Duration::from_millis(200);
        site.timeouts.keep_alive = Duration::from_millis(200);
    });
    let answer = server.talk("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nabc");
    assert!(answer.starts_with(&format!("HTTP/1.1 {} ", StatusCode::REQUEST_TIMEOUT.as_u16())));
    assert!(server.talk("GET / HTTP/1.1\r\nHost:").starts_with("HTTP/1.1 408 "));
    assert_eq!(server.talk(""), "");
}

#[test]
fn a_graceful_stop_lets_running_requests_end() {
    let server = server();
    let idle = server.connect();
    let mut stream = server.connect();
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(server.errors.recv_timeout(Duration::from_secs(5)).unwrap(), "slow");
    let asked = Instant::now();
    server.stop.request(Stopping::Graceful);
    let answer = to_the_end(&mut stream);
    assert!(answer.ends_with("\r\n\r\nslow"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    drop(server);
    assert!(asked.elapsed() < Duration::from_secs(4));
    drop(idle);
}

#[test]
fn many_clients_keep_their_connections() {
    let server = server();
    let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for _ in 0..2 {
        for client in &mut clients {
            client.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        }
        for client in &mut clients {
            assert!(until(client, "hello").starts_with("HTTP/1.1 200 "));
        }
    }
}

#[test]
fn a_unix_socket_is_served() {
    let path = std::env::temp_dir().join(format!("narthex-tiny-{}", std::process::id()));
    let server = started(Bind::Unix(path.clone(), Permissions::default()), |_| {});
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert!(to_the_end(&mut stream).ends_with("\r\n\r\nhello"));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /abort HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(to_the_end(&mut stream).ends_with("part\r\n"));
    drop(server);
    assert!(!path.exists());
}
