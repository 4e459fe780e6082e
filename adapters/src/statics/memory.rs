//! Small files that are asked for often, kept in memory.
//!
//! Opening, reading and closing a file of 10 KB costs more than the rest of its request, and looking
//! for compressed neighbours as much again. Each use is checked by a `stat` of every file that it
//! depends on, so that an edited file is never served stale. What no `stat` of known files can show,
//! a neighbour that was not there, is looked for every second.

use std::{
    ffi::CString,
    hash::{Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use quick_cache::{
    DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use rustix::fs::Stat;

use super::{coding::Accepted, representation::Representation};
use crate::beneath::Root;

/// Bytes of all files that are kept, with what is kept beside them.
const ROOM: u64 = 16 * 1024 * 1024;
/// What is kept beside a file: its fields, its name, the entry.
const BESIDE: u64 = 1024;
/// Parts that are locked one by one: as many threads find something at once without waiting.
const SHARDS: usize = 4;
/// How long the absence of neighbours is believed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A file that changed a moment ago may change again within the same tick of the file system's
/// clock, and look unchanged. FAT's ticks are the longest.
const TICK: Duration = Duration::from_secs(2);

/// The files that are kept.
pub(super) struct Memory(Cache<Key, Arc<Kept>, Size>);

/// A file that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) representation: Representation,
    pub(super) bytes: Bytes,
    witnesses: Vec<Witness>,
    look_again: Option<Instant>,
}

/// A file on which a response depends, and how it was.
#[derive(Debug)]
pub(super) struct Witness {
    name: CString,
    stamp: Stamp,
}

/// What changes with a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    place: (u64, u64),
    size: i64,
    modified: (i64, u64),
    changed: (i64, u64),
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Asked<'a> {
    /// The number of the mount.
    pub(super) mount: usize,
    pub(super) accepted: Accepted,
    /// The path below the route.
    pub(super) rest: &'a [u8],
}

/// An [`Asked`] that is kept.
#[derive(Debug, Eq, PartialEq)]
struct Key {
    mount: usize,
    accepted: Accepted,
    rest: Box<[u8]>,
}

/// How large an entry is.
#[derive(Clone, Debug)]
struct Size;

impl Memory {
    /// Room for files.
    pub(super) fn new() -> Self {
        let options = OptionsBuilder::new()
            .weight_capacity(ROOM)
            .estimated_items_capacity(1024)
            .shards(SHARDS)
            .build()
            .expect("both capacities are given");
        let (hashes, life) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self(Cache::with_options(options, Size, hashes, life))
    }

    /// What is kept for `asked`, if it is still as it was in `root`.
    pub(super) fn get(&self, asked: &Asked<'_>, root: &Root) -> Option<Arc<Kept>> {
        let kept = self.0.get(asked)?;
        let expired = kept.look_again.is_some_and(|time| Instant::now() >= time);
        let current = |witness: &Witness| {
            root.stat(&witness.name).is_some_and(|stat| Stamp::of(&stat) == witness.stamp)
        };
        (!expired && kept.witnesses.iter().all(current)).then_some(kept)
    }

    /// Keeps a file, unless it is too fresh.
    pub(super) fn keep(
        &self,
        asked: &Asked<'_>,
        representation: Representation,
        bytes: Bytes,
        witnesses: Vec<Witness>,
    ) -> Arc<Kept> {
        let settled = witnesses.iter().all(|witness| witness.stamp.settled());
        let look_again = (!asked.accepted.none()).then(|| Instant::now() + LOOK_AGAIN);
        let kept = Arc::new(Kept { representation, bytes, witnesses, look_again });
        if settled {
            let Asked { mount, accepted, rest } = *asked;
            self.0.insert(Key { mount, accepted, rest: rest.into() }, Arc::clone(&kept));
        }
        kept
    }
}

impl Witness {
    /// A file that was found under `name`.
    pub(super) fn new(name: &[u8], stat: &Stat) -> Self {
        let name = CString::new(name).unwrap_or_default(); // no file's name has a NUL
        Self { name, stamp: Stamp::of(stat) }
    }
}

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            place: (stat.st_dev, stat.st_ino),
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Whether every later change will show.
    fn settled(&self) -> bool {
        let Ok(seconds) = u64::try_from(self.changed.0) else { return true };
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        changed.elapsed().is_ok_and(|age| age > TICK)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { mount, accepted, rest } = self;
        Asked { mount: *mount, accepted: *accepted, rest }.hash(state);
    }
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        (self.mount, self.accepted, self.rest) == (key.mount, key.accepted, &*key.rest)
    }
}

impl Weighter<Key, Arc<Kept>> for Size {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        (kept.bytes.len() + key.rest.len()) as u64 + BESIDE
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::beneath::READ;

    /// A directory of this test's own, removed with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("narthex-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn ask(rest: &[u8]) -> Asked<'_> {
        Asked { mount: 0, accepted: Accepted::default(), rest }
    }

    /// Keeps `size` bytes for `rest`, as if the file had been there for long.
    fn keep(memory: &Memory, root: &Root, rest: &str, size: usize) {
        let name = CString::new(rest).unwrap();
        let stat = root.stat(&name).unwrap();
        let kept = Kept {
            representation: Representation::new(rest.as_bytes(), &stat, None, &[]),
            bytes: vec![0; size].into(),
            witnesses: vec![Witness::new(rest.as_bytes(), &stat)],
            look_again: None,
        };
        let key = Key { mount: 0, accepted: Accepted::default(), rest: rest.as_bytes().into() };
        memory.0.insert(key, Arc::new(kept));
    }

    #[test]
    fn what_has_changed_is_forgotten() {
        let scratch = Scratch::new("memory");
        let path = scratch.0.join("a.css");
        fs::write(&path, "one").unwrap();
        let root = Root::open(&scratch.0, READ).unwrap();
        let memory = Memory::new();
        keep(&memory, &root, "a.css", 3);
        let asked = ask(b"a.css");
        assert!(memory.get(&asked, &root).is_some());
        assert!(memory.get(&ask(b"b.css"), &root).is_none());
        assert!(memory.get(&Asked { mount: 1, ..asked }, &root).is_none());
        fs::write(&path, "longer").unwrap();
        assert!(memory.get(&asked, &root).is_none());
        keep(&memory, &root, "a.css", 3);
        fs::remove_file(&path).unwrap();
        assert!(memory.get(&asked, &root).is_none());
    }

    #[test]
    fn a_fresh_file_is_not_kept() {
        let scratch = Scratch::new("fresh");
        fs::write(scratch.0.join("a.css"), "one").unwrap();
        let root = Root::open(&scratch.0, READ).unwrap();
        let memory = Memory::new();
        let stat = root.stat(c"a.css").unwrap();
        let representation = Representation::new(b"a.css", &stat, None, &[]);
        let witnesses = vec![Witness::new(b"a.css", &stat)];
        memory.keep(&ask(b"a.css"), representation, Bytes::from_static(b"one"), witnesses);
        assert!(memory.0.is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let scratch = Scratch::new("bounded");
        fs::write(scratch.0.join("a"), "one").unwrap();
        let root = Root::open(&scratch.0, READ).unwrap();
        let memory = Memory::new();
        for number in 0..1000 {
            let stat = root.stat(c"a").unwrap();
            let kept = Kept {
                representation: Representation::new(b"a", &stat, None, &[]),
                bytes: vec![0; 64 * 1024].into(),
                witnesses: Vec::new(),
                look_again: None,
            };
            let rest = format!("/{number}").into_bytes().into();
            let key = Key { mount: 0, accepted: Accepted::default(), rest };
            memory.0.insert(key, Arc::new(kept));
        }
        assert!(memory.0.weight() <= ROOM, "{}", memory.0.weight());
        assert!(memory.0.len() > 100, "{}", memory.0.len());
    }
}
