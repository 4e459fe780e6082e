use std::time::{Duration, Instant};

use super::{
    headers::{X_FOR, X_HOST},
    *,
};
use crate::{Answer, Ask, Exchange, Handler, Reply, Result};

struct Nothing;

#[async_trait::async_trait]
impl Handler for Nothing {
    fn now(&self, _ask: &Ask<'_>) -> Reply {
        Reply::Now(Answer::plain(http::StatusCode::OK))
    }

    async fn handle(&self, _exchange: Arc<Exchange>) -> Result<()> {
        Ok(())
    }
}

/// A server on 10.0.0.9:8000 that trusts 10/8, and the proxy 10.0.0.1 that calls it.
struct Setup {
    site: Site,
    connection: Arc<Connection>,
    forwarding: Forwarding,
}

impl Setup {
    fn new(proxy_headers: ProxyHeaders, trust: &str) -> Self {
        Self::of_peer("10.0.0.1", proxy_headers, trust)
    }

    fn of_peer(peer: &'static str, proxy_headers: ProxyHeaders, trust: &str) -> Self {
        let mut site = Site::new(Arc::new(Nothing));
        site.trust = trust.parse().unwrap();
        site.proxy_headers = proxy_headers;
        let connection = Connection {
            client: Endpoint { host: peer.into(), port: Some(40000) },
            server: Endpoint { host: "10.0.0.9".into(), port: Some(8000) },
            mount: "/own".into(),
            ..Connection::default()
        };
        let forwarding = Forwarding::new(&site, &connection);
        Self { site, connection: Arc::new(connection), forwarding }
    }

    fn receive(&self, fields: &[(&'static str, &str)]) -> RequestHead {
        let connection = Arc::clone(&self.connection);
        let mut head = RequestHead { connection, ..RequestHead::default() };
        for (name, value) in fields {
            head.headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        self.forwarding.apply(&self.site, &mut head);
        head
    }
}

type Client<'a> = (&'a str, Option<u16>);

fn client(head: &RequestHead) -> Client<'_> {
    let Endpoint { host, port } = &head.connection.client;
    (str::from_utf8(host).unwrap(), *port)
}

fn server(head: &RequestHead) -> (&str, u16, Option<&str>) {
    let Endpoint { host, port } = &head.connection.server;
    let field = head.headers.get(HOST).map(|host| host.to_str().unwrap());
    (str::from_utf8(host).unwrap(), port.unwrap(), field)
}

const PEER: Client<'_> = ("10.0.0.1", Some(40000));

#[test]
fn without_trust_the_fields_are_like_others() {
    let head = Setup::new(ProxyHeaders::X_FORWARDED, "")
        .receive(&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")]);
    assert_eq!(head.headers.len(), 2);
    assert_eq!(client(&head), PEER);
    assert!(!head.connection.relayed);
}

#[test]
fn who_is_not_trusted_is_not_heard() {
    let setup = Setup::of_peer("192.0.2.7", ProxyHeaders::X_FORWARDED, "10.0.0.0/8");
    let fields = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-for", "192.0.2.2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "a.example"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/a"),
        ("forwarded", "for=192.0.2.1"),
        ("host", "own.example"),
    ];
    for _ in 0..2 {
        let head = setup.receive(&fields);
        assert_eq!(head.headers.len(), 1);
        assert_eq!(client(&head), ("192.0.2.7", Some(40000)));
        assert_eq!(server(&head), ("10.0.0.9", 8000, Some("own.example")));
        assert_eq!((head.connection.scheme, head.mount()), (Scheme::Http, &b"/own"[..]));
        // A developer's page is not for whoever is behind a proxy on this machine.
        assert!(head.connection.relayed);
    }
    assert!(!setup.receive(&[("host", "own.example")]).connection.relayed);
}

#[test]
fn the_client_is_the_first_from_the_right_that_is_not_trusted() {
    let setup = Setup::new(ProxyHeaders::X_FORWARDED, "10.0.0.0/8, fd00::/8, unix");
    let cases: &[(&[&str], Client<'_>)] = &[
        (&["192.0.2.1"], ("192.0.2.1", None)),
        (&["192.0.2.1:80"], ("192.0.2.1", Some(80))),
        (&["127.0.0.1, 192.0.2.1"], ("192.0.2.1", None)),
        (&["127.0.0.1, 192.0.2.1, 10.0.0.2"], ("192.0.2.1", None)),
        (&["192.0.2.9", "192.0.2.1,10.0.0.3", "10.0.0.2"], ("192.0.2.1", None)),
        (&["192.0.2.1, [fd00::1]:4, ::ffff:10.0.0.2"], ("192.0.2.1", None)),
        (&["192.0.2.1, unix:"], ("192.0.2.1", None)),
        (&["unix:"], ("", None)),
        (&["10.0.0.3, 10.0.0.2"], ("10.0.0.3", None)),
        (&["[2001:db8::1]:443"], ("2001:db8::1", Some(443))),
        (&[", ,192.0.2.1, ,"], ("192.0.2.1", None)),
        (&["192.0.2.1, unknown"], ("unknown", None)),
        (&["10.0.0.2, _hidden, 10.0.0.3"], ("_hidden", None)),
        // What no proxy of ours has written may be anything.
        (&["\"';--, <script>, 192.0.2.1"], ("192.0.2.1", None)),
        // And what one has written and makes no sense, the one before it answers for.
        (&["nonsense"], PEER),
        (&["192.0.2.1, nonsense, 10.0.0.2"], ("10.0.0.2", None)),
        (&[""], PEER),
    ];
    for (values, expected) in cases {
        let fields: Vec<_> = values.iter().map(|value| ("x-forwarded-for", *value)).collect();
        let head = setup.receive(&fields);
        assert_eq!(client(&head), *expected, "{values:?}");
        assert_eq!(server(&head), ("10.0.0.9", 8000, None), "{values:?}");
    }
}

#[test]
fn whoever_trusts_everybody_believes_the_leftmost() {
    let setup = Setup::new(ProxyHeaders::X_FORWARDED, "*");
    let head = setup.receive(&[("x-forwarded-for", "192.0.2.1, 198.51.100.1, 10.0.0.2")]);
    assert_eq!(client(&head), ("192.0.2.1", None));
}

#[test]
fn the_scheme_is_that_of_the_client() {
    let setup = Setup::new(ProxyHeaders::X_FORWARDED, "10.0.0.0/8");
    for (hops, protos, https) in [
        ("192.0.2.1", "https", true),
        ("192.0.2.1", "HTTPS", true),
        ("192.0.2.1", "wss", true),
        ("192.0.2.1", "ws", false),
        ("", "https", true),
        ("192.0.2.1", "https, http", false),
        ("192.0.2.1, 10.0.0.2", "https, http", true),
        ("192.0.2.1, 10.0.0.2", "http, https, http", true),
        ("192.0.2.1, 10.0.0.2, 10.0.0.3", "https", true),
        ("192.0.2.1", "https, gopher", false),
        ("192.0.2.1", "on", false),
    ] {
        let head = setup.receive(&[("x-forwarded-for", hops), ("x-forwarded-proto", protos)]);
        assert_eq!(head.connection.scheme == Scheme::Https, https, "{hops} {protos}");
    }
}

#[test]
fn name_and_port_are_those_that_the_client_knows() {
    let setup = Setup::new(ProxyHeaders::X_FORWARDED, "10.0.0.0/8");
    let field = |name, value: &'static str| (!value.is_empty()).then_some((name, value));
    for (host, asked, proto, port, expected) in [
        ("own", "", "", "", ("10.0.0.9", 8000, Some("own"))),
        ("own", "", "https", "", ("10.0.0.9", 443, Some("own"))),
        ("own:81", "", "https", "", ("10.0.0.9", 81, Some("own:81"))),
        ("own", "", "https", "443", ("10.0.0.9", 443, Some("own"))),
        ("own", "", "https", "8443", ("10.0.0.9", 8443, Some("own:8443"))),
        ("own:81", "", "", "8443", ("10.0.0.9", 81, Some("own:81"))),
        ("own:99999", "", "", "81", ("10.0.0.9", 81, Some("own:99999"))),
        ("", "", "https", "81", ("10.0.0.9", 81, None)),
        ("own:81", "a.example", "", "", ("a.example", 80, Some("a.example"))),
        ("own:81", "a.example", "https", "", ("a.example", 443, Some("a.example"))),
        ("own", "a.example:81", "https", "443", ("a.example", 81, Some("a.example:81"))),
        ("own", "a.example", "", "81", ("a.example", 81, Some("a.example:81"))),
        ("own", "[2001:db8::1]:81", "", "", ("2001:db8::1", 81, Some("[2001:db8::1]:81"))),
        ("own", "[2001:db8::1]", "", "81", ("2001:db8::1", 81, Some("[2001:db8::1]:81"))),
        ("own", "a.example:", "", "81", ("a.example", 81, Some("a.example:81"))),
        ("own", "evil, a.example", "", "", ("a.example", 80, Some("a.example"))),
        // Malformed, and so ignored.
        ("own", "a@b", "", "", ("10.0.0.9", 8000, Some("own"))),
        ("own", "a.example:99999", "", "", ("10.0.0.9", 8000, Some("own"))),
        ("own", "a/b", "https", "", ("10.0.0.9", 443, Some("own"))),
        ("own", "", "", "0", ("10.0.0.9", 8000, Some("own"))),
        ("own", "", "", "65536", ("10.0.0.9", 8000, Some("own"))),
        ("own", "", "", "+81", ("10.0.0.9", 8000, Some("own"))),
    ] {
        let fields = [
            field("host", host),
            field("x-forwarded-host", asked),
            field("x-forwarded-proto", proto),
            field("x-forwarded-port", port),
        ];
        let fields: Vec<_> = fields.into_iter().flatten().collect();
        let head = setup.receive(&fields);
        assert_eq!(server(&head), expected, "{fields:?}");
        assert!(head.headers.get_all(HOST).iter().count() <= 1);
    }
}

#[test]
fn a_prefix_goes_before_the_mount() {
    let setup = Setup::new(ProxyHeaders::X_FORWARDED, "10.0.0.0/8");
    for (prefix, target, mount, path) in [
        ("/outer/", "/own/x", "/outer/own", "/x"),
        ("/outer", "/x", "/outer/own", "/x"),
        ("/", "/own/x", "/own", "/x"),
        ("//evil.example", "/own/x", "/own", "/x"),
        ("/evil, /outer", "/own/x", "/outer/own", "/x"),
    ] {
        let mut head = setup.receive(&[("x-forwarded-prefix", prefix)]);
        head.uri = target.parse().unwrap();
        assert_eq!((head.mount(), &*head.path_info()), (mount.as_bytes(), path.as_bytes()));
    }
}

#[test]
fn what_is_ignored_reaches_nobody() {
    let setup = Setup::new(ProxyHeaders::X_FORWARDED, "10.0.0.0/8");
    let fields = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-host", "a b"),
        ("x-forwarded-port", "x"),
        ("x-forwarded-prefix", "x"),
        ("forwarded", "for=127.0.0.1;host=evil.example;proto=https"),
    ];
    for _ in 0..2 {
        let head = setup.receive(&fields);
        assert_eq!(client(&head), ("192.0.2.1", None));
        assert_eq!(head.headers.len(), 1, "{:?}", head.headers);
    }
}

#[test]
fn only_the_fields_that_the_proxy_sets_count() {
    let said = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-prefix", "/outer"),
        ("forwarded", "for=192.0.2.2"),
        ("host", "own.example"),
    ];
    for (set, who, https, mount) in [
        ("x-forwarded-for,x-forwarded-proto", "192.0.2.1", true, "/own"),
        ("x-forwarded-for", "192.0.2.1", false, "/own"),
        ("x-forwarded-for,x-forwarded-prefix", "192.0.2.1", false, "/outer/own"),
        ("forwarded,x-forwarded-prefix", "192.0.2.2", false, "/outer/own"),
    ] {
        let headers: ProxyHeaders = set.parse().unwrap();
        let head = Setup::new(headers, "10.0.0.0/8").receive(&said);
        assert_eq!(client(&head), (who, None), "{set}");
        assert_eq!(head.connection.scheme == Scheme::Https, https, "{set}");
        assert_eq!(head.mount(), mount.as_bytes(), "{set}");
        assert_eq!(head.headers[HOST], "own.example");
        assert!(!head.headers.contains_key(&X_HOST));
        assert_eq!(head.headers.len(), 1 + headers.set().count(), "{set}");
    }
}

#[test]
fn rfc_7239_is_read_from_the_right() {
    let setup = Setup::new(ProxyHeaders::FORWARDED, "10.0.0.0/8");
    let cases: &[(&[&str], &str, bool, &str)] = &[
        (&["for=192.0.2.1;proto=https;host=a.example"], "192.0.2.1", true, "a.example"),
        (&[r#"for="[2001:db8::1]:4";host="a.example:81""#], "2001:db8::1", false, "a.example:81"),
        (&["for=127.0.0.1;host=evil, for=192.0.2.1"], "192.0.2.1", false, "own"),
        (&["for=1.1.1.1", "for=192.0.2.1;proto=https, for=10.0.0.2"], "192.0.2.1", true, "own"),
        (&["for=192.0.2.1, for=10.0.0.2;proto=https;host=b"], "192.0.2.1", true, "b"),
        (&["for=192.0.2.1;proto=http;host=a, for=10.0.0.2;proto=https"], "192.0.2.1", false, "a"),
        (&["for=_secret"], "_secret", false, "own"),
        (&["for=unknown;proto=https"], "unknown", true, "own"),
        (&["proto=https"], "10.0.0.1", true, "own"),
        // A quote that the client left open, and one that it left open with more in mind.
        (&[r#"for=", for=192.0.2.1"#], "192.0.2.1", false, "own"),
        (&[r#"for=127.0.0.1;x=", for="192.0.2.1""#], "192.0.2.1", false, "own"),
        (&[r#"for="\"#, "for=192.0.2.1"], "192.0.2.1", false, "own"),
        (&["for=192.0.2.1, nonsense"], "10.0.0.1", false, "own"),
        (&["for=192.0.2.1;for=192.0.2.2"], "10.0.0.1", false, "own"),
        (&["for=192.0.2.1;host=\"a b\""], "192.0.2.1", false, "own"),
        (&["for=localhost;proto=https"], "10.0.0.1", true, "own"),
    ];
    for (lines, host, https, asked) in cases {
        let mut fields: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        fields.extend([("host", "own"), ("x-forwarded-for", "127.0.0.1")]);
        fields.push(("x-forwarded-prefix", "/evil"));
        let head = setup.receive(&fields);
        assert_eq!(client(&head).0, *host, "{lines:?}");
        assert_eq!(head.connection.scheme == Scheme::Https, *https, "{lines:?}");
        assert_eq!(head.headers.get(HOST).unwrap(), asked, "{lines:?}");
        assert!(!head.headers.contains_key(&X_FOR) && head.mount() == b"/own", "{lines:?}");
    }
}

#[test]
fn the_same_fields_make_the_same_connection() {
    let setup = Setup::new(ProxyHeaders::X_FORWARDED, "10.0.0.0/8");
    let fields = |client: &'static str| [("x-forwarded-for", client), ("host", "own")];
    let first = setup.receive(&fields("192.0.2.1")).connection;
    assert!(Arc::ptr_eq(&first, &setup.receive(&fields("192.0.2.1")).connection));
    let others: &[&[_]] = &[
        &fields("192.0.2.2"),
        &[("x-forwarded-for", "192.0.2.1"), ("host", "other")],
        &[("x-forwarded-for", "192.0.2.1")],
        &[("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", ""), ("host", "own")],
        &[("x-forwarded-proto", "https"), ("host", "own")],
    ];
    for other in others {
        let connection = setup.receive(other).connection;
        assert!(!Arc::ptr_eq(&first, &connection), "{other:?}");
        assert!(Arc::ptr_eq(&connection, &setup.receive(other).connection), "{other:?}");
    }
    let none = setup.receive(&[("host", "own")]).connection;
    assert!(Arc::ptr_eq(&none, &setup.connection));
    assert!(setup.receive(&[("forwarded", "for=192.0.2.1")]).connection.relayed);
}

#[test]
fn ten_thousand_hops_are_walked_in_no_time() {
    for (headers, trust, hop, client_is) in [
        (ProxyHeaders::X_FORWARDED, "10.0.0.0/8", "10.0.0.2,", "10.0.0.2"),
        (ProxyHeaders::X_FORWARDED, "*", "192.0.2.1,", "192.0.2.1"),
        (ProxyHeaders::X_FORWARDED, "*", ",", "10.0.0.1"),
        (ProxyHeaders::FORWARDED, "*", "for=192.0.2.1,", "192.0.2.1"),
        (ProxyHeaders::FORWARDED, "*", "\",", "10.0.0.1"),
        (ProxyHeaders::FORWARDED, "*", "\\\"\\\\\",", "10.0.0.1"),
    ] {
        let setup = Setup::new(headers, trust);
        let value = hop.repeat(10_000);
        let name = headers.set().next().unwrap().as_str();
        let began = Instant::now();
        let fields = [("host", "own")];
        let mut head = setup.receive(&fields);
        head.headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        setup.forwarding.apply(&setup.site, &mut head);
        assert_eq!(client(&head).0, client_is, "{hop}");
        assert!(began.elapsed() < Duration::from_secs(2), "{hop}: {:?}", began.elapsed());
        let Peer::Trusted(last) = &setup.forwarding.0 else { panic!("10.0.0.1 is trusted") };
        assert!(last.lock().unwrap().is_none(), "kept for as long as the connection lives");
    }
}
