//! What `narthex apache` takes.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use pyo3::{prelude::*, types::PyDict};

use crate::command::values::{mount, seconds, size};

/// `narthex apache`.
#[derive(Debug, Subcommand)]
pub(in crate::command) enum Apache {
    /// Print where the module lies that httpd is to load
    ModulePath,
    /// Print configuration: the module, a group of processes, and an application at its place
    Config(Box<Config>),
    /// Serve an application by an httpd of its own, in the foreground
    Serve(Box<Serve>),
    /// Say everything that keeps an httpd from serving applications of a Python
    Check(Check),
}

/// `narthex apache config`.
#[derive(Args, Debug)]
pub(in crate::command) struct Config {
    #[command(flatten)]
    placed: Placed,
    /// User of the group's processes; httpd must be started by root
    #[arg(long, value_name = "USER[:GROUP]", help_heading = "Group", conflicts_with = "inline")]
    user: Option<String>,
}

/// `narthex apache serve`.
#[derive(Args, Debug)]
pub(in crate::command) struct Serve {
    #[command(flatten)]
    placed: Placed,
    #[command(flatten)]
    private: Private,
}

/// The httpd that is started.
#[derive(Args, Debug)]
#[command(next_help_heading = "httpd")]
struct Private {
    /// Address to listen on; may be repeated; port 0 takes a free one
    #[arg(
        short,
        long,
        env = "NARTHEX_BIND",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        default_value = "127.0.0.1:8000"
    )]
    bind: Vec<String>,
    /// How httpd divides its work [default: the first of these that it has]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(["event", "worker", "prefork"]))]
    mpm: Option<String>,
    /// The program of httpd [default: searched for]
    #[arg(long, value_name = "PATH")]
    httpd: Option<PathBuf>,
    /// User that httpd serves as, where root starts it [default: www-data, apache or who there is]
    #[arg(long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Write an access log; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    access_log: Option<PathBuf>,
    /// More of httpd's configuration; `${MODULES}` in it is the directory of httpd's modules
    #[arg(long, value_name = "FILE")]
    include: Option<PathBuf>,
}

/// `narthex apache check`.
#[derive(Args, Debug)]
pub(in crate::command) struct Check {
    /// The program of httpd [default: searched for]
    #[arg(long, value_name = "PATH")]
    httpd: Option<PathBuf>,
    /// Its configuration [default: its own]
    #[arg(short = 'f', long = "file", value_name = "httpd.conf")]
    file: Option<PathBuf>,
    /// The environment of the applications, or its interpreter [default: this one]
    #[arg(long, value_name = "DIR")]
    venv: Option<PathBuf>,
    /// User that reads it [default: httpd's]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Whether applications are to run inside httpd
    #[arg(long)]
    inline: bool,
}

/// An application, and its place in httpd.
#[derive(Args, Debug)]
struct Placed {
    /// module:attribute, module, file.py, file.py:attribute, module:factory("x") or a directory
    #[arg(value_name = "APP")]
    app: OsString,
    /// Path at which the application is mounted
    #[arg(long, value_name = "PATH", default_value = "/", value_parser = mount)]
    mount: String,
    /// The environment of the application, or its interpreter [default: this one]
    #[arg(long, value_name = "DIR")]
    venv: Option<PathBuf>,
    /// How the application wants to be called [default: auto]
    #[arg(long, value_name = "NAME")]
    api: Option<String>,
    /// Look for modules here instead of in the current directory
    #[arg(long, value_name = "DIR")]
    app_dir: Option<PathBuf>,
    /// Any other option of `narthex serve`, such as limit-body=10M; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = pair)]
    option: Vec<(String, String)>,
    /// Show failures of the application in the browser of a local user
    #[arg(long)]
    debug: bool,
    /// Go on if the application cannot be loaded here
    #[arg(long)]
    no_check: bool,
    /// Run it inside httpd: fastest, with one Python for all applications
    #[arg(long)]
    inline: bool,
    #[command(flatten)]
    group: Settings,
}

/// Processes that are the application's own.
#[derive(Args, Debug)]
#[command(next_help_heading = "Group", group = clap::ArgGroup::new("grouped").multiple(true).conflicts_with("inline"))]
struct Settings {
    /// Name of the group of processes [default: `default`, or after the directory of the application]
    #[arg(long, value_name = "NAME", group = "grouped")]
    group: Option<String>,
    /// Processes
    #[arg(
        long, value_name = "N", group = "grouped",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    processes: Option<u16>,
    /// Threads of each [default: as many as cores]
    #[arg(
        long, value_name = "N", group = "grouped",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    threads: Option<u16>,
    /// Directory in which they start
    #[arg(long, value_name = "DIR", group = "grouped")]
    chdir: Option<PathBuf>,
    /// What they keep others from doing with the files they make, such as 027
    #[arg(long, value_name = "OCTAL", group = "grouped", value_parser = umask)]
    umask: Option<String>,
    /// Replace one that has grown beyond this, such as 500M
    #[arg(long, value_name = "BYTES", group = "grouped", value_parser = a_size)]
    max_rss: Option<String>,
    /// Replace one after so many requests
    #[arg(
        long, value_name = "N", group = "grouped", value_parser = clap::value_parser!(u64).range(1..)
    )]
    max_requests: Option<u64>,
    /// Answer 504 when a request is held for so long, and replace the process
    #[arg(long, value_name = "SECONDS", group = "grouped", value_parser = a_time)]
    timeout: Option<String>,
    /// Seconds without a request after which they end, or `never` [default: 300]
    #[arg(long, value_name = "SECONDS", group = "grouped", value_parser = idle)]
    idle: Option<String>,
    /// Requests that may wait [default: 100]
    #[arg(
        long, value_name = "N", group = "grouped", value_parser = clap::value_parser!(u16).range(1..)
    )]
    queue: Option<u16>,
    /// Longest wait for one to be ready [default: 60]
    #[arg(long, value_name = "SECONDS", group = "grouped", value_parser = a_time)]
    start_timeout: Option<String>,
    /// Longest wait for running requests when one ends [default: 30]
    #[arg(long, value_name = "SECONDS", group = "grouped", value_parser = a_time)]
    graceful: Option<String>,
    /// A variable of their environment; may be repeated
    #[arg(long, value_name = "NAME=VALUE", group = "grouped", value_parser = variable)]
    env: Vec<String>,
    /// Load the application anew when a file of it changes
    #[arg(long, group = "grouped")]
    reload: bool,
}

impl Config {
    /// The arguments of `narthex._apache.config`.
    ///
    /// # Errors
    /// Python is out of memory.
    pub(in crate::command) fn keywords<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let keywords = self.placed.keywords(py)?;
        keywords.set_item("user", &self.user)?;
        Ok(keywords)
    }
}

impl Serve {
    /// The arguments of `narthex._apache.serve`: those of the application, and those of httpd.
    ///
    /// # Errors
    /// Python is out of memory.
    pub(in crate::command) fn keywords<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyDict>)> {
        let private = &self.private;
        let keywords = PyDict::new(py);
        keywords.set_item("bind", &private.bind)?;
        keywords.set_item("mpm", &private.mpm)?;
        keywords.set_item("httpd", path(private.httpd.as_ref()))?;
        keywords.set_item("user", &private.user)?;
        keywords.set_item("access_log", path(private.access_log.as_ref()))?;
        keywords.set_item("include", path(private.include.as_ref()))?;
        Ok((self.placed.keywords(py)?, keywords))
    }
}

impl Check {
    /// The arguments of `narthex._apache.check`.
    ///
    /// # Errors
    /// Python is out of memory.
    pub(in crate::command) fn keywords<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let keywords = PyDict::new(py);
        keywords.set_item("httpd", path(self.httpd.as_ref()))?;
        keywords.set_item("file", path(self.file.as_ref()))?;
        keywords.set_item("venv", path(self.venv.as_ref()))?;
        keywords.set_item("user", &self.user)?;
        keywords.set_item("inline", self.inline)?;
        Ok(keywords)
    }
}

impl Placed {
    fn keywords<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let keywords = PyDict::new(py);
        keywords.set_item("app", &self.app)?;
        keywords.set_item("mount", &self.mount)?;
        keywords.set_item("venv", path(self.venv.as_ref()))?;
        keywords.set_item("api", &self.api)?;
        keywords.set_item("app_dir", path(self.app_dir.as_ref()))?;
        keywords.set_item("options", &self.option)?;
        keywords.set_item("check", !self.no_check)?;
        keywords.set_item("debug", self.debug)?;
        keywords.set_item("inline", self.inline)?;
        keywords.set_item("group", &self.group.group)?;
        keywords.set_item("settings", self.group.list())?;
        Ok(keywords)
    }
}

impl Settings {
    /// What was set, by the keys of `NarthexGroup`.
    fn list(&self) -> Vec<(&'static str, OsString)> {
        let text = |it: &Option<String>| it.as_ref().map(OsString::from);
        let number = |it: Option<u64>| it.map(|it| it.to_string().into());
        let settings = [
            ("chdir", self.chdir.clone().map(OsString::from)),
            ("umask", text(&self.umask)),
            ("processes", number(self.processes.map(u64::from))),
            ("threads", number(self.threads.map(u64::from))),
            ("max-rss", text(&self.max_rss)),
            ("max-requests", number(self.max_requests)),
            ("timeout", text(&self.timeout)),
            ("idle", text(&self.idle)),
            ("queue", number(self.queue.map(u64::from))),
            ("start-timeout", text(&self.start_timeout)),
            ("graceful", text(&self.graceful)),
            ("reload", self.reload.then(|| "on".into())),
        ];
        let variables = self.env.iter().map(|variable| ("env", Some(variable.into())));
        settings
            .into_iter()
            .chain(variables)
            .filter_map(|(key, value)| Some((key, value?)))
            .collect()
    }
}

fn path(path: Option<&PathBuf>) -> Option<&OsStr> {
    path.map(|path| path.as_os_str())
}

/// An option and its value.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        return Err("write the name of an option without dashes, and its value: slow=1s".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// A variable and its value.
fn variable(text: &str) -> Result<String, String> {
    let name = text.split_once('=').map(|(name, _)| name).unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if name.is_empty()
        || name.starts_with(|it: char| it.is_ascii_digit())
        || !name.chars().all(plain)
    {
        return Err("write NAME=value".to_owned());
    }
    Ok(text.to_owned())
}

fn umask(text: &str) -> Result<String, String> {
    let octal = text.len() <= 4 && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(text, 8) {
        Ok(..=0o777) if octal => Ok(text.to_owned()),
        _ => Err("write it octal, such as 027".to_owned()),
    }
}

fn idle(text: &str) -> Result<String, String> {
    if text == "never" { Ok(text.to_owned()) } else { a_time(text) }
}

fn a_time(text: &str) -> Result<String, String> {
    seconds(text).map(|_| text.to_owned())
}

fn a_size(text: &str) -> Result<String, String> {
    size(text).map(|_| text.to_owned())
}
