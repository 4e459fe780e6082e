//! From a request to the application: at once, or by a call that may wait for its connection.

use std::{
    future::poll_fn,
    sync::{Arc, Weak},
};

use narthex_core::{
    Answer, Ask, Body, Connection, Exchange, Expire, Expiry, Pulled, Record, RequestHead, answer,
};

use super::{
    protocol::{Ended, Protocol},
    shared::{Ready, Shared, Single},
    transaction::Streaming,
};
use crate::edge::{Task, Transport};

/// A body that is made while it is sent.
pub(super) struct Pulling<I: Transport, P: Protocol> {
    shared: Arc<Shared<I, P>>,
    number: u64,
    body: Pulled,
    request: Box<RequestHead>,
    record: Option<Record>,
}

/// What became of a request that was asked for.
enum Asked<I: Transport, P: Protocol> {
    /// It has been answered.
    Done,
    /// Its body is still to be made.
    Pulls(Pulling<I, P>),
    /// It wants a call that may wait.
    Later(Box<RequestHead>),
}

impl<I: Transport, P: Protocol> Shared<I, P> {
    /// Answers a request on this thread, which may not wait for the connection; a body that is left
    /// to be pulled, each piece when all before it has been sent.
    ///
    /// What cannot be answered so becomes a call: one that drives the connection, or, where it is
    /// shared with others, a task.
    pub(super) fn call(self: &Arc<Self>, ready: Ready, shared: bool) -> Option<Pulling<I, P>> {
        if shared || self.seat.lent() {
            self.server.tasks.spawn(Arc::clone(self).aside(ready));
            return None;
        }
        let number = ready.number;
        if let Some(expiry) = self.expiry.get() {
            ready.head.connection.expiry.set(Weak::clone(expiry));
        }
        let head = match self.ask(ready) {
            Asked::Done => return None,
            Asked::Pulls(pulling) => return Some(pulling),
            Asked::Later(head) => head,
        };
        let call = self.stream(head, number);
        self.seat.launch(number, Box::pin(call));
        None
    }

    /// Answers a request beside others of its connection.
    fn aside(self: Arc<Self>, mut ready: Ready) -> Task {
        Box::pin(async move {
            let number = ready.number;
            // Nothing else refers to it: it ends with the task.
            let expire: Arc<dyn Expire> = Arc::new(Single { shared: Arc::clone(&self), number });
            // Their connection may say the same of itself, but each is ended by itself.
            let own = Connection { expiry: Expiry::default(), ..ready.head.connection.anew() };
            own.expiry.set(Arc::downgrade(&expire));
            ready.head.connection = Arc::new(own);
            match self.ask(ready) {
                Asked::Done => self.line().wake(),
                Asked::Pulls(pulling) => pulling.run().await,
                Asked::Later(head) => self.stream(head, number).await,
            }
        })
    }

    /// Runs the application over a transaction.
    fn stream(
        self: &Arc<Self>,
        head: Box<RequestHead>,
        number: u64,
    ) -> impl Future<Output = ()> + use<I, P> {
        let transaction = Streaming::new(Arc::clone(self), head, number);
        let site = Arc::clone(&self.server.site);
        async move {
            // Reported already; the dropped transaction ends the request.
            let _ = Exchange::run(transaction, site).await;
        }
    }

    fn ask(self: &Arc<Self>, ready: Ready) -> Asked<I, P> {
        let Ready { number, head, body } = ready;
        let Some(body) = body else { return Asked::Later(head) };
        let server = &self.server;
        let site = &server.site;
        let mut record = Record::begin(site, &head);
        let ask = Ask::new(&head, &body, server.capabilities, &server.blocking);
        let Some(answer) = answer(site, &ask) else {
            if let Some(record) = &record {
                record.give_up(site);
            }
            if let Some(running) = self.line().request(number) {
                running.body.restore(body);
            }
            return Asked::Later(head);
        };
        if let Some(record) = &mut record {
            record.answered(site, &answer.head);
            record.received = body.len() as u64;
        }
        self.answered(number, answer, head, record)
    }

    fn answered(
        self: &Arc<Self>,
        number: u64,
        answer: Answer,
        request: Box<RequestHead>,
        mut record: Option<Record>,
    ) -> Asked<I, P> {
        let site = &self.server.site;
        let Answer { head, body } = answer;
        match body {
            Body::Whole(body) => {
                let length = body.len() as u64;
                let sent = self.line().respond(number, &head, body);
                if let Some(record) = &mut record {
                    if sent.is_err() && self.line().was_outlived(number) {
                        // Who has answered in its place has also written that down.
                        record.give_up(site);
                        return Asked::Done;
                    }
                    record.bytes = length;
                    record.complete = sent.is_ok();
                    record.write(site, &request);
                }
                if site.trust.is_empty() {
                    // Nothing of it has been changed.
                    self.line().heads.give_back(number, request);
                }
                Asked::Done
            }
            Body::Pulled(body) => {
                let _ = self.line().start(number, &head);
                let shared = Arc::clone(self);
                Asked::Pulls(Pulling { shared, number, body, request, record })
            }
        }
    }
}

impl<I: Transport, P: Protocol> Pulling<I, P> {
    /// Makes the next piece and puts it out; `false` when there is no more to come.
    pub(super) fn step(&mut self) -> bool {
        if self.shared.line().request(self.number).is_none() {
            return false; // nobody wants it any more
        }
        let next = self.body.next(&self.shared.server.site, &self.request);
        let mut line = self.shared.line();
        let more = match next {
            Ok(Some(piece)) => {
                if let Some(record) = &mut self.record {
                    record.bytes += piece.len() as u64;
                }
                return line.write(self.number, piece).is_ok();
            }
            Ok(None) => line.conclude(self.number),
            Err(error) => {
                line.finish(self.number, Ended::Failed);
                Err(error)
            }
        };
        if let Some(record) = &mut self.record {
            record.complete = more.is_ok();
        }
        false
    }

    /// Makes all of it, each piece when all before it has been sent.
    pub(super) async fn run(mut self) {
        loop {
            let until = self.shared.line().appended();
            let sent = poll_fn(|context| self.shared.line().poll_sent(until, context)).await;
            if sent.is_err() || !self.step() {
                break;
            }
        }
        self.shared.line().wake();
    }
}

impl<I: Transport, P: Protocol> Drop for Pulling<I, P> {
    fn drop(&mut self) {
        let mut line = self.shared.line();
        line.finish(self.number, Ended::Failed); // unless it has an end
        let outlived = line.was_outlived(self.number);
        drop(line);
        let Some(record) = &self.record else { return };
        let site = &self.shared.server.site;
        if outlived { record.give_up(site) } else { record.write(site, &self.request) }
    }
}
