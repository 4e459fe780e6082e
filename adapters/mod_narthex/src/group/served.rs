//! The client of a request, for whoever asks on its behalf.

use std::os::fd::BorrowedFd;

use narthex_adapters::fastcgi::asking::{Arrived, Departed, Downstream, Head, NoBody};

use crate::{
    auth::Unseen,
    httpd::{Incoming, Level, Lookout, Outgoing, Request, Trouble},
    place::Outcome,
};

/// The client of a request of httpd.
#[derive(Debug)]
pub(super) struct Served<'r> {
    request: Request<'r>,
    incoming: Incoming<'r>,
    outgoing: Outgoing<'r>,
    lookout: Lookout,
}

impl<'r> Served<'r> {
    /// The client of `request`, of which nothing has been read.
    pub(super) fn new(request: &Request<'r>) -> Self {
        Self {
            request: request.again(),
            incoming: Incoming::new(request),
            outgoing: Outgoing::new(request),
            lookout: Lookout::default(),
        }
    }

    /// The response is whole.
    pub(super) fn finish(&mut self) {
        // Whether the client still hears of it makes no difference any more.
        let _ = self.outgoing.finish();
    }

    /// The rest of the response will not come.
    pub(super) fn cut(&mut self) {
        self.outgoing.cut();
    }

    /// The client has gone.
    pub(super) fn leave(&mut self) -> Outcome {
        if self.outgoing.is_started() {
            self.outgoing.cut();
            return Outcome::Answered;
        }
        // A filter may have refused the body by itself; otherwise this is for the access log.
        if self.request.is_answered() { Outcome::Answered } else { Outcome::Status(400) }
    }
}

impl Downstream for Served<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Arrived, NoBody> {
        match self.incoming.read_arrived(buffer) {
            Ok(None) => Ok(Arrived::Nothing),
            Ok(Some(0)) => Ok(Arrived::End),
            Ok(Some(count)) => Ok(Arrived::Piece(count)),
            Err(Trouble::Gone) => Err(NoBody::Departed),
            Err(Trouble::TooLarge) => Err(NoBody::Refused(413)),
            Err(Trouble::TimedOut) => Err(NoBody::Refused(408)),
            Err(Trouble::Malformed) => Err(NoBody::Refused(400)),
            Err(Trouble::Failed) => Err(NoBody::Refused(500)),
        }
    }

    fn invite(&mut self) {
        self.request.invite();
    }

    fn arriving(&self) -> Option<BorrowedFd<'_>> {
        self.request.socket()
    }

    fn start(&mut self, head: &Head<'_>) -> Result<(), Departed> {
        self.outgoing.start(head.status, head.reason, head.fields()).map_err(|_| Departed)
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Departed> {
        self.outgoing.write(piece, false).map_err(|_| Departed)
    }

    fn flush(&mut self) -> Result<(), Departed> {
        self.outgoing.write(b"", true).map_err(|_| Departed)
    }

    fn departed(&mut self) -> bool {
        self.lookout.has_left(&self.request)
    }

    fn log(&mut self, line: &[u8]) {
        self.request.log(Level::Error, line);
    }
}

/// Whoever asks an authorizer (FastCGI 6.3) on behalf of a request.
#[derive(Debug)]
pub(super) struct Consulted<'r> {
    request: Request<'r>,
    lookout: Lookout,
    /// What it has said.
    pub(super) response: Unseen,
}

impl<'r> Consulted<'r> {
    /// On behalf of `request`.
    pub(super) fn new(request: &Request<'r>) -> Self {
        Self { request: request.again(), lookout: Lookout::default(), response: Unseen::default() }
    }
}

impl Downstream for Consulted<'_> {
    fn read(&mut self, _buffer: &mut [u8]) -> Result<Arrived, NoBody> {
        Ok(Arrived::End)
    }

    fn invite(&mut self) {}

    fn arriving(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn start(&mut self, head: &Head<'_>) -> Result<(), Departed> {
        self.response.start(head.status, head.fields());
        Ok(())
    }

    fn write(&mut self, _piece: &[u8]) -> Result<(), Departed> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Departed> {
        Ok(())
    }

    fn departed(&mut self) -> bool {
        self.lookout.has_left(&self.request)
    }

    fn log(&mut self, line: &[u8]) {
        self.request.log(Level::Error, line);
    }
}
