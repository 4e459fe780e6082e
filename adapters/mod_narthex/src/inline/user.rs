//! The user as whom the children of httpd run.
#![expect(unsafe_code, reason = "groups, and giving up root before a program is executed")]

use std::{
    ffi::{CStr, CString, c_int},
    io,
    os::unix::process::CommandExt,
    process::Command,
};

/// Somebody, with all groups.
#[derive(Debug)]
pub(crate) struct User {
    name: String,
    id: libc::uid_t,
    /// The first is the main one.
    groups: Vec<libc::gid_t>,
    /// Whether a process must change to become this user.
    other: bool,
}

impl User {
    /// The user of this process.
    pub(crate) fn own() -> Self {
        let mut groups = vec![rustix::process::getegid().as_raw()];
        groups.extend(
            rustix::process::getgroups()
                .unwrap_or_default()
                .into_iter()
                .map(rustix::process::Gid::as_raw),
        );
        let id = rustix::process::geteuid().as_raw();
        Self { name: format!("user {id}"), id, groups, other: false }
    }

    /// The user with this name and id, and this main group.
    pub(crate) fn named(name: &CStr, id: libc::uid_t, group: libc::gid_t) -> Self {
        Self {
            name: name.to_string_lossy().into_owned(),
            id,
            groups: groups(name, group),
            other: true,
        }
    }

    /// What they are called.
    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    /// Their number.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Whether no mode of a file keeps them out.
    pub(crate) fn is_root(&self) -> bool {
        self.id == 0
    }

    /// Whether they belong to a group.
    pub(crate) fn is_in(&self, group: u32) -> bool {
        self.groups.contains(&group)
    }

    /// Has `command` run as them.
    pub(crate) fn become_in(&self, command: &mut Command) {
        if !self.other {
            return;
        }
        let (id, groups) = (self.id, self.groups.clone());
        // SAFETY: system calls alone are made between fork and exec, and the list was made before.
        unsafe {
            command.pre_exec(move || {
                checked(libc::setgid(groups[0]))?;
                checked(libc::setgroups(groups.len(), groups.as_ptr()))?;
                checked(libc::setuid(id))
            });
        }
    }
}

fn checked(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// All groups of a user, the main one first.
fn groups(name: &CStr, main: libc::gid_t) -> Vec<libc::gid_t> {
    let name: CString = name.to_owned();
    let mut groups: Vec<libc::gid_t> = vec![main; 64];
    loop {
        let mut count = c_int::try_from(groups.len()).unwrap_or(c_int::MAX);
        // SAFETY: the name is terminated, and there is room for as many as `count` says.
        let found =
            unsafe { libc::getgrouplist(name.as_ptr(), main, groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if found >= 0 {
            groups.truncate(count.max(1));
            return groups;
        }
        groups.resize(count.max(groups.len() * 2), main);
    }
}
