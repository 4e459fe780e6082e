//! Reading the values of options.

use std::time::Duration;

use narthex_core::Level;

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

/// A number of bytes, with or without a unit.
pub(super) fn size(text: &str) -> Result<u64, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(u64::MAX);
    }
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err("write a number of bytes, such as 65536, 64K, 10M or 1G".to_owned()),
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| "write a number of bytes, such as 65536, 64K, 10M or 1G".to_owned())
}

/// A time in seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    number
        .parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number * unit).ok())
        .ok_or_else(|| "write a number of seconds, such as 30, 0.5 or 250ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_an_optional_unit() {
        for (text, millis) in [("1", 1000), ("1s", 1000), ("0.5", 500), ("250ms", 250), ("0", 0)] {
            assert_eq!(seconds(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "ms", "1m", "1ss", "-1", "nan", "inf", "1 h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
