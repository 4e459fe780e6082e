//! The control socket: one line asks, the answer ends with the connection.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use rustix::{net::sockopt::socket_peercred, process::geteuid};

use crate::{Error, Manner, Result, runtime};

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// Clients at once; further ones wait.
const MOST: usize = 16;

/// Bytes of the longest request, and more.
const LINE: usize = 64;

/// What answers begin with that report a failure.
const ERROR: &str = "error: ";

/// What a command asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Request {
    /// How it goes, for people or as JSON.
    Status {
        /// As JSON.
        json: bool,
    },
    /// To load the application anew; answered when that has ended.
    Reload,
    /// To end; answered by the end.
    Stop(Manner),
}

impl Request {
    const ALL: [(&'static str, Self); 5] = [
        ("status", Self::Status { json: false }),
        ("status json", Self::Status { json: true }),
        ("reload", Self::Reload),
        ("stop", Self::Stop(Manner::Graceful)),
        ("stop now", Self::Stop(Manner::Now)),
    ];

    fn line(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(_, request)| *request == self);
        found.map(|(line, _)| line).expect("the list has every request")
    }
}

/// Asks the server behind `stream`; returns its answer, or why it failed.
///
/// # Errors
/// The server is not to be spoken to.
pub fn ask(
    mut stream: UnixStream,
    request: Request,
) -> Result<std::result::Result<String, String>> {
    let failed = || Error::system("the server does not answer");
    stream.write_all(format!("{}\n", request.line()).as_bytes()).map_err(failed())?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => {}
        // It has ended, as it was told to.
        Err(_) if matches!(request, Request::Stop(_)) => {}
        Err(error) => return Err(failed()(error)),
    }
    Ok(match answer.strip_prefix(ERROR) {
        Some(why) => Err(why.trim_end().to_owned()),
        None if answer.is_empty() && !matches!(request, Request::Stop(_)) => {
            Err("it ended before it answered".to_owned())
        }
        None => Ok(answer),
    })
}

/// The server's side.
#[derive(Debug)]
pub struct Server {
    socket: runtime::Socket,
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    line: Vec<u8>,
    since: Instant,
    /// What its answer waits for.
    waiting: Option<Waiting>,
    answered: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Waiting {
    /// The end of the reload of this number.
    Reload(u64),
    /// The end of the server.
    End,
}

/// A client by its place in the list.
#[derive(Clone, Copy, Debug)]
pub struct Place(usize);

impl Server {
    /// Answers on `socket`.
    ///
    /// # Errors
    /// It cannot be kept from blocking.
    pub fn new(socket: runtime::Socket) -> io::Result<Self> {
        socket.listener.set_nonblocking(true)?;
        Ok(Self { socket, clients: Vec::new() })
    }

    /// What to wait for.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let listener = (self.clients.len() < MOST).then(|| self.socket.listener.as_fd());
        let clients = self.clients.iter().filter(|client| client.waiting.is_none());
        listener.into_iter().chain(clients.map(|client| client.stream.as_fd()))
    }

    /// When a client will have taken too long.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let asking = self.clients.iter().filter(|client| client.waiting.is_none());
        asking.map(|client| client.since + PATIENCE).min()
    }

    /// Hears clients; returns what they ask for. Each is answered by [`answer`](Self::answer) or
    /// put off.
    pub fn requests(&mut self, now: Instant) -> Vec<(Place, Request)> {
        while self.clients.len() < MOST
            && let Ok((stream, _)) = self.socket.listener.accept()
        {
            if is_allowed(&stream) && stream.set_nonblocking(true).is_ok() {
                self.clients.push(Client {
                    stream,
                    line: Vec::new(),
                    since: now,
                    waiting: None,
                    answered: false,
                });
            }
        }
        self.clients.retain_mut(|client| client.waiting.is_some() || client.read(now));
        let asked = self.clients.iter().enumerate().filter(|(_, client)| client.waiting.is_none());
        asked.filter_map(|(place, client)| Some((Place(place), client.request()?))).collect()
    }

    /// Answers a client. Its connection ends with [`let_go`](Self::let_go).
    pub fn answer(&mut self, Place(place): Place, text: &str) {
        self.clients[place].answer(text);
    }

    /// Ends the connections of those who have been answered.
    pub fn let_go(&mut self) {
        self.clients.retain(|client| !client.answered);
    }

    /// Lets a client wait for the reload of this number.
    pub fn put_off(&mut self, Place(place): Place, reload: u64) {
        self.clients[place].waiting = Some(Waiting::Reload(reload));
    }

    /// Lets a client wait for the end of the server.
    pub fn put_off_to_the_end(&mut self, Place(place): Place) {
        self.clients[place].waiting = Some(Waiting::End);
    }

    /// Answers those who wait for the reload of this number, or for one before it.
    pub fn reloaded(&mut self, number: u64, outcome: &std::result::Result<(), String>) {
        self.done(number, "reloaded", outcome);
    }

    /// Answers those who wait for this number, or for one before it: that it is done, in this word, or
    /// why it is not.
    pub fn done(&mut self, number: u64, word: &str, outcome: &std::result::Result<(), String>) {
        for client in &mut self.clients {
            if matches!(client.waiting, Some(Waiting::Reload(awaited)) if awaited <= number) {
                client.answer(&match outcome {
                    Ok(()) => format!("{word}\n"),
                    Err(why) => format!("{ERROR}{why}\n"),
                });
            }
        }
        self.let_go();
    }
}

impl Client {
    /// Takes what has come; `false` when the client is done or takes too long.
    fn read(&mut self, now: Instant) -> bool {
        let mut buffer = [0; LINE];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.line.extend_from_slice(&buffer[..count]);
                self.line.len() <= LINE
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                now.saturating_duration_since(self.since) < PATIENCE
            }
            Err(_) => false,
        }
    }

    fn request(&self) -> Option<Request> {
        let line = self.line.strip_suffix(b"\n")?;
        let found = Request::ALL.into_iter().find(|(text, _)| text.as_bytes() == line);
        found.map(|(_, request)| request)
    }

    fn answer(&mut self, text: &str) {
        // It fits the socket's buffer; a client that has gone needs no answer.
        let _ = self.stream.write_all(text.as_bytes());
        self.answered = true;
    }
}

/// Whether the other end is this user, or root.
fn is_allowed(stream: &UnixStream) -> bool {
    socket_peercred(stream).is_ok_and(|peer| peer.uid.is_root() || peer.uid == geteuid())
}
