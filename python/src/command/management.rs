//! The management bind: of one process, or of a parent with its workers.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use narthex_adapters::{Bind, Listener, Stop, Stopping};
use narthex_core::{Aggregate, Journal};
use narthex_supervisor::{Management, Source, resident_memory};

use super::{failure::Failure, ports};
use crate::{hold::hold, journal::Log};

/// An open management bind. It answers from before the application is imported to the end.
pub(super) struct Opened {
    addresses: Vec<String>,
    _answering: Vec<Management>,
    _listeners: Vec<Listener>,
}

impl Opened {
    /// Opens the bind at `address`, which `source` answers.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(super) fn new(address: &str, source: &Arc<dyn Source>) -> Result<Self, Failure> {
        let refused = |error: &dyn std::error::Error| {
            Failure::new(
                "N251",
                &format!("the management address {address} cannot be had: {}", ports::full(error)),
                Vec::new(),
                vec!["choose another one, such as --management 127.0.0.1:9100".to_owned()],
            )
        };
        let bind: Bind = address.parse().map_err(|error| refused(&error))?;
        let listeners = bind.listen(64).map_err(|error| refused(&error))?;
        let mut addresses = Vec::new();
        let mut answering = Vec::new();
        for listener in &listeners {
            let source = Arc::clone(source);
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
        Ok(Self { addresses, _answering: answering, _listeners: listeners })
    }

    /// Says where it is found.
    pub(super) fn announcement(&self) -> impl Iterator<Item = String> {
        self.addresses.iter().map(|address| format!("management on {address}"))
    }
}

/// A process that has no other beside it.
pub(super) struct Alone {
    log: Arc<Log>,
    /// There once it serves.
    stop: OnceLock<Stop>,
}

impl Alone {
    pub(super) fn new(log: &Arc<Log>) -> Self {
        Self { log: Arc::clone(log), stop: OnceLock::new() }
    }

    /// Says that the application is served until `stop` is requested.
    pub(super) fn serves(&self, stop: &Stop) {
        let _ = self.stop.set(stop.clone()); // said once
    }
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

/// The workers of a parent, as far as they have told it.
#[derive(Default)]
pub(super) struct Together {
    // Held for moments; nothing of Python's is called meanwhile.
    all: Mutex<Aggregate>,
    serving: AtomicUsize,
}

impl Together {
    /// The figures that are added up.
    pub(super) fn figures(&self) -> MutexGuard<'_, Aggregate> {
        hold(&self.all)
    }

    /// Notes how many workers serve.
    pub(super) fn serve(&self, workers: usize) {
        self.serving.store(workers, Relaxed);
    }
}

impl Source for Together {
    fn metrics(&self) -> String {
        let all = self.figures().clone();
        all.render(resident_memory)
    }

    fn ready(&self) -> Result<(), String> {
        match self.serving.load(Relaxed) {
            0 => Err("no worker serves".to_owned()),
            _ => Ok(()),
        }
    }
}
