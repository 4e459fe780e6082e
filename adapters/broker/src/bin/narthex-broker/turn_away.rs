//! What clients hear of a pool that does not start: FastCGI's way of saying that it is too much.

use std::{
    io::{Read, Write},
    os::unix::net::UnixListener,
};

use narthex_adapters::fastcgi::record::{self, ProtocolStatus, Stream};

/// Clients that are answered in one turn at most: the rest in the next.
const BURST: usize = 256;

/// The request that is answered: the first of its connection, as every web server counts.
const ID: u16 = 1;

/// Answers whoever waits at `listener`, which does not block, with `why` and the end of the request.
pub(crate) fn turn_away(listener: &UnixListener, why: &str) {
    let mut answer = Vec::new();
    record::stream(&mut answer, Stream::Stderr, ID, why.as_bytes());
    record::end(&mut answer, ID, 1, ProtocolStatus::Overloaded);
    let mut buffer = vec![0; 1 << 16];
    for (mut client, _) in (0..BURST).map_while(|_| listener.accept().ok()) {
        // The answer fits into the socket's buffer. Who has left needs none.
        let _ = client.set_nonblocking(true);
        let _ = client.write_all(&answer);
        // What is left unread would reach the client as a reset, while it still writes.
        let _ = client.read(&mut buffer);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn everybody_who_waits_is_told_why() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut clients: Vec<_> = (0..3).map(|_| UnixStream::connect(&path).unwrap()).collect();
        clients[1].write_all(&[1; 1000]).unwrap();
        turn_away(&listener, "no such module");
        for client in &mut clients {
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).unwrap();
            let text = heard.windows(14).any(|it| it == b"no such module");
            assert!(text && heard.ends_with(&[0, 0, 0, 1, 2, 0, 0, 0]), "{heard:?}");
        }
        assert!(listener.accept().is_err());
    }
}
