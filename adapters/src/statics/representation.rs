//! The file itself or its compressed neighbour, and what is said of it.

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
        LAST_MODIFIED, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use narthex_core::{RequestHead, ResponseHead};
use rustix::fs::Stat;

use super::{
    coding::Coding,
    conditions::{Validators, Verdict},
    name::Name,
};

/// What is said of a representation.
#[derive(Debug)]
pub(super) struct Representation {
    /// The fields of a response with all of it.
    headers: HeaderMap,
    modified: Option<SystemTime>,
    size: u64,
}

impl Representation {
    /// What is said of a file with `stat`, that is or stands for the one called `name`.
    pub(super) fn new(
        name: &[u8],
        stat: &Stat,
        coding: Option<Coding>,
        extra: &[(HeaderName, HeaderValue)],
    ) -> Self {
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let modified = modified(stat);
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(CONTENT_TYPE, content_type(Name::kind(name)));
        headers.insert(CONTENT_LENGTH, size.into());
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(ETAG, etag(stat, coding));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(modified) = modified {
            headers.insert(LAST_MODIFIED, text(httpdate::fmt_http_date(modified)));
        }
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        for (position, (name, value)) in extra.iter().enumerate() {
            if extra[..position].iter().any(|(earlier, _)| earlier == name) {
                headers.append(name, value.clone());
            } else {
                headers.insert(name, value.clone());
            }
        }
        Self { headers, modified, size }
    }

    /// Its length.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The head of the response to a GET or HEAD, and the bytes that follow a GET's.
    ///
    /// # Errors
    /// The status and the field of a refusal.
    pub(super) fn respond(
        &self,
        request: &RequestHead,
    ) -> Result<(ResponseHead, Range<u64>), (StatusCode, Option<HeaderValue>)> {
        let etag = self.headers.get(ETAG).map_or(&b""[..], HeaderValue::as_bytes);
        let validators = Validators { etag, modified: self.modified, size: self.size };
        let (status, part) = match validators.judge(&request.method, &request.headers) {
            Verdict::Whole => (StatusCode::OK, 0..self.size),
            Verdict::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
            Verdict::NotModified => (StatusCode::NOT_MODIFIED, 0..0),
            Verdict::PreconditionFailed => return Err((StatusCode::PRECONDITION_FAILED, None)),
            Verdict::Unsatisfiable => {
                let range = text(format!("bytes */{}", self.size));
                return Err((StatusCode::RANGE_NOT_SATISFIABLE, Some(range)));
            }
        };
        let mut head = ResponseHead { status, reason: None, headers: self.headers.clone() };
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {}-{}/{}", part.start, part.end - 1, self.size);
            head.headers.insert(CONTENT_RANGE, text(range));
            head.headers.insert(CONTENT_LENGTH, (part.end - part.start).into());
        }
        if status == StatusCode::NOT_MODIFIED {
            // What remains are the fields of RFC 9110, 15.4.5, and those of the mount.
            for name in [
                CONTENT_TYPE,
                CONTENT_LENGTH,
                CONTENT_ENCODING,
                ACCEPT_RANGES,
                X_CONTENT_TYPE_OPTIONS,
            ] {
                head.headers.remove(name);
            }
        }
        Ok((head, part))
    }
}

/// The time of the last change in whole seconds, as dates in HTTP have it; `None` before 1970.
fn modified(stat: &Stat) -> Option<SystemTime> {
    let seconds = Duration::from_secs(u64::try_from(stat.st_mtime).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(seconds)
}

/// A strong validator. Made of time and size, not of the inode: the same on every machine that the
/// files were copied to.
fn etag(stat: &Stat, coding: Option<Coding>) -> HeaderValue {
    let coding = coding.map_or("", Coding::name);
    let (seconds, nanoseconds, size) = (stat.st_mtime, stat.st_mtime_nsec, stat.st_size);
    text(format!("\"{seconds:x}.{nanoseconds:x}-{size:x}{coding}\""))
}

/// The type of the content. Text is UTF-8, as everything is by now; who has other text says so by a
/// field of the mount.
fn content_type(kind: &'static str) -> HeaderValue {
    if kind.starts_with("text/") {
        return text(format!("{kind}; charset=utf-8"));
    }
    HeaderValue::from_static(kind)
}

fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).expect("dates, digits and types are visible ASCII")
}
