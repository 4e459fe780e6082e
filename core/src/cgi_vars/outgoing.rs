//! A request head as meta-variables, for whatever reads a request in the manner of CGI.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST},
};

use super::incoming::bracketed;
use crate::{RequestHead, Scheme};

/// The variable that a field becomes: `HTTP_` and its name in upper case (RFC 3875, 4.1.18), save
/// the two that have variables of their own.
#[must_use]
pub fn header_variable(name: &[u8]) -> Vec<u8> {
    let upper = |&byte: &u8| if byte == b'-' { b'_' } else { byte.to_ascii_uppercase() };
    let variable: Vec<u8> = b"HTTP_".iter().chain(name).map(upper).collect();
    match &*variable {
        b"HTTP_CONTENT_TYPE" | b"HTTP_CONTENT_LENGTH" => variable[5..].to_vec(),
        _ => variable,
    }
}

/// The value of the variable that a field becomes: where it is repeated, its values joined (RFC 9110,
/// 5.3; RFC 6265, 5.4).
#[must_use]
pub fn field_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Cow<'a, [u8]> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = values.next().unwrap_or_default();
    // A message has one type and one length; the first is the one that counted.
    let single = name == CONTENT_TYPE || name == CONTENT_LENGTH;
    let Some(second) = values.next().filter(|_| !single) else { return Cow::Borrowed(first) };
    let separator: &[u8] = if name == COOKIE { b"; " } else { b", " };
    let mut joined = first.to_vec();
    for value in std::iter::once(second).chain(values) {
        joined.extend_from_slice(separator);
        joined.extend_from_slice(value);
    }
    Cow::Owned(joined)
}

/// Calls `visit` once with each meta-variable of `head` (RFC 3875, 4.1), request fields included.
///
/// The variables of a gateway come first, as they were handed down, save those that `head` itself
/// knows. Fields whose name has an underscore are left out, since they would pass for others, and
/// so is Proxy, which would pass for a setting of the process (CVE-2016-5385).
pub fn visit_variables(head: &RequestHead, visit: &mut dyn FnMut(&[u8], &[u8])) {
    for (name, value) in head.variables() {
        if !KNOWN.contains(&&**name) {
            visit(name, value);
        }
    }
    let handed_down = |wanted: &str| {
        let variable = head.variables().iter().rev().find(|(name, _)| name == wanted);
        variable.map(|(_, value)| &**value).filter(|value| !value.is_empty())
    };
    visit(b"GATEWAY_INTERFACE", handed_down("GATEWAY_INTERFACE").unwrap_or(b"CGI/1.1"));
    visit(b"SERVER_SOFTWARE", handed_down("SERVER_SOFTWARE").unwrap_or(SOFTWARE));
    visit(b"REQUEST_METHOD", head.method.as_str().as_bytes());
    visit(b"SCRIPT_NAME", head.mount());
    visit(b"PATH_INFO", &head.path_info());
    visit(b"QUERY_STRING", head.query());
    visit(b"REQUEST_URI", &head.target());
    visit(b"SERVER_PROTOCOL", head.protocol().as_bytes());
    visit_connection(head, visit);
    if let Some(user) = head.gateway.as_ref().and_then(|gateway| gateway.authentication.as_ref()) {
        visit(b"AUTH_TYPE", &user.kind);
        visit(b"REMOTE_USER", &user.user);
    }
    visit_fields(head, visit);
}

const SOFTWARE: &[u8] = concat!("narthex/", env!("CARGO_PKG_VERSION")).as_bytes();

/// The variables made from the head; a gateway's own are not passed on beside them.
const KNOWN: &[&[u8]] = &[
    b"AUTH_TYPE",
    b"GATEWAY_INTERFACE",
    b"HTTPS",
    b"PATH_INFO",
    b"QUERY_STRING",
    b"REDIRECT_HTTP_AUTHORIZATION",
    b"REMOTE_ADDR",
    b"REMOTE_PORT",
    b"REMOTE_USER",
    b"REQUEST_METHOD",
    b"REQUEST_SCHEME",
    b"REQUEST_URI",
    b"SCRIPT_NAME",
    b"SERVER_NAME",
    b"SERVER_PORT",
    b"SERVER_PROTOCOL",
    b"SERVER_SOFTWARE",
];

fn visit_connection(head: &RequestHead, visit: &mut dyn FnMut(&[u8], &[u8])) {
    let connection = &head.connection;
    visit(b"REMOTE_ADDR", &connection.client.host);
    if let Some(port) = connection.client.port {
        visit(b"REMOTE_PORT", port.to_string().as_bytes());
    }
    visit(b"REQUEST_SCHEME", connection.scheme.as_str().as_bytes());
    if connection.scheme == Scheme::Https {
        visit(b"HTTPS", b"on");
    }
    // A Unix socket has neither name nor port, but both must be told: as the client knows them.
    let (name, port) = authority(head);
    let server = &connection.server;
    let name = if server.host.is_empty() { name.to_vec() } else { bracketed(&server.host) };
    visit(b"SERVER_NAME", &name);
    let port = server.port.or(port).unwrap_or(connection.scheme.port());
    visit(b"SERVER_PORT", port.to_string().as_bytes());
}

/// Name and port of the Host field.
fn authority(head: &RequestHead) -> (&[u8], Option<u16>) {
    let host = head.headers.get(HOST).map_or(b"".as_slice(), |host| host.as_bytes());
    let colon = host.iter().rposition(|&byte| byte == b':').filter(|_| !host.ends_with(b"]"));
    let (name, port) = match colon {
        Some(colon) => (&host[..colon], std::str::from_utf8(&host[colon + 1..]).ok()),
        None => (host, None),
    };
    let name = if name.is_empty() { b"localhost" } else { name };
    (name, port.and_then(|port| port.parse().ok()))
}

fn visit_fields(head: &RequestHead, visit: &mut dyn FnMut(&[u8], &[u8])) {
    for name in head.headers.keys().filter(|name| is_variable(name)) {
        visit(&header_variable(name.as_str().as_bytes()), &field_value(&head.headers, name));
    }
}

fn is_variable(name: &HeaderName) -> bool {
    name != "proxy" && !name.as_str().contains('_')
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use bytes::Bytes;
    use http::{HeaderValue, Method};

    use super::*;
    use crate::{Connection, Endpoint, Variables, request_from_variables};

    fn variables(head: &RequestHead) -> Variables {
        let mut variables = Variables::new();
        visit_variables(head, &mut |name, value| {
            variables.push((Bytes::copy_from_slice(name), Bytes::copy_from_slice(value)));
        });
        variables
    }

    fn map(head: &RequestHead) -> BTreeMap<String, Bytes> {
        let text = |name: Bytes| String::from_utf8(name.to_vec()).unwrap();
        let all = variables(head);
        let count = all.len();
        let map: BTreeMap<_, _> =
            all.into_iter().map(|(name, value)| (text(name), value)).collect();
        assert_eq!(map.len(), count, "a variable was visited twice");
        map
    }

    fn embedded(target: &str, fields: &[(&'static str, &'static [u8])]) -> RequestHead {
        let connection = Connection {
            client: Endpoint { host: "192.0.2.1".into(), port: Some(4711) },
            server: Endpoint { host: "::1".into(), port: Some(8000) },
            mount: "/m".into(),
            ..Connection::default()
        };
        let mut head = RequestHead {
            method: Method::POST,
            uri: target.parse().unwrap(),
            connection: Arc::new(connection),
            ..RequestHead::default()
        };
        for &(name, value) in fields {
            head.headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        head
    }

    #[test]
    fn mandatory_variables_are_always_there() {
        let map = map(&RequestHead::default());
        for (name, value) in [
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("PATH_INFO", "/"),
            ("QUERY_STRING", ""),
            ("REMOTE_ADDR", ""),
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_NAME", ""),
            ("SERVER_NAME", "localhost"),
            ("SERVER_PORT", "80"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
        ] {
            assert_eq!(map[name], value, "{name}");
        }
        assert!(map["SERVER_SOFTWARE"].starts_with(b"narthex/"));
        assert!(!map.contains_key("HTTPS") && !map.contains_key("REMOTE_USER"));
    }

    #[test]
    fn an_embedded_request_becomes_variables() {
        let map = map(&embedded(
            "/m/a%2Fb//%C3%A9?q=%41",
            &[
                ("content-type", b"text/plain"),
                ("content-length", b"3"),
                ("x-multi", b"1"),
                ("x-multi", b"caf\xe9"),
                ("cookie", b"a=1"),
                ("cookie", b"b=2"),
                ("proxy", b"http://evil"),
                ("x_multi", b"evil"),
            ],
        ));
        for (name, value) in [
            ("SCRIPT_NAME", b"/m".as_slice()),
            ("PATH_INFO", b"/a/b//\xc3\xa9"),
            ("QUERY_STRING", b"q=%41"),
            ("REQUEST_URI", b"/m/a%2Fb//%C3%A9?q=%41"),
            ("CONTENT_TYPE", b"text/plain"),
            ("CONTENT_LENGTH", b"3"),
            ("HTTP_X_MULTI", b"1, caf\xe9"),
            ("HTTP_COOKIE", b"a=1; b=2"),
            ("SERVER_NAME", b"[::1]"),
            ("SERVER_PORT", b"8000"),
            ("REMOTE_ADDR", b"192.0.2.1"),
            ("REMOTE_PORT", b"4711"),
        ] {
            assert_eq!(*map[name], *value, "{name}");
        }
        assert!(!map.contains_key("HTTP_PROXY") && !map.contains_key("HTTP_CONTENT_TYPE"));
    }

    #[test]
    fn there_and_back_is_the_same_request() {
        for target in ["/m/a%2Fb//c/./../%252c?q=%41", "/m", "/m/", "/elsewhere", "/m?", "/"] {
            let sent = embedded(target, &[("host", b"a:1"), ("x-b", b"1"), ("x-b", b"\xe9")]);
            let back = request_from_variables(variables(&sent)).unwrap();
            assert_eq!(back.mount(), sent.mount(), "{target}");
            assert_eq!(back.path_info(), sent.path_info(), "{target}");
            assert_eq!(back.query(), sent.query(), "{target}");
            assert_eq!(back.target(), sent.target(), "{target}");
            assert_eq!(back.method, sent.method);
            assert_eq!(back.connection.client, sent.connection.client);
            assert_eq!(back.connection.server, sent.connection.server);
            // Another time round, nothing changes any more.
            let mut once = variables(&back);
            let mut twice = variables(&request_from_variables(once.clone()).unwrap());
            once.sort();
            twice.sort();
            assert_eq!(once, twice, "{target}");
        }
    }

    #[test]
    fn a_gateways_own_variables_pass() {
        let given = [
            ("REQUEST_METHOD", "GET"),
            ("SERVER_SOFTWARE", "Apache"),
            ("SSL_CIPHER", "x"),
            ("REMOTE_USER", "unvouched"),
            ("PATH_INFO", "/x"),
            ("REQUEST_URI", "//x"),
            ("HTTPS", "ON"),
        ];
        let given = given.map(|(name, value)| (name.into(), value.into()));
        let map = map(&request_from_variables(given).unwrap());
        assert_eq!(map["SERVER_SOFTWARE"], "Apache");
        assert_eq!(map["SSL_CIPHER"], "x");
        assert_eq!(map["PATH_INFO"], "//x");
        assert_eq!(map["HTTPS"], "on");
        assert!(!map.contains_key("REMOTE_USER"));
    }

    #[test]
    fn a_unix_socket_is_called_as_its_client_calls_it() {
        let mut head = RequestHead::default();
        for (host, name, port) in
            [("a.b:81", "a.b", "81"), ("[::1]", "[::1]", "80"), ("a", "a", "80")]
        {
            head.headers.insert(HOST, host.parse().unwrap());
            let map = map(&head);
            assert_eq!(map["SERVER_NAME"], name);
            assert_eq!(map["SERVER_PORT"], port);
        }
    }

    #[test]
    fn names_of_variables() {
        assert_eq!(header_variable(b"x-Forwarded-for"), b"HTTP_X_FORWARDED_FOR");
        assert_eq!(header_variable(b"content-type"), b"CONTENT_TYPE");
        assert_eq!(header_variable(b"Content-Length"), b"CONTENT_LENGTH");
    }
}
