//! Static files: routes and their directories.

use std::path::PathBuf;

use clap::{Args, builder::BoolishValueParser};
use http::{
    HeaderName, HeaderValue,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
        DATE, ETAG, LAST_MODIFIED, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VARY,
    },
};
use narthex_adapters::{Options, StaticMount};

use crate::command::failure::Failure;

/// A year, as the time for what never changes.
const YEAR: u64 = 31_536_000;

/// Files that are served without the application.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Static files")]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
pub(in crate::command) struct Statics {
    /// Serve the files in DIR below a route, without the application; may be repeated
    #[arg(
        long = "static", env = "NARTHEX_STATIC", value_name = "/ROUTE=DIR", value_delimiter = ',',
        value_parser = mount, alias = "static-map"
    )]
    static_mounts: Vec<(Route, PathBuf)>,
    /// Ask the application where there is no file, on every route; with `/` it always is
    #[arg(long, env = "NARTHEX_STATIC_FALLTHROUGH", value_parser = BoolishValueParser::new())]
    static_fallthrough: bool,
    /// How long clients may keep the files of a route; may be repeated
    #[arg(
        long, env = "NARTHEX_STATIC_CACHE", value_name = "/ROUTE=SECONDS|immutable|no-cache",
        value_delimiter = ',', value_parser = cache
    )]
    static_cache: Vec<(Route, HeaderValue)>,
    /// A field for the files of a route; may be repeated, in the environment line by line
    #[arg(
        long, env = "NARTHEX_STATIC_HEADER", value_name = "/ROUTE: NAME: VALUE",
        value_delimiter = '\n', value_parser = header
    )]
    static_header: Vec<(Route, HeaderName, HeaderValue)>,
}

/// A path below the mount of the application; `/` is all of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::command) struct Route(String);

impl Route {
    pub(in crate::command) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Statics {
    /// Adds the mounts.
    ///
    /// # Errors
    /// They contradict each other.
    pub(in crate::command) fn open(&self, options: &mut Options) -> Result<(), Failure> {
        for (index, (route, directory)) in self.static_mounts.iter().enumerate() {
            if self.static_mounts[..index].iter().any(|(earlier, _)| earlier == route) {
                return Err(Failure::new(
                    "N241",
                    &format!("--static names the route {} twice", route.0),
                    Vec::new(),
                    vec!["give each directory a route of its own".to_owned()],
                ));
            }
            let path = if route.0 == "/" { "" } else { &route.0 };
            options.statics.push(StaticMount {
                route: path.as_bytes().to_vec(),
                directory: directory.clone(),
                headers: self.headers(route)?,
                fallthrough: self.static_fallthrough || path.is_empty(),
            });
        }
        self.routes_are_known()
    }

    /// The fields of `route`.
    fn headers(&self, route: &Route) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
        let cache = self.static_cache.iter().filter(|(other, _)| other == route);
        let cache = cache.map(|(_, value)| (CACHE_CONTROL, value.clone()));
        let given = self.static_header.iter().filter(|(other, ..)| other == route);
        let given = given.map(|(_, name, value)| (name.clone(), value.clone()));
        let headers: Vec<_> = cache.chain(given).collect();
        if headers.iter().filter(|(name, _)| name == CACHE_CONTROL).count() > 1 {
            return Err(Failure::new(
                "N242",
                &format!("Cache-Control is given twice for the route {}", route.0),
                Vec::new(),
                vec!["write it once, by --static-cache or by --static-header".to_owned()],
            ));
        }
        Ok(headers)
    }

    /// Refuses fields of routes that do not exist.
    fn routes_are_known(&self) -> Result<(), Failure> {
        let cache = self.static_cache.iter().map(|(route, _)| ("--static-cache", route));
        let header = self.static_header.iter().map(|(route, ..)| ("--static-header", route));
        let known = |route: &Route| self.static_mounts.iter().any(|(other, _)| other == route);
        match cache.chain(header).find(|(_, route)| !known(route)) {
            None => Ok(()),
            Some((option, route)) => Err(Failure::new(
                "N243",
                &format!("{option} names the route {}, which no --static has", route.0),
                Vec::new(),
                vec![format!("add --static {}=DIR, or write one of its routes", route.0)],
            )),
        }
    }
}

/// What to tell the user of a directory that cannot be opened.
pub(in crate::command) fn unreadable(error: &narthex_adapters::Error, full: &str) -> Failure {
    let fixes = match error {
        narthex_adapters::Error::Directory { source, .. }
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            "let this user read and enter the directory"
        }
        _ => "check the directory of --static /ROUTE=DIR",
    };
    Failure::new("N240", full, Vec::new(), vec![fixes.to_owned()])
}

pub(super) fn mount(text: &str) -> Result<(Route, PathBuf), String> {
    match text.split_once('=') {
        Some((path, directory)) if !directory.is_empty() => Ok((route(path)?, directory.into())),
        _ => Err("write a route and a directory, such as /static=assets".to_owned()),
    }
}

pub(super) fn route(text: &str) -> Result<Route, String> {
    let Some(path) = text.strip_prefix('/') else {
        return Err(format!("a route starts with a slash: /{text}"));
    };
    let path = if path == "/" { path } else { path.strip_suffix('/').unwrap_or(path) };
    if path.contains(['%', ':', '\\']) || path.chars().any(char::is_control) {
        return Err("write the route as it is decoded, without % and :".to_owned());
    }
    if !path.is_empty() && path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("a route has no empty segments and no dot segments".to_owned());
    }
    Ok(Route(format!("/{path}")))
}

fn cache(text: &str) -> Result<(Route, HeaderValue), String> {
    const HINT: &str = "write a route and a time, such as /static=3600, or immutable, or no-cache";
    let (path, time) = text.split_once('=').ok_or(HINT)?;
    let value = match time {
        "immutable" => format!("max-age={YEAR}, immutable"),
        "no-cache" => "no-cache".to_owned(),
        seconds => format!("max-age={}", seconds.parse::<u32>().map_err(|_| HINT)?),
    };
    Ok((route(path)?, HeaderValue::try_from(value).map_err(|_| HINT)?))
}

fn header(text: &str) -> Result<(Route, HeaderName, HeaderValue), String> {
    const HINT: &str = "write a route and a field, such as '/static: X-Robots-Tag: noindex'";
    let (path, field) = text.split_once(':').ok_or(HINT)?;
    let (name, value) = field.split_once(':').ok_or(HINT)?;
    let name: HeaderName = name.trim().parse().map_err(|_| HINT)?;
    if OURS.contains(&name) || matches!(name.as_str(), "keep-alive" | "proxy-connection") {
        return Err(format!("{name} is the server's to say"));
    }
    Ok((route(path.trim())?, name, HeaderValue::from_str(value.trim()).map_err(|_| HINT)?))
}

/// Fields that only the server can know.
static OURS: [HeaderName; 13] = [
    ACCEPT_RANGES,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    DATE,
    ETAG,
    LAST_MODIFIED,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    VARY,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_a_route_and_a_directory() {
        let read = |text: &str| mount(text).map(|(route, directory)| (route.0, directory));
        let expected = |route: &str, directory: &str| Ok((route.to_owned(), directory.into()));
        assert_eq!(read("/static=assets"), expected("/static", "assets"));
        assert_eq!(read("/a/b/=/srv/x=y"), expected("/a/b", "/srv/x=y"));
        assert_eq!(read("/=public"), expected("/", "public"));
        for text in ["static=a", "/static", "/static=", "/a//b=c", "/../x=y", "/%41=b", "//=a"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_a_cache_control() {
        let read = |text: &str| cache(text).map(|(_, value)| value);
        assert_eq!(read("/s=60").unwrap(), "max-age=60");
        assert_eq!(read("/s=no-cache").unwrap(), "no-cache");
        assert_eq!(read("/s=immutable").unwrap(), "max-age=31536000, immutable");
        for text in ["/s", "/s=", "/s=-1", "/s=1h", "s=1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_is_checked() {
        let (path, name, value) = header("/s: Content-Security-Policy: a: b").unwrap();
        assert_eq!((path.0.as_str(), name.as_str()), ("/s", "content-security-policy"));
        assert_eq!(value, "a: b");
        for text in ["/s: X", "/s: bad name: x", "/s: ETag: x", "/s: Connection: close", "X: y: z"]
        {
            assert!(header(text).is_err(), "{text}");
        }
    }
}
