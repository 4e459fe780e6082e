//! Names of variables that mean something here, found without a search.

use http::{HeaderName, header};

/// A variable from which a request head is made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    AuthType,
    ContentLength,
    DocumentUri,
    Https,
    PathInfo,
    QueryString,
    RedirectAuthorization,
    RemoteAddr,
    RemotePort,
    RemoteUser,
    RequestMethod,
    RequestScheme,
    RequestUri,
    ScriptFilename,
    ScriptName,
    ServerName,
    ServerPort,
    ServerProtocol,
    ServerSoftware,
}

impl Known {
    pub(super) const COUNT: usize = Self::ServerSoftware as usize + 1;

    pub(super) fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"AUTH_TYPE" => Self::AuthType,
            b"CONTENT_LENGTH" => Self::ContentLength,
            b"DOCUMENT_URI" => Self::DocumentUri,
            b"HTTPS" => Self::Https,
            b"PATH_INFO" => Self::PathInfo,
            b"QUERY_STRING" => Self::QueryString,
            b"REDIRECT_HTTP_AUTHORIZATION" => Self::RedirectAuthorization,
            b"REMOTE_ADDR" => Self::RemoteAddr,
            b"REMOTE_PORT" => Self::RemotePort,
            b"REMOTE_USER" => Self::RemoteUser,
            b"REQUEST_METHOD" => Self::RequestMethod,
            b"REQUEST_SCHEME" => Self::RequestScheme,
            b"REQUEST_URI" => Self::RequestUri,
            b"SCRIPT_FILENAME" => Self::ScriptFilename,
            b"SCRIPT_NAME" => Self::ScriptName,
            b"SERVER_NAME" => Self::ServerName,
            b"SERVER_PORT" => Self::ServerPort,
            b"SERVER_PROTOCOL" => Self::ServerProtocol,
            b"SERVER_SOFTWARE" => Self::ServerSoftware,
            _ => return None,
        })
    }
}

/// The field that `HTTP_` and `name` stand for; `None` where it may not come from there: hosts have
/// dealt with what frames a message or belongs to a connection, and Proxy is an attack.
pub(super) fn field(name: &[u8]) -> Option<HeaderName> {
    // What browsers and proxies send with every request costs no allocation.
    Some(match name {
        b"ACCEPT" => header::ACCEPT,
        b"ACCEPT_ENCODING" => header::ACCEPT_ENCODING,
        b"ACCEPT_LANGUAGE" => header::ACCEPT_LANGUAGE,
        b"AUTHORIZATION" => header::AUTHORIZATION,
        b"CACHE_CONTROL" => header::CACHE_CONTROL,
        b"CONNECTION" => return None,
        b"COOKIE" => header::COOKIE,
        b"DNT" => header::DNT,
        b"HOST" => header::HOST,
        b"IF_MODIFIED_SINCE" => header::IF_MODIFIED_SINCE,
        b"IF_NONE_MATCH" => header::IF_NONE_MATCH,
        b"ORIGIN" => header::ORIGIN,
        b"RANGE" => header::RANGE,
        b"REFERER" => header::REFERER,
        b"UPGRADE_INSECURE_REQUESTS" => header::UPGRADE_INSECURE_REQUESTS,
        b"USER_AGENT" => header::USER_AGENT,
        b"PRIORITY" => PRIORITY,
        b"SEC_CH_UA" => SEC_CH_UA,
        b"SEC_CH_UA_MOBILE" => SEC_CH_UA_MOBILE,
        b"SEC_CH_UA_PLATFORM" => SEC_CH_UA_PLATFORM,
        b"SEC_FETCH_DEST" => SEC_FETCH_DEST,
        b"SEC_FETCH_MODE" => SEC_FETCH_MODE,
        b"SEC_FETCH_SITE" => SEC_FETCH_SITE,
        b"SEC_FETCH_USER" => SEC_FETCH_USER,
        b"X_FORWARDED_FOR" => X_FORWARDED_FOR,
        b"X_FORWARDED_HOST" => X_FORWARDED_HOST,
        b"X_FORWARDED_PROTO" => X_FORWARDED_PROTO,
        b"X_REAL_IP" => X_REAL_IP,
        b"X_REQUEST_ID" => X_REQUEST_ID,
        b"X_REQUESTED_WITH" => X_REQUESTED_WITH,
        _ => return other_field(name),
    })
}

const PRIORITY: HeaderName = HeaderName::from_static("priority");
const SEC_CH_UA: HeaderName = HeaderName::from_static("sec-ch-ua");
const SEC_CH_UA_MOBILE: HeaderName = HeaderName::from_static("sec-ch-ua-mobile");
const SEC_CH_UA_PLATFORM: HeaderName = HeaderName::from_static("sec-ch-ua-platform");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_USER: HeaderName = HeaderName::from_static("sec-fetch-user");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

fn other_field(name: &[u8]) -> Option<HeaderName> {
    let dashed = |&byte: &u8| if byte == b'_' { b'-' } else { byte };
    let mut short = [0; 32];
    let name = match short.get_mut(..name.len()) {
        Some(short) => {
            short.iter_mut().zip(name).for_each(|(to, from)| *to = dashed(from));
            HeaderName::from_bytes(short)
        }
        None => HeaderName::from_bytes(&name.iter().map(dashed).collect::<Vec<u8>>()),
    };
    let name = name.ok()?;
    let withheld = matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "content-type"
            | "keep-alive"
            | "proxy"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    );
    (!withheld).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_kept_ready_are_those_that_are_made() {
        for name in [
            "ACCEPT",
            "ACCEPT_ENCODING",
            "ACCEPT_LANGUAGE",
            "AUTHORIZATION",
            "CACHE_CONTROL",
            "COOKIE",
            "DNT",
            "HOST",
            "IF_MODIFIED_SINCE",
            "IF_NONE_MATCH",
            "ORIGIN",
            "RANGE",
            "REFERER",
            "UPGRADE_INSECURE_REQUESTS",
            "USER_AGENT",
            "PRIORITY",
            "SEC_CH_UA",
            "SEC_CH_UA_MOBILE",
            "SEC_CH_UA_PLATFORM",
            "SEC_FETCH_DEST",
            "SEC_FETCH_MODE",
            "SEC_FETCH_SITE",
            "SEC_FETCH_USER",
            "X_FORWARDED_FOR",
            "X_FORWARDED_HOST",
            "X_FORWARDED_PROTO",
            "X_REAL_IP",
            "X_REQUEST_ID",
            "X_REQUESTED_WITH",
        ] {
            assert_eq!(field(name.as_bytes()), other_field(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_of_any_length_and_case() {
        assert_eq!(field(b"x_a").unwrap(), "x-a");
        assert_eq!(field(b"X-A").unwrap(), "x-a");
        assert_eq!(field(&[b'A'; 100]).unwrap(), "a".repeat(100).as_str());
        assert_eq!(field(b"Transfer_Encoding"), None);
        assert_eq!(field(b"PROXY"), None);
        assert_eq!(field(b""), None);
        assert_eq!(field(b"A B"), None);
    }
}
