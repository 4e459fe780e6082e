//! Connections in memory, with a FastCGI web server at their other end.
#![allow(clippy::unwrap_used, reason = "a failed test says so by a panic")]

mod pipe;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use narthex_core::{
    Answer, Ask, Body, Capabilities, Capability, Error, Exchange, Expired, Handler, Inline,
    Journal, Level, Overdue, Pulled, Reply, RequestHead, ResponseHead, Result, Site, Source,
};
use tokio::sync::Semaphore;

use super::connection::{self, Around};
use crate::{
    edge::{Farewell, Keeper, Seldom, Server, Spawn, Stage, Task, Tasks},
    fastcgi::{
        client::{Client, Event},
        record::{self, ProtocolStatus},
        responder::Responder,
    },
};
use pipe::{Peer, pipe};

/// Pieces of a large response, and how long each is.
const PIECES: usize = 32;
const PIECE: usize = 64 * 1024;

/// Answers according to the path.
#[derive(Default)]
struct App {
    /// Pieces that were given, and reads that failed.
    given: AtomicUsize,
    disconnected: AtomicUsize,
    /// Calls that may wait.
    calls: AtomicUsize,
    gate: Arc<Gate>,
    /// Requests that are held on to.
    held: Mutex<Vec<Arc<Exchange>>>,
}

struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

struct Dots(Arc<App>, usize);

impl Source for Dots {
    fn next(&mut self) -> Result<Option<Bytes>> {
        if self.1 == 0 {
            return Ok(None);
        }
        self.1 -= 1;
        self.0.given.fetch_add(1, SeqCst);
        Ok(Some(vec![b'.'; PIECE].into()))
    }
}

struct Application(Arc<App>);

#[async_trait]
impl Handler for Application {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        let text = match &*ask.head.path_info() {
            b"/hello" => "hello".to_owned(),
            b"/echo" => String::from_utf8(ask.body.to_vec()).unwrap(),
            b"/role" => {
                let variables = ask.head.variables();
                let role = variables.iter().find(|(name, _)| name == "FCGI_ROLE");
                role.map_or(String::new(), |(_, role)| String::from_utf8(role.to_vec()).unwrap())
            }
            b"/overdue" => {
                let connection = ask.head.connection.expiry.find().unwrap();
                let overdue = Overdue::new(connection.current(), ask.head);
                assert_eq!(connection.expire(&overdue), Expired::Answered);
                "too late".to_owned()
            }
            b"/pulled" => {
                let pulled = Pulled::new(Box::new(Dots(Arc::clone(&self.0), PIECES)));
                let head = ResponseHead::default();
                return Reply::Now(Answer { head, body: Body::Pulled(pulled) });
            }
            _ => return Reply::Later,
        };
        Reply::Now(Answer::whole(ResponseHead::default(), text.into()))
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let path = exchange.request().path_info().into_owned();
        self.0.calls.fetch_add(1, SeqCst);
        match &*path {
            b"/count" | b"/patient" => {
                if &*path == b"/patient" {
                    self.0.gate.0.acquire().await.unwrap().forget();
                }
                let mut count = 0;
                loop {
                    match exchange.read().await {
                        Ok(Some(piece)) => count += piece.len(),
                        Ok(None) => break,
                        Err(error) => {
                            self.0.disconnected.fetch_add(1, SeqCst);
                            return Err(error);
                        }
                    }
                }
                exchange.respond(ResponseHead::default(), count.to_string().into()).await
            }
            b"/pushed" => {
                exchange.start(ResponseHead::default()).await?;
                for _ in 0..PIECES {
                    exchange.write(vec![b'.'; PIECE].into()).await?;
                    self.0.given.fetch_add(1, SeqCst);
                }
                exchange.finish().await
            }
            b"/held" => {
                self.0.held.lock().unwrap().push(Arc::clone(&exchange));
                exchange.respond(ResponseHead::default(), "held".into()).await
            }
            b"/half" => {
                exchange.start(ResponseHead::default()).await?;
                exchange.write(Bytes::from_static(b"half of it")).await?;
                Err(Error::application("failed in between"))
            }
            _ => Err(Error::application("failed at once")),
        }
    }
}

/// Keeps the log.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl Journal for Kept {
    fn write(&self, _level: Level, message: &dyn fmt::Display) {
        self.0.lock().unwrap().push(message.to_string());
    }

    fn write_about(&self, level: Level, request: &RequestHead, message: &dyn fmt::Display) {
        self.write(level, message);
        if level == Level::Error
            && let Some(connection) = request.connection.expiry.find()
        {
            connection.tell(message);
        }
    }
}

struct OnTokio;

impl Spawn for OnTokio {
    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }
}

/// A web server and its connection.
struct Web {
    peer: Peer,
    client: Client,
    app: Arc<App>,
    log: Arc<Kept>,
    farewell: Arc<Farewell>,
    serving: tokio::task::JoinHandle<()>,
    /// What the application has said, as far as it was looked at.
    seen: usize,
    answers: BTreeMap<u16, Seen>,
}

/// What has come of an answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Seen {
    output: Vec<u8>,
    errors: Vec<u8>,
    end: Option<(u32, ProtocolStatus)>,
}

impl Seen {
    fn body(&self) -> &[u8] {
        let at = self.output.windows(4).position(|window| window == b"\r\n\r\n");
        &self.output[at.expect("a head") + 4..]
    }
}

impl Web {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Site)) -> Self {
        let (io, peer) = pipe();
        let (app, log) = (Arc::<App>::default(), Arc::<Kept>::default());
        let mut site = Site::new(Arc::new(Application(Arc::clone(&app))));
        site.journal = Arc::clone(&log) as _;
        change(&mut site);
        let farewell = Arc::<Farewell>::default();
        let keeper = Arc::new(Keeper::new(site.timeouts));
        tokio::spawn(Arc::clone(&keeper).keep(tokio::time::sleep));
        let server = Arc::new(Server {
            site: Arc::new(site),
            capabilities: Capabilities::NONE.with(Capability::Persistent),
            blocking: Arc::new(Inline),
            tasks: Tasks::new(Arc::new(OnTokio)),
        });
        let leaving = Arc::clone(&farewell);
        let serving = tokio::spawn(async move {
            let protocol = Responder::new(&server.site.limits);
            let seldom = Seldom::default();
            let around =
                Around { server: &server, keeper: &keeper, farewell: &leaving, seldom: &seldom };
            connection::serve(io, protocol, &around, b"test").await;
        });
        let (client, answers) = (Client::new(), BTreeMap::new());
        Self { peer, client, app, log, farewell, serving, seen: 0, answers }
    }

    /// Begins a request; what is to be sent for that is sent.
    fn begin(&mut self, path: &str, keep: bool, more: &[(&str, &str)]) -> u16 {
        let mut out = Vec::new();
        let id = self.client.begin(&mut out, record::RESPONDER, keep, variables(path, more));
        self.peer.send(&out);
        id.unwrap()
    }

    fn body(&self, id: u16, piece: &[u8]) {
        let mut out = Vec::new();
        self.client.body(&mut out, id, piece);
        self.peer.send(&out);
    }

    fn body_end(&self, id: u16) {
        let mut out = Vec::new();
        self.client.body_end(&mut out, id);
        self.peer.send(&out);
    }

    /// Takes in what has been received.
    fn look(&mut self) {
        let received = self.peer.received();
        let mut input = BytesMut::from(&received[self.seen..]);
        self.seen = received.len();
        while let Ok(Some(event)) = self.client.next(&mut input) {
            match event {
                Event::Output { id, content } => {
                    self.answers.entry(id).or_default().output.extend_from_slice(&content);
                }
                Event::Log { id, content } => {
                    self.answers.entry(id).or_default().errors.extend_from_slice(&content);
                }
                Event::End { id, application_status, protocol_status } => {
                    let end = Some((application_status, protocol_status));
                    self.answers.entry(id).or_default().end = end;
                }
                Event::Values(_) | Event::UnknownType(_) => {}
            }
        }
    }

    /// The answer to a request, when it is whole.
    async fn answer(&mut self, id: u16) -> Seen {
        let patience = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            self.look();
            if self.answers.get(&id).is_some_and(|answer| answer.end.is_some()) {
                return self.answers.remove(&id).unwrap();
            }
            assert!(tokio::time::Instant::now() < patience, "{:?}", self.answers);
            let seen = self.seen;
            self.peer.until(|peer| peer.ended() || peer.received().len() > seen).await;
            assert!(self.peer.received().len() > seen, "it ended: {:?}", self.answers);
        }
    }

    async fn ended(&mut self) {
        (&mut self.serving).await.unwrap();
    }
}

/// What a web server says of a request.
fn variables<'a>(
    path: &'a str,
    more: &'a [(&'a str, &'a str)],
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let usual = [
        ("REQUEST_METHOD", "POST"),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", path),
        ("REQUEST_URI", path),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", "80"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("HTTP_HOST", "localhost"),
    ];
    let all = usual.into_iter().chain(more.iter().copied());
    all.map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

const COMPLETE: Option<(u32, ProtocolStatus)> = Some((0, ProtocolStatus::RequestComplete));
const FAILED: Option<(u32, ProtocolStatus)> = Some((1, ProtocolStatus::RequestComplete));

/// Waits until something has happened once.
async fn happened(what: &AtomicUsize) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while what.load(SeqCst) == 0 {
        assert!(tokio::time::Instant::now() < patience);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn run(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
    runtime.shutdown_background();
}

/// Requests of several kinds on one connection, one after the other, as bytes.
fn conversation() -> Vec<u8> {
    let mut out = Vec::new();
    for (path, length, keep) in [("/hello", "", true), ("/echo", "3", true), ("/count", "3", false)]
    {
        let mut client = Client::new();
        let more = [("CONTENT_LENGTH", length)];
        let variables = variables(path, &more);
        let id = client.begin(&mut out, record::RESPONDER, keep, variables).unwrap();
        client.body(&mut out, id, b"abc");
        client.body_end(&mut out, id);
    }
    out
}

#[test]
fn what_arrives_may_be_cut_anywhere() {
    run(async {
        let whole = conversation();
        let mut expected = None;
        for cut in 1..whole.len() {
            let web = Web::new();
            web.peer.send(&whole[..cut]);
            web.peer.send(&whole[cut..]);
            web.peer.until(Peer::ended).await;
            let received = web.peer.received();
            let expected = expected.get_or_insert_with(|| received.clone());
            assert_eq!(received.escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
        let expected = expected.unwrap();
        for text in ["hello", "abc", "\r\n\r\n3"] {
            let found = expected.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(found, "{text}");
        }
        let web = Web::new();
        web.peer.allow(usize::MAX, 1);
        for &byte in &whole {
            web.peer.send(&[byte]);
        }
        web.peer.until(Peer::ended).await;
        assert_eq!(web.peer.received(), expected);
    });
}

#[test]
fn a_request_waits_for_no_other() {
    run(async {
        let mut web = Web::new();
        let first = web.begin("/count", true, &[]);
        web.body(first, b"abc");
        let second = web.begin("/patient", true, &[]);
        let third = web.begin("/count", true, &[]);
        let fourth = web.begin("/echo", true, &[]);
        web.body(third, b"abcde");
        web.body(fourth, b"echo");
        web.body_end(fourth);
        web.body_end(third);
        assert_eq!(web.answer(fourth).await.body(), b"echo");
        assert_eq!(web.answer(third).await.body(), b"5");
        web.app.gate.0.add_permits(1);
        web.body(second, b"12345678");
        web.body_end(second);
        assert_eq!(web.answer(second).await.body(), b"8");
        web.body(first, b"d");
        web.body_end(first);
        assert_eq!(web.answer(first).await.body(), b"4");
        assert!(!web.peer.ended());
    });
}

#[test]
fn a_body_that_nobody_reads_waits_with_its_sender() {
    run(async {
        let mut web = Web::new();
        let id = web.begin("/patient", true, &[("CONTENT_LENGTH", "4194304")]);
        for _ in 0..64 {
            web.body(id, &vec![b'x'; 65536]);
        }
        web.body_end(id);
        let most = 4 * 1024 * 1024 - 100 * 1024;
        web.peer.until(|peer| peer.unread() < most).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(web.peer.unread() > most - 256 * 1024, "{}", web.peer.unread());
        web.app.gate.0.add_permits(1);
        assert_eq!(web.answer(id).await.body(), b"4194304");
    });
}

#[test]
fn a_response_that_nobody_takes_is_not_made() {
    run(async {
        for path in ["/pulled", "/pushed"] {
            let mut web = Web::new();
            web.peer.allow(PIECE, usize::MAX);
            let id = web.begin(path, true, &[]);
            web.body_end(id);
            web.peer.until(|peer| peer.received().len() == PIECE).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            let given = web.app.given.load(SeqCst);
            assert!(given <= 1, "{path}: {given} pieces");
            web.peer.allow(usize::MAX, 7000);
            assert_eq!(web.answer(id).await.body().len(), PIECES * PIECE, "{path}");
            let hello = web.begin("/hello", true, &[]);
            web.body_end(hello);
            assert_eq!(web.answer(hello).await.body(), b"hello");
        }
    });
}

#[test]
fn a_response_is_cut_once_the_others_are_whole() {
    run(async {
        let mut web = Web::new();
        let patient = web.begin("/patient", true, &[]);
        let half = web.begin("/half", true, &[]);
        web.body_end(half);
        let half_of_it = |peer: &Peer| peer.received().windows(10).any(|it| it == b"half of it");
        web.peer.until(half_of_it).await;
        web.body_end(patient);
        web.app.gate.0.add_permits(1);
        web.peer.until(Peer::ended).await;
        web.look();
        assert_eq!(web.answers[&patient].body(), b"0");
        assert_eq!(web.answers[&half].end, None);
        assert!(web.peer.received().ends_with(&[0; 8]));
        let said = String::from_utf8(web.answers[&half].errors.clone()).unwrap();
        assert!(said.contains("failed in between"), "{said}");
    });
}

#[test]
fn what_fails_before_its_response_is_answered() {
    run(async {
        let mut web = Web::new();
        let id = web.begin("/elsewhere", true, &[]);
        web.body_end(id);
        let answer = web.answer(id).await;
        assert!(answer.output.starts_with(b"Status: 500 "));
        assert_eq!(answer.end, COMPLETE);
        let errors = String::from_utf8(answer.errors).unwrap();
        assert!(errors.contains("failed at once") && !errors.contains('\n'), "{errors}");
    });
}

#[test]
fn an_aborted_request_ends_and_its_connection_goes_on() {
    run(async {
        let mut web = Web::new();
        for (path, length) in [("/count", "100000"), ("/echo", "1000")] {
            let id = web.begin(path, true, &[("CONTENT_LENGTH", length)]);
            web.body(id, b"abc");
            let mut out = Vec::new();
            record::abort(&mut out, id);
            web.peer.send(&out);
            assert_eq!(web.answer(id).await.end, FAILED);
            let hello = web.begin("/hello", true, &[]);
            web.body_end(hello);
            assert_eq!(web.answer(hello).await.body(), b"hello");
        }
    });
}

#[test]
fn an_application_learns_that_its_client_has_left() {
    run(async {
        let mut web = Web::new();
        let id = web.begin("/count", true, &[("CONTENT_LENGTH", "100000")]);
        web.body(id, b"abc");
        // Who leaves before that is answered by nobody.
        happened(&web.app.calls).await;
        web.peer.close();
        web.ended().await;
        happened(&web.app.disconnected).await;
    });
}

#[test]
fn a_connection_is_closed_though_its_request_is_held_on_to() {
    run(async {
        let mut web = Web::new();
        let id = web.begin("/held", false, &[]);
        web.body_end(id);
        assert_eq!(web.answer(id).await.body(), b"held");
        web.ended().await;
        assert_eq!(web.app.held.lock().unwrap().len(), 1);
        assert!(web.peer.ended());
    });
}

#[test]
fn a_body_is_as_long_as_declared() {
    run(async {
        let mut web = Web::new();
        for (length, expected) in [("2", "ab"), ("", "abc"), ("-1", "abc"), ("3", "abc")] {
            let id = web.begin("/echo", true, &[("CONTENT_LENGTH", length)]);
            web.body(id, b"abc");
            web.body_end(id);
            assert_eq!(web.answer(id).await.body(), expected.as_bytes());
        }
        let id = web.begin("/count", true, &[("CONTENT_LENGTH", "4")]);
        web.body(id, b"abc");
        web.body_end(id);
        assert_eq!(web.answer(id).await, Seen { end: FAILED, ..Seen::default() });
        assert_eq!(web.app.disconnected.load(SeqCst), 1);
    });
}

#[test]
fn a_request_that_takes_too_long_is_answered_from_outside() {
    run(async {
        let mut web = Web::new();
        let id = web.begin("/overdue", true, &[]);
        web.body_end(id);
        let answer = web.answer(id).await;
        assert!(answer.output.starts_with(b"Status: 504 "));
        assert_eq!(answer.end, COMPLETE);
        web.ended().await;
        let mut web = Web::new();
        let patient = web.begin("/patient", true, &[]);
        let overdue = web.begin("/overdue", true, &[]);
        web.body_end(overdue);
        assert!(web.answer(overdue).await.output.starts_with(b"Status: 504 "));
        web.body_end(patient);
        web.app.gate.0.add_permits(1);
        assert_eq!(web.answer(patient).await.body(), b"0");
    });
}

#[test]
fn a_stop_lets_requests_end() {
    run(async {
        let mut idle = Web::new();
        let id = idle.begin("/hello", true, &[]);
        idle.body_end(id);
        idle.answer(id).await;
        idle.farewell.say(Stage::Leaving);
        idle.ended().await;
        let mut busy = Web::new();
        let id = busy.begin("/count", true, &[]);
        busy.body(id, b"abc");
        busy.peer.until(|peer| peer.unread() == 0).await;
        busy.farewell.say(Stage::Leaving);
        busy.farewell.say(Stage::Closing);
        busy.body_end(id);
        assert_eq!(busy.answer(id).await.body(), b"3");
        busy.ended().await;
    });
}

#[test]
fn a_stop_waits_for_the_request_of_who_has_just_connected() {
    run(async {
        let mut fresh = Web::new();
        fresh.farewell.say(Stage::Leaving);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let id = fresh.begin("/hello", true, &[]);
        fresh.body_end(id);
        fresh.answer(id).await;
        fresh.ended().await;
        let mut silent = Web::new();
        silent.farewell.say(Stage::Leaving);
        silent.farewell.say(Stage::Closing);
        silent.ended().await;
    });
}

#[test]
fn limits_refuse_one_request_and_not_the_connection() {
    run(async {
        let mut web = Web::with(|site| {
            site.limits.streams = 2;
            site.limits.body_size = 10;
            site.limits.head_size = 100;
        });
        let large = "x".repeat(1700);
        let id = web.begin("/hello", true, &[("LARGE", &large)]);
        web.body_end(id);
        assert!(web.answer(id).await.output.starts_with(b"Status: 431 "));
        for length in ["11", ""] {
            let id = web.begin("/echo", true, &[("CONTENT_LENGTH", length)]);
            web.body(id, &[b'x'; 11]);
            web.body_end(id);
            assert!(web.answer(id).await.output.starts_with(b"Status: 413 "));
        }
        let [first, second, third] = [(); 3].map(|()| web.begin("/echo", true, &[]));
        let overloaded = Some((0, ProtocolStatus::Overloaded));
        assert_eq!(web.answer(third).await.end, overloaded);
        for id in [first, second] {
            web.body_end(id);
            assert_eq!(web.answer(id).await.end, COMPLETE);
        }
        let mut out = Vec::new();
        let variables: Vec<_> = variables("/hello", &[]).collect();
        let id = web.client.begin(&mut out, record::FILTER, true, variables).unwrap();
        web.peer.send(&out);
        assert_eq!(web.answer(id).await.end, Some((0, ProtocolStatus::UnknownRole)));
    });
}

#[test]
fn an_authorizer_is_told_its_role_and_given_no_body() {
    run(async {
        let mut web = Web::new();
        let mut out = Vec::new();
        let variables: Vec<_> = variables("/role", &[]).collect();
        let id = web.client.begin(&mut out, record::AUTHORIZER, false, variables).unwrap();
        web.peer.send(&out);
        assert_eq!(web.answer(id).await.body(), b"AUTHORIZER");
        web.peer.close();
        web.ended().await;
    });
}

#[test]
fn what_is_not_fastcgi_is_closed_and_logged() {
    run(async {
        let mut web = Web::new();
        web.peer.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        web.peer.close();
        web.ended().await;
        assert!(web.peer.received().is_empty());
        let log = web.log.0.lock().unwrap();
        assert!(log.len() == 1 && log[0].contains("HTTP"), "{log:?}");
    });
}

#[test]
fn time_is_kept() {
    run(async {
        let mut web = Web::with(|site| {
            site.timeouts.keep_alive = Duration::from_millis(80);
            site.timeouts.body = Duration::from_millis(40);
        });
        for (path, length) in [("/count", "100000"), ("/echo", "1000")] {
            let id = web.begin(path, true, &[("CONTENT_LENGTH", length)]);
            web.body(id, b"abc");
            let answer = web.answer(id).await;
            assert!(answer.output.starts_with(b"Status: 408 "), "{answer:?}");
        }
        web.ended().await; // idle for too long
    });
}
