//! The bytes of a connection: read when there is room for what they say, sent when all is gathered.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Bytes, BytesMut};
use narthex_core::{Error, ResponseHead, Result};

use super::{KEPT, Line, SCRATCH, Step};
use crate::{
    edge::{Awaited, Transport},
    gateway::protocol::{Ended, Protocol},
};

impl<I: Transport, P: Protocol> Line<I, P> {
    /// Goes on until something has to be done by whoever polls; `makes` more once all is sent.
    pub(in crate::gateway) fn step(&mut self, context: &mut Context<'_>, makes: bool) -> Step {
        loop {
            let takes = self.takes();
            if takes {
                match self.protocol.next(&mut self.input, self.out.gathered()) {
                    Ok(Some(event)) => return Step::Event(event),
                    Ok(None) => {}
                    Err(broken) => self.break_off(broken),
                }
            }
            let flushed = self.poll_flush(context);
            if self.is_gone() || (self.closing && flushed.is_ready() && self.running.is_empty()) {
                return Step::Over;
            }
            if makes && flushed.is_ready() {
                return Step::Sent;
            }
            if !takes {
                if self.takes() {
                    continue; // now that there is room
                }
                return Step::Waits;
            }
            match self.poll_fill(context) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0)) => self.eof(),
                Poll::Ready(Err(_)) => self.depart(),
                Poll::Pending => {
                    self.rest();
                    return Step::Waits;
                }
            }
        }
    }

    /// Reads what the peer sends.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(io) = &mut self.io else { return Poll::Ready(Ok(0)) };
        SCRATCH.with_borrow_mut(|scratch| {
            let count = ready!(io.poll_read_into(context, scratch))?;
            self.input.extend_from_slice(&scratch[..count]);
            self.received += count as u64;
            self.large |= count > KEPT;
            Poll::Ready(Ok(count))
        })
    }

    /// Gives back what only a busy connection needs.
    fn rest(&mut self) {
        if self.large && self.running.is_empty() && self.input.is_empty() {
            self.input = BytesMut::new();
            self.text = Vec::new();
            self.large = false;
        }
    }

    /// Sends what waits; ready when nothing does, be it because the peer has left.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_sending() {
            return Poll::Ready(());
        }
        let Some(io) = &mut self.io else { return Poll::Ready(()) };
        let flushed = self.out.poll_flush(io, context);
        if let Poll::Ready(Err(_)) = flushed {
            self.depart();
        }
        let sent = self.out.sent();
        for (_, waker) in self.waiting.extract_if(.., |(until, _)| *until <= sent) {
            waker.wake();
        }
        flushed.map(drop)
    }

    /// Ready when so many bytes have been sent.
    pub(in crate::gateway) fn poll_sent(
        &mut self,
        until: u64,
        context: &Context<'_>,
    ) -> Poll<Result<()>> {
        if self.out.sent() < until
            && !self.is_gone()
            && let Some(waker) = self.waker.clone()
        {
            // Whoever polls the connection is woken for what there is no room for now.
            let _ = self.poll_flush(&mut Context::from_waker(&waker));
        }
        if self.out.sent() >= until {
            return Poll::Ready(Ok(()));
        }
        if self.is_gone() {
            return Poll::Ready(Err(Error::Disconnected));
        }
        let waker = context.waker();
        if !self.waiting.iter().any(|(it, known)| *it == until && known.will_wake(waker)) {
            self.waiting.push((until, waker.clone()));
        }
        Poll::Pending
    }

    /// Reads and throws away; ready at the end of what the peer sends.
    pub(in crate::gateway) fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.input = BytesMut::new();
        loop {
            match ready!(self.poll_fill(context)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => self.input.clear(),
            }
        }
    }

    pub(in crate::gateway) fn poll_shutdown(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(io) = &mut self.io else { return Poll::Ready(Ok(())) };
        Pin::new(io).poll_shutdown(context)
    }

    /// Closes the transport. The connection may outlive it: an application can hold on to a request
    /// that has been answered, and a cycle of its objects does until they are collected.
    pub(in crate::gateway) fn close(&mut self) {
        self.io = None;
    }

    /// See [`Transport::part`].
    pub(in crate::gateway) fn part(&mut self) -> Option<Arc<dyn Awaited>> {
        self.io.as_mut()?.part()
    }

    /// See [`Transport::rejoin`].
    pub(in crate::gateway) fn rejoin(&mut self) {
        if let Some(io) = &mut self.io {
            io.rejoin();
        }
    }

    /// Ends a request that its application holds, with `answer` if nothing of its response has been
    /// put out; says whether that was sent. Never waits. `None`: there is nothing to end.
    pub(in crate::gateway) fn expire(
        &mut self,
        number: u64,
        answer: Option<(&ResponseHead, Bytes)>,
    ) -> Option<bool> {
        let begun = self.request(number)?.begun;
        let answered = match answer {
            Some((head, body)) if !begun => self.respond(number, head, body).is_ok(),
            _ => {
                self.finish(number, Ended::Failed);
                false
            }
        };
        let until = self.appended();
        // Its application may be what holds up whoever polls the connection.
        let _ = self.poll_flush(&mut Context::from_waker(Waker::noop()));
        let answered = answered && self.out.sent() >= until;
        if answered {
            self.outlived.push(number);
        }
        if self.is_shared() {
            self.wake();
        } else {
            self.depart();
            let _ = self.poll_shutdown(&mut Context::from_waker(Waker::noop()));
            self.wake();
        }
        Some(answered)
    }
}
