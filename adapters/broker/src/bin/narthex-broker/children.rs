//! The socket by which httpd and its children ask: a connection, a question, an answer.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use narthex_broker::text::{Line, words};
use rustix::{net::sockopt::socket_peercred, process::geteuid};

use crate::place::Socket;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// Clients at once; further ones wait.
const MOST: usize = 64;

/// Bytes of the longest question.
const LONGEST: usize = 1 << 20;

/// What is asked for.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Question {
    /// The socket of the pool of this group and these arguments.
    Open(String, Vec<Vec<u8>>),
    /// To go by another definition.
    Define(String),
}

/// Whoever asks.
pub(crate) struct Children {
    socket: Socket,
    /// The user that httpd's children run as.
    user: u32,
    clients: Vec<Client>,
}

struct Client {
    stream: UnixStream,
    /// Whether it may define.
    is_trusted: bool,
    text: Vec<u8>,
    since: Instant,
    /// All that it says has come.
    whole: bool,
}

/// A client that waits for its answer.
pub(crate) struct Asking(UnixStream);

impl Children {
    /// Answers on `socket` those of this `user`, and those who may do anything.
    pub(crate) fn new(socket: Socket, user: u32) -> Self {
        Self { socket, user, clients: Vec::new() }
    }

    /// What to wait for.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let listener = (self.clients.len() < MOST).then(|| self.socket.listener.as_fd());
        listener.into_iter().chain(self.clients.iter().map(|client| client.stream.as_fd()))
    }

    /// When a client will have taken too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.clients.iter().map(|client| client.since + PATIENCE).min()
    }

    /// Hears clients; returns what they ask for.
    pub(crate) fn questions(&mut self, now: Instant) -> Vec<(Asking, Question)> {
        while self.clients.len() < MOST
            && let Ok((stream, _)) = self.socket.listener.accept()
        {
            self.clients.extend(Client::new(stream, self.user, now));
        }
        self.clients.retain_mut(|client| client.read(now));
        let (whole, rest) = std::mem::take(&mut self.clients).into_iter().partition(|it| it.whole);
        self.clients = rest;
        let whole: Vec<Client> = whole;
        whole.into_iter().filter_map(Client::question).collect()
    }
}

impl Asking {
    /// Answers with one line.
    pub(crate) fn answer(mut self, word: &str, more: Option<&[u8]>) {
        let text = line(word, more);
        // It fits the socket's buffer; a client that has gone needs no answer.
        let _ = self.0.write_all(text.as_bytes());
    }
}

/// A line of a word, and perhaps another.
pub(crate) fn line(word: &str, more: Option<&[u8]>) -> String {
    let mut text = String::new();
    more.into_iter().fold(Line::begin(&mut text, word), Line::word).end();
    text
}

impl Client {
    fn new(stream: UnixStream, children: u32, now: Instant) -> Option<Self> {
        let peer = socket_peercred(&stream).ok()?.uid;
        let is_trusted = peer.is_root() || peer == geteuid();
        stream.set_nonblocking(true).ok()?;
        let text = Vec::new();
        let client = Self { stream, is_trusted, text, since: now, whole: false };
        (is_trusted || peer.as_raw() == children).then_some(client)
    }

    /// Takes what has come; `false` when the client takes too long, or says too much.
    fn read(&mut self, now: Instant) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    self.whole = true;
                    return true;
                }
                Ok(count) => self.text.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return now.saturating_duration_since(self.since) < PATIENCE;
                }
                Err(_) => return false,
            }
            if self.text.len() > LONGEST {
                return false;
            }
        }
    }

    fn question(self) -> Option<(Asking, Question)> {
        let Self { stream, is_trusted, text, .. } = self;
        let asking = Asking(stream);
        match (String::from_utf8(text).ok().as_deref().and_then(understand), is_trusted) {
            (Some(Question::Define(_)), false) => {
                asking.answer("refused", Some(b"only the user that started httpd may do that"));
                None
            }
            (Some(question), _) => Some((asking, question)),
            (None, _) => {
                asking.answer("refused", Some(b"that is no question of this version's"));
                None
            }
        }
    }
}

fn understand(text: &str) -> Option<Question> {
    if let Some(definition) = text.strip_prefix("define\n") {
        return Some(Question::Define(definition.to_owned()));
    }
    let mut words = words(text.strip_suffix('\n')?)?.into_iter();
    if words.next()? != b"open" {
        return None;
    }
    let group = String::from_utf8(words.next()?).ok()?;
    let arguments: Vec<Vec<u8>> = words.collect();
    // No argument of a program has a NUL.
    let is_possible = arguments.iter().all(|argument| !argument.contains(&0));
    is_possible.then_some(Question::Open(group, arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_understood_or_refused() {
        let open = understand("open shop --mount /a\\x20b app.py\n");
        let arguments = [&b"--mount"[..], b"/a b", b"app.py"].map(<[u8]>::to_vec).to_vec();
        assert_eq!(open, Some(Question::Open("shop".to_owned(), arguments)));
        let define = understand("define\nx\n");
        assert_eq!(define, Some(Question::Define("x\n".to_owned())));
        for text in
            ["", "open\n", "open shop", "close shop\n", "open shop a\\x00\n", "open \\xff\n"]
        {
            assert_eq!(understand(text), None, "{text:?}");
        }
    }
}
