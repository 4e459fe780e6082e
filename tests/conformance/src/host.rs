//! What the test file of a backend provides.

use std::{
    fmt,
    io::{self, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use narthex_core::{Capabilities, Exchange, ResponseHead, Site, Variables};

use crate::{Dialect, Request, front::Dialects, gateway};

/// A backend under test.
pub trait Host: Sync {
    /// Its name in the matrix.
    fn name(&self) -> &'static str;

    /// Opens it on `bind`, an address as the command line takes them; a gateway has no use for it.
    fn open(&self, bind: &str) -> Opened;

    /// What a web server in front of it does, so that a case cannot be held.
    fn in_front(&self, _group: &str, _name: &str) -> Option<&'static str> {
        None
    }
}

/// How a server is to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Running requests are finished first.
    Graceful,
    /// At once.
    Now,
}

/// An opened backend.
pub struct Opened {
    pub(crate) capabilities: Capabilities,
    pub(crate) service: Service,
}

pub(crate) type Answer =
    dyn Fn(Arc<Site>, Variables, Box<dyn Read + Send>, Box<dyn Write + Send>) + Send + Sync;

pub(crate) enum Service {
    Listening {
        address: String,
        serve: Box<dyn FnOnce(Arc<Site>) + Send>,
        stop: Box<dyn Fn(Ending) + Send + Sync>,
        dialects: Option<Dialects>,
    },
    Gateway(Box<Answer>),
}

impl Opened {
    /// A backend that listens: clients find it at the first of `addresses`, `serve` runs until
    /// `stop` has been called.
    pub fn listening(
        capabilities: Capabilities,
        addresses: &[String],
        serve: impl FnOnce(Arc<Site>) + Send + 'static,
        stop: impl Fn(Ending) + Send + Sync + 'static,
    ) -> Self {
        let address = addresses.first().expect("an address").clone();
        let (serve, stop) = (Box::new(serve), Box::new(stop));
        let service = Service::Listening { address, serve, stop, dialects: None };
        Self { capabilities, service }
    }

    /// This backend, spoken to by a web server in miniature in what `dialect` makes for each
    /// connection.
    #[must_use]
    pub fn spoken_to(
        mut self,
        dialect: impl Fn() -> Box<dyn Dialect> + Send + Sync + 'static,
    ) -> Self {
        if let Service::Listening { dialects, .. } = &mut self.service {
            *dialects = Some(Arc::new(dialect));
        }
        self
    }

    /// A gateway that answers one request: its variables and body in, the response out. What it
    /// can do is what it tells an application.
    pub fn gateway(
        answer: impl Fn(Arc<Site>, Variables, Box<dyn Read + Send>, Box<dyn Write + Send>)
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let told = Arc::new(Mutex::new(None));
        let asking = Arc::clone(&told);
        let site = Site::new(Arc::new(move |exchange: Arc<Exchange>| {
            *asking.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange.capabilities());
            async move { exchange.respond(ResponseHead::default(), Bytes::new()).await }
        }));
        let variables = gateway::variables(&Request::get("/"), "");
        answer(Arc::new(site), variables, Box::new(io::empty()), Box::new(io::sink()));
        let capabilities = told.lock().unwrap_or_else(PoisonError::into_inner).take();
        let capabilities = capabilities.expect("the application was called");
        Self { capabilities, service: Service::Gateway(Box::new(answer)) }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("capabilities", &self.capabilities).finish_non_exhaustive()
    }
}
