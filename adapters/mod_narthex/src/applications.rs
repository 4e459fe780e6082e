//! The applications that requests have arrived at, each made once in a child of httpd.
//!
//! The settings of a place are merged anew for each request, so that an application is known by what is
//! said of it, not by where that is kept. There are as many as the configuration and `.htaccess` files
//! say, whatever clients ask for.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use bytes::Bytes;

use crate::{
    config::{Arena, Chosen, Options},
    group, inline,
    place::{Application, Process},
};

/// What an application is known by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Wanted<'a> {
    /// APP.
    pub(crate) target: &'a str,
    /// Its options.
    pub(crate) options: Options<'a>,
    /// Whether it is to show failures.
    pub(crate) debug: Option<bool>,
    /// Where it runs.
    pub(crate) runs: Runs<'a>,
}

/// Where an application runs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Runs<'a> {
    /// In httpd.
    Inline,
    /// In a group of this name.
    Group(&'a str),
    /// In the group that a template gives for this.
    Instance(&'static str, &'a str),
}

/// The applications of a child.
#[derive(Debug, Default)]
pub(crate) struct Applications {
    known: RwLock<HashMap<Wanted<'static>, &'static Application>>,
}

/// Keeps settings as long as the process lives.
#[derive(Clone, Copy)]
struct Forever;

impl Arena<'static> for Forever {
    fn text(self, text: &str) -> &'static str {
        Box::leak(text.into())
    }

    fn chosen(self, chosen: Chosen<'static>) -> &'static Chosen<'static> {
        Box::leak(Box::new(chosen))
    }
}

impl Applications {
    /// The application that is wanted.
    pub(crate) fn find(&self, wanted: &Wanted<'_>) -> &'static Application {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(wanted) {
            return known;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(wanted) {
            return known;
        }
        let application: &'static Application = Box::leak(Box::new(wanted.make()));
        known.insert(wanted.forever(), application);
        application
    }
}

impl Wanted<'_> {
    fn make(&self) -> Application {
        let process = match self.runs {
            Runs::Inline => Process::Inline,
            Runs::Group(name) => Process::Group(name.to_owned().into()),
            Runs::Instance(template, of) => {
                Process::Group(narthex_broker::Group::instance(template, of).into())
            }
        };
        Application {
            arguments: self
                .options
                .arguments(self.debug, self.target)
                .into_iter()
                .map(Bytes::from)
                .collect(),
            process,
            inline: inline::Slot::default(),
            group: group::Slot::default(),
        }
    }

    fn forever(&self) -> Wanted<'static> {
        let runs = match self.runs {
            Runs::Inline => Runs::Inline,
            Runs::Group(name) => Runs::Group(Forever.text(name)),
            Runs::Instance(template, of) => Runs::Instance(template, Forever.text(of)),
        };
        let options = self.options.copied(Forever);
        Wanted { target: Forever.text(self.target), options, debug: self.debug, runs }
    }
}
