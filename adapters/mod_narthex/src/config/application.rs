//! APP, as `narthex serve` takes it, and where its file is.

use std::path::Path;

/// An application as it was written: `FILE`, `FILE:NAME`, `DIRECTORY`, `MODULE` or `MODULE:NAME`,
/// with `(ARGUMENTS)` behind it where NAME is a factory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Target<'a> {
    /// File, directory or module.
    pub(crate) place: &'a str,
    /// What comes behind it: `:NAME`, `:NAME(ARGUMENTS)` or nothing.
    pub(crate) rest: &'a str,
}

impl<'a> Target<'a> {
    /// Takes apart what was written.
    pub(crate) fn new(text: &'a str) -> Self {
        let named = match text.find('(') {
            Some(opening) if text.ends_with(')') => &text[..opening],
            _ => text,
        };
        // A file may have a colon in its name.
        let end = named.rfind(':').filter(|_| !Path::new(named).exists()).unwrap_or(named.len());
        Self { place: &text[..end], rest: &text[end..] }
    }

    /// Whether a file or directory is meant, rather than a module.
    pub(crate) fn is_path(self) -> bool {
        self.place.contains('/')
            || self.place == "."
            || self.place == ".."
            || Path::new(self.place).extension().is_some_and(|extension| extension == "py")
    }

    /// The same with a whole path: one that is not is meant from `directory`.
    pub(crate) fn in_directory(self, directory: &str) -> String {
        if !self.is_path() || self.place.starts_with('/') {
            return format!("{}{}", self.place, self.rest);
        }
        let place = self.place.strip_prefix("./").unwrap_or(self.place);
        let slash = if directory.ends_with('/') { "" } else { "/" };
        if place == "." {
            return format!("{}{}", directory, self.rest);
        }
        format!("{directory}{slash}{place}{}", self.rest)
    }
}
