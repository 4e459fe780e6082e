//! What becomes of everything that was read: groups, one Python for httpd itself, and all that is wrong.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    path::{Path, PathBuf},
};

use narthex_broker::{DEFAULT, Group};

use super::{
    Book, Origin, Target,
    book::{Defined, Question},
    options::nearest,
    python,
};

/// The group of a virtual host of its own, for `NarthexProcess %{SITE}`.
pub(crate) const SITE: &str = "%{SITE}";

/// The group of a directory of its own, for `NarthexProcess %{DIR}`.
pub(crate) const DIRECTORY: &str = "%{DIR}";

/// Something that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    /// Which directive.
    pub(crate) directive: &'static str,
    /// Where.
    pub(crate) origin: Origin,
    /// What, and what to write instead.
    pub(crate) what: String,
    /// Whether it is a mistake in the configuration itself, with which httpd does not start. Otherwise
    /// something is missing on the machine: `apachectl configtest` fails, but httpd starts, for its
    /// other sites.
    pub(crate) is_mistake: bool,
}

impl Finding {
    pub(super) fn mistake(directive: &'static str, origin: &Origin, what: &str) -> Self {
        Self { directive, origin: origin.clone(), what: what.to_owned(), is_mistake: true }
    }

    /// Something is missing on the machine.
    pub(crate) fn missing(directive: &'static str, origin: &Origin, what: &str) -> Self {
        Self { is_mistake: false, ..Self::mistake(directive, origin, what) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.origin, self.directive, self.what)
    }
}

/// What is asked of the machine.
pub(crate) trait World {
    /// Whether there is a user of this name.
    fn has_user(&self, name: &str) -> bool;

    /// Whether there is a group of users of this name.
    fn has_group(&self, name: &str) -> bool;

    /// Whether processes may be started as another user.
    fn may_change_user(&self) -> bool;

    /// The file of this module.
    fn module(&self) -> Option<PathBuf>;
}

/// A server and what its directives say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// What it says.
    pub(crate) book: &'a Book,
    /// Its name and port.
    pub(crate) name: &'a str,
    /// Whatever the caller knows it by.
    pub(crate) key: usize,
}

/// What all directives come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    /// The groups.
    pub(crate) groups: Vec<Group>,
    /// The groups of servers with a Python of their own, by the caller's key.
    pub(crate) sites: BTreeMap<usize, String>,
    /// The interpreter of the environment of applications that run in-process, if any do.
    pub(crate) inline: Option<Inside>,
    /// All that is wrong.
    pub(crate) findings: Vec<Finding>,
}

/// The Python of applications that run in-process.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    /// Its interpreter.
    pub(crate) interpreter: PathBuf,
    /// Where somebody wants it.
    pub(crate) origin: Origin,
}

/// Puts together what the servers say, the main one first.
pub(crate) fn resolve(servers: &[Said<'_>], world: &impl World) -> Resolved {
    let mut resolved = Resolved::default();
    resolved.findings.extend(servers.iter().flat_map(|said| said.book.findings.clone()));
    let main = servers.first().map(|said| said.book);
    let python = resolved.default_python(main, world);
    resolved.define(servers, python.as_deref(), world);
    resolved.define_sites(servers);
    resolved.inline(servers, python.as_deref());
    for (question, directive, origin) in questions(servers) {
        let wrong = match question {
            Question::Target(text) => {
                target(text).map_err(|what| Finding::missing(directive, origin, &what))
            }
            Question::Group(name) => {
                resolved.known(name).map_err(|what| Finding::mistake(directive, origin, &what))
            }
            Question::Inline => Ok(()),
        };
        resolved.findings.extend(wrong.err());
    }
    resolved.sort();
    resolved
}

fn questions<'a>(
    servers: &'a [Said<'_>],
) -> impl Iterator<Item = (&'a Question, &'static str, &'a Origin)> {
    let asked = servers.iter().flat_map(|said| &said.book.questions);
    asked.map(|(question, directive, origin)| (question, *directive, origin))
}

impl Resolved {
    /// The group of this name.
    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Puts what is wrong into the order of the files.
    fn sort(&mut self) {
        let files: Vec<_> = self.findings.iter().map(|it| it.origin.file.clone()).collect();
        let first = |file: &String| files.iter().position(|known| known == file);
        self.findings.sort_by_key(|it| (first(&it.origin.file), it.origin.line));
    }

    /// The environment that holds where no other is said: `NarthexPython`, or the one that the module
    /// lies in.
    fn default_python(&mut self, main: Option<&Book>, world: &impl World) -> Option<PathBuf> {
        let Some((path, origin)) = main.and_then(|book| book.python.as_ref()) else {
            return world.module().and_then(|file| python::environment_of(&file));
        };
        self.check_python(Path::new(path), "NarthexPython", origin);
        Some(PathBuf::from(path))
    }

    fn check_python(&mut self, path: &Path, directive: &'static str, origin: &Origin) {
        if let Err(what) = python::interpreter(path) {
            self.findings.push(Finding::missing(directive, origin, &what));
        }
    }

    /// The groups: those that are always there, and those that are defined.
    fn define(&mut self, servers: &[Said<'_>], python: Option<&Path>, world: &impl World) {
        let reload =
            servers.iter().find_map(|said| said.book.reload.as_ref()).is_some_and(|it| it.0);
        let new = |name: &str, python: &Path| {
            let mut group = Group::new(name, python);
            group.reload = reload;
            group
        };
        if let Some(python) = python {
            self.groups.extend([DEFAULT, SITE, DIRECTORY].map(|name| new(name, python)));
        }
        for defined in servers.iter().flat_map(|said| &said.book.groups) {
            let known = self.groups.iter().position(|group| group.name == defined.name);
            let given = defined.settings.iter().find(|(key, _)| key == "python");
            let from = given.map(|(_, path)| Path::new(path)).or(python);
            let mut group = match known {
                Some(index) => self.groups.remove(index),
                None => new(&defined.name, from.unwrap_or(Path::new("/"))),
            };
            self.check_group(defined, from, &mut group, world);
            self.groups.push(group);
        }
    }

    fn check_group(
        &mut self,
        defined: &Defined,
        python: Option<&Path>,
        group: &mut Group,
        world: &impl World,
    ) {
        const DIRECTIVE: &str = "NarthexGroup";
        let origin = &defined.origin;
        let mut wrong = Vec::new();
        for (key, value) in &defined.settings {
            if let Err(what) = group.set(key, value) {
                let keys = Group::KEYS.iter().map(|(known, _)| *known);
                let near =
                    if keys.clone().any(|known| known == key) { None } else { nearest(key, keys) };
                wrong.push(Finding::mistake(
                    DIRECTIVE,
                    origin,
                    &near.map_or(what, |near| {
                        format!("there is no setting {key}; perhaps {near} is meant")
                    }),
                ));
            }
        }
        let mut missing = |what: String| wrong.push(Finding::missing(DIRECTIVE, origin, &what));
        if let Some(user) = &group.user {
            if !world.has_user(user) {
                missing(format!("there is no user {user}"));
            } else if !world.may_change_user() {
                missing(format!(
                    "httpd is not started as root, so it can start nothing as {user}: take user= away"
                ));
            }
        }
        if let Some(name) = group.group.as_ref().filter(|name| !world.has_group(name)) {
            missing(format!("there is no group of users {name}"));
        }
        if let Some(directory) = group.chdir.as_ref().filter(|path| !path.is_dir()) {
            missing(format!("there is no directory {}", directory.display()));
        }
        self.findings.append(&mut wrong);
        let own = defined.settings.iter().any(|(key, _)| key == "python");
        match python {
            Some(_) if own => self.check_python(&group.python.clone(), DIRECTIVE, origin),
            Some(_) => {}
            None => self.findings.push(Finding::missing(
                DIRECTIVE,
                origin,
                "it has no Python: write python=/srv/venv here, or NarthexPython /srv/venv",
            )),
        }
    }

    /// Groups for virtual hosts that have a Python of their own.
    fn define_sites(&mut self, servers: &[Said<'_>]) {
        for said in servers.iter().skip(1) {
            let Some((path, origin)) = &said.book.python else { continue };
            self.check_python(Path::new(path), "NarthexPython", origin);
            let template = self.group(SITE).cloned();
            let mut group = template.unwrap_or_else(|| Group::new(SITE, path));
            let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
            let name = said.name.chars().map(|letter| if plain(letter) { letter } else { '-' });
            let mut name = format!("site.{}", name.collect::<String>());
            name.truncate(200);
            while self.group(&name).is_some() {
                name.push_str(".2");
            }
            group.name.clone_from(&name);
            group.python = path.into();
            self.groups.push(group);
            self.sites.insert(said.key, name);
        }
    }

    /// The Python of httpd itself, if there is to be one.
    fn inline(&mut self, servers: &[Said<'_>], python: Option<&Path>) {
        let mut asked = questions(servers).filter(|(question, ..)| **question == Question::Inline);
        let Some((_, directive, origin)) = asked.next() else {
            return self.nowhere_to_run(servers, python);
        };
        let Some(python) = python else {
            let what = "there is no Python for it: write NarthexPython /srv/venv";
            return self.findings.push(Finding::missing(directive, origin, what));
        };
        // What is wrong with it has been found.
        let origin = origin.clone();
        self.inline =
            python::interpreter(python).ok().map(|interpreter| Inside { interpreter, origin });
        let reload = servers.iter().find_map(|said| said.book.reload.as_ref().filter(|it| it.0));
        if let Some((_, origin)) = reload {
            self.findings.push(Finding::mistake(
                "NarthexReload",
                origin,
                &format!(
                    "an application in httpd itself ({directive} inline) is loaded anew by a graceful \
                     restart only: write NarthexGroup NAME reload=on for groups instead"
                ),
            ));
        }
        for said in servers.iter().skip(1) {
            let here = |(question, ..): &&(Question, _, Origin)| *question == Question::Inline;
            let inline = said.book.questions.iter().find(here);
            if let (Some((path, _)), Some((_, directive, origin))) = (&said.book.python, inline)
                && Path::new(path) != python
            {
                self.findings.push(Finding::mistake(
                    directive,
                    origin,
                    &format!(
                        "httpd itself has one Python, {}, and this host's is {path}: write \
                         NarthexProcess %{{SITE}}",
                        python.display()
                    ),
                ));
            }
        }
    }

    /// Says so if there are applications but no Python for any of them.
    fn nowhere_to_run(&mut self, servers: &[Said<'_>], python: Option<&Path>) {
        if python.is_some()
            || !self.groups.is_empty()
            || servers.iter().any(|said| said.book.python.is_some())
        {
            return;
        }
        let target = |(question, ..): &(&Question, _, _)| matches!(question, Question::Target(_));
        if let Some((_, directive, origin)) = questions(servers).find(target) {
            let what = "there is no Python for it: this module lies in no environment, so write \
                        NarthexPython /srv/venv";
            self.findings.push(Finding::missing(directive, origin, what));
        }
    }

    /// Whether there is a group of this name.
    fn known(&self, name: &str) -> Result<(), String> {
        if self.group(name).is_some_and(|group| !group.is_template()) {
            return Ok(());
        }
        let names = self.groups.iter().map(|group| group.name.as_str());
        Err(match nearest(name, names) {
            Some(near) => format!("there is no group {name}; perhaps {near} is meant"),
            None => format!(
                "there is no group {name}: write NarthexGroup {name} in the server's configuration"
            ),
        })
    }
}

/// Whether there is such an application, as far as can be seen without Python.
fn target(text: &str) -> Result<(), String> {
    let target = Target::new(text);
    if !target.is_path() {
        return Ok(());
    }
    let path = Path::new(target.place);
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("there is no file {}", target.place))
        }
        Err(error) => Err(format!("{} cannot be reached: {error}", target.place)),
        Ok(about) if about.is_dir() => Ok(()),
        Ok(_) => match File::open(path) {
            Err(error) => Err(format!("{} cannot be read: {error}", target.place)),
            Ok(_) => Ok(()),
        },
    }
}
