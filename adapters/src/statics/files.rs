//! The handler that answers with files, and asks the application where there are none.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCEPT_RANGES, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
        LAST_MODIFIED, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};
use narthex_core::{
    Answer, Ask, Blocking, Body, Exchange, Handler, Journal, Level, Pulled, Reply, RequestHead,
    ResponseHead, Result, Site, encode,
};
use rustix::io::Errno;

use super::{
    StaticMount,
    conditions::{Validators, Verdict},
    content::{Content, Sending, failed},
    name::Name,
    representation::Representation,
    root::{Found, Root},
};

/// Up to this size a file is read before its response starts, and goes out with it in one write.
const WHOLE: u64 = 64 * 1024;

/// Opened mounts, before there is an application.
#[derive(Debug)]
pub(crate) struct Mounts(Vec<Mount>);

/// A [`StaticMount`] and its directory.
#[derive(Debug)]
struct Mount {
    is: StaticMount,
    root: Root,
}

impl Mounts {
    /// Opens the directories of `mounts`; `None` where there are none.
    ///
    /// # Errors
    /// A directory that is none, or may not be read.
    pub(crate) fn open(mounts: &[StaticMount]) -> crate::Result<Option<Self>> {
        let open = |mount: &StaticMount| match Root::open(&mount.directory) {
            Ok(root) => Ok(Mount { is: mount.clone(), root }),
            Err(source) => {
                Err(crate::Error::Directory { directory: mount.directory.clone(), source })
            }
        };
        let mut mounts = mounts.iter().map(open).collect::<crate::Result<Vec<_>>>()?;
        // The first that fits is the longest that does.
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.is.route.len()));
        Ok((!mounts.is_empty()).then_some(Self(mounts)))
    }

    /// `site` with the files before its application.
    pub(crate) fn before(self, site: &Site) -> Site {
        let mut site = site.clone();
        site.handler = Arc::new(Files {
            mounts: self.0,
            application: site.handler,
            journal: Arc::clone(&site.journal),
        });
        site
    }
}

/// Files, and the application behind them.
struct Files {
    mounts: Vec<Mount>,
    application: Arc<dyn Handler>,
    journal: Arc<dyn Journal>,
}

/// A response whose body may still have to be read.
struct Response {
    head: ResponseHead,
    content: Either,
}

enum Either {
    Whole(Bytes),
    File(Content),
}

#[async_trait]
impl Handler for Files {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        let Some(Response { head, content }) = self.answer(ask.head, &**ask.blocking) else {
            return self.application.now(ask);
        };
        let body = match content {
            Either::Whole(bytes) => Body::Whole(bytes),
            Either::File(content) => {
                let source = Sending::new(content, Arc::clone(ask.blocking));
                Body::Pulled(Pulled::new(Box::new(source)))
            }
        };
        Reply::Now(Answer { head, body })
    }

    /// For requests with a body that has not arrived, and for those that [`now`](Self::now) has
    /// left to the application.
    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let answer = self.answer(exchange.request(), exchange.blocking());
        let Some(Response { head, content }) = answer else {
            return self.application.handle(exchange).await;
        };
        match content {
            Either::Whole(bytes) => exchange.respond(head, bytes).await,
            Either::File(mut content) => {
                exchange.start(head).await?;
                while let Some(piece) = content.next(exchange.blocking())? {
                    exchange.write(piece).await?;
                }
                exchange.finish().await
            }
        }
    }
}

impl Files {
    /// The response to a request; `None` where it is for the application.
    fn answer(&self, request: &RequestHead, blocking: &dyn Blocking) -> Option<Response> {
        let path = request.path_info();
        let (mount, rest) = self.mounts.iter().find_map(|mount| {
            let rest = path.strip_prefix(&mount.is.route[..])?;
            matches!(rest, [] | [b'/', ..]).then_some((mount, rest))
        })?;
        let fallthrough = mount.is.fallthrough;
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return (!fallthrough).then(not_allowed);
        }
        let found = match Name::read(rest, mount.is.route.is_empty()) {
            Some(name) => self.find(mount, name, request, blocking),
            None => Ok(None),
        };
        match found {
            Ok(None) => (!fallthrough).then(|| plain(StatusCode::NOT_FOUND)),
            Ok(response) => response,
            Err(error) => {
                let message = format_args!("{error} ({})", path.escape_ascii());
                self.journal.write(Level::Error, &message);
                Some(plain(StatusCode::INTERNAL_SERVER_ERROR))
            }
        }
    }

    /// The response with the file called `name`, or with the index of the directory.
    fn find(
        &self,
        mount: &Mount,
        name: Name<'_>,
        request: &RequestHead,
        blocking: &dyn Blocking,
    ) -> Result<Option<Response>> {
        let index;
        let mut path = name.path;
        let mut found = Found::Directory;
        if !name.directory {
            found = mount.root.find(path, blocking).map_err(|error| failed(&error))?;
        }
        let redirects = !name.directory && matches!(found, Found::Directory);
        if matches!(found, Found::Directory) {
            let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
            index = [path, slash, b"index.html"].concat();
            path = &index;
            found = mount.root.find(path, blocking).map_err(|error| failed(&error))?;
        }
        match found {
            Found::File(..) if redirects => Ok(Some(redirect(request))),
            Found::File(file, stat) => {
                let representation = Representation::new(file, &stat, None)
                    .choose(path, &request.headers, &mount.root, blocking)
                    .map_err(|error| failed(&error))?;
                send(representation, Name::kind(path), &mount.is.headers, request, blocking)
                    .map(Some)
            }
            Found::Nothing(errno) => {
                if !matches!(errno, Errno::NOENT | Errno::NOTDIR) {
                    let (path, root) = (path.escape_ascii(), mount.is.directory.display());
                    let message = format_args!("{path} in {root} is not served: {errno}");
                    self.journal.write(Level::Debug, &message);
                }
                Ok(None)
            }
            Found::Directory => Ok(None),
        }
    }
}

/// The response with what of `representation` is wanted.
fn send(
    representation: Representation,
    kind: &'static str,
    extra: &[(HeaderName, HeaderValue)],
    request: &RequestHead,
    blocking: &dyn Blocking,
) -> Result<Response> {
    let etag = representation.etag();
    let modified = representation.modified();
    let size = representation.size;
    let verdict = Validators { etag: etag.as_bytes(), modified, size }
        .judge(&request.method, &request.headers);
    let mut headers = HeaderMap::with_capacity(12);
    let (status, part) = match verdict {
        Verdict::Whole => (StatusCode::OK, 0..size),
        Verdict::Part(part) => {
            let range = range(format_args!("{}-{}", part.start, part.end - 1), size);
            headers.insert(CONTENT_RANGE, range);
            (StatusCode::PARTIAL_CONTENT, part)
        }
        Verdict::NotModified => (StatusCode::NOT_MODIFIED, 0..0),
        Verdict::PreconditionFailed => return Ok(plain(StatusCode::PRECONDITION_FAILED)),
        Verdict::Unsatisfiable => {
            let mut response = plain(StatusCode::RANGE_NOT_SATISFIABLE);
            response.head.headers.insert(CONTENT_RANGE, range(format_args!("*"), size));
            return Ok(response);
        }
    };
    // These a 304 has as well (RFC 9110, 15.4.5).
    headers.insert(ETAG, etag);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(modified) = modified {
        headers.insert(LAST_MODIFIED, date(modified));
    }
    if status != StatusCode::NOT_MODIFIED {
        headers.insert(CONTENT_TYPE, content_type(kind));
        headers.insert(CONTENT_LENGTH, (part.end - part.start).into());
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(coding) = representation.coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
    }
    for (position, (name, value)) in extra.iter().enumerate() {
        if extra[..position].iter().any(|(earlier, _)| earlier == name) {
            headers.append(name, value.clone());
        } else {
            headers.insert(name, value.clone());
        }
    }
    let length = if request.method == Method::HEAD { 0 } else { part.end - part.start };
    let mut content = Content::new(representation.file, part);
    let content = match length {
        0 => Either::Whole(Bytes::new()),
        1..=WHOLE => Either::Whole(whole(&mut content, blocking)?),
        _ => Either::File(content),
    };
    Ok(Response { head: ResponseHead { status, headers, reason: None }, content })
}

/// All of `content`, in one piece: as it nearly always comes.
fn whole(content: &mut Content, blocking: &dyn Blocking) -> Result<Bytes> {
    let first = content.next(blocking)?.unwrap_or_default();
    let Some(second) = content.next(blocking)? else { return Ok(first) };
    let mut all = BytesMut::from(first);
    all.put(second);
    while let Some(piece) = content.next(blocking)? {
        all.put(piece);
    }
    Ok(all.freeze())
}

/// The type of the content. Text is UTF-8, as everything is by now; who has other text says so by a
/// field of the mount.
fn content_type(kind: &'static str) -> HeaderValue {
    if kind.starts_with("text/") {
        let text = format!("{kind}; charset=utf-8");
        return HeaderValue::try_from(text).expect("a type is visible ASCII");
    }
    HeaderValue::from_static(kind)
}

fn date(time: std::time::SystemTime) -> HeaderValue {
    HeaderValue::try_from(httpdate::fmt_http_date(time)).expect("a date is visible ASCII")
}

fn range(part: std::fmt::Arguments<'_>, size: u64) -> HeaderValue {
    HeaderValue::try_from(format!("bytes {part}/{size}")).expect("digits")
}

/// Leads to the same path with a slash at its end.
///
/// The path is the one that the client sees, encoded anew: it begins with one slash, so that it can
/// never name a host.
fn redirect(request: &RequestHead) -> Response {
    let path = request.path();
    let start = path.iter().position(|&byte| byte != b'/').unwrap_or(path.len());
    let mut target = b"/".to_vec();
    encode(&path[start..], &mut target);
    target.push(b'/');
    if !request.query().is_empty() {
        target.push(b'?');
        target.extend_from_slice(request.query());
    }
    let mut response = plain(StatusCode::PERMANENT_REDIRECT);
    if let Ok(target) = HeaderValue::try_from(target) {
        response.head.headers.insert(LOCATION, target);
    }
    response
}

fn not_allowed() -> Response {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
    response.head.headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn plain(status: StatusCode) -> Response {
    let Answer { head, body } = Answer::plain(status);
    let content = match body {
        Body::Whole(bytes) => Either::Whole(bytes),
        Body::Pulled(_) => Either::Whole(Bytes::new()),
    };
    Response { head, content }
}
