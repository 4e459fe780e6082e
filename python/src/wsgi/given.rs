//! What a gateway said of the last request, and how the environ follows what it says of the next.

use std::collections::HashSet;

use bytes::Bytes;
use narthex_core::{Authentication, Connection, Endpoint, Gateway, RequestHead, Scheme};
use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};

use super::{environ::Template, hot::latin1};

/// More bytes of values than this are not remembered; there is one memory for an application.
const MOST: usize = 16 * 1024;

/// The variables of a request, and what was worked out from them.
pub(super) struct Given {
    variables: Vec<Variable>,
    /// Bytes of their values.
    size: usize,
    paths: [Box<[u8]>; 3],
    scheme: Scheme,
    server: Endpoint,
    client: Endpoint,
    authentication: Option<Authentication>,
}

struct Variable {
    name: Box<[u8]>,
    key: Py<PyString>,
    value: Box<[u8]>,
    part: Part,
}

/// How much of a variable the environ shows.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// It stands there as it was given.
    Shown,
    /// Something stands there that is looked at by itself.
    Covered,
    /// What stands there, and elsewhere, depends on it.
    Decisive,
}

impl Given {
    /// Remembers what the gateway of `request` said; `None` when it is not to be remembered.
    pub(super) fn new(py: Python<'_>, template: &Template, request: &RequestHead) -> Option<Self> {
        let gateway = request.gateway.as_deref()?;
        let Connection { scheme, server, client, variables, .. } = &*request.connection;
        let mut seen = HashSet::new();
        let plain = gateway.variables.iter().all(|(name, _)| {
            // Taking a field away must not uncover something, nor may one variable cover another.
            !name.starts_with(b"HTTP_") && !name.starts_with(b"CONTENT_") && seen.insert(name)
        });
        let size = gateway.variables.iter().map(|(_, value)| value.len()).sum();
        if !plain || size > MOST || !variables.is_empty() {
            return None;
        }
        let variable = |(name, value): &(Bytes, Bytes)| Variable {
            name: (**name).into(),
            key: template.names().given(py, name).unbind(),
            value: (**value).into(),
            part: part(name, client),
        };
        Some(Self {
            variables: gateway.variables.iter().map(variable).collect(),
            size,
            paths: paths(gateway).map(Into::into),
            scheme: *scheme,
            server: copy_of(server),
            client: copy_of(client),
            authentication: gateway.authentication.as_ref().map(|user| Authentication {
                kind: Bytes::copy_from_slice(&user.kind),
                user: Bytes::copy_from_slice(&user.user),
            }),
        })
    }

    /// Whether the path or query of `request` is another one; it is remembered from now on.
    pub(super) fn moves(&mut self, request: &RequestHead) -> bool {
        let mut moved = false;
        let now = request.gateway.as_deref().map_or([&[] as &[u8]; 3], paths);
        for (known, now) in self.paths.iter_mut().zip(now) {
            if **known != *now {
                *known = now.into();
                moved = true;
            }
        }
        moved
    }

    /// Changes in `environ` what differs; `false` when that is too much, and nothing is as it was.
    pub(super) fn become_like(
        &mut self,
        py: Python<'_>,
        template: &Template,
        environ: &Bound<'_, PyDict>,
        request: &RequestHead,
    ) -> PyResult<bool> {
        let Some(gateway) = request.gateway.as_deref() else { return Ok(false) };
        if !self.resembles(request, gateway) {
            return Ok(false);
        }
        for ((name, value), known) in gateway.variables.iter().zip(&mut self.variables) {
            if **name != *known.name {
                return Ok(false);
            }
            if known.part == Part::Covered || **value == *known.value {
                continue;
            }
            if known.part == Part::Decisive {
                return Ok(false);
            }
            self.size = self.size - known.value.len() + value.len();
            if self.size > MOST {
                return Ok(false);
            }
            known.value = (**value).into();
            environ.set_item(&known.key, latin1(py, value))?;
        }
        let client = &request.connection.client;
        if client.host != self.client.host {
            template.set_client_host(py, environ, &client.host)?;
            self.client.host = Bytes::copy_from_slice(&client.host);
        }
        if client.port != self.client.port {
            template.set_client_port(py, environ, client.port)?;
            self.client.port = client.port;
        }
        Ok(true)
    }

    /// Whether the environs of both have the same keys set, as far as the gateway goes.
    fn resembles(&self, request: &RequestHead, gateway: &Gateway) -> bool {
        let Connection { scheme, server, client, variables, .. } = &*request.connection;
        gateway.variables.len() == self.variables.len()
            && *scheme == self.scheme
            && *server == self.server
            && client.host.is_empty() == self.client.host.is_empty()
            && client.port.is_some() == self.client.port.is_some()
            && gateway.authentication == self.authentication
            && variables.is_empty()
    }
}

fn part(name: &[u8], client: &Endpoint) -> Part {
    match name {
        b"REQUEST_METHOD" | b"SCRIPT_NAME" | b"PATH_INFO" | b"QUERY_STRING" | b"REQUEST_URI"
        | b"RAW_URI" | b"AUTH_TYPE" | b"REMOTE_USER" => Part::Covered,
        b"REMOTE_ADDR" if !client.host.is_empty() => Part::Covered,
        b"REMOTE_PORT" if client.port.is_some() => Part::Covered,
        b"SERVER_NAME" | b"SERVER_PORT" | b"SERVER_PROTOCOL" | b"HTTPS" | b"REQUEST_SCHEME"
        | b"REMOTE_ADDR" | b"REMOTE_PORT" | b"wsgi.url_scheme" => Part::Decisive,
        _ => Part::Shown,
    }
}

fn paths(gateway: &Gateway) -> [&[u8]; 3] {
    [&gateway.mount, &gateway.path_info, &gateway.query]
}

/// A copy, since the request's own would keep all that was read with it.
fn copy_of(endpoint: &Endpoint) -> Endpoint {
    Endpoint { host: Bytes::copy_from_slice(&endpoint.host), port: endpoint.port }
}
