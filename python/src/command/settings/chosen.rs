//! What somebody has chosen, wherever he said it.

use std::ffi::OsString;

use clap::{ArgAction, ArgMatches, Command, parser::ValueSource};

/// The options of a command that have been given, by their long names, with their values; a switch
/// has none.
pub(in crate::command) fn chosen(
    command: &Command,
    matches: &ArgMatches,
) -> Vec<(String, Vec<OsString>)> {
    let is_given = |id: &str| {
        let source = matches.value_source(id);
        matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    };
    command
        .get_arguments()
        .filter(|argument| is_given(argument.get_id().as_str()))
        .filter_map(|argument| {
            let id = argument.get_id().as_str();
            let long = argument.get_long()?.to_owned();
            if matches!(argument.get_action(), ArgAction::SetTrue) {
                return matches.get_flag(id).then(|| (long, Vec::new()));
            }
            let values = matches.get_raw(id)?.map(Into::into).collect();
            Some((long, values))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;
    use crate::command::arguments::Run;

    #[test]
    fn what_was_given_is_listed() {
        let command = Run::augment_args(Command::new("run"));
        let words = ["run", "app", "--slow", "1s", "-b", ":1,:2", "--serialize", "--debug=false"];
        let matches = command.clone().try_get_matches_from(words).expect("they are right");
        let given = chosen(&command, &matches);
        let text = |values: &[OsString]| {
            values.iter().map(|it| it.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        let mut shown: Vec<_> =
            given.iter().map(|(name, values)| format!("{name}={}", text(values))).collect();
        shown.sort();
        assert_eq!(shown, ["bind=:1 :2", "debug=false", "serialize=", "slow=1s"]);
    }
}
