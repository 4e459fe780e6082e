//! Requests as a client means them, and responses as it sees them.

use std::fmt;

use crate::Way;

/// A request that is the same on every backend.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method.
    pub(crate) method: &'static str,
    /// Request target, as sent.
    pub(crate) target: Vec<u8>,
    /// Fields beside Host and Content-Length, in order.
    pub(crate) fields: Vec<(&'static str, Vec<u8>)>,
    /// Body, if it has one.
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    /// A request without a body.
    pub(crate) fn new(method: &'static str, target: impl AsRef<[u8]>) -> Self {
        Self { method, target: target.as_ref().to_vec(), fields: Vec::new(), body: None }
    }

    /// A GET.
    pub(crate) fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// A POST with a body.
    pub(crate) fn post(target: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Self {
        Self { body: Some(body.as_ref().to_vec()), ..Self::new("POST", target) }
    }

    /// This request with a further field.
    pub(crate) fn field(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name, value.as_ref().to_vec()));
        self
    }

    /// This request, to be answered in that way.
    pub(crate) fn way(self, way: Way) -> Self {
        self.field("Way", way.name())
    }

    /// The request as an HTTP/1.1 message.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut message = self.method.as_bytes().to_vec();
        message.push(b' ');
        message.extend(&self.target);
        message.extend(b" HTTP/1.1\r\nHost: example.test\r\n");
        for (name, value) in &self.fields {
            message.extend(name.as_bytes());
            message.extend(b": ");
            message.extend(value);
            message.extend(b"\r\n");
        }
        if let Some(body) = &self.body {
            message.extend(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            message.extend(body);
        } else {
            message.extend(b"\r\n");
        }
        message
    }
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    /// There is none: HEAD, 204, 304.
    Bodiless,
    /// By Content-Length.
    Length,
    /// By a last chunk.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// How a response ended, as far as the client can tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// Nothing is missing.
    Whole,
    /// The connection ended first.
    Truncated,
}

/// A response as the client sees it.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Response {
    /// Status code.
    pub(crate) status: u16,
    /// Reason phrase.
    pub(crate) reason: Vec<u8>,
    /// Fields in order, names as sent.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    /// Body, without its framing.
    pub(crate) body: Vec<u8>,
    /// How the end of the body is found.
    pub(crate) framing: Framing,
    /// Whether it was.
    pub(crate) end: End,
}

impl Response {
    /// The values of a field, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&[u8]> {
        let named = self.fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// The value of a field that comes at most once.
    pub(crate) fn one(&self, name: &str) -> Option<&[u8]> {
        let values = self.all(name);
        assert!(values.len() <= 1, "{name} is repeated in {self:?}");
        values.first().copied()
    }

    /// Fails unless the response is whole and has this status.
    #[track_caller]
    pub(crate) fn whole(self, status: u16) -> Self {
        assert_eq!((self.status, self.end), (status, End::Whole), "{self:?}");
        self
    }

    /// The lines of a view of the request: see [`App`](crate::App).
    #[track_caller]
    pub(crate) fn view(self) -> View {
        let body = String::from_utf8(self.whole(200).body).expect("views are ASCII");
        View(
            body.lines()
                .map(|line| line.split_once('=').expect("name=value"))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.reason.escape_ascii())?;
        for (name, value) in &self.fields {
            write!(f, " | {name}: {}", value.escape_ascii())?;
        }
        let shown = &self.body[..self.body.len().min(200)];
        write!(f, " | {:?}, {:?}, {} bytes: ", self.framing, self.end, self.body.len())?;
        write!(f, "{}", shown.escape_ascii())
    }
}

/// What the application saw of a request, values escaped as Rust escapes bytes.
#[derive(Debug)]
pub(crate) struct View(Vec<(String, String)>);

impl View {
    /// The values of a line, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a line that is there once.
    #[track_caller]
    pub(crate) fn one(&self, name: &str) -> &str {
        let values = self.all(name);
        assert_eq!(values.len(), 1, "{name} in {self:?}");
        values[0]
    }
}
