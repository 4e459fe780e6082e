//! What becomes of single variables.

use super::*;

fn request(variables: &[(&'static str, &'static [u8])]) -> Result<RequestHead> {
    let method = [("REQUEST_METHOD", b"GET".as_slice())];
    let all = method.iter().chain(variables);
    request_from_variables(all.map(|&(name, value)| (name.into(), Bytes::from_static(value))))
}

fn field(variables: &[(&'static str, &'static [u8])], name: &str) -> Option<Vec<u8>> {
    let head = request(variables).unwrap();
    head.headers.get(name).map(|value| value.as_bytes().to_vec())
}

#[test]
fn without_a_method_there_is_no_request() {
    let error = request_from_variables([]).unwrap_err();
    assert!(error.to_string().contains("REQUEST_METHOD"));
    assert!(request(&[("REQUEST_METHOD", b"")]).is_err());
    assert_eq!(request(&[("REQUEST_METHOD", b"G T")]).unwrap_err().status(), 400);
    assert_eq!(request(&[("REQUEST_METHOD", b"mkcol")]).unwrap().method, "mkcol");
}

#[test]
fn lengths_are_digits_or_absent() {
    for absent in [b"".as_slice(), b"-1", b"0"] {
        assert_eq!(field(&[("CONTENT_LENGTH", absent)], "content-length"), None);
    }
    assert_eq!(field(&[("CONTENT_LENGTH", b"007")], "content-length").unwrap(), b"7");
    for bad in [b"+5".as_slice(), b"abc", b"5 ", b"0x5", b"5,5", b"99999999999999999999", b"\xff"] {
        assert!(request(&[("CONTENT_LENGTH", bad)]).is_err(), "{}", bad.escape_ascii());
    }
}

#[test]
fn framing_and_proxy_do_not_come_from_fields() {
    let head = request(&[
        ("HTTP_CONTENT_LENGTH", b"99"),
        ("HTTP_CONTENT_TYPE", b"evil/evil"),
        ("HTTP_TRANSFER_ENCODING", b"chunked"),
        ("HTTP_CONNECTION", b"close"),
        ("HTTP_PROXY", b"http://evil"),
        ("HTTP_Proxy", b"http://evil"),
        ("HTTP_", b"x"),
        ("HTTP_A B", b"x"),
        ("HTTP_NUL", b"a\0b"),
        ("HTTP_LF", b"a\nb"),
        ("CONTENT_TYPE", b""),
    ])
    .unwrap();
    assert_eq!(head.headers.len(), 0, "{:?}", head.headers);
    assert!(head.variables().iter().all(|(name, _)| !name.starts_with(b"HTTP_")));
}

#[test]
fn values_are_bytes_and_repeated_ones_are_joined() {
    assert_eq!(field(&[("HTTP_X_A", b"caf\xe9")], "x-a").unwrap(), b"caf\xe9");
    let twice = [("HTTP_X_A", b"1".as_slice()), ("HTTP_X_A", b"2"), ("HTTP_COOKIE", b"a=1")];
    assert_eq!(field(&twice, "x-a").unwrap(), b"1, 2");
    let cookies = [("HTTP_COOKIE", b"a=1".as_slice()), ("HTTP_COOKIE", b"b=2")];
    assert_eq!(field(&cookies, "cookie").unwrap(), b"a=1; b=2");
}

#[test]
fn authorization_is_found_where_apache_left_it() {
    let redirected = ("REDIRECT_HTTP_AUTHORIZATION", b"Basic eA==".as_slice());
    let both = [("HTTP_AUTHORIZATION", b"".as_slice()), redirected];
    assert_eq!(field(&both, "authorization").unwrap(), b"Basic eA==");
    let own = [("HTTP_AUTHORIZATION", b"Bearer y".as_slice()), redirected];
    assert_eq!(field(&own, "authorization").unwrap(), b"Bearer y");
    assert_eq!(field(&[("HTTP_AUTHORIZATION", b"")], "authorization"), None);
}

#[test]
fn a_host_is_made_where_there_is_none() {
    let host = |variables| field(variables, "host");
    assert_eq!(host(&[("SERVER_NAME", b"a"), ("SERVER_PORT", b"80")]).unwrap(), b"a");
    assert_eq!(host(&[("SERVER_NAME", b"a"), ("SERVER_PORT", b"8080")]).unwrap(), b"a:8080");
    let https = host(&[("HTTPS", b"on"), ("SERVER_NAME", b"[::1]"), ("SERVER_PORT", b"443")]);
    assert_eq!(https.unwrap(), b"[::1]");
    assert_eq!(host(&[("HTTP_HOST", b""), ("SERVER_NAME", b"a")]).unwrap(), b"a");
    assert_eq!(host(&[("SERVER_NAME", b"_")]).unwrap(), b"_");
    assert!(request(&[("HTTP_HOST", b"a, b")]).is_err());
}

#[test]
fn a_user_needs_an_authority() {
    let alone = request(&[("REMOTE_USER", b"eve")]).unwrap();
    assert_eq!(alone.gateway.unwrap().authentication, None);
    let vouched = request(&[("REMOTE_USER", b"al"), ("AUTH_TYPE", b"Basic")]).unwrap();
    let expected = Authentication { kind: "Basic".into(), user: "al".into() };
    assert_eq!(vouched.gateway.unwrap().authentication, Some(expected));
}

#[test]
fn the_connection_is_as_told() {
    let head = request(&[
        ("HTTPS", b"off"),
        ("REQUEST_SCHEME", b"https"),
        ("REMOTE_ADDR", b"2001:db8::1"),
        ("REMOTE_PORT", b"4711"),
        ("SERVER_NAME", b"[::1]"),
        ("SERVER_PORT", b"-"),
        ("SERVER_PROTOCOL", b"HTTP/2.0"),
    ])
    .unwrap();
    assert_eq!(head.connection.scheme, Scheme::Https);
    let client = Endpoint { host: "2001:db8::1".into(), port: Some(4711) };
    assert_eq!(head.connection.client, client);
    assert_eq!(head.connection.server, Endpoint { host: "::1".into(), port: None });
    assert_eq!(head.version, Version::HTTP_2);
    assert_eq!(request(&[("HTTPS", b"1")]).unwrap().connection.scheme, Scheme::Https);
    assert_eq!(request(&[("HTTPS", b"off")]).unwrap().connection.scheme, Scheme::Http);
}

#[test]
fn no_byte_is_refused_in_a_path_or_a_field() {
    for byte in 0..=u8::MAX {
        let value = Bytes::from(vec![b'/', byte, b'x']);
        let names = ["PATH_INFO", "SCRIPT_NAME", "REQUEST_URI", "QUERY_STRING", "HTTP_X"];
        for name in names {
            let method = (Bytes::from("REQUEST_METHOD"), Bytes::from("GET"));
            let head = request_from_variables([method, (name.into(), value.clone())]).unwrap();
            if name == "PATH_INFO" {
                assert_eq!(*head.path_info(), *value);
            }
        }
    }
}

#[test]
fn a_connection_lasts_while_its_facts_do() {
    let mut heads = RequestHeads::responder(None);
    let mut next = |port: &'static str| {
        let all = [("REQUEST_METHOD", "GET"), ("REMOTE_ADDR", "::1"), ("REMOTE_PORT", port)];
        let all = all.map(|(name, value)| (Bytes::from(name), Bytes::from(value)));
        heads.head(all).unwrap().connection
    };
    let (first, second, third) = (next("1"), next("1"), next("2"));
    assert!(Arc::ptr_eq(&first, &second));
    assert!(!Arc::ptr_eq(&second, &third));
    assert_eq!((first.client.port, third.client.port), (Some(1), Some(2)));
}

#[test]
fn the_port_in_a_name_is_no_part_of_it() {
    let server = |name: &'static str, port: &'static str| {
        let all = [("SERVER_NAME", name.as_bytes()), ("SERVER_PORT", port.as_bytes())];
        let server = request(&all).unwrap().connection.server.clone();
        (String::from_utf8(server.host.to_vec()).unwrap(), server.port)
    };
    assert_eq!(server("a:8080", "8080"), ("a".into(), Some(8080)));
    assert_eq!(server("[::1]:80", "80"), ("::1".into(), Some(80)));
    assert_eq!(server("[::1]", "80"), ("::1".into(), Some(80)));
    assert_eq!(server("::80", "80"), ("::80".into(), Some(80)));
    assert_eq!(server("a:8080", "80"), ("a:8080".into(), Some(80)));
    assert_eq!(server("a:", ""), ("a:".into(), None));
    for port in ["65536", "+1", "1 ", "99999999999", "x"] {
        assert_eq!(server("a", port).1, None, "{port}");
    }
}

#[test]
fn haproxy_vouches_for_nobody() {
    let all = [
        ("AUTH_TYPE", b"Basic".as_slice()),
        ("REMOTE_USER", b"eve"),
        ("SERVER_SOFTWARE", b"HAProxy 2.6.12"),
    ];
    assert_eq!(request(&all).unwrap().gateway.unwrap().authentication, None);
}

#[test]
fn more_fields_than_a_head_can_have_are_refused() {
    let many = (0..40_000).map(|number| (format!("HTTP_F{number}").into(), Bytes::new()));
    let error = request_from_variables(many).unwrap_err();
    assert_eq!(error.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}
