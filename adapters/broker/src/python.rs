//! Where the interpreter of a group lies, and what keeps a user from it.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use rustix::fs::{Access, AtFlags, CWD, accessat};

/// Links that are followed at most: the system's own limit.
const LINKS: usize = 40;

/// The interpreter that `python` names: itself, or that of the environment in this directory.
///
/// # Errors
/// There is none; the text says what is there instead, and what to write.
pub fn interpreter(python: &Path) -> Result<PathBuf, String> {
    let name = python.display();
    let found = fs::metadata(python).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no {name}: python= names the directory of a virtual environment, or an interpreter"),
        _ => format!("{name} cannot be reached: {error}"),
    })?;
    if !found.is_dir() {
        return match found.permissions().mode() & 0o111 {
            0 => Err(format!(
                "{name} is no program: python= names the directory of a virtual environment, or an interpreter"
            )),
            _ => Ok(python.to_owned()),
        };
    }
    let candidates = ["bin/python3", "bin/python"].map(|name| python.join(name));
    candidates.into_iter().find(|path| path.exists()).ok_or_else(|| {
        format!("{name} is no virtual environment: it has no bin/python3 (make one by python3 -m venv {name})")
    })
}

/// What keeps this process from starting `program`, as a line for people; `None` if nothing seems to.
///
/// Follows every link on the way, since a virtual environment often leads into somebody's home.
#[must_use]
pub fn obstacle(program: &Path, user: &str) -> Option<String> {
    let mut rest: VecDeque<OsString> = program.components().filter_map(named).collect();
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if accessat(CWD, &here, Access::EXEC_OK, AtFlags::EACCESS).is_err() {
            let (place, program) = (here.display(), program.display());
            return Some(format!(
                "{program} cannot be started by the user {user}, who cannot enter {place}: \
                 chmod a+x {place}, or put the virtual environment and its Python elsewhere"
            ));
        }
        if name == ".." {
            here.pop();
            continue;
        }
        here.push(name);
        let found = match fs::symlink_metadata(&here) {
            Ok(found) => found,
            Err(error) => {
                return Some(format!(
                    "{} cannot be started: {}: {error}",
                    program.display(),
                    here.display()
                ));
            }
        };
        if found.is_symlink() {
            links += 1;
            let target = fs::read_link(&here).ok().filter(|_| links <= LINKS)?;
            here.pop();
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            let ahead: Vec<_> = target.components().filter_map(named).collect();
            ahead.into_iter().rev().for_each(|name| rest.push_front(name));
        }
    }
    if accessat(CWD, &here, Access::EXEC_OK, AtFlags::EACCESS).is_err() {
        let place = here.display();
        return Some(format!("{place} may not be run by the user {user}: chmod a+rx {place}"));
    }
    None
}

/// What keeps this process from using the virtual environment that `program` belongs to, if any.
#[must_use]
pub fn obstacle_within(program: &Path, user: &str) -> Option<String> {
    let environment = program.parent()?.parent()?;
    let settings = environment.join("pyvenv.cfg");
    if !settings.exists() {
        return None;
    }
    let readable = |path: &Path, how| accessat(CWD, path, how, AtFlags::EACCESS).is_ok();
    let closed = if readable(&settings, Access::READ_OK) {
        let packages = environment.join("lib");
        (!readable(&packages, Access::READ_OK | Access::EXEC_OK)).then_some(packages)?
    } else {
        settings
    };
    let (closed, environment) = (closed.display(), environment.display());
    Some(format!("{closed} cannot be read by the user {user}: chmod -R a+rX {environment}"))
}

fn named(component: Component<'_>) -> Option<OsString> {
    match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn program(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn an_environment_and_a_program_are_interpreters() {
        let place = tempfile::tempdir().unwrap();
        let (venv, python) = (place.path().join("venv"), place.path().join("venv/bin/python3"));
        let none = place.path().join("none");
        assert!(interpreter(&venv).unwrap_err().starts_with("there is no "));
        fs::create_dir(&venv).unwrap();
        assert!(interpreter(&venv).unwrap_err().contains("is no virtual environment"));
        program(&python);
        assert_eq!(interpreter(&venv), Ok(python.clone()));
        assert_eq!(interpreter(&python), Ok(python));
        fs::write(&none, "").unwrap();
        assert!(interpreter(&none).unwrap_err().contains("is no program"));
    }

    #[test]
    fn links_are_followed_to_what_is_missing() {
        let place = tempfile::tempdir().unwrap();
        let (venv, python) = (place.path().join("venv"), place.path().join("home/../home/py"));
        fs::create_dir_all(venv.join("bin")).unwrap();
        symlink("../../home/py", venv.join("bin/python3")).unwrap();
        let told = obstacle(&venv.join("bin/python3"), "shop").unwrap();
        assert!(told.contains("home: No such file"), "{told}");
        fs::create_dir(place.path().join("home")).unwrap();
        program(&python);
        assert_eq!(obstacle(&venv.join("bin/python3"), "shop"), None);
        assert_eq!(obstacle_within(&venv.join("bin/python3"), "shop"), None);
        fs::set_permissions(&python, fs::Permissions::from_mode(0o644)).unwrap();
        let told = obstacle(&venv.join("bin/python3"), "shop").unwrap();
        assert!(told.contains("chmod a+rx"), "{told}");
    }
}
