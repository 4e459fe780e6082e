//! What is to be run, and how: the command line of a person, of `#!`, or of a web server.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
};

use crate::{Variables, trouble::Trouble, value};

const HELP: &str = "\
narthex-cgi: answers one CGI request

usage: narthex-cgi [OPTIONS] SCRIPT
       #!/path/of/narthex-cgi [OPTIONS]      as the first line of an executable SCRIPT

SCRIPT is a Python file with an application, or anything else that narthex takes for one, such
as file.py:attribute. What follows it is ignored: web servers put the query there.

  --mode=warm    a resident process answers, started with the first request [default]
  --mode=fork    a process that has imported the application forks for each request
  --mode=cold    Python is started for each request, without site and what is not needed
  --help, --version

Every other option of `narthex cgi` can be given too, as --name=value. Variables:

  NARTHEX_CGI_MODE      the mode
  NARTHEX_PYTHON        the interpreter [default: python beside this program]
  NARTHEX_RUNTIME_DIR   directory of sockets [default: /run/user/UID/narthex, /tmp/narthex-UID]
";

/// How requests are answered.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) enum Mode {
    /// By a process that stays.
    #[default]
    Warm,
    /// By a fork of a process that stays.
    Fork,
    /// By a process of its own.
    Cold,
}

impl Mode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Fork => "fork",
            Self::Cold => "cold",
        }
    }

    fn from_name(name: &OsStr) -> Result<Self, Trouble> {
        let known = [Self::Warm, Self::Fork, Self::Cold];
        known.into_iter().find(|mode| name == mode.name()).ok_or_else(|| {
            Trouble::usage(&format!(
                "{} is no mode: write --mode=warm, --mode=fork or --mode=cold",
                name.display()
            ))
        })
    }
}

/// What is to be run, and how.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) mode: Mode,
    /// Options that Python reads.
    pub(crate) options: Vec<OsString>,
    pub(crate) script: OsString,
}

/// What the command line says.
#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Invocation),
    /// Print this.
    Say(String),
}

/// Reads the command line up to the script.
pub(crate) fn parse(
    arguments: impl Iterator<Item = OsString>,
    variables: &Variables,
) -> Result<Parsed, Trouble> {
    let mut mode = value(variables, "NARTHEX_CGI_MODE").map(|name| Mode::from_name(name));
    let mut options = Vec::new();
    let mut any_option = true;
    for argument in arguments {
        if !any_option || !argument.as_bytes().starts_with(b"-") {
            let mode = mode.transpose()?.unwrap_or_default();
            return Ok(Parsed::Run(Invocation { mode, options, script: argument }));
        }
        // All that follows the program in a line `#!` is one argument (execve(2)).
        for word in argument.as_bytes().split(u8::is_ascii_whitespace).filter(|it| !it.is_empty()) {
            match word {
                b"--" => any_option = false,
                b"--help" | b"-h" => return Ok(Parsed::Say(HELP.to_owned())),
                b"--version" => {
                    let version = env!("CARGO_PKG_VERSION");
                    return Ok(Parsed::Say(format!("narthex-cgi {version}\n")));
                }
                b"--warm" => mode = Some(Ok(Mode::Warm)),
                word if word.starts_with(b"--mode=") => {
                    mode = Some(Mode::from_name(OsStr::from_bytes(&word[7..])));
                }
                b"--mode" => return Err(Trouble::usage("write --mode=warm, with an equals sign")),
                word if word.starts_with(b"--") => options.push(OsStr::from_bytes(word).to_owned()),
                word => {
                    let word = OsStr::from_bytes(word).display();
                    return Err(Trouble::usage(&format!("{word} is no option: see --help")));
                }
            }
        }
    }
    Err(Trouble::usage("no script: write narthex-cgi SCRIPT, or see --help"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str], variables: &[(&str, &str)]) -> Invocation {
        let variables =
            variables.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        match parse(words.iter().map(Into::into), &variables) {
            Ok(Parsed::Run(invocation)) => invocation,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_follows_the_script_is_the_web_servers() {
        let run = run(&["/a.py", "--mode=cold", "-s"], &[]);
        assert_eq!((run.mode, run.script), (Mode::Warm, "/a.py".into()));
        assert!(run.options.is_empty());
    }

    #[test]
    fn a_line_of_a_script_is_one_argument() {
        let run = run(&["--mode=fork  --api=wsgi\t--idle=9", "/a b.py"], &[]);
        assert_eq!((run.mode, run.script), (Mode::Fork, "/a b.py".into()));
        assert_eq!(run.options, ["--api=wsgi", "--idle=9"]);
    }

    #[test]
    fn the_command_line_wins() {
        let set = [("NARTHEX_CGI_MODE", "cold")];
        assert_eq!(run(&["a.py"], &set).mode, Mode::Cold);
        assert_eq!(run(&["--warm", "a.py"], &set).mode, Mode::Warm);
        assert_eq!(run(&["--", "--warm"], &[]).script, "--warm");
        assert_eq!(run(&["--mode=fork", "a.py"], &[("NARTHEX_CGI_MODE", "what")]).mode, Mode::Fork);
    }

    #[test]
    fn mistakes_are_told() {
        let none = Variables::new();
        for words in [&[][..], &["--mode=hot", "a"], &["-x", "a"], &["--mode", "warm", "a"]] {
            assert!(parse(words.iter().map(Into::into), &none).is_err(), "{words:?}");
        }
        let wrong = vec![("NARTHEX_CGI_MODE".into(), "what".into())];
        assert!(parse(["a.py".into()].into_iter(), &wrong).is_err());
    }
}
