//! How a refused message is told from one that is let through.

use narthex_core::Level;

use crate::{Host, Server};

/// What a smuggled request would ask for, if it got through.
pub(crate) const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Fails unless each message gets one of the statuses and the end of the connection, the
/// application sees nothing of it, and the log a line for each.
#[track_caller]
pub(crate) fn all_refused(host: &dyn Host, statuses: &[u16], messages: &[Vec<u8>]) {
    refused(&Server::start(host), statuses, messages, &[]);
}

/// As [`all_refused`], for messages with a good head: the application may have been called, but
/// what is left of the connection is not taken for a request.
#[track_caller]
pub(crate) fn all_bodies_refused(host: &dyn Host, statuses: &[u16], messages: &[Vec<u8>]) {
    refused(&Server::start(host), statuses, messages, &["POST /count", "POST /"]);
}

#[track_caller]
fn refused(server: &Server, statuses: &[u16], messages: &[Vec<u8>], permitted: &[&str]) {
    let mut faults = Vec::new();
    for message in messages {
        let logged = server.journal.lines().len();
        if let Err(fault) = refusal(server, statuses, message) {
            faults.push(format!("{}\n    {fault}", message.escape_ascii()));
            continue;
        }
        let refusal = |line: &&(Level, String)| line.0 == Level::Info;
        if !server.journal.lines()[logged..].iter().any(|line| refusal(&line)) {
            faults.push(format!("{}\n    is not logged", message.escape_ascii()));
        }
    }
    if faults.is_empty() {
        let accesses = server.journal.accesses(messages.len());
        assert!(accesses.iter().all(|line| line.status >= 400), "{accesses:#?}");
    }
    let mut seen = server.probe.seen();
    seen.retain(|request| !permitted.contains(&request.as_str()));
    assert!(
        faults.is_empty() && seen.is_empty(),
        "{} of {} messages are not refused:\n{}\nthe application saw {seen:?}",
        faults.len(),
        messages.len(),
        faults.join("\n"),
    );
}

fn refusal(server: &Server, statuses: &[u16], message: &[u8]) -> Result<(), String> {
    let mut connection = server.connect();
    connection.send(message);
    // What the server waits for, if it takes the message for an unfinished one, never comes.
    connection.end();
    let response = connection.try_response("GET")?.ok_or("closed without an answer")?;
    if !statuses.contains(&response.status) {
        return Err(format!("answered: {response:?}"));
    }
    if response.one("connection") != Some(b"close") {
        return Err(format!("does not say that it closes: {response:?}"));
    }
    let page = String::from_utf8_lossy(&response.body).into_owned();
    if page.len() > 200 || page.contains("panicked") || page.contains(".rs") {
        return Err(format!("says too much: {page}"));
    }
    if connection.closes() { Ok(()) } else { Err("stays open".to_owned()) }
}

/// A request with that start line.
pub(crate) fn with_line(line: impl AsRef<[u8]>) -> Vec<u8> {
    [line.as_ref(), b"\r\nHost: a\r\n\r\n"].concat()
}

/// A GET with those field lines, each ended.
pub(crate) fn with_fields(fields: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: a\r\n", fields.as_ref(), b"\r\n"].concat()
}
