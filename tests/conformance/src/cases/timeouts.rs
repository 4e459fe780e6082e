//! Clients that take too long.

use std::{
    thread,
    time::{Duration, Instant},
};

use narthex_core::Site;

use crate::{Host, Request, Server};

pub(crate) const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

/// All timeouts out of reach, save those that `configure` sets.
pub(crate) fn patient(host: &dyn Host, configure: fn(&mut Site)) -> Server {
    Server::with(host, |site| {
        site.timeouts.header = LONG;
        site.timeouts.body = LONG;
        site.timeouts.keep_alive = LONG;
        site.timeouts.write = LONG;
        configure(site);
    })
}

/// The time limit is for the whole head: a byte now and then does not extend it.
pub(crate) fn head_too_slow(host: &dyn Host) {
    let server = patient(host, |site| site.timeouts.header = SHORT);
    let started = Instant::now();
    let mut connection = server.connect();
    for _ in 0..10 {
        connection.send("G");
        thread::sleep(SHORT / 5);
    }
    let answer = connection.try_response("GET").expect("a refusal or the end");
    assert!(answer.is_none_or(|answer| answer.status == 408));
    assert!(connection.closes());
    assert!(started.elapsed() < SHORT * 10);
    // In the second request of a connection just as well.
    let mut connection = server.connect();
    connection.send([&Request::get("/deaf").bytes()[..], b"GET / HT"].concat());
    assert_eq!(connection.response("GET").whole(200).body, b"deaf");
    let answer = connection.try_response("GET").expect("a refusal or the end");
    assert!(answer.is_none_or(|answer| answer.status == 408));
    assert!(connection.closes());
}

pub(crate) fn idle_connection_is_closed(host: &dyn Host) {
    let server = patient(host, |site| site.timeouts.keep_alive = SHORT);
    let mut connection = server.connect();
    for _ in 0..4 {
        connection.send(Request::get("/deaf").bytes());
        connection.response("GET").whole(200);
        thread::sleep(SHORT / 4);
    }
    let started = Instant::now();
    assert!(connection.closes());
    assert!(started.elapsed() < SHORT * 10);
}
