//! Watching the files that an application is made of.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::mpsc::Sender,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind},
    recommended_watcher,
};

/// Files whose change is a change of the application.
const EXTENSIONS: &[&str] = &["py", "html", "jinja", "jinja2", "j2", "txt", "toml"];

/// Directories that are not the application's own.
const FOREIGN: &[&str] = &["__pycache__", "node_modules", "site-packages", "dist-packages"];

/// Directories watched at most: someone may start in the root of a large tree.
const MOST: usize = 4096;

/// What has happened to the files.
pub(super) enum Change {
    /// This one is not as it was.
    File(PathBuf),
    /// This one is new.
    Directory(PathBuf),
}

/// Watches directories, each with those below it.
pub(super) struct Watcher {
    inner: RecommendedWatcher,
    watched: HashSet<PathBuf>,
}

impl Watcher {
    /// A watcher that sends what `wrap` makes of a change.
    ///
    /// # Errors
    /// The system has no watches left.
    pub(super) fn new<T: Send + 'static>(
        sender: Sender<T>,
        wrap: fn(Change) -> T,
    ) -> notify::Result<Self> {
        let inner = recommended_watcher(move |event: notify::Result<Event>| {
            for change in event.into_iter().flat_map(changes) {
                // The receiver is gone only when the process is about to end.
                let _ = sender.send(wrap(change));
            }
        })?;
        Ok(Self { inner, watched: HashSet::new() })
    }

    /// Watches `root` and the directories below it that may be the application's.
    ///
    /// # Errors
    /// The system has no watches left, or there are more directories than can be watched.
    pub(super) fn add(&mut self, root: &Path) -> notify::Result<()> {
        let mut waiting = vec![root.to_owned()];
        while let Some(directory) = waiting.pop() {
            if self.watched.contains(&directory) {
                continue;
            }
            if self.watched.len() >= MOST {
                return Err(notify::Error::generic("too many directories"));
            }
            match self.inner.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // It has gone again.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => continue,
                Err(error) => return Err(error),
            }
            waiting.extend(below(&directory));
            self.watched.insert(directory);
        }
        Ok(())
    }

    /// Watches a directory that has just appeared, perhaps where an earlier one was.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn add_new(&mut self, directory: &Path) -> notify::Result<()> {
        self.watched.retain(|watched| !watched.starts_with(directory));
        if is_own(directory) { self.add(directory) } else { Ok(()) }
    }
}

fn below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| is_own(path))
        .collect()
}

fn is_own(directory: &Path) -> bool {
    let name = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !name.starts_with('.') && !FOREIGN.contains(&name) && !directory.join("pyvenv.cfg").exists()
}

fn changes(event: Event) -> Vec<Change> {
    let (is_change, is_new) = match event.kind {
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => (true, true),
        EventKind::Modify(ModifyKind::Metadata(_)) => (false, false),
        EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Access(AccessKind::Close(AccessMode::Write)) => (true, false),
        _ => (false, false),
    };
    let change = |path: PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            Some(extension) if is_change && EXTENSIONS.contains(&extension) => {
                Some(Change::File(path))
            }
            _ if is_new && path.is_dir() => Some(Change::Directory(path)),
            _ => None,
        }
    };
    event.paths.into_iter().filter_map(change).collect()
}
