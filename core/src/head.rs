//! The heads of a request and of a response.

use std::{borrow::Cow, fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri, Version, header::CONTENT_LENGTH};

use crate::{Arrival, Expiry, RequestId, Variables, path};

/// Scheme by which the client reached the server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scheme {
    /// Plain text.
    #[default]
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme as a URL spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL does not need to name.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// One end of a connection, as text: CGI hands down text, and it need not be an address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Endpoint {
    /// Address or name, without brackets; empty for a Unix socket.
    pub host: Bytes,
    /// Port, where there is one.
    pub port: Option<u16>,
}

impl Endpoint {
    /// What a server on a Unix socket calls itself: the socket has no name that a URL could use.
    #[must_use]
    pub const fn nameless() -> Self {
        Self { host: Bytes::from_static(b"localhost"), port: Some(80) }
    }
}

impl From<core::net::SocketAddr> for Endpoint {
    fn from(address: core::net::SocketAddr) -> Self {
        // An IPv4 client of a dual-stack socket is an IPv4 client.
        Self { host: address.ip().to_canonical().to_string().into(), port: Some(address.port()) }
    }
}

/// What all requests of one connection have in common.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Scheme of the requests.
    pub scheme: Scheme,
    /// The peer.
    pub client: Endpoint,
    /// Our end, or the name and port the gateway gives us.
    pub server: Endpoint,
    /// Where the application is mounted (`SCRIPT_NAME`, decoded, without a trailing slash).
    pub mount: Bytes,
    /// How many bytes of the mount a proxy has taken off the paths before they came here.
    pub removed: usize,
    /// Whether somebody in between is known to speak for the client, believed or not.
    pub relayed: bool,
    /// What the server itself says of the connection, such as `SSL_PROTOCOL`.
    pub variables: Variables,
    /// What an application keeps for the connection; the first to set it has it.
    pub kept: Kept,
    /// How its requests are ended from outside.
    pub expiry: Expiry,
}

impl Connection {
    /// The same facts, for which nothing is kept yet.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { kept: Kept::default(), ..self.clone() }
    }
}

/// A place for something that lives as long as a connection.
#[derive(Clone, Default)]
pub struct Kept(std::sync::OnceLock<Arc<dyn std::any::Any + Send + Sync>>);

impl Kept {
    /// What is kept, if it is a `T`; made by `make` if nothing is kept yet.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get_or_try_make<T: Send + Sync + 'static, E>(
        &self,
        make: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<Option<&T>, E> {
        if self.0.get().is_none() {
            // If somebody else was faster, theirs is kept.
            let _ = self.0.set(Arc::new(make()?));
        }
        Ok(self.0.get().and_then(|kept| kept.downcast_ref()))
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.0.get().is_some()).finish()
    }
}

/// A user that the gateway has authenticated (RFC 3875, 4.1.1 and 4.1.11).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Authentication {
    /// `AUTH_TYPE`.
    pub kind: Bytes,
    /// `REMOTE_USER`.
    pub user: Bytes,
}

/// What only a gateway such as CGI says about a request. Bytes, never UTF-8 by faith.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    /// The raw request target, where the host hands it down (`REQUEST_URI`).
    pub target: Option<Bytes>,
    /// `SCRIPT_NAME`, decoded.
    pub mount: Bytes,
    /// `PATH_INFO`, decoded.
    pub path_info: Bytes,
    /// `QUERY_STRING`, raw.
    pub query: Bytes,
    /// The authenticated user, where the host vouches for one.
    pub authentication: Option<Authentication>,
    /// Every variable that was handed down, save those that request fields became.
    pub variables: Variables,
}

/// Everything known of a request before its body.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// Method.
    pub method: Method,
    /// Version spoken by the client.
    pub version: Version,
    /// Request target as parsed; for a gateway what its variables amount to, or `/`.
    pub uri: Uri,
    /// Fields.
    pub headers: HeaderMap,
    /// Facts shared by the requests of a connection.
    pub connection: Arc<Connection>,
    /// What the gateway said, for requests that came through one.
    pub gateway: Option<Box<Gateway>>,
    /// Which request it is, and when it came.
    pub arrival: Arrival,
}

/// The field by which a proxy names a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl RequestHead {
    /// The raw target as the client sent it (`REQUEST_URI`): encoded path and query.
    ///
    /// Where a gateway does not hand it down, it is made from the decoded path.
    #[must_use]
    pub fn target(&self) -> Cow<'_, [u8]> {
        match self.gateway.as_deref() {
            Some(Gateway { target: Some(target), .. }) => Cow::Borrowed(target),
            Some(gateway) => Cow::Owned(path::target_of(gateway)),
            None => match self.uri.path_and_query() {
                Some(target) => Cow::Borrowed(target.as_str().as_bytes()),
                None => Cow::Borrowed(b"*"), // `OPTIONS *` and CONNECT have no path
            },
        }
    }

    /// The raw, encoded path: [`target`](Self::target) without its query.
    #[must_use]
    pub fn raw_path(&self) -> Cow<'_, [u8]> {
        let cut = |target: &[u8]| target.iter().position(|&byte| byte == b'?');
        match self.target() {
            Cow::Borrowed(target) => Cow::Borrowed(&target[..cut(target).unwrap_or(target.len())]),
            Cow::Owned(mut target) => {
                target.truncate(cut(&target).unwrap_or(target.len()));
                Cow::Owned(target)
            }
        }
    }

    /// The raw query, without the question mark (`QUERY_STRING`); empty where there is none.
    #[must_use]
    pub fn query(&self) -> &[u8] {
        match &self.gateway {
            Some(gateway) => &gateway.query,
            None => self.uri.query().unwrap_or_default().as_bytes(),
        }
    }

    /// Where the application is mounted (`SCRIPT_NAME`): decoded, without a trailing slash.
    #[must_use]
    pub fn mount(&self) -> &[u8] {
        match &self.gateway {
            Some(gateway) => &gateway.mount,
            None => &self.connection.mount,
        }
    }

    /// The decoded path below the mount point (`PATH_INFO`), dot segments removed.
    #[must_use]
    pub fn path_info(&self) -> Cow<'_, [u8]> {
        if let Some(gateway) = &self.gateway {
            return Cow::Borrowed(&gateway.path_info);
        }
        let path = if self.method == Method::OPTIONS && self.uri.path() == "*" {
            "" // PEP 3333 wants PATH_INFO empty or with a slash
        } else {
            self.uri.path()
        };
        let path = path::normalize(path::decode(path.as_bytes()));
        match self.mount_in(&path) {
            0 => path,
            length => match path {
                Cow::Borrowed(path) => Cow::Borrowed(&path[length..]),
                Cow::Owned(mut path) => Cow::Owned(path.split_off(length)),
            },
        }
    }

    /// How many bytes of `path`, decoded, are the mount or what is left of it.
    ///
    /// Proxies may take it off or leave it: both are served.
    fn mount_in(&self, path: &[u8]) -> usize {
        let Connection { mount, removed, .. } = &*self.connection;
        match mount.get(*removed..) {
            Some(left) if path.starts_with(left) => match path.get(left.len()) {
                None | Some(b'/') => left.len(),
                Some(_) => 0,
            },
            _ => 0,
        }
    }

    /// What a proxy has taken off the path, decoded: the part of the mount that the client asked
    /// for and the [`target`](Self::target) lacks.
    #[must_use]
    pub fn removed(&self) -> &[u8] {
        let Connection { mount, removed, .. } = &*self.connection;
        if self.gateway.is_some() || mount.is_empty() {
            return &[];
        }
        let path = path::normalize(path::decode(self.uri.path().as_bytes()));
        let left = mount.len().saturating_sub(*removed);
        &mount
            [..if self.mount_in(&path) == left { (*removed).min(mount.len()) } else { mount.len() }]
    }

    /// The decoded path: [`mount`](Self::mount) and [`path_info`](Self::path_info).
    #[must_use]
    pub fn path(&self) -> Cow<'_, [u8]> {
        match self.mount() {
            [] => self.path_info(),
            mount => Cow::Owned([mount, &self.path_info()].concat()),
        }
    }

    /// What tells the request from all others; `None` for one that no server has received.
    #[must_use]
    pub fn id(&self) -> Option<RequestId<'_>> {
        if self.arrival.named
            && let Some(name) = self.headers.get(REQUEST_ID)
            && let Some(name) = RequestId::given(name.as_bytes())
        {
            return Some(name);
        }
        RequestId::made(self.arrival.number())
    }

    /// The variables that a gateway handed down; elsewhere those of the connection.
    #[must_use]
    pub fn variables(&self) -> &[(Bytes, Bytes)] {
        self.gateway.as_ref().map_or(&self.connection.variables, |gateway| &gateway.variables)
    }

    /// The version as `SERVER_PROTOCOL` spells it.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match self.version {
            Version::HTTP_09 => "HTTP/0.9",
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_3 => "HTTP/3",
            _ => "HTTP/1.1",
        }
    }
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            method: Method::GET,
            version: Version::HTTP_11,
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            connection: Arc::default(),
            gateway: None,
            arrival: Arrival::default(),
        }
    }
}

/// Status and fields of a response.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// Status code; 200 by default.
    pub status: StatusCode,
    /// Reason phrase, where it is not the usual one: visible ASCII, tabs, spaces and obs-text
    /// (RFC 9112, 4).
    pub reason: Option<Bytes>,
    /// Fields, in any order.
    pub headers: HeaderMap,
}

impl ResponseHead {
    /// A head with `status` and no fields.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self { status, ..Self::default() }
    }

    /// The reason phrase that goes on the wire; may be empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match &self.reason {
            Some(reason) => reason,
            None => self.status.canonical_reason().unwrap_or_default().as_bytes(),
        }
    }

    /// Declares a body of `length`, where none is declared and one may be (RFC 9110, 8.6).
    pub fn declare_length(&mut self, length: usize) {
        let bodiless = self.status.is_informational() || matches!(self.status.as_u16(), 204 | 304);
        if !bodiless && !self.headers.contains_key(CONTENT_LENGTH) {
            self.headers.insert(CONTENT_LENGTH, length.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str, mount: &'static str) -> RequestHead {
        let connection = Connection { mount: mount.into(), ..Connection::default() };
        RequestHead {
            uri: target.parse().unwrap(),
            connection: Arc::new(connection),
            ..RequestHead::default()
        }
    }

    #[test]
    fn the_path_is_decoded_once() {
        let head = head("/a%2Fb/%252c//c?x=%41", "");
        assert_eq!(&*head.path_info(), b"/a/b/%2c//c");
        assert_eq!(&*head.raw_path(), b"/a%2Fb/%252c//c");
        assert_eq!(head.query(), b"x=%41");
        assert_eq!(&*head.target(), b"/a%2Fb/%252c//c?x=%41");
    }

    #[test]
    fn what_a_proxy_has_taken_off_is_not_in_the_path() {
        let removed = |target: &str, removed| {
            let mut head = head(target, "/outer/app");
            Arc::make_mut(&mut head.connection).removed = removed;
            [head.path_info().into_owned(), head.removed().to_vec()]
                .map(|path| String::from_utf8(path).unwrap())
        };
        assert_eq!(removed("/outer/app/x", 0), ["/x", ""]);
        assert_eq!(removed("/x", 0), ["/x", "/outer/app"]);
        assert_eq!(removed("/app/x", 6), ["/x", "/outer"]);
        assert_eq!(removed("/x", 6), ["/x", "/outer/app"]);
        // What is taken off is not looked for: it may be the name of something below.
        assert_eq!(removed("/outer/app/x", 6), ["/outer/app/x", "/outer/app"]);
        assert_eq!(removed("/outer/app/x", 10), ["/outer/app/x", "/outer/app"]);
        assert_eq!(removed("/x", 99), ["/x", "/outer/app"]);
    }

    #[test]
    fn the_mount_is_cut_at_a_segment() {
        assert_eq!(&*head("/app/x", "/app").path_info(), b"/x");
        assert_eq!(&*head("/app", "/app").path_info(), b"");
        assert_eq!(&*head("/apple", "/app").path_info(), b"/apple");
        assert_eq!(&*head("/app/x", "/app").path(), b"/app/x");
    }
}
