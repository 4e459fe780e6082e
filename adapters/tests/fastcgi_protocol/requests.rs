//! One request: its variables, its body, its response.

use narthex_adapters::fastcgi::record::{self, AUTHORIZER, Stream};

use crate::{
    application::Server,
    is_usable, pattern,
    peer::{Peer, Request, raw},
};

#[test]
fn padding_is_passed_over() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let request = Request::post("/echo", "body");
    for padding in [0, 1, 7, 8, 255] {
        peer.send(raw(1, 1, &[0, 1, 1, 0, 0, 0, 0, 0], padding));
        peer.send(raw(4, 1, &request.pairs(), padding));
        peer.send(raw(4, 1, b"", padding));
        peer.send(raw(5, 1, b"body", padding));
        peer.send(raw(5, 1, b"", padding));
        assert_eq!(peer.answer(1).body(), b"body");
    }
}

#[test]
fn lengths_of_four_bytes_are_read() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let mut request = Request::get("/variables");
    for length in [127, 128, 255, 256, 5000] {
        request = request.with("N".repeat(length), "v".repeat(length));
    }
    peer.send(request.bytes());
    let answer = peer.answer(1);
    let seen = String::from_utf8(answer.body().to_vec()).unwrap();
    for length in [127, 128, 255, 256, 5000] {
        let line = format!("\n{}={}\n", "N".repeat(length), "v".repeat(length));
        assert!(seen.contains(&line), "{length}");
    }
}

#[test]
fn single_bytes_are_enough() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    for byte in Request::post("/echo", "body").bytes() {
        peer.send([byte]);
    }
    assert_eq!(peer.answer(1).body(), b"body");
}

#[test]
fn a_mebibyte_goes_in_and_out() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let body = pattern(1 << 20);
    for _ in 0..2 {
        peer.send_aside(Request::post("/echo", body.clone()).bytes());
        assert!(peer.answer(1).body() == body);
    }
}

#[test]
fn a_body_of_unknown_length_ends_with_its_stream() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    // Caddy says -1.
    for length in [None, Some("-1"), Some("")] {
        let mut request = Request::get("/echo");
        request.variables.extend(length.map(|it| (b"CONTENT_LENGTH".to_vec(), it.into())));
        request.body = b"as long as it is".to_vec();
        peer.send(request.bytes());
        assert_eq!(peer.answer(1).body(), b"as long as it is", "{length:?}");
    }
}

#[test]
fn an_authorizer_is_asked_without_a_body() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    // Not every web server says that there is no body.
    peer.send(Request { role: AUTHORIZER, ..Request::get("/echo") }.head());
    assert_eq!(peer.answer(1).body(), b"");
    is_usable(&mut peer);
}

#[test]
fn variables_come_in_records_of_one_byte() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let request = Request::post("/echo", "body").with("HTTP_X_LONG", "v".repeat(300));
    let mut bytes = Vec::new();
    record::begin(&mut bytes, 1, record::RESPONDER, true);
    for byte in request.pairs() {
        record::stream(&mut bytes, Stream::Params, 1, &[byte]);
    }
    record::stream_end(&mut bytes, Stream::Params, 1);
    peer.send([bytes, request.stdin(b"body"), request.end()].concat());
    assert_eq!(peer.answer(1).body(), b"body");
}

#[test]
fn two_hundred_kilobytes_of_variables_are_taken() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let mut request = Request::get("/variables");
    for number in 0..20 {
        request =
            request.with(format!("LONG_{number}"), pattern(10_000).escape_ascii().to_string());
    }
    request.variables.iter_mut().for_each(|(_, value)| value.truncate(10_000));
    peer.send_aside(request.bytes());
    let answer = peer.answer(1);
    let body = String::from_utf8_lossy(answer.body());
    for (name, value) in &request.variables[8..] {
        let line = [name, &b"="[..], value].concat();
        assert!(body.contains(std::str::from_utf8(&line).unwrap()), "{}", name.escape_ascii());
    }
}

#[test]
fn names_that_are_repeated_are_joined() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let request = Request::get("/variables");
    let request = request.with("HTTP_X_A", "1").with("HTTP_COOKIE", "a=1");
    peer.send(request.with("HTTP_X_A", "2").with("HTTP_COOKIE", "b=2").bytes());
    let answer = peer.answer(1);
    let seen = String::from_utf8_lossy(answer.body());
    assert!(seen.contains("x-a: \"1, 2\"\n") && seen.contains("cookie: \"a=1; b=2\"\n"), "{seen}");
}

#[test]
fn bytes_of_variables_are_kept() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    let every: Vec<u8> = (0..=u8::MAX).collect();
    peer.send(Request::get("/variables").with("EVERY", every.clone()).bytes());
    let answer = peer.answer(1);
    let line = [b"\nEVERY=", &*every].concat();
    assert!(answer.body().windows(line.len()).any(|window| window == line));
}

#[test]
fn a_response_that_fails_is_seen_to_be_cut() {
    let server = Server::start();
    let mut peer = Peer::connect(&server);
    peer.send(Request::get("/cut").bytes());
    let rest = peer.rest();
    assert!(rest.windows(10).any(|window| window == b"half of it"), "{}", rest.escape_ascii());
    assert!(rest.ends_with(&[0; 8]), "no record ends it: {}", rest.escape_ascii());
    // Apache takes the end of the connection alone.
    let mut peer = Peer::connect(&server);
    peer.send(Request::get("/cut").with("SERVER_SOFTWARE", "Apache/2.4.71").bytes());
    let answer = peer.answer(1);
    assert!(answer.output.ends_with(b"half of it") && answer.end.is_none(), "{answer:?}");
    is_usable(&mut Peer::connect(&server));
}

#[test]
fn a_unix_socket_serves_as_well() {
    let name = format!("narthex-fastcgi-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let server = Server::with(&format!("unix:{}", path.display()), |_| ());
    assert!(server.address.ends_with(path.to_str().unwrap()), "{}", server.address);
    let mut peer = Peer::connect_unix(&path);
    for _ in 0..2 {
        peer.send_aside(Request::post("/echo", pattern(300_000)).bytes());
        assert!(peer.answer(1).body() == pattern(300_000));
    }
    is_usable(&mut peer);
}
