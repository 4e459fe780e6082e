//! A web server in miniature, as CGI programs see one (RFC 3875).

use bytes::Bytes;
use narthex_core::{Variables, decode, normalize};

use crate::{End, Framing, Request, Response, connection::parse_head};

/// The variables by which a web server hands `request` down.
pub(crate) fn variables(request: &Request, mount: &str) -> Variables {
    let fields: Vec<_> = request.fields.iter().map(|(name, value)| (*name, &**value)).collect();
    let length = request.body.as_ref().map(|body| body.len().to_string());
    let method = request.method.as_bytes();
    handed_down(method, &request.target, &fields, length.as_deref(), mount)
}

/// The variables for a request of that method, target and fields, with a body of that `length`.
pub(crate) fn handed_down(
    method: &[u8],
    target: &[u8],
    fields: &[(&str, &[u8])],
    length: Option<&str>,
    mount: &str,
) -> Variables {
    let cut = target.iter().position(|&byte| byte == b'?');
    let (path, query) = target.split_at(cut.unwrap_or(target.len()));
    let path = normalize(decode(path)).into_owned();
    let path_info = path.strip_prefix(mount.as_bytes()).unwrap_or(&path).to_vec();
    let mut variables = vec![
        variable("GATEWAY_INTERFACE", "CGI/1.1"),
        variable("SERVER_SOFTWARE", "conformance/1"),
        variable("SERVER_PROTOCOL", "HTTP/1.1"),
        variable("SERVER_NAME", "example.test"),
        variable("SERVER_PORT", "80"),
        variable("REMOTE_ADDR", "127.0.0.1"),
        variable("REQUEST_METHOD", method),
        variable("REQUEST_SCHEME", "http"),
        variable("REQUEST_URI", target),
        variable("SCRIPT_NAME", mount),
        variable("PATH_INFO", path_info),
        variable("QUERY_STRING", query.strip_prefix(b"?").unwrap_or_default()),
        variable("HTTP_HOST", "example.test"),
    ];
    if let Some(length) = length {
        variables.push(variable("CONTENT_LENGTH", length));
    }
    let mut joined: Variables = Vec::new();
    for &(name, value) in fields {
        let name = name.to_ascii_uppercase().replace('-', "_");
        let name = if name == "CONTENT_TYPE" { name } else { format!("HTTP_{name}") };
        // Apache httpd and most others join what is repeated.
        match joined.iter_mut().find(|(known, _)| *known == name.as_bytes()) {
            Some((_, known)) => {
                let separator: &[u8] = if name == "HTTP_COOKIE" { b"; " } else { b", " };
                *known = [known, separator, value].concat().into();
            }
            None => joined.push(variable(&name, value)),
        }
    }
    variables.extend(joined);
    variables
}

fn variable(name: &str, value: impl AsRef<[u8]>) -> (Bytes, Bytes) {
    (Bytes::copy_from_slice(name.as_bytes()), Bytes::copy_from_slice(value.as_ref()))
}

/// `response` with the line that begins with `opening` made its status line: CGI has the status
/// among the fields, in any order (RFC 3875, 6.3). `None` where there is no such line.
pub(crate) fn status_first(response: &[u8], opening: &[u8]) -> Option<Vec<u8>> {
    let lines = response.split_inclusive(|&byte| byte == b'\n');
    let before = lines.take_while(|line| !line.starts_with(opening)).map(<[u8]>::len).sum();
    let (fields, rest) = response.split_at(before);
    let rest = rest.strip_prefix(opening)?;
    let end = rest.iter().position(|&byte| byte == b'\n')? + 1;
    Some([b"HTTP/1.1 ", &rest[..end], fields, &rest[end..]].concat())
}

/// Reads what a CGI program wrote (RFC 3875, 6.2).
///
/// # Errors
/// It is no document response; the text says why.
pub(crate) fn parse_output(output: &[u8], method: &str) -> Result<Response, String> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.ok_or_else(|| format!("no head: {}", output.escape_ascii()))?;
    let (head, body) = (&output[..end + 2], &output[end + 4..]);
    // The status field becomes a status line, and the rest is as strict as HTTP.
    let head =
        status_first(head, b"Status: ").unwrap_or_else(|| [b"HTTP/1.1 200 OK\r\n", head].concat());
    let mut response = parse_head(&head[..head.len() - 2])?;
    for framing in ["transfer-encoding", "connection"] {
        if response.one(framing).is_some() {
            return Err(format!("{framing} belongs to the web server: {response:?}"));
        }
    }
    response.body = body.to_vec();
    if matches!(response.status, 204 | 304) || method == "HEAD" {
        return if body.is_empty() { Ok(response) } else { Err(format!("a body: {response:?}")) };
    }
    response.framing = Framing::Close;
    if let Some(length) = response.one("content-length") {
        let length = std::str::from_utf8(length).ok().and_then(|length| length.parse().ok());
        let length: usize = length.ok_or_else(|| format!("no length: {response:?}"))?;
        response.framing = Framing::Length;
        if body.len() > length {
            return Err(format!("a body beyond its Content-Length: {response:?}"));
        }
        response.end = if body.len() < length { End::Truncated } else { End::Whole };
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_joined() {
        let request = Request::get("/app/a%2Fb?c").field("X-A", "1").field("x-a", "2");
        let variables = variables(&request, "/app");
        let value = |name: &str| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
        };
        assert_eq!(value("HTTP_X_A"), Some(&b"1, 2"[..]));
        assert_eq!(value("PATH_INFO"), Some(&b"/a/b"[..]));
        assert_eq!(value("QUERY_STRING"), Some(&b"c"[..]));
        assert_eq!(value("CONTENT_LENGTH"), None);
    }

    #[test]
    fn output_is_read() {
        let response =
            parse_output(b"Status: 404 Gone Fishing\r\nA: b\r\n\r\nbody", "GET").unwrap();
        assert_eq!((response.status, response.reason.as_slice()), (404, &b"Gone Fishing"[..]));
        assert_eq!(response.body, b"body");
        let response = parse_output(b"Status: 200 OK\r\nContent-Length: 5\r\n\r\nbody", "GET");
        assert_eq!(response.unwrap().end, End::Truncated);
        for bad in [&b"Status: 200 OK\r\nContent-Length: 3\r\n\r\nbody"[..], b"A: b", b"\n\nbody"] {
            assert!(parse_output(bad, "GET").is_err());
        }
        assert!(parse_output(b"Status: 200 OK\r\n\r\nbody", "HEAD").is_err());
    }
}
