//! One request: its body to the application and the response from it, at once.

use std::{
    fmt,
    io::IoSlice,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg},
};

use super::{
    Arrived, BadHead, Departed, Downstream, Line, Manner, NoBody,
    line::TICK,
    response::{Response, Stuck},
};
use crate::fastcgi::{
    client::{Client, ClientError, Event},
    record::{self, ProtocolStatus, Stream},
};

/// What is sent in one piece, and so read in one: smaller than the pieces that the system makes of
/// what is sent on a Unix socket (32 KiB), and than what an application reads at once.
const ONE_PIECE: usize = 30 * 1024;

/// Bytes that are read at once.
const ROOM: usize = 64 * 1024;

/// How long to wait for more of a body where nothing tells that it has come, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));

/// The number of the request that a connection carries.
const ONLY: u16 = 1;

/// What a thread keeps from request to request: memory, and nothing of any request.
pub struct Desk {
    client: Client,
    /// What is to be sent, and has been, of the current piece.
    out: Vec<u8>,
    input: Box<[u8]>,
    /// A piece of a body, sent behind `out` from where it lies. Made when it is first needed.
    piece: Vec<u8>,
    response: Response,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            client: Client::new(),
            out: Vec::with_capacity(2048),
            input: vec![0; ROOM].into(),
            piece: Vec::new(),
            response: Response::default(),
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("client", &self.client).finish_non_exhaustive()
    }
}

/// How a request came out.
#[derive(Debug)]
pub enum Outcome {
    /// The response was passed on whole.
    Complete,
    /// Nothing was passed on: the web server is to answer by this status, and to log why.
    Failed(u16, Failure),
    /// The response was begun and its end will not come: the client must be able to tell.
    Cut(Failure),
    /// The client has gone.
    Departed,
    /// Nobody has read the request.
    Untouched,
}

/// Why an application has not answered, or not to the end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// Its process has closed the connection.
    Died,
    /// It has ended the request, saying that it failed.
    GaveUp,
    /// It has ended the request without a response.
    Silent,
    /// It does not take requests.
    TurnedAway(ProtocolStatus),
    /// It has said and read nothing for too long.
    Overdue,
    /// Its response has no head that can be passed on.
    Head(BadHead),
    /// It does not speak FastCGI.
    Foreign(ClientError),
    /// The request's body could not be read.
    Body,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died => {
                f.write_str("its process has closed the connection in the midst of the request")
            }
            Self::GaveUp => f.write_str("it failed in the midst of the request"),
            Self::Silent => f.write_str("it has ended the request without a response"),
            Self::TurnedAway(status) => write!(f, "it does not take the request: {status:?}"),
            Self::Overdue => f.write_str("it has said nothing for too long"),
            Self::Head(bad) => write!(f, "{bad}"),
            Self::Foreign(error) => write!(f, "{error}"),
            Self::Body => f.write_str("the rest of the request's body did not come"),
        }
    }
}

impl Failure {
    /// What the client is told where nothing has been passed on.
    fn status(&self) -> u16 {
        match self {
            Self::TurnedAway(_) => 503,
            Self::Overdue => 504,
            Self::Body => 400,
            _ => 502,
        }
    }
}

/// A request that is being made.
#[derive(Debug)]
pub struct Exchange<'a, D: Downstream> {
    desk: &'a mut Desk,
    downstream: &'a mut D,
    manner: Manner,
    body: Body,
    /// How much of `desk.piece` is sent behind `desk.out`.
    tail: usize,
    /// How much of both has been sent, and in how many pieces.
    sent: usize,
    sends: u32,
    /// What is to be sent is the request from its beginning.
    first: bool,
    /// Something has come back.
    answered: bool,
    /// The connection can be used again.
    clean: bool,
    /// For how long the application, and the client, have done nothing.
    quiet: (Duration, Duration),
}

/// The request's body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Body {
    /// There may be more.
    Wanted,
    /// It has been read to its end, which is still to be sent.
    Read,
    /// All of it is on its way.
    Whole,
    /// The rest is of no interest.
    Left,
}

/// How much could be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Pushed {
    All,
    Full,
    /// Nobody is there to read it.
    Lost,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wants {
    /// Room to send.
    Room,
    /// More of the body.
    Body,
}

impl<'a, D: Downstream> Exchange<'a, D> {
    /// Prepares a request with the variables that `write` appends by
    /// [`pair`](crate::fastcgi::pairs::pair) and [`field`](crate::fastcgi::pairs::field), and with what has
    /// arrived of its body.
    ///
    /// # Errors
    /// The body cannot be read.
    pub fn prepare(
        desk: &'a mut Desk,
        downstream: &'a mut D,
        manner: Manner,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Self, NoBody> {
        desk.out.clear();
        let id = desk.client.begin_with(&mut desk.out, manner.role, true, write);
        debug_assert_eq!(id, Some(ONLY), "one request at a time");
        let mut exchange = Self {
            desk,
            downstream,
            manner,
            body: if manner.body { Body::Wanted } else { Body::Read },
            tail: 0,
            sent: 0,
            sends: 0,
            first: true,
            answered: false,
            clean: false,
            quiet: Default::default(),
        };
        if manner.body && manner.reluctant.is_none() {
            let count = exchange.gather()?;
            exchange.append(count);
        }
        if exchange.body == Body::Read && exchange.tail == 0 {
            exchange.append_end();
        }
        Ok(exchange)
    }

    /// Who is answered.
    pub fn downstream(&mut self) -> &mut D {
        self.downstream
    }

    /// Whether the request can be sent again if nobody has read it: all of it is here.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.first && self.body == Body::Whole && self.desk.out.len() <= ONE_PIECE
    }

    /// Whether the connection of the last conversation can be used again.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.clean
    }

    /// Makes the request over `line`, and passes on what comes back.
    pub fn converse(&mut self, line: &Line) -> Outcome {
        if self.sends > 0 || self.answered {
            self.desk.client.begin_again(ONLY);
            (self.sent, self.sends, self.answered) = (0, 0, false);
        }
        if let Some(most) = self.manner.reluctant
            && self.body == Body::Wanted
        {
            if let Some(outcome) = self.wait_for_refusal(line, most) {
                return outcome;
            }
            if !self.desk.response.has_begun() {
                self.downstream.invite();
            }
        }
        loop {
            let mut wants = None;
            match self.push(line) {
                Pushed::All => match self.pull() {
                    Ok(true) => {}
                    Ok(false) if self.body == Body::Wanted => wants = Some(Wants::Body),
                    Ok(false) => return self.receive_all(line),
                    Err(NoBody::Departed) => return self.depart(line),
                    Err(NoBody::Refused(status)) => return self.refuse(line, status),
                },
                Pushed::Full => wants = Some(Wants::Room),
                Pushed::Lost if self.first && self.sent == 0 => return Outcome::Untouched,
                Pushed::Lost => {
                    self.body = Body::Left;
                    return self.receive_all(line);
                }
            }
            let waited = wants.and_then(|wants| self.wait(line, wants));
            if let Some(outcome) = waited.or_else(|| self.receive(line)) {
                return outcome;
            }
        }
    }

    /// Sends what there is, as far as there is room.
    fn push(&mut self, line: &Line) -> Pushed {
        let Desk { out, piece, .. } = &*self.desk;
        let whole = out.len() + self.tail;
        while self.sent < whole {
            let front = &out[self.sent.min(out.len())..];
            let tail = &piece[self.sent.saturating_sub(out.len())..self.tail];
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            let sent = if tail.is_empty() {
                send(line, front, flags)
            } else {
                let slices = [IoSlice::new(front), IoSlice::new(tail)];
                sendmsg(line, &slices, &mut SendAncillaryBuffer::default(), flags)
            };
            match sent {
                Ok(count) => {
                    self.sent += count;
                    self.sends += 1;
                    self.quiet.0 = Duration::ZERO;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS) => return Pushed::Full,
                Err(_) => return Pushed::Lost,
            }
        }
        Pushed::All
    }

    /// Gets the next piece of the body ready to be sent; false when there is none, for now or at all.
    fn pull(&mut self) -> Result<bool, NoBody> {
        match self.body {
            Body::Whole | Body::Left => return Ok(false),
            Body::Read => {
                self.next();
                self.append_end();
                return Ok(true);
            }
            Body::Wanted => {}
        }
        let count = self.gather()?;
        if count == 0 && self.body == Body::Wanted {
            return Ok(false);
        }
        self.quiet.1 = Duration::ZERO;
        self.next();
        if count == 0 {
            self.append_end();
        } else {
            self.append(count);
        }
        Ok(true)
    }

    /// Everything so far has been sent, and is kept no longer.
    fn next(&mut self) {
        self.desk.out.clear();
        (self.tail, self.sent, self.first) = (0, 0, false);
    }

    /// Reads what has arrived of the body, as far as there is room; says how much.
    fn gather(&mut self) -> Result<usize, NoBody> {
        let piece = &mut self.desk.piece;
        piece.resize(record::LARGEST_CONTENT, 0);
        let mut count = 0;
        while count < piece.len() {
            match self.downstream.read(&mut piece[count..])? {
                Arrived::Piece(more) => count += more,
                Arrived::End => {
                    self.body = Body::Read;
                    break;
                }
                Arrived::Nothing => break,
            }
        }
        Ok(count)
    }

    /// Has `count` bytes of the body sent.
    fn append(&mut self, count: usize) {
        let Desk { out, piece, .. } = &mut *self.desk;
        if out.len() + count <= ONE_PIECE {
            record::stream(out, Stream::Stdin, ONLY, &piece[..count]);
            return;
        }
        let length = u16::try_from(count).expect("no more than the largest content");
        record::stream_header(out, Stream::Stdin, ONLY, length);
        self.tail = count;
    }

    fn append_end(&mut self) {
        record::stream_end(&mut self.desk.out, Stream::Stdin, ONLY);
        self.body = Body::Whole;
    }

    /// Gives an application the time to answer without the body.
    fn wait_for_refusal(&mut self, line: &Line, most: Duration) -> Option<Outcome> {
        if self.push(line) != Pushed::All {
            return None;
        }
        let mut polled = [PollFd::new(line, PollFlags::IN)];
        match poll(&mut polled, Some(&timespec(most))) {
            Ok(1..) => self.receive(line),
            _ => None,
        }
    }

    /// Waits for what is wanted, or for the application to say something.
    fn wait(&mut self, line: &Line, wants: Wants) -> Option<Outcome> {
        if self.desk.response.is_unflushed() && self.flush().is_err() {
            return Some(self.depart(line));
        }
        let (waited, over) = match (wants, self.downstream.arriving()) {
            (Wants::Room, _) => {
                let mut polled = [PollFd::new(line, PollFlags::IN | PollFlags::OUT)];
                waited(&mut polled, TICK)
            }
            (Wants::Body, Some(arriving)) => {
                let line = PollFd::new(line, PollFlags::IN);
                waited(&mut [line, PollFd::from_borrowed_fd(arriving, PollFlags::IN)], TICK)
            }
            (Wants::Body, None) => {
                let pause = (self.quiet.1 * 2).clamp(PAUSES.0, PAUSES.1);
                waited(&mut [PollFd::new(line, PollFlags::IN)], pause)
            }
        };
        match wants {
            Wants::Room => self.quiet.0 += waited,
            Wants::Body => self.quiet.1 += waited,
        }
        if !over {
            return None;
        }
        if self.quiet.1 >= self.manner.client {
            return Some(self.refuse(line, 408));
        }
        self.look_up(line)
    }

    /// Takes what the application says until it has said everything.
    fn receive_all(&mut self, line: &Line) -> Outcome {
        loop {
            // What was written is worth a flush when nothing more is there.
            let unflushed = self.desk.response.is_unflushed();
            let flags = if unflushed { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
            match recv(line, &mut *self.desk.input, flags) {
                Ok((count, _)) => {
                    if let Some(outcome) = self.take(line, count) {
                        return outcome;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if unflushed => {
                    if self.flush().is_err() {
                        return self.depart(line);
                    }
                }
                Err(Errno::AGAIN) => {
                    self.quiet.0 += TICK;
                    if let Some(outcome) = self.look_up(line) {
                        return outcome;
                    }
                }
                Err(error) => return self.lost(error),
            }
        }
    }

    /// Takes what the application has said, if it has.
    fn receive(&mut self, line: &Line) -> Option<Outcome> {
        match recv(line, &mut *self.desk.input, RecvFlags::DONTWAIT) {
            Ok((count, _)) => self.take(line, count),
            Err(Errno::INTR | Errno::AGAIN) => None,
            Err(error) => Some(self.lost(error)),
        }
    }

    /// Passes on the first `count` bytes of what was read.
    fn take(&mut self, line: &Line, count: usize) -> Option<Outcome> {
        if count == 0 {
            return Some(self.fail(Failure::Died));
        }
        (self.answered, self.quiet.0) = (true, Duration::ZERO);
        let Desk { client, input, response, .. } = &mut *self.desk;
        let mut bytes = &input[..count];
        let stuck = loop {
            match client.next(&mut bytes) {
                Ok(None) => return None,
                Ok(Some(Event::Output { content, .. })) => {
                    if let Err(stuck) = response.output(content, self.downstream) {
                        break stuck;
                    }
                }
                Ok(Some(Event::Log { content, .. })) => response.log(content, self.downstream),
                Ok(Some(Event::End { application_status, protocol_status, .. })) => {
                    let rest = bytes.len();
                    return Some(self.end(application_status, protocol_status, rest));
                }
                Ok(Some(Event::Values(_) | Event::UnknownType(_))) => {}
                Err(error) => return Some(self.fail(Failure::Foreign(error))),
            }
        };
        Some(match stuck {
            Stuck::Departed => self.depart(line),
            Stuck::Head(bad) => self.fail(Failure::Head(bad)),
        })
    }

    /// The application has ended the request; `rest` bytes of what was read are behind that.
    fn end(&mut self, application: u32, protocol: ProtocolStatus, rest: usize) -> Outcome {
        let begun = self.desk.response.has_begun();
        match protocol {
            ProtocolStatus::RequestComplete if application == 0 && begun => {
                self.clean = rest == 0 && self.body == Body::Whole && self.is_sent();
                Outcome::Complete
            }
            ProtocolStatus::RequestComplete if application == 0 => self.fail(Failure::Silent),
            ProtocolStatus::RequestComplete => self.fail(Failure::GaveUp),
            ProtocolStatus::Overloaded if self.is_repeatable() && !begun => Outcome::Untouched,
            _ => self.fail(Failure::TurnedAway(protocol)),
        }
    }

    fn is_sent(&self) -> bool {
        self.sent == self.desk.out.len() + self.tail
    }

    /// The connection has ended with an error: `ECONNRESET` where something was not read.
    fn lost(&mut self, error: Errno) -> Outcome {
        let unread = error == Errno::CONNRESET && self.sends == 1 && !self.answered;
        if unread && self.is_repeatable() {
            return Outcome::Untouched;
        }
        self.fail(Failure::Died)
    }

    /// Looks whether there is still reason to wait.
    fn look_up(&mut self, line: &Line) -> Option<Outcome> {
        if self.downstream.departed() {
            return Some(self.depart(line));
        }
        let overdue = self.manner.application.is_some_and(|most| self.quiet.0 >= most);
        overdue.then(|| self.fail(Failure::Overdue))
    }

    fn flush(&mut self) -> Result<(), Departed> {
        self.desk.response.flush(self.downstream)
    }

    fn fail(&mut self, failure: Failure) -> Outcome {
        if self.desk.response.has_begun() {
            Outcome::Cut(failure)
        } else {
            Outcome::Failed(failure.status(), failure)
        }
    }

    /// The body cannot be read to its end.
    fn refuse(&mut self, line: &Line, status: u16) -> Outcome {
        self.abort(line);
        if self.desk.response.has_begun() {
            Outcome::Cut(Failure::Body)
        } else {
            Outcome::Failed(status, Failure::Body)
        }
    }

    fn depart(&mut self, line: &Line) -> Outcome {
        self.abort(line);
        Outcome::Departed
    }

    /// Says that the answer is not wanted any more, unless that would come amid a record: then the end
    /// of the connection says it.
    fn abort(&mut self, line: &Line) {
        if self.is_sent() {
            self.next();
            self.desk.client.abort(&mut self.desk.out, ONLY);
            self.push(line);
        }
    }
}

impl<D: Downstream> Drop for Exchange<'_, D> {
    fn drop(&mut self) {
        self.desk.response.finish(self.downstream);
        if !self.desk.client.is_idle() {
            self.desk.client = Client::new();
        }
    }
}

/// Waits for one of `polled`, at most so long; says for how long, and whether in vain.
fn waited(polled: &mut [PollFd<'_>], most: Duration) -> (Duration, bool) {
    let began = Instant::now();
    // Whatever goes wrong shows at the next operation.
    let over = poll(polled, Some(&timespec(most))) == Ok(0);
    (began.elapsed(), over)
}

fn timespec(time: Duration) -> Timespec {
    time.try_into().expect("some seconds at most")
}
