//! `NarthexOption KEY VALUE`: which options of `narthex serve` an application has under httpd.

use super::Arena;

/// What an option takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Takes {
    Value,
    Nothing,
}

/// Options that a place may have.
const KNOWN: [(&str, Takes); 17] = [
    ("access-log", Takes::Value),
    ("access-log-buffer", Takes::Value),
    ("access-log-format", Takes::Value),
    ("api", Takes::Value),
    ("app-dir", Takes::Value),
    ("body-timeout", Takes::Value),
    ("chdir", Takes::Value),
    ("config", Takes::Value),
    ("error-log", Takes::Value),
    ("explain", Takes::Nothing),
    ("limit-body", Takes::Value),
    ("log-format", Takes::Value),
    ("log-level", Takes::Value),
    ("placement", Takes::Value),
    ("request-id-header", Takes::Value),
    ("serialize", Takes::Nothing),
    ("slow", Takes::Value),
];

/// Options that are httpd's matter, or a group's, and what to write instead.
const ELSEWHERE: [(&[&str], &str); 14] = [
    (
        &["bind", "insecure-bind", "backlog", "socket-mode", "socket-owner"],
        "httpd listens: write Listen",
    ),
    (
        &["workers", "supervise", "threads", "max-requests", "max-rss", "start-timeout", "timeout"],
        "it is a setting of a group: write NarthexGroup NAME {key}=... and NarthexProcess group:NAME",
    ),
    (&["graceful-timeout"], "it is a setting of a group: write NarthexGroup NAME graceful=..."),
    (&["mount", "root-path", "script-name"], "write NarthexApp in <Location \"/path\">"),
    (&["debug", "no-debug"], "write NarthexDebug On or NarthexDebug Off"),
    (&["reload"], "write NarthexReload On, or NarthexGroup NAME reload=on"),
    (
        &["static", "static-fallthrough", "static-cache", "static-header"],
        "httpd serves files: write Alias",
    ),
    (
        &["cgi-bin", "cgi-env", "cgi-pass-authorization", "cgi-timeout", "cgi-limit"],
        "httpd runs CGI programs: write ScriptAlias",
    ),
    (
        &["certificate", "key", "client-ca", "client-verify", "tls-minimum"],
        "httpd does TLS: write SSLEngine On",
    ),
    (
        &["trust-proxy", "proxy-headers", "proxy-protocol"],
        "httpd knows who its client is: write RemoteIPTrustedProxy",
    ),
    (
        &["limit-head", "limit-headers"],
        "httpd reads request heads: write LimitRequestFieldSize and LimitRequestFields",
    ),
    (
        &["header-timeout", "keep-alive", "write-timeout", "h2-max-streams"],
        "httpd keeps the connections: write RequestReadTimeout, KeepAliveTimeout or Timeout",
    ),
    (&["name", "pid-file"], "the broker is called after httpd"),
    (&["management"], "the figures are those of httpd: write SetHandler server-status"),
];

/// An option that was chosen for a place, and those before it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Chosen<'p> {
    /// The key, without dashes before it.
    pub(crate) key: &'p str,
    /// The value, if it takes one.
    pub(crate) value: Option<&'p str>,
    before: Options<'p>,
}

/// The options of a place: no key twice.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Options<'p>(Option<&'p Chosen<'p>>);

impl<'p> Options<'p> {
    /// The arguments of `narthex serve`: these options, then APP.
    pub(crate) fn arguments(self, debug: Option<bool>, app: &str) -> Vec<String> {
        let mut arguments: Vec<_> = debug.map(|on| format!("--debug={on}")).into_iter().collect();
        arguments.extend(self.backwards().map(|chosen| match chosen.value {
            Some(value) => format!("--{}={value}", chosen.key),
            None => format!("--{}", chosen.key),
        }));
        arguments.reverse();
        arguments.extend(["--".to_owned(), app.to_owned()]);
        arguments
    }

    /// The options, the last one first.
    fn backwards(self) -> impl Iterator<Item = &'p Chosen<'p>> {
        std::iter::successors(self.0, |chosen| chosen.before.0)
    }

    /// Those of a function that decides, which is called by an API of its own.
    pub(super) fn for_functions(self, arena: impl Arena<'p>) -> Self {
        let mut options = self.without("access-log", arena);
        options.choose("api", Some("authorizer"), arena);
        options
    }

    /// Chooses a value for a key, in place of what it had.
    pub(super) fn choose(&mut self, key: &'p str, value: Option<&'p str>, arena: impl Arena<'p>) {
        let kept = self.without(key, arena);
        *self = Self(Some(arena.chosen(Chosen { key, value, before: kept })));
    }

    /// These options, and those of a place within.
    pub(super) fn merge(self, inner: Self, arena: impl Arena<'p>) -> Self {
        if inner.0.is_none() {
            return self;
        }
        if self.0.is_none() {
            return inner;
        }
        let mut inner: Vec<_> = inner.backwards().collect();
        let mut merged = self;
        while let Some(chosen) = inner.pop() {
            merged.choose(chosen.key, chosen.value, arena);
        }
        merged
    }

    /// The same, kept elsewhere.
    pub(crate) fn copied<'q>(self, arena: impl Arena<'q>) -> Options<'q> {
        let mut all: Vec<_> = self.backwards().collect();
        all.reverse();
        all.iter().fold(Options(None), |before, chosen| {
            let (key, value) = (arena.text(chosen.key), chosen.value.map(|text| arena.text(text)));
            Options(Some(arena.chosen(Chosen { key, value, before })))
        })
    }

    fn without(self, key: &str, arena: impl Arena<'p>) -> Self {
        if self.backwards().all(|chosen| chosen.key != key) {
            return self;
        }
        let kept: Vec<_> = self.backwards().filter(|chosen| chosen.key != key).collect();
        kept.iter().rev().fold(Self(None), |before, chosen| {
            Self(Some(arena.chosen(Chosen { before, ..**chosen })))
        })
    }
}

/// Looks at an option as it was written.
///
/// # Errors
/// What to write instead.
pub(super) fn check(key: &str, value: Option<&str>) -> Result<(), String> {
    if let Some(bare) = key.strip_prefix("--") {
        return Err(format!(
            "write it without dashes: NarthexOption {}",
            bare.replacen('=', " ", 1)
        ));
    }
    if let Some((_, advice)) = ELSEWHERE.iter().find(|(keys, _)| keys.contains(&key)) {
        let advice = advice.replace("{key}", &group_key(key));
        return Err(format!("the option {key} is not for an application in httpd: {advice}"));
    }
    let Some((_, takes)) = KNOWN.iter().find(|(known, _)| *known == key) else {
        return Err(unknown(key));
    };
    match (takes, value) {
        (Takes::Value, None) => {
            Err(format!("the option {key} wants a value: NarthexOption {key} VALUE"))
        }
        (Takes::Nothing, Some(value)) => Err(format!(
            "the option {key} takes no value: write NarthexOption {key}, without {value}"
        )),
        _ => Ok(()),
    }
}

/// What a group calls an option.
fn group_key(option: &str) -> String {
    match option {
        "workers" | "supervise" => "processes".to_owned(),
        _ => option.to_owned(),
    }
}

fn unknown(key: &str) -> String {
    let names = KNOWN.iter().map(|(name, _)| *name);
    if let Some(near) = nearest(key, names.clone()) {
        return format!("there is no option {key}; perhaps {near} is meant");
    }
    let names: Vec<_> = names.collect();
    format!("there is no option {key}; there are {}", names.join(", "))
}

/// The name that is most like what was written, if one is like it at all.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &str| strsim::jaro(written, name);
    let best = names.max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) > 0.8).then_some(best)
}
