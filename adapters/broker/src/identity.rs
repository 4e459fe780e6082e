//! Who a process runs as, looked up wherever the system keeps its users.

use std::{ffi::CString, path::PathBuf};

use nix::unistd::{self, Gid, Uid};

/// A user, with all that a login would give.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The name, or the number where there is none.
    pub name: String,
    /// The number.
    pub user: u32,
    /// The group of new files.
    pub group: u32,
    /// All groups.
    pub groups: Vec<u32>,
    /// The home directory, or the root where there is none.
    pub home: PathBuf,
}

impl Identity {
    /// The user of this name or number, in this group or else the user's own.
    ///
    /// # Errors
    /// There is no such user or group; the text says which.
    pub fn of(user: &str, group: Option<&str>) -> Result<Self, String> {
        let cannot = |kind: &str, name: &str| format!("there is no {kind} {name} on this system");
        let (number, entry) = match number(user) {
            Some(number) => (number, unistd::User::from_uid(Uid::from_raw(number))),
            None => (0, unistd::User::from_name(user)),
        };
        let entry = entry.map_err(|error| format!("the user {user} cannot be found: {error}"))?;
        if entry.is_none() && self::number(user).is_none() {
            return Err(cannot("user", user));
        }
        let group = group.map(|name| group_of(name)?.ok_or_else(|| cannot("group", name)));
        let group = group.transpose()?;
        let Some(entry) = entry else {
            // A number is a user even without a name; its group has to be said.
            let group = group.ok_or_else(|| cannot("user", user))?;
            let (name, home) = (number.to_string(), PathBuf::from("/"));
            return Ok(Self { name, user: number, group, groups: vec![group], home });
        };
        let group = group.unwrap_or_else(|| entry.gid.as_raw());
        let name = CString::new(entry.name.as_bytes()).map_err(|_| cannot("user", user))?;
        let groups = unistd::getgrouplist(&name, Gid::from_raw(group))
            .map_err(|error| format!("the groups of {user} cannot be found: {error}"))?;
        Ok(Self {
            name: entry.name,
            user: entry.uid.as_raw(),
            group,
            groups: groups.into_iter().map(Gid::as_raw).collect(),
            home: entry.dir,
        })
    }
}

/// A number, as httpd's `User #33` writes it, or without the sign.
fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix('#').unwrap_or(name);
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn group_of(name: &str) -> Result<Option<u32>, String> {
    if let Some(number) = number(name) {
        return Ok(Some(number));
    }
    let found = unistd::Group::from_name(name)
        .map_err(|error| format!("the group {name} cannot be found: {error}"))?;
    Ok(found.map(|group| group.gid.as_raw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_number() {
        let root = Identity::of("root", None).unwrap();
        assert_eq!((root.user, root.group, &root.name[..]), (0, 0, "root"));
        assert!(root.groups.contains(&0));
        assert_eq!(Identity::of("#0", None).unwrap(), root);
        assert_eq!(Identity::of("0", Some("0")).unwrap(), root);
    }

    #[test]
    fn a_number_without_a_name_needs_a_group() {
        let nameless = Identity::of("#4000123", Some("#4000124")).unwrap();
        assert_eq!(nameless.groups, [4_000_124]);
        assert_eq!((nameless.name, nameless.user), ("4000123".to_owned(), 4_000_123));
        assert!(Identity::of("#4000123", None).is_err());
    }

    #[test]
    fn who_does_not_exist_is_named() {
        let told = Identity::of("no-such-user", None).unwrap_err();
        assert_eq!(told, "there is no user no-such-user on this system");
        let told = Identity::of("root", Some("no-such-group")).unwrap_err();
        assert_eq!(told, "there is no group no-such-group on this system");
    }
}
