//! Lines as they come out, and bytes that try to be more than a field.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};
use narthex_core::{Authentication, Connection, Endpoint, Gateway};

use super::*;

/// A request in which `bytes` stand wherever a client can put them.
fn request(bytes: &[u8]) -> RequestHead {
    let own = Bytes::copy_from_slice(bytes);
    let value = || HeaderValue::from_bytes(bytes).unwrap_or(HeaderValue::from_static("no field"));
    let client = Endpoint { host: "192.0.2.7".into(), port: Some(4711) };
    let server = Endpoint { host: "192.0.2.1".into(), port: Some(8000) };
    let mut headers = HeaderMap::new();
    for name in ["host", "user-agent", "referer", "x-one", "cookie"] {
        headers.insert(name, value());
    }
    headers.append("x-one", HeaderValue::from_static("two"));
    RequestHead {
        method: Method::GET,
        uri: Uri::from_static("/a"),
        headers,
        connection: Arc::new(Connection { client, server, ..Connection::default() }),
        gateway: Some(Box::new(Gateway {
            target: Some([b"/a?", bytes].concat().into()),
            path_info: own.clone(),
            query: own.clone(),
            authentication: Some(Authentication { kind: "Basic".into(), user: own.clone() }),
            variables: vec![("X_VARIABLE".into(), own)],
            ..Gateway::default()
        })),
        ..RequestHead::default()
    }
}

fn line(format: &str, request: Option<&RequestHead>, status: u16) -> String {
    let mut response = HeaderMap::new();
    response.insert("x-out", HeaderValue::from_static("out"));
    let mut access = Access::new(request, b"192.0.2.7", status);
    access.bytes = 12;
    access.received = 3;
    access.elapsed = Duration::from_micros(2_345_678);
    access.response = Some(&response);
    let ended = UNIX_EPOCH + Duration::new(971_186_138, 500_000_000);
    let mut line = Line::default();
    access::write(&Format::parse(format).unwrap(), &access, ended, &mut line);
    String::from_utf8(line.0).unwrap()
}

#[test]
fn directives_are_those_of_apache() {
    let mut head = request(b"ann");
    head.headers.insert("host", HeaderValue::from_static("example.com:8080"));
    head.headers.insert("cookie", HeaderValue::from_static("a=1; session=xyz; b"));
    for (format, expected) in [
        ("%a|%h|%{c}a", "192.0.2.7|192.0.2.7|192.0.2.7"),
        ("%A %p %{local}p %{remote}p", "192.0.2.1 8000 8000 4711"),
        ("%B %b", "12 12"),
        ("%D %T %{s}T %{ms}T %{us}T", "2345678 2 2 2345 2345678"),
        ("%H %m %q %U", "HTTP/1.1 GET ?ann ann"),
        ("%r", "GET /a?ann HTTP/1.1"),
        ("%s %>s %<s", "200 200 200"),
        ("%l %f %R %I %O %S %{x}n %^FB %{x}^ti", "- - - - - - - - -"),
        ("%u %k", "ann 0"),
        ("%v %V", "192.0.2.1 example.com"),
        ("%{session}C %{A}C %{b}C", "xyz - -"),
        ("%{X-One}i %{none}i %{X-Out}o %{none}o", "ann, two - out -"),
        ("%{X_VARIABLE}e %{NO_SUCH_VARIABLE}e", "ann -"),
        ("%{no}i%%%200{X-One}i %!200{X-One}i %404,200s %404s", "-%ann, two - 200 -"),
        ("%t", "[10/Oct/2000:13:55:36 +0000]"),
        ("%{end:%T}t %{begin:sec}t %{sec}t", "13:55:38 971186136 971186136"),
        ("%{msec}t %{usec}t", "971186136154 971186136154322"),
        ("%{msec_frac}t %{usec_frac}t", "154 154322"),
        ("%{%d/%b/%Y %H:%M:%S}t at %{%%}t", "10/Oct/2000 13:55:36 at %"),
        ("%X \\\"%L\\\"\\tend", "+ \"-\"\tend"),
        ("common", "192.0.2.7 - ann [10/Oct/2000:13:55:36 +0000] \"GET /a?ann HTTP/1.1\" 200 12"),
    ] {
        assert_eq!(line(format, Some(&head), 200), expected, "{format}");
    }
    assert_eq!(line("%P", None, 200), std::process::id().to_string());
    let thread = rustix::thread::gettid().as_raw_nonzero();
    assert_eq!(line("%{tid}P %{hextid}P", None, 200), format!("{thread} {thread:x}"));
}

#[test]
fn a_request_that_was_none_has_dashes() {
    assert_eq!(
        line("combined", None, 400),
        "192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] \"-\" 400 12 \"-\" \"-\""
    );
    assert_eq!(line("%m %U %q %H %X %L %k %v %p %{Host}i", None, 400), "- -  - - - - - - -");
    assert_eq!(
        line("json", None, 400),
        "{\"time\":\"2000-10-10T13:55:38.500000Z\",\"request_id\":null,\"client\":\"192.0.2.7\",\
         \"user\":null,\"method\":null,\"target\":null,\"protocol\":null,\"host\":null,\
         \"status\":400,\"bytes\":12,\"received\":3,\"duration_us\":2345678,\"referer\":null,\
         \"user_agent\":null,\"complete\":true}"
    );
}

#[test]
fn an_empty_field_is_empty_and_a_missing_one_is_a_dash() {
    let mut head = request(b"");
    assert_eq!(line("\"%{Referer}i\" \"%{Absent}i\"", Some(&head), 200), "\"\" \"-\"");
    head.gateway = None;
    assert_eq!(line("%u%q.", Some(&head), 200), "-.");
}

#[test]
fn escapes_are_those_of_apache() {
    let head = request(b"a\"b\\c\xff\t z");
    assert_eq!(line("\"%{Referer}i\"", Some(&head), 200), "\"a\\\"b\\\\c\\xff\\t z\"");
    let head = request(b"\x01\x08\x0b\x0c\r\n\x1b[2J\x7f");
    assert_eq!(line("%q", Some(&head), 200), "?\\x01\\b\\v\\f\\r\\n\\x1b[2J\\x7f");
}

/// Bytes of every kind, and what was used against logs before.
fn hostile() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..=255).map(|byte| vec![b'a', byte, b'z']).collect();
    for text in [
        "\n192.0.2.9 - admin [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.1\" 200 12",
        "\" 200 0 \"-\" \"-\"\n",
        "\\\" \\n \\x0a",
        "\x1b]0;title\x07\x1b[31m",
        "\",\"status\":500,\"x\":\"",
        "%h %{X}i ${jndi:ldap://a}",
        "\u{85}\u{2028}\u{2029}\u{202e}\u{feff}\u{10ffff}",
    ] {
        all.push(text.as_bytes().to_vec());
    }
    // All pairs of what is special somewhere.
    let special = b"\"\\\n\r\t \x00\x1b\x7f\x80\xc3\xff{}[]%|";
    for &one in special {
        all.extend(special.iter().map(|&other| vec![one, other]));
    }
    all
}

#[test]
fn no_client_makes_a_line_or_a_field() {
    let fields = "%u %U %q %{User-Agent}i %{X-One}i %{X_VARIABLE}e %{Cookie}i %r";
    let spaced = line(fields, Some(&request(b"-")), 200).split(' ').count();
    let piped = fields.replace(' ', "|");
    let quoted = "\"%u\" \"%U\" \"%q\" \"%{User-Agent}i\" \"%{X-One}i\" \"%{X_VARIABLE}e\" \"%r\"";
    for bytes in hostile() {
        let head = request(&bytes);
        let written = line(fields, Some(&head), 200);
        assert!(written.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{written:?}");
        // Values of a repeated field are joined by a comma and a space of ours.
        assert_eq!(written.split(' ').count(), spaced, "{written:?}");
        let written = line(&piped, Some(&head), 200);
        assert_eq!(written.split('|').count(), 8, "{written:?}");
        let written = line(quoted, Some(&head), 200);
        assert_eq!(unescaped_quotes(&written), 14, "{written:?}");
    }
}

/// Quotation marks before which there is an even number of backslashes.
fn unescaped_quotes(text: &str) -> usize {
    let mut quotes = 0;
    let mut escaped = false;
    for byte in text.bytes() {
        quotes += usize::from(byte == b'"' && !escaped);
        escaped = byte == b'\\' && !escaped;
    }
    quotes
}

#[test]
fn json_is_json_whatever_a_client_sends() {
    pyo3::Python::initialize();
    pyo3::Python::attach(|py| {
        use pyo3::prelude::*;
        let loads = py.import("json").unwrap().getattr("loads").unwrap();
        for bytes in hostile() {
            let head = request(&bytes);
            let written = line("json", Some(&head), 200);
            assert!(written.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{written:?}");
            let record = loads.call1((&written,)).unwrap();
            let member = |name: &str| record.get_item(name).unwrap();
            assert_eq!(record.len().unwrap(), 15, "{written}");
            assert_eq!(member("status").extract::<u16>().unwrap(), 200);
            let text = match std::str::from_utf8(&bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
            };
            assert_eq!(member("user").extract::<String>().unwrap(), text);
        }
    });
}

fn error_log(style: Style) -> (tempfile::TempDir, Log) {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::new(Level::Info, style).with_errors(&directory.path().join("errors")).unwrap();
    (directory, log)
}

#[test]
fn a_message_is_one_line_and_its_traceback_is_indented() {
    let (directory, log) = error_log(Style::Text);
    let site = narthex_core::Site::new(Arc::new(|_| async { Ok(()) }));
    let mut head = RequestHead::default();
    site.arrived(&mut head, 0);
    log.write_about(Level::Error, &head, &"failed\nTraceback:\nnarthex: error: \x1b[2J");
    log.write(Level::Debug, &"not wanted");
    let id = head.id().unwrap();
    assert_eq!(
        std::fs::read_to_string(directory.path().join("errors")).unwrap(),
        format!("narthex: error: failed [{id}]\n  Traceback:\n  narthex: error: \\x1b[2J\n")
    );
}

#[test]
fn a_json_error_has_its_traceback_in_one_string() {
    let (directory, log) = error_log(Style::Json);
    let site = narthex_core::Site::new(Arc::new(|_| async { Ok(()) }));
    let mut head = RequestHead::default();
    site.arrived(&mut head, 0);
    log.write_about(Level::Error, &head, &"failed\nTraceback:\n  \"x\"");
    log.write(Level::Warning, &"plain");
    let text = std::fs::read_to_string(directory.path().join("errors")).unwrap();
    let lines: Vec<_> = text.lines().map(|line| line.split_once("Z\",").unwrap().1).collect();
    let id = head.id().unwrap();
    assert_eq!(
        lines,
        [
            &format!(
                "\"level\":\"error\",\"message\":\"failed\",\"request_id\":\"{id}\",\
                 \"traceback\":\"Traceback:\\n  \\\"x\\\"\"}}"
            ),
            "\"level\":\"warning\",\"message\":\"plain\"}"
        ]
    );
}

#[test]
fn every_line_for_the_journal_has_its_priority() {
    let mut line = Line::default();
    line.message(&"one\ntwo");
    assert_eq!(marked(&line, priority(Level::Error)).0, b"<3>one\n<3>  two");
}

#[test]
fn failures_of_requests_are_counted() {
    let (_directory, log) = error_log(Style::Text);
    let log = log.with_metrics();
    let before = log.metrics.as_ref().unwrap().snapshot();
    log.write_about(Level::Info, &RequestHead::default(), &"refused");
    log.write(Level::Error, &"something else");
    assert_eq!(log.metrics.as_ref().unwrap().snapshot(), before);
    log.write_about(Level::Error, &RequestHead::default(), &"failed");
    assert_ne!(log.metrics.as_ref().unwrap().snapshot(), before);
}
