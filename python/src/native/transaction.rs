//! The one object that an application is given.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use narthex_core::{Ask, Capabilities, Exchange, RequestHead, ResponseHead};
use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyString},
};

use super::{
    abort::abort,
    backend::Backend,
    body::{Body, Incoming, Link},
    gathered::Gathered,
    handler::Application,
    headers::Headers,
    output::Output,
    query::Query,
    request,
    response::ResponseView,
};
use crate::{
    calls::{self, Call, Where},
    hold::hold,
};

/// One request and its response.
///
/// What the client sent is read from the transaction itself. What it will get is set there as
/// well, and is all together in `response`. One name belongs to both: `headers` are those of the
/// request, and `response.headers` those of the response.
///
/// Output is buffered until `start`, `flush`, 64 KiB or the end of the handler; until then the
/// head can be changed.
#[pyclass(frozen, module = "narthex")]
pub(super) struct Transaction {
    pub(super) head: RequestHead,
    pub(super) incoming: Mutex<Incoming>,
    pub(super) output: Mutex<Output>,
    pub(super) link: Mutex<Link>,
    capabilities: Capabilities,
    pub(super) application: Arc<Application>,
    query: PyOnceLock<Py<Query>>,
}

impl Transaction {
    /// A transaction whose request has wholly arrived.
    pub(super) fn whole(ask: &Ask<'_>, application: &Arc<Application>) -> Self {
        let this = Self::new(ask.head, ask.capabilities, application, Link::Whole);
        hold(&this.incoming).buffered = Bytes::clone(ask.body);
        this
    }

    /// A transaction that reads and writes through `exchange`.
    pub(super) fn streaming(exchange: &Arc<Exchange>, application: &Arc<Application>) -> Self {
        let link = Link::Streaming(Arc::clone(exchange));
        Self::new(exchange.request(), exchange.capabilities(), application, link)
    }

    fn new(
        head: &RequestHead,
        capabilities: Capabilities,
        application: &Arc<Application>,
        link: Link,
    ) -> Self {
        Self {
            head: head.clone(),
            incoming: Mutex::default(),
            output: Mutex::default(),
            link: Mutex::new(link),
            capabilities,
            application: Arc::clone(application),
            query: PyOnceLock::new(),
        }
    }

    /// Notes that the application goes on with its response, until the result is dropped.
    pub(super) fn enter(&self, at: Where) -> Option<Call> {
        match &*hold(&self.link) {
            Link::Streaming(exchange) => calls::enter_exchange(exchange, at),
            _ => calls::enter(&self.head, at),
        }
    }

    /// Takes the response when the handler has returned.
    pub(super) fn take(&self) -> (ResponseHead, Gathered) {
        self.output().take()
    }

    /// Lets go of the exchange: whoever keeps the transaction keeps only what it knows.
    pub(super) fn end(&self) {
        self.output().end();
        let link = std::mem::replace(&mut *hold(&self.link), Link::Ended);
        drop(link); // after the lock, since it may end the exchange
    }
}

#[pymethods]
impl Transaction {
    /// The method, such as GET.
    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        request::method(py, &self.head.method)
    }

    /// The header fields of the request.
    #[getter]
    fn headers(this: &Bound<'_, Self>) -> Headers {
        Headers(this.clone().unbind())
    }

    /// The parameters of the query.
    #[getter]
    fn query(&self, py: Python<'_>) -> PyResult<Py<Query>> {
        let query =
            self.query.get_or_try_init(py, || Py::new(py, Query::new(self.head.query())))?;
        Ok(query.clone_ref(py))
    }

    /// The decoded path: `mount` and `path_info`.
    ///
    /// Read as UTF-8; other bytes are kept as lone surrogates, as the file system does it, so
    /// that `os.fsencode` gives them back.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        request::path(py, &self.head.path())
    }

    /// Where the application is mounted, without a trailing slash; decoded as `path` is.
    #[getter]
    fn mount<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        request::path(py, self.head.mount())
    }

    /// The path below the mount point; decoded as `path` is.
    #[getter]
    fn path_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        request::path(py, &self.head.path_info())
    }

    /// The path as the client sent it: encoded, without the query.
    #[getter]
    fn raw_path<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.head.raw_path())
    }

    /// The whole URL that the client asked for.
    #[getter]
    fn url(&self) -> String {
        request::url(&self.head)
    }

    /// The scheme: http or https.
    #[getter]
    fn scheme<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::intern(py, self.head.connection.scheme.as_str())
    }

    /// Address and port of the client; None where it has none.
    #[getter]
    fn client<'py>(&self, py: Python<'py>) -> Option<(Bound<'py, PyString>, Option<u16>)> {
        request::endpoint(py, &self.head.connection.client)
    }

    /// Address and port of the server; None where it has none.
    #[getter]
    fn server<'py>(&self, py: Python<'py>) -> Option<(Bound<'py, PyString>, Option<u16>)> {
        request::endpoint(py, &self.head.connection.server)
    }

    /// The version of HTTP that the client speaks, such as 1.1.
    #[getter]
    fn http_version(&self) -> &'static str {
        self.head.protocol().trim_start_matches("HTTP/")
    }

    /// The body of the request.
    #[getter]
    fn body(this: &Bound<'_, Self>) -> Body {
        Body(this.clone().unbind())
    }

    /// Reads `size` bytes of the body, fewer only at its end; all for a negative size.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn read<'py>(&self, py: Python<'py>, size: isize) -> PyResult<Bound<'py, PyBytes>> {
        self.read_body(py, size)
    }

    /// The rest of the body as text, in the charset that it declares or UTF-8.
    fn text<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.body_text(py)
    }

    /// The rest of the body, read as JSON.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.body_json(py)
    }

    /// The response.
    #[getter]
    fn response(this: &Bound<'_, Self>) -> ResponseView {
        ResponseView(this.clone().unbind())
    }

    /// The status code; 200 unless set.
    #[getter]
    fn status(&self) -> u16 {
        self.status_code()
    }

    #[setter]
    fn set_status(&self, status: u16) -> PyResult<()> {
        self.change_status(status)
    }

    /// The reason phrase; the usual one unless set.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        self.reason_phrase(py)
    }

    #[setter]
    fn set_reason(&self, reason: Option<&str>) -> PyResult<()> {
        self.change_reason(reason)
    }

    /// The content type of the response; None unless set, and then decided by what is sent.
    #[getter]
    fn content_type<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.response_type(py)
    }

    #[setter]
    fn set_content_type(&self, content_type: Option<&str>) -> PyResult<()> {
        self.change_type(content_type)
    }

    /// Whether the head of the response has been sent.
    #[getter]
    fn started(&self) -> bool {
        self.output().started()
    }

    /// Appends text (as UTF-8) or bytes to the body of the response.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write_data(py, data)
    }

    /// Sends the head now; each piece of body is then sent as it is written.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.start_now(py)
    }

    /// Sends the head and what has been written.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.flush_now(py)
    }

    /// Makes the response a redirection to `url`, dropping what has been written.
    #[pyo3(signature = (url, status=302))]
    fn redirect(&self, url: &str, status: u16) -> PyResult<()> {
        self.redirect_to(url, status)
    }

    /// Raises Abort: ends the handler with an error status.
    #[pyo3(signature = (status, text=None))]
    #[expect(clippy::unused_self, reason = "a method in Python")]
    fn abort(&self, status: u16, text: Option<String>) -> PyResult<()> {
        Err(abort(status, text))
    }

    /// Drops what has been set and written of the response.
    fn reset(&self) -> PyResult<()> {
        self.output().reset()
    }

    /// What tells the request from all others, in the logs as well.
    #[getter]
    fn id(&self) -> String {
        self.head.id().map(|id| id.to_string()).unwrap_or_default()
    }

    /// The backend that carries the transaction.
    #[getter]
    fn backend(&self) -> Backend {
        Backend { backend: self.application.backend(), set: self.capabilities }
    }

    /// What only the backend has of the request.
    #[getter]
    fn native<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        request::native(py, &self.head, self.application.backend())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let path = request::path(py, &self.head.path())?.repr()?;
        Ok(format!("<Transaction {} {path}>", self.head.method))
    }
}
