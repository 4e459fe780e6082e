//! `narthex.toml`, or the table `[tool.narthex]` of `pyproject.toml`.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Origin;
use crate::command::failure::Failure;

/// Files that are read where none is named, the first that has settings.
const USUAL: &[&str] = &["narthex.toml", "pyproject.toml"];

/// One setting of a file.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Value,
    path: PathBuf,
    line: usize,
}

/// A value as a command line would have it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    One(String),
    Many(Vec<String>),
}

impl Setting {
    pub(super) fn origin(&self) -> Origin {
        Origin::File(self.path.clone(), self.line)
    }

    /// What is wrong with this setting.
    pub(super) fn wrong(&self, why: &str) -> Failure {
        let Self { key, path, line, .. } = self;
        failure(&format!("{}:{line}: {key}: {why}", path.display()), Vec::new())
    }

    /// There is no such setting; `names` are those there are.
    pub(super) fn unknown<'a>(&self, names: impl Iterator<Item = &'a str>) -> Failure {
        let nearest = names
            .map(|name| (strsim::damerau_levenshtein(name, &self.key), name))
            .min()
            .filter(|(distance, name)| *distance <= name.len().max(4) / 2);
        let Self { key, path, line, .. } = self;
        let fixes = nearest.map(|(_, name)| format!("write {name}, if that is what you mean"));
        failure(
            &format!("{}:{line}: there is no setting {key:?}", path.display()),
            fixes.into_iter().chain(["narthex config show lists every setting".into()]).collect(),
        )
    }
}

fn failure(title: &str, fixes: Vec<String>) -> Failure {
    Failure::new("N270", title, Vec::new(), fixes)
}

/// The settings of `named`, or of the first usual file that has any.
///
/// # Errors
/// A file that was named is not there, or one is no TOML.
pub(super) fn read(named: Option<&OsStr>) -> Result<Vec<Setting>, Failure> {
    if let Some(name) = named {
        if name.is_empty() || name == "none" {
            return Ok(Vec::new());
        }
        let path = Path::new(name);
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        return settings(path, &text);
    }
    for name in USUAL {
        let path = Path::new(name);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            // A neighbour of the application that is none of our business must not stop it.
            Err(_) if is_project(path) => continue,
            Err(error) => return Err(unreadable(path, &error)),
        };
        if is_project(path) && !text.contains("tool") {
            continue;
        }
        let settings = settings(path, &text)?;
        if !settings.is_empty() {
            return Ok(settings);
        }
    }
    Ok(Vec::new())
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    failure(
        &format!("the settings {} cannot be read: {error}", path.display()),
        vec!["name a file that is there by --config, or leave that out".to_owned()],
    )
}

fn is_project(path: &Path) -> bool {
    path.file_name() == Some(OsStr::new("pyproject.toml"))
}

fn settings(path: &Path, text: &str) -> Result<Vec<Setting>, Failure> {
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let what = error.message();
            return Err(failure(&format!("{}:{}: {what}", path.display(), line(at)), Vec::new()));
        }
    };
    let table = if is_project(path) {
        let ours = table.get_ref().get("tool").and_then(|tool| tool.get_ref().get("narthex"));
        match ours.and_then(|ours| ours.get_ref().as_table()) {
            Some(ours) => ours,
            None => return Ok(Vec::new()),
        }
    } else {
        table.get_ref()
    };
    table
        .iter()
        .map(|(key, value)| {
            let setting = Setting {
                key: key.get_ref().to_string(),
                value: Value::One(String::new()),
                path: path.to_owned(),
                line: line(key.span().start),
            };
            let read = read_value(value).map_err(|why| setting.wrong(why))?;
            Ok(Setting { value: read, ..setting })
        })
        .collect()
}

fn read_value(value: &Spanned<DeValue<'_>>) -> Result<Value, &'static str> {
    match value.get_ref() {
        DeValue::Array(values) => values
            .iter()
            .map(|value| scalar(value.get_ref()))
            .collect::<Result<_, _>>()
            .map(Value::Many),
        value => scalar(value).map(Value::One),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Ok(truth.to_string()),
        _ => Err("write a string, a number, true or false, or a list of them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_know_their_lines() {
        let text = "# ours\nbind = ['a:1', 'b:2']\n\nthreads = 1_0\ndebug = false\n";
        let found = settings(Path::new("narthex.toml"), text).unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.line, it.key.as_str(), &it.value)).collect();
        let many = Value::Many(vec!["a:1".into(), "b:2".into()]);
        let (ten, no) = (Value::One("10".into()), Value::One("false".into()));
        assert_eq!(found.len(), 3);
        for expected in [(2, "bind", &many), (4, "threads", &ten), (5, "debug", &no)] {
            assert!(found.contains(&expected), "{expected:?} in {found:?}");
        }
    }

    #[test]
    fn only_our_table_of_a_project_counts() {
        let text = "[project]\nname = 'x'\n[tool.narthex]\nbind = 'a:1'\n[tool.other]\nx = 1\n";
        let found = settings(Path::new("pyproject.toml"), text).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].key.as_str()), (4, "bind"));
        assert!(settings(Path::new("pyproject.toml"), "[tool.other]\nx = 1\n").unwrap().is_empty());
    }
}
