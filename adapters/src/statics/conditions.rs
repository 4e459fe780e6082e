//! Preconditions and ranges (RFC 9110, 13 and 14).

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

use http::{
    HeaderMap, HeaderName, Method,
    header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE},
};

/// What a representation is compared by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validators<'a> {
    /// Its strong `ETag`.
    pub(super) etag: &'a [u8],
    /// Its `Last-Modified`, in whole seconds.
    pub(super) modified: Option<SystemTime>,
    /// Its length.
    pub(super) size: u64,
}

/// What is to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// The client has it already.
    NotModified,
    /// It is not what the client expects.
    PreconditionFailed,
    /// It has none of these bytes.
    Unsatisfiable,
}

impl Validators<'_> {
    /// What a GET or HEAD with these fields gets, in the order of RFC 9110, 13.2.2.
    pub(super) fn judge(&self, method: &Method, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(IF_MATCH) {
            if !any_tag(headers, &IF_MATCH, |tag| tag == self.etag) {
                return Verdict::PreconditionFailed;
            }
        } else if let (Some(since), Some(modified)) =
            (date(headers, &IF_UNMODIFIED_SINCE), self.modified)
            && modified > since
        {
            return Verdict::PreconditionFailed;
        }
        if headers.contains_key(IF_NONE_MATCH) {
            let weak = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag) == self.etag;
            if any_tag(headers, &IF_NONE_MATCH, weak) {
                return Verdict::NotModified;
            }
        } else if let (Some(since), Some(modified)) =
            (date(headers, &IF_MODIFIED_SINCE), self.modified)
            && modified <= since
        {
            return Verdict::NotModified;
        }
        // Ranges are for GET alone (RFC 9110, 14.2).
        if method == Method::GET && headers.contains_key(RANGE) && self.continues(headers) {
            return self.part(headers);
        }
        Verdict::Whole
    }

    /// Whether the client's part belongs to this representation (RFC 9110, 13.1.5).
    fn continues(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(IF_RANGE) else { return true };
        if value.as_bytes().contains(&b'"') {
            return value.as_bytes() == self.etag; // a weak one never is
        }
        // A date is strong only if the file cannot have changed once more within its second.
        let (Some(date), Some(modified)) = (date(headers, &IF_RANGE), self.modified) else {
            return false;
        };
        date == modified && modified.elapsed().is_ok_and(|age| age > Duration::from_secs(2))
    }

    /// The bytes that are asked for. What is malformed, of another unit, or of several parts is
    /// ignored, as RFC 9110, 14.2 allows: the client gets the whole, and sees so.
    fn part(&self, headers: &HeaderMap) -> Verdict {
        let mut values = headers.get_all(RANGE).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Verdict::Whole };
        let specified = value.to_str().ok().and_then(|text| {
            let (unit, range) = text.split_once('=')?;
            let (first, last) = range.trim_ascii().split_once('-')?;
            unit.trim_ascii().eq_ignore_ascii_case("bytes").then_some((first, last))
        });
        let Some((first, last)) = specified else { return Verdict::Whole };
        let size = self.size;
        let part = match (first, last) {
            ("", suffix) => match number(suffix) {
                None => return Verdict::Whole,
                Some(length) => size.saturating_sub(length)..size,
            },
            (first, "") => match number(first) {
                None => return Verdict::Whole,
                Some(first) => first..size,
            },
            (first, last) => match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => {
                    first..last.saturating_add(1).min(size)
                }
                _ => return Verdict::Whole,
            },
        };
        if part.is_empty() { Verdict::Unsatisfiable } else { Verdict::Part(part) }
    }
}

/// Digits only; a number too large for a length is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// A date; several, or one that cannot be read, are none.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// Whether the list of the field `name` is `*`, or has a tag that `matches`.
fn any_tag(headers: &HeaderMap, name: &HeaderName, matches: impl Fn(&[u8]) -> bool) -> bool {
    headers.get_all(name).iter().any(|value| {
        let value = value.as_bytes().trim_ascii();
        value == b"*" || tags(value).any(&matches)
    })
}

/// The members of a list. A comma may stand in a tag (RFC 9110, 8.8.3).
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    list.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
    .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn judge(method: &Method, fields: &[(HeaderName, &'static str)], size: u64) -> Verdict {
        let modified = httpdate::parse_http_date(CHANGED).ok();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        Validators { etag: b"\"a,b\"", modified, size }.judge(method, &headers)
    }

    fn get(fields: &[(HeaderName, &'static str)]) -> Verdict {
        judge(&Method::GET, fields, 100)
    }

    #[test]
    fn preconditions_are_taken_in_their_order() {
        use Verdict::{NotModified, PreconditionFailed, Whole};
        let cases: &[(&[(HeaderName, &'static str)], Verdict)] = &[
            (&[], Whole),
            (&[(IF_NONE_MATCH, "\"a,b\"")], NotModified),
            (&[(IF_NONE_MATCH, "W/\"a,b\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"x\" , \"a,b\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a,b\"")], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\", b")], Whole),
            (&[(IF_NONE_MATCH, "\"a")], Whole),
            (&[(IF_MODIFIED_SINCE, CHANGED)], NotModified),
            (&[(IF_MODIFIED_SINCE, AFTER)], NotModified),
            (&[(IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT")], NotModified),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Whole),
            (&[(IF_MODIFIED_SINCE, "yesterday")], Whole),
            // The tag decides where there is one.
            (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, AFTER)], Whole),
            (&[(IF_MATCH, "\"a,b\"")], Whole),
            (&[(IF_MATCH, "*")], Whole),
            (&[(IF_MATCH, "W/\"a,b\"")], PreconditionFailed),
            (&[(IF_MATCH, "\"x\"")], PreconditionFailed),
            (&[(IF_MATCH, "")], PreconditionFailed),
            (&[(IF_MATCH, "\"a,b\""), (IF_UNMODIFIED_SINCE, BEFORE)], Whole),
            (&[(IF_MATCH, "\"a,b\""), (IF_NONE_MATCH, "\"a,b\"")], NotModified),
            (&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a,b\"")], PreconditionFailed),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], PreconditionFailed),
            (&[(IF_UNMODIFIED_SINCE, CHANGED)], Whole),
            (&[(IF_UNMODIFIED_SINCE, "never")], Whole),
            (&[(IF_NONE_MATCH, "\"a,b\""), (RANGE, "bytes=0-1")], NotModified),
            (&[(IF_MATCH, "\"x\""), (RANGE, "bytes=0-1")], PreconditionFailed),
        ];
        for (fields, verdict) in cases {
            assert_eq!(get(fields), *verdict, "{fields:?}");
        }
    }

    #[test]
    fn one_range_of_bytes_is_cut_out() {
        use Verdict::{Part, Unsatisfiable, Whole};
        for (range, verdict) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=10-19", Part(10..20)),
            ("Bytes= 10-19", Part(10..20)),
            ("bytes=90-", Part(90..100)),
            ("bytes=99-1000", Part(99..100)),
            ("bytes=0-18446744073709551615", Part(0..100)),
            ("bytes=0-99999999999999999999999", Part(0..100)),
            ("bytes=-1", Part(99..100)),
            ("bytes=-100", Part(0..100)),
            ("bytes=-1000", Part(0..100)),
            ("bytes=-0", Unsatisfiable),
            ("bytes=100-", Unsatisfiable),
            ("bytes=100-200", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=5-2", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=1", Whole),
            ("bytes 0-1", Whole),
            ("pages=0-1", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=0-1, 3-4", Whole),
        ] {
            assert_eq!(get(&[(RANGE, range)]), verdict, "{range}");
        }
        assert_eq!(get(&[(RANGE, "bytes=0-1"), (RANGE, "bytes=2-3")]), Whole);
        assert_eq!(judge(&Method::HEAD, &[(RANGE, "bytes=0-0")], 100), Whole);
        assert_eq!(judge(&Method::GET, &[(RANGE, "bytes=0-")], 0), Unsatisfiable);
        assert_eq!(judge(&Method::GET, &[(RANGE, "bytes=-5")], 0), Unsatisfiable);
    }

    #[test]
    fn a_part_is_sent_only_of_what_the_client_has() {
        let part = |value| get(&[(RANGE, "bytes=0-1"), (IF_RANGE, value)]);
        for value in ["\"a,b\"", CHANGED] {
            assert_eq!(part(value), Verdict::Part(0..2), "{value}");
        }
        for value in ["W/\"a,b\"", "\"x\"", "\"a,b\", \"x\"", BEFORE, AFTER, "x", ""] {
            assert_eq!(part(value), Verdict::Whole, "{value}");
        }
    }

    #[test]
    fn the_date_of_a_fresh_file_is_weak() {
        let now = SystemTime::now();
        let text = httpdate::fmt_http_date(now);
        let modified = httpdate::parse_http_date(&text).ok();
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.insert(IF_RANGE, HeaderValue::try_from(text).unwrap());
        let fresh = Validators { etag: b"\"x\"", modified, size: 100 };
        assert_eq!(fresh.judge(&Method::GET, &headers), Verdict::Whole);
    }
}
