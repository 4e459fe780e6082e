//! The environ: a copied template, interned keys, Latin-1 values (PEP 3333).

use bytes::Bytes;
use narthex_core::{Capabilities, Capability, Connection, RequestHead, Scheme};
use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};

use super::{
    errors::Errors, file::FileWrapper, hot::latin1, input::Input, last::Memory, names::Names,
};

/// What all environs of an application have in common.
pub(super) struct Template {
    base: Py<PyDict>,
    keys: Keys,
    names: Names,
    capabilities: Capabilities,
    server_name: Bytes,
    server_port: Option<u16>,
    /// Environs tell which request they are of.
    named: bool,
    /// What is remembered of requests that come through gateways.
    memory: Memory,
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
    request_id = "narthex.request_id",
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
        named: bool,
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
        base.set_item("wsgi.errors", Py::new(py, Errors::default())?)?;
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
            named,
            memory: Memory::default(),
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
        let environ = match Memory::environ(py, self, request)? {
            Some(environ) => environ,
            None => self.fresh(py, request)?,
        };
        if self.named
            && let Some(id) = request.id()
        {
            environ.set_item(&keys.request_id, latin1(py, id.as_str().as_bytes()))?;
        }
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

    /// The environ of `request` without a body, from nothing but the template.
    pub(super) fn fresh<'py>(
        &self,
        py: Python<'py>,
        request: &RequestHead,
    ) -> PyResult<Bound<'py, PyDict>> {
        let environ = self.base.bind(py).copy()?;
        if let Some(gateway) = &request.gateway {
            // The host's own variables first: what is worked out from them goes on top.
            for (name, value) in &gateway.variables {
                environ.set_item(self.names.given(py, name), latin1(py, value))?;
            }
        }
        self.set_target(py, &environ, request)?;
        if request.version != http::Version::HTTP_11 {
            let protocol = latin1(py, request.protocol().as_bytes());
            environ.set_item(&self.keys.protocol, protocol)?;
        }
        self.connection(py, &environ, &request.connection)?;
        if request.gateway.is_some() {
            self.authentication(py, &environ, request)?;
        }
        self.names.set_fields(py, &environ, request)?;
        Ok(environ)
    }

    /// Sets what the request line says.
    pub(super) fn set_target(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        request: &RequestHead,
    ) -> PyResult<()> {
        let keys = &self.keys;
        environ.set_item(&keys.method, latin1(py, request.method.as_str().as_bytes()))?;
        environ.set_item(&keys.script_name, latin1(py, request.mount()))?;
        environ.set_item(&keys.query, latin1(py, request.query()))?;
        let target = request.target();
        let path_info = request.path_info();
        let text = latin1(py, &target);
        if path_info == target {
            environ.set_item(&keys.path_info, &text)?; // one string for all three
        } else {
            environ.set_item(&keys.path_info, latin1(py, &path_info))?;
        }
        environ.set_item(&keys.request_uri, &text)?;
        environ.set_item(&keys.raw_uri, text)
    }

    /// What is remembered of requests that come through gateways.
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The variables of fields.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Sets where the client is, if that is known.
    pub(super) fn set_client_host(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        host: &[u8],
    ) -> PyResult<()> {
        if host.is_empty() {
            Ok(())
        } else {
            environ.set_item(&self.keys.remote_addr, latin1(py, host))
        }
    }

    /// Sets the port of the client, if that is known.
    pub(super) fn set_client_port(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        port: Option<u16>,
    ) -> PyResult<()> {
        match port {
            None => Ok(()),
            Some(port) => environ.set_item(&self.keys.remote_port, decimal(py, port)),
        }
    }

    fn connection(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        connection: &Connection,
    ) -> PyResult<()> {
        let keys = &self.keys;
        self.set_client_host(py, environ, &connection.client.host)?;
        self.set_client_port(py, environ, connection.client.port)?;
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
        for (name, value) in &connection.variables {
            environ.set_item(latin1(py, name), latin1(py, value))?;
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
