//! What is written down of a server's work: logs and figures.

use std::{ffi::OsString, io, path::Path, path::PathBuf};

use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};
use http::HeaderName;
use narthex_core::{Level, Site};

use crate::{
    command::{
        failure::Failure,
        values::{level, size},
    },
    journal::{Format, Log, Style},
};

/// The logs.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs")]
pub(in crate::command) struct Logs {
    /// Write an access log to this file; `-` is standard output
    #[arg(long, env = "NARTHEX_ACCESS_LOG", value_name = "FILE", alias = "access-logfile")]
    pub(in crate::command) access_log: Option<PathBuf>,
    /// How its lines look: common, combined, json, or Apache's % directives
    #[arg(
        long, env = "NARTHEX_ACCESS_LOG_FORMAT", value_name = "FORMAT", default_value = "combined",
        value_parser = format, alias = "access-logformat"
    )]
    access_log_format: String,
    /// Gather its lines for 0.1 s, up to so many bytes; 0 writes each at once
    #[arg(
        long, env = "NARTHEX_ACCESS_LOG_BUFFER", value_name = "BYTES", default_value = "64K",
        value_parser = size
    )]
    access_log_buffer: u64,
    /// Write the error log to this file; `-` is standard error
    #[arg(
        long, env = "NARTHEX_ERROR_LOG", value_name = "FILE", default_value = "-",
        hide_default_value = true, aliases = ["error-logfile", "log-file"]
    )]
    error_log: PathBuf,
    /// How the lines of the error log look
    #[arg(
        long, env = "NARTHEX_LOG_FORMAT", default_value = "text",
        value_parser = PossibleValuesParser::new(["text", "json"]).map(|name| style(&name))
    )]
    log_format: Style,
    /// Least grave line of the error log: debug, info, warning or error
    #[arg(
        long, env = "NARTHEX_LOG_LEVEL", value_name = "LEVEL", default_value = "info",
        value_parser = level
    )]
    log_level: Level,
    /// Name each request to its client in this field of the response, such as X-Request-ID
    #[arg(long, env = "NARTHEX_REQUEST_ID_HEADER", value_name = "NAME")]
    request_id_header: Option<HeaderName>,
}

/// The figures.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Logs")]
pub(in crate::command) struct Management {
    /// Address of /metrics, /-/live and /-/ready, for those who run the server
    #[arg(long, env = "NARTHEX_MANAGEMENT", value_name = "HOST:PORT|unix:PATH")]
    pub(in crate::command) management: Option<String>,
}

impl Logs {
    /// Opens the logs.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub(in crate::command) fn open(&self, gateway: bool) -> Result<Log, Failure> {
        let mut log = self.standard();
        if self.error_log != Path::new("-") {
            log = log.with_errors(&self.error_log).map_err(|error| {
                cannot_open("N250", "error log", &self.error_log, "error", &error)
            })?;
        }
        let Some(path) = &self.access_log else { return Ok(log) };
        let format = Format::parse(&self.access_log_format).unwrap_or_default(); // read before
        let buffer = usize::try_from(self.access_log_buffer).unwrap_or(usize::MAX);
        log.with_access(path, gateway, format, buffer)
            .map_err(|error| cannot_open("N208", "access log", path, "output", &error))
    }

    /// The error log on standard error.
    pub(in crate::command) fn standard(&self) -> Log {
        Log::new(self.log_level, self.log_format)
    }

    /// Tells the site how to name requests.
    pub(in crate::command) fn site(&self, site: &mut Site) {
        site.request_id_field.clone_from(&self.request_id_header);
    }

    /// Whether requests are named to clients, and then to the application without its asking.
    pub(in crate::command) fn names_requests(&self) -> bool {
        self.request_id_header.is_some()
    }

    /// These settings as arguments.
    pub(in crate::command) fn arguments(&self) -> Vec<OsString> {
        let option = |name: &str, value: &dyn AsRef<std::ffi::OsStr>| {
            let mut argument = OsString::from(name);
            argument.push(value);
            argument
        };
        let mut arguments = vec![
            option("--access-log-format=", &self.access_log_format),
            option("--access-log-buffer=", &self.access_log_buffer.to_string()),
            option("--error-log=", &self.error_log),
            option("--log-format=", &self.log_format.name()),
            option("--log-level=", &self.log_level.as_str()),
        ];
        if let Some(path) = &self.access_log {
            arguments.push(option("--access-log=", path));
        }
        if let Some(name) = &self.request_id_header {
            arguments.push(option("--request-id-header=", &name.as_str()));
        }
        arguments
    }
}

fn cannot_open(code: &str, log: &str, path: &Path, stream: &str, error: &io::Error) -> Failure {
    Failure::new(
        code,
        &format!("the {log} {} cannot be opened", path.display()),
        vec![error.to_string()],
        vec![format!("choose a file that this user may write, or - for standard {stream}")],
    )
}

/// A format of the access log, checked.
fn format(text: &str) -> Result<String, String> {
    match Format::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(wrong) => Err(wrong.to_string()),
    }
}

fn style(name: &str) -> Style {
    if name == Style::Json.name() { Style::Json } else { Style::Text }
}
