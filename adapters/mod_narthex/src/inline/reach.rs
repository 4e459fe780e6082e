//! Whether a user can get at a file, and if not, what stands in the way.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{environment::Refusal, user::User};

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Need {
    /// It is read.
    Read,
    /// It is executed.
    Run,
    /// It is a directory, and searched.
    List,
}

/// What a user cannot pass, and needs to.
#[derive(Debug)]
pub(crate) struct Obstacle {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Eq, PartialEq)]
enum Kind {
    /// There is no such file.
    Missing,
    /// A directory on the way.
    Way,
    /// The file itself.
    End(Need),
}

impl Obstacle {
    /// As the log is to say it, of the environment `python`.
    pub(crate) fn refuse(&self, python: &Path, user: &User) -> Refusal {
        let (path, python, user) = (self.path.display(), python.display(), user.name());
        let line = match self.kind {
            Kind::Missing => format!(
                "there is no {path}: name the directory of a virtual environment, or an interpreter, by NarthexPython"
            ),
            Kind::Way => advice(&user, "enter", &path, &python, "o+x"),
            Kind::End(Need::Read) => advice(&user, "read", &path, &python, "o+r"),
            Kind::End(Need::Run) => advice(&user, "run", &path, &python, "o+rx"),
            Kind::End(Need::List) => advice(&user, "list", &path, &python, "o+rx"),
        };
        Refusal(line)
    }
}

fn advice(
    user: &str,
    cannot: &str,
    path: &std::path::Display<'_>,
    python: &std::path::Display<'_>,
    mode: &str,
) -> String {
    format!(
        "{user}, as whom httpd runs, cannot {cannot} {path}, which the Python {python} needs: run chmod {mode} {path}, or write \"NarthexProcess group:NAME\" for a group with a user who can"
    )
}

/// The first thing on the way to `path` that keeps `user` from what is needed.
pub(crate) fn obstacle(path: &Path, need: Need, user: &User) -> Option<Obstacle> {
    // A link is a second way, which begins where it points to.
    walk(path, need, user).or_else(|| {
        let real = path.canonicalize().ok()?;
        (real != path).then(|| walk(&real, need, user)).flatten()
    })
}

fn walk(path: &Path, need: Need, user: &User) -> Option<Obstacle> {
    let mut ways: Vec<&Path> = path.ancestors().skip(1).collect();
    ways.reverse();
    for way in ways {
        match fs::metadata(way) {
            Ok(metadata) if allows(&metadata, 0o1, user) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Some(Obstacle { path: way.to_owned(), kind: Kind::Missing });
            }
            _ => return Some(Obstacle { path: way.to_owned(), kind: Kind::Way }),
        }
    }
    let mode = match need {
        Need::Read => 0o4,
        Need::Run => 0o1,
        Need::List => 0o5,
    };
    let kind = match fs::metadata(path) {
        Ok(metadata) if allows(&metadata, mode, user) => return None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kind::Missing,
        _ => Kind::End(need),
    };
    Some(Obstacle { path: path.to_owned(), kind })
}

/// Whether the mode of a file grants `wanted` (as `o+rwx` counts) to the user.
fn allows(metadata: &Metadata, wanted: u32, user: &User) -> bool {
    if user.is_root() {
        return true;
    }
    let shift = if metadata.uid() == user.id() {
        6
    } else if user.is_in(metadata.gid()) {
        3
    } else {
        0
    };
    metadata.mode() >> shift & wanted == wanted
}
