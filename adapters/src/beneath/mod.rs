//! Files below a directory, and nowhere else, wherever its path leads at the moment.

mod directory;
mod root;

pub(crate) use directory::Found;
#[cfg(feature = "cgi-bin")]
pub(crate) use directory::LOOK;
#[cfg(feature = "static-files")]
pub(crate) use directory::READ;
pub(crate) use root::Root;
