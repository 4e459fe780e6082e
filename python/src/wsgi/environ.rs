//! The environ: a copied template, interned keys, Latin-1 values (PEP 3333).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use narthex_core::{Capabilities, Capability, Connection, RequestHead, Scheme};
use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};

use super::{errors::Errors, file::FileWrapper, hot::latin1, input::Input};
use crate::hash::hash;

/// What all environs of an application have in common.
pub(super) struct Template {
    base: Py<PyDict>,
    keys: Keys,
    names: Names,
    capabilities: Capabilities,
    server_name: Bytes,
    server_port: Option<u16>,
}

macro_rules! keys {
    ($($field:ident = $name:literal,)*) => {
        /// The interned keys that are set for each request.
        struct Keys {
            $($field: Py<PyString>,)*
        }

        impl Keys {
            fn new(py: Python<'_>) -> Self {
                Self { $($field: PyString::intern(py, $name).unbind(),)* }
            }
        }
    };
}

keys! {
    auth_type = "AUTH_TYPE",
    https = "HTTPS",
    input = "wsgi.input",
    method = "REQUEST_METHOD",
    path_info = "PATH_INFO",
    protocol = "SERVER_PROTOCOL",
    query = "QUERY_STRING",
    raw_uri = "RAW_URI",
    remote_addr = "REMOTE_ADDR",
    remote_port = "REMOTE_PORT",
    remote_user = "REMOTE_USER",
    request_uri = "REQUEST_URI",
    scheme = "wsgi.url_scheme",
    request_scheme = "REQUEST_SCHEME",
    script_name = "SCRIPT_NAME",
    server_name = "SERVER_NAME",
    server_port = "SERVER_PORT",
}

impl Template {
    /// The template for a server instance with `capabilities`.
    pub(super) fn new(
        py: Python<'_>,
        request: &RequestHead,
        capabilities: Capabilities,
    ) -> PyResult<Self> {
        let base = PyDict::new(py);
        let empty_input = Py::new(py, Input::empty())?;
        let server = &request.connection.server;
        for (name, value) in [
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_NAME", ""),
            ("PATH_INFO", "/"),
            ("QUERY_STRING", ""),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("REMOTE_ADDR", ""),
            ("REQUEST_SCHEME", "http"),
            ("wsgi.url_scheme", "http"),
            ("SERVER_SOFTWARE", concat!("narthex/", env!("CARGO_PKG_VERSION"))),
        ] {
            base.set_item(PyString::intern(py, name), PyString::intern(py, value))?;
        }
        base.set_item("SERVER_NAME", latin1(py, &server.host))?;
        base.set_item("SERVER_PORT", port(py, server.port, request.connection.scheme))?;
        base.set_item("wsgi.version", (1, 0))?;
        base.set_item("wsgi.input", &empty_input)?;
        base.set_item("wsgi.input_terminated", true)?;
        base.set_item("wsgi.errors", Py::new(py, Errors)?)?;
        base.set_item("wsgi.file_wrapper", py.get_type::<FileWrapper>())?;
        base.set_item("wsgi.multithread", capabilities.has(Capability::Multithread))?;
        base.set_item("wsgi.multiprocess", capabilities.has(Capability::Multiprocess))?;
        base.set_item("wsgi.run_once", capabilities.has(Capability::RunOnce))?;
        Ok(Self {
            base: base.unbind(),
            keys: Keys::new(py),
            names: Names::new(py),
            capabilities,
            server_name: server.host.clone(),
            server_port: server.port,
        })
    }

    /// The environ of `request`; `input` is its body where it has one.
    pub(super) fn environ<'py>(
        &self,
        py: Python<'py>,
        request: &RequestHead,
        capabilities: Capabilities,
        input: Option<Bound<'py, Input>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let keys = &self.keys;
        let environ = match self.connection_base(py, request)? {
            Some(base) => base.bind(py).copy()?,
            None => self.base.bind(py).copy()?,
        };
        if request.method != Method::GET {
            let method = latin1(py, request.method.as_str().as_bytes());
            environ.set_item(&keys.method, method)?;
        }
        if let Some(gateway) = &request.gateway {
            // The host's own variables first: what is worked out from them goes on top.
            for (name, value) in &gateway.variables {
                environ.set_item(latin1(py, name), latin1(py, value))?;
            }
            environ.set_item(&keys.method, latin1(py, request.method.as_str().as_bytes()))?;
        }
        let path_info = request.path_info();
        if &*path_info != b"/" {
            environ.set_item(&keys.path_info, latin1(py, &path_info))?;
        }
        let mount = request.mount();
        if !mount.is_empty() || request.gateway.is_some() {
            environ.set_item(&keys.script_name, latin1(py, mount))?;
            environ.set_item(&keys.path_info, latin1(py, &path_info))?;
        }
        let query = request.query();
        if !query.is_empty() {
            environ.set_item(&keys.query, latin1(py, query))?;
        }
        let target = latin1(py, &request.target());
        environ.set_item(&keys.request_uri, &target)?;
        environ.set_item(&keys.raw_uri, target)?;
        if request.version != http::Version::HTTP_11 {
            environ.set_item(&keys.protocol, latin1(py, request.protocol().as_bytes()))?;
        }
        if request.gateway.is_some() {
            self.connection(py, &environ, &request.connection)?;
            self.authentication(py, &environ, request)?;
        }
        self.names.set_fields(py, &environ, request)?;
        if let Some(input) = input {
            environ.set_item(&keys.input, input)?;
        }
        if capabilities != self.capabilities {
            for (name, capability) in [
                ("wsgi.multithread", Capability::Multithread),
                ("wsgi.multiprocess", Capability::Multiprocess),
                ("wsgi.run_once", Capability::RunOnce),
            ] {
                environ.set_item(name, capabilities.has(capability))?;
            }
        }
        Ok(environ)
    }

    /// The template with what the requests of a connection have in common, made once for each; for
    /// a gateway, where each request is a connection of its own, there is none.
    fn connection_base<'a>(
        &self,
        py: Python<'_>,
        request: &'a RequestHead,
    ) -> PyResult<Option<&'a Py<PyDict>>> {
        if request.gateway.is_some() {
            return Ok(None);
        }
        let connection = &request.connection;
        let kept = connection.kept.get_or_try_make(|| {
            let base = self.base.bind(py).copy()?;
            self.connection(py, &base, connection)?;
            PyResult::Ok(ConnectionBase(base.unbind()))
        })?;
        Ok(kept.map(|kept| &kept.0))
    }

    fn connection(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        connection: &Connection,
    ) -> PyResult<()> {
        let keys = &self.keys;
        let client = &connection.client;
        if !client.host.is_empty() {
            environ.set_item(&keys.remote_addr, latin1(py, &client.host))?;
        }
        if let Some(number) = client.port {
            environ.set_item(&keys.remote_port, decimal(py, number))?;
        }
        let server = &connection.server;
        if server.host != self.server_name {
            environ.set_item(&keys.server_name, latin1(py, &server.host))?;
        }
        if server.port != self.server_port || connection.scheme == Scheme::Https {
            environ.set_item(&keys.server_port, port(py, server.port, connection.scheme))?;
        }
        if connection.scheme == Scheme::Https {
            environ.set_item(&keys.scheme, "https")?;
            environ.set_item(&keys.request_scheme, "https")?;
            environ.set_item(&keys.https, "on")?;
        }
        Ok(())
    }

    fn authentication(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        request: &RequestHead,
    ) -> PyResult<()> {
        let keys = &self.keys;
        if let Some(user) =
            request.gateway.as_ref().and_then(|gateway| gateway.authentication.as_ref())
        {
            environ.set_item(&keys.auth_type, latin1(py, &user.kind))?;
            environ.set_item(&keys.remote_user, latin1(py, &user.user))?;
        } else if request.gateway.is_some() {
            // A name that nobody vouches for is not handed on (some hosts take it from the
            // request's own Authorization field).
            for key in [&keys.auth_type, &keys.remote_user] {
                if environ.contains(key)? {
                    environ.del_item(key)?;
                }
            }
        }
        Ok(())
    }
}

/// The environ that the requests of one connection start from.
struct ConnectionBase(Py<PyDict>);

/// `SERVER_PORT`, which must not be missing (PEP 3333).
fn port(py: Python<'_>, port: Option<u16>, scheme: Scheme) -> Bound<'_, PyString> {
    decimal(py, port.unwrap_or(scheme.port()))
}

fn decimal(py: Python<'_>, mut number: u16) -> Bound<'_, PyString> {
    let mut digits = [0; 5];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            return latin1(py, &digits[start..]);
        }
    }
}

/// The variables of well-known fields, by name.
struct Names {
    slots: Vec<Option<(&'static [u8], Py<PyString>)>>,
}

/// Fields that browsers, proxies and API clients send.
const WELL_KNOWN: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "alt-used",
    "authorization",
    "baggage",
    "cache-control",
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ipcountry",
    "cf-ray",
    "cf-visitor",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "expect",
    "forwarded",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "prefer",
    "priority",
    "proxy-authorization",
    "range",
    "referer",
    "save-data",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "sec-websocket-key",
    "sec-websocket-version",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-api-key",
    "x-correlation-id",
    "x-csrf-token",
    "x-csrftoken",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "x-http-method-override",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
    "x-xsrf-token",
];

/// A power of two with room to spare, so that most names sit in their first slot.
const SLOTS: usize = 512;

impl Names {
    fn new(py: Python<'_>) -> Self {
        let mut slots: Vec<_> = (0..SLOTS).map(|_| None).collect();
        for name in WELL_KNOWN {
            let mut slot = Self::slot(name.as_bytes());
            while slots[slot].is_some() {
                slot = (slot + 1) % SLOTS;
            }
            let variable = variable(name.as_bytes());
            let variable = std::str::from_utf8(&variable).expect("well-known names are ASCII");
            let variable = PyString::intern(py, variable).unbind();
            slots[slot] = Some((name.as_bytes(), variable));
        }
        Self { slots }
    }

    fn slot(name: &[u8]) -> usize {
        (hash(name) >> 48) as usize % SLOTS
    }

    fn find(&self, name: &[u8]) -> Option<&Py<PyString>> {
        let mut slot = Self::slot(name);
        loop {
            match &self.slots[slot] {
                Some((known, variable)) if *known == name => return Some(variable),
                Some(_) => slot = (slot + 1) % SLOTS,
                None => return None,
            }
        }
    }

    fn set_fields(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        request: &RequestHead,
    ) -> PyResult<()> {
        let headers = &request.headers;
        let repeated = headers.len() != headers.keys_len();
        for (name, value) in headers {
            let bytes = name.as_str().as_bytes();
            let joined;
            let value = if repeated && headers.get_all(name).iter().nth(1).is_some() {
                joined = join(headers, name);
                latin1(py, &joined)
            } else {
                latin1(py, value.as_bytes())
            };
            match self.find(bytes) {
                Some(variable) => environ.set_item(variable, value)?,
                // A field `Proxy` would become HTTP_PROXY, which HTTP clients obey (httpoxy).
                None if bytes == b"proxy" => {}
                None => environ.set_item(latin1(py, &variable(bytes)), value)?,
            }
        }
        Ok(())
    }
}

/// The variable that a field becomes (RFC 3875, 4.1.18; PEP 3333).
fn variable(name: &[u8]) -> Vec<u8> {
    match name {
        b"content-type" => b"CONTENT_TYPE".to_vec(),
        b"content-length" => b"CONTENT_LENGTH".to_vec(),
        _ => narthex_core::header_variable(name),
    }
}

/// The values of a repeated field as one (RFC 9110, 5.3; RFC 6265, 5.4).
fn join(headers: &http::HeaderMap, name: &HeaderName) -> Vec<u8> {
    let separator: &[u8] = if name == header::COOKIE { b"; " } else { b", " };
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    values.join(separator)
}
