//! What belongs to a server as a whole, as it was written.

use super::{Finding, Origin};

/// A setting of a group, as it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Defined {
    /// `NarthexGroup NAME`
    pub(crate) name: String,
    /// Keys and values.
    pub(crate) settings: Vec<(String, String)>,
    /// Where.
    pub(crate) origin: Origin,
}

/// What is to be looked at when everything has been read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Question {
    /// Is there such an application, or function?
    Target(String),
    /// Is there such a group?
    Group(String),
    /// In-process, Python must be one that can be opened.
    Inline,
}

/// What a server's directives say beside the settings of places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// `NarthexPython`
    pub(crate) python: Option<(String, Origin)>,
    /// `NarthexReload`
    pub(crate) reload: Option<(bool, Origin)>,
    /// `NarthexGroup`
    pub(crate) groups: Vec<Defined>,
    /// What is to be looked at.
    pub(crate) questions: Vec<(Question, &'static str, Origin)>,
    /// What was wrong already.
    pub(crate) findings: Vec<Finding>,
    /// Whether there is any directive of ours.
    pub(crate) used: bool,
}
