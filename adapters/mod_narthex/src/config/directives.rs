//! What each directive means.

use std::ffi::CStr;

use narthex_broker::Group;

use super::{
    App, Arena, Base, Book, Choice, Function, Origin, Settings,
    application::Target,
    book::{Defined, Question},
    options,
};

/// What makes a path stand for many.
pub(crate) const WILDCARDS: [char; 3] = ['*', '?', '['];

/// The directives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
pub(crate) enum Kind {
    Python,
    Group,
    Reload,
    App,
    Process,
    Option,
    Debug,
    Auth,
    Access,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Python,
        Self::Group,
        Self::Reload,
        Self::App,
        Self::Process,
        Self::Option,
        Self::Debug,
        Self::Auth,
        Self::Access,
    ];

    /// What is written, as C wants it.
    pub(crate) const fn c_name(self) -> &'static CStr {
        match self {
            Self::Python => c"NarthexPython",
            Self::Group => c"NarthexGroup",
            Self::Reload => c"NarthexReload",
            Self::App => c"NarthexApp",
            Self::Process => c"NarthexProcess",
            Self::Option => c"NarthexOption",
            Self::Debug => c"NarthexDebug",
            Self::Auth => c"NarthexAuth",
            Self::Access => c"NarthexAccess",
        }
    }

    /// What is written.
    pub(crate) fn name(self) -> &'static str {
        self.c_name().to_str().expect("the names are ASCII")
    }

    /// How it is written.
    pub(crate) const fn usage(self) -> &'static CStr {
        match self {
            Self::Python => c"the environment of Python: a directory, or its interpreter",
            Self::Group => c"a name, and settings of worker processes as key=value",
            Self::Reload => c"On: a change of an application's files restarts it, in groups",
            Self::App => c"an application: /srv/app.py:app, or module:app",
            Self::Process => c"where applications run: inline, group:NAME, %{SITE} or %{DIR}",
            Self::Option => c"an option of `narthex serve`, and its value",
            Self::Debug => c"On: failures are shown in the browser of a local user",
            Self::Auth => c"a function that says whether a password is right: /srv/users.py:check",
            Self::Access => c"a function that says whether a request may pass: /srv/users.py:may",
        }
    }
}

/// Where a directive stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope<'a> {
    /// In the server, or a virtual host.
    Server,
    /// In a `<Location>` of this path.
    Location(&'a str),
    /// In a `<Directory>` of this path, which ends in a slash.
    Directory(&'a str),
    /// In the `.htaccess` of this directory, which ends in a slash.
    Access(&'a str),
    /// In a section of this name that has no path of its own, such as `<If>`.
    Section(&'a str),
}

/// A directive as it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directive<'a> {
    /// Which.
    pub(crate) kind: Kind,
    /// What is behind its name, taken apart at spaces.
    pub(crate) words: &'a [&'a str],
    /// Where.
    pub(crate) scope: Scope<'a>,
    /// File and line.
    pub(crate) origin: &'a Origin,
    /// What paths that are not whole are meant from, outside of directories: `ServerRoot`.
    pub(crate) root: &'a str,
}

impl Directive<'_> {
    /// Does what it says. In a file of the configuration what is wrong, or to be looked at later, is
    /// noted in the book, to be found together with all else; in `.htaccess`, which has no book, it
    /// is the error, or returned.
    ///
    /// # Errors
    /// What is wrong in `.htaccess`.
    pub(crate) fn apply<'p>(
        &self,
        settings: &mut Settings<'p>,
        book: Option<&mut Book>,
        arena: impl Arena<'p>,
    ) -> Result<Vec<Question>, String> {
        let Some(book) = book else { return self.place(settings, arena) };
        book.used = true;
        let outcome = match self.kind {
            Kind::Python | Kind::Group | Kind::Reload => self.server(book).map(|()| Vec::new()),
            _ => self.place(settings, arena),
        };
        match outcome {
            Ok(questions) => {
                let asked = |question| (question, self.kind.name(), self.origin.clone());
                book.questions.extend(questions.into_iter().map(asked));
            }
            Err(what) => book.mistake(self.kind, self.origin, &what),
        }
        Ok(Vec::new())
    }

    /// The directives of a server.
    fn server(&self, book: &mut Book) -> Result<(), String> {
        let origin = self.origin.clone();
        match (self.kind, self.words) {
            (Kind::Python, [path]) => {
                let slash = if self.root.ends_with('/') { "" } else { "/" };
                let whole = if path.starts_with('/') {
                    (*path).to_owned()
                } else {
                    format!("{}{slash}{path}", self.root)
                };
                book.python = Some((whole, origin));
            }
            (Kind::Python, _) => return Err("write one path, of an environment".to_owned()),
            (Kind::Reload, words) => book.reload = Some((switch(words)?, origin)),
            (_, [name, settings @ ..]) => {
                Group::check_name(name)?;
                let pair = |word: &&str| {
                    let (key, value) = word
                        .split_once('=')
                        .ok_or_else(|| format!("{word} is no setting: write key=value"))?;
                    Ok::<_, String>((key.to_owned(), value.to_owned()))
                };
                let settings = settings.iter().map(pair).collect::<Result<_, _>>()?;
                book.groups.push(Defined { name: (*name).to_owned(), settings, origin });
            }
            (_, []) => return Err("write NarthexGroup NAME key=value...".to_owned()),
        }
        Ok(())
    }

    /// The directives of a place; what is to be looked at later is returned.
    fn place<'p>(
        &self,
        settings: &mut Settings<'p>,
        arena: impl Arena<'p>,
    ) -> Result<Vec<Question>, String> {
        Ok(match self.kind {
            Kind::App => {
                let target = self.target(arena)?;
                settings.app = Some(App { target, base: self.base(arena)? });
                // Of many directories, each has one of its own.
                if self.is_many() { Vec::new() } else { vec![Question::Target(target.to_owned())] }
            }
            Kind::Auth | Kind::Access => {
                let function = self.function(arena)?;
                let place = match self.kind {
                    Kind::Auth => &mut settings.auth,
                    _ => &mut settings.access,
                };
                *place = Some(function);
                vec![Question::Target(function.target.to_owned())]
            }
            Kind::Process => return self.process(settings, arena),
            Kind::Option => {
                let (key, value) = match *self.words {
                    [key] => (key, None),
                    [key, value] => (key, Some(value)),
                    _ => return Err("write NarthexOption key value".to_owned()),
                };
                options::check(key, value)?;
                let value = value.map(|value| arena.text(&self.option_value(key, value)));
                settings.options.choose(arena.text(key), value, arena);
                Vec::new()
            }
            Kind::Debug => {
                settings.debug = Some(switch(self.words)?);
                Vec::new()
            }
            Kind::Python | Kind::Group | Kind::Reload => {
                return Err("it belongs to the configuration of the server".to_owned());
            }
        })
    }

    fn process<'p>(
        &self,
        settings: &mut Settings<'p>,
        arena: impl Arena<'p>,
    ) -> Result<Vec<Question>, String> {
        let &[word] = self.words else {
            return Err("write inline, group:NAME, %{SITE} or %{DIR}".to_owned());
        };
        let in_access = matches!(self.scope, Scope::Access(_));
        let (choice, questions) = match word {
            "inline" => (Choice::Inline, vec![Question::Inline]),
            "%{SITE}" => (Choice::Site, Vec::new()),
            "%{DIR}" => (Choice::Directory, Vec::new()),
            _ => match word.strip_prefix("group:") {
                Some("") | None => {
                    return Err(format!(
                        "{word} is no place to run: write inline, group:NAME, %{{SITE}} or %{{DIR}}"
                    ));
                }
                Some(name) => {
                    Group::check_name(name)?;
                    (Choice::Group(arena.text(name)), vec![Question::Group(name.to_owned())])
                }
            },
        };
        if in_access && !matches!(choice, Choice::Group(_)) {
            return Err(format!(
                "{word} is for the configuration of the server; here write group:NAME with a group \
                 that it defines"
            ));
        }
        settings.choice = Some(choice);
        Ok(questions)
    }

    /// APP with a whole path.
    fn target<'p>(&self, arena: impl Arena<'p>) -> Result<&'p str, String> {
        let &[written] = self.words else {
            return Err(format!(
                "write one application: {} /srv/app.py:app, or module:app",
                self.kind.name()
            ));
        };
        if written.is_empty() || written.starts_with('-') {
            return Err(format!("\"{written}\" is no application: write /srv/app.py:app"));
        }
        if self.is_many() {
            return Ok(arena.text(written));
        }
        Ok(arena.text(&Target::new(written).in_directory(self.directory())))
    }

    /// A function that decides.
    fn function<'p>(&self, arena: impl Arena<'p>) -> Result<Function<'p>, String> {
        let target = self.target(arena)?;
        let parts = Target::new(target);
        if parts.rest.is_empty() {
            return Err(format!(
                "{target} names no function: write {} {target}:NAME",
                self.kind.name()
            ));
        }
        if parts.is_path() && !parts.place.starts_with('/') {
            // Of many directories; what decides for them is one.
            return Err(format!(
                "{target} is no whole path, which it has to be in many directories"
            ));
        }
        let directory = match self.scope {
            Scope::Location(path) | Scope::Directory(path) | Scope::Access(path) => path,
            Scope::Server | Scope::Section(_) => "/",
        };
        let in_access = matches!(self.scope, Scope::Access(_));
        Ok(Function { target, directory: arena.text(directory), in_access })
    }

    /// Whether it stands in a directory with wildcards.
    fn is_many(&self) -> bool {
        matches!(self.scope, Scope::Directory(path) if path.contains(WILDCARDS))
    }

    /// What paths that are not whole are meant from.
    fn directory(&self) -> &str {
        match self.scope {
            Scope::Directory(path) | Scope::Access(path) if !self.is_many() => path,
            _ => self.root,
        }
    }

    /// The value of an option; those that are paths are whole ones.
    fn option_value(&self, key: &str, value: &str) -> String {
        let is_path = matches!(key, "app-dir" | "chdir" | "config" | "access-log" | "error-log");
        if !is_path || value.starts_with('/') || matches!(value, "-" | "none") {
            return value.to_owned();
        }
        let directory = self.directory().trim_end_matches('/');
        format!("{directory}/{value}")
    }

    fn base<'p>(&self, arena: impl Arena<'p>) -> Result<Base<'p>, String> {
        let name = self.kind.name();
        match self.scope {
            Scope::Server => Ok(Base::Path("")),
            Scope::Location(path) if path.contains(WILDCARDS) => Err(format!(
                "<Location \"{path}\"> is many paths, and an application is mounted at one: \
                 write {name} in <Location \"/path\">"
            )),
            Scope::Location(path) if !path.starts_with('/') => Err(format!(
                "<Location \"{path}\"> is no path: write {name} in <Location \"/path\">"
            )),
            Scope::Location(path) => Ok(Base::Path(arena.text(path.trim_end_matches('/')))),
            Scope::Directory(path) => Ok(Base::Directory(arena.text(path))),
            Scope::Access(path) => Ok(Base::Access(arena.text(path))),
            Scope::Section(section) => Err(format!(
                "an application is mounted at a path, and {section}> is none: write {name} in a \
                 <VirtualHost>, <Location>, <Directory> or .htaccess"
            )),
        }
    }
}

impl Book {
    fn mistake(&mut self, kind: Kind, origin: &Origin, what: &str) {
        self.findings.push(super::Finding::mistake(kind.name(), origin, what));
    }
}

fn switch(words: &[&str]) -> Result<bool, String> {
    match words {
        [word] if word.eq_ignore_ascii_case("on") => Ok(true),
        [word] if word.eq_ignore_ascii_case("off") => Ok(false),
        _ => Err("write On or Off".to_owned()),
    }
}
