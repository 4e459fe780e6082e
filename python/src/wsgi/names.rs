//! The variables that request fields become, by name, and those that gateways hand down.

use http::HeaderName;
use narthex_core::{RequestHead, field_value, header_variable};
use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};

use super::hot::latin1;
use crate::hash::hash;

/// The variables of well-known fields, by name, and those that gateways hand down.
pub(super) struct Names {
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

/// Variables that gateways hand down, besides those of fields.
const GIVEN: &[&str] = &[
    "AUTH_TYPE",
    "CONTEXT_DOCUMENT_ROOT",
    "CONTEXT_PREFIX",
    "DOCUMENT_ROOT",
    "DOCUMENT_URI",
    "FCGI_ROLE",
    "GATEWAY_INTERFACE",
    "HTTPS",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "REDIRECT_STATUS",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "REMOTE_USER",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "SCGI",
    "SCRIPT_FILENAME",
    "SCRIPT_NAME",
    "SERVER_ADDR",
    "SERVER_ADMIN",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SIGNATURE",
    "SERVER_SOFTWARE",
    "SSL_TLS_SNI",
];

/// A power of two with room to spare, so that most names sit in their first slot.
const SLOTS: usize = 512;

impl Names {
    pub(super) fn new(py: Python<'_>) -> Self {
        let mut names = Self { slots: (0..SLOTS).map(|_| None).collect() };
        for name in WELL_KNOWN {
            let variable = header_variable(name.as_bytes());
            let variable = std::str::from_utf8(&variable).expect("well-known names are ASCII");
            names.add(name, PyString::intern(py, variable).unbind());
        }
        // Fields are in lower case, and these are not: one table holds both.
        for name in GIVEN {
            names.add(name, PyString::intern(py, name).unbind());
        }
        names
    }

    fn add(&mut self, name: &'static str, variable: Py<PyString>) {
        let mut slot = Self::slot(name.as_bytes());
        while self.slots[slot].is_some() {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = Some((name.as_bytes(), variable));
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

    /// The variable that a gateway calls `name`.
    pub(super) fn given<'py>(&self, py: Python<'py>, name: &[u8]) -> Bound<'py, PyString> {
        match self.find(name) {
            // A field's name may be a gateway's as well, and is then a variable of that name.
            Some(variable) if name.first().is_some_and(u8::is_ascii_uppercase) => {
                variable.bind(py).clone()
            }
            _ => latin1(py, name),
        }
    }

    /// The variable of the field `name`; `None` for one that may not become a variable.
    pub(super) fn variable<'py>(
        &self,
        py: Python<'py>,
        name: &HeaderName,
    ) -> Option<Bound<'py, PyString>> {
        let name = name.as_str().as_bytes();
        match self.find(name) {
            Some(variable) => Some(variable.bind(py).clone()),
            // A field `Proxy` would become HTTP_PROXY, which HTTP clients obey (httpoxy).
            None if name == b"proxy" => None,
            None => Some(latin1(py, &header_variable(name))),
        }
    }

    /// Sets the variables of all fields of `request`.
    pub(super) fn set_fields(
        &self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        request: &RequestHead,
    ) -> PyResult<()> {
        let headers = &request.headers;
        let repeated = headers.len() != headers.keys_len();
        for (name, value) in headers {
            let Some(variable) = self.variable(py, name) else { continue };
            let value = if repeated {
                latin1(py, &field_value(headers, name))
            } else {
                latin1(py, value.as_bytes())
            };
            environ.set_item(variable, value)?;
        }
        Ok(())
    }
}
