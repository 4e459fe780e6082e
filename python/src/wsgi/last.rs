//! The environ of the last request: the next one is often the same, or nearly so.
//!
//! A connection's own where the client is at its other end. Gateways bring the requests of many
//! clients over as many connections as they like, and say much the same of all of them: they share
//! one memory.

use std::{mem, sync::Mutex};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use narthex_core::RequestHead;
use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};

use super::{environ::Template, given::Given, hot::latin1};
use crate::hold::hold;

/// More bytes of values than this are not remembered: a connection may be idle for long.
const MOST: usize = 4 * 1024;

/// After so many requests in a row that do not resemble the one before, no more are remembered.
const PATIENCE: u8 = 4;

/// Of gateways so many are not; a connection is left alone for good.
const REST: u8 = 100;

/// What is remembered of a connection, and dropped with it, or of all gateways.
#[derive(Default)]
pub(super) struct Memory(Mutex<State>);

#[derive(Default)]
enum State {
    /// Nothing: most connections that bring one request bring no other.
    #[default]
    New,
    /// Nothing but that there was a request.
    Seen,
    /// The last request.
    Last(Box<Last>),
    /// Another thread has it, or remembering was of no use.
    Away,
    /// Remembering was of no use, and will be tried again after so many requests.
    Resting(u8),
}

impl Memory {
    /// The environ of `request`, without a body, by what is remembered of its connection; `None`
    /// where that does not help.
    pub(super) fn environ<'py>(
        py: Python<'py>,
        template: &Template,
        request: &RequestHead,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        if request.gateway.is_some() {
            return template.memory().recall(py, template, request, State::Resting(REST));
        }
        let kept = request.connection.kept.get_or_try_make(|| PyResult::Ok(Self::default()))?;
        let Some(kept) = kept else { return Ok(None) };
        kept.recall(py, template, request, State::Away)
    }

    /// The same by this memory, which becomes `useless` when it is of no use.
    fn recall<'py>(
        &self,
        py: Python<'py>,
        template: &Template,
        request: &RequestHead,
        useless: State,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Self(state) = self;
        // Taken, not locked: whatever makes objects may collect garbage, and so run anything.
        let before = mem::replace(&mut *hold(state), State::Away);
        let last = match before {
            State::New => {
                *hold(state) = State::Seen;
                return Ok(None);
            }
            State::Seen => Last::new(py, template, request, PATIENCE)?,
            State::Last(mut last) => {
                if last.become_like(py, template, request)? {
                    Some(last)
                } else {
                    Last::new(py, template, request, last.patience - 1)?
                }
            }
            State::Resting(left) => {
                *hold(state) = left.checked_sub(1).map_or(State::Seen, State::Resting);
                return Ok(None);
            }
            State::Away => return Ok(None),
        };
        let Some(last) = last else {
            *hold(state) = State::Seen;
            return Ok(None);
        };
        let environ = last.environ.bind(py).copy()?;
        *hold(state) = if last.patience > 0 { State::Last(last) } else { useless };
        Ok(Some(environ))
    }
}

/// A request and its environ.
///
/// The environ itself is never handed out: applications get copies, to do with as they like.
struct Last {
    environ: Py<PyDict>,
    method: Method,
    version: Version,
    target: Box<[u8]>,
    fields: Fields,
    patience: u8,
    /// Where it came through a gateway.
    given: Option<Given>,
}

impl Last {
    /// Remembers `request`; `None` when it is not to be remembered.
    fn new(
        py: Python<'_>,
        template: &Template,
        request: &RequestHead,
        patience: u8,
    ) -> PyResult<Option<Box<Self>>> {
        let given = Given::new(py, template, request);
        if request.gateway.is_some() && given.is_none() {
            return Ok(None);
        }
        let headers = &request.headers;
        if headers.len() != headers.keys_len() {
            return Ok(None);
        }
        let Some(fields) = Fields::new(py, template, headers) else { return Ok(None) };
        Ok(Some(Box::new(Self {
            environ: template.fresh(py, request)?.unbind(),
            method: request.method.clone(),
            version: request.version,
            target: (&*request.target()).into(),
            fields,
            patience,
            given,
        })))
    }

    /// Changes what differs in `request`; `false` when that is too much, and nothing is as it was.
    fn become_like(
        &mut self,
        py: Python<'_>,
        template: &Template,
        request: &RequestHead,
    ) -> PyResult<bool> {
        let headers = &request.headers;
        if request.version != self.version || headers.len() != headers.keys_len() {
            return Ok(false);
        }
        let environ = self.environ.bind(py);
        let mut moved = false;
        if let Some(given) = &mut self.given {
            if !given.become_like(py, template, environ, request)? {
                return Ok(false);
            }
            moved = given.moves(request);
        }
        if !self.fields.become_like(py, environ, headers)? {
            // The next request of a gateway is another client's, who sends other fields.
            if self.given.is_none() || !self.fields.replace(py, template, environ, headers)? {
                return Ok(false);
            }
        }
        let target = request.target();
        if moved || request.method != self.method || *target != *self.target {
            template.set_target(py, environ, request)?;
            self.method = request.method.clone();
            self.target = (&*target).into();
        }
        self.patience = PATIENCE;
        Ok(true)
    }
}

/// The fields of a request, each name once.
struct Fields {
    list: Vec<Field>,
    /// Bytes of their values.
    size: usize,
}

struct Field {
    name: HeaderName,
    /// A copy: the request's own would keep all that was read with it.
    value: Box<[u8]>,
    /// `None` for a field that is left out.
    variable: Option<Py<PyString>>,
}

impl Fields {
    /// Remembers `headers`; `None` when they are too long.
    fn new(py: Python<'_>, template: &Template, headers: &HeaderMap) -> Option<Self> {
        let size = headers.values().map(HeaderValue::len).sum();
        let field = |(name, value): (&HeaderName, &HeaderValue)| Field {
            name: name.clone(),
            value: value.as_bytes().into(),
            variable: template.names().variable(py, name).map(Bound::unbind),
        };
        (size <= MOST).then(|| Self { list: headers.iter().map(field).collect(), size })
    }

    /// Changes in `environ` the values that differ; `false` when more does than these.
    fn become_like(
        &mut self,
        py: Python<'_>,
        environ: &Bound<'_, PyDict>,
        headers: &HeaderMap,
    ) -> PyResult<bool> {
        if headers.len() != self.list.len() {
            return Ok(false);
        }
        for ((name, value), field) in headers.iter().zip(&mut self.list) {
            if *name != field.name {
                return Ok(false);
            }
            let value = value.as_bytes();
            if *value == *field.value {
                continue;
            }
            self.size = self.size - field.value.len() + value.len();
            if self.size > MOST {
                return Ok(false);
            }
            field.value = value.into();
            if let Some(variable) = &field.variable {
                environ.set_item(variable, latin1(py, value))?;
            }
        }
        Ok(true)
    }

    /// Puts `headers` in their place, also half-way through becoming like them; `false` when they
    /// are too long.
    fn replace(
        &mut self,
        py: Python<'_>,
        template: &Template,
        environ: &Bound<'_, PyDict>,
        headers: &HeaderMap,
    ) -> PyResult<bool> {
        let Some(fields) = Self::new(py, template, headers) else { return Ok(false) };
        for variable in self.list.iter().filter_map(|field| field.variable.as_ref()) {
            environ.del_item(variable)?;
        }
        for field in &fields.list {
            if let Some(variable) = &field.variable {
                environ.set_item(variable, latin1(py, &field.value))?;
            }
        }
        *self = fields;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use narthex_core::{Capabilities, request_from_variables};

    use super::*;

    const NGINX: &[(&str, &str)] = &[
        ("PATH_INFO", "/a"),
        ("QUERY_STRING", ""),
        ("REQUEST_METHOD", "GET"),
        ("CONTENT_LENGTH", ""),
        ("SCRIPT_NAME", ""),
        ("REQUEST_URI", "/a"),
        ("DOCUMENT_URI", "/a"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "192.0.2.1"),
        ("REMOTE_PORT", "40000"),
        ("REMOTE_USER", ""),
        ("SERVER_ADDR", "192.0.2.2"),
        ("SERVER_PORT", "80"),
        ("SERVER_NAME", "example.com"),
        ("HTTP_HOST", "example.com"),
        ("HTTP_COOKIE", "a=1"),
    ];

    /// The request of nginx with some variables changed, added, or, without a value, left out.
    fn request(changes: &[(&str, Option<&str>)]) -> RequestHead {
        let mut variables: Vec<(&str, &str)> = NGINX.to_vec();
        for &(name, value) in changes {
            let at = variables.iter().position(|&(known, _)| known == name);
            match (at, value) {
                (Some(at), Some(value)) => variables[at].1 = value,
                (Some(at), None) => drop(variables.remove(at)),
                (None, value) => variables.extend(value.map(|value| (name, value))),
            }
        }
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let variables = variables.iter().map(|(name, value)| (bytes(name), bytes(value)));
        request_from_variables(variables).unwrap()
    }

    /// Requests that resemble the first, and requests that do not.
    fn requests() -> (Vec<RequestHead>, Vec<RequestHead>) {
        let path = [("PATH_INFO", Some("/b c")), ("REQUEST_URI", Some("/b%20c?d=1"))];
        let user = [("AUTH_TYPE", Some("Basic")), ("REMOTE_USER", Some("eve"))];
        let like: [&[_]; 13] = [
            &[],
            &[("REMOTE_PORT", Some("40001"))],
            &[("REMOTE_ADDR", Some("2001:db8::1"))],
            &[("REMOTE_USER", Some("eve"))],
            &[("HTTP_COOKIE", Some("b=2; c=3"))],
            &[("HTTP_COOKIE", None)],
            &[("HTTP_ACCEPT", Some("*/*")), ("HTTP_COOKIE", None)],
            &[("HTTP_PROXY", Some("http://192.0.2.66/"))],
            &[("CONTENT_LENGTH", Some("3")), ("REQUEST_METHOD", Some("POST"))],
            &path,
            &[path[0], path[1], ("DOCUMENT_URI", Some("/b c")), ("QUERY_STRING", Some("d=1"))],
            &[("SERVER_ADDR", Some("192.0.2.3"))],
            &[("SCRIPT_NAME", Some("/a")), ("PATH_INFO", Some(""))],
        ];
        let unlike: [&[_]; 9] = [
            &[("HTTPS", Some("on"))],
            &[("SERVER_NAME", Some("other.example"))],
            &[("SERVER_PORT", Some("8080"))],
            &[("SERVER_PROTOCOL", Some("HTTP/1.0"))],
            &[("SERVER_PROTOCOL", Some("INCLUDED"))],
            &[("REMOTE_PORT", None)],
            &[("REMOTE_ADDR", Some(""))],
            &[("MORE", Some("1"))],
            &user,
        ];
        (
            like.iter().map(|changes| request(changes)).collect(),
            unlike.iter().map(|changes| request(changes)).collect(),
        )
    }

    fn with_template(check: impl FnOnce(Python<'_>, &Template)) {
        Python::initialize();
        Python::attach(|py| {
            let template = Template::new(py, &request(&[]), Capabilities::default(), false);
            check(py, &template.unwrap());
        });
    }

    fn recall<'py>(
        memory: &Memory,
        py: Python<'py>,
        template: &Template,
        request: &RequestHead,
    ) -> Option<Bound<'py, PyDict>> {
        memory.recall(py, template, request, State::Resting(REST)).unwrap()
    }

    #[test]
    fn what_is_remembered_of_one_request_makes_the_environ_of_any_other() {
        with_template(|py, template| {
            let (like, unlike) = requests();
            for first in like.iter().chain(&unlike) {
                for second in like.iter().chain(&unlike) {
                    let memory = Memory::default();
                    assert!(recall(&memory, py, template, first).is_none(), "it is the first");
                    for request in [first, second, first] {
                        let environ = recall(&memory, py, template, request).unwrap();
                        let fresh = template.fresh(py, request).unwrap();
                        assert!(environ.eq(&fresh).unwrap(), "{environ}\n{fresh}");
                    }
                }
            }
        });
    }

    #[test]
    fn requests_that_are_alike_change_the_one_that_is_remembered() {
        with_template(|py, template| {
            let (like, unlike) = requests();
            for (requests, alike) in [(&like, true), (&unlike, false)] {
                for request in requests {
                    let mut last =
                        Last::new(py, template, &like[0], PATIENCE).unwrap().expect("it is short");
                    assert_eq!(last.become_like(py, template, request).unwrap(), alike);
                }
            }
        });
    }

    #[test]
    fn what_could_cover_something_is_not_remembered() {
        with_template(|py, template| {
            let long = "x".repeat(MOST + 1);
            let mut twice = request(&[]);
            let mut hidden = request(&[]);
            for (head, name) in [(&mut twice, "SERVER_ADDR"), (&mut hidden, "HTTP_COOKIE")] {
                let gateway = head.gateway.as_mut().unwrap();
                gateway.variables.push((Bytes::copy_from_slice(name.as_bytes()), Bytes::new()));
            }
            for request in [&twice, &hidden, &request(&[("HTTP_LONG", Some(&*long))])] {
                let memory = Memory::default();
                for _ in 0..3 {
                    assert!(recall(&memory, py, template, request).is_none());
                }
            }
        });
    }

    #[test]
    fn a_memory_that_is_of_no_use_rests_and_is_tried_again() {
        with_template(|py, template| {
            let (_, unlike) = requests();
            let memory = Memory::default();
            let mut made = 0;
            for request in unlike.iter().cycle().take(3 * usize::from(REST)) {
                made += usize::from(recall(&memory, py, template, request).is_some());
            }
            let tries = usize::from(PATIENCE) + 1;
            assert_eq!(made, 3 * tries);
        });
    }
}
