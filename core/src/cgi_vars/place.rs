//! Where the application is mounted, and the path below it, from what each kind of host says.
//!
//! A CGI host has found a file, and `SCRIPT_NAME` is where it is. A web server that passes requests
//! on to a process need not have: some say so of a file, some of a prefix in their configuration,
//! and some put into `SCRIPT_NAME` what the client wrote there. A mount is believed only where it
//! comes from the configuration or from a file. What a client could move would let it past rules
//! of the host, which know paths only: `/x/admin` is not below `/admin`.
//!
//! | Host | `SCRIPT_NAME` | `PATH_INFO` | What is done |
//! |---|---|---|---|
//! | CGI, `mod_fcgid`, Caddy | the script, or empty | the rest | believed |
//! | lighttpd, by prefix or extension | the prefix or script | the rest | believed |
//! | lighttpd, `"/"` without `fix-root-scriptname` | first segment | the rest | believed: it looks like a prefix; needs `--script-name` |
//! | nginx, `fastcgi_split_path_info` | as configured | the rest | believed |
//! | nginx, stock parameters | the whole path, or none | none, or the whole path | no mount |
//! | nginx, `fastcgi_param SCRIPT_NAME /app` | `/app` after the stock one | none | believed |
//! | `HAProxy` without `path-info`, or where it matched no more than the script | the whole path | none | no mount |
//! | `mod_proxy_fcgi`, `mod_proxy_scgi`, by `ProxyPass` | the whole path | none | the mount is what `ProxyPass` took off |
//! | the same with `proxy-fcgi-pathinfo` | a part of the path | the rest, encoded | the same |
//! | `mod_proxy_fcgi` by `SetHandler` | first segment, or a file | the rest | no mount |
//! | `mod_proxy_uwsgi` | what `ProxyPass` took off | the rest | believed |

use bytes::Bytes;

use super::recover::{self, below, canonical, rooted, without_dots};
use crate::path::decode;

/// Who hands down the variables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// Whoever started this process as a CGI program.
    Program,
    /// A web server that speaks a gateway protocol.
    Responder,
}

/// What is said of the path; a variable that is given empty is given.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    pub(super) script_name: Option<&'a Bytes>,
    pub(super) script_name_repeated: bool,
    pub(super) path_info: Option<&'a Bytes>,
    pub(super) document_uri: Option<&'a Bytes>,
    pub(super) script_filename: Option<&'a Bytes>,
    pub(super) software: Option<&'a Bytes>,
    /// The path of the target, encoded.
    pub(super) raw_path: Option<&'a [u8]>,
}

/// A mount and the path below it.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) mount: Bytes,
    pub(super) path_info: Bytes,
    /// Whether they are what the client asked for; otherwise its URL was rewritten.
    pub(super) as_asked: bool,
}

/// Finds the place of a request; `forced` is where the application has been told that it is.
pub(super) fn place(told: &Told<'_>, origin: Origin, forced: Option<&Bytes>) -> Place {
    let (mount, path_info) = match origin {
        Origin::Program => told.believed(),
        Origin::Responder => told.mapped(),
    };
    let place = told.recovered(recover::mount(&mount), rooted(path_info));
    match forced {
        None => place,
        Some(forced) => moved(place, forced, told.raw_path),
    }
}

/// `place` for an application that is known to be at `mount`.
fn moved(place: Place, mount: &Bytes, raw: Option<&[u8]>) -> Place {
    // Behind a rewritten URL the path that is told need not start at the root.
    if place.as_asked || !mount.is_empty() {
        let whole = joined(&place.mount, &place.path_info);
        let rest = whole.strip_prefix(&**mount);
        if let Some(rest) = rest.filter(|rest| matches!(rest.first(), None | Some(b'/'))) {
            return Place { mount: mount.clone(), path_info: whole.slice_ref(rest), ..place };
        }
    }
    match raw.and_then(|raw| below(raw, mount, &place.path_info)) {
        Some(path_info) => Place { mount: mount.clone(), path_info, as_asked: true },
        None => Place { mount: mount.clone(), ..place },
    }
}

impl Told<'_> {
    /// What the client asked for, as far as `path_info` was made from it.
    fn recovered(&self, mount: Bytes, path_info: Bytes) -> Place {
        if let Some(raw) = self.raw_path {
            if let Some(path_info) = below(raw, &mount, &path_info) {
                return Place { mount, path_info, as_asked: true };
            }
            if let Some(folder) = self.folder_of_script(&mount)
                && let Some(path_info) = below(raw, &folder, &path_info)
            {
                return Place { mount: folder, path_info, as_asked: true };
            }
        }
        Place { mount, path_info: without_dots(path_info), as_asked: false }
    }

    /// The folder of a script that is a file. Where its own name is not in the URL while its folder
    /// and all below are, a rewrite rule hides it, or it is the index of the folder: clients know
    /// the folder only.
    fn folder_of_script(&self, script: &Bytes) -> Option<Bytes> {
        let name = script.iter().rposition(|&byte| byte == b'/')?;
        let is_file = self.script_filename?.ends_with(&script[name..]);
        is_file.then(|| recover::mount(&script.slice(..name)))
    }

    fn believed(&self) -> (Bytes, Bytes) {
        match (self.script_name, self.path_info) {
            // SCGI asks for REQUEST_URI alone.
            (None, None) => (Bytes::new(), self.decoded_path()),
            (mount, path) => {
                (mount.cloned().unwrap_or_default(), path.cloned().unwrap_or_default())
            }
        }
    }

    /// The place that a web server means which maps URLs, not files.
    fn mapped(&self) -> (Bytes, Bytes) {
        if let Some(filename) = self.script_filename
            && let Some(place) = self.proxied_by_apache(filename)
        {
            return place;
        }
        if self.path_info.is_some() || !self.knows_no_scripts() {
            return self.believed();
        }
        let Some(whole) = self.document_uri.or(self.script_name) else { return self.believed() };
        let mount = self.script_name.map_or(b"".as_slice(), |name| name);
        // A script name beside the stock one, or one that is not the whole path, was written by
        // somebody into the configuration.
        match whole.strip_prefix(mount) {
            Some([]) if !self.script_name_repeated => (Bytes::new(), whole.clone()),
            Some(rest @ ([] | [b'/', ..])) => (whole.slice(..mount.len()), whole.slice_ref(rest)),
            _ => (Bytes::new(), whole.clone()),
        }
    }

    /// Whether it is nginx, which sends `DOCUMENT_URI`, or `HAProxy`: without more configuration,
    /// `SCRIPT_NAME` is the whole path there.
    fn knows_no_scripts(&self) -> bool {
        let named = |name: &[u8]| self.software.is_some_and(|software| software.starts_with(name));
        self.document_uri.is_some() || named(b"nginx/") || named(b"HAProxy")
    }

    /// The place according to Apache's `mod_proxy_fcgi` and `mod_proxy_scgi`, whose
    /// `SCRIPT_FILENAME` is the URL that the request was mapped to, `proxy:fcgi://localhost/below`,
    /// or under `ProxyFCGIBackendType GENERIC` the path of that URL.
    fn proxied_by_apache(&self, filename: &Bytes) -> Option<(Bytes, Bytes)> {
        let script = self.script_name.cloned().unwrap_or_default();
        let Some(url) = filename.strip_prefix(b"proxy:") else {
            let apache = self.software.is_some_and(|software| software.starts_with(b"Apache"));
            return (apache && self.path_info.is_none()).then(|| cut(&script, filename)).flatten();
        };
        if url.starts_with(b"uwsgi:") {
            return None; // mod_proxy_uwsgi makes both variables right
        }
        let authority = url.windows(3).position(|part| part == b"://")? + 3;
        let slash = url[authority..].iter().position(|&byte| byte == b'/')?;
        let below = &url[authority + slash..];
        Some(match self.path_info {
            None => cut(&script, below).unwrap_or_else(|| (Bytes::new(), script)),
            Some(path_info) if path_info == below => {
                let whole = canonical(&self.decoded_path()).into();
                cut(&whole, &canonical(&decode(below)))
                    .unwrap_or_else(|| (Bytes::new(), decode(below).into_owned().into()))
            }
            // SetHandler: the URL names a file, which need not exist.
            Some(path_info) => (Bytes::new(), joined(&script, path_info)),
        })
    }

    fn decoded_path(&self) -> Bytes {
        self.raw_path.map(|raw| decode(raw).into_owned().into()).unwrap_or_default()
    }
}

/// `whole` before and after where `below` begins, which may be encoded; a mere slash below may not
/// be in it.
fn cut(whole: &Bytes, below: &[u8]) -> Option<(Bytes, Bytes)> {
    let mount = whole.strip_suffix(below).or_else(|| whole.strip_suffix(&*decode(below)));
    match mount {
        Some(mount) => Some((whole.slice_ref(mount), whole.slice(mount.len()..))),
        None => (below == b"/").then(|| (whole.clone(), Bytes::new())),
    }
}

fn joined(mount: &Bytes, path_info: &Bytes) -> Bytes {
    match (&**mount, &**path_info) {
        ([], _) => path_info.clone(),
        (_, []) => mount.clone(),
        (mount, path_info) => [mount, path_info].concat().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RequestHeads, Variables};

    /// Mount and path below for these variables.
    fn seen(origin: Origin, forced: Option<&'static str>, all: &[(&str, &str)]) -> [String; 2] {
        let forced = forced.map(Bytes::from);
        let mut heads = match origin {
            Origin::Program => RequestHeads::program(forced),
            Origin::Responder => RequestHeads::responder(forced),
        };
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let variables: Variables = [("REQUEST_METHOD", "GET")]
            .iter()
            .chain(all)
            .map(|&(name, value)| (bytes(name), bytes(value)))
            .collect();
        let head = heads.head(variables).unwrap();
        [head.mount(), &*head.path_info()].map(|path| path.escape_ascii().to_string())
    }

    fn responder(all: &[(&str, &str)]) -> [String; 2] {
        seen(Origin::Responder, None, all)
    }

    #[test]
    fn a_script_is_believed_where_a_file_was_found() {
        // The whole path, and no PATH_INFO: under CGI that is a script, behind nginx nothing.
        let all = [
            ("SCRIPT_NAME", "/cgi-bin/app.cgi"),
            ("DOCUMENT_URI", "/cgi-bin/app.cgi"),
            ("REQUEST_URI", "/cgi-bin/app.cgi"),
            ("SERVER_SOFTWARE", "nginx/1.22.1"),
        ];
        assert_eq!(seen(Origin::Program, None, &all), ["/cgi-bin/app.cgi", ""]);
        assert_eq!(responder(&all), ["", "/cgi-bin/app.cgi"]);
        // mod_fcgid has found a file too.
        let all = [
            ("SCRIPT_NAME", "/app.fcgi"),
            ("SCRIPT_FILENAME", "/srv/www/app.fcgi"),
            ("REQUEST_URI", "/app.fcgi"),
            ("SERVER_SOFTWARE", "Apache/2.4 mod_fcgid/2.3.9"),
        ];
        assert_eq!(responder(&all), ["/app.fcgi", ""]);
    }

    #[test]
    fn a_client_does_not_choose_the_mount() {
        // By SetHandler, Apache takes the first segment for a file that need not be there.
        let handler = "proxy:fcgi://localhost/srv/www/x";
        let all = [
            ("SCRIPT_NAME", "/x"),
            ("PATH_INFO", "/admin"),
            ("SCRIPT_FILENAME", handler),
            ("REQUEST_URI", "/x/admin"),
        ];
        assert_eq!(responder(&all), ["", "/x/admin"]);
        // Nor by fields that have the names of variables.
        let all = [
            ("SCRIPT_NAME", ""),
            ("PATH_INFO", "/x"),
            ("REQUEST_URI", "/x"),
            ("HTTP_SCRIPT_NAME", "/evil"),
            ("HTTP_SCRIPT_FILENAME", "proxy:fcgi://a/"),
            ("HTTP_DOCUMENT_URI", "/evil"),
            ("HTTP_PATH_INFO", "/evil"),
        ];
        assert_eq!(responder(&all), ["", "/x"]);
        // Nor by dot segments, however often they are encoded.
        for uri in ["/app/../x", "/app/%2e%2e/x", "/app/%252e%252e/x", "/app/..%2fx", "//app/../x"]
        {
            let all = [("SCRIPT_NAME", "/app"), ("PATH_INFO", "/../x"), ("REQUEST_URI", uri)];
            let [mount, path] = responder(&all);
            assert_eq!(mount, "/app", "{uri}");
            assert!(path == "/x" || path == "/%2e%2e/x", "{uri}: {path}");
        }
    }

    #[test]
    fn a_hidden_script_is_a_file() {
        let all = |filename| {
            [
                ("SCRIPT_NAME", "/sub/app.cgi"),
                ("PATH_INFO", "/x"),
                ("SCRIPT_FILENAME", filename),
                ("REQUEST_URI", "/sub/%78"),
            ]
        };
        assert_eq!(seen(Origin::Program, None, &all("/srv/sub/app.cgi")), ["/sub", "/x"]);
        assert_eq!(seen(Origin::Program, None, &all("/srv/app")), ["/sub/app.cgi", "/x"]);
        // The index of its folder.
        let index = [
            ("SCRIPT_NAME", "/sub/app.cgi"),
            ("SCRIPT_FILENAME", "/srv/sub/app.cgi"),
            ("REQUEST_URI", "/sub/?q"),
        ];
        assert_eq!(seen(Origin::Program, None, &index), ["/sub", "/"]);
    }

    #[test]
    fn a_forced_mount_is_cut_at_a_segment() {
        let at = |mount, all: &[(&str, &str)]| seen(Origin::Responder, Some(mount), all);
        let whole =
            [("SCRIPT_NAME", "/app/x"), ("DOCUMENT_URI", "/app/x"), ("REQUEST_URI", "/app/x")];
        assert_eq!(at("/app", &whole), ["/app", "/x"]);
        assert_eq!(at("/app/x", &whole), ["/app/x", ""]);
        assert_eq!(at("", &whole), ["", "/app/x"]);
        // Elsewhere, or taken off on the way: all is below, as on the embedded server.
        assert_eq!(at("/ap", &whole), ["/ap", "/app/x"]);
        assert_eq!(at("/other", &whole), ["/other", "/app/x"]);
        // lighttpd without fix-root-scriptname.
        let first = [("SCRIPT_NAME", "/app"), ("PATH_INFO", "/x"), ("REQUEST_URI", "/app//x")];
        assert_eq!(at("", &first), ["", "/app//x"]);
        assert_eq!(at("/app", &first), ["/app", "//x"]);
        assert_eq!(at("/other", &first), ["/other", "//x"]);
        // What a proxy in front has taken off is in its REQUEST_URI still.
        let stripped = [("SCRIPT_NAME", ""), ("PATH_INFO", "/a/b"), ("REQUEST_URI", "/app/a%2Fb")];
        assert_eq!(at("/app", &stripped), ["/app", "/a/b"]);
    }

    #[test]
    fn little_is_enough() {
        // SCGI asks for no more.
        assert_eq!(responder(&[("REQUEST_URI", "/a%2Fb/../c?q")]), ["", "/a/c"]);
        assert_eq!(responder(&[]), ["", ""]);
        assert_eq!(responder(&[("REQUEST_URI", "*")]), ["", ""]);
        assert_eq!(responder(&[("DOCUMENT_URI", "/x")]), ["", "/x"]);
        // A mount written into nginx's configuration, beside the stock parameters or instead.
        let all = |uri| [("SCRIPT_NAME", uri), ("DOCUMENT_URI", uri), ("SCRIPT_NAME", "/app")];
        assert_eq!(responder(&all("/app")), ["/app", ""]);
        assert_eq!(responder(&all("/app/x")), ["/app", "/x"]);
        assert_eq!(responder(&all("/apple")), ["", "/apple"]);
    }

    #[test]
    fn malformed_names_of_files_say_nothing() {
        let uri = ("REQUEST_URI", "/a/b");
        for filename in ["proxy:", "proxy:fcgi:", "proxy:fcgi://", "proxy:fcgi://host", "proxy:/a"]
        {
            let all =
                [uri, ("SCRIPT_NAME", "/a"), ("PATH_INFO", "/b"), ("SCRIPT_FILENAME", filename)];
            assert_eq!(responder(&all), ["/a", "/b"], "{filename}");
        }
    }
}
