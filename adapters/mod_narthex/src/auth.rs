//! Functions in Python that decide for httpd: whose password is right (`NarthexAuth`), and which requests
//! may pass (`NarthexAccess`).
//!
//! A function is an application of its own, called by the API `authorizer`; it runs where applications
//! of its place do. What it is asked is among the variables of the request meanwhile, and what it says is
//! the status of a response that no client sees, as FastCGI has it for authorizers (6.3).

use crate::{
    child::Child,
    config::{Function, Settings},
    group,
    httpd::{Level, Request},
    inline,
    place::{Place, Process},
};

/// What a function has said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Yes.
    Granted,
    /// No.
    Denied,
    /// It does not know such a user: others are asked.
    Unknown,
    /// Nothing: the log has why.
    Failed,
}

/// What it is asked, and by which variables.
const QUESTION: &[u8] = b"NARTHEX_QUESTION";
const USER: &[u8] = b"NARTHEX_USER";
const PASSWORD: &[u8] = b"NARTHEX_PASSWORD";

/// What stands before the name of a variable in the name of a field (FastCGI 6.3).
const VARIABLE: &[u8] = b"variable-";

/// Asks whether a password is that of a user.
pub(crate) fn check_password(request: &Request<'_>, user: &[u8], password: &[u8]) -> Verdict {
    let settings = request.settings();
    let Some(function) = settings.auth else {
        return missing(request, "AuthBasicProvider narthex", "NarthexAuth /srv/users.py:check");
    };
    let asked = [(QUESTION, &b"password"[..]), (USER, user), (PASSWORD, password)];
    ask(request, &settings, function, &asked)
}

/// Asks whether a request may pass.
pub(crate) fn check_access(request: &Request<'_>) -> Verdict {
    let settings = request.settings();
    let Some(function) = settings.access else {
        return missing(request, "Require narthex", "NarthexAccess /srv/users.py:may");
    };
    ask(request, &settings, function, &[(QUESTION, b"access")])
}

fn missing(request: &Request<'_>, without: &str, write: &str) -> Verdict {
    request.log(Level::Error, format!("{without} has nobody to ask here: write {write}"));
    Verdict::Failed
}

fn ask(
    request: &Request<'_>,
    settings: &Settings<'_>,
    function: Function<'_>,
    asked: &[(&[u8], &[u8])],
) -> Verdict {
    if function.in_access && !request.may_run_programs() {
        request.log(
            Level::Error,
            format!(
                "{}.htaccess names {} to be run, which the server does not allow: write Options \
                 +ExecCGI in its <Directory>",
                function.directory, function.target
            ),
        );
        return Verdict::Failed;
    }
    let Some(child) = Child::here() else { return Verdict::Failed };
    let settings = settings.for_functions(request.pool());
    let application =
        child.application(&settings, function.target, function.directory, request.server());
    let path_info = request.uri().unwrap_or_default();
    let place = Place { application, mount: b"", path_info };
    let told = Told::new(request, asked);
    let response = match application.process {
        Process::Inline => inline::consult(request, &place),
        Process::Group(_) => group::consult(request, &place),
    };
    drop(told);
    response.map_or(Verdict::Failed, |response| response.verdict(request, function))
}

/// Variables of a request, as long as a function is asked.
struct Told<'a, 'r> {
    request: &'a Request<'r>,
    variables: &'a [(&'a [u8], &'a [u8])],
}

impl<'a, 'r> Told<'a, 'r> {
    fn new(request: &'a Request<'r>, variables: &'a [(&'a [u8], &'a [u8])]) -> Self {
        for (name, value) in variables {
            request.subprocess_env().set(name, value);
        }
        Self { request, variables }
    }
}

impl Drop for Told<'_, '_> {
    fn drop(&mut self) {
        for (name, _) in self.variables {
            self.request.subprocess_env().remove(name);
        }
    }
}

/// A response that no client sees, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    status: Option<u16>,
    variables: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Unseen {
    /// Takes its head.
    pub(crate) fn start<'a>(
        &mut self,
        status: u16,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        self.status = Some(status);
        self.variables.extend(fields.filter_map(|(name, value)| {
            let (before, variable) = name.split_at_checked(VARIABLE.len())?;
            let is_one = before.eq_ignore_ascii_case(VARIABLE) && !variable.is_empty();
            // Names of fields have no case, and those of variables have.
            is_one.then(|| (variable.to_ascii_uppercase(), value.to_vec()))
        }));
    }

    /// What it says, once it is whole; variables that come with a yes become those of the request.
    fn verdict(self, request: &Request<'_>, function: Function<'_>) -> Verdict {
        match self.status {
            Some(200) => {
                for (name, value) in &self.variables {
                    request.subprocess_env().set(name, value);
                }
                Verdict::Granted
            }
            Some(401 | 403) => Verdict::Denied,
            Some(404) => Verdict::Unknown,
            // An exception, which the log has above.
            _ => {
                request.log(Level::Error, format!("{} has not decided", function.target));
                Verdict::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_name_variables_are_taken() {
        let mut unseen = Unseen::default();
        let fields: [(&[u8], &[u8]); 4] = [
            (b"Variable-Team", b"red"),
            (b"variable-", b"nothing"),
            (b"Content-Type", b"text/plain"),
            (b"X", b"short"),
        ];
        unseen.start(200, fields.into_iter());
        assert_eq!(unseen.variables, [(b"TEAM".to_vec(), b"red".to_vec())]);
    }
}
