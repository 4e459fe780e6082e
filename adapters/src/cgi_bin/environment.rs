//! The variables that a program gets: those of its request, and none that nobody asked for.

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use http::header::{AUTHORIZATION, PROXY_AUTHORIZATION};
use narthex_core::{Gateway, RequestHead, visit_variables};

use super::{CgiBin, program::Program};

/// What programs are looked for in by `#!/usr/bin/env`, where our own environment does not say.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What is the same for every program.
#[derive(Debug)]
pub(super) struct Environment {
    always: Vec<(OsString, OsString)>,
    authorization: bool,
    /// Routes and what they stand for, the longest first: `PATH_TRANSLATED` is found by them.
    documents: Vec<(Vec<u8>, PathBuf)>,
}

impl Environment {
    /// Reads what is to be passed on from our own environment, once.
    pub(super) fn new(asked: &CgiBin, mut documents: Vec<(Vec<u8>, PathBuf)>) -> Self {
        let path = env::var_os("PATH").unwrap_or_else(|| PATH.into());
        let mut always = vec![("PATH".into(), path)];
        for (name, value) in &asked.environment {
            if let Some(value) = value.clone().or_else(|| env::var_os(name)) {
                always.retain(|(other, _)| other != name);
                always.push((name.clone(), value));
            }
        }
        documents.sort_by_key(|(route, _)| std::cmp::Reverse(route.len()));
        Self { always, authorization: asked.authorization, documents }
    }

    /// The environment of `program` for `request`, whose path begins with `route`.
    ///
    /// Variables of the request come last, so that they win: no option can make one up.
    pub(super) fn of(
        &self,
        program: &Program,
        route: &[u8],
        request: &RequestHead,
    ) -> Vec<(OsString, OsString)> {
        let head = self.head(program, route, request);
        let mut variables = self.always.clone();
        let mut set = |name: &[u8], value: &[u8]| {
            // Neither can be handed to a process.
            if !name.contains(&0) && !name.contains(&b'=') && !value.contains(&0) {
                variables
                    .push((OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())));
            }
        };
        set(b"SCRIPT_FILENAME", program.file.as_os_str().as_bytes());
        set(b"REMOTE_HOST", &head.connection.client.host); // its name is not looked up (4.1.9)
        if let Some(translated) = self.translated(&head.path_info()) {
            set(b"PATH_TRANSLATED", translated.as_os_str().as_bytes());
        }
        visit_variables(&head, &mut set);
        variables
    }

    /// `request` as the program sees it: mounted where the program is.
    fn head(&self, program: &Program, route: &[u8], request: &RequestHead) -> RequestHead {
        let path = request.path_info();
        let length = route.len() + program.length;
        let mut head = request.clone();
        head.gateway = Some(Box::new(Gateway {
            target: Some(request.target().into_owned().into()),
            mount: [request.mount(), &path[..length]].concat().into(),
            path_info: path[length..].to_vec().into(),
            query: request.query().to_vec().into(),
            authentication: request
                .gateway
                .as_ref()
                .and_then(|gateway| gateway.authentication.clone()),
            variables: request.variables().to_vec(),
        }));
        head.headers.remove(PROXY_AUTHORIZATION);
        if !self.authorization {
            head.headers.remove(AUTHORIZATION);
        }
        head
    }

    /// What the file for this path would be, if it were asked for by itself (RFC 3875, 4.1.6).
    fn translated(&self, path: &[u8]) -> Option<PathBuf> {
        self.documents.iter().filter(|_| !path.is_empty()).find_map(|(route, directory)| {
            let rest = path.strip_prefix(&route[..])?;
            let rest = matches!(rest, [] | [b'/', ..]).then_some(rest)?;
            let start = rest.iter().position(|&byte| byte != b'/').unwrap_or(rest.len());
            Some(directory.join(OsStr::from_bytes(&rest[start..])))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use http::Method;
    use narthex_core::{Connection, Endpoint};

    use super::*;

    fn seen(asked: &CgiBin, target: &str, mount: &'static str) -> HashMap<String, String> {
        let documents = vec![(b"".to_vec(), "/srv".into()), (b"/static".to_vec(), "/files".into())];
        let environment = Environment::new(asked, documents);
        let connection = Connection {
            mount: mount.into(),
            client: Endpoint { host: "2001:db8::1".into(), port: Some(4711) },
            server: Endpoint { host: "::1".into(), port: Some(8000) },
            ..Connection::default()
        };
        let mut head = RequestHead {
            method: Method::POST,
            uri: target.parse().unwrap(),
            connection: Arc::new(connection),
            ..RequestHead::default()
        };
        for (name, value) in [
            ("proxy", "http://evil"),
            ("authorization", "Basic eDp5"),
            ("proxy-authorization", "Basic eDp5"),
            ("x-a", "1"),
            ("content-type", "text/plain"),
        ] {
            head.headers.insert(name, value.parse().unwrap());
        }
        let program = Program { file: "/srv/x/a.cgi".into(), length: 6, executable: true };
        let text = |text: OsString| text.into_string().unwrap();
        environment
            .of(&program, b"/cgi-bin", &head)
            .into_iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    #[test]
    fn the_path_is_taken_apart() {
        for (target, mount, script, info) in [
            ("/cgi-bin/a.cgi", "", "/cgi-bin/a.cgi", ""),
            ("/cgi-bin/a.cgi/", "", "/cgi-bin/a.cgi", "/"),
            ("/cgi-bin/a.cgi/x%2Fy//%C3%A9?q=%41", "", "/cgi-bin/a.cgi", "/x/y//\u{e9}"),
            ("/m/cgi-bin/a.cgi/x", "/m", "/m/cgi-bin/a.cgi", "/x"),
        ] {
            let map = seen(&CgiBin::default(), target, mount);
            assert_eq!((&*map["SCRIPT_NAME"], &*map["PATH_INFO"]), (script, info), "{target}");
            assert_eq!(map["REQUEST_URI"], target);
            assert_eq!(map["SCRIPT_FILENAME"], "/srv/x/a.cgi");
        }
    }

    #[test]
    fn a_path_is_translated_by_what_it_would_mean_here() {
        let translated = |info: &str| {
            seen(&CgiBin::default(), &format!("/cgi-bin/a.cgi{info}"), "").remove("PATH_TRANSLATED")
        };
        assert_eq!(translated("/a/b").as_deref(), Some("/srv/a/b"));
        assert_eq!(translated("/static/a").as_deref(), Some("/files/a"));
        assert_eq!(translated("/statics").as_deref(), Some("/srv/statics"));
        assert_eq!(translated("//etc/passwd").as_deref(), Some("/srv/etc/passwd"));
        assert_eq!(translated(""), None);
    }

    #[test]
    fn nothing_is_passed_on_that_nobody_asked_for() {
        let map = seen(&CgiBin::default(), "/cgi-bin/a.cgi", "");
        let expected = [
            "CONTENT_TYPE",
            "GATEWAY_INTERFACE",
            "HTTP_X_A",
            "PATH",
            "PATH_INFO",
            "QUERY_STRING",
            "REMOTE_ADDR",
            "REMOTE_HOST",
            "REMOTE_PORT",
            "REQUEST_METHOD",
            "REQUEST_SCHEME",
            "REQUEST_URI",
            "SCRIPT_FILENAME",
            "SCRIPT_NAME",
            "SERVER_NAME",
            "SERVER_PORT",
            "SERVER_PROTOCOL",
            "SERVER_SOFTWARE",
        ];
        let mut names: Vec<_> = map.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!((&*map["REMOTE_ADDR"], &*map["SERVER_NAME"]), ("2001:db8::1", "[::1]"));
    }

    #[test]
    fn what_was_asked_for_is() {
        let asked = CgiBin {
            environment: vec![
                ("CARGO_MANIFEST_DIR".into(), None),
                ("NARTHEX_NOT_THERE".into(), None),
                ("PATH".into(), Some("/x".into())),
                ("REQUEST_METHOD".into(), Some("FORGED".into())),
            ],
            authorization: true,
            ..CgiBin::default()
        };
        let map = seen(&asked, "/cgi-bin/a.cgi", "");
        assert_eq!(map["CARGO_MANIFEST_DIR"], env!("CARGO_MANIFEST_DIR"));
        assert_eq!((&*map["PATH"], &*map["REQUEST_METHOD"]), ("/x", "POST"));
        assert_eq!(map["HTTP_AUTHORIZATION"], "Basic eDp5");
        assert!(!map.contains_key("NARTHEX_NOT_THERE"));
        assert!(!map.contains_key("HTTP_PROXY_AUTHORIZATION") && !map.contains_key("HTTP_PROXY"));
    }
}
