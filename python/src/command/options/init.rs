//! What `narthex init` takes.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser},
};
use pyo3::{prelude::*, types::PyDict};

use super::statics::{self, Route};
use crate::command::values::mount;

/// `narthex init`: files for what stands in front of an application, or starts it.
#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Init {
    /// What the files are for
    #[arg(value_name = "KIND", value_parser = kinds())]
    kind: String,
    /// module:attribute, module, file.py, file.py:attribute, module:factory("x") or a directory
    #[arg(value_name = "APP")]
    app: OsString,
    /// Where the files are written; `-` is standard output
    #[arg(short, long, value_name = "DIR|-", default_value = ".")]
    output: PathBuf,
    /// Replace files that differ
    #[arg(long)]
    force: bool,
    /// Write the files even if the application cannot be loaded here
    #[arg(long)]
    no_check: bool,
    /// What the site is called [default: after the directory of the application]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    called: Called,
    #[command(flatten)]
    site: Site,
}

/// How the application is called.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Application")]
struct Called {
    /// How the application wants to be called [default: auto]
    #[arg(long, value_name = "NAME")]
    api: Option<String>,
    /// Look for modules here instead of in the directory that the application runs in
    #[arg(long, value_name = "DIR")]
    app_dir: Option<PathBuf>,
    /// Directory that the application runs in [default: the current one]
    #[arg(long, value_name = "DIR")]
    chdir: Option<PathBuf>,
    /// Processes that serve
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    workers: Option<u16>,
    /// User that the application runs as, under systemd
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

/// What the web server is told.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Web server")]
struct Site {
    /// Path at which the application is mounted
    #[arg(long, value_name = "PATH", value_parser = mount)]
    mount: Option<String>,
    /// Name of the host that is served; may be repeated [default: every host]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    server_name: Vec<String>,
    /// Address that the web server listens on
    #[arg(long, value_name = "[ADDRESS:]PORT", default_value = "80")]
    listen: String,
    /// Let the web server serve the files in DIR below a route; may be repeated
    #[arg(
        long = "static", value_name = "/ROUTE=DIR", value_delimiter = ',',
        value_parser = statics::mount
    )]
    static_mounts: Vec<(Route, PathBuf)>,
    /// Unix socket between web server and application [default: /run/NAME.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// User of the web server, who may open the socket [default: www-data, or who there is]
    #[arg(long, value_name = "USER")]
    socket_owner: Option<String>,
}

impl Init {
    /// These options as the keyword arguments of `narthex._init.Options`.
    ///
    /// # Errors
    /// Python is out of memory.
    pub(in crate::command) fn keywords<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let Self { called, site, .. } = self;
        let statics: Vec<_> = site
            .static_mounts
            .iter()
            .map(|(route, directory)| (route.as_str(), directory.as_os_str()))
            .collect();
        let keywords = PyDict::new(py);
        keywords.set_item("kind", &self.kind)?;
        keywords.set_item("app", &self.app)?;
        keywords.set_item("output", self.output.as_os_str())?;
        keywords.set_item("force", self.force)?;
        keywords.set_item("check", !self.no_check)?;
        keywords.set_item("name", &self.name)?;
        keywords.set_item("api", &called.api)?;
        keywords.set_item("app_dir", called.app_dir.as_deref().map(Path::as_os_str))?;
        keywords.set_item("chdir", called.chdir.as_deref().map(Path::as_os_str))?;
        keywords.set_item("workers", called.workers)?;
        keywords.set_item("user", &called.user)?;
        keywords.set_item("mount", site.mount.as_deref().unwrap_or_default())?;
        keywords.set_item("server_names", &site.server_name)?;
        keywords.set_item("listen", &site.listen)?;
        keywords.set_item("statics", statics)?;
        keywords.set_item("socket", site.socket.as_deref().map(Path::as_os_str))?;
        keywords.set_item("socket_owner", &site.socket_owner)?;
        Ok(keywords)
    }
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(
        [
            ("nginx", "a site of nginx, by FastCGI"),
            ("lighttpd", "a site of lighttpd, by FastCGI"),
            ("apache-fcgi", "a site of Apache, by mod_proxy_fcgi or by mod_fcgid"),
            ("systemd", "a socket and a service that serve FastCGI"),
            ("shared", "a program and a .htaccess for a directory of a shared host"),
        ]
        .map(|(name, help)| PossibleValue::new(name).help(help)),
    )
}
