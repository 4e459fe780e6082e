//! Which connection a request goes over, and over which it goes again.

use std::{
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    sync::mpsc,
    time::Instant,
};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};

use super::*;

/// A pool of one process, which answers connections by `script`, each with its number.
fn pool<T: Send + 'static>(
    connections: usize,
    script: impl Fn(usize, &mut Application) -> T + Send + 'static,
) -> (tempfile::TempDir, JoinHandle<Vec<T>>) {
    let place = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(place.path().join("pool")).unwrap();
    let serving = thread::spawn(move || {
        let taken = listener.incoming().take(connections).enumerate();
        let serve = |(at, socket): (usize, std::io::Result<UnixStream>)| {
            let mut application = Application::new(socket.unwrap());
            script(at, &mut application)
        };
        taken.map(serve).collect()
    });
    (place, serving)
}

/// Answers the question that comes first.
fn take(it: &mut Application) {
    assert!(matches!(it.next(), Some(Incoming::GetValues { .. })));
    let mut out = Vec::new();
    record::get_values_result(&mut out, &[(b"FCGI_MAX_REQS", b"100")]);
    it.socket.write_all(&out).unwrap();
}

fn open(place: &tempfile::TempDir) -> Result<Line, NotTaken> {
    let deadline = Instant::now() + Duration::from_secs(60);
    Line::open(&place.path().join("pool"), deadline, &mut || false)
}

/// Makes a request over what is kept, or else over what `place` gives.
fn request(
    kept: &mut Kept,
    browser: &mut Browser,
    manner: Manner,
    place: &tempfile::TempDir,
) -> Result<Outcome, NotTaken> {
    let mut desk = Desk::default();
    let mut exchange =
        Exchange::prepare(&mut desk, browser, manner, |out| pair(out, b"A", b"1")).unwrap();
    kept.answer(7, &mut exchange, |_| open(place))
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let (place, serving) = pool(1, |_, it| {
        take(it);
        for _ in 0..3 {
            it.request();
            it.hello();
        }
    });
    let (line, mut kept) = (open(&place).unwrap(), Kept::default());
    kept.put(7, line);
    for _ in 0..3 {
        let mut desk = Desk::default();
        let mut browser = Browser::default();
        let mut exchange = Exchange::prepare(&mut desk, &mut browser, manner(), |_| ()).unwrap();
        let line = kept.take(7).expect("kept");
        assert!(matches!(exchange.converse(&line), Outcome::Complete));
        assert!(exchange.is_clean());
        kept.put(7, line);
    }
    assert!(kept.take(8).is_none());
    serving.join().unwrap();
}

#[test]
fn what_nobody_has_read_is_sent_again() {
    for manner in [manner(), with_body()] {
        let (place, serving) = pool(2, |at, it| {
            take(it);
            // The first goes without having read; the other end may have sent already.
            (at > 0).then(|| {
                let request = it.request();
                it.hello();
                request.1
            })
        });
        let mut kept = Kept::default();
        kept.put(7, open(&place).unwrap());
        let mut browser = Browser::sending([vec![b'x'; 20_000]]);
        let outcome = request(&mut kept, &mut browser, manner, &place);
        assert!(matches!(outcome, Ok(Outcome::Complete)), "{outcome:?}");
        assert_eq!(browser.body(), b"hello");
        let bodies = serving.join().unwrap();
        let expected = if manner.body { vec![b'x'; 20_000] } else { Vec::new() };
        assert_eq!(bodies, [None, Some(expected)]);
    }
}

#[test]
fn what_was_sent_before_the_end_and_not_read_is_sent_again() {
    let (place, serving) = pool(1, |_, it| {
        take(it);
        it.request();
        it.hello();
    });
    // The request is in the socket when its reader closes it.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut desk = Desk::default();
    let mut browser = Browser::default();
    let mut exchange = Exchange::prepare(&mut desk, &mut browser, manner(), |_| ()).unwrap();
    let closing = thread::spawn(move || {
        let mut polled = [rustix::event::PollFd::new(&theirs, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut polled, None).unwrap();
        drop(theirs);
    });
    let mut kept = Kept::default();
    kept.put(7, Line::of(ours));
    let outcome = kept.answer(7, &mut exchange, |_| open(&place));
    assert!(matches!(outcome, Ok(Outcome::Complete)), "{outcome:?}");
    closing.join().unwrap();
    serving.join().unwrap();
}

#[test]
fn what_was_turned_away_is_sent_again() {
    let (place, serving) = pool(2, |at, it| {
        take(it);
        it.request();
        if at == 0 {
            it.end(0, ProtocolStatus::Overloaded);
        } else {
            it.hello();
        }
    });
    let outcome = request(&mut Kept::default(), &mut Browser::default(), manner(), &place);
    assert!(matches!(outcome, Ok(Outcome::Complete)), "{outcome:?}");
    serving.join().unwrap();
}

#[test]
fn what_was_read_is_never_sent_again() {
    // Whether or not the end of the process reads what is behind it.
    for body in [Vec::new(), vec![0; 10], vec![0; 500_000]] {
        let (place, serving) = pool(1, |_, it| {
            take(it);
            it.variables();
        });
        let mut browser = Browser::sending([body]);
        let outcome = request(&mut Kept::default(), &mut browser, with_body(), &place);
        assert!(matches!(outcome, Ok(Outcome::Failed(502, Failure::Died))), "{outcome:?}");
        serving.join().unwrap();
    }
}

#[test]
fn a_large_body_goes_where_it_is_read() {
    let (place, serving) = pool(2, |at, it| {
        take(it);
        (at > 0).then(|| {
            let (_, body) = it.request();
            it.hello();
            body.len()
        })
    });
    let mut kept = Kept::default();
    kept.put(7, open(&place).unwrap());
    let mut browser = Browser::sending([vec![0; 100_000]]);
    let outcome = request(&mut kept, &mut browser, with_body(), &place);
    assert!(matches!(outcome, Ok(Outcome::Complete)), "{outcome:?}");
    assert_eq!(serving.join().unwrap(), [None, Some(100_000)]);
}

#[test]
fn what_cannot_start_says_why() {
    let (place, serving) = pool(1, |_, it| {
        let mut out = Vec::new();
        record::stream(&mut out, Stream::Stderr, 1, b"no application\n");
        record::stream_end(&mut out, Stream::Stderr, 1);
        record::end(&mut out, 1, 0, ProtocolStatus::Overloaded);
        it.socket.write_all(&out).unwrap();
        it.socket.shutdown(Shutdown::Write).unwrap();
    });
    match open(&place) {
        Err(NotTaken::Refused(why)) => assert_eq!(why, "no application"),
        other => panic!("{other:?}"),
    }
    serving.join().unwrap();
}

#[test]
fn what_takes_no_connections_is_told_apart() {
    let place = tempfile::tempdir().unwrap();
    assert!(matches!(open(&place), Err(NotTaken::Nobody(_))));
    let path = place.path().join("pool");
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(open(&place), Err(NotTaken::Nobody(_))));
    std::fs::remove_file(&path).unwrap();
    // A queue of one, and nobody who takes anything off it.
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let socket = socket.unwrap();
    bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&socket, 0).unwrap();
    let late = Line::open(&path, Instant::now(), &mut || false);
    assert!(matches!(late, Err(NotTaken::Late)), "{late:?}");
    let gone = Line::open(&path, Instant::now() + Duration::from_secs(60), &mut || true);
    assert!(matches!(gone, Err(NotTaken::Departed | NotTaken::Full)), "{gone:?}");
    let full = std::iter::repeat_with(|| Line::open(&path, Instant::now(), &mut || false));
    let full = full.map(Result::unwrap_err).find(|error| !matches!(error, NotTaken::Late));
    assert!(matches!(full, Some(NotTaken::Full)), "{full:?}");
}

#[test]
fn a_pool_that_closes_connections_is_not_asked_for_ever() {
    let (place, serving) = pool(1, |_, _| ());
    assert!(matches!(open(&place), Err(NotTaken::Closed)));
    serving.join().unwrap();
    let (place, serving) = pool(8, |_, it| {
        take(it);
        it.request();
        it.end(0, ProtocolStatus::Overloaded);
    });
    let outcome = request(&mut Kept::default(), &mut Browser::default(), manner(), &place);
    assert!(matches!(outcome, Err(NotTaken::Closed)), "{outcome:?}");
    while open(&place).is_ok() {}
    drop(serving);
}

#[test]
fn what_speaks_something_else_is_not_asked() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let (place, serving) = pool(1, move |_, it| {
        it.socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = gone.lock().unwrap().recv();
    });
    assert!(matches!(open(&place), Err(NotTaken::Foreign)));
    drop(go);
    serving.join().unwrap();
}
