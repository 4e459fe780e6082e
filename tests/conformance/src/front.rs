//! A web server in miniature before a backend that listens, but not for HTTP.

use std::{fmt, sync::Arc};

use bytes::{Bytes, BytesMut};
use narthex_core::Variables;

use crate::gateway;

/// How a backend is spoken to that does not speak HTTP: one request over each connection.
pub trait Dialect: Send {
    /// What stands before the status of a response.
    fn opening(&self) -> &'static str {
        "Status: "
    }

    /// Writes the variables of a request; without `CONTENT_LENGTH` it has no body.
    fn variables(&mut self, variables: &Variables, out: &mut Vec<u8>);

    /// Writes a piece of the body.
    fn body(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(piece);
    }

    /// Writes the end of the body, be it empty.
    fn body_end(&mut self, _out: &mut Vec<u8>) {}

    /// Takes the next piece of the response off what has come.
    fn output(&mut self, input: &mut BytesMut) -> Option<Bytes> {
        (!input.is_empty()).then(|| input.split().freeze())
    }

    /// Whether the response was whole, now that the connection has ended.
    fn is_whole(&self) -> bool {
        true
    }
}

/// Makes the [`Dialect`] of a connection.
pub(crate) type Dialects = Arc<dyn Fn() -> Box<dyn Dialect> + Send + Sync>;

/// Makes HTTP/1.1 of what a backend says, and the other way round.
pub(crate) struct Front {
    dialect: Box<dyn Dialect>,
    mount: String,
    /// The head of the request, as far as it was sent.
    request: Vec<u8>,
    /// What is to come of the body, once the head was sent.
    left: Option<u64>,
    input: BytesMut,
    /// The head of the response, until it is whole.
    response: Option<Vec<u8>>,
}

impl Front {
    /// A web server for one connection.
    pub(crate) fn new(dialect: Box<dyn Dialect>, mount: &str) -> Self {
        Self {
            dialect,
            mount: mount.to_owned(),
            request: Vec::new(),
            left: None,
            input: BytesMut::new(),
            response: Some(Vec::new()),
        }
    }

    /// What the backend is sent for these bytes of a client.
    pub(crate) fn request(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if self.left.is_some() {
            self.body(bytes, &mut out);
            return out;
        }
        self.request.extend_from_slice(bytes);
        let end = self.request.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let body = self.request.split_off(end + 4);
            let (variables, length) = self.variables();
            self.dialect.variables(&variables, &mut out);
            self.left = Some(length);
            self.body(&body, &mut out);
        }
        out
    }

    fn body(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let left = self.left.as_mut().expect("a request");
        let ended = *left == 0 && !bytes.is_empty();
        assert!(!ended && bytes.len() as u64 <= *left, "more than a request for one connection");
        *left -= bytes.len() as u64;
        if !bytes.is_empty() {
            self.dialect.body(bytes, out);
        }
        if *left == 0 {
            self.dialect.body_end(out);
        }
    }

    /// The variables of the request, and the length of its body.
    fn variables(&self) -> (Variables, u64) {
        let head = self.request.strip_suffix(b"\r\n\r\n").expect("a whole head");
        let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
        let line = lines.next().expect("a request line");
        let mut words = line.split(|&byte| byte == b' ');
        let (method, target) = (words.next().expect("a method"), words.next().expect("a target"));
        let mut length = None;
        let mut fields = Vec::new();
        for line in lines {
            let colon = line.iter().position(|&byte| byte == b':').expect("a field");
            let name = std::str::from_utf8(&line[..colon]).expect("a field name");
            let value = line[colon + 1..].trim_ascii();
            match &*name.to_ascii_lowercase() {
                "host" => {} // it has one name only
                "content-length" => length = std::str::from_utf8(value).ok(),
                "transfer-encoding" => panic!("a case for servers that frame requests themselves"),
                _ => fields.push((name, value)),
            }
        }
        let variables = gateway::handed_down(method, target, &fields, length, &self.mount);
        (variables, length.map_or(0, |length| length.parse().expect("a length")))
    }

    /// Appends what a client sees of these bytes of the backend to `seen`.
    pub(crate) fn response(&mut self, bytes: &[u8], seen: &mut Vec<u8>) {
        self.input.extend_from_slice(bytes);
        while let Some(output) = self.dialect.output(&mut self.input) {
            let Some(head) = &mut self.response else {
                seen.extend_from_slice(&output);
                continue;
            };
            head.extend_from_slice(&output);
            if head.windows(4).any(|window| window == b"\r\n\r\n") {
                let opening = self.dialect.opening().as_bytes();
                let shown = head.escape_ascii();
                let response = gateway::status_first(head, opening);
                seen.extend_from_slice(&response.unwrap_or_else(|| panic!("{shown}")));
                self.response = None;
            }
        }
    }

    /// Whether the response was whole, now that the connection has ended.
    pub(crate) fn is_whole(&self) -> bool {
        self.response.is_none() && self.dialect.is_whole()
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("left", &self.left).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables as lines, an empty one behind them.
    struct Lines;

    impl Dialect for Lines {
        fn variables(&mut self, variables: &Variables, out: &mut Vec<u8>) {
            for (name, value) in variables {
                out.extend_from_slice(&[name, &b"="[..], value, b"\n"].concat());
            }
        }

        fn body_end(&mut self, out: &mut Vec<u8>) {
            out.extend_from_slice(b"!");
        }
    }

    #[test]
    fn requests_and_responses_are_translated_as_they_come() {
        let mut front = Front::new(Box::new(Lines), "/app");
        assert_eq!(front.request(b"POST /app/x?y HTTP/1.1\r\nContent-Length: 3\r\nA: b\r\n"), b"");
        let sent = String::from_utf8(front.request(b"\r\nab")).unwrap();
        for line in ["PATH_INFO=/x\n", "QUERY_STRING=y\n", "HTTP_A=b\n", "CONTENT_LENGTH=3\n"] {
            assert!(sent.contains(line), "{sent}");
        }
        assert!(sent.ends_with("\nab"), "{sent}");
        assert_eq!(front.request(b"c"), b"c!");
        let mut seen = Vec::new();
        front.response(b"Status: 200 O", &mut seen);
        assert!(!front.is_whole() && seen.is_empty());
        front.response(b"K\r\nA: b\r\n\r\nbo", &mut seen);
        front.response(b"dy", &mut seen);
        assert_eq!(seen, b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody");
        assert!(front.is_whole());
    }
}
