//! The rest of a body that nobody wanted.

use std::{os::fd::AsFd, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, recv},
};

use crate::Client;

/// How long nothing may come of a body that is only read to be thrown away.
const SILENCE: Duration = Duration::from_secs(5);

/// Reads `left` bytes of a body, or all that comes, and throws them away, where it comes by a socket;
/// for as long as there is a client.
///
/// `mod_cgid` uses one socket for the body and the response. If it is closed before all of the body was
/// read, the system tells the other end `ECONNRESET`, and the response is lost.
pub fn drain(body: impl AsFd, left: Option<u64>, client: Option<&Client>) {
    let mut left = left.unwrap_or(u64::MAX);
    let mut buffer = [0; 16 << 10];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        match recv(&body, &mut buffer[..most], RecvFlags::DONTWAIT) {
            Ok((0, _)) => return,
            Ok((count, _)) => left -= count as u64,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if more_comes(&body, client) => {}
            // It has failed, or is no socket.
            Err(_) => return,
        }
    }
}

/// Whether something comes of `body`, not too late, while there is a client.
fn more_comes(body: &impl AsFd, client: Option<&Client>) -> bool {
    let time = Timespec::try_from(SILENCE).unwrap_or_default();
    let mut polled = [PollFd::new(body, PollFlags::IN)].to_vec();
    polled.extend(client.map(|client| PollFd::new(client, PollFlags::RDHUP)));
    match poll(&mut polled, Some(&time)) {
        Ok(0) => false,
        Ok(_) => polled.get(1).is_none_or(|client| client.revents().is_empty()),
        Err(error) => error == Errno::INTR,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream,
        thread,
    };

    use super::*;

    #[test]
    fn what_is_left_is_read_and_no_more() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(&vec![b'x'; 40_000]).unwrap();
        drain(&ours, Some(39_999), None);
        let mut rest = [0; 2];
        ours.set_nonblocking(true).unwrap();
        assert_eq!((&ours).read(&mut rest).unwrap(), 1);
    }

    #[test]
    fn a_body_that_still_comes_is_waited_for() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let sending = thread::spawn(move || {
            for _ in 0..4 {
                thread::sleep(Duration::from_millis(2));
                theirs.write_all(&[b'x'; 10_000]).unwrap();
            }
        });
        drain(&ours, None, None);
        sending.join().unwrap();
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        (&writer).write_all(b"body").unwrap();
        drain(&reader, None, None);
        drop(writer);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "body");
    }
}
