//! What a worker and its supervisor tell each other.
//!
//! A pair of sockets that keep messages apart (`SOCK_SEQPACKET`): one message is one packet, so there
//! is no framing to get wrong. The worker speaks; what it hears is the end of the supervisor, whose
//! side closes however that ends. Orders go by signals, which also reach a worker that does not read.

use std::{
    ffi::OsStr,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::PathBuf,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair},
};

/// Bytes of a message at most; a longer text is cut.
const MOST: usize = 64 * 1024;

/// How long a worker waits for a supervisor that takes no message.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What a worker says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// It serves; the lines are for the user.
    Ready(Vec<String>),
    /// The application does not start: in a line, and as the user is to see it.
    Failed(String, String),
    /// Files in these directories make up the application.
    Modules(Vec<PathBuf>),
    /// Files that make up the application have changed, in a line.
    Changed(String),
    /// It wants to be replaced, for this reason.
    Retire(String),
    /// It hangs, and is to be replaced; the text is for the log.
    Stuck(String),
    /// It has had nothing to do for as long as it was told to wait for that; or it has again.
    Idle(bool),
    /// It takes no more connections.
    Stopping,
    /// Its figures, whatever they mean.
    Metrics(Vec<u64>),
}

impl Message {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Ready(lines) => join(&mut bytes, b"ready", lines.iter().map(String::as_bytes)),
            Self::Failed(summary, screen) => {
                join(&mut bytes, b"failed", [summary.as_bytes(), screen.as_bytes()]);
            }
            Self::Modules(paths) => {
                let paths = paths.iter().map(|path| path.as_os_str().as_bytes());
                join(&mut bytes, b"modules", paths);
            }
            Self::Changed(what) => join(&mut bytes, b"changed", [what.as_bytes()]),
            Self::Retire(why) => join(&mut bytes, b"retire", [why.as_bytes()]),
            Self::Stuck(text) => join(&mut bytes, b"stuck", [text.as_bytes()]),
            Self::Idle(true) => join(&mut bytes, b"idle", []),
            Self::Idle(false) => join(&mut bytes, b"busy", []),
            Self::Stopping => join(&mut bytes, b"stopping", []),
            Self::Metrics(figures) => {
                let figures: Vec<_> = figures.iter().map(ToString::to_string).collect();
                join(&mut bytes, b"metrics", figures.iter().map(String::as_bytes));
            }
        }
        bytes.truncate(MOST);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.split(|&byte| byte == 0);
        let word = parts.next()?;
        let mut text = || parts.next().map(|part| String::from_utf8_lossy(part).into_owned());
        Some(match word {
            b"failed" => Self::Failed(text()?, text()?),
            b"changed" => Self::Changed(text()?),
            b"retire" => Self::Retire(text()?),
            b"stuck" => Self::Stuck(text()?),
            b"idle" => Self::Idle(true),
            b"busy" => Self::Idle(false),
            b"stopping" => Self::Stopping,
            b"ready" => {
                Self::Ready(parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect())
            }
            b"modules" => {
                Self::Modules(parts.map(|part| PathBuf::from(OsStr::from_bytes(part))).collect())
            }
            b"metrics" => Self::Metrics(
                parts
                    .map(|part| std::str::from_utf8(part).ok()?.parse().ok())
                    .collect::<Option<_>>()?,
            ),
            _ => return None,
        })
    }
}

/// Appends the word and the parts, a NUL before each: no path and no line has one.
fn join<'a>(bytes: &mut Vec<u8>, word: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) {
    bytes.extend_from_slice(word);
    for part in parts {
        bytes.push(0);
        bytes.extend(part.iter().filter(|&&byte| byte != 0));
    }
}

/// One end of a link.
#[derive(Debug)]
pub struct Link(OwnedFd);

impl Link {
    /// Both ends of a new one.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (one, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// The worker's end, by the descriptor that it has inherited.
    #[must_use]
    pub fn inherited(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Says `message`. Figures are left out when the supervisor is slow: later ones will do.
    pub fn say(&self, message: &Message) {
        let bytes = message.encode();
        loop {
            match send(&self.0, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if !matches!(message, Message::Metrics(_)) => {
                    let mut polled = [PollFd::new(&self.0, PollFlags::OUT)];
                    if !matches!(poll(&mut polled, Some(&PATIENCE)), Ok(1..) | Err(Errno::INTR)) {
                        return;
                    }
                }
                // It has died; `await_end` says so.
                _ => return,
            }
        }
    }

    /// Waits until the supervisor has gone.
    pub fn await_end(&self) {
        let mut buffer = [0; 16];
        while matches!(
            recv(&self.0, &mut buffer, RecvFlags::empty()),
            Ok((_, 1..)) | Err(Errno::INTR)
        ) {}
    }

    /// Hears what has arrived.
    pub(crate) fn hear(&self, buffer: &mut Vec<u8>) -> Heard {
        buffer.resize(MOST, 0);
        loop {
            match recv(&self.0, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Heard::End,
                // What it cannot be understood is no message: workers are of this very version.
                Ok((_, count)) => {
                    if let Some(message) = Message::decode(&buffer[..count]) {
                        return Heard::Message(message);
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Heard::Nothing,
                Err(_) => return Heard::End,
            }
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What a look at a link brings.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    Message(Message),
    Nothing,
    End,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let (ours, theirs) = Link::pair().unwrap();
        let messages = [
            Message::Ready(vec!["listening on http://[::1]:1".into(), "a\nb".into()]),
            Message::Failed("N103: no".into(), "two\n\nlines".into()),
            Message::Modules(vec![PathBuf::from("/a b"), OsStr::from_bytes(b"/\xff").into()]),
            Message::Changed("app.py changed".into()),
            Message::Retire("1000 requests".into()),
            Message::Stuck("thread 1\n  f()".into()),
            Message::Idle(true),
            Message::Idle(false),
            Message::Stopping,
            Message::Metrics(vec![0, u64::MAX]),
        ];
        for message in &messages {
            theirs.say(message);
        }
        let mut buffer = Vec::new();
        for message in messages {
            assert_eq!(ours.hear(&mut buffer), Heard::Message(message));
        }
        assert_eq!(ours.hear(&mut buffer), Heard::Nothing);
        drop(theirs);
        assert_eq!(ours.hear(&mut buffer), Heard::End);
    }

    #[test]
    fn figures_do_not_wait_for_a_slow_supervisor() {
        let (_ours, theirs) = Link::pair().unwrap();
        for _ in 0..10_000 {
            theirs.say(&Message::Metrics(vec![1; 100]));
        }
    }

    #[test]
    fn nonsense_and_the_end_are_survived() {
        let (ours, theirs) = Link::pair().unwrap();
        for nonsense in [&b"what"[..], b"failed", b"metrics\0x", b"\0"] {
            send(&theirs, nonsense, SendFlags::empty()).unwrap();
        }
        assert_eq!(ours.hear(&mut Vec::new()), Heard::Nothing);
        drop(ours);
        theirs.say(&Message::Stopping);
        theirs.await_end();
    }
}
