//! The responses of a connection: put out, ended or cut.

use bytes::Bytes;
use narthex_core::{Error, ResponseHead, Result};

use super::{KEPT, LARGE, Line, Running};
use crate::{
    cgi_text,
    gateway::protocol::{After, Ended, Id, Protocol},
};

impl<I, P: Protocol> Line<I, P> {
    /// Puts out the head of a response.
    pub(in crate::gateway) fn start(&mut self, number: u64, head: &ResponseHead) -> Result<()> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        cgi_text::append(P::OPENING, head, &mut text);
        let outcome = self.put(number, &text);
        self.text = text;
        outcome
    }

    /// Puts out a piece of a body.
    pub(in crate::gateway) fn write(&mut self, number: u64, mut piece: Bytes) -> Result<()> {
        if piece.len() < LARGE {
            return self.put(number, &piece);
        }
        let id = self.beginning(number)?.id;
        while !piece.is_empty() {
            let count = self.protocol.before(id, piece.len(), self.out.gathered());
            self.out.piece(piece.split_to(count));
        }
        Ok(())
    }

    /// Puts out a whole response, and ends its request.
    pub(in crate::gateway) fn respond(
        &mut self,
        number: u64,
        head: &ResponseHead,
        body: Bytes,
    ) -> Result<()> {
        let bodiless = self.beginning(number)?.bodiless;
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        cgi_text::append_whole(P::OPENING, head, body.len(), bodiless, &mut text);
        let small = body.len() < LARGE;
        self.large |= body.len() > KEPT;
        if small {
            text.extend_from_slice(&body);
        }
        let mut outcome = self.put(number, &text);
        self.text = text;
        if !small {
            outcome = outcome.and_then(|()| self.write(number, body));
        }
        outcome.map(|()| self.finish(number, Ended::Complete))
    }

    /// Adds a line to the error log of the web server.
    pub(in crate::gateway) fn errors(&mut self, number: u64, text: &[u8]) {
        let Some(id) = self.request(number).map(|running| running.id) else { return };
        self.protocol.errors(id, text, self.out.gathered());
    }

    /// Ends a request. One that failed in the middle of its response takes the connection with it,
    /// for web servers believe nothing else; others that run on it are given time to end.
    pub(in crate::gateway) fn finish(&mut self, number: u64, how: Ended) {
        let Some(at) = self.running.iter().position(|running| running.number == number) else {
            return;
        };
        let mut running = self.running.swap_remove(at);
        running.body.wake();
        self.unread |= !running.body.is_over();
        if how == Ended::Failed && running.begun {
            self.cut.push(running.id);
        } else {
            self.turn_away(running.id, how);
        }
        if self.running.is_empty() {
            self.closing |= self.leaving || !self.cut.is_empty();
            for id in std::mem::take(&mut self.cut) {
                self.turn_away(id, Ended::Cut);
            }
        }
    }

    /// Keeps the connection for no request after those that run.
    pub(in crate::gateway) fn leave(&mut self) {
        self.leaving = true;
    }

    /// Ends a request whose response is complete.
    pub(in crate::gateway) fn conclude(&mut self, number: u64) -> Result<()> {
        self.beginning(number)?;
        self.finish(number, Ended::Complete);
        Ok(())
    }

    /// Ends a request that nobody wants answered any more.
    pub(in crate::gateway) fn abort(&mut self, number: u64) {
        if let Some(running) = self.request(number) {
            running.begun = false; // the peer knows that it is not whole
        }
        self.finish(number, Ended::Failed);
    }

    /// Whether a request was answered from outside; to be asked once.
    pub(in crate::gateway) fn was_outlived(&mut self, number: u64) -> bool {
        let at = self.outlived.iter().position(|&outlived| outlived == number);
        at.map(|at| self.outlived.swap_remove(at)).is_some()
    }

    /// Ends what only the protocol still knows of.
    pub(in crate::gateway) fn turn_away(&mut self, id: Id, how: Ended) {
        let after = self.protocol.end(id, how, self.out.gathered());
        self.closing |= after == After::Close;
    }

    fn put(&mut self, number: u64, mut bytes: &[u8]) -> Result<()> {
        let id = self.beginning(number)?.id;
        while !bytes.is_empty() {
            let count = self.protocol.before(id, bytes.len(), self.out.gathered());
            self.out.gathered().extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// The request of that number, for which something is about to be put out.
    fn beginning(&mut self, number: u64) -> Result<&mut Running> {
        let running = self.request(number).ok_or(Error::Disconnected)?;
        running.begun = true;
        Ok(running)
    }
}
