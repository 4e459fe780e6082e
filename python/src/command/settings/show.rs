//! `narthex config show`: every setting, its value, and where that comes from.

use std::{
    ffi::OsString,
    fmt::Write as _,
    io::{self, Write as _},
};

use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource};

use super::{APP, Completed, is_setting, subcommand};
use crate::command::plan;

/// Prints the settings as a `narthex.toml` that says the same.
///
/// # Errors
/// Nobody reads it.
pub(in crate::command) fn show(
    command: &Command,
    matches: &ArgMatches,
    completed: &Completed,
) -> io::Result<()> {
    let Some((shown, depth)) = subcommand(command, &completed.arguments) else { return Ok(()) };
    let matches = (0..depth)
        .fold(matches, |matches, _| matches.subcommand().map_or(matches, |(_, below)| below));
    let mut groups: Vec<(&str, String)> = vec![(FIRST, String::new())];
    for argument in shown.get_arguments() {
        let id = argument.get_id().as_str();
        if !is_setting(argument) {
            continue;
        }
        let heading = argument.get_help_heading().unwrap_or(FIRST);
        let place = groups.iter().position(|(name, _)| *name == heading).unwrap_or_else(|| {
            groups.push((heading, String::new()));
            groups.len() - 1
        });
        let line = line(argument, matches, completed);
        let lines = &mut groups[place].1;
        let at = if id == APP { 0 } else { lines.len() };
        lines.insert_str(at, &line);
    }
    let text: Vec<_> = groups.iter().map(|(name, lines)| format!("# {name}\n{lines}")).collect();
    io::stdout().write_all(text.join("\n").as_bytes())
}

/// Heading of what has none in the help.
const FIRST: &str = "Application";

fn line(argument: &Arg, matches: &ArgMatches, completed: &Completed) -> String {
    let id = argument.get_id().as_str();
    let key = argument.get_long().unwrap_or(id);
    let source = matches.value_source(id);
    let mut values: Vec<OsString> =
        matches.get_raw(id).map(|values| values.map(Into::into).collect()).unwrap_or_default();
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        values = vec![matches.get_flag(id).to_string().into()];
    }
    let origin = match source {
        Some(ValueSource::EnvVariable) => {
            format!("environment {}", argument.get_env().unwrap_or_default().display())
        }
        Some(ValueSource::CommandLine) => {
            completed.origins.get(id).map_or_else(|| "command line".to_owned(), ToString::to_string)
        }
        _ if id == "bind" => {
            let (bind, variable) = plan::default_bind();
            values = vec![bind.into()];
            variable.map_or_else(|| "default".to_owned(), |name| format!("environment {name}"))
        }
        _ => "default".to_owned(),
    };
    if values.iter().all(|value| value.is_empty()) {
        // What happens without it is for the help to say.
        return match stated_default(argument) {
            Some(value) if id != APP => format!("# {key}: {value}  # default\n"),
            _ => format!("# {key} is not set\n"),
        };
    }
    let quoted: Vec<_> = values.iter().map(|value| toml(&value.to_string_lossy())).collect();
    match argument.get_action() {
        ArgAction::Append => format!("{key} = [{}]  # {origin}\n", quoted.join(", ")),
        _ => format!("{key} = {}  # {origin}\n", quoted.join(" ")),
    }
}

/// The default that the help of an option names.
fn stated_default(argument: &Arg) -> Option<String> {
    let help = argument.get_help()?.to_string();
    let (_, rest) = help.split_once("[default: ")?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// A value as TOML spells it.
fn toml(value: &str) -> String {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_number = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if is_number || matches!(value, "true" | "false") {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(text, "\\u{:04X}", u32::from(letter));
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_spelled_as_toml_spells_them() {
        for (value, spelled) in [
            ("8000", "8000"),
            ("007", "\"007\""),
            ("true", "true"),
            ("127.0.0.1:80", "\"127.0.0.1:80\""),
            ("a\"b\\\n", "\"a\\\"b\\\\\\u000A\""),
        ] {
            assert_eq!(toml(value), spelled);
        }
    }
}
