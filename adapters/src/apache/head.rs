//! The head of a request: of what httpd says of it, and of what is remembered of the one before.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header::HOST};
use narthex_abi::{Pair, Request, Text};
use narthex_core::{
    Arrival, Connection, Endpoint, Error, RequestHead, RequestHeads, Result, Scheme, Site,
    Variables, field_value, header_variable, host_is_valid,
};

/// Heads of more bytes than this are not remembered: a connection may be idle for long.
const MOST: usize = 4 * 1024;

/// The variable that says what httpd this is.
const SOFTWARE: &[u8] = b"SERVER_SOFTWARE";

/// What is kept for a connection: facts that its requests share, and the last of these.
#[derive(Debug)]
pub(super) struct Kept {
    /// Whose requests they are: another application may be asked over the same connection.
    site: Arc<Site>,
    connection: Arc<Connection>,
    last: Option<Last>,
}

/// A request as httpd told it.
#[derive(Debug)]
struct Last {
    target: Box<[u8]>,
    path_info: Box<[u8]>,
    /// Unless it still runs, or was not given back.
    head: Option<Box<RequestHead>>,
}

impl Kept {
    /// What is kept for the connection of `request`, to the application of `site`: what was kept
    /// `before`, if the facts are still the same.
    #[expect(clippy::unnecessary_box_returns, reason = "it stays in the box that it was kept in")]
    pub(super) fn renew(
        before: Option<Box<Self>>,
        site: &Arc<Site>,
        software: &'static [u8],
        request: &Request<'_>,
    ) -> Box<Self> {
        before
            .filter(|kept| Arc::ptr_eq(&kept.site, site) && kept.has_facts_of(request))
            .unwrap_or_else(|| {
                let connection = Arc::new(connection(software, request));
                Box::new(Self { site: Arc::clone(site), connection, last: None })
            })
    }

    fn has_facts_of(&self, request: &Request<'_>) -> bool {
        let Connection { scheme, client, server, mount, variables, .. } = &*self.connection;
        let told = request.variables.values();
        client.port == known(request.client_port)
            && client.host == request.client.bytes()
            && server.port == known(request.server_port)
            && server.host == request.server_name.bytes()
            && (*scheme == Scheme::Https) == request.secure
            && mount == request.mount.bytes()
            && variables.len() == told.len() + 1
            && variables[1..].iter().zip(told).all(|((name, value), told)| {
                value == told.value.bytes() && name == told.name.bytes()
            })
    }

    /// The head of `request`.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is no request.
    pub(super) fn head(&mut self, request: &Request<'_>) -> Result<Box<RequestHead>> {
        let last = self.last.take();
        let plain = request.user.bytes().is_empty()
            && self.site.mount.as_ref().is_none_or(|mount| mount == request.mount.bytes());
        if !plain {
            return self.as_variables(request);
        }
        if let Some(Last { target, path_info, head: Some(mut head) }) = last {
            let same = *target == *request.target.bytes()
                && *path_info == *request.path_info.bytes()
                && head.query() == request.query.bytes();
            if follow(&mut head, request) && (same || turn(&mut head, request)) {
                self.last = Some(if same {
                    Last { target, path_info, head: None }
                } else {
                    Last::of(request)
                });
                return Ok(head);
            }
        }
        match self.fresh(request)? {
            Some(head) => {
                self.last = is_small(request).then(|| Last::of(request));
                Ok(Box::new(head))
            }
            None => self.as_variables(request),
        }
    }

    /// Takes back a head that [`head`](Self::head) has given. Nothing of it may have been changed but
    /// its arrival.
    pub(super) fn give_back(&mut self, head: Box<RequestHead>) {
        if let Some(last) = &mut self.last {
            last.head = Some(head);
        }
    }

    /// The head as an embedded server would have it; `None` where httpd sees another request than the
    /// target and the fields tell.
    fn fresh(&self, request: &Request<'_>) -> Result<Option<RequestHead>> {
        let mut head = RequestHead {
            method: Method::from_bytes(request.method.bytes())
                .map_err(|_| Error::bad_request("malformed method"))?,
            version: version(request.protocol),
            uri: Uri::default(),
            headers: fields(request)?,
            connection: Arc::clone(&self.connection),
            gateway: None,
            arrival: Arrival::default(),
        };
        if !turn(&mut head, request) {
            return Ok(None);
        }
        if let Some(authority) = head.uri.authority() {
            // An absolute target's authority replaces the Host field (RFC 9112, 3.2.2).
            let host = HeaderValue::from_str(authority.as_str());
            head.headers.insert(HOST, host.map_err(|_| Error::bad_request("malformed host"))?);
        }
        let told = head.headers.get(HOST).is_some_and(|host| host_is_valid(host.as_bytes()));
        Ok(told.then_some(head))
    }

    /// The head by way of the variables that httpd hands to a program: they know of users, and of
    /// paths that httpd has rewritten.
    fn as_variables(&self, request: &Request<'_>) -> Result<Box<RequestHead>> {
        let mut heads = RequestHeads::program(self.site.mount.clone());
        heads.head(variables(&self.connection, request)?).map(Box::new)
    }
}

impl Last {
    fn of(request: &Request<'_>) -> Self {
        let target = request.target.bytes().into();
        Self { target, path_info: request.path_info.bytes().into(), head: None }
    }
}

fn is_small(request: &Request<'_>) -> bool {
    let fields = request.fields.values();
    let size = |field: &Pair<'_>| field.name.bytes().len() + field.value.bytes().len();
    let target = request.target.bytes().len() + request.path_info.bytes().len();
    target + fields.iter().map(size).sum::<usize>() <= MOST
}

/// Makes `head`, of another request, like `request` but for its target; `false` when more differs than
/// a few values, and nothing can be said of `head`.
fn follow(head: &mut RequestHead, request: &Request<'_>) -> bool {
    let (headers, fields) = (&mut head.headers, request.fields.values());
    if headers.len() != fields.len()
        || headers.keys_len() != fields.len()
        || head.version != version(request.protocol)
        || head.method.as_str().as_bytes() != request.method.bytes()
    {
        return false;
    }
    let mut alike = true;
    for ((name, known), field) in headers.iter_mut().zip(fields) {
        if !name.as_str().as_bytes().eq_ignore_ascii_case(field.name.bytes()) {
            return false;
        }
        if known.as_bytes() != field.value.bytes() {
            alike = false;
            match HeaderValue::from_bytes(field.value.bytes()) {
                Ok(value) if name != HOST => *known = value,
                _ => return false,
            }
        }
    }
    alike || is_small(request)
}

/// Gives `head` the target of `request`; `false` when httpd has made another path of it.
fn turn(head: &mut RequestHead, request: &Request<'_>) -> bool {
    let Ok(uri) = Uri::try_from(request.target.bytes()) else { return false };
    head.uri = uri;
    head.query() == request.query.bytes()
        && is_path(&head.path_info(), request.path_info.bytes())
        && *head.target() == *request.target.bytes()
}

/// Whether httpd may have made `theirs` of our path: it squeezes slashes.
fn is_path(ours: &[u8], theirs: &[u8]) -> bool {
    let squeezed = |path: &[u8]| {
        let mut path = path.to_vec();
        path.dedup_by(|next, last| (*next, *last) == (b'/', b'/'));
        path
    };
    ours == theirs || (ours.len() > theirs.len() && squeezed(ours) == squeezed(theirs))
}

fn version(protocol: u32) -> Version {
    match protocol {
        ..1000 => Version::HTTP_09,
        1000 => Version::HTTP_10,
        2000..3000 => Version::HTTP_2,
        3000.. => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

/// The fields, less those that could pass for others among the variables (`X_Real_IP`).
fn fields(request: &Request<'_>) -> Result<HeaderMap> {
    let fields = request.fields.values();
    let mut headers = HeaderMap::with_capacity(fields.len().min(64));
    for Pair { name, value } in fields {
        if name.bytes().contains(&b'_') {
            continue;
        }
        // httpd has read the request: what is no field is one that a module has made.
        if let Ok(name) = HeaderName::from_bytes(name.bytes())
            && let Ok(value) = HeaderValue::from_bytes(value.bytes())
        {
            headers.try_append(name, value).map_err(|_| {
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                Error::Refused(status, "too many fields")
            })?;
        }
    }
    Ok(headers)
}

fn connection(software: &'static [u8], request: &Request<'_>) -> Connection {
    let end = |host: Text<'_>, port| Endpoint { host: owned(host), port: known(port) };
    let software = (Bytes::from_static(SOFTWARE), Bytes::from_static(software));
    let told = request.variables.values().iter();
    let told = told.map(|variable| (owned(variable.name), owned(variable.value)));
    Connection {
        scheme: if request.secure { Scheme::Https } else { Scheme::Http },
        client: end(request.client, request.client_port),
        server: end(request.server_name, request.server_port),
        mount: owned(request.mount),
        variables: std::iter::once(software).chain(told).collect(),
        ..Connection::default()
    }
}

/// The variables by which httpd would hand `request` to a program (`ap_add_cgi_vars`).
fn variables(connection: &Connection, request: &Request<'_>) -> Result<Variables> {
    let fields = fields(request)?;
    // What configuration calls a field is none of the client's.
    let plain = |(name, _): &&(Bytes, Bytes)| !name.starts_with(b"HTTP_");
    let mut variables: Variables = connection.variables.iter().filter(plain).cloned().collect();
    let mut add = |name: &'static str, value: Cow<'_, [u8]>| {
        variables.push((Bytes::from_static(name.as_bytes()), value.into_owned().into()));
    };
    let number = |number: u16| Cow::Owned(number.to_string().into_bytes());
    add("GATEWAY_INTERFACE", b"CGI/1.1"[..].into());
    add("REQUEST_METHOD", request.method.bytes().into());
    add("REQUEST_URI", request.target.bytes().into());
    add("SCRIPT_NAME", request.mount.bytes().into());
    add("PATH_INFO", request.path_info.bytes().into());
    add("QUERY_STRING", request.query.bytes().into());
    add("SERVER_PROTOCOL", protocol(request.protocol).as_bytes().into());
    add("REQUEST_SCHEME", connection.scheme.as_str().as_bytes().into());
    add("SERVER_NAME", request.server_name.bytes().into());
    add("SERVER_PORT", number(request.server_port));
    add("REMOTE_ADDR", request.client.bytes().into());
    if let Some(port) = known(request.client_port) {
        add("REMOTE_PORT", number(port));
    }
    if request.secure {
        add("HTTPS", b"on"[..].into());
    }
    if !request.user.bytes().is_empty() {
        add("AUTH_TYPE", request.authentication.bytes().into());
        add("REMOTE_USER", request.user.bytes().into());
    }
    variables.extend(fields.keys().map(|name| {
        let variable = header_variable(name.as_str().as_bytes());
        (variable.into(), field_value(&fields, name).into_owned().into())
    }));
    Ok(variables)
}

fn protocol(protocol: u32) -> &'static str {
    let head = RequestHead { version: version(protocol), ..RequestHead::default() };
    head.protocol()
}

/// A port; Unix sockets have none.
fn known(port: u16) -> Option<u16> {
    (port != 0).then_some(port)
}

fn owned(text: Text<'_>) -> Bytes {
    Bytes::copy_from_slice(text.bytes())
}
