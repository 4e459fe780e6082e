//! What a gateway handed down, as a request head.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri, Version,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
};

use super::{Variables, recover};
use crate::{
    Arrival, Authentication, Connection, Endpoint, Error, Gateway, RequestHead, Result, Scheme,
    path::{host_is_valid, target_of},
};

/// Builds a request head from what a gateway handed down.
///
/// Nothing is trusted to be text. What hosts do to a request on its way is undone where its raw
/// target shows it (squeezed slashes, a decoded query), so that an application sees the same
/// request as from the embedded server.
///
/// - A variable that is given twice counts as it stands last; fields are joined (RFC 9110, 5.3).
/// - Fields that frame a message, belong to a connection or name a proxy never come from `HTTP_`
///   variables: the host has dealt with the first two, and `HTTP_PROXY` is an attack (CVE-2016-5385).
/// - Field values that no field may have are dropped.
/// - All other variables are kept in [`Gateway::variables`], those of the process too: a CGI host
///   hands down its settings among them.
///
/// # Errors
/// [`Error::Refused`] when the variables are no request.
pub fn request_from_variables(
    variables: impl IntoIterator<Item = (Bytes, Bytes)>,
) -> Result<RequestHead> {
    let mut sorted = Sorted::default();
    for (name, value) in variables {
        sorted.take(name, value);
    }
    sorted.into_head()
}

/// Variables, with those that are fields told from the others.
#[derive(Default)]
struct Sorted {
    headers: HeaderMap,
    content_length: Option<Bytes>,
    variables: Variables,
}

impl Sorted {
    fn take(&mut self, name: Bytes, value: Bytes) {
        match &*name {
            b"CONTENT_LENGTH" => self.content_length = Some(value),
            b"CONTENT_TYPE" => self.set(CONTENT_TYPE, value),
            [b'H', b'T', b'T', b'P', b'_', field @ ..] => {
                if let Some(field) = field_name(field) {
                    self.join(field, value);
                }
            }
            _ => self.variables.push((name, value)),
        }
    }

    /// Sets a field that an empty variable says is not there.
    fn set(&mut self, name: HeaderName, value: Bytes) {
        if !value.is_empty()
            && let Ok(value) = HeaderValue::from_maybe_shared(trimmed(value))
        {
            self.headers.insert(name, value);
        }
    }

    /// Adds a field; nginx sends a variable for each of several fields of a name.
    fn join(&mut self, name: HeaderName, value: Bytes) {
        let Ok(value) = HeaderValue::from_maybe_shared(trimmed(value)) else { return };
        let separator: &[u8] = if name == COOKIE { b"; " } else { b", " };
        match self.headers.get_mut(&name) {
            None => {
                self.headers.insert(name, value);
            }
            Some(present) => {
                let joined = [present.as_bytes(), separator, value.as_bytes()].concat();
                *present = HeaderValue::from_maybe_shared(Bytes::from(joined))
                    .expect("two field values and a separator make a field value");
            }
        }
    }

    /// The value of a variable, where it is given and not empty.
    fn variable(&self, name: &[u8]) -> Option<&Bytes> {
        let last = self.variables.iter().rev().find(|(key, _)| key == name);
        last.map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    fn into_head(mut self) -> Result<RequestHead> {
        let method = match self.variable(b"REQUEST_METHOD") {
            None => return Err(Error::bad_request("the variable REQUEST_METHOD is missing")),
            Some(method) => Method::from_bytes(method)
                .map_err(|_| Error::bad_request("malformed REQUEST_METHOD"))?,
        };
        self.settle_length(&method)?;
        self.settle_authorization();
        let scheme = self.scheme();
        let server = self.endpoint(b"SERVER_NAME", b"SERVER_PORT");
        self.settle_host(scheme, &server)?;
        let gateway = self.gateway();
        let connection = Connection {
            scheme,
            client: self.endpoint(b"REMOTE_ADDR", b"REMOTE_PORT"),
            server,
            mount: gateway.mount.clone(),
            ..Connection::default()
        };
        let version = self.variable(b"SERVER_PROTOCOL").map_or(Version::HTTP_11, version);
        let gateway = Gateway { variables: self.variables, ..gateway };
        Ok(RequestHead {
            method,
            version,
            uri: uri(&gateway),
            headers: self.headers,
            connection: Arc::new(connection),
            gateway: Some(Box::new(gateway)),
            arrival: Arrival::default(),
        })
    }

    /// Makes the field of `CONTENT_LENGTH`. Empty (nginx) and `-1` (Caddy) say that there is none,
    /// and so does the `0` that lighttpd gives to requests whose method has no body.
    fn settle_length(&mut self, method: &Method) -> Result<()> {
        let Some(length) = self.content_length.take() else { return Ok(()) };
        let invented = length == "0" && (method == Method::GET || method == Method::HEAD);
        if length.is_empty() || length == "-1" || invented {
            return Ok(());
        }
        // Digits only: parse alone would take a plus sign.
        let digits = length.iter().all(u8::is_ascii_digit);
        let parsed = std::str::from_utf8(&length).ok().and_then(|text| text.parse::<u64>().ok());
        match parsed.filter(|_| digits) {
            Some(length) => self.headers.insert(CONTENT_LENGTH, length.into()),
            None => return Err(Error::bad_request("malformed CONTENT_LENGTH")),
        };
        Ok(())
    }

    /// Finds Authorization where Apache leaves it: in a variable of its own when a rewrite rule
    /// passes it on, and that renamed when the request was redirected internally.
    fn settle_authorization(&mut self) {
        if self.headers.get(AUTHORIZATION).is_some_and(HeaderValue::is_empty) {
            self.headers.remove(AUTHORIZATION);
        }
        if !self.headers.contains_key(AUTHORIZATION)
            && let Some(value) = self.variable(b"REDIRECT_HTTP_AUTHORIZATION").cloned()
        {
            self.set(AUTHORIZATION, value);
        }
    }

    /// Checks Host, or makes it from what the server calls itself.
    fn settle_host(&mut self, scheme: Scheme, server: &Endpoint) -> Result<()> {
        match self.headers.get(HOST) {
            Some(host) if host_is_valid(host.as_bytes()) => return Ok(()),
            Some(host) if !host.is_empty() => return Err(Error::bad_request("malformed Host")),
            _ => self.headers.remove(HOST),
        };
        let mut host = bracketed(&server.host);
        match (server.port, scheme) {
            (None, _) | (Some(80), Scheme::Http) | (Some(443), Scheme::Https) => {}
            (Some(port), _) => host.extend_from_slice(format!(":{port}").as_bytes()),
        }
        if host_is_valid(&host) {
            self.set(HOST, host.into());
        }
        Ok(())
    }

    fn scheme(&self) -> Scheme {
        // IIS says HTTPS=off.
        let https = |value: &Bytes| !value.eq_ignore_ascii_case(b"off") && value != "0";
        let named = |value: &Bytes| value.eq_ignore_ascii_case(b"https");
        if self.variable(b"HTTPS").is_some_and(https)
            || self.variable(b"REQUEST_SCHEME").is_some_and(named)
        {
            Scheme::Https
        } else {
            Scheme::Http
        }
    }

    fn endpoint(&self, host: &[u8], port: &[u8]) -> Endpoint {
        let host = self.variable(host).cloned().unwrap_or_default();
        let bare = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
        let port =
            self.variable(port).and_then(|port| std::str::from_utf8(port).ok()?.parse().ok());
        Endpoint { host: bare.map_or(host.clone(), |bare| host.slice_ref(bare)), port }
    }

    /// What only a gateway says, less the variables themselves.
    fn gateway(&self) -> Gateway {
        let mount = recover::mount(&self.variable(b"SCRIPT_NAME").cloned().unwrap_or_default());
        let path_info = self.variable(b"PATH_INFO").cloned().unwrap_or_default();
        let query = self.variables.iter().rev().find(|(name, _)| name == "QUERY_STRING");
        let query = query.map(|(_, query)| query.clone());
        let target = self.variable(b"REQUEST_URI").map(recover::origin_form);
        let (path_info, query) = recover::path_and_query(target.as_ref(), &mount, path_info, query);
        let authentication = self.variable(b"AUTH_TYPE").map(|kind| Authentication {
            kind: kind.clone(),
            user: self.variable(b"REMOTE_USER").cloned().unwrap_or_default(),
        });
        Gateway { target, mount, path_info, query, authentication, variables: Variables::new() }
    }
}

/// The field that `HTTP_` and `name` stand for; `None` where it may not come from there.
fn field_name(name: &[u8]) -> Option<HeaderName> {
    let name: Vec<u8> = name.iter().map(|&byte| if byte == b'_' { b'-' } else { byte }).collect();
    let name = HeaderName::from_bytes(&name).ok()?;
    let framing = name == CONTENT_LENGTH || name == CONTENT_TYPE || name == TRANSFER_ENCODING;
    let connection = name == CONNECTION || name == TE || name == TRAILER || name == UPGRADE;
    let named = matches!(name.as_str(), "keep-alive" | "proxy" | "proxy-connection");
    (!framing && !connection && !named).then_some(name)
}

/// `host` as it stands before a port: an IPv6 address in brackets (RFC 3986, 3.2.2).
pub(super) fn bracketed(host: &[u8]) -> Vec<u8> {
    if host.contains(&b':') { [b"[", host, b"]"].concat() } else { host.to_vec() }
}

fn version(protocol: &Bytes) -> Version {
    match &**protocol {
        b"HTTP/0.9" => Version::HTTP_09,
        b"HTTP/1.0" => Version::HTTP_10,
        b"HTTP/2.0" | b"HTTP/2" => Version::HTTP_2,
        b"HTTP/3.0" | b"HTTP/3" => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

/// The target of `gateway` as far as [`Uri`] can hold it.
fn uri(gateway: &Gateway) -> Uri {
    let target = gateway.target.clone().unwrap_or_else(|| target_of(gateway).into());
    // What starts with neither would be taken for an authority.
    let known = target.starts_with(b"/") || target == "*";
    Some(target)
        .filter(|_| known)
        .and_then(|it| Uri::from_maybe_shared(it).ok())
        .unwrap_or_default()
}

/// A field's value without the white space around it, which is no part of it (RFC 9110, 5.5) and
/// which some hosts hand down all the same.
fn trimmed(value: Bytes) -> Bytes {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().take_while(|&byte| is_space(byte)).count();
    let end = value.iter().rev().take_while(|&byte| is_space(byte)).count();
    if start + end == 0 {
        return value;
    }
    value.slice(start..(value.len() - end).max(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(variables: &[(&'static str, &'static [u8])]) -> Result<RequestHead> {
        let method = [("REQUEST_METHOD", b"GET".as_slice())];
        let all = method.iter().chain(variables);
        request_from_variables(all.map(|&(name, value)| (name.into(), Bytes::from_static(value))))
    }

    fn field(variables: &[(&'static str, &'static [u8])], name: &str) -> Option<Vec<u8>> {
        let head = request(variables).unwrap();
        head.headers.get(name).map(|value| value.as_bytes().to_vec())
    }

    #[test]
    fn without_a_method_there_is_no_request() {
        let error = request_from_variables([]).unwrap_err();
        assert!(error.to_string().contains("REQUEST_METHOD"));
        assert!(request(&[("REQUEST_METHOD", b"")]).is_err());
        assert_eq!(request(&[("REQUEST_METHOD", b"G T")]).unwrap_err().status(), 400);
        assert_eq!(request(&[("REQUEST_METHOD", b"mkcol")]).unwrap().method, "mkcol");
    }

    #[test]
    fn lengths_are_digits_or_absent() {
        for absent in [b"".as_slice(), b"-1", b"0"] {
            assert_eq!(field(&[("CONTENT_LENGTH", absent)], "content-length"), None);
        }
        assert_eq!(field(&[("CONTENT_LENGTH", b"007")], "content-length").unwrap(), b"7");
        for bad in
            [b"+5".as_slice(), b"abc", b"5 ", b"0x5", b"5,5", b"99999999999999999999", b"\xff"]
        {
            assert!(request(&[("CONTENT_LENGTH", bad)]).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn framing_and_proxy_do_not_come_from_fields() {
        let head = request(&[
            ("HTTP_CONTENT_LENGTH", b"99"),
            ("HTTP_CONTENT_TYPE", b"evil/evil"),
            ("HTTP_TRANSFER_ENCODING", b"chunked"),
            ("HTTP_CONNECTION", b"close"),
            ("HTTP_PROXY", b"http://evil"),
            ("HTTP_Proxy", b"http://evil"),
            ("HTTP_", b"x"),
            ("HTTP_A B", b"x"),
            ("HTTP_NUL", b"a\0b"),
            ("HTTP_LF", b"a\nb"),
            ("CONTENT_TYPE", b""),
        ])
        .unwrap();
        assert_eq!(head.headers.len(), 0, "{:?}", head.headers);
        assert!(head.variables().iter().all(|(name, _)| !name.starts_with(b"HTTP_")));
    }

    #[test]
    fn values_are_bytes_and_repeated_ones_are_joined() {
        assert_eq!(field(&[("HTTP_X_A", b"caf\xe9")], "x-a").unwrap(), b"caf\xe9");
        let twice = [("HTTP_X_A", b"1".as_slice()), ("HTTP_X_A", b"2"), ("HTTP_COOKIE", b"a=1")];
        assert_eq!(field(&twice, "x-a").unwrap(), b"1, 2");
        let cookies = [("HTTP_COOKIE", b"a=1".as_slice()), ("HTTP_COOKIE", b"b=2")];
        assert_eq!(field(&cookies, "cookie").unwrap(), b"a=1; b=2");
    }

    #[test]
    fn authorization_is_found_where_apache_left_it() {
        let redirected = ("REDIRECT_HTTP_AUTHORIZATION", b"Basic eA==".as_slice());
        let both = [("HTTP_AUTHORIZATION", b"".as_slice()), redirected];
        assert_eq!(field(&both, "authorization").unwrap(), b"Basic eA==");
        let own = [("HTTP_AUTHORIZATION", b"Bearer y".as_slice()), redirected];
        assert_eq!(field(&own, "authorization").unwrap(), b"Bearer y");
        assert_eq!(field(&[("HTTP_AUTHORIZATION", b"")], "authorization"), None);
    }

    #[test]
    fn a_host_is_made_where_there_is_none() {
        let host = |variables| field(variables, "host");
        assert_eq!(host(&[("SERVER_NAME", b"a"), ("SERVER_PORT", b"80")]).unwrap(), b"a");
        assert_eq!(host(&[("SERVER_NAME", b"a"), ("SERVER_PORT", b"8080")]).unwrap(), b"a:8080");
        let https = host(&[("HTTPS", b"on"), ("SERVER_NAME", b"[::1]"), ("SERVER_PORT", b"443")]);
        assert_eq!(https.unwrap(), b"[::1]");
        assert_eq!(host(&[("HTTP_HOST", b""), ("SERVER_NAME", b"a")]).unwrap(), b"a");
        assert_eq!(host(&[("SERVER_NAME", b"_")]).unwrap(), b"_");
        assert!(request(&[("HTTP_HOST", b"a, b")]).is_err());
    }

    #[test]
    fn a_user_needs_an_authority() {
        let alone = request(&[("REMOTE_USER", b"eve")]).unwrap();
        assert_eq!(alone.gateway.unwrap().authentication, None);
        let vouched = request(&[("REMOTE_USER", b"al"), ("AUTH_TYPE", b"Basic")]).unwrap();
        let expected = Authentication { kind: "Basic".into(), user: "al".into() };
        assert_eq!(vouched.gateway.unwrap().authentication, Some(expected));
    }

    #[test]
    fn the_connection_is_as_told() {
        let head = request(&[
            ("HTTPS", b"off"),
            ("REQUEST_SCHEME", b"https"),
            ("REMOTE_ADDR", b"2001:db8::1"),
            ("REMOTE_PORT", b"4711"),
            ("SERVER_NAME", b"[::1]"),
            ("SERVER_PORT", b"-"),
            ("SERVER_PROTOCOL", b"HTTP/2.0"),
        ])
        .unwrap();
        assert_eq!(head.connection.scheme, Scheme::Https);
        let client = Endpoint { host: "2001:db8::1".into(), port: Some(4711) };
        assert_eq!(head.connection.client, client);
        assert_eq!(head.connection.server, Endpoint { host: "::1".into(), port: None });
        assert_eq!(head.version, Version::HTTP_2);
        assert_eq!(request(&[("HTTPS", b"1")]).unwrap().connection.scheme, Scheme::Https);
        assert_eq!(request(&[("HTTPS", b"off")]).unwrap().connection.scheme, Scheme::Http);
    }

    #[test]
    fn no_byte_is_refused_in_a_path_or_a_field() {
        for byte in 0..=u8::MAX {
            let value = Bytes::from(vec![b'/', byte, b'x']);
            let names = ["PATH_INFO", "SCRIPT_NAME", "REQUEST_URI", "QUERY_STRING", "HTTP_X"];
            for name in names {
                let method = (Bytes::from("REQUEST_METHOD"), Bytes::from("GET"));
                let head = request_from_variables([method, (name.into(), value.clone())]).unwrap();
                if name == "PATH_INFO" {
                    assert_eq!(*head.path_info(), *value);
                }
            }
        }
    }
}
