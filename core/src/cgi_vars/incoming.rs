//! What a gateway handed down, as a request head.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, Entry, HOST},
};

use super::{
    Variables,
    again::Memory,
    names::{self, Known},
    place::{Origin, Place, Told, place},
    recover,
};
use crate::{
    Arrival, Authentication, Connection, Endpoint, Error, Gateway, RequestHead, Result, Scheme,
    path::{host_is_valid, target_of},
};

/// Builds a request head from what the host of a CGI program handed down: one request of
/// [`RequestHeads::program`].
///
/// # Errors
/// [`Error::Refused`] when the variables are no request.
pub fn request_from_variables(
    variables: impl IntoIterator<Item = (Bytes, Bytes)>,
) -> Result<RequestHead> {
    RequestHeads::program(None).head(variables)
}

/// Makes request heads of what a gateway hands down; one for each of its connections.
///
/// Nothing is trusted to be text. What hosts do to a request on its way is undone where its raw
/// target shows it (squeezed slashes, a decoded query), so that an application sees the same
/// request as from the embedded server. Where the application is mounted is decided by `place.rs`.
///
/// - A variable that is given twice counts as it stands last; fields are joined (RFC 9110, 5.3).
/// - Fields that frame a message, belong to a connection or name a proxy never come from `HTTP_`
///   variables: the host has dealt with the first two, and `HTTP_PROXY` is an attack (CVE-2016-5385).
/// - Field values that no field may have are dropped.
/// - A user counts only where the host says how it was authenticated.
/// - All other variables are kept in [`Gateway::variables`], those of the process too: a CGI host
///   hands down its settings among them.
#[derive(Debug)]
pub struct RequestHeads {
    origin: Origin,
    mount: Option<Bytes>,
    /// What the last request came over; the next one has it too where its facts are the same.
    pub(super) connection: Arc<Connection>,
    pub(super) memory: Memory,
}

impl RequestHeads {
    /// For a CGI program; `mount` is where the application is mounted, if that has been told.
    #[must_use]
    pub fn program(mount: Option<Bytes>) -> Self {
        Self {
            origin: Origin::Program,
            mount,
            connection: Arc::default(),
            memory: Memory::default(),
        }
    }

    /// For a process to which a web server passes requests (FastCGI, SCGI, uwsgi); `mount` is where
    /// the application is mounted, if that has been told.
    #[must_use]
    pub fn responder(mount: Option<Bytes>) -> Self {
        Self { origin: Origin::Responder, ..Self::program(mount) }
    }

    /// Builds the head of the next request.
    ///
    /// # Errors
    /// [`Error::Refused`] when the variables are no request.
    pub fn head(
        &mut self,
        variables: impl IntoIterator<Item = (Bytes, Bytes)>,
    ) -> Result<RequestHead> {
        let variables = variables.into_iter();
        let mut sorted = Sorted::new(variables.size_hint().0);
        for (name, value) in variables {
            sorted.take(name, value)?;
        }
        sorted.into_head(self)
    }

    /// The connection of a request with these facts.
    pub(super) fn connection(
        &mut self,
        scheme: Scheme,
        client: Endpoint,
        server: Endpoint,
        mount: &Bytes,
    ) -> Arc<Connection> {
        let last = &*self.connection;
        let same = last.client == client
            && last.server == server
            && last.scheme == scheme
            && last.mount == *mount;
        if !same {
            let mount = mount.clone();
            let connection = Connection { scheme, client, server, mount, ..Connection::default() };
            self.connection = Arc::new(connection);
        }
        Arc::clone(&self.connection)
    }
}

/// Variables, with those that are fields told from the others.
struct Sorted {
    headers: HeaderMap,
    variables: Variables,
    /// Where each known variable stands last, counted from one.
    known: [usize; Known::COUNT],
    content_length: Option<Bytes>,
    script_name_repeated: bool,
}

impl Sorted {
    fn new(expected: usize) -> Self {
        Self {
            headers: HeaderMap::with_capacity(12),
            variables: Variables::with_capacity(expected.clamp(16, 64)),
            known: [0; Known::COUNT],
            content_length: None,
            script_name_repeated: false,
        }
    }

    fn take(&mut self, name: Bytes, value: Bytes) -> Result<()> {
        if let Some(field) = name.strip_prefix(b"HTTP_") {
            return match names::field(field) {
                Some(field) => self.join(field, value),
                None => Ok(()),
            };
        }
        match Known::of(&name) {
            Some(Known::ContentLength) => {
                self.content_length = Some(value);
                return Ok(());
            }
            Some(known) => {
                let place = &mut self.known[known as usize];
                self.script_name_repeated |= matches!(known, Known::ScriptName) && *place > 0;
                *place = self.variables.len() + 1;
            }
            None if name == "CONTENT_TYPE" => {
                self.set(CONTENT_TYPE, value);
                return Ok(());
            }
            None => {}
        }
        self.variables.push((name, value));
        Ok(())
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
    fn join(&mut self, name: HeaderName, value: Bytes) -> Result<()> {
        if value.is_empty() && name == AUTHORIZATION {
            return Ok(()); // what a rewrite rule of Apache makes of none
        }
        let Ok(value) = HeaderValue::from_maybe_shared(trimmed(value)) else { return Ok(()) };
        match self.headers.try_entry(name).map_err(|_| too_many())? {
            Entry::Vacant(entry) => {
                entry.try_insert(value).map_err(|_| too_many())?;
            }
            Entry::Occupied(mut entry) => {
                let separator: &[u8] = if entry.key() == COOKIE { b"; " } else { b", " };
                let joined = [entry.get().as_bytes(), separator, value.as_bytes()].concat();
                let joined = HeaderValue::from_maybe_shared(Bytes::from(joined));
                entry.insert(joined.expect("two values and a separator make a field value"));
            }
        }
        Ok(())
    }

    /// The value of a variable, where it is given.
    fn given(&self, known: Known) -> Option<&Bytes> {
        let at = self.known[known as usize].checked_sub(1)?;
        self.variables.get(at).map(|(_, value)| value)
    }

    /// The value of a variable, where it is given and not empty.
    fn variable(&self, known: Known) -> Option<&Bytes> {
        self.given(known).filter(|value| !value.is_empty())
    }

    fn into_head(mut self, heads: &mut RequestHeads) -> Result<RequestHead> {
        let method = match self.variable(Known::RequestMethod) {
            None => return Err(Error::bad_request("the variable REQUEST_METHOD is missing")),
            Some(method) => Method::from_bytes(method)
                .map_err(|_| Error::bad_request("malformed REQUEST_METHOD"))?,
        };
        self.settle_length(&method)?;
        self.settle_authorization();
        let scheme = self.scheme();
        let server = endpoint(self.variable(Known::ServerName), self.variable(Known::ServerPort));
        self.settle_host(scheme, &server)?;
        let client = endpoint(self.variable(Known::RemoteAddr), self.variable(Known::RemotePort));
        let gateway = self.gateway(heads);
        let connection = heads.connection(scheme, client, server, &gateway.mount);
        let version = self.variable(Known::ServerProtocol).map_or(Version::HTTP_11, version);
        let gateway = Gateway { variables: self.variables, ..gateway };
        Ok(RequestHead {
            method,
            version,
            uri: uri(&gateway),
            headers: self.headers,
            connection,
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
        if let Some(value) = self.variable(Known::RedirectAuthorization).cloned()
            && !self.headers.contains_key(AUTHORIZATION)
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
        if self.variable(Known::Https).is_some_and(https)
            || self.variable(Known::RequestScheme).is_some_and(named)
        {
            Scheme::Https
        } else {
            Scheme::Http
        }
    }

    /// What only a gateway says, less the variables themselves.
    fn gateway(&self, heads: &RequestHeads) -> Gateway {
        let target = self.variable(Known::RequestUri).map(recover::origin_form);
        let asked = target.as_ref().filter(|target| target.starts_with(b"/"));
        let (raw_path, sent) = asked.map(|asked| recover::halves(asked)).unzip();
        let told = Told {
            script_name: self.given(Known::ScriptName),
            script_name_repeated: self.script_name_repeated,
            path_info: self.given(Known::PathInfo),
            document_uri: self.given(Known::DocumentUri),
            script_filename: self.variable(Known::ScriptFilename),
            software: self.variable(Known::ServerSoftware),
            raw_path,
        };
        let Place { mount, path_info, as_asked } = place(&told, heads.origin, heads.mount.as_ref());
        let query = self.given(Known::QueryString);
        let query = match (query, sent) {
            (Some(query), Some(sent)) if as_asked => recover::query(query, sent),
            (Some(query), _) => query.clone(),
            (None, sent) => sent.map(Bytes::copy_from_slice).unwrap_or_default(),
        };
        let authentication = self.authentication();
        Gateway { target, mount, path_info, query, authentication, variables: Variables::new() }
    }

    /// The user that the host vouches for. nginx takes `REMOTE_USER` from a password that it has
    /// not checked, without `AUTH_TYPE`; `HAProxy` does, with it.
    fn authentication(&self) -> Option<Authentication> {
        let kind = self.variable(Known::AuthType)?;
        let software = self.variable(Known::ServerSoftware);
        if software.is_some_and(|software| software.starts_with(b"HAProxy")) {
            return None;
        }
        let user = self.variable(Known::RemoteUser).cloned().unwrap_or_default();
        Some(Authentication { kind: kind.clone(), user })
    }
}

/// One end of a connection by the variables of its host and port, where they are given.
pub(super) fn endpoint(host: Option<&Bytes>, port: Option<&Bytes>) -> Endpoint {
    let text = port.map_or(b"".as_slice(), |port| port);
    let port = port_number(text);
    let host = host.cloned().unwrap_or_default();
    if !host.contains(&b':') {
        return Endpoint { host, port };
    }
    // HAProxy makes SERVER_NAME of Host, with the port; an address alone ends in none.
    let name = host.strip_suffix(text).and_then(|host| host.strip_suffix(b":"));
    let name = name.filter(|name| name.ends_with(b"]") || !name.contains(&b':'));
    let name = name.filter(|_| port.is_some()).unwrap_or(&host);
    let bare = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
    Endpoint { host: host.slice_ref(bare.unwrap_or(name)), port }
}

fn port_number(text: &[u8]) -> Option<u16> {
    let number = text.iter().try_fold(0, |number: u32, byte| {
        (number < 10_000 && byte.is_ascii_digit()).then(|| number * 10 + u32::from(byte - b'0'))
    })?;
    number.try_into().ok().filter(|_| !text.is_empty())
}

fn too_many() -> Error {
    Error::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too many fields")
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
    if !value.first().is_some_and(is_space) && !value.last().is_some_and(is_space) {
        return value;
    }
    let start = value.iter().take_while(|&byte| is_space(byte)).count();
    let end = value.iter().rev().take_while(|&byte| is_space(byte)).count();
    value.slice(start..(value.len() - end).max(start))
}

#[cfg(test)]
mod tests;
