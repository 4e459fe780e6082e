//! The command line, and how it is read.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use clap::{
    Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::{BoolishValueParser, PossibleValue, PossibleValuesParser},
    error::{ContextKind, ContextValue, ErrorKind},
};
use narthex_adapters::{Backend, backends};

use super::{
    failure::Failure,
    options,
    settings::{self, Completed},
    values::{mount, placement, seconds, size},
};
use crate::engine::{Api, Placement};

/// What stands for "find out".
pub(super) const AUTO: &str = "auto";

/// Runs one Python web application under an embedded HTTP server, as a CGI program and more.
#[derive(Debug, Parser)]
#[command(name = "narthex", subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) action: Action,
}

impl Cli {
    /// Refuses to serve neither an application nor anything else.
    fn with_something_to_serve(self) -> Result<Self, clap::Error> {
        let (application, listening) = match &self.action {
            Action::Run(run) => (&run.application, &run.listening),
            Action::Serve(serve) => (&serve.application, &serve.listening),
            Action::Check(check) => (&check.application, &check.listening),
            _ => return Ok(self),
        };
        if !application.app.is_empty() || listening.programs.any() {
            return Ok(self);
        }
        let mut error = clap::Error::new(ErrorKind::MissingRequiredArgument);
        let missing = ContextValue::Strings(vec!["<APP>".to_owned()]);
        error.insert(ContextKind::InvalidArg, missing);
        Err(error)
    }
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Run an application: backend and API are found out
    Run(Run),
    /// Serve an application by the embedded HTTP server
    Serve(Serve),
    /// Serve an application to a web server that speaks FastCGI
    Fastcgi(Serve),
    /// Serve an application to a web server that speaks SCGI
    Scgi(Serve),
    /// Serve an application to a web server that speaks the uwsgi protocol
    Uwsgi(Serve),
    /// Answer one CGI request, or play one here with --request
    Cgi(Cgi),
    /// Say everything that is wrong with an application and its settings
    Check(Check),
    /// Write configuration for the web server in front, for systemd, or for a shared host
    Init(options::init::Init),
    /// Configure Apache httpd for an application, or serve one by an httpd of its own
    #[command(subcommand)]
    Apache(options::apache::Apache),
    /// Show how a supervised server and its workers are
    Status(Status),
    /// Load the application of a supervised server anew, without losing a request
    Reload(Reload),
    /// Stop a supervised server
    Stop(Stop),
    /// Show the settings, and where each comes from
    #[command(subcommand)]
    Config(Config),
}

/// `narthex config`.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Print every setting of `narthex serve`, as a narthex.toml that says the same
    Show(Box<Show>),
}

/// `narthex config show`: what `narthex serve` takes.
#[derive(Args, Debug)]
#[command(mut_arg("app", may_be_left_out))]
pub(super) struct Show {
    #[command(flatten)]
    pub(super) serve: Serve,
}

/// `narthex run`.
#[derive(Args, Debug)]
#[command(mut_arg("app", may_be_left_out))]
pub(super) struct Run {
    /// How the application is deployed
    #[arg(long, env = "NARTHEX_BACKEND", default_value = AUTO, value_parser = backend_names())]
    pub(super) backend: String,
    #[command(flatten)]
    pub(super) application: Application,
    #[command(flatten)]
    pub(super) listening: Listening,
}

/// `narthex serve`.
#[derive(Args, Debug)]
#[command(mut_arg("app", may_be_left_out))]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) application: Application,
    #[command(flatten)]
    pub(super) listening: Listening,
}

/// `narthex check`.
#[derive(Args, Debug)]
#[command(mut_arg("app", may_be_left_out))]
pub(super) struct Check {
    /// How the application is to be deployed
    #[arg(long, env = "NARTHEX_BACKEND", default_value = AUTO, value_parser = backend_names())]
    pub(super) backend: String,
    #[command(flatten)]
    pub(super) application: Application,
    #[command(flatten)]
    pub(super) listening: Listening,
}

/// `narthex status`.
#[derive(Args, Debug)]
pub(super) struct Status {
    #[command(flatten)]
    pub(super) server: Named,
    /// As JSON, for programs
    #[arg(long)]
    pub(super) json: bool,
}

/// `narthex reload`.
#[derive(Args, Debug)]
pub(super) struct Reload {
    #[command(flatten)]
    pub(super) server: Named,
}

/// `narthex stop`.
#[derive(Args, Debug)]
pub(super) struct Stop {
    #[command(flatten)]
    pub(super) server: Named,
    /// Do not wait for running requests
    #[arg(long)]
    pub(super) now: bool,
}

/// A running server.
#[derive(Args, Debug)]
pub(super) struct Named {
    /// What it is called; may be left out where only one runs
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
}

/// `narthex cgi`.
#[derive(Args, Debug)]
pub(super) struct Cgi {
    #[command(flatten)]
    pub(super) application: Application,
    #[command(flatten)]
    pub(super) played: Played,
    #[cfg(feature = "cgi")]
    #[command(flatten)]
    pub(super) residence: options::residence::Residence,
}

/// A CGI request to be played here, through a real child process.
#[derive(Args, Debug)]
#[command(next_help_heading = "One request")]
pub(super) struct Played {
    /// Method and target, such as 'POST /form?x=1'
    #[arg(long, value_name = "'METHOD TARGET'")]
    pub(super) request: Option<OsString>,
    /// A field of the request; may be repeated
    #[arg(short = 'H', long, value_name = "'NAME: VALUE'", requires = "request")]
    pub(super) header: Vec<OsString>,
    /// Its body: text, @FILE, or @- for standard input
    #[arg(short, long, value_name = "TEXT|@FILE", requires = "request")]
    pub(super) data: Option<OsString>,
    /// A variable of the server's environment; may be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "request")]
    pub(super) env: Vec<OsString>,
    /// As if it had come by TLS
    #[arg(long, requires = "request")]
    pub(super) https: bool,
    /// As if the server had authenticated this user
    #[arg(long, value_name = "NAME", requires = "request")]
    pub(super) user: Option<OsString>,
    /// Print the CGI response as the program wrote it
    #[arg(long, requires = "request")]
    pub(super) raw: bool,
}

/// What is called, and how.
#[derive(Args, Clone, Debug)]
pub(super) struct Application {
    /// module:attribute, module, file.py, file.py:attribute, module:factory("x") or a directory
    #[arg(value_name = "APP")]
    pub(super) app: OsString,
    /// How the application wants to be called
    #[arg(long, env = "NARTHEX_API", default_value = AUTO, value_parser = api_names())]
    pub(super) api: String,
    /// Look for modules here instead of in the current directory
    #[arg(long, env = "NARTHEX_APP_DIR", value_name = "DIR")]
    pub(super) app_dir: Option<PathBuf>,
    /// Change to this directory first
    #[arg(long, env = "NARTHEX_CHDIR", value_name = "DIR")]
    pub(super) chdir: Option<PathBuf>,
    /// Read settings from this file, or from `none` [default: narthex.toml, or pyproject.toml]
    #[arg(long, env = "NARTHEX_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Never call the application from two threads at once
    #[arg(long, env = "NARTHEX_SERIALIZE", value_parser = BoolishValueParser::new())]
    pub(super) serialize: bool,
    /// Path at which the application is mounted; `/` is the root [default: where a gateway says,
    /// elsewhere the root]
    #[arg(
        long, env = "NARTHEX_MOUNT", value_name = "PATH", value_parser = mount,
        visible_aliases = ["root-path", "script-name"]
    )]
    pub(super) mount: Option<String>,
    /// Largest request body, such as 10M; `none` lifts the limit [default: 1G]
    #[arg(
        long, env = "NARTHEX_LIMIT_BODY", value_name = "BYTES", value_parser = size,
        help_heading = "Limits"
    )]
    pub(super) limit_body: Option<u64>,
    /// Longest wait for a piece of a request body [default: 30]
    #[arg(
        long, env = "NARTHEX_BODY_TIMEOUT", value_name = "SECONDS", value_parser = seconds,
        alias = "timeout-body", help_heading = "Limits"
    )]
    pub(super) body_timeout: Option<Duration>,
    #[command(flatten)]
    pub(super) logs: options::observing::Logs,
    /// Show failures of the application in the browser of a local user [default: under `run`]
    #[arg(
        long,
        env = "NARTHEX_DEBUG",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        overrides_with = "no_debug",
        help_heading = "Development"
    )]
    pub(super) debug: Option<bool>,
    /// The same as --debug=false
    #[arg(long, overrides_with = "debug", help_heading = "Development")]
    pub(super) no_debug: bool,
    /// Say what was chosen, and why
    #[arg(
        long, env = "NARTHEX_EXPLAIN", value_parser = BoolishValueParser::new(),
        help_heading = "Development"
    )]
    pub(super) explain: bool,
}

impl Application {
    /// These settings as the arguments of a CGI program: APP last, and what the request itself
    /// carries (the mount) left out.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![
            format!("--api={}", self.api).into(),
            "--config=none".into(), // what it says is among these arguments
        ];
        let mut option = |name: &str, value: Option<&OsStr>| {
            let Some(value) = value else { return };
            let mut argument = OsString::from(name);
            argument.push(value);
            arguments.push(argument);
        };
        let body_limit = self.limit_body.map(|size| match size {
            u64::MAX => "none".to_owned(),
            size => size.to_string(),
        });
        let body_timeout = self.body_timeout.map(|time| time.as_secs_f64().to_string());
        option("--app-dir=", self.app_dir.as_deref().map(AsRef::as_ref));
        option("--chdir=", self.chdir.as_deref().map(AsRef::as_ref));
        option("--limit-body=", body_limit.as_deref().map(AsRef::as_ref));
        option("--body-timeout=", body_timeout.as_deref().map(AsRef::as_ref));
        for (name, given) in [
            ("--serialize", self.serialize),
            ("--debug=true", self.debug == Some(true)),
            ("--debug=false", self.no_debug || self.debug == Some(false)),
            ("--explain", self.explain),
        ] {
            if given {
                arguments.push(name.into());
            }
        }
        arguments.extend(self.logs.arguments());
        arguments.extend(["--".into(), self.app.clone()]);
        arguments
    }
}

/// Where and how a server listens.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Listening")]
pub(super) struct Listening {
    /// Address to listen on; may be repeated [default: 127.0.0.1:8000, or 0.0.0.0:$PORT]
    #[arg(
        short,
        long,
        env = "NARTHEX_BIND",
        value_name = "HOST:PORT|unix:PATH|unix:@NAME|fd://N",
        value_delimiter = ','
    )]
    pub(super) bind: Vec<String>,
    /// Where the application is called: on the thread of the connection, aside, or by what was seen
    #[arg(
        long, env = "NARTHEX_PLACEMENT", value_name = "adaptive|inline|aside",
        default_value = Placement::default().name(), value_parser = placement
    )]
    pub(super) placement: Placement,
    /// Threads that call the application [default: as many as cores]
    #[arg(
        long,
        env = "NARTHEX_THREADS",
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(super) threads: usize,
    /// Longest queue of connections not yet accepted
    #[arg(long, env = "NARTHEX_BACKLOG", value_name = "N", default_value_t = 1024)]
    pub(super) backlog: i32,
    /// Largest request head [default: 64K]
    #[arg(
        long, env = "NARTHEX_LIMIT_HEAD", value_name = "BYTES", value_parser = size,
        help_heading = "Limits"
    )]
    pub(super) limit_head: Option<u64>,
    /// Most fields of a request head [default: 100]
    #[arg(long, env = "NARTHEX_LIMIT_HEADERS", value_name = "N", help_heading = "Limits")]
    pub(super) limit_headers: Option<usize>,
    /// Longest wait for the end of a request head [default: 20]
    #[arg(
        long, env = "NARTHEX_HEADER_TIMEOUT", value_name = "SECONDS", value_parser = seconds,
        aliases = ["timeout-header", "header-read-timeout"], help_heading = "Limits"
    )]
    pub(super) header_timeout: Option<Duration>,
    /// Longest wait for the next request on a connection [default: 75]
    #[arg(
        long, env = "NARTHEX_KEEP_ALIVE", value_name = "SECONDS", value_parser = seconds,
        alias = "timeout-keep-alive", help_heading = "Limits"
    )]
    pub(super) keep_alive: Option<Duration>,
    /// Longest wait for a client that takes nothing of its response [default: 60]
    #[arg(
        long, env = "NARTHEX_WRITE_TIMEOUT", value_name = "SECONDS", value_parser = seconds,
        alias = "timeout-write", help_heading = "Limits"
    )]
    pub(super) write_timeout: Option<Duration>,
    /// Longest wait for running requests when stopping [default: 30]
    #[arg(
        long, env = "NARTHEX_GRACEFUL_TIMEOUT", value_name = "SECONDS", value_parser = seconds,
        aliases = ["timeout-graceful", "timeout-graceful-shutdown"], help_heading = "Limits"
    )]
    pub(super) graceful_timeout: Option<Duration>,
    #[command(flatten)]
    pub(super) calls: options::calls::Calls,
    /// Restart when a file of the application changes
    #[arg(
        long, env = "NARTHEX_RELOAD", value_parser = BoolishValueParser::new(),
        help_heading = "Development"
    )]
    pub(super) reload: bool,
    #[command(flatten)]
    pub(super) proxy: options::proxy::Proxy,
    #[command(flatten)]
    pub(super) sockets: options::sockets::Sockets,
    #[command(flatten)]
    pub(super) proxy_protocol: options::proxy_protocol::ProxyProtocol,
    #[command(flatten)]
    pub(super) tls: options::tls::Tls,
    #[command(flatten)]
    pub(super) http2: options::http2::Http2,
    #[command(flatten)]
    pub(super) statics: options::statics::Statics,
    #[command(flatten)]
    pub(super) programs: options::cgi_bin::Programs,
    #[command(flatten)]
    pub(super) management: options::observing::Management,
    #[command(flatten)]
    pub(super) workers: options::workers::Workers,
    #[command(flatten)]
    pub(super) child: options::workers::Child,
}

/// What was asked for, and where each setting comes from.
pub(super) struct Parsed {
    pub(super) cli: Cli,
    pub(super) command: Command,
    pub(super) matches: ArgMatches,
    pub(super) completed: Completed,
}

/// Why the command line cannot be followed.
pub(super) enum Mistake {
    /// A mistake in the arguments, or the help that was asked for.
    Arguments(clap::Error),
    /// A mistake in a file of settings.
    Settings(Failure),
}

/// Reads the command line, and the settings of lower rank.
///
/// As a CGI program, only what comes up to APP is read: the shebang gives it. Everything after it
/// is ignored, since web servers put the query there (RFC 3875, 4.4): `?-s+-d` is no option.
///
/// # Errors
/// What clap or the settings have to say.
pub(super) fn parse(
    arguments: &[OsString],
    version: &str,
    gateway: bool,
) -> Result<Parsed, Mistake> {
    let whole =
        || Cli::command().version(env!("CARGO_PKG_VERSION")).long_version(version.to_owned());
    let is_cgi = gateway && arguments.first().is_some_and(|first| first == "cgi");
    let mut command = if is_cgi { cgi_alone() } else { whole() };
    command.build();
    let arguments = if gateway { up_to_app(&command, arguments) } else { arguments };
    let completed = match settings::complete(&command, arguments) {
        // A file may have settings for other commands.
        Err(_) if is_cgi => {
            command = whole();
            command.build();
            settings::complete(&command, arguments)
        }
        completed => completed,
    };
    let completed = completed.map_err(Mistake::Settings)?;
    let named =
        std::iter::once(OsString::from("narthex")).chain(completed.arguments.iter().cloned());
    let from_settings = |error: clap::Error| Mistake::Arguments(completed.blame(&command, error));
    let matches = command.clone().try_get_matches_from_mut(named).map_err(from_settings)?;
    let cli = Cli::from_arg_matches(&matches)
        .and_then(Cli::with_something_to_serve)
        .map_err(|error| Mistake::Arguments(error.format(&mut command)))?;
    Ok(Parsed { cli, command, matches, completed })
}

/// The command without what is not `narthex cgi`: a CGI program pays at each request for each option
/// that is described.
fn cgi_alone() -> Command {
    Command::new("narthex").subcommand(Cgi::augment_args(Command::new("cgi")))
}

/// Cuts the arguments behind the first that is neither an option nor an option's value.
fn up_to_app<'a>(command: &Command, arguments: &'a [OsString]) -> &'a [OsString] {
    let Some((subcommand, depth)) = settings::subcommand(command, arguments) else {
        return arguments;
    };
    let mut value_follows = false;
    let app = arguments.iter().skip(depth).position(|argument| {
        if std::mem::take(&mut value_follows) {
            return false;
        }
        let text = argument.to_string_lossy();
        value_follows = settings::wants_value(subcommand, &text);
        !text.starts_with('-')
    });
    app.map_or(arguments, |position| &arguments[..=position + depth])
}

/// An APP that need not be given, where something else may be served.
fn may_be_left_out(app: Arg) -> Arg {
    app.required(false).default_value("").hide_default_value(true)
}

fn backend_names() -> PossibleValuesParser {
    let names = backends().into_iter().map(Backend::name);
    PossibleValuesParser::new(std::iter::once(AUTO).chain(names))
}

fn api_names() -> PossibleValuesParser {
    let names = std::iter::once(AUTO).chain(Api::ALL.iter().map(|api| api.name()));
    // What httpd's module asks for, for functions that decide.
    let hidden = PossibleValue::new("authorizer").hide(true);
    PossibleValuesParser::new(names.map(PossibleValue::new).chain([hidden]))
}
