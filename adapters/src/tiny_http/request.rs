//! What `tiny_http` parsed, checked as far as it shows, as a request head.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
};
use narthex_core::{Error, Limits, RequestHead, Result, host_is_valid};

use super::line::Line;

/// The head of `parsed`, or why it is refused.
pub(super) fn head(
    parsed: &tiny_http::Request,
    line: &Line,
    limits: &Limits,
) -> Result<RequestHead> {
    let fields = parsed.headers();
    let size = |field: &tiny_http::Header| field.field.as_str().len() + field.value.len() + 4;
    let whole = parsed.url().len() + fields.iter().map(size).sum::<usize>();
    if whole > limits.head_size || fields.len() > limits.header_count {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Error::Refused(status, "request head too large"));
    }
    let method = Method::from_bytes(parsed.method().as_str().as_bytes())
        .map_err(|_| Error::bad_request("malformed method"))?;
    let version =
        if *parsed.http_version() == (1, 0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let uri = target(&method, parsed.url())?;
    let mut headers = headers(fields)?;
    check_framing(&headers, version)?;
    check_upgrade(&headers)?;
    settle_host(&mut headers, &uri, version)?;
    // A name with an underscore would pass for another one in an environment.
    let doubtful = |name: &&HeaderName| name.as_str().contains('_');
    let doubtful: Vec<_> = headers.keys().filter(doubtful).cloned().collect();
    for name in doubtful {
        headers.remove(name);
    }
    let connection = Arc::clone(line.connection());
    let mut head =
        RequestHead { method, version, uri, headers, connection, ..RequestHead::default() };
    line.forward(&mut head);
    Ok(head)
}

/// The target, in one of the forms that a server answers (RFC 9112, 3.2).
fn target(method: &Method, target: &str) -> Result<Uri> {
    let malformed = Error::bad_request("malformed request target");
    let asterisk = target == "*";
    let Ok(uri) = target.parse::<Uri>() else { return Err(malformed) };
    let known = target.starts_with('/') || uri.scheme().is_some() && uri.authority().is_some();
    if method == Method::CONNECT || (asterisk && method != Method::OPTIONS) || !(known || asterisk)
    {
        return Err(malformed);
    }
    Ok(uri)
}

fn headers(fields: &[tiny_http::Header]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.field.as_str().as_bytes())
            .map_err(|_| Error::bad_request("malformed field name"))?;
        let value = HeaderValue::from_bytes(field.value.as_bytes())
            .map_err(|_| Error::bad_request("malformed field value"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Refuses whatever two parsers could measure differently (RFC 9112, 6.3).
fn check_framing(headers: &HeaderMap, version: Version) -> Result<()> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (lengths.next(), encodings.next()) {
        (None, None) => Ok(()),
        (Some(_), Some(_)) => Err(Error::bad_request("both Content-Length and Transfer-Encoding")),
        (Some(length), None) => {
            let text = length.to_str().unwrap_or_default();
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if lengths.next().is_some() || !digits || text.parse::<u64>().is_err() {
                return Err(Error::bad_request("malformed Content-Length"));
            }
            Ok(())
        }
        (None, Some(encoding)) => {
            let chunked = encoding.as_bytes().eq_ignore_ascii_case(b"chunked");
            if encodings.next().is_some() || !chunked || version == Version::HTTP_10 {
                return Err(Error::bad_request("malformed Transfer-Encoding"));
            }
            Ok(())
        }
    }
}

/// Refuses chunks where `tiny_http` hands them down as they are.
fn check_upgrade(headers: &HeaderMap) -> Result<()> {
    let upgrade = headers.get(CONNECTION).and_then(|value| value.to_str().ok());
    let upgrade = upgrade.is_some_and(|value| value.to_ascii_lowercase().contains("upgrade"));
    if upgrade && headers.contains_key(TRANSFER_ENCODING) {
        let status = StatusCode::NOT_IMPLEMENTED;
        return Err(Error::Refused(status, "chunked body behind a wish to upgrade"));
    }
    Ok(())
}

/// Leaves one valid Host: that of the target, where it has one (RFC 9112, 3.2.2).
fn settle_host(headers: &mut HeaderMap, uri: &Uri, version: Version) -> Result<()> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return Err(Error::bad_request("repeated Host")),
        (None, _) if version == Version::HTTP_11 => return Err(Error::bad_request("missing Host")),
        (Some(host), None) if !host_is_valid(host.as_bytes()) => {
            return Err(Error::bad_request("malformed Host"));
        }
        _ => {}
    }
    if let Some(authority) = uri.authority() {
        let host = HeaderValue::from_str(authority.as_str());
        let host = host.ok().filter(|host| host_is_valid(host.as_bytes()));
        headers.insert(HOST, host.ok_or(Error::bad_request("malformed authority"))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn framing_has_one_meaning() {
        let check = |fields, version| check_framing(&map(fields), version).is_ok();
        assert!(check(&[], Version::HTTP_11));
        assert!(check(&[("content-length", "5")], Version::HTTP_10));
        assert!(check(&[("transfer-encoding", "Chunked")], Version::HTTP_11));
        assert!(!check(&[("transfer-encoding", "chunked")], Version::HTTP_10));
        let bad: &[&[_]] = &[
            &[("content-length", "5"), ("content-length", "5")],
            &[("content-length", "5"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "identity")],
            &[("content-length", "")],
            &[("content-length", "+5")],
            &[("content-length", "5, 5")],
            &[("content-length", "99999999999999999999")],
        ];
        for fields in bad {
            assert!(!check(fields, Version::HTTP_11), "{fields:?}");
        }
    }

    #[test]
    fn a_host_is_one_and_valid() {
        let settle = |fields, target: &str, version| {
            let mut headers = map(fields);
            settle_host(&mut headers, &target.parse().unwrap(), version)?;
            Ok::<_, Error>(headers.get(HOST).map(|host| host.to_str().unwrap().to_owned()))
        };
        assert_eq!(settle(&[("host", "a")], "/", Version::HTTP_11).unwrap().unwrap(), "a");
        let absolute = settle(&[("host", "a")], "http://b:1/", Version::HTTP_11);
        assert_eq!(absolute.unwrap().unwrap(), "b:1");
        assert_eq!(settle(&[], "/", Version::HTTP_10).unwrap(), None);
        assert!(settle(&[], "/", Version::HTTP_11).is_err());
        assert!(settle(&[("host", "a"), ("host", "a")], "/", Version::HTTP_11).is_err());
        assert!(settle(&[("host", "a@b")], "/", Version::HTTP_10).is_err());
        assert!(settle(&[("host", "a")], "http://u@b/", Version::HTTP_11).is_err());
    }

    #[test]
    fn targets_have_a_known_form() {
        for (method, text, known) in [
            (Method::GET, "/a//b%2Fc?d", true),
            (Method::GET, "http://a/b", true),
            (Method::OPTIONS, "*", true),
            (Method::GET, "*", false),
            (Method::GET, "a", false),
            (Method::GET, "a:80", false),
            (Method::CONNECT, "a:80", false),
            (Method::GET, "", false),
        ] {
            assert_eq!(target(&method, text).is_ok(), known, "{method} {text}");
        }
    }
}
