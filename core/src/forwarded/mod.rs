//! What the proxies in front say of a request: who asked for it, how, and under which name.
//!
//! Only the word of a trusted peer counts ([`Trust`](crate::Trust)). It tells who asked it; if that
//! is a trusted proxy too, what that one says counts as well, and so on from right to left. The
//! first peer that is not trusted is the client, and what stands further left is a client's own
//! words (RFC 7239, 8.1).

mod headers;
mod node;
mod rfc7239;
mod x_forwarded;

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::HOST};

use crate::{Connection, Endpoint, Level, RequestHead, Scheme, Site, host_is_valid};
use headers::Kind;
pub use headers::{NotHeaders, ProxyHeaders};

/// What becomes of the forwarding fields in the requests of one connection.
#[derive(Clone, Default)]
pub struct Forwarding(Peer);

#[derive(Clone, Default)]
enum Peer {
    /// Nobody is trusted: they are fields like others.
    #[default]
    Unasked,
    /// They are dropped; what a connection over which they came looks like is kept.
    Untrusted(Arc<OnceLock<Arc<Connection>>>),
    /// They are believed; what they last came to is kept.
    Trusted(Arc<Mutex<Option<Arc<Understood>>>>),
}

impl Forwarding {
    /// That of the requests that come over `connection`.
    #[must_use]
    pub fn new(site: &Site, connection: &Connection) -> Self {
        Self(if site.trust.is_empty() {
            Peer::Unasked
        } else if site.trust.trusts(&connection.client) {
            Peer::Trusted(Arc::default())
        } else {
            Peer::Untrusted(Arc::default())
        })
    }

    /// Makes of `head` what the proxies in front say that it is.
    #[inline]
    pub fn apply(&self, site: &Site, head: &mut RequestHead) {
        match &self.0 {
            Peer::Unasked => {}
            Peer::Untrusted(relayed) => distrust(relayed, head),
            Peer::Trusted(last) => believe(last, site, head),
        }
    }
}

impl fmt::Debug for Forwarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Forwarding")
            .field(&match self.0 {
                Peer::Unasked => "unasked",
                Peer::Untrusted(_) => "untrusted",
                Peer::Trusted(_) => "trusted",
            })
            .finish()
    }
}

fn remove<'a>(headers: &mut HeaderMap, fields: impl Iterator<Item = &'a HeaderName>) -> bool {
    let mut removed = false;
    for field in fields {
        removed |= headers.remove(field).is_some();
    }
    removed
}

fn distrust(relayed: &OnceLock<Arc<Connection>>, head: &mut RequestHead) {
    let kinds = head.headers.keys().map(|name| ProxyHeaders::X_FORWARDED.kind(name));
    if !kinds.into_iter().any(|kind| matches!(kind, Kind::Set | Kind::Unset)) {
        return;
    }
    let fields = ProxyHeaders::X_FORWARDED.set().chain(ProxyHeaders::FORWARDED.set());
    if remove(&mut head.headers, fields) {
        let make = || Arc::new(Connection { relayed: true, ..head.connection.anew() });
        let connection = Arc::clone(relayed.get_or_init(make));
        head.connection = connection;
    }
}

fn believe(last: &Mutex<Option<Arc<Understood>>>, site: &Site, head: &mut RequestHead) {
    let fields = site.proxy_headers;
    let (mut set, mut unset) = (false, false);
    for name in head.headers.keys() {
        match fields.kind(name) {
            Kind::Set => set = true,
            Kind::Unset => unset = true,
            Kind::Host | Kind::Other => {}
        }
    }
    if unset {
        remove(&mut head.headers, fields.unset());
    } else if !set {
        return;
    }
    let kept = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let understood = kept.filter(|it| it.is_of(fields, &head.headers)).unwrap_or_else(|| {
        let understood = Arc::new(Understood::new(site, head));
        if understood.key.len() <= Understood::WORTH_KEEPING {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(Arc::clone(&understood));
        }
        understood
    });
    understood.impose(head);
}

/// What the fields of a request came to.
struct Understood {
    /// The fields that it was made of.
    key: Vec<u8>,
    connection: Arc<Connection>,
    /// The Host field, where it is another.
    host: Option<HeaderValue>,
    malformed: Vec<HeaderName>,
}

impl Understood {
    /// The size of a key beyond which it is not kept for as long as its connection lives.
    const WORTH_KEEPING: usize = 1024;

    fn new(site: &Site, head: &RequestHead) -> Self {
        let headers = &head.headers;
        let mut said = if site.proxy_headers.is_rfc_7239() {
            rfc7239::read(headers, &site.trust)
        } else {
            x_forwarded::read(headers, &site.trust)
        };
        x_forwarded::read_prefix(headers, &mut said);
        for field in &said.malformed {
            report(site, head, field);
        }
        let base = &*head.connection;
        let (server, host) = said.authority(base, headers.get(HOST));
        let mut connection = Connection { relayed: true, server, ..base.anew() };
        if let Some(scheme) = said.scheme {
            connection.scheme = scheme;
        }
        if let Some(client) = said.client {
            connection.client = client;
        }
        if let Some(prefix) = said.prefix {
            connection.removed = prefix.len();
            connection.mount = [&*prefix, &*base.mount].concat().into();
        }
        Self {
            key: key(site.proxy_headers, headers),
            connection: Arc::new(connection),
            host,
            malformed: said.malformed,
        }
    }

    /// Whether it was made of the same fields.
    fn is_of(&self, fields: ProxyHeaders, headers: &HeaderMap) -> bool {
        let mut rest = Some(&*self.key);
        let mut strip = |part: &[u8]| rest = rest.and_then(|rest| rest.strip_prefix(part));
        visit_key(fields, headers, &mut strip);
        rest == Some(&[])
    }

    fn impose(&self, head: &mut RequestHead) {
        remove(&mut head.headers, self.malformed.iter());
        if let Some(host) = &self.host {
            head.headers.insert(HOST, host.clone());
        }
        head.connection = Arc::clone(&self.connection);
    }
}

/// All that is understood of a request depends on, in a form that nothing else has.
fn key(fields: ProxyHeaders, headers: &HeaderMap) -> Vec<u8> {
    let mut key = Vec::new();
    visit_key(fields, headers, &mut |part| key.extend_from_slice(part));
    key
}

fn visit_key(fields: ProxyHeaders, headers: &HeaderMap, visit: &mut dyn FnMut(&[u8])) {
    for (name, value) in headers {
        if matches!(fields.kind(name), Kind::Set | Kind::Host) {
            visit(name.as_str().as_bytes());
            visit(b":"); // which no name has
            visit(value.as_bytes());
            visit(b"\n"); // which no value has
        }
    }
}

/// Says which field was ignored: proxies that are misunderstood are hard to find otherwise.
fn report(site: &Site, head: &RequestHead, field: &HeaderName) {
    for value in head.headers.get_all(field) {
        let (peer, value) = (&head.connection.client.host, value.as_bytes());
        let message = format_args!(
            "ignored {field} from the proxy {}: \"{}\" is malformed",
            peer.escape_ascii(),
            value.escape_ascii()
        );
        site.journal.write(Level::Debug, &message);
    }
}

/// What trusted proxies said, and which fields said nothing that makes sense.
#[derive(Debug, Default)]
struct Said {
    /// How many proxies and clients were named, up to the first that is not trusted.
    hops: usize,
    client: Option<Endpoint>,
    scheme: Option<Scheme>,
    host: Option<Authority>,
    port: Option<u16>,
    /// Decoded, with a leading slash and without a trailing one.
    prefix: Option<Bytes>,
    malformed: Vec<HeaderName>,
}

impl Said {
    /// The name and port by which the client knows the server, and the Host field if that is to
    /// change.
    fn authority(
        &self,
        base: &Connection,
        host: Option<&HeaderValue>,
    ) -> (Endpoint, Option<HeaderValue>) {
        if self.host.is_none() && self.port.is_none() && self.scheme.is_none() {
            return (base.server.clone(), None);
        }
        let usual = self.scheme.unwrap_or(base.scheme).port();
        let own = host.and_then(|host| Authority::read(host.as_bytes()));
        let asked = self.host.as_ref().or(own.as_ref());
        // A port that stands beside the name is the client's; X-Forwarded-Port may only be that on
        // which the proxy listens behind yet another one.
        let added = self.port.filter(|_| asked.is_none_or(|asked| asked.port.is_none()));
        let port = asked.and_then(|asked| asked.port).or(added).unwrap_or(usual);
        let name = self.host.as_ref().map_or(&base.server.host, |host| &host.name);
        let server = Endpoint { host: unbracketed(name), port: Some(port) };
        let added = added.filter(|&port| port != usual);
        let changes = self.host.is_some() || added.is_some();
        let host = asked.filter(|_| changes).and_then(|asked| asked.with_port(added));
        (server, host)
    }
}

/// A name, with brackets if it is an IPv6 address, and the port beside it.
#[derive(Debug)]
struct Authority {
    name: Bytes,
    port: Option<u16>,
}

impl Authority {
    fn read(host: &[u8]) -> Option<Self> {
        if !host_is_valid(host) {
            return None;
        }
        let colon = host.iter().rposition(|&byte| byte == b':').filter(|_| !host.ends_with(b"]"));
        let (name, port) = match colon {
            None => (host, None),
            Some(colon) if colon + 1 == host.len() => (&host[..colon], None),
            Some(colon) => (&host[..colon], Some(number(&host[colon + 1..])?)),
        };
        Some(Self { name: Bytes::copy_from_slice(name), port })
    }

    fn with_port(&self, port: Option<u16>) -> Option<HeaderValue> {
        let mut host = self.name.to_vec();
        if let Some(port) = self.port.or(port) {
            host.extend_from_slice(format!(":{port}").as_bytes());
        }
        HeaderValue::from_bytes(&host).ok()
    }
}

fn unbracketed(name: &Bytes) -> Bytes {
    match &**name {
        [b'[', .., b']'] => name.slice(1..name.len() - 1),
        _ => name.clone(),
    }
}

/// A port.
fn number(digits: &[u8]) -> Option<u16> {
    let digits = str::from_utf8(digits).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// A scheme; that of WebSocket is what it is carried by.
fn scheme(name: &[u8]) -> Option<Scheme> {
    let is = |scheme: &str| name.eq_ignore_ascii_case(scheme.as_bytes());
    if is("https") || is("wss") {
        Some(Scheme::Https)
    } else if is("http") || is("ws") {
        Some(Scheme::Http)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
