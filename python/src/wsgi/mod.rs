//! PEP 3333 over any backend.
//!
//! | file | what it does |
//! |---|---|
//! | `mod.rs` | the handler: at once, or through an exchange |
//! | `environ.rs`, `names.rs` | the environ; the variables of request fields |
//! | `last.rs`, `given.rs` | the environ of the last request, which the next one resembles; a gateway's part of it |
//! | `start.rs`, `fields.rs` | `start_response` and `write`; the headers they are given |
//! | `input.rs`, `errors.rs`, `file.rs` | `wsgi.input`, `wsgi.errors`, `wsgi.file_wrapper` |
//! | `output.rs` | what the application returns |
//! | `hot.rs` | the raw calls |

mod environ;
mod errors;
mod fields;
mod file;
mod given;
pub(crate) mod hot;
mod input;
mod last;
mod names;
mod output;
mod start;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, header::CONTENT_TYPE};
use narthex_core::{
    Answer, Ask, Blocking, Capabilities, Error, Exchange, Handler, Journal, Reply, RequestHead,
    Result,
};
use pyo3::{intern, prelude::*, sync::PyOnceLock, types::PyDict};

use crate::{
    adaptive::{Adaptive, Route, blocked},
    calls, current,
    engine::AppSettings,
    seam,
    turn::{Held, Turn},
};
use environ::Template;
use errors::Errors;
pub(crate) use file::FileWrapper;
use input::Input;
use output::Going;
use start::{Spare, Start, Starting};

/// A WSGI application.
pub(crate) struct Wsgi {
    app: Py<PyAny>,
    settings: AppSettings,
    journal: Arc<dyn Journal>,
    adaptive: Adaptive,
    template: PyOnceLock<Template>,
    spare: Spare,
    turn: Option<Arc<Turn>>,
}

impl Wsgi {
    /// Wraps `app`.
    pub(crate) fn new(
        app: Bound<'_, PyAny>,
        settings: AppSettings,
        journal: Arc<dyn Journal>,
    ) -> Self {
        Self {
            app: app.unbind(),
            settings,
            journal,
            adaptive: Adaptive::new(settings.placement).cautious(settings.cautious),
            template: PyOnceLock::new(),
            spare: Spare::default(),
            turn: settings.serialize.then(Arc::default),
        }
    }

    fn template(
        &self,
        py: Python<'_>,
        request: &RequestHead,
        capabilities: Capabilities,
    ) -> PyResult<&Template> {
        let make = || Template::new(py, request, capabilities, self.settings.request_ids);
        self.template.get_or_try_init(py, make)
    }

    /// Waits until no other request is in the application, if it wants that.
    fn take_turn(&self, blocking: &dyn Blocking) -> Option<Held> {
        let turn = self.turn.as_ref()?;
        Some(turn.try_take().unwrap_or_else(|| blocked(blocking, || turn.take())))
    }

    /// Calls the application for a request that has wholly arrived.
    fn answer(&self, py: Python<'_>, ask: &Ask<'_>, route: &Route, turn: Option<Held>) -> Answer {
        let called = self.call(py, ask, route, turn).inspect(|(_, streamed)| {
            self.adaptive.streamed(route, *streamed);
        });
        match called {
            Ok((answer, _)) => answer,
            Err(error) => self.failure(py, &error, ask.head),
        }
    }

    fn call(
        &self,
        py: Python<'_>,
        ask: &Ask<'_>,
        route: &Route,
        turn: Option<Held>,
    ) -> PyResult<(Answer, bool)> {
        let input = if ask.body.is_empty() {
            None
        } else {
            Some(Bound::new(py, Input::whole(ask.body.clone()))?)
        };
        let template = self.template(py, ask.head, ask.capabilities)?;
        let environ = template.environ(py, ask.head, ask.capabilities, input)?;
        let starting = self.spare.take(py)?;
        let answered = self.called(py, ask, route, turn, (environ, &starting));
        self.spare.give(starting);
        answered
    }

    fn called(
        &self,
        py: Python<'_>,
        ask: &Ask<'_>,
        route: &Route,
        turn: Option<Held>,
        (environ, starting): (Bound<'_, PyDict>, &Starting<'_>),
    ) -> PyResult<(Answer, bool)> {
        let Starting { start, callable } = starting;
        let result = self.app.bind(py).call1((environ, callable));
        if start.get().pushed() {
            self.adaptive.pushed();
        }
        let result = match result {
            Ok(result) => result,
            Err(error) => {
                let Some(begun) = output::cut(start)? else { return Err(error) };
                // What was written counts as sent: no error page can take its place.
                seam::failed(py, &error, ask.head, &*self.journal);
                return Ok((begun, true));
            }
        };
        output::answer(py, &result, start, || Going {
            request: ask.head.clone(),
            journal: Arc::clone(&self.journal),
            blocking: Arc::clone(ask.blocking),
            route: *route,
            turn,
        })
    }

    /// The response in place of the one that failed.
    fn failure(&self, py: Python<'_>, error: &PyErr, request: &RequestHead) -> Answer {
        let fault = seam::failed(py, error, request, &*self.journal);
        let mut answer = Answer::plain(fault.status());
        if let Some(page) = self.page(py, error, &fault, request) {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            answer.head.headers.insert(CONTENT_TYPE, html);
            answer = Answer::whole(answer.head, page);
        }
        answer
    }

    /// The page for the developer, where there is one to see it.
    fn page(
        &self,
        py: Python<'_>,
        error: &PyErr,
        fault: &Error,
        request: &RequestHead,
    ) -> Option<Bytes> {
        let wanted =
            self.settings.debug && matches!(fault, Error::Reported) && seam::is_local(request);
        wanted.then(|| seam::error_page(py, error, request, self.settings.backend)).flatten()
    }

    /// Calls the application with an exchange to read from and write to.
    fn stream(&self, py: Python<'_>, exchange: &Arc<Exchange>, route: &Route) -> PyResult<()> {
        let (request, capabilities) = (exchange.request(), exchange.capabilities());
        let input = Bound::new(py, Input::arriving(Arc::clone(exchange)))?;
        let template = self.template(py, request, capabilities)?;
        let environ = template.environ(py, request, capabilities, Some(input))?;
        if let Some(errors) = Errors::of_the_request() {
            environ.set_item(intern!(py, "wsgi.errors"), Bound::new(py, errors)?)?;
        }
        let start = Start::streaming(Arc::clone(exchange), !route.aside());
        let Starting { start, callable } = Starting::new(py, start)?;
        let result = self.app.bind(py).call1((environ, callable))?;
        let sent = output::send(py, &result, &start, exchange);
        self.adaptive.streamed(route, start.get().pushed());
        sent
    }
}

#[async_trait]
impl Handler for Wsgi {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        let route = self.adaptive.route(ask.head.uri.path().as_bytes());
        if route.later {
            return Reply::Later;
        }
        let turn = self.take_turn(&**ask.blocking);
        Reply::Now(self.adaptive.call(&route, &**ask.blocking, || {
            let _call = calls::enter(ask.head, route.at());
            Python::attach(|py| {
                let _stay = current::enter_first(ask.head, &*self.journal);
                self.answer(py, ask, &route, turn)
            })
        }))
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let route = self.adaptive.route(&exchange.request().raw_path());
        let turn = self.take_turn(exchange.blocking());
        let route = route.settled();
        let outcome = self.adaptive.call(&route, exchange.blocking(), || {
            let _call = calls::enter_exchange(&exchange, route.at());
            Python::attach(|py| {
                let _stay = current::enter_first(exchange.request(), &*self.journal);
                self.stream(py, &exchange, &route).map_err(|error| {
                    let request = exchange.request();
                    let fault = seam::failed(py, &error, request, &*self.journal);
                    let page =
                        (!exchange.started()).then(|| self.page(py, &error, &fault, request));
                    (fault, page.flatten())
                })
            })
        });
        drop(turn);
        match outcome {
            Ok(()) => Ok(()),
            Err((_, Some(page))) => {
                let mut head =
                    narthex_core::ResponseHead::new(http::StatusCode::INTERNAL_SERVER_ERROR);
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                head.headers.insert(CONTENT_TYPE, html);
                exchange.respond(head, page).await
            }
            Err((fault, None)) => Err(fault),
        }
    }
}
