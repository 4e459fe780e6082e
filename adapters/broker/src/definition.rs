//! All that the broker of one httpd is told, and how that is written.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

use crate::{
    Group,
    text::{Line, words},
};

/// The first line: a program and a module of different versions do not understand each other.
const FIRST: &str = concat!("narthex-broker ", env!("CARGO_PKG_VERSION"));

/// The last line: whatever was cut off before it is no definition.
const LAST: &str = "end";

/// The groups of one httpd, and where its children find their processes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Definition {
    /// What `narthex status`, `reload` and `stop` call it all together, such as `httpd`.
    pub name: String,
    /// The user that httpd's children run as (`User`), by name or number.
    pub run_user: String,
    /// The group that they run as (`Group`), by name or number.
    pub run_group: String,
    /// The socket on which children ask. The directory that it lies in is the broker's own: made and
    /// removed by it, with the sockets of the pools. Where that lies, the directory must exist and
    /// children must be able to enter it: below `DefaultRuntimeDir`, named after the process of
    /// httpd, such as `/run/apache2/narthex-1234/control`. It stays the same at a graceful restart.
    pub control: PathBuf,
    /// The groups. Of two of one name the latter is meant.
    pub groups: Vec<Group>,
}

impl Definition {
    /// The group that is called `name`, itself or by its template.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().rev().find(|group| group.is_called(name))
    }

    /// As it is written.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = format!("{FIRST}\n");
        Line::begin(&mut text, "name").word(&self.name).end();
        Line::begin(&mut text, "run").word(&self.run_user).word(&self.run_group).end();
        Line::begin(&mut text, "control").word(self.control.as_os_str().as_bytes()).end();
        for group in &self.groups {
            Line::begin(&mut text, "group").word(&group.name).end();
            for (key, value) in group.settings() {
                Line::begin(&mut text, "set").word(key).word(value).end();
            }
        }
        text.push_str(LAST);
        text.push('\n');
        text
    }

    /// Reads what was written.
    ///
    /// # Errors
    /// It is not written as it must be; the text says where.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut lines = text.strip_suffix('\n').unwrap_or_default().split('\n');
        if lines.next() != Some(FIRST) {
            return Err(format!(
                "the broker that runs is of version {}, and the module of another: stop httpd, and \
                 start it again",
                env!("CARGO_PKG_VERSION")
            ));
        }
        if lines.next_back() != Some(LAST) {
            return Err("the definition has no end".to_owned());
        }
        let mut definition = Self {
            name: String::new(),
            run_user: String::new(),
            run_group: String::new(),
            control: PathBuf::new(),
            groups: Vec::new(),
        };
        for (index, line) in lines.enumerate() {
            let read = words(line).and_then(|words| definition.take(index, &words));
            let outcome = read.unwrap_or_else(|| Err("cannot be read".to_owned()));
            outcome.map_err(|why| format!("line {} of the definition: {why}", index + 2))?;
        }
        if !definition.control.is_absolute() {
            return Err("the definition has no control socket".to_owned());
        }
        Ok(definition)
    }

    /// Takes one line: the first three are always the same ones.
    fn take(&mut self, index: usize, words: &[Vec<u8>]) -> Option<Result<(), String>> {
        let text = |word: &[u8]| String::from_utf8(word.to_vec()).ok();
        let mut done = Ok(());
        match (index, words) {
            (0, [word, name]) if word == b"name" => self.name = text(name)?,
            (1, [word, user, group]) if word == b"run" => {
                (self.run_user, self.run_group) = (text(user)?, text(group)?);
            }
            (2, [word, path]) if word == b"control" => {
                self.control = PathBuf::from(OsStr::from_bytes(path));
            }
            (3.., [word, name]) if word == b"group" => {
                let name = text(name)?;
                done = Group::check_name(&name);
                self.groups.push(Group::new(name, "/"));
            }
            (3.., [word, key, value]) if word == b"set" => {
                done = self.groups.last_mut()?.set_bytes(&text(key)?, value);
            }
            _ => return None,
        }
        Some(done)
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt, time::Duration};

    use proptest::prelude::*;

    use super::*;

    fn paths() -> impl Strategy<Value = PathBuf> {
        prop::collection::vec(1..=255u8, 0..12).prop_map(|mut bytes| {
            bytes.insert(0, b'/');
            PathBuf::from(OsString::from_vec(bytes))
        })
    }

    fn times() -> impl Strategy<Value = Duration> {
        (1..10_000_000u64).prop_map(Duration::from_millis)
    }

    fn groups() -> impl Strategy<Value = Group> {
        let identity = ("[a-z]{1,8}|%\\{[A-Z]{1,4}\\}", paths(), "[a-z]{1,4}", 0..0o1000u32);
        let sizes = (1..=1024u16, prop::option::of(1..=1024u16), 1..u16::MAX, any::<bool>());
        let times = (prop::option::of(times()), prop::option::of(times()), times(), times());
        let env = prop::collection::btree_map("[A-Z_]{1,4}", "[^\0]{0,9}", 0..3);
        (identity, sizes, times, env).prop_map(|(identity, sizes, times, env)| Group {
            user: Some(identity.2),
            umask: identity.3,
            processes: sizes.0,
            threads: sizes.1,
            queue: sizes.2,
            reload: sizes.3,
            idle: times.0,
            timeout: times.1,
            start_timeout: times.2,
            graceful: times.3,
            env: env.into_iter().map(|(name, value)| (name, value.into_bytes())).collect(),
            ..Group::new(identity.0, identity.1)
        })
    }

    fn definition(groups: Vec<Group>) -> Definition {
        Definition {
            name: "httpd".into(),
            run_user: "www data".into(),
            run_group: "#33".into(),
            control: "/run/x\n/control".into(),
            groups,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(groups in prop::collection::vec(groups(), 0..4)) {
            let definition = definition(groups);
            prop_assert_eq!(Definition::read(&definition.write()), Ok(definition));
        }

        #[test]
        fn nonsense_is_refused(cut in 0usize..1000, with in "\\PC{0,3}") {
            let whole = definition(vec![Group::new("shop", "/usr")]).write();
            let at = whole.char_indices().nth(cut % whole.len()).map_or(0, |(at, _)| at);
            let mut broken = whole.clone();
            broken.replace_range(at..whole.len().min(at + 1), &with);
            if let Ok(read) = Definition::read(&broken) {
                prop_assert_eq!(read.groups.len(), 1);
                prop_assert_eq!(read.write().lines().count(), whole.lines().count());
            }
            if at > 0 {
                prop_assert!(Definition::read(&whole[..at]).is_err());
            }
        }
    }

    #[test]
    fn the_last_group_of_a_name_is_meant() {
        let mut second = Group::new("shop", "/second");
        second.processes = 2;
        let definition = definition(vec![Group::new("shop", "/first"), second]);
        assert_eq!(definition.group("shop").unwrap().processes, 2);
        assert_eq!(definition.group("other"), None);
    }
}
