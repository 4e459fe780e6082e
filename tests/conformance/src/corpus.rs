//! The request corpus of gunicorn's source distribution, replayed.
//!
//! `NARTHEX_GUNICORN_CORPUS` names its folder `tests/requests`: files `valid/*.http` and
//! `invalid/*.http`, each with a `.py` beside it that says what gunicorn makes of it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{Host, Request, Server};

/// What is done with a file that is not replayed as gunicorn means it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Treatment {
    /// Not replayed.
    Skipped,
    /// Refused here, accepted there.
    Refused,
    /// Accepted here, refused there.
    Accepted,
}

use Treatment::{Accepted, Refused, Skipped};

/// Files that are treated otherwise, and why.
const EXCEPTIONS: &[(&str, Treatment, &str)] = &[
    ("valid/014", Refused, "a quotation mark is no part of a URI (RFC 3986, 2)"),
    ("valid/024", Skipped, "sets limit_request_line and limit_request_field_size"),
    ("valid/026", Skipped, "sets limit_request_field_size"),
    ("valid/028", Refused, "sets strip_header_spaces: a space before the colon is refused"),
    ("valid/029", Skipped, "sets limit_request_field_size"),
    ("valid/030", Skipped, "sets limit_request_field_size"),
    ("valid/031compat", Skipped, "sets casefold_http_method"),
    ("valid/040_compat", Skipped, "sets header_map to keep what is ambiguous"),
    ("valid/compat_obs_fold", Refused, "sets permit_obsolete_folding"),
    ("valid/compat_obs_fold_huge", Refused, "sets permit_obsolete_folding"),
    ("valid/pp_01", Refused, "sets proxy_protocol"),
    ("valid/pp_02", Refused, "sets proxy_protocol"),
    ("valid/pp_04", Refused, "sets proxy_protocol"),
    ("valid/pp_05", Refused, "sets proxy_protocol"),
    ("valid/025", Refused, "an unknown coding gets 501 (RFC 9112, 6.1): gzip is not undone"),
    ("valid/025_line", Refused, "an unknown coding gets 501 (RFC 9112, 6.1)"),
    ("valid/rfc9112_smuggle_gzip_chunked_01", Refused, "an unknown coding (RFC 9112, 6.1)"),
    ("valid/rfc9112_smuggle_te_identity_chunked_01", Refused, "identity is no coding any more"),
    ("valid/rfc9112_target_authority_connect_01", Refused, "there are no tunnels here"),
    ("valid/rfc9112_target_authority_ipv6_01", Refused, "there are no tunnels here"),
    ("valid/rfc9112_target_absolute_userinfo_01", Refused, "userinfo (RFC 9110, 4.2.4)"),
    ("valid/099", Skipped, "shorter than its Content-Length"),
    ("invalid/006", Accepted, "exceeds 4094 bytes of a line: here the head has one limit"),
    ("invalid/003c", Accepted, "any token is a method (RFC 9110, 9.1), in lower case too"),
    ("invalid/010", Skipped, "sets limit_request_field_size"),
    ("invalid/011", Skipped, "sets limit_request_fields"),
    ("invalid/012", Skipped, "sets limit_request_field_size"),
    ("invalid/013", Skipped, "sets limit_request_field_size"),
    ("invalid/019", Skipped, "sets forwarded_allow_ips"),
    ("invalid/040", Accepted, "sets header_map to refuse what is dropped here"),
    ("invalid/chunked_07", Accepted, "sets header_map to refuse what is dropped here"),
    ("invalid/limit_header_default_01", Skipped, "sets limit_request_field_size"),
];

/// Replays the corpus. Without one the case passes, but never in CI.
pub(crate) fn gunicorn(host: &dyn Host) {
    let Some(folder) = env::var_os("NARTHEX_GUNICORN_CORPUS").map(PathBuf::from) else {
        assert!(env::var("CI").as_deref() != Ok("true"), "NARTHEX_GUNICORN_CORPUS is not set");
        eprintln!("NOT REPLAYED: NARTHEX_GUNICORN_CORPUS does not name gunicorn's tests/requests");
        return;
    };
    // The limits that gunicorn has by default, which the invalid files count on.
    let server = Server::with(host, |site| {
        site.limits.head_size = 8190;
        site.limits.header_count = 100;
    });
    let (mut faults, mut names, mut replayed) = (Vec::new(), Vec::new(), 0);
    for file in files(&folder) {
        let name = name_of(&file);
        let exception = EXCEPTIONS.iter().find(|(excepted, ..)| *excepted == name);
        let treatment = exception.map(|&(_, treatment, _)| treatment);
        let told = fs::read_to_string(file.with_extension("py")).expect("UTF-8");
        let expected = expectations(&told);
        let bytes = message(&fs::read(&file).expect("a file"), expected.len());
        names.push(name.clone());
        replayed += usize::from(treatment != Some(Skipped));
        let outcome = match treatment {
            Some(Skipped) => Ok(()),
            Some(Accepted) => accepted(&server, &bytes, &[Expected::default()]),
            None if name.starts_with("valid/") => accepted(&server, &bytes, &expected),
            Some(Refused) | None => refused(&server, &bytes),
        };
        if let Err(fault) = outcome {
            faults.push(format!("{name}: {fault}\n    {}", bytes.escape_ascii()));
        }
    }
    eprintln!("{replayed} of {} files replayed", names.len());
    assert!(replayed > 100, "{} does not hold the corpus", folder.display());
    for (name, _, reason) in EXCEPTIONS {
        assert!(names.iter().any(|known| known == name), "{name} ({reason}) is not in the corpus");
    }
    assert!(faults.is_empty(), "{} files:\n{}", faults.len(), faults.join("\n"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for half in ["valid", "invalid"] {
        for entry in fs::read_dir(folder.join(half)).expect("the corpus") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "http") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn name_of(file: &Path) -> String {
    let half = file.parent().and_then(Path::file_name).expect("a folder").to_string_lossy();
    format!("{half}/{}", file.file_stem().expect("a name").to_string_lossy())
}

/// Undoes the escapes of a file, and names a host where a request of HTTP/1.1 does not.
fn message(text: &[u8], requests: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        (bytes, rest) = match rest {
            [b'\n', ..] => (bytes, tail),
            [b'\\', b'r', tail @ ..] => (with(bytes, b'\r'), tail),
            [b'\\', b'n', tail @ ..] => (with(bytes, b'\n'), tail),
            [b'\\', b't', tail @ ..] => (with(bytes, b'\t'), tail),
            [b'\\', b'0', tail @ ..] => (with(bytes, b'\0'), tail),
            [b'\\', b'x', high, low, tail @ ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit");
                let byte = u8::try_from(digit(*high) << 4 | digit(*low)).expect("two digits");
                (with(bytes, byte), tail)
            }
            _ => (with(bytes, *first), tail),
        };
    }
    let mut hosted = Vec::new();
    let mut left = bytes.as_slice();
    for _ in 0..requests.max(1) {
        let Some(at) = find(left, b" HTTP/1.") else { break };
        let Some(end) = find(&left[at..], b"\r\n") else { break };
        let (line, tail) = left.split_at(at + end + 2);
        let head = &tail[..find(tail, b"\r\n\r\n").unwrap_or(tail.len())];
        hosted.extend(line);
        let head = [b"\r\n", head].concat().to_ascii_lowercase();
        if line.ends_with(b" HTTP/1.1\r\n") && find(&head, b"\r\nhost:").is_none() {
            hosted.extend(b"Host: a\r\n");
        }
        left = tail;
    }
    hosted.extend(left);
    hosted
}

fn with(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// What the application is to see of a request, as far as the `.py` says it in plain literals.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Expected {
    method: Option<String>,
    target: Option<String>,
    body: Option<String>,
}

fn expectations(told: &str) -> Vec<Expected> {
    told.split("\"method\":")
        .skip(1)
        .map(|request| Expected {
            method: literal(request),
            target: request.split_once("uri(").and_then(|(_, rest)| literal(rest)),
            body: request.split_once("\"body\":").and_then(|(_, rest)| literal(rest)),
        })
        .collect()
}

/// The Python literal that `text` begins with, escaped as Rust escapes bytes.
fn literal(text: &str) -> Option<String> {
    let text = text.trim_start().trim_start_matches('b');
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (inner, after) = text[1..].split_once(quote)?;
    let simple = !after.starts_with(quote) && !inner.ends_with('\\');
    let known = ["\\r", "\\n"].iter().fold(inner.to_owned(), |text, it| text.replace(it, ""));
    let one = matches!(after.trim_start().chars().next(), Some(',' | '}' | ')'));
    (simple && one && !known.contains('\\') && inner.is_ascii())
        .then(|| inner.replace('\'', "\\'").replace('"', "\\\""))
}

fn accepted(server: &Server, message: &[u8], expected: &[Expected]) -> Result<(), String> {
    let mut connection = server.connect();
    connection.send(message);
    connection.end();
    for expected in expected {
        let method = expected.method.as_deref().unwrap_or("GET");
        let response = connection.try_response(method)?.ok_or("closed without an answer")?;
        if response.status != 200 {
            return Err(format!("answered: {response:?}"));
        }
        if method == "HEAD" {
            continue;
        }
        let view = response.view();
        let target = expected.target.as_deref().map(path_of);
        for (line, wanted) in [
            ("method", expected.method.as_deref()),
            ("target", target),
            ("body", expected.body.as_deref()),
        ] {
            if wanted.is_some_and(|wanted| wanted != view.one(line)) {
                return Err(format!("{line} is {}, not {wanted:?}", view.one(line)));
            }
        }
    }
    if connection.closes() { Ok(()) } else { Err("another answer".to_owned()) }
}

/// A target as the application sees it: neither scheme and host nor a fragment.
fn path_of(target: &str) -> &str {
    let target = target.split('#').next().unwrap_or_default();
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    }
}

fn refused(server: &Server, message: &[u8]) -> Result<(), String> {
    let mut connection = server.connect();
    connection.send(message);
    connection.end();
    // An incomplete message may also be met with the end of the connection.
    if let Some(response) = connection.try_response("GET")? {
        if !(400..600).contains(&response.status) {
            return Err(format!("answered: {response:?}"));
        }
        if !connection.closes() {
            return Err("the connection stays open".to_owned());
        }
    }
    let works = server.exchange(&Request::get("/deaf"));
    if works.status == 200 { Ok(()) } else { Err(format!("afterwards: {works:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_become_messages() {
        let text =
            b"GET /first HTTP/1.1\\r\\n\n\\r\\n\nGET /second HTTP/1.1\\r\\nX:\\x41\\r\\n\\r\\n";
        let hosted =
            b"GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\nX:A\r\n\r\n";
        assert_eq!(message(text, 2).escape_ascii().to_string(), hosted.escape_ascii().to_string());
        let named = b"GET / HTTP/1.1\\r\\nA: b\\r\\nhost: c\\r\\n\\r\\n";
        assert!(find(&message(named, 1), b"Host: a").is_none());
    }

    #[test]
    fn expectations_are_read() {
        let told = "request = {\n \"method\": \"PUT\",\n \"uri\": uri(\"/a?b#c\"),\n \"body\": b'{\"x\"}'\n}";
        let expected = &expectations(told)[0];
        assert_eq!(expected.method.as_deref(), Some("PUT"));
        assert_eq!(expected.target.as_deref().map(path_of), Some("/a?b"));
        assert_eq!(expected.body.as_deref(), Some("{\\\"x\\\"}"));
        assert_eq!(path_of("http://a:80/b"), "/b");
        assert_eq!(literal("b\"\"\"long"), None);
    }
}
