//! The Python that is to run inside httpd, as it describes itself.
//!
//! It is asked once for each configuration, by the parent, as the user whom the children run as: they
//! then find everything without running Python, and what would fail in them is said at
//! `apachectl configtest`.

use std::{
    ffi::OsString,
    fmt,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    reach::{self, Need},
    run,
    user::User,
};

/// What the interpreter runs.
const DESCRIBE: &str = include_str!("describe.py");
/// The first thing that it says: whatever else writes to its output comes before.
const MARK: &[u8] = b"narthex-describe-1\0";
/// How long it may take, on a machine that is just starting.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why nothing can run in-process: a line for the log, which says what to write instead.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(pub(crate) String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the parts of a Python lie.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// The interpreter, such as `/srv/shop/.venv/bin/python`.
    pub(crate) executable: PathBuf,
    /// Its version: `3.11.2`.
    pub(crate) version: String,
    /// The directory of the environment.
    pub(crate) prefix: PathBuf,
    /// The directory of the standard library.
    standard: PathBuf,
    /// The shared library of Python.
    pub(crate) library: PathBuf,
    /// The engine: Narthex's extension module.
    pub(crate) engine: PathBuf,
}

impl Environment {
    /// Asks the interpreter at `python`, which may also be the directory of an environment, as `user`.
    ///
    /// # Errors
    ///
    /// It cannot be run, or is none that could run inside httpd.
    pub(crate) fn ask(python: &Path, user: &User) -> Result<Self, Refusal> {
        let interpreter = interpreter(python);
        if let Some(obstacle) = reach::obstacle(&interpreter, Need::Run, user) {
            return Err(obstacle.refuse(python, user));
        }
        let mut command = Command::new(&interpreter);
        command.args(["-X", "utf8", "-c", DESCRIBE]).current_dir("/");
        user.become_in(&mut command);
        let heard = run::output(&mut command, PATIENCE)
            .map_err(|error| refuse(python, format_args!("cannot be run: {error}")))?;
        let Some(facts) = heard.success.then(|| Self::read(&heard.stdout)).flatten() else {
            let said = String::from_utf8_lossy(&heard.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            let last = last.unwrap_or("it says nothing");
            return Err(refuse(python, format_args!("does not run: {last}")));
        };
        facts.check(user)
    }

    /// Reads what `describe.py` wrote.
    fn read(output: &[u8]) -> Option<Self> {
        let start = output.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
        let mut facts = output[start..].split(|byte| *byte == 0);
        let mut next = || Some(OsString::from_vec(facts.next()?.to_vec()));
        let (executable, version) = (next()?.into(), next()?.into_string().ok()?);
        let (prefix, standard, name) = (next()?.into(), next()?.into(), next()?);
        let (library, engine) = (next()?, next()?.into());
        // A name without a directory says what is missing.
        let library = if library.is_empty() { name } else { library }.into();
        Some(Self { executable, version, prefix, standard, library, engine })
    }

    fn check(self, user: &User) -> Result<Self, Refusal> {
        let Self { version, prefix, library, .. } = &self;
        let (at, name) = (prefix.display(), library.display());
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        if !version.starts_with("3.") || minor.is_none_or(|minor| minor < 10) {
            return Err(Refusal(format!(
                "the Python of {at} is {version}, and Narthex needs 3.10 or later: name a newer one by NarthexPython"
            )));
        }
        if self.engine.as_os_str().is_empty() {
            return Err(Refusal(format!(
                "there is no narthex for Python {version} in {at}: run {} -m pip install narthex",
                self.executable.display()
            )));
        }
        if !library.is_absolute() {
            return Err(Refusal(format!(
                "the Python {version} of {at} comes without its shared library, {name}, so it cannot run inside httpd: write \"NarthexProcess group:NAME\" (in a group every Python works), or install the library"
            )));
        }
        let package = self.engine.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let needed = [
            (library.as_path(), Need::Read),
            (&self.engine, Need::Read),
            (&self.standard, Need::List),
            (package, Need::List),
        ];
        let mut obstacles =
            needed.iter().filter_map(|(path, need)| reach::obstacle(path, *need, user));
        match obstacles.next() {
            Some(obstacle) => Err(obstacle.refuse(prefix, user)),
            None => Ok(self),
        }
    }
}

/// The interpreter that is meant by the path of an environment, or by its own.
fn interpreter(python: &Path) -> PathBuf {
    if python.is_dir() { python.join("bin/python") } else { python.to_owned() }
}

fn refuse(python: &Path, why: fmt::Arguments<'_>) -> Refusal {
    Refusal(format!(
        "the Python {} {why}; name another by NarthexPython, the directory of a virtual environment or an interpreter",
        python.display()
    ))
}
