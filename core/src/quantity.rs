//! Reading sizes and times as people write them.

use std::time::Duration;

/// A number of bytes, with or without a unit.
///
/// # Errors
/// It is none; the text says what to write.
pub fn size(text: &str) -> Result<u64, String> {
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
///
/// # Errors
/// It is none; the text says what to write.
pub fn seconds(text: &str) -> Result<Duration, String> {
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

    #[test]
    fn a_size_has_an_optional_unit() {
        for (text, bytes) in [("7", 7), ("64K", 65_536), ("1MiB", 1 << 20), ("none", u64::MAX)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "1T", "-1", "1 M", "99999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
