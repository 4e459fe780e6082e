//! What an application does to its response.

use std::sync::{Arc, MutexGuard};

use bytes::Bytes;
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use narthex_core::Exchange;
use pyo3::{exceptions::PyValueError, prelude::*, types::PyString};

use super::{
    abort::abort,
    body::Link,
    fields,
    gathered::LIMIT,
    headers::MutableHeaders,
    output::Output,
    piece::{self, Kind},
    request::push_escaped,
    transaction::Transaction,
};
use crate::hold::hold;
use crate::seam;

/// The response of a transaction.
///
/// Everything here but `headers` is also on the transaction itself, where `headers` are the
/// request's.
#[pyclass(frozen, module = "narthex._narthex")]
#[derive(Debug)]
pub(super) struct ResponseView(pub(super) Py<Transaction>);

#[pymethods]
impl ResponseView {
    /// The header fields of the response.
    #[getter]
    fn headers(&self, py: Python<'_>) -> MutableHeaders {
        MutableHeaders(self.0.clone_ref(py))
    }

    /// The status code; 200 unless set.
    #[getter]
    fn status(&self) -> u16 {
        self.0.get().status_code()
    }

    #[setter]
    fn set_status(&self, status: u16) -> PyResult<()> {
        self.0.get().change_status(status)
    }

    /// The reason phrase; the usual one unless set.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        self.0.get().reason_phrase(py)
    }

    #[setter]
    fn set_reason(&self, reason: Option<&str>) -> PyResult<()> {
        self.0.get().change_reason(reason)
    }

    /// The content type; None unless set, and then decided by what is sent.
    #[getter]
    fn content_type<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.0.get().response_type(py)
    }

    #[setter]
    fn set_content_type(&self, content_type: Option<&str>) -> PyResult<()> {
        self.0.get().change_type(content_type)
    }

    /// Whether the head has been sent.
    #[getter]
    fn started(&self) -> bool {
        self.0.get().output().started()
    }

    /// Appends text (as UTF-8) or bytes to the body.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.get().write_data(py, data)
    }

    /// Sends the head now; each piece of body is then sent as it is written.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.0.get().start_now(py)
    }

    /// Sends the head and what has been written.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.0.get().flush_now(py)
    }

    /// Makes the response a redirection to `url`, dropping what has been written.
    #[pyo3(signature = (url, status=302))]
    fn redirect(&self, url: &str, status: u16) -> PyResult<()> {
        self.0.get().redirect_to(url, status)
    }

    /// Raises Abort: ends the handler with an error status.
    #[pyo3(signature = (status, text=None))]
    #[expect(clippy::unused_self, reason = "a method in Python")]
    fn abort(&self, status: u16, text: Option<String>) -> PyResult<()> {
        Err(abort(status, text))
    }

    /// Drops what has been set and written.
    fn reset(&self) -> PyResult<()> {
        self.0.get().output().reset()
    }

    fn __repr__(&self) -> String {
        format!("<ResponseView {}>", self.status())
    }
}

impl Transaction {
    /// The state of the response, for a few instructions.
    pub(super) fn output(&self) -> MutexGuard<'_, Output> {
        hold(&self.output)
    }

    pub(super) fn status_code(&self) -> u16 {
        self.output().head.status.as_u16()
    }

    pub(super) fn change_status(&self, status: u16) -> PyResult<()> {
        match StatusCode::from_u16(status) {
            Ok(code) if !code.is_informational() => {
                self.output().open_head()?.status = code;
                Ok(())
            }
            _ => Err(PyValueError::new_err(format!(
                "the status must be from 200 to 999, not {status}"
            ))),
        }
    }

    pub(super) fn reason_phrase<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        let reason = Bytes::copy_from_slice(self.output().head.reason());
        fields::latin1(py, &reason)
    }

    pub(super) fn change_reason(&self, reason: Option<&str>) -> PyResult<()> {
        let reason = reason.map(|text| {
            // What may stand in a field value may stand in a reason phrase (RFC 9112, 4).
            let encoded = fields::to_latin1(text, "a reason phrase")?;
            HeaderValue::from_bytes(&encoded).map_err(|_| {
                PyValueError::new_err(format!(
                    "a reason phrase has no control characters, {text:?} has"
                ))
            })
        });
        let reason = reason.transpose()?;
        self.output().open_head()?.reason =
            reason.map(|value| Bytes::copy_from_slice(value.as_bytes()));
        Ok(())
    }

    pub(super) fn response_type<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        let value = self.output().head.headers.get(CONTENT_TYPE).cloned();
        value.map(|value| fields::latin1(py, value.as_bytes()))
    }

    pub(super) fn change_type(&self, content_type: Option<&str>) -> PyResult<()> {
        let value = content_type.map(fields::value).transpose()?;
        let mut output = self.output();
        let fields = &mut output.open_head()?.headers;
        match value {
            Some(value) => fields.insert(CONTENT_TYPE, value),
            None => fields.remove(CONTENT_TYPE),
        };
        Ok(())
    }

    pub(super) fn write_data(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let (kind, chunk) = piece::required(data, "write")?;
        self.append(py, kind, chunk)
    }

    /// Appends to the body, and sends it where enough has come together.
    fn append(&self, py: Python<'_>, kind: Kind, chunk: Bytes) -> PyResult<()> {
        if chunk.len() as u64 > LIMIT && self.output().body.len() > 0 && self.exchange().is_some() {
            self.flush_now(py)?; // rather than copy a large piece behind a small one
        }
        let due = {
            let mut output = self.output();
            output.push(kind, chunk)?;
            output.due()
        };
        if due { self.flush_now(py) } else { Ok(()) }
    }

    pub(super) fn start_now(&self, py: Python<'_>) -> PyResult<()> {
        self.flush_now(py)?;
        self.output().go_direct();
        Ok(())
    }

    /// Sends what there is; where the answer is given at once, it is put aside until then.
    pub(super) fn flush_now(&self, py: Python<'_>) -> PyResult<()> {
        let Some(exchange) = self.exchange() else {
            if self.output().start()?.is_some() {
                self.application.note_stream(&self.head);
            }
            return Ok(());
        };
        let (head, mut body) = {
            let mut output = self.output();
            (output.start()?, std::mem::take(&mut output.body))
        };
        if let Some(head) = head {
            seam::wait(py, &exchange, exchange.start(head))?;
        }
        while let Some(piece) = body.next()? {
            seam::wait(py, &exchange, exchange.write(piece))?;
        }
        seam::wait(py, &exchange, exchange.flush())
    }

    pub(super) fn redirect_to(&self, url: &str, status: u16) -> PyResult<()> {
        let code = match status {
            301 | 302 | 303 | 307 | 308 => {
                StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND)
            }
            _ => {
                return Err(PyValueError::new_err(format!(
                    "the status of a redirection must be 301, 302, 303, 307 or 308, not {status}"
                )));
            }
        };
        if url.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(PyValueError::new_err(format!(
                "a URL has no control characters, {url:?} has"
            )));
        }
        let mut location = String::with_capacity(url.len());
        push_escaped(&mut location, url.as_bytes());
        let location = fields::value(&location)?;
        let mut output = self.output();
        output.drop_body()?;
        let head = output.open_head()?;
        head.status = code;
        head.headers.insert(LOCATION, location);
        Ok(())
    }

    /// The exchange that the response is sent through, where it is sent while it is made.
    fn exchange(&self) -> Option<Arc<Exchange>> {
        match &*hold(&self.link) {
            Link::Streaming(exchange) => Some(Arc::clone(exchange)),
            Link::Whole | Link::Ended => None,
        }
    }
}
