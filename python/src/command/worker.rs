//! The worker's side of a supervised server: its tie to the parent.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
};

use narthex_adapters::inherited_descriptor;
use narthex_core::{Journal, Level, Metrics};
use narthex_supervisor::{Link, Message, Reporter};
use pyo3::prelude::*;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use signal_hook::low_level::exit;

use super::{
    failure::Failure,
    options::workers::Child,
    watch::{self, News},
};
use crate::journal::Log;

/// What is done when the parent has gone.
type Bereaved = Box<dyn Fn() + Send + Sync>;

/// The tie of a worker to the process that looks after it.
#[derive(Clone)]
pub(super) struct Tie {
    link: Arc<Link>,
    parent: i32,
    bereaved: Arc<OnceLock<Bereaved>>,
}

impl Tie {
    /// The tie that a parent has made; `None` in a process that has none.
    ///
    /// From here on the process does not outlive its parent: the system sends it a signal, and the
    /// link ends. Until [`when_orphaned`](Self::when_orphaned) says what to do it just ends.
    ///
    /// # Errors
    /// There is no such descriptor, or no thread.
    pub(super) fn of(child: &Child) -> Result<Option<Self>, Failure> {
        let (Some(parent), Some(link)) = (child.parent, child.link) else { return Ok(None) };
        let failed = |error: std::io::Error| {
            Failure::new(
                "N220",
                &format!("the tie to the parent process is broken: {error}"),
                Vec::new(),
                vec!["leave --child-of, --child-link and --child-bind to narthex".to_owned()],
            )
        };
        let link = Arc::new(Link::inherited(inherited_descriptor(link).map_err(failed)?));
        let tie = Self { link, parent, bereaved: Arc::default() };
        let told = set_parent_process_death_signal(Some(Signal::TERM)).is_ok();
        if !told || tie.is_orphan() {
            exit(1);
        }
        let watching = tie.clone();
        thread::Builder::new()
            .name("parent".to_owned())
            .spawn(move || {
                watching.link.await_end();
                match watching.bereaved.get() {
                    Some(act) => act(),
                    None => exit(1),
                }
            })
            .map_err(failed)?;
        Ok(Some(tie))
    }

    /// Says what is done when the parent has gone.
    pub(super) fn when_orphaned(&self, act: impl Fn() + Send + Sync + 'static) {
        // Only the first has a say, and there is one.
        let _ = self.bereaved.set(Box::new(act));
    }

    /// Whether the parent has gone.
    pub(super) fn is_orphan(&self) -> bool {
        getppid().is_none_or(|actual| actual.as_raw_nonzero().get() != self.parent)
    }

    /// Tells the parent something.
    pub(super) fn say(&self, message: &Message) {
        self.link.say(message);
    }

    /// Tells the parent where the files of the application lie.
    ///
    /// # Errors
    /// Python cannot.
    pub(super) fn say_modules(&self, py: Python<'_>) -> PyResult<()> {
        self.say(&Message::Modules(modules(py)?));
        Ok(())
    }

    /// Tells the parent that the application does not start.
    ///
    /// # Errors
    /// Python cannot.
    pub(super) fn say_failure(&self, py: Python<'_>, failure: &Failure) -> PyResult<()> {
        self.say(&Message::Failed(failure.summary(py)?, failure.screen(py)?));
        Ok(())
    }
}

/// The directories of the application's modules.
fn modules(py: Python<'_>) -> PyResult<Vec<PathBuf>> {
    py.import("narthex._load")?.call_method0("watched")?.extract()
}

/// Tells the parent when files of the application change, as far as they can be watched.
///
/// # Errors
/// Python cannot say where they are.
pub(super) fn watch(py: Python<'_>, tie: &Tie, log: &Arc<Log>) -> PyResult<()> {
    let telling = tie.clone();
    let say = move |what| telling.say(&Message::Changed(what));
    match watch::follow(None, Arc::clone(log), say) {
        Ok(sender) => {
            // It listens as long as the process lives.
            let _ = sender.send(News::Watch(modules(py)?));
        }
        Err(error) => {
            let message = format_args!("files are not watched for changes: {error}");
            log.write(Level::Warning, &message);
        }
    }
    Ok(())
}

/// Tells the parent the figures of this process until what is returned is dropped, if it wants them.
///
/// # Errors
/// There is no thread to be had.
pub(super) fn report(tie: &Tie, log: &Arc<Log>) -> PyResult<Option<Reporter>> {
    if log.metrics().is_none() {
        return Ok(None);
    }
    let (tie, log) = (tie.clone(), Arc::clone(log));
    let send = move |figures: &[u64]| tie.say(&Message::Metrics(figures.to_vec()));
    let snapshot = move || log.metrics().map_or_else(Vec::new, Metrics::snapshot);
    Ok(Some(narthex_supervisor::report(snapshot, send)?))
}
