//! CGI programs: `--cgi-bin` and how they are run.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, builder::BoolishValueParser};
use narthex_adapters::{CgiBin, CgiMount, Options};

use super::statics::{Route, route};
use crate::command::{failure::Failure, values::seconds};

/// Where programs are found if nobody says so.
const PREFIX: &str = "/cgi-bin";

/// Programs that are run without the application, or in its place.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "CGI programs")]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
pub(in crate::command) struct Programs {
    /// Run the CGI programs in DIR, below /cgi-bin or another path; APP may then be left out
    #[arg(
        long, env = "NARTHEX_CGI_BIN", value_name = "[/PREFIX=]DIR", value_delimiter = ',',
        value_parser = mount
    )]
    cgi_bin: Vec<(Route, PathBuf)>,
    /// Pass a variable to CGI programs, or set it; may be repeated, in the environment line by line
    #[arg(
        long, env = "NARTHEX_CGI_ENV", value_name = "NAME[=VALUE]", value_delimiter = '\n',
        value_parser = variable
    )]
    cgi_env: Vec<(String, Option<String>)>,
    /// Let CGI programs see the field Authorization, and thus passwords
    #[arg(
        long, env = "NARTHEX_CGI_PASS_AUTHORIZATION", value_parser = BoolishValueParser::new()
    )]
    cgi_pass_authorization: bool,
    /// Longest wait for a CGI program that neither reads nor writes; 0 for ever [default: 60]
    #[arg(
        long, env = "NARTHEX_CGI_TIMEOUT", value_name = "SECONDS", value_parser = seconds
    )]
    cgi_timeout: Option<Duration>,
    /// Most CGI programs at once; as many requests again wait [default: 64]
    #[arg(
        long, env = "NARTHEX_CGI_LIMIT", value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=32_768)
    )]
    cgi_limit: Option<u32>,
}

impl Programs {
    /// Whether there is something to serve without an application.
    pub(in crate::command) fn any(&self) -> bool {
        !self.cgi_bin.is_empty()
    }

    /// The directories, with the paths below which their programs are.
    pub(in crate::command) fn directories(&self) -> impl Iterator<Item = (&str, &PathBuf)> {
        self.cgi_bin.iter().map(|(route, directory)| (route.as_str(), directory))
    }

    /// Adds the programs.
    ///
    /// # Errors
    /// A path is given twice.
    pub(in crate::command) fn open(&self, options: &mut Options) -> Result<(), Failure> {
        let mut cgi_bin = CgiBin::default();
        for (index, (route, directory)) in self.cgi_bin.iter().enumerate() {
            if self.cgi_bin[..index].iter().any(|(earlier, _)| earlier == route) {
                return Err(Failure::new(
                    "N297",
                    &format!("--cgi-bin names the path {} twice", route.as_str()),
                    Vec::new(),
                    vec!["give each directory a path of its own: --cgi-bin /other=DIR".to_owned()],
                ));
            }
            let path = if route.as_str() == "/" { "" } else { route.as_str() };
            let directory = directory.clone();
            cgi_bin.mounts.push(CgiMount { route: path.as_bytes().to_vec(), directory });
        }
        let variable = |(name, value): &(String, Option<String>)| {
            (OsString::from(name), value.as_ref().map(OsString::from))
        };
        cgi_bin.environment = self.cgi_env.iter().map(variable).collect();
        cgi_bin.authorization = self.cgi_pass_authorization;
        if let Some(timeout) = self.cgi_timeout {
            // A time that nobody lives to see.
            let never = Duration::from_secs(100 * 365 * 86_400);
            cgi_bin.timeout = if timeout.is_zero() { never } else { timeout.min(never) };
        }
        if let Some(limit) = self.cgi_limit {
            cgi_bin.limit = usize::try_from(limit).unwrap_or(usize::MAX);
        }
        options.cgi_bin = cgi_bin;
        Ok(())
    }
}

/// What to tell the user of a directory that cannot be opened.
pub(in crate::command) fn unreadable(error: &narthex_adapters::Error, full: &str) -> Failure {
    let denied = matches!(error, narthex_adapters::Error::Programs { source, .. }
        if source.kind() == std::io::ErrorKind::PermissionDenied);
    let fix = if denied {
        "let this user read and enter the directory"
    } else {
        "check the directory of --cgi-bin [/PREFIX=]DIR"
    };
    Failure::new("N296", full, Vec::new(), vec![fix.to_owned()])
}

fn mount(text: &str) -> Result<(Route, PathBuf), String> {
    let (prefix, directory) = match text.split_once('=') {
        Some((prefix, directory)) if prefix.starts_with('/') => (prefix, directory),
        _ => (PREFIX, text),
    };
    if directory.is_empty() {
        return Err("write a directory, such as cgi-bin, or /cgi-bin=programs".to_owned());
    }
    Ok((route(prefix)?, directory.into()))
}

fn variable(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    if name.is_empty() || name.contains('\0') {
        return Err("write the name of a variable, such as LANG, or LANG=C.UTF-8".to_owned());
    }
    if name.starts_with("HTTP_") {
        return Err("variables that begin with HTTP_ are fields of the request".to_owned());
    }
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_a_directory_perhaps_with_a_path() {
        let read = |text: &str| {
            mount(text).map(|(route, directory)| (route.as_str().to_owned(), directory))
        };
        let expected = |route: &str, directory: &str| Ok((route.to_owned(), directory.into()));
        assert_eq!(read("programs"), expected("/cgi-bin", "programs"));
        assert_eq!(read("/srv/cgi"), expected("/cgi-bin", "/srv/cgi"));
        assert_eq!(read("./a=b"), expected("/cgi-bin", "./a=b"));
        assert_eq!(read("/x/=/srv/a=b"), expected("/x", "/srv/a=b"));
        assert_eq!(read("/=a"), expected("/", "a"));
        for text in ["", "/x=", "/a//b=c", "/../x=y"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_variable_is_passed_or_set() {
        assert_eq!(variable("LANG"), Ok(("LANG".into(), None)));
        assert_eq!(variable("A=b=c"), Ok(("A".into(), Some("b=c".into()))));
        assert_eq!(variable("A="), Ok(("A".into(), Some(String::new()))));
        for text in ["", "=x", "HTTP_PROXY", "HTTP_PROXY=x"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }
}
