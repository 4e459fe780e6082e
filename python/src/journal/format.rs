//! Formats of the access log: a name, or the `%` directives of Apache httpd, read once into steps.

use std::fmt;

use http::HeaderName;

use super::clock::CONVERSIONS;

/// How lines of the access log look.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// Steps that write a line of text.
    Text(Vec<Step>),
    /// A JSON object for each line.
    Json,
}

/// A part of a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// The format's own text.
    Text(Vec<u8>),
    /// What a directive stands for.
    Field {
        what: What,
        /// Statuses for which it is written, or if `.1` for which it is not; all if empty.
        only: (Vec<u16>, bool),
        /// What the format has put behind it.
        end: Option<u8>,
    },
}

/// What a directive stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum What {
    Client,
    Peer,
    Server,
    BytesOrDash,
    Bytes,
    Cookie(String),
    Micros,
    Millis,
    Seconds,
    Protocol,
    RequestField(HeaderName),
    ResponseField(HeaderName),
    Variable(String),
    Earlier,
    Id,
    Method,
    ServerPort,
    ClientPort,
    Process,
    Thread,
    ThreadInHexadecimal,
    Query,
    Request,
    Status,
    Time(Vec<TimePart>, Of),
    User,
    Path,
    ServerName,
    HostName,
    Connection,
    /// What there is in Apache httpd and not here.
    Nothing,
}

/// Which moment of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Of {
    Begin,
    End,
}

/// A part of a time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum TimePart {
    /// `[10/Oct/2000:13:55:36 +0000]`.
    Common,
    Seconds,
    Millis,
    Micros,
    MillisOfSecond,
    MicrosOfSecond,
    Text(String),
    /// One of `strftime`.
    Conversion(char),
}

const COMMON: &str = "%h %l %u %t \"%r\" %>s %b";
const COMBINED: &str = "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"";
const NAMES: [&str; 3] = ["common", "combined", "json"];

/// Letters of directives, for whoever has mistaken one.
const LETTERS: &str = "aAbBCDefhHiIklLmnoOpPqrRsStTuUvVX";

/// Why a text is no format.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NotFormat {
    pub(crate) wrong: String,
    pub(crate) fix: String,
}

impl NotFormat {
    fn new(wrong: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), fix: fix.into() }
    }
}

impl fmt::Display for NotFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.wrong, self.fix)
    }
}

impl Format {
    /// Reads a format.
    ///
    /// # Errors
    /// A directive that there is not, or half of one.
    pub(crate) fn parse(text: &str) -> Result<Self, NotFormat> {
        match text {
            "json" => Ok(Self::Json),
            "common" => steps(COMMON).map(Self::Text),
            "combined" => steps(COMBINED).map(Self::Text),
            _ if text.contains('%') => steps(text).map(Self::Text),
            _ => Err(unknown_name(text)),
        }
    }

    /// Whether it needs the fields of the response.
    pub(crate) fn wants_response(&self) -> bool {
        let wants = |step: &Step| {
            matches!(step, Step::Field { what: What::ResponseField(_) | What::Connection, .. })
        };
        matches!(self, Self::Text(steps) if steps.iter().any(wants))
    }
}

impl Default for Format {
    fn default() -> Self {
        Self::parse("combined").expect("the default is a format")
    }
}

fn unknown_name(text: &str) -> NotFormat {
    let near = NAMES.iter().max_by(|one, other| {
        strsim::jaro_winkler(text, one).total_cmp(&strsim::jaro_winkler(text, other))
    });
    let near = near.filter(|near| strsim::jaro_winkler(text, near) > 0.7);
    let fix = match near {
        Some(near) => format!("write {near}"),
        None => "write common, combined, json or a text with % directives".to_owned(),
    };
    NotFormat::new(format!("no format is called {text:?}"), fix)
}

/// Reads `%` directives and what is between them.
fn steps(format: &str) -> Result<Vec<Step>, NotFormat> {
    let mut steps = Vec::new();
    let mut text = Vec::new();
    let mut rest = format;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match (character, rest.chars().next()) {
            ('\\', Some(escaped @ ('n' | 't' | '"' | '\\'))) => {
                text.push(match escaped {
                    'n' => b'\n',
                    't' => b'\t',
                    other => u8::try_from(other).unwrap_or(b'?'),
                });
                rest = &rest[1..];
            }
            ('%', Some('%')) => {
                text.push(b'%');
                rest = &rest[1..];
            }
            ('%', _) => {
                if !text.is_empty() {
                    steps.push(Step::Text(std::mem::take(&mut text)));
                }
                let (step, after) = directive(rest)?;
                steps.push(step);
                rest = after;
            }
            _ => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if !text.is_empty() {
        steps.push(Step::Text(text));
    }
    set_ends(&mut steps);
    Ok(steps)
}

/// Tells fields what the format has put behind them, and the last one what is before it: readers
/// split lines there.
fn set_ends(steps: &mut [Step]) {
    let punctuation = |byte: &u8| *byte == b' ' || byte.is_ascii_punctuation();
    if let [.., Step::Text(text), Step::Field { end, .. }] = steps {
        *end = text.last().copied().filter(punctuation);
    }
    for index in 1..steps.len() {
        let (before, after) = steps.split_at_mut(index);
        if let (Some(Step::Field { end, .. }), Some(Step::Text(text))) =
            (before.last_mut(), after.first())
        {
            *end = text.first().copied().filter(punctuation);
        }
    }
}

/// Reads a directive, behind its `%`; returns it and what follows.
fn directive(text: &str) -> Result<(Step, &str), NotFormat> {
    let mut rest = text;
    let excepted = rest.starts_with('!');
    rest = rest.trim_start_matches(['!', '<', '>']);
    let end = rest.find(|it: char| !it.is_ascii_digit() && it != ',').unwrap_or(rest.len());
    let mut statuses = Vec::new();
    for status in rest[..end].split(',').filter(|status| !status.is_empty()) {
        statuses.push(status.parse().map_err(|_| {
            NotFormat::new(format!("%{text} names no status {status}"), "write three digits")
        })?);
    }
    rest = rest[end..].trim_start_matches(['<', '>']);
    let mut argument = None;
    if let Some(inner) = rest.strip_prefix('{') {
        let (inside, after) = inner.split_once('}').ok_or_else(|| {
            NotFormat::new(format!("%{text} has no closing brace"), "write %{NAME}i")
        })?;
        argument = Some(inside);
        rest = after.trim_start_matches(['<', '>']);
    }
    // The long ones have a caret and two letters.
    let length = if rest.starts_with('^') { 3 } else { 1 };
    let end = rest.char_indices().nth(length).map_or(rest.len(), |(index, _)| index);
    let (name, after) = rest.split_at(end);
    let what = what(name, argument)?;
    Ok((Step::Field { what, only: (statuses, excepted), end: None }, after))
}

fn what(name: &str, argument: Option<&str>) -> Result<What, NotFormat> {
    let needed = |argument: Option<&str>| {
        argument.filter(|argument| !argument.is_empty()).map(str::to_owned).ok_or_else(|| {
            NotFormat::new(format!("%{name} wants a name"), format!("write %{{NAME}}{name}"))
        })
    };
    let field = |argument: Option<&str>| {
        let field = needed(argument)?;
        field.parse().map_err(|_| {
            let wrong = format!("%{{{field}}}{name} names no field: {field:?} cannot be one");
            NotFormat::new(wrong, format!("write for example %{{User-Agent}}{name}"))
        })
    };
    Ok(match name {
        "a" if argument == Some("c") => What::Peer,
        "a" | "h" => What::Client,
        "A" => What::Server,
        "b" => What::BytesOrDash,
        "B" => What::Bytes,
        "C" => What::Cookie(needed(argument)?),
        "D" => What::Micros,
        "e" => What::Variable(needed(argument)?),
        "H" => What::Protocol,
        "i" => What::RequestField(field(argument)?),
        "o" => What::ResponseField(field(argument)?),
        "k" => What::Earlier,
        "L" => What::Id,
        "m" => What::Method,
        "p" => match argument {
            None | Some("canonical" | "local") => What::ServerPort,
            Some("remote") => What::ClientPort,
            Some(other) => {
                return Err(unknown_argument(name, other, &["canonical", "local", "remote"]));
            }
        },
        "P" => match argument {
            None | Some("pid") => What::Process,
            Some("tid") => What::Thread,
            Some("hextid") => What::ThreadInHexadecimal,
            Some(other) => return Err(unknown_argument(name, other, &["pid", "tid", "hextid"])),
        },
        "q" => What::Query,
        "r" => What::Request,
        "s" => What::Status,
        "t" => time(argument.unwrap_or_default())?,
        "T" => match argument {
            None | Some("s") => What::Seconds,
            Some("ms") => What::Millis,
            Some("us") => What::Micros,
            Some(other) => return Err(unknown_argument(name, other, &["s", "ms", "us"])),
        },
        "u" => What::User,
        "U" => What::Path,
        "v" => What::ServerName,
        "V" => What::HostName,
        "X" => What::Connection,
        "f" | "I" | "l" | "n" | "O" | "R" | "S" | "^FB" | "^ti" | "^to" => What::Nothing,
        _ => return Err(unknown_directive(name, argument)),
    })
}

fn unknown_argument(name: &str, argument: &str, known: &[&str]) -> NotFormat {
    let wrong = format!("%{{{argument}}}{name} is no directive");
    let near = known.iter().min_by_key(|known| strsim::levenshtein(known, argument));
    NotFormat::new(wrong, format!("write %{{{}}}{name}", near.copied().unwrap_or_default()))
}

fn unknown_directive(name: &str, argument: Option<&str>) -> NotFormat {
    if let Some(argument) = argument {
        let wrong = format!("%{{{argument}}}{name} is no directive");
        return NotFormat::new(wrong, format!("write %{{{argument}}}i for a field of the request"));
    }
    if name.is_empty() {
        return NotFormat::new("a % stands at the end", "write %% for a percent sign");
    }
    let same = |letter: &char| letter.to_string().eq_ignore_ascii_case(name);
    let fix = match LETTERS.chars().find(same) {
        Some(near) => format!("write %{near}"),
        None => format!("write %% for a percent sign, or % and one of {LETTERS}"),
    };
    NotFormat::new(format!("%{name} is no directive"), fix)
}

/// Reads the argument of `%t`.
fn time(argument: &str) -> Result<What, NotFormat> {
    let (of, format) = match argument.split_once(':') {
        Some(("begin", format)) => (Of::Begin, format),
        Some(("end", format)) => (Of::End, format),
        _ if argument == "begin" || argument == "end" => {
            (if argument == "end" { Of::End } else { Of::Begin }, "")
        }
        _ => (Of::Begin, argument),
    };
    let whole = match format {
        "" => Some(TimePart::Common),
        "sec" => Some(TimePart::Seconds),
        "msec" => Some(TimePart::Millis),
        "usec" => Some(TimePart::Micros),
        "msec_frac" => Some(TimePart::MillisOfSecond),
        "usec_frac" => Some(TimePart::MicrosOfSecond),
        _ => None,
    };
    let parts = match whole {
        Some(part) => vec![part],
        None => conversions(format)?,
    };
    Ok(What::Time(parts, of))
}

fn conversions(format: &str) -> Result<Vec<TimePart>, NotFormat> {
    let mut parts = Vec::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            match parts.last_mut() {
                Some(TimePart::Text(text)) => text.push(character),
                _ => parts.push(TimePart::Text(character.to_string())),
            }
            continue;
        }
        match characters.next() {
            Some(conversion) if CONVERSIONS.contains(conversion) => {
                parts.push(TimePart::Conversion(conversion));
            }
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(NotFormat::new(
                    format!("%{{{format}}}t has %{other}, which is no conversion of times"),
                    format!("write % and one of {CONVERSIONS}"),
                ));
            }
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(format: &str) -> String {
        Format::parse(format).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_named_with_the_nearest() {
        assert_eq!(wrong("combind"), "no format is called \"combind\": write combined");
        assert_eq!(
            wrong("apache"),
            "no format is called \"apache\": write common, combined, json or a text with % \
             directives"
        );
        assert_eq!(wrong("%h %d"), "%d is no directive: write %D");
        assert_eq!(
            wrong("%{User-Agent}"),
            "%{User-Agent} is no directive: write %{User-Agent}i for a field of the request"
        );
        assert_eq!(wrong("%{Referer"), "%{Referer has no closing brace: write %{NAME}i");
        assert_eq!(wrong("%i"), "%i wants a name: write %{NAME}i");
        assert_eq!(wrong("%{msec}T"), "%{msec}T is no directive: write %{ms}T");
        assert_eq!(wrong("50%"), "a % stands at the end: write %% for a percent sign");
        assert!(wrong("%{a b}i").starts_with("%{a b}i names no field"));
        assert!(wrong("%Z").starts_with("%Z is no directive: write %% for a percent sign"));
        assert!(wrong("%{%Q}t").starts_with("%{%Q}t has %Q, which is no conversion of times"));
        assert!(wrong("%99999s").starts_with("%99999s names no status 99999"));
    }

    #[test]
    fn modifiers_and_escapes_are_read() {
        let Format::Text(steps) = Format::parse("\\t%!200,304>{Referer}i\\\"100%%\\n").unwrap()
        else {
            panic!("a text")
        };
        assert_eq!(
            steps,
            [
                Step::Text(b"\t".to_vec()),
                Step::Field {
                    what: What::RequestField(http::header::REFERER),
                    only: (vec![200, 304], true),
                    end: Some(b'"'),
                },
                Step::Text(b"\"100%\n".to_vec()),
            ]
        );
    }

    #[test]
    fn only_what_needs_the_response_asks_for_it() {
        assert!(Format::parse("%{Content-Type}o").unwrap().wants_response());
        assert!(Format::parse("%X").unwrap().wants_response());
        assert!(!Format::default().wants_response());
        assert!(!Format::Json.wants_response());
    }
}
