//! The management bind of a server that is one process.

use std::sync::{Arc, OnceLock};

use narthex_adapters::{Bind, Listener, Stop, Stopping};
use narthex_core::{Aggregate, Journal};
use narthex_supervisor::{Management, Source, resident_memory};

use super::{failure::Failure, ports};
use crate::journal::Log;

/// An open management bind. It answers from before the application is imported to the end.
pub(super) struct Opened {
    addresses: Vec<String>,
    source: Arc<Alone>,
    _answering: Vec<Management>,
    _listeners: Vec<Listener>,
}

impl Opened {
    /// Opens the bind at `address`.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(super) fn new(address: &str, log: &Arc<Log>) -> Result<Self, Failure> {
        let refused = |error: &dyn std::error::Error| {
            Failure::new(
                "N251",
                &format!("the management address {address} cannot be had: {}", ports::full(error)),
                Vec::new(),
                vec!["choose another one, such as --management 127.0.0.1:9100".to_owned()],
            )
        };
        let bind: Bind = address.parse().map_err(|error| refused(&error))?;
        let source = Arc::new(Alone { log: Arc::clone(log), stop: OnceLock::new() });
        let listeners = bind.listen(64).map_err(|error| refused(&error))?;
        let mut addresses = Vec::new();
        let mut answering = Vec::new();
        for listener in &listeners {
            let source = Arc::clone(&source);
            let (address, opened) = match listener {
                Listener::Tcp(socket) => (
                    listener.address().map(|address| format!("http://{address}")),
                    socket.try_clone().and_then(|socket| Management::serve(socket, source)),
                ),
                Listener::Unix(socket, _) => (
                    listener.address(),
                    socket.try_clone().and_then(|socket| Management::serve(socket, source)),
                ),
            };
            addresses.push(address.map_err(|error| refused(&error))?);
            answering.push(opened.map_err(|error| refused(&error))?);
        }
        Ok(Self { addresses, source, _answering: answering, _listeners: listeners })
    }

    /// Where it is found.
    pub(super) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Says that the application is served until `stop` is requested.
    pub(super) fn serving(&self, stop: &Stop) {
        let _ = self.source.stop.set(stop.clone()); // said once
    }
}

/// A process that has no other beside it.
struct Alone {
    log: Arc<Log>,
    /// There once it serves.
    stop: OnceLock<Stop>,
}

impl Source for Alone {
    fn metrics(&self) -> String {
        let mut all = Aggregate::new();
        if let Some(metrics) = self.log.metrics() {
            all.report(std::process::id(), &metrics.snapshot());
        }
        all.render(resident_memory)
    }

    fn ready(&self) -> Result<(), String> {
        match self.stop.get().map(Stop::stopping) {
            Some(Stopping::No) => Ok(()),
            Some(_) => Err("stopping".to_owned()),
            None => Err("the application is not served".to_owned()),
        }
    }
}
