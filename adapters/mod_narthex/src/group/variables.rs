//! What an application is told of a request: the variables of RFC 3875, and those of httpd's modules.
//!
//! They are written straight into the record that carries them, always in the same order: for a request
//! that is like the one before, the other side does little (`narthex_core`'s `cgi_vars/again.rs`).

use narthex_adapters::fastcgi::pairs::{field, pair};

use crate::{
    httpd::{Request, facts},
    place::Place,
};

/// Writes the variables of `request`.
pub(super) fn write(request: &Request<'_>, place: &Place<'_>, out: &mut Vec<u8>) {
    for (name, value) in request.subprocess_env().entries() {
        if !is_ours(name) && !is_field(request, name) {
            pair(out, name, value);
        }
    }
    pair(out, b"GATEWAY_INTERFACE", b"CGI/1.1");
    pair(out, b"SERVER_SOFTWARE", facts::software());
    write_server(request, out);
    pair(out, b"SERVER_PROTOCOL", protocol(request.protocol()));
    pair(out, b"REQUEST_METHOD", request.method());
    pair(out, b"REQUEST_URI", request.target().unwrap_or_default());
    pair(out, b"SCRIPT_NAME", place.mount);
    pair(out, b"PATH_INFO", place.path_info);
    pair(out, b"QUERY_STRING", request.query().unwrap_or_default());
    pair(out, b"REMOTE_ADDR", request.client().unwrap_or_default());
    pair(out, b"REMOTE_PORT", decimal(request.client_port(), &mut [0; 5]));
    if let Some(user) = request.user() {
        pair(out, b"REMOTE_USER", user);
    }
    if let Some(how) = request.authentication() {
        pair(out, b"AUTH_TYPE", how);
    }
    write_fields(request, out);
}

fn write_server(request: &Request<'_>, out: &mut Vec<u8>) {
    if request.is_secure() {
        pair(out, b"HTTPS", b"on");
        pair(out, b"REQUEST_SCHEME", b"https");
    } else {
        pair(out, b"REQUEST_SCHEME", b"http");
    }
    pair(out, b"SERVER_NAME", request.server_name());
    pair(out, b"SERVER_PORT", decimal(request.server_port(), &mut [0; 5]));
    pair(out, b"SERVER_ADDR", request.server_address().unwrap_or_default());
    pair(out, b"DOCUMENT_ROOT", request.document_root().unwrap_or_default());
}

/// The fields of a request. Those whose name has an underscore are left out, since they would pass for
/// others, and so is Proxy, which would pass for a setting of the process (CVE-2016-5385).
fn write_fields(request: &Request<'_>, out: &mut Vec<u8>) {
    // The body of an error document's request was that of the request that failed.
    let bodiless = request.is_of_error();
    for (name, value) in request.headers_in().entries() {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            12 if is(b"content-type") => pair(out, b"CONTENT_TYPE", value),
            14 if is(b"content-length") && bodiless => {}
            14 if is(b"content-length") => pair(out, b"CONTENT_LENGTH", value),
            // httpd has undone the chunks.
            17 if is(b"transfer-encoding") => {}
            5 if is(b"proxy") => {}
            _ if name.contains(&b'_') => {}
            _ => field(out, name, value),
        }
    }
}

/// Whether a variable says again what a field of the request says: rules of `mod_rewrite` put them
/// among the variables.
fn is_field(request: &Request<'_>, name: &[u8]) -> bool {
    let Some(name) = name.strip_prefix(b"HTTP_") else { return false };
    let dashed: Vec<u8> = name.iter().map(|&it| if it == b'_' { b'-' } else { it }).collect();
    request.headers_in().first(&dashed).is_some()
}

/// Whether a variable of this name is written here, whatever a module of httpd has set.
fn is_ours(name: &[u8]) -> bool {
    matches!(
        name,
        b"AUTH_TYPE"
            | b"CONTENT_LENGTH"
            | b"CONTENT_TYPE"
            | b"DOCUMENT_ROOT"
            | b"GATEWAY_INTERFACE"
            | b"HTTPS"
            | b"PATH_INFO"
            | b"QUERY_STRING"
            | b"REMOTE_ADDR"
            | b"REMOTE_PORT"
            | b"REMOTE_USER"
            | b"REQUEST_METHOD"
            | b"REQUEST_SCHEME"
            | b"REQUEST_URI"
            | b"SCRIPT_FILENAME"
            | b"SCRIPT_NAME"
            | b"SERVER_ADDR"
            | b"SERVER_NAME"
            | b"SERVER_PORT"
            | b"SERVER_PROTOCOL"
            | b"SERVER_SOFTWARE"
    )
}

/// The name of a version that httpd counts as major times 1000 and minor.
fn protocol(number: u32) -> &'static [u8] {
    match number {
        0..1000 => b"HTTP/0.9",
        1000 => b"HTTP/1.0",
        1001..2000 => b"HTTP/1.1",
        2000..3000 => b"HTTP/2.0",
        _ => b"HTTP/3.0",
    }
}

/// The digits of a port.
fn decimal(mut number: u16, room: &mut [u8; 5]) -> &[u8] {
    let mut at = room.len();
    loop {
        at -= 1;
        room[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &room[at..];
        }
    }
}
