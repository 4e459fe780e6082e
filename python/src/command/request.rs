//! `narthex cgi APP --request`: one CGI request, through a real child process.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    os::unix::ffi::{OsStrExt, OsStringExt},
    process::{Command, Stdio},
    sync::Arc,
    thread,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use narthex_core::{Connection, RequestHead, Scheme, visit_variables};
use pyo3::prelude::*;

use super::{
    arguments::{Cgi, Played},
    failure::Failure,
    response::Response,
};

/// What the interpreter needs; all else is replaced, as web servers do.
const KEPT: &[&str] =
    &["PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "LC_ALL", "LD_LIBRARY_PATH"];

/// The port of a client that does not exist.
const CLIENT_PORT: u16 = 50_000;

/// Plays the request and prints its response. Returns the exit status: not 0 if there is none, or
/// one of a failed server.
///
/// # Errors
/// The request cannot be made.
pub(super) fn play(py: Python<'_>, cgi: &Cgi) -> Result<i32, Failure> {
    let body = cgi.played.data.as_deref().map(data).transpose()?;
    let head = head(cgi, body.as_deref())?;
    let python: OsString = py.import("sys")?.getattr("executable")?.extract()?;
    let mut command = Command::new(python);
    command.args(["-m", "narthex", "cgi"]).args(cgi.application.arguments()).env_clear();
    for name in KEPT {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    visit_variables(&head, &mut |name, value| {
        command.env(OsStr::from_bytes(name), OsStr::from_bytes(value));
    });
    if let Some(user) = &cgi.played.user {
        command.env("AUTH_TYPE", "Basic").env("REMOTE_USER", user);
    }
    for variable in &cgi.played.env {
        let (name, value) = split(variable, b'=').ok_or_else(|| {
            bad(&format!("{} is no variable", variable.display()), "write --env NAME=VALUE")
        })?;
        command.env(OsStr::from_bytes(name), OsStr::from_bytes(value));
    }
    let (output, succeeded) = py
        .detach(|| exchange(command, body.unwrap_or_default()))
        .map_err(|error| bad(&format!("the child process cannot be run: {error}"), ""))?;
    print(&output, cgi.played.raw, succeeded)
}

fn bad(title: &str, fix: &str) -> Failure {
    let fixes = if fix.is_empty() { Vec::new() } else { vec![fix.to_owned()] };
    Failure::new("N301", title, Vec::new(), fixes)
}

/// The request as a web server would have read it.
fn head(cgi: &Cgi, body: Option<&[u8]>) -> Result<RequestHead, Failure> {
    let Played { request, header: fields, https, .. } = &cgi.played;
    let mount = cgi.application.mount.as_deref().unwrap_or_default();
    let (method, target) = request_line(request.as_deref().unwrap_or_default(), mount)?;
    let mut headers = HeaderMap::new();
    for field in fields {
        let (name, value) = header_field(field)?;
        headers.append(name, value);
    }
    let default = |headers: &mut HeaderMap, name, value| {
        headers.entry(name).or_insert(value);
    };
    default(&mut headers, header::HOST, HeaderValue::from_static("localhost"));
    if let Some(body) = body {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        default(&mut headers, header::CONTENT_TYPE, form);
        default(&mut headers, header::CONTENT_LENGTH, body.len().into());
    }
    let port = if *https { 443 } else { 80 };
    let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into();
    let connection = Connection {
        scheme: if *https { Scheme::Https } else { Scheme::Http },
        client: here(CLIENT_PORT),
        server: here(port),
        mount: mount.to_owned().into(),
        ..Connection::default()
    };
    Ok(RequestHead {
        method,
        uri: target,
        headers,
        connection: Arc::new(connection),
        ..RequestHead::default()
    })
}

/// Method and target; a target alone is asked for by GET, one not below the mount is put there.
fn request_line(line: &OsStr, mount: &str) -> Result<(Method, http::Uri), Failure> {
    let wrong = || {
        bad(
            &format!("{} is no request", line.display()),
            "write --request 'GET /path?query', with the target percent-encoded",
        )
    };
    let words: Vec<&str> = line.to_str().ok_or_else(wrong)?.split_whitespace().collect();
    let (method, target) = match words[..] {
        [target] => ("GET", target),
        [method, target] => (method, target),
        _ => return Err(wrong()),
    };
    let rest = target.strip_prefix(mount).filter(|rest| matches!(rest.get(..1), None | Some("/")));
    let target = match rest {
        Some(_) => target.to_owned(),
        None => format!("{mount}{target}"),
    };
    if !target.starts_with('/') && target != "*" {
        return Err(wrong());
    }
    let method = method.parse().map_err(|_| wrong())?;
    Ok((method, target.parse().map_err(|_| wrong())?))
}

fn header_field(field: &OsStr) -> Result<(HeaderName, HeaderValue), Failure> {
    let parts = split(field, b':').and_then(|(name, value)| {
        let name = HeaderName::from_bytes(name).ok()?;
        Some((name, HeaderValue::from_bytes(value.trim_ascii()).ok()?))
    });
    parts.ok_or_else(|| bad(&format!("{} is no field", field.display()), "write 'Name: value'"))
}

fn split(text: &OsStr, separator: u8) -> Option<(&[u8], &[u8])> {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|&byte| byte == separator)?;
    (at > 0).then_some((&bytes[..at], &bytes[at + 1..]))
}

/// The body: text, a file's content after `@`, standard input after `@-`.
fn data(text: &OsStr) -> Result<Vec<u8>, Failure> {
    let Some(path) = text.as_bytes().strip_prefix(b"@") else {
        return Ok(text.to_owned().into_vec());
    };
    let read = match path {
        b"-" => {
            let mut body = Vec::new();
            io::stdin().lock().read_to_end(&mut body).map(|_| body)
        }
        path => fs::read(OsStr::from_bytes(path)),
    };
    read.map_err(|error| bad(&format!("{} cannot be read: {error}", text.display()), ""))
}

/// Runs the child; its output, and whether it says that it succeeded.
fn exchange(mut command: Command, body: Vec<u8>) -> io::Result<(Vec<u8>, bool)> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let input = child.stdin.take();
    let writing = thread::spawn(move || {
        // A program need not read its body: that the pipe is closed is no failure.
        input.map(|mut input| input.write_all(&body))
    });
    let output = child.wait_with_output()?;
    drop(writing.join());
    Ok((output.stdout, output.status.success()))
}

fn print(output: &[u8], raw: bool, succeeded: bool) -> Result<i32, Failure> {
    let response = Response::parse(output);
    let shown = match (&response, raw) {
        (Ok(response), false) => response.to_bytes(),
        _ => output.to_vec(),
    };
    let mut stdout = io::stdout().lock();
    // Whoever reads it may have seen enough.
    let _ = stdout.write_all(&shown).and_then(|()| stdout.flush());
    let response = response.map_err(|wrong| {
        Failure::new(
            "N302",
            &format!("the program's output is no CGI response: {wrong}"),
            Vec::new(),
            vec!["what it wrote to standard error, above, may tell why".to_owned()],
        )
    })?;
    Ok(i32::from(!succeeded || response.status >= 500))
}
