//! Reading the values of options.

use narthex_core::Level;
pub(super) use narthex_core::quantity::{seconds, size};

use crate::engine::Placement;

/// A level by its name.
pub(super) fn level(text: &str) -> Result<Level, String> {
    [Level::Debug, Level::Info, Level::Warning, Level::Error]
        .into_iter()
        .find(|level| level.as_str() == text)
        .ok_or_else(|| "write debug, info, warning or error".to_owned())
}

/// A placement by its name.
pub(super) fn placement(text: &str) -> Result<Placement, String> {
    Placement::ALL
        .iter()
        .copied()
        .find(|placement| placement.name() == text)
        .ok_or_else(|| "write adaptive, inline or aside".to_owned())
}

/// A mount point as the core wants it: a leading slash and no trailing one, or empty.
pub(super) fn mount(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    if path.is_empty() || path.starts_with('/') {
        Ok(path.to_owned())
    } else {
        Err(format!("a path starts with a slash: /{path}"))
    }
}
