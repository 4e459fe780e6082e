//! The environ of a connection's last request: the next one is often the same, or nearly so.

use std::{mem, sync::Mutex};

use http::{HeaderName, HeaderValue, Method, Version};
use narthex_core::RequestHead;
use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};

use super::{environ::Template, hot::latin1};
use crate::hold::hold;

/// More bytes of values than this are not remembered: a connection may be idle for long.
const MOST: usize = 4 * 1024;

/// After so many requests in a row that do not resemble the one before, no more are remembered.
const PATIENCE: u8 = 4;

/// What is remembered of a connection, and dropped with it.
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
            return Ok(None); // each request is a connection of its own
        }
        let kept = request.connection.kept.get_or_try_make(|| PyResult::Ok(Self::default()))?;
        let Some(Self(state)) = kept else { return Ok(None) };
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
            State::Away => return Ok(None),
        };
        let Some(last) = last else {
            *hold(state) = State::Seen;
            return Ok(None);
        };
        let environ = last.environ.bind(py).copy()?;
        if last.patience > 0 {
            *hold(state) = State::Last(last);
        }
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
    fields: Vec<Field>,
    /// Bytes of their values.
    size: usize,
    patience: u8,
}

struct Field {
    name: HeaderName,
    /// A copy: the request's own would keep all that was read with it.
    value: Box<[u8]>,
    /// `None` for a field that is left out.
    variable: Option<Py<PyString>>,
}

impl Last {
    /// Remembers `request`; `None` when it is not to be remembered.
    fn new(
        py: Python<'_>,
        template: &Template,
        request: &RequestHead,
        patience: u8,
    ) -> PyResult<Option<Box<Self>>> {
        let headers = &request.headers;
        let size = headers.values().map(HeaderValue::len).sum();
        if size > MOST || headers.len() != headers.keys_len() {
            return Ok(None);
        }
        let field = |(name, value): (&HeaderName, &HeaderValue)| Field {
            name: name.clone(),
            value: value.as_bytes().into(),
            variable: template.names().variable(py, name).map(Bound::unbind),
        };
        Ok(Some(Box::new(Self {
            environ: template.fresh(py, request)?.unbind(),
            method: request.method.clone(),
            version: request.version,
            target: (&*request.target()).into(),
            fields: headers.iter().map(field).collect(),
            size,
            patience,
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
        let (count, names) = (headers.len(), headers.keys_len());
        if request.version != self.version || count != self.fields.len() || count != names {
            return Ok(false);
        }
        let environ = self.environ.bind(py);
        for ((name, value), field) in headers.iter().zip(&mut self.fields) {
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
        let target = request.target();
        if request.method != self.method || *target != *self.target {
            template.set_target(py, environ, request)?;
            self.method = request.method.clone();
            self.target = (&*target).into();
        }
        self.patience = PATIENCE;
        Ok(true)
    }
}
