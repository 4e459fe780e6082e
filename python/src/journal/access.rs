//! A line of the access log, step by step.

use std::{
    env,
    os::unix::ffi::OsStringExt,
    time::{Duration, SystemTime},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{CONNECTION, COOKIE, HOST},
};
use narthex_core::{Access, Endpoint, RequestHead};

use super::{
    clock::{self, Moment},
    format::{Format, Of, Step, TimePart, What},
    json,
    line::Line,
};

/// Writes the line of `access`, whose request ended at `ended`.
pub(super) fn write(format: &Format, access: &Access<'_>, ended: SystemTime, line: &mut Line) {
    let steps = match format {
        Format::Json => return json::access(access, Moment::new(ended), line),
        Format::Text(steps) => steps,
    };
    for step in steps {
        match step {
            Step::Text(text) => line.text(text),
            Step::Field { what, only: (statuses, excepted), end } => {
                if statuses.is_empty() || statuses.contains(&access.status) != *excepted {
                    Field { access, ended, end: *end, line }.write(what);
                } else {
                    line.text(b"-");
                }
            }
        }
    }
}

/// The user that a gateway vouches for.
pub(super) fn user(head: &RequestHead) -> Option<&[u8]> {
    Some(&head.gateway.as_ref()?.authentication.as_ref()?.user)
}

/// A field about to be written.
struct Field<'a, 'b> {
    access: &'a Access<'b>,
    ended: SystemTime,
    /// What the format has put behind it.
    end: Option<u8>,
    line: &'a mut Line,
}

impl Field<'_, '_> {
    fn write(&mut self, what: &What) {
        let access = self.access;
        let head = access.request;
        let connection = head.map(|head| &head.connection);
        match what {
            // Behind a proxy the client is another, and the peer is not known here.
            What::Peer if connection.is_some_and(|it| it.relayed) => self.line.text(b"-"),
            What::Client | What::Peer => self.filled(Some(access.client)),
            What::Server | What::ServerName => {
                self.filled(connection.map(|it| &it.server.host[..]));
            }
            What::HostName => self.filled(head.map(host)),
            What::ServerPort => self.number(connection.and_then(|it| port(&it.server))),
            What::ClientPort => self.number(connection.and_then(|it| port(&it.client))),
            What::BytesOrDash => self.number(Some(access.bytes).filter(|&bytes| bytes > 0)),
            What::Bytes => self.line.number(access.bytes),
            What::Micros => self.line.number(whole(access.elapsed.as_micros())),
            What::Millis => self.line.number(whole(access.elapsed.as_millis())),
            What::Seconds => self.line.number(access.elapsed.as_secs()),
            What::Status => self.line.number(u64::from(access.status)),
            What::Earlier => self.number(head.map(|head| u64::from(head.arrival.earlier))),
            What::Process => self.line.number(u64::from(std::process::id())),
            What::Thread => self.number(thread()),
            What::ThreadInHexadecimal => {
                self.line.formatted(format_args!("{:x}", thread().unwrap_or_default()));
            }
            What::Id => match head.and_then(RequestHead::id) {
                Some(id) => self.line.text(id.as_str().as_bytes()),
                None => self.line.text(b"-"),
            },
            What::Protocol => self.value(head.map(|head| head.protocol().as_bytes())),
            What::Method => self.value(head.map(|head| head.method.as_str().as_bytes())),
            What::Path => self.value(head.map(RequestHead::path).as_deref()),
            What::Query => self.query(),
            What::Request => self.request(),
            What::User => self.value(head.and_then(user)),
            What::Cookie(name) => self.value(head.and_then(|head| cookie(head, name))),
            What::RequestField(name) => self.fields(head.map(|head| &head.headers), name),
            What::ResponseField(name) => self.fields(access.response, name),
            What::Variable(name) => self.variable(name),
            What::Time(parts, of) => self.time(parts, *of),
            What::Connection => self.line.text(connection_status(access)),
            What::Nothing => self.line.text(b"-"),
        }
    }

    /// A value that may be empty, as a field of a request may.
    fn value(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.line.escaped(value, self.end.as_slice()),
            None => self.line.text(b"-"),
        }
    }

    /// A value that is not empty where there is one.
    fn filled(&mut self, value: Option<&[u8]>) {
        self.value(value.filter(|value| !value.is_empty()));
    }

    fn number(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.line.number(number),
            None => self.line.text(b"-"),
        }
    }

    /// The line of the request: its spaces are the format's.
    fn request(&mut self) {
        let Some(head) = self.access.request else { return self.line.text(b"-") };
        let ends = [b' ', self.end.unwrap_or(b' ')];
        self.line.escaped(head.method.as_str().as_bytes(), &ends);
        self.line.text(b" ");
        self.line.escaped(&head.target(), &ends);
        self.line.text(b" ");
        self.line.text(head.protocol().as_bytes());
    }

    fn query(&mut self) {
        if let Some(query) = self.access.request.map(RequestHead::query)
            && !query.is_empty()
        {
            self.line.text(b"?");
            self.line.escaped(query, self.end.as_slice());
        }
    }

    /// The values of a field, joined as they may be (RFC 9110, 5.3).
    fn fields(&mut self, headers: Option<&HeaderMap>, name: &HeaderName) {
        let first = headers.and_then(|headers| headers.get(name));
        self.value(first.map(HeaderValue::as_bytes));
        let Some(headers) = headers.filter(|headers| headers.len() > headers.keys_len()) else {
            return;
        };
        for value in headers.get_all(name).iter().skip(1) {
            self.line.text(b", ");
            self.line.escaped(value.as_bytes(), self.end.as_slice());
        }
    }

    /// A variable of the gateway, or of the environment.
    fn variable(&mut self, name: &str) {
        let variables = self.access.request.map_or(&[][..], RequestHead::variables);
        match variables.iter().find(|(key, _)| *key == name.as_bytes()) {
            Some((_, value)) => self.value(Some(value)),
            None => self.value(env::var_os(name).map(OsStringExt::into_vec).as_deref()),
        }
    }

    fn time(&mut self, parts: &[TimePart], of: Of) {
        let time = match of {
            Of::End => self.ended,
            Of::Begin => self.ended.checked_sub(self.access.elapsed).unwrap_or(self.ended),
        };
        if parts == [TimePart::Common] {
            return clock::common(time, self.line);
        }
        let moment = Moment::new(time);
        let since = moment.since();
        for part in parts {
            match part {
                TimePart::Common => clock::common(time, self.line),
                TimePart::Seconds => self.line.number(since.as_secs()),
                TimePart::Millis => self.line.number(whole(since.as_millis())),
                TimePart::Micros => self.line.number(whole(since.as_micros())),
                TimePart::MillisOfSecond => self.fraction(since, 3),
                TimePart::MicrosOfSecond => self.fraction(since, 6),
                TimePart::Text(text) => self.line.text(text.as_bytes()),
                TimePart::Conversion(conversion) => moment.strftime(*conversion, self.line),
            }
        }
    }

    fn fraction(&mut self, since: Duration, digits: usize) {
        let micros = format!("{:06}", since.subsec_micros());
        self.line.text(&micros.as_bytes()[..digits]);
    }
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn port(endpoint: &Endpoint) -> Option<u64> {
    endpoint.port.map(u64::from)
}

/// The number of this thread, as the system counts them.
fn thread() -> Option<u64> {
    u64::try_from(rustix::thread::gettid().as_raw_nonzero().get()).ok()
}

/// The host that the client asked for, or the server's own.
fn host(head: &RequestHead) -> &[u8] {
    let Some(host) = head.headers.get(HOST).map(HeaderValue::as_bytes) else {
        return &head.connection.server.host;
    };
    let bracket = host.iter().position(|&byte| byte == b']').unwrap_or(0);
    match host[bracket..].iter().position(|&byte| byte == b':') {
        Some(colon) => &host[..bracket + colon],
        None => host,
    }
}

/// The value of a cookie (RFC 6265, 4.2.1).
fn cookie<'a>(head: &'a RequestHead, name: &str) -> Option<&'a [u8]> {
    let values = head.headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes);
    values.flat_map(|value| value.split(|&byte| byte == b';')).find_map(|pair| {
        let pair = pair.trim_ascii();
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        (&pair[..equals] == name.as_bytes()).then(|| &pair[equals + 1..])
    })
}

/// `X` for a response that was cut, `+` for a connection that is kept, `-` for one that is not.
fn connection_status(access: &Access<'_>) -> &'static [u8] {
    let Some(head) = access.request else { return b"-" };
    let says = |headers: &HeaderMap, option: &str| {
        let values = headers.get_all(CONNECTION).into_iter();
        let mut options = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
        options.any(|it| it.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
    };
    let closes = access.response.is_some_and(|response| says(response, "close"))
        || match head.version {
            Version::HTTP_2 | Version::HTTP_3 => false,
            Version::HTTP_11 => says(&head.headers, "close"),
            _ => !says(&head.headers, "keep-alive"),
        };
    match (access.complete, closes) {
        (false, _) => b"X",
        (true, true) => b"-",
        (true, false) => b"+",
    }
}
