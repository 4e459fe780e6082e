//! Between the broker and Python: the same program, started to become the group's user and then the
//! interpreter. It has one thread, and so gives its privileges up whole.

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use narthex_adapters::inherited_descriptor;
use narthex_broker::{
    identity::Identity,
    python::{obstacle, obstacle_within},
};
use narthex_supervisor::{Link, Message};
use rustix::{
    fs::Mode,
    io::{FdFlags, fcntl_setfd},
    process::{Gid, Uid, geteuid, umask},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use crate::log;

/// What asks this program to do this.
pub(crate) const OPTION: &str = "--become";

/// Whom to become, and where.
pub(crate) struct Descent<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) umask: u32,
    /// The directory; where it is not given, the user's home, if that can be entered.
    pub(crate) chdir: Option<&'a Path>,
    /// The descriptor by which the broker is told of trouble.
    pub(crate) link: i32,
}

impl Descent<'_> {
    /// The arguments that say so, to which those of the program to run are added.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let Identity { name, user, group, groups, home } = self.identity;
        let groups: Vec<_> = groups.iter().map(u32::to_string).collect();
        let chdir = self.chdir.map_or(OsStr::new("~"), Path::as_os_str);
        vec![
            OPTION.into(),
            name.into(),
            user.to_string().into(),
            group.to_string().into(),
            groups.join(",").into(),
            home.into(),
            self.umask.to_string().into(),
            chdir.into(),
            self.link.to_string().into(),
        ]
    }

    fn read(words: &[OsString; 8]) -> Option<(Identity, u32, Option<PathBuf>, i32)> {
        let [name, user, group, groups, home, umask, chdir, link] = words;
        let number = |word: &OsStr| word.to_str()?.parse::<u32>().ok();
        let groups = groups.to_str()?.split(',').filter(|it| !it.is_empty());
        let identity = Identity {
            name: name.to_str()?.to_owned(),
            user: number(user)?,
            group: number(group)?,
            groups: groups.map(|group| group.parse().ok()).collect::<Option<_>>()?,
            home: home.into(),
        };
        let chdir = (chdir.as_bytes() != b"~").then(|| chdir.into());
        Some((identity, number(umask)?, chdir, link.to_str()?.parse().ok()?))
    }
}

/// Becomes what the arguments say; comes back only if that fails.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let (words, program) = match arguments.split_first_chunk() {
        Some((words, [program, rest @ ..])) => (Descent::read(words), (program, rest)),
        _ => return misused(),
    };
    let Some((identity, mask, chdir, link)) = words else { return misused() };
    let Ok(link) = inherited_descriptor(link).map(Link::inherited) else { return misused() };
    let (program, rest) = program;
    let why = descend(&identity, mask, chdir.as_deref())
        .and_then(|()| become_program(Path::new(program), rest, &identity.name, &link))
        .err()
        .unwrap_or_default();
    link.say(&Message::Failed(why.clone(), format!("narthex: error: {why}")));
    ExitCode::FAILURE
}

fn misused() -> ExitCode {
    log::line("narthex-broker: --become is for the broker itself");
    ExitCode::from(2)
}

/// Gives up all that this user does not have.
fn descend(identity: &Identity, mask: u32, chdir: Option<&Path>) -> Result<(), String> {
    umask(Mode::from_raw_mode(mask));
    if geteuid().is_root() {
        let (user, group) = (Uid::from_raw(identity.user), Gid::from_raw(identity.group));
        let groups: Vec<_> = identity.groups.iter().copied().map(Gid::from_raw).collect();
        set_thread_groups(&groups)
            .and_then(|()| set_thread_res_gid(group, group, group))
            .and_then(|()| set_thread_res_uid(user, user, user))
            .map_err(|error| format!("N322: cannot become the user {}: {error}", identity.name))?;
    }
    let place = chdir.unwrap_or(&identity.home);
    match env::set_current_dir(place) {
        Err(error) if chdir.is_some() => {
            let (place, name) = (place.display(), &identity.name);
            Err(format!("N323: the user {name} cannot enter chdir={place}: {error}"))
        }
        Err(_) => env::set_current_dir("/").map_err(|error| format!("N323: /: {error}")),
        Ok(()) => Ok(()),
    }
}

fn become_program(
    program: &Path,
    rest: &[OsString],
    user: &str,
    link: &Link,
) -> Result<(), String> {
    if let Some(why) = obstacle(program, user).or_else(|| obstacle_within(program, user)) {
        return Err(format!("N324: {why}"));
    }
    fcntl_setfd(link, FdFlags::empty()).map_err(|error| format!("N325: the link: {error}"))?;
    let error = Command::new(program).args(rest).exec();
    Err(format!("N325: {} cannot be started: {error}", program.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_understood() {
        let identity = Identity {
            name: "shop".into(),
            user: 1001,
            group: 1002,
            groups: vec![1002, 33],
            home: "/home/shop".into(),
        };
        for chdir in [None, Some(Path::new("/srv/a b"))] {
            let descent = Descent { identity: &identity, umask: 0o027, chdir, link: 7 };
            let arguments = descent.arguments();
            let words = arguments[1..].first_chunk().unwrap();
            let read = Descent::read(words).unwrap();
            assert_eq!(read, (identity.clone(), 0o027, chdir.map(Path::to_owned), 7));
        }
        let nonsense = ["shop", "x", "1", "", "/", "0", "~", "3"].map(OsString::from);
        assert!(Descent::read(&nonsense).is_none());
    }
}
