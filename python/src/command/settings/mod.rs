//! Settings that are not on the command line: from a file, and from variables that platforms set.
//!
//! They are put in front of the arguments as if they had been typed there, so that there is one
//! reader of values and one list of options. What wins: the command line, then `NARTHEX_…`, then the
//! file, then a platform's variables, then the defaults.

mod chosen;
mod file;
mod show;

use std::{
    collections::{HashMap, HashSet},
    env,
    ffi::OsString,
    fmt,
    path::PathBuf,
};

use clap::{
    Arg, ArgAction, Command,
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};

pub(super) use chosen::chosen;
pub(super) use show::show;

use super::failure::Failure;
use file::{Setting, Value};

/// Variables that hosting platforms set, and the options they are.
const PLATFORM: &[(&str, &str)] =
    &[("WEB_CONCURRENCY", "workers"), ("FORWARDED_ALLOW_IPS", "trust-proxy")];

/// The name under which a file names the application.
const APP: &str = "app";

/// Where a setting comes from, if neither from the command line nor from a variable of its own.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A line of a file.
    File(PathBuf, usize),
    /// A variable that a platform sets.
    Variable(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "environment {name}"),
        }
    }
}

/// Arguments to which the settings of lower rank have been added.
pub(super) struct Completed {
    pub(super) arguments: Vec<OsString>,
    /// By the id of the option.
    pub(super) origins: HashMap<String, Origin>,
}

impl Completed {
    /// Says of a mistake where it was made, if not on the command line.
    pub(super) fn blame(&self, command: &Command, mut error: clap::Error) -> clap::Error {
        let Some(ContextValue::String(named)) = error.get(ContextKind::InvalidArg) else {
            return error;
        };
        let long = named.trim_start_matches('-').split([' ', '=', '[']).next().unwrap_or_default();
        let chosen = subcommand(command, &self.arguments);
        let id = chosen.and_then(|(chosen, _)| option(chosen, long)).map(Arg::get_id);
        if let Some(origin) = id.and_then(|id| self.origins.get(id.as_str())) {
            let note = StyledStr::from(format!("the value comes from {origin}"));
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![note]));
        }
        error
    }
}

/// Puts what a file and the platform's variables say in front of `arguments`.
///
/// # Errors
/// The file cannot be read, or says what it must not.
pub(super) fn complete(command: &Command, arguments: &[OsString]) -> Result<Completed, Failure> {
    let mut completed = Completed { arguments: arguments.to_vec(), origins: HashMap::new() };
    let Some((chosen, depth)) = subcommand(command, arguments) else { return Ok(completed) };
    let rest = &arguments[depth..];
    if option(chosen, "config").is_none() {
        return Ok(completed);
    }
    let given = given(chosen, rest);
    let mut added = Vec::new();
    for setting in file::read(given.config.as_deref())? {
        let Some(argument) = option(chosen, &setting.key).filter(|it| is_setting(it)) else {
            known(command, &setting)?;
            continue;
        };
        let id = argument.get_id().as_str();
        if !given.has(argument) {
            added.extend(setting.arguments(argument)?);
            completed.origins.insert(id.to_owned(), setting.origin());
        }
    }
    for &(variable, key) in PLATFORM {
        let (Some(value), Some(argument)) = (env::var_os(variable), option(chosen, key)) else {
            continue;
        };
        let id = argument.get_id().as_str();
        if !value.is_empty() && !given.has(argument) && !completed.origins.contains_key(id) {
            let mut word = OsString::from(format!("--{key}="));
            word.push(value);
            added.push(word);
            completed.origins.insert(id.to_owned(), Origin::Variable(variable));
        }
    }
    completed.arguments.splice(depth..depth, added);
    Ok(completed)
}

/// The command that the first arguments name, and how many they are.
pub(super) fn subcommand<'a>(
    command: &'a Command,
    arguments: &[OsString],
) -> Option<(&'a Command, usize)> {
    let mut found = command;
    let mut depth = 0;
    while let Some(next) =
        arguments.get(depth).and_then(|name| found.find_subcommand(name.to_str()?))
    {
        found = next;
        depth += 1;
    }
    (depth > 0).then_some((found, depth))
}

/// Whether the value of the option `text` is the next argument.
pub(super) fn wants_value(command: &Command, text: &str) -> bool {
    let optional = |argument: &Arg| argument.is_require_equals_set();
    named(command, text).is_some_and(|argument| takes_value(argument) && !optional(argument))
        && !text.contains('=')
        && (text.starts_with("--") || text.chars().count() == 2)
}

/// The option that a word of the command line names.
fn named<'a>(command: &'a Command, text: &str) -> Option<&'a Arg> {
    if let Some(long) = text.strip_prefix("--") {
        return option(command, long.split('=').next().unwrap_or(long));
    }
    let short = text.strip_prefix('-')?.chars().next()?;
    command.get_arguments().find(|argument| argument.get_short() == Some(short))
}

/// The option or, as `app`, the argument with this name.
fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| {
        argument.get_long() == Some(name)
            || (name == APP && argument.is_positional() && argument.get_id() == APP)
            || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
    })
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

/// What the command line and `NARTHEX_…` say, by the id of the option.
struct Given {
    ids: HashSet<String>,
    config: Option<OsString>,
}

impl Given {
    fn has(&self, argument: &Arg) -> bool {
        self.ids.contains(argument.get_id().as_str())
            || argument.get_env().is_some_and(|name| env::var_os(name).is_some())
    }
}

fn given(command: &Command, arguments: &[OsString]) -> Given {
    let mut given = Given { ids: HashSet::new(), config: env::var_os("NARTHEX_CONFIG") };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            given.ids.extend(words.next().map(|_| APP.to_owned()));
            break;
        }
        if !text.starts_with('-') || text == "-" {
            given.ids.insert(APP.to_owned());
            continue;
        }
        let Some(argument) = named(command, &text) else { continue };
        let id = argument.get_id().as_str();
        let value = if wants_value(command, &text) {
            words.next().cloned()
        } else {
            text.split_once('=').map(|(_, value)| OsString::from(value))
        };
        if id == "config" {
            given.config = value;
        } else if id == "no_debug" {
            given.ids.insert("debug".to_owned());
        }
        given.ids.insert(id.to_owned());
    }
    given
}

/// Makes sure that some command has the option: a file serves them all.
fn known(command: &Command, setting: &Setting) -> Result<(), Failure> {
    fn below(command: &Command) -> Vec<&Command> {
        command.get_subcommands().flat_map(|it| [vec![it], below(it)].concat()).collect()
    }
    let settings: Vec<_> = below(command)
        .into_iter()
        .filter(|command| option(command, "config").is_some())
        .flat_map(Command::get_arguments)
        .filter(|argument| is_setting(argument))
        .map(|argument| argument.get_long().unwrap_or(APP))
        .collect();
    if settings.contains(&setting.key.as_str()) {
        return Ok(());
    }
    Err(setting.unknown(settings.into_iter()))
}

/// Whether an option makes sense in a file.
fn is_setting(argument: &Arg) -> bool {
    const OTHERS: &[&str] = &[
        "config", "help", "version", "no_debug", "request", "header", "data", "https", "raw",
        "mode", "warm",
    ];
    !argument.is_hide_set() && !OTHERS.contains(&argument.get_id().as_str())
}

impl Setting {
    /// As words of a command line.
    fn arguments(&self, argument: &Arg) -> Result<Vec<OsString>, Failure> {
        let word = |value: &str| match argument.get_long() {
            Some(long) => format!("--{long}={value}").into(),
            None => OsString::from(value),
        };
        match (&self.value, argument.get_action()) {
            (Value::One(text), ArgAction::SetTrue) => match text.as_str() {
                "true" => Ok(vec![format!("--{}", self.long(argument)).into()]),
                "false" => Ok(Vec::new()),
                _ => Err(self.wrong("write true or false")),
            },
            (Value::One(text), _) => Ok(vec![word(text)]),
            (Value::Many(texts), ArgAction::Append) => {
                Ok(texts.iter().map(|text| word(text)).collect())
            }
            (Value::Many(_), _) => Err(self.wrong("it takes one value, not a list")),
        }
    }

    fn long<'a>(&'a self, argument: &'a Arg) -> &'a str {
        argument.get_long().unwrap_or(&self.key)
    }
}
