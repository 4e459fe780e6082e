//! The directives: text in, settings out. Nothing here knows of httpd.
//!
//! What belongs to a place (a server, `<Location>`, `<Directory>` or `.htaccess`) is in [`Settings`],
//! which httpd merges for each request: so they are small, are copied, and borrow what they consist of.
//! What belongs to the server as a whole is in its [`Book`], together with what is to be checked once
//! everything has been read.

mod application;
mod book;
mod check;
mod directives;
mod options;
mod places;
mod python;

use std::fmt;

pub(crate) use application::Target;
pub(crate) use book::{Book, Question};
pub(crate) use narthex_broker::DEFAULT;

pub(crate) use check::{DIRECTORY, Finding, Resolved, SITE, Said, World, resolve};
pub(crate) use directives::{Directive, Kind, Scope, WILDCARDS};
pub(crate) use options::{Chosen, Options};
pub(crate) use places::{Where, applications, want_groups};

/// The file and line of a directive.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Origin {
    /// The file.
    pub(crate) file: String,
    /// The line.
    pub(crate) line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Where settings are kept: as long as what they belong to.
pub(crate) trait Arena<'p>: Copy {
    /// Keeps a text.
    fn text(self, text: &str) -> &'p str;

    /// Keeps an option.
    fn chosen(self, chosen: Chosen<'p>) -> &'p Chosen<'p>;
}

/// The application of a place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct App<'p> {
    /// APP: a whole path where it is a path.
    pub(crate) target: &'p str,
    /// What it is mounted on.
    pub(crate) base: Base<'p>,
}

/// What an application is mounted on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Base<'p> {
    /// A path of the server, decoded and without a slash at its end: empty for the root.
    Path(&'p str),
    /// A directory, with a slash at its end, and possibly with wildcards.
    Directory(&'p str),
    /// A directory by its `.htaccess`.
    Access(&'p str),
}

/// A function that decides something for httpd.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Function<'p> {
    /// Where it is, as a [`Target`] with a whole path where it is a path.
    pub(crate) target: &'p str,
    /// The directory or path that it was written for.
    pub(crate) directory: &'p str,
    /// Whether an `.htaccess` names it: then `Options` must have `ExecCGI`.
    pub(crate) in_access: bool,
}

/// Where applications are to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Choice<'p> {
    /// `inline`
    Inline,
    /// `group:NAME`
    Group(&'p str),
    /// `%{SITE}`
    Site,
    /// `%{DIR}`
    Directory,
}

/// The settings of a place.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Settings<'p> {
    /// `NarthexApp`
    pub(crate) app: Option<App<'p>>,
    /// `NarthexProcess`
    pub(crate) choice: Option<Choice<'p>>,
    /// `NarthexOption`
    pub(crate) options: Options<'p>,
    /// `NarthexDebug`
    pub(crate) debug: Option<bool>,
    /// `NarthexAuth`: says whether a user's password is right.
    pub(crate) auth: Option<Function<'p>>,
    /// `NarthexAccess`: says whether a request may pass.
    pub(crate) access: Option<Function<'p>>,
}

impl<'p> Settings<'p> {
    /// The settings of functions that decide in this place: what is about requests is not theirs.
    pub(crate) fn for_functions(&self, arena: impl Arena<'p>) -> Self {
        Self { options: self.options.for_functions(arena), debug: None, ..*self }
    }

    /// These settings for a place within another that has `inner` ones.
    pub(crate) fn merge(&self, inner: &Self, arena: impl Arena<'p>) -> Self {
        Self {
            app: inner.app.or(self.app),
            choice: inner.choice.or(self.choice),
            options: self.options.merge(inner.options, arena),
            debug: inner.debug.or(self.debug),
            auth: inner.auth.or(self.auth),
            access: inner.access.or(self.access),
        }
    }
}

#[cfg(test)]
mod tests;
