//! Requests over real sockets, with an application that is a thread and says what it is told to.

mod lines;

use std::{
    collections::VecDeque,
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::mpsc::{self, Sender},
    thread::{self, JoinHandle},
};

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::fastcgi::{
    pairs::pair,
    record::{self, Incoming, ProtocolStatus, RESPONDER, Reader, Stream},
};

/// A client, and what it gets.
#[derive(Default)]
struct Browser {
    /// The pieces of its body; an empty one: nothing has arrived for now.
    body: VecDeque<Result<Vec<u8>, NoBody>>,
    got: Vec<Got>,
    logged: Vec<String>,
    /// It leaves after so many pieces.
    leaves_after: Option<usize>,
    gone: bool,
    /// Whether it waits to be asked for its body, and has not been.
    reluctant: bool,
    /// Is told of each flush.
    flushes: Option<Sender<()>>,
}

#[derive(Debug, PartialEq)]
enum Got {
    Head(u16, String, Vec<(String, String)>),
    Body(Vec<u8>),
    Flush,
}

impl Browser {
    fn sending(pieces: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { body: pieces.into_iter().map(Ok).collect(), ..Self::default() }
    }

    /// The body of the response, joined.
    fn body(&self) -> Vec<u8> {
        let bodies = self.got.iter().filter_map(|got| match got {
            Got::Body(piece) => Some(&piece[..]),
            _ => None,
        });
        bodies.collect::<Vec<_>>().concat()
    }

    fn status(&self) -> Option<u16> {
        self.got.iter().find_map(|got| match got {
            Got::Head(status, ..) => Some(*status),
            _ => None,
        })
    }
}

impl Downstream for Browser {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Arrived, NoBody> {
        if self.reluctant {
            return Ok(Arrived::Nothing);
        }
        match self.body.pop_front() {
            None => Ok(Arrived::End),
            Some(Ok(piece)) if piece.is_empty() => Ok(Arrived::Nothing),
            Some(Ok(mut piece)) => {
                let count = piece.len().min(buffer.len());
                buffer[..count].copy_from_slice(&piece[..count]);
                if count < piece.len() {
                    self.body.push_front(Ok(piece.split_off(count)));
                }
                Ok(Arrived::Piece(count))
            }
            Some(Err(why)) => Err(why),
        }
    }

    fn invite(&mut self) {
        self.reluctant = false;
    }

    fn arriving(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn start(&mut self, head: &Head<'_>) -> Result<(), Departed> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = head.fields().map(|(name, value)| (text(name), text(value))).collect();
        self.got.push(Got::Head(head.status, text(head.reason), fields));
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Departed> {
        if self.leaves_after.is_some_and(|most| self.got.len() >= most) {
            return Err(Departed);
        }
        self.got.push(Got::Body(piece.to_vec()));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Departed> {
        self.got.push(Got::Flush);
        if let Some(flushes) = &self.flushes {
            // Who needs to be told once may have gone since.
            let _ = flushes.send(());
        }
        Ok(())
    }

    fn departed(&mut self) -> bool {
        self.gone
    }

    fn log(&mut self, line: &[u8]) {
        self.logged.push(String::from_utf8_lossy(line).into_owned());
    }
}

/// The application's end of a connection.
struct Application {
    socket: UnixStream,
    reader: Reader,
    input: BytesMut,
}

impl Application {
    fn new(socket: UnixStream) -> Self {
        Self { socket, reader: Reader::new(), input: BytesMut::new() }
    }

    /// The next record; `None` at the end of the connection.
    fn next(&mut self) -> Option<Incoming> {
        loop {
            if let Some(incoming) = self.reader.next(&mut self.input).unwrap() {
                return Some(incoming);
            }
            let mut buffer = vec![0; 64 * 1024];
            match self.socket.read(&mut buffer) {
                Ok(count @ 1..) => self.input.extend_from_slice(&buffer[..count]),
                _ => return None,
            }
        }
    }

    /// Reads until the body begins; the variables.
    fn variables(&mut self) -> Vec<u8> {
        let mut variables = Vec::new();
        loop {
            match self.next().expect("a request") {
                Incoming::Begin { id, keep, .. } => assert!(id == 1 && keep),
                Incoming::Stream { kind: Stream::Params, content, .. } => {
                    variables.extend_from_slice(&content);
                }
                Incoming::StreamEnd { kind: Stream::Params, .. } => return variables,
                other => panic!("{other:?}"),
            }
        }
    }

    /// The rest of the body; `None` when it was given up.
    fn body(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            match self.next()? {
                Incoming::Stream { kind: Stream::Stdin, content, .. } => {
                    body.extend_from_slice(&content);
                }
                Incoming::StreamEnd { kind: Stream::Stdin, .. } => return Some(body),
                Incoming::Abort { .. } => return None,
                other => panic!("{other:?}"),
            }
        }
    }

    fn request(&mut self) -> (Vec<u8>, Vec<u8>) {
        (self.variables(), self.body().expect("a body to its end"))
    }

    fn output(&mut self, content: &[u8]) {
        let mut out = Vec::new();
        record::stream(&mut out, Stream::Stdout, 1, content);
        let _ = self.socket.write_all(&out);
    }

    fn end(&mut self, status: u32, protocol: ProtocolStatus) {
        let mut out = Vec::new();
        record::stream_end(&mut out, Stream::Stdout, 1);
        record::end(&mut out, 1, status, protocol);
        let _ = self.socket.write_all(&out);
    }

    fn hello(&mut self) {
        self.output(HELLO);
        self.end(0, ProtocolStatus::RequestComplete);
    }
}

const HELLO: &[u8] = b"Status: 200 OK\r\ncontent-type: text/plain\r\n\r\nhello";

/// An application at the other end of a connection.
fn application<T: Send + 'static>(
    script: impl FnOnce(&mut Application) -> T + Send + 'static,
) -> (Line, JoinHandle<T>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    rustix::net::sockopt::set_socket_timeout(
        &ours,
        rustix::net::sockopt::Timeout::Recv,
        Some(line::TICK),
    )
    .unwrap();
    (Line::of(ours), thread::spawn(move || script(&mut Application::new(theirs))))
}

fn manner() -> Manner {
    Manner {
        role: RESPONDER,
        body: false,
        reluctant: None,
        client: Duration::from_secs(60),
        application: None,
    }
}

fn with_body() -> Manner {
    Manner { body: true, ..manner() }
}

/// Makes a request of this `manner`; says how it came out, and whether the connection is clean.
fn ask(browser: &mut Browser, manner: Manner, line: &Line) -> (Outcome, bool) {
    let mut desk = Desk::default();
    let mut exchange =
        Exchange::prepare(&mut desk, browser, manner, |out| pair(out, b"A", b"1")).unwrap();
    let outcome = exchange.converse(line);
    (outcome, exchange.is_clean())
}

#[test]
fn a_request_is_answered() {
    let (line, application) = application(|it| {
        let request = it.request();
        it.hello();
        request
    });
    let mut browser = Browser::default();
    let outcome = ask(&mut browser, manner(), &line);
    assert!(matches!(outcome, (Outcome::Complete, true)), "{outcome:?}");
    assert_eq!(application.join().unwrap(), (b"\x01\x01A1".to_vec(), Vec::new()));
    let head = Got::Head(200, "OK".into(), vec![("content-type".into(), "text/plain".into())]);
    browser.got.retain(|got| *got != Got::Flush);
    assert_eq!(browser.got, [head, Got::Body(b"hello".to_vec())]);
}

#[test]
fn bodies_travel_both_ways_at_once() {
    // More than fits into the sockets, and an application that writes before it has read.
    let (line, application) = application(|it| {
        it.variables();
        it.output(b"Status: 200\r\n\r\n");
        it.output(&vec![b'x'; 1 << 20]);
        let body = it.body().unwrap();
        it.output(&body);
        it.end(0, ProtocolStatus::RequestComplete);
        body.len()
    });
    let mut browser = Browser::sending((0..64).flat_map(|at| [vec![at; 50_000], Vec::new()]));
    let outcome = ask(&mut browser, with_body(), &line);
    assert!(matches!(outcome, (Outcome::Complete, true)), "{outcome:?}");
    assert_eq!(application.join().unwrap(), 64 * 50_000);
    let body = browser.body();
    assert_eq!(body.len(), (1 << 20) + 64 * 50_000);
    assert!(body[1 << 20..].chunks(50_000).zip(0..).all(|(part, at)| part == vec![at; 50_000]));
}

#[test]
fn a_response_may_come_before_the_body_was_sent() {
    let (line, application) = application(|it| {
        it.variables();
        it.output(b"Status: 413 No\r\n\r\n");
        it.end(0, ProtocolStatus::RequestComplete);
        // Until the connection ends.
        while it.next().is_some() {}
    });
    let mut browser = Browser::sending(vec![vec![0; 100_000]; 1000]);
    let outcome = ask(&mut browser, with_body(), &line);
    assert!(matches!(outcome, (Outcome::Complete, false)), "{outcome:?}");
    assert_eq!(browser.status(), Some(413));
    assert!(!browser.body.is_empty());
    drop(line);
    application.join().unwrap();
}

#[test]
fn a_client_that_waits_to_be_asked_is_not_asked_in_vain() {
    let (line, application) = application(|it| {
        it.variables();
        it.output(b"Status: 401 No\r\n\r\n");
        it.end(0, ProtocolStatus::RequestComplete);
    });
    let browser = || Browser { reluctant: true, ..Browser::sending([b"body".to_vec()]) };
    let mut asked = browser();
    let reluctant = Manner { reluctant: Some(Duration::from_millis(50)), ..with_body() };
    let outcome = ask(&mut asked, reluctant, &line);
    // An application that takes longer than it is given here gets the body.
    let clean = !asked.reluctant;
    assert!(matches!(outcome, (Outcome::Complete, was) if clean || !was), "{outcome:?}");
    assert_eq!(asked.status(), Some(401));
    application.join().unwrap();
    let (line, application) = self::application(|it| {
        let (_, body) = it.request();
        it.hello();
        body
    });
    let outcome = ask(&mut browser(), reluctant, &line);
    assert!(matches!(outcome, (Outcome::Complete, true)), "{outcome:?}");
    assert_eq!(application.join().unwrap(), b"body");
}

#[test]
fn a_response_that_is_cut_is_seen_to_be() {
    type End = (&'static str, fn(&mut Application));

    let begin = b"Status: 200 OK\r\n\r\nhalf";
    let ends: [End; 4] = [
        ("Died", |_| {}),
        ("Foreign(Record(Version(0)))", |it| it.socket.write_all(&[0; 8]).unwrap()),
        ("GaveUp", |it| it.end(1, ProtocolStatus::RequestComplete)),
        ("TurnedAway(CantMultiplex)", |it| it.end(0, ProtocolStatus::CantMultiplex)),
    ];
    for (expected, end) in ends {
        for begun in [true, false] {
            let (line, application) = application(move |it| {
                it.request();
                it.output(if begun { begin } else { b"Status: 200 OK\r\n" });
                end(it);
            });
            let mut browser = Browser::default();
            let (outcome, clean) = ask(&mut browser, manner(), &line);
            application.join().unwrap();
            assert!(!clean);
            let found = match &outcome {
                Outcome::Cut(failure) if begun => format!("{failure:?}"),
                Outcome::Failed(502 | 503, failure) if !begun => format!("{failure:?}"),
                other => panic!("{other:?}"),
            };
            assert_eq!(found, expected);
            assert_eq!(browser.status().is_some(), begun);
            assert_eq!(browser.body(), if begun { &b"half"[..] } else { b"" });
        }
    }
}

#[test]
fn what_is_no_head_is_not_passed_on() {
    for head in [
        &b"content-type: text/plain\r\n\r\n"[..],
        b"Status: 99\r\n\r\n",
        b"Status: 200\r\nStatus: 200\r\n\r\n",
        b"Status: 200\r\nA: 1\r\n folded\r\n\r\n",
        b"Status: 200\r\nA: \0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"", // one without an end
    ] {
        let head = if head.is_empty() { vec![b'x'; 70_000] } else { head.to_vec() };
        let (line, application) = application(move |it| {
            it.request();
            it.output(&head);
            it.end(0, ProtocolStatus::RequestComplete);
        });
        let mut browser = Browser::default();
        let (outcome, clean) = ask(&mut browser, manner(), &line);
        assert!(matches!(outcome, Outcome::Failed(502, Failure::Head(_))), "{outcome:?}");
        assert!(!clean && browser.got.is_empty());
        drop(line);
        application.join().unwrap();
    }
    let (line, application) = application(|it| {
        it.request();
        it.end(0, ProtocolStatus::RequestComplete);
    });
    let outcome = ask(&mut Browser::default(), manner(), &line);
    assert!(matches!(outcome, (Outcome::Failed(502, Failure::Silent), false)), "{outcome:?}");
    application.join().unwrap();
}

#[test]
fn a_client_that_leaves_is_told_of() {
    let (line, application) = application(|it| {
        it.request();
        it.output(b"Status: 200\r\n\r\n");
        for _ in 0..1000 {
            it.output(&vec![b'x'; 60_000]);
        }
        it.next()
    });
    let mut browser = Browser { leaves_after: Some(1), ..Browser::default() };
    let outcome = ask(&mut browser, manner(), &line);
    assert!(matches!(outcome, (Outcome::Departed, false)), "{outcome:?}");
    drop(line);
    assert!(matches!(application.join().unwrap(), Some(Incoming::Abort { id: 1 })));
    // While nothing is said.
    let (line, application) = self::application(|it| {
        it.request();
        it.next()
    });
    let mut browser = Browser { gone: true, ..Browser::default() };
    let outcome = ask(&mut browser, manner(), &line);
    assert!(matches!(outcome, (Outcome::Departed, false)), "{outcome:?}");
    assert!(matches!(application.join().unwrap(), Some(Incoming::Abort { id: 1 })));
}

#[test]
fn a_body_that_cannot_be_read_is_refused() {
    for begun in [false, true] {
        let (line, application) = application(move |it| {
            it.variables();
            if begun {
                it.output(b"Status: 200\r\n\r\nhalf");
            }
            it.body()
        });
        let mut browser = Browser::sending([vec![0; 100_000], Vec::new(), Vec::new()]);
        // Only after the application has answered, if it does.
        browser.body.extend(std::iter::repeat_n(Ok(Vec::new()), if begun { 20 } else { 0 }));
        browser.body.push_back(Err(NoBody::Refused(413)));
        let (outcome, clean) = ask(&mut browser, with_body(), &line);
        assert!(!clean);
        match outcome {
            Outcome::Cut(Failure::Body) => assert!(begun),
            Outcome::Failed(413, Failure::Body) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(application.join().unwrap(), None);
    }
}

#[test]
fn an_application_that_says_nothing_is_overdue() {
    let (line, application) = application(|it| while it.next().is_some() {});
    let manner = Manner { application: Some(Duration::from_secs(1)), ..manner() };
    let outcome = ask(&mut Browser::default(), manner, &line);
    assert!(matches!(outcome, (Outcome::Failed(504, Failure::Overdue), false)), "{outcome:?}");
    drop(line);
    application.join().unwrap();
}

#[test]
fn a_client_that_sends_nothing_is_refused() {
    let (line, application) = application(|it| while it.next().is_some() {});
    let manner = Manner { client: Duration::from_millis(20), ..with_body() };
    let mut browser = Browser::sending(vec![Vec::new(); 1000]);
    let outcome = ask(&mut browser, manner, &line);
    assert!(matches!(outcome, (Outcome::Failed(408, Failure::Body), false)), "{outcome:?}");
    drop(line);
    application.join().unwrap();
}

#[test]
fn lines_of_the_log_are_whole() {
    let (line, application) = application(|it| {
        it.request();
        for piece in [&b"one\ntw"[..], b"o\r\n\n", b"three"] {
            let mut out = Vec::new();
            record::stream(&mut out, Stream::Stderr, 1, piece);
            it.socket.write_all(&out).unwrap();
        }
        it.hello();
    });
    let mut browser = Browser::default();
    let outcome = ask(&mut browser, manner(), &line);
    assert!(matches!(outcome, (Outcome::Complete, true)), "{outcome:?}");
    assert_eq!(browser.logged, ["one", "two", "three"]);
    application.join().unwrap();
}

#[test]
fn what_was_written_before_a_pause_is_flushed() {
    let (go, gone) = mpsc::channel();
    let (line, application) = application(move |it| {
        it.request();
        it.output(b"Status: 200\r\n\r\nfirst");
        gone.recv().unwrap();
        it.output(b"second");
        it.end(0, ProtocolStatus::RequestComplete);
    });
    let mut browser = Browser { flushes: Some(go), ..Browser::default() };
    let outcome = ask(&mut browser, manner(), &line);
    assert!(matches!(outcome, (Outcome::Complete, true)), "{outcome:?}");
    assert_eq!(browser.body(), b"firstsecond");
    application.join().unwrap();
}

proptest! {
    #[test]
    fn it_does_not_matter_how_a_response_comes(
        cuts in proptest::collection::vec(1_usize..20, 1..10),
    ) {
        let mut out = Vec::new();
        record::stream(&mut out, Stream::Stdout, 1, &HELLO[..10]);
        record::stream(&mut out, Stream::Stderr, 1, b"oh\n");
        record::stream(&mut out, Stream::Stdout, 1, &HELLO[10..]);
        record::stream(&mut out, Stream::Stdout, 1, b", world");
        record::end(&mut out, 1, 0, ProtocolStatus::RequestComplete);
        let (line, application) = application(move |it| {
            it.request();
            let (mut rest, mut cuts) = (&out[..], cuts.into_iter().cycle());
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(rest.len().min(cuts.next().unwrap()));
                it.socket.write_all(piece).unwrap();
                rest = left;
            }
        });
        let mut browser = Browser::default();
        let outcome = ask(&mut browser, manner(), &line);
        prop_assert!(matches!(outcome, (Outcome::Complete, true)), "{:?}", outcome);
        prop_assert_eq!(browser.status(), Some(200));
        prop_assert_eq!(browser.body(), b"hello, world");
        prop_assert_eq!(browser.logged, ["oh"]);
        application.join().unwrap();
    }
}
