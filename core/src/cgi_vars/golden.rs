//! Environments that real hosts handed down, read as requests.

use std::{collections::BTreeSet, fs, path::Path};

use bytes::Bytes;
use http::Version;

use super::{RequestHeads, Variables, place::Origin};
use crate::{RequestHead, Scheme};

/// A host, and what its files show.
struct Host {
    /// What its files are named after.
    name: &'static str,
    origin: Origin,
    /// What stood before the path in the URLs that were asked for.
    prefix: &'static str,
    /// Where the application is, if nobody has said so.
    mount: &'static str,
    /// What the host destroys before anything can be done about it.
    losses: &'static [Loss],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    /// Cookie fields are joined as others are: nobody can tell them apart afterwards.
    Cookies,
    /// No Authorization.
    Authorization,
    /// `X_Forwarded_For` comes as the same variable as X-Forwarded-For, in the order sent.
    Underscores,
    /// The host takes the field for its own.
    ForwardedFor,
    /// Host has no port (Debian's parameters of nginx).
    HostPort,
    /// The version is always said to be 1.1.
    Version,
    /// Neither scheme nor name nor port of the server is told.
    Server,
}

use Loss::*;
use Origin::{Program, Responder};

const fn host(
    name: &'static str,
    origin: Origin,
    prefix: &'static str,
    mount: &'static str,
    losses: &'static [Loss],
) -> Host {
    Host { name, origin, prefix, mount, losses }
}

#[rustfmt::skip]
const HOSTS: &[Host] = &[
    host("apache", Program, "/cgi-bin/dump.cgi", "/cgi-bin/dump.cgi", &[Cookies]),
    host("busybox", Program, "/cgi-bin/dump.cgi", "/cgi-bin/dump.cgi", &[Version, Server]),
    host("caddy-app", Responder, "", "", &[Cookies, ForwardedFor]),
    host("caddy-plain", Responder, "", "", &[Cookies, ForwardedFor]),
    host("caddy-script", Responder, "/app.fcgi", "/app.fcgi", &[Cookies, ForwardedFor]),
    host("cgid-alias", Program, "/mounted", "/mounted", &[Cookies]),
    host("cgid-file", Program, "/cgi-bin/dump.cgi", "/cgi-bin/dump.cgi", &[Cookies]),
    // A rewrite rule hides /app.cgi.
    host("cgid-hidden", Program, "", "", &[Cookies]),
    host("fcgid-file", Responder, "/app.fcgi", "/app.fcgi", &[Cookies]),
    host("fcgid-hidden", Responder, "/sub", "/sub", &[Cookies]),
    host("haproxy-app", Responder, "/app", "/app", &[Authorization]),
    host("haproxy-plain", Responder, "", "", &[Authorization]),
    host("haproxy-script", Responder, "/app.fcgi", "/app.fcgi", &[Authorization]),
    host("lighttpd", Program, "/cgi-bin/dump.cgi", "/cgi-bin/dump.cgi", &[]),
    host("lighttpd-app", Responder, "/app", "/app", &[Underscores]),
    host("lighttpd-bin", Responder, "/app.fcgi", "/app.fcgi", &[Underscores]),
    host("lighttpd-cgi", Program, "/app.cgi", "/app.cgi", &[Underscores]),
    host("lighttpd-fixroot", Responder, "", "", &[Underscores]),
    host("lighttpd-local", Responder, "/app.fcgi", "/app.fcgi", &[Underscores]),
    // Without fix-root-scriptname the first segment looks like a prefix.
    host("lighttpd-root", Responder, "", FIRST_SEGMENT, &[Underscores]),
    host("lighttpd-scgi", Responder, "", "", &[Underscores]),
    host("lighttpd-scgi-app", Responder, "/app", "/app", &[Underscores]),
    host("lighttpd-scgi-root", Responder, "", FIRST_SEGMENT, &[Underscores]),
    host("nginx", Program, "/cgi-bin/dump.cgi", "/cgi-bin/dump.cgi", &[HostPort]),
    host("nginx-conf", Responder, "", "", &[HostPort]),
    host("nginx-named", Responder, "/app", "/app", &[HostPort]),
    host("nginx-named-root", Responder, "", "", &[HostPort]),
    host("nginx-plain", Responder, "", "", &[HostPort]),
    host("nginx-scgi", Responder, "", "", &[HostPort]),
    host("nginx-split", Responder, "/app", "/app", &[HostPort]),
    host("nginx-split-root", Responder, "", "", &[HostPort]),
    host("nginx-uwsgi", Responder, "", "", &[HostPort]),
    host("proxy-fcgi-app", Responder, "/app", "/app", &[Cookies]),
    // Whether what SetHandler names is a file, nobody says: see place.rs.
    host("proxy-fcgi-file", Responder, "/proxied.fcgi", "", &[Cookies]),
    host("proxy-fcgi-generic", Responder, "", "", &[Cookies]),
    host("proxy-fcgi-generic-app", Responder, "/app", "/app", &[Cookies]),
    host("proxy-fcgi-locapp", Responder, "/app", "", &[Cookies]),
    host("proxy-fcgi-location", Responder, "", "", &[Cookies]),
    host("proxy-fcgi-pathinfo", Responder, "", "", &[Cookies]),
    host("proxy-fcgi-pathinfo-app", Responder, "/app", "/app", &[Cookies]),
    host("proxy-fcgi-root", Responder, "", "", &[Cookies]),
    host("proxy-scgi", Responder, "", "", &[Cookies]),
    host("proxy-scgi-app", Responder, "/app", "/app", &[Cookies]),
    host("proxy-scgi-pathinfo-app", Responder, "/scgi", "/scgi", &[Cookies]),
    host("proxy-uwsgi", Responder, "", "", &[Cookies]),
    host("proxy-uwsgi-app", Responder, "/app", "/app", &[Cookies]),
];

/// The mount is whatever segment comes first in the path.
const FIRST_SEGMENT: &str = "*";

/// A request that was sent to most hosts.
struct Case {
    name: &'static str,
    method: &'static str,
    /// What stood below the prefix, as sent, and what an application sees of it.
    target: &'static str,
    path: &'static [u8],
}

const fn case(
    name: &'static str,
    method: &'static str,
    target: &'static str,
    path: &'static [u8],
) -> Case {
    Case { name, method, target, path }
}

const CASES: &[Case] = &[
    case("absolute", "GET", "/abs//x?q=1", b"/abs//x"),
    case("chunked", "POST", "/c", b"/c"),
    case("ipv6", "GET", "/v6", b"/v6"),
    case("isindex", "GET", "?-s+-d", b""),
    case("old", "GET", "/old?-s+-d", b"/old"),
    case("plain", "GET", "", b""),
    case(
        "post",
        "POST",
        "/a%2Fb//c%20d/%252c/%E3%81%82/x/../y?q=%41&x=1",
        b"/a/b//c d/%2c/\xe3\x81\x82/y",
    ),
    case("root", "GET", "", b""),
    case("slash", "GET", "/", b"/"),
];

/// Requests that their host sent elsewhere than where they were asked for: the file, and mount,
/// path, query and target to be seen.
#[rustfmt::skip]
const REWRITTEN: &[(&str, &str, &str, &str, &str)] = &[
    ("apache-pretty", "/cgi-bin/dump.cgi", "/a/b/c", "q=1", "/pretty/a%2Fb//c?q=1"),
    ("cgid-file-error", "/cgi-bin/dump.cgi", "/error", "", "/missing/x%20y?q=1"),
    ("fcgid-file-error", "/app.fcgi", "/error", "", "/missing/x%20y?q=1"),
    ("fcgid-file-pretty", "/app.fcgi", "/a/b/c", "q=1", "/pretty/a%2Fb//c?q=1"),
    ("lighttpd-app-pretty", "/app", "/a/b/c", "q=1", "/pretty/a%2Fb//c?q=1"),
    ("lighttpd-cgi-pretty", "/app.cgi", "/a/b/c", "q=1", "/pretty/a%2Fb//c?q=1"),
    ("nginx-plain-error", "", "/error/page", "", "/missing/x%20y?q=1"),
    ("nginx-plain-pretty", "", "/inner/a/b/c", "added=1&q=1", "/pretty/a%2Fb//c?q=1"),
    ("nginx-split-pretty", "/app", "/a/b/c", "q=1", "/pretty/a%2Fb//c?q=1"),
    ("proxy-fcgi-app-pretty", "/app", "/a/b/c", "q=1", "/pretty/a%2Fb//c?q=1"),
    ("proxy-fcgi-file-pretty", "", "/proxied.fcgi/a/b/c", "q=1", "/pretty/a%2Fb//c?q=1"),
];

#[test]
fn every_host_hands_down_the_same_request() {
    for (file, variables) in files() {
        let (host, case) = file.rsplit_once('-').unwrap();
        let Some(host) = HOSTS.iter().find(|known| known.name == host) else {
            panic!("{file}: no such host")
        };
        let Some(case) = CASES.iter().find(|known| known.name == case) else {
            assert!(REWRITTEN.iter().any(|rewritten| rewritten.0 == file), "{file}: no such case");
            continue;
        };
        let seen = Seen { file: &file, host, case, head: &read(host, None, variables.clone()) };
        // HAProxy tells of a path-info that matched nothing as little as of none at all.
        let untold = matches!(&*file, "haproxy-app-root" | "haproxy-script-root");
        seen.check_place(if untold { "" } else { host.mount });
        seen.check_fields();
        seen.check_connection();
        // Told where it is, the application is there under every host.
        let prefix = Bytes::from(host.prefix);
        let forced = read(host, Some(prefix), variables);
        Seen { head: &forced, ..seen }.check_place(host.prefix);
    }
}

#[test]
fn a_rewritten_url_is_where_its_host_sent_it() {
    let files: Vec<_> = files();
    for &(file, mount, path, query, target) in REWRITTEN {
        let (name, _) = file.rsplit_once('-').unwrap();
        let host = HOSTS.iter().find(|host| host.name == name).unwrap();
        let (_, variables) = files.iter().find(|(name, _)| name == file).unwrap();
        let head = read(host, None, variables.clone());
        assert_eq!(text(head.mount()), mount, "{file}");
        assert_eq!(text(&head.path_info()), path, "{file}");
        assert_eq!(text(head.query()), query, "{file}");
        assert_eq!(text(&head.target()), target, "{file}");
        if target.starts_with("/pretty/") && !file.starts_with("nginx-plain") {
            // Of the mount that clients know all is below that they asked for.
            let path = if mount.is_empty() { path } else { "/a/b//c" };
            let head = read(host, Some("/pretty".into()), variables.clone());
            assert_eq!(
                (text(head.mount()), text(&head.path_info())),
                ("/pretty".into(), path.into())
            );
        }
    }
}

#[test]
fn every_host_has_its_files() {
    let files: BTreeSet<_> =
        files().into_iter().map(|(file, _)| file.rsplit_once('-').unwrap().0.to_owned()).collect();
    let hosts: BTreeSet<_> = HOSTS.iter().map(|host| host.name.to_owned()).collect();
    assert_eq!(files, hosts);
}

/// A request, and what is to be seen of it.
#[derive(Clone, Copy)]
struct Seen<'a> {
    file: &'a str,
    host: &'a Host,
    case: &'a Case,
    head: &'a RequestHead,
}

impl Seen<'_> {
    fn lost(&self, loss: Loss) -> bool {
        self.host.losses.contains(&loss)
    }

    /// What the embedded server would say of the URL.
    fn check_place(&self, mount: &str) {
        let Self { file, host, case, head } = *self;
        // Nobody can ask for nothing at all.
        let bare = host.prefix.is_empty() && !case.target.starts_with('/');
        let slash = if bare { "/" } else { "" };
        let prefix = if file.starts_with("caddy-app-") { "/app" } else { host.prefix };
        assert_eq!(text(&head.target()), format!("{prefix}{slash}{}", case.target), "{file}");
        let query = case.target.split_once('?').map_or("", |(_, query)| query);
        assert_eq!(text(head.query()), query, "{file}");

        let whole = format!("{}{slash}{}", host.prefix, text(case.path));
        let whole = match file {
            // It takes the prefix off and squeezes, so that REQUEST_URI has nothing to do with it.
            "caddy-app-post" => whole.replace("//", "/"),
            _ => whole,
        };
        let mount = match mount {
            FIRST_SEGMENT => match whole[1..].find('/') {
                Some(end) => &whole[..=end],
                None => whole.trim_end_matches('/'),
            },
            mount => mount,
        };
        let path = whole.strip_prefix(mount).unwrap();
        assert_eq!(
            (text(head.mount()).as_str(), text(&head.path_info()).as_str()),
            (mount, path),
            "{file}"
        );
    }

    fn check_fields(&self) {
        let Self { file, case, head, .. } = *self;
        assert_eq!(head.method, case.method, "{file}");
        let field = |name| head.headers.get(name).map(|value| text(value.as_bytes()));
        let length = field("content-length");
        match case.name {
            // Some measure the body first, some pass it on as it comes.
            "chunked" => assert!(matches!(length.as_deref(), None | Some("5")), "{file}"),
            "post" => assert_eq!(length.as_deref(), Some("7"), "{file}"),
            _ => assert_eq!(length, None, "{file}"),
        }
        for name in ["proxy", "connection", "transfer-encoding", "te", "upgrade"] {
            assert_eq!(field(name), None, "{file}: {name}");
        }
        if case.name == "post" {
            self.check_doubtful_fields(field);
        }
        assert!(head.variables().iter().all(|(name, _)| !name.starts_with(b"HTTP_")), "{file}");
        // What nobody has checked is no user.
        assert_eq!(head.gateway.as_ref().unwrap().authentication, None, "{file}");
    }

    fn check_doubtful_fields(&self, field: impl Fn(&'static str) -> Option<String>) {
        let file = self.file;
        let expect = |name, value: &str| assert_eq!(field(name).as_deref(), Some(value), "{file}");
        expect("content-type", "application/x-www-form-urlencoded");
        expect("x-latin", "caf\\xe9");
        expect("x-multi", "1, 2");
        expect("cookie", if self.lost(Cookies) { "a=1, b=2" } else { "a=1; b=2" });
        if self.lost(Authorization) {
            assert_eq!(field("authorization"), None, "{file}");
        } else {
            expect("authorization", "Basic dTpw");
        }
        if self.lost(Underscores) {
            expect("x-forwarded-for", "evil, good");
        } else if !self.lost(ForwardedFor) {
            expect("x-forwarded-for", "good");
        }
    }

    fn check_connection(&self) {
        let Self { file, case, head, .. } = *self;
        let connection = &*head.connection;
        let old = matches!(case.name, "old" | "isindex") && !self.lost(Version);
        let version = if old { Version::HTTP_10 } else { Version::HTTP_11 };
        assert_eq!(head.version, version, "{file}");
        assert_eq!(connection.scheme, Scheme::Http, "{file}");
        let client = if case.name == "ipv6" { "::1" } else { "127.0.0.1" };
        assert_eq!(connection.client.host, client, "{file}");
        assert!(connection.client.port.is_some(), "{file}");
        assert_eq!(text(head.mount()), text(&connection.mount), "{file}");
        let Some(host) = head.headers.get("host") else {
            // Where a server has been given no name, none is known but that of Host.
            let unnamed = file == "lighttpd-isindex" || file.starts_with("caddy-");
            assert!(unnamed && old || self.lost(Server), "{file}");
            return;
        };
        let host = text(host.as_bytes());
        let name = match case.name {
            "absolute" => "www.example.org",
            "ipv6" => "[::1]",
            "old" | "isindex" if !file.starts_with("haproxy") => "www.example.org",
            _ => "127.0.0.1",
        };
        let (told, port) =
            host.rsplit_once(':').filter(|_| !host.ends_with(']')).unwrap_or((&host, ""));
        assert_eq!(told, name, "{file}");
        if !self.lost(HostPort) && !matches!(case.name, "absolute" | "old" | "isindex") {
            assert!(port.starts_with("18"), "{file}: {host}");
        }
        assert!(self.lost(Server) || connection.server.port.is_some(), "{file}");
        assert!(!connection.server.host.contains(&b'['), "{file}");
        assert!(!connection.server.host.ends_with(b":18541"), "{file}");
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn read(host: &Host, mount: Option<Bytes>, variables: Variables) -> RequestHead {
    let mut heads = match host.origin {
        Program => RequestHeads::program(mount),
        Responder => RequestHeads::responder(mount),
    };
    heads.head(variables).unwrap()
}

/// The name of each file, and its lines `NAME=value`, with `\xNN` for bytes that are not printable.
fn files() -> Vec<(String, Variables)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "env"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, lines(&fs::read(path).unwrap()))
        })
        .collect();
    files.sort();
    assert!(files.len() > 100);
    files
}

fn lines(file: &[u8]) -> Variables {
    let lines = file.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let equals = line.iter().position(|&byte| byte == b'=').unwrap();
            (Bytes::copy_from_slice(&line[..equals]), unescaped(&line[equals + 1..]))
        })
        .collect()
}

fn unescaped(mut text: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    loop {
        text = match text {
            [] => return bytes.into(),
            [b'\\', b'x', high, low, rest @ ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest
            }
            [b'\\', b'\\', rest @ ..] => {
                bytes.push(b'\\');
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}
