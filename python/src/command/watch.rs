//! Watching the files that an application is made of.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use narthex_core::{Journal, Level};
use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind},
    recommended_watcher,
};

use super::{failure::Failure, ports};
use crate::journal::Log;

/// Files whose change is a change of the application.
const EXTENSIONS: &[&str] = &["py", "html", "jinja", "jinja2", "j2", "txt", "toml"];

/// Directories that are not the application's own.
const FOREIGN: &[&str] = &["__pycache__", "node_modules", "site-packages", "dist-packages"];

/// Directories watched at most: someone may start in the root of a large tree.
const MOST: usize = 4096;

/// How long no file must have changed before the application is restarted: one save is several
/// changes.
const SETTLED: Duration = Duration::from_millis(50);

/// How long files may go on changing before the application is restarted all the same.
const PATIENCE: Duration = Duration::from_millis(300);

/// What whoever watches has to hear.
pub(super) enum News {
    /// Something has happened to the files.
    Change(Change),
    /// These directories belong to the application as well.
    Watch(Vec<PathBuf>),
}

/// What has happened to the files.
pub(super) enum Change {
    /// This one is not as it was.
    File(PathBuf),
    /// This one is new.
    Directory(PathBuf),
}

/// Watches `here`, if that is given, and the directories it is told of; says what has changed when a
/// file has.
///
/// # Errors
/// The system has no watches, or no threads, left.
pub(super) fn follow(
    here: Option<PathBuf>,
    log: Arc<Log>,
    say: impl Fn(String) + Send + 'static,
) -> notify::Result<Sender<News>> {
    let (sender, news) = mpsc::channel();
    let watcher = Watcher::new(sender.clone())?;
    let mut follower = Follower { watcher, news, say: Box::new(say), log, here };
    if let Some(here) = follower.here.clone() {
        follower.watch(&here);
    }
    thread::Builder::new().name("files".to_owned()).spawn(move || follower.run())?;
    Ok(sender)
}

/// What to tell the user where files cannot be watched.
pub(super) fn failure(error: &notify::Error) -> Failure {
    Failure::new(
        "N209",
        &format!("--reload cannot work here: {}", ports::full(error)),
        Vec::new(),
        vec!["leave out --reload".to_owned()],
    )
}

struct Follower {
    watcher: Watcher,
    news: Receiver<News>,
    say: Box<dyn Fn(String) + Send>,
    log: Arc<Log>,
    here: Option<PathBuf>,
}

impl Follower {
    fn run(mut self) {
        while let Ok(news) = self.news.recv() {
            if let Some(path) = self.hear(news) {
                self.settle();
                let inside = self.here.as_ref().and_then(|here| path.strip_prefix(here).ok());
                (self.say)(format!("{} changed", inside.unwrap_or(&path).display()));
            }
        }
    }

    /// Follows new directories; returns a file that has changed.
    fn hear(&mut self, news: News) -> Option<PathBuf> {
        match news {
            News::Change(Change::File(path)) => return Some(path),
            News::Change(Change::Directory(path)) => {
                let added = self.watcher.add_new(&path);
                self.warn(&path, added);
            }
            News::Watch(directories) => directories.iter().for_each(|path| self.watch(path)),
        }
        None
    }

    /// Waits until files have stopped changing.
    fn settle(&mut self) {
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience
            && let Ok(news) = self.news.recv_timeout(SETTLED)
        {
            self.hear(news);
        }
    }

    fn watch(&mut self, directory: &Path) {
        let added = self.watcher.add(directory);
        self.warn(directory, added);
    }

    fn warn(&self, directory: &Path, added: notify::Result<()>) {
        if let Err(error) = added {
            let name = directory.display();
            let message = format_args!("not all of {name} is watched for changes: {error}");
            self.log.write(Level::Warning, &message);
        }
    }
}

/// Watches directories, each with those below it.
struct Watcher {
    inner: RecommendedWatcher,
    watched: HashSet<PathBuf>,
}

impl Watcher {
    /// A watcher that sends changes.
    ///
    /// # Errors
    /// The system has no watches left.
    fn new(sender: Sender<News>) -> notify::Result<Self> {
        let inner = recommended_watcher(move |event: notify::Result<Event>| {
            for change in event.into_iter().flat_map(changes) {
                // The receiver is gone only when the process is about to end.
                let _ = sender.send(News::Change(change));
            }
        })?;
        Ok(Self { inner, watched: HashSet::new() })
    }

    /// Watches `root` and the directories below it that may be the application's.
    ///
    /// # Errors
    /// The system has no watches left, or there are more directories than can be watched.
    fn add(&mut self, root: &Path) -> notify::Result<()> {
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
    fn add_new(&mut self, directory: &Path) -> notify::Result<()> {
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
