//! A native application as a handler of the core.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::{Method, StatusCode, header::CONTENT_LENGTH};
use narthex_core::{
    Answer, Ask, Blocking, Body, Error, Exchange, Handler, Journal, Pulled, Reply, RequestHead,
    ResponseHead, Result,
};
use pyo3::{exceptions::PyTypeError, intern, prelude::*};

use super::{
    abort::Abort,
    gathered::Gathered,
    output::Page,
    pieces::{Pieces, Tail},
    returned::Returned,
    transaction::Transaction,
};
use crate::{
    adaptive::{Adaptive, Route, blocked},
    calls::{self, Call},
    current,
    engine::AppSettings,
    seam,
    turn::{Held, Turn},
};

/// An application that takes a transaction.
#[derive(Debug)]
pub(crate) struct Native(Arc<Application>);

/// What the requests of an application share.
pub(super) struct Application {
    respond: Py<PyAny>,
    settings: AppSettings,
    journal: Arc<dyn Journal>,
    pub(super) adaptive: Adaptive,
    turn: Option<Arc<Turn>>,
}

/// How a handler left its response.
struct Ending {
    head: ResponseHead,
    /// The head is out of the application's hands, and sent where there is an exchange.
    started: bool,
    /// What has not been sent.
    body: Gathered,
    /// What is still to be made.
    pieces: Option<Pieces>,
    /// Why it goes no further.
    error: Option<Error>,
}

impl Native {
    /// Wraps `application`, which is a callable or has a method `respond`.
    ///
    /// # Errors
    /// `TypeError`: it is neither, or it is asynchronous.
    pub(crate) fn new(
        application: &Bound<'_, PyAny>,
        settings: AppSettings,
        journal: Arc<dyn Journal>,
    ) -> PyResult<Self> {
        let py = application.py();
        let respond = match application.getattr_opt(intern!(py, "respond"))? {
            Some(respond) => respond,
            None => application.clone(),
        };
        if !respond.is_callable() {
            return Err(PyTypeError::new_err(format!(
                "{} is neither callable nor has a method respond(t)",
                application.repr()?
            )));
        }
        if is_asynchronous(&respond)? {
            return Err(PyTypeError::new_err(format!(
                "{} is asynchronous: a handler of transactions is a plain function or method",
                respond.repr()?
            )));
        }
        Ok(Self(Arc::new(Application {
            respond: respond.unbind(),
            settings,
            journal,
            adaptive: Adaptive::new(settings.placement).cautious(settings.cautious),
            turn: settings.serialize.then(Arc::default),
        })))
    }
}

#[async_trait]
impl Handler for Native {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        // An answer given at once cannot be sent in parts, and an application that never ends
        // would never be heard of: a path must have shown that it does not stream.
        let route = self.0.route(ask.head);
        if route.later {
            return Reply::Later;
        }
        let make = || Transaction::whole(ask, &self.0);
        Reply::Now(
            self.0
                .run(&route, &**ask.blocking, || calls::enter(ask.head, route.at()), make)
                .answer(ask.blocking),
        )
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let route = self.0.route(exchange.request()).settled();
        let enter = || calls::enter_exchange(&exchange, route.at());
        let make = || Transaction::streaming(&exchange, &self.0);
        self.0.run(&route, exchange.blocking(), enter, make).send(&exchange).await
    }
}

impl Application {
    /// What is known of the route that `request` takes.
    pub(super) fn route(&self, request: &RequestHead) -> Route {
        self.adaptive.route(&request.raw_path())
    }

    /// The name of the backend.
    pub(super) fn backend(&self) -> &'static str {
        self.settings.backend
    }

    /// Remembers that a request had to put aside what it should have sent: others like it must not
    /// have to wait for its end.
    pub(super) fn note_stream(&self, request: &RequestHead) {
        self.adaptive.streamed(&self.route(request), true);
        self.adaptive.pushed();
    }

    /// Calls the application, as all calls of it are made.
    fn run(
        self: &Arc<Self>,
        route: &Route,
        blocking: &dyn Blocking,
        enter: impl FnOnce() -> Option<Call>,
        make: impl FnOnce() -> Transaction,
    ) -> Ending {
        let turn = self.take_turn(blocking);
        let ending = self.adaptive.call(route, blocking, || {
            let _call = enter();
            Python::attach(|py| match Bound::new(py, make()) {
                Ok(transaction) => self.call(&transaction, turn),
                Err(_) => Ending::failed(Error::internal("no memory for a transaction")),
            })
        });
        self.adaptive.streamed(route, ending.started);
        ending
    }

    /// Waits until no other request is in the application, if it wants that.
    fn take_turn(&self, blocking: &dyn Blocking) -> Option<Held> {
        let turn = self.turn.as_ref()?;
        Some(turn.try_take().unwrap_or_else(|| blocked(blocking, || turn.take())))
    }

    fn call(self: &Arc<Self>, transaction: &Bound<'_, Transaction>, turn: Option<Held>) -> Ending {
        let state = transaction.get();
        let _stay = current::enter_first(&state.head, &*self.journal);
        let (mut pieces, error) = match self.respond(transaction) {
            Ok(pieces) => (pieces, None),
            Err(error) => (None, self.excuse(&error, transaction)),
        };
        let started = state.output().started();
        let (head, body) = state.take();
        match &mut pieces {
            Some(pieces) => pieces.turn = turn,
            None => state.end(),
        }
        Ending { head, started, body, pieces, error }
    }

    /// Runs the handler, up to the first piece of a body that it makes while it is sent: so it
    /// still decides about the head, and may still fail without a trace.
    fn respond(self: &Arc<Self>, transaction: &Bound<'_, Transaction>) -> PyResult<Option<Pieces>> {
        let py = transaction.py();
        let output = || transaction.get().output();
        let iterator = match Returned::new(self.respond.bind(py).call1((transaction,))?)? {
            Returned::Nothing => return Ok(None),
            Returned::Piece(kind, body) => {
                output().push(kind, body)?;
                return Ok(None);
            }
            Returned::Iterator(iterator) => iterator,
        };
        let pieces = Pieces::new(iterator, transaction, self);
        while let Some((kind, chunk)) = pieces.step(py)? {
            if !chunk.is_empty() {
                output().push(kind, chunk)?;
                return Ok(Some(pieces));
            }
        }
        Ok(None)
    }

    /// Makes the response to an exception, or the error that stands for it where there is none.
    fn excuse(&self, error: &PyErr, transaction: &Bound<'_, Transaction>) -> Option<Error> {
        let py = transaction.py();
        let state = transaction.get();
        if state.output().started() {
            return Some(self.failed(py, error, state));
        }
        let (status, page) = if let Ok(abort) = error.value(py).cast::<Abort>() {
            let abort = abort.get();
            (abort.code, Page::plain(abort.page()))
        } else {
            let fault = self.failed(py, error, state);
            let wanted = self.settings.debug
                && matches!(fault, Error::Reported)
                && seam::is_local(&state.head);
            let page =
                wanted.then(|| seam::error_page(py, error, &state.head, self.settings.backend));
            match page.flatten() {
                Some(page) => (fault.status(), Page::html(page)),
                None => return Some(fault),
            }
        };
        state.output().replace(status, page).err().map(Error::from)
    }

    /// Writes the traceback of `error` to the log.
    pub(super) fn failed(&self, py: Python<'_>, error: &PyErr, transaction: &Transaction) -> Error {
        seam::failed(py, error, &transaction.head, &*self.journal)
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("respond", &self.respond).finish_non_exhaustive()
    }
}

impl Ending {
    fn failed(error: Error) -> Self {
        Self {
            head: ResponseHead::default(),
            started: false,
            body: Gathered::default(),
            pieces: None,
            error: Some(error),
        }
    }

    /// The response as an answer given at once.
    fn answer(mut self, blocking: &Arc<dyn Blocking>) -> Answer {
        if let Some(error) = &self.error
            && !self.started
        {
            return Answer::plain(error.status());
        }
        if self.pieces.is_none() && self.error.is_none() {
            match self.body.whole() {
                Ok(Some(body)) => return Answer::whole(self.head, body),
                Ok(None) => self.declare_length(),
                Err(error) => self.error = Some(error.into()),
            }
        }
        let blocking = Arc::clone(blocking);
        let tail = Tail { body: self.body, pieces: self.pieces, error: self.error, blocking };
        Answer { head: self.head, body: Body::Pulled(Pulled::new(Box::new(tail))) }
    }

    fn declare_length(&mut self) {
        let forbidden = self.head.status == StatusCode::NOT_MODIFIED; // of another body
        if !forbidden && !self.head.headers.contains_key(CONTENT_LENGTH) {
            self.head.headers.insert(CONTENT_LENGTH, self.body.len().into());
        }
    }

    /// Sends what has not been sent.
    async fn send(mut self, exchange: &Exchange) -> Result<()> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.pieces.is_none()
            && !self.started
            && let Some(body) = self.body.whole()?
        {
            return exchange.respond(self.head, body).await;
        }
        let bodiless = exchange.request().method == Method::HEAD
            || matches!(self.head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if !self.started {
            exchange.start(self.head).await?;
        }
        while let Some(piece) = self.body.next()? {
            exchange.write(piece).await?;
        }
        let Some(pieces) = self.pieces.filter(|_| !bodiless) else { return Ok(()) };
        loop {
            // The next piece may be long in coming: what there is is on its way before it is asked
            // for.
            exchange.flush().await?;
            match pieces.next(exchange.blocking())? {
                Some(piece) => exchange.write(piece).await?,
                None => return Ok(()),
            }
        }
    }
}

/// Whether calling `handler` would only make a coroutine or an asynchronous generator.
fn is_asynchronous(handler: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = handler.py();
    let inspect = py.import(intern!(py, "inspect"))?;
    let call = handler.getattr_opt(intern!(py, "__call__"))?;
    for candidate in [Some(handler), call.as_ref()].into_iter().flatten() {
        for test in [intern!(py, "iscoroutinefunction"), intern!(py, "isasyncgenfunction")] {
            if inspect.call_method1(test, (candidate,))?.is_truthy()? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
