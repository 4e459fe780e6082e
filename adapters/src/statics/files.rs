//! The handler that answers with files, and asks the application where there are none.

use std::{os::fd::OwnedFd, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{
    HeaderValue, Method, StatusCode,
    header::{ALLOW, CONTENT_RANGE, LOCATION},
};
use narthex_core::{
    Answer, Ask, Blocking, Body, Exchange, Handler, Journal, Level, Pulled, Reply, RequestHead,
    ResponseHead, Result, Site, encode,
};
use rustix::{fs::Stat, io::Errno};

use crate::beneath::{Found, READ, Root};

use super::{
    StaticMount,
    coding::{Accepted, Coding},
    content::{Content, Sending, failed},
    memory::{Asked, Kept, Memory, Witness},
    name::Name,
    representation::Representation,
};

/// Up to this size a file is read before its response starts, goes out with it in one write, and is
/// kept.
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
        let open = |mount: &StaticMount| match Root::open(&mount.directory, READ) {
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
            memory: Memory::new(),
            application: site.handler,
            journal: Arc::clone(&site.journal),
        });
        site
    }
}

/// Files, and the application behind them.
struct Files {
    mounts: Vec<Mount>,
    memory: Memory,
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
        let (number, rest) = self.mounts.iter().enumerate().find_map(|(number, mount)| {
            let rest = path.strip_prefix(&mount.is.route[..])?;
            matches!(rest, [] | [b'/', ..]).then_some((number, rest))
        })?;
        let mount = &self.mounts[number];
        let fallthrough = mount.is.fallthrough;
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return (!fallthrough).then(not_allowed);
        }
        mount.root.refresh();
        let asked = Asked { mount: number, accepted: Accepted::of(&request.headers), rest };
        if let Some(kept) = self.memory.get(&asked, &mount.root) {
            return Some(kept_response(&kept, request));
        }
        let found = match Name::read(rest, mount.is.route.is_empty()) {
            Some(name) => self.find(&asked, name, request, blocking),
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
        asked: &Asked<'_>,
        name: Name<'_>,
        request: &RequestHead,
        blocking: &dyn Blocking,
    ) -> Result<Option<Response>> {
        let mount = &self.mounts[asked.mount];
        let find = |path: &[u8]| mount.root.find(path, blocking).map_err(|error| failed(&error));
        let index;
        let mut path = name.path;
        let mut found = if name.directory { Found::Directory } else { find(path)? };
        let redirects = !name.directory && matches!(found, Found::Directory);
        if matches!(found, Found::Directory) {
            let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
            index = [path, slash, b"index.html"].concat();
            path = &index;
            found = find(path)?;
        }
        match found {
            Found::File(..) if redirects => Ok(Some(redirect(request))),
            Found::File(file, stat) => {
                self.send(asked, path, file, &stat, request, blocking).map(Some)
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

    /// The response with the file at `path`, or with the neighbour of it that suits the client.
    fn send(
        &self,
        asked: &Asked<'_>,
        path: &[u8],
        file: OwnedFd,
        stat: &Stat,
        request: &RequestHead,
        blocking: &dyn Blocking,
    ) -> Result<Response> {
        let Mount { is, root } = &self.mounts[asked.mount];
        let mut witnesses = vec![Witness::new(path, stat)];
        let (mut file, mut stat, mut coding) = (file, *stat, None);
        if let Some(neighbour) = neighbour(root, path, &stat, asked.accepted, blocking)? {
            witnesses.push(neighbour.witness);
            (file, stat, coding) = (neighbour.file, neighbour.stat, Some(neighbour.coding));
        }
        let representation = Representation::new(path, &stat, coding, &is.headers);
        let size = representation.size();
        if request.method == Method::GET && size <= WHOLE {
            let bytes = Content::new(file, 0..size).whole(blocking)?;
            let kept = self.memory.keep(asked, representation, bytes, witnesses);
            return Ok(kept_response(&kept, request));
        }
        Ok(match representation.respond(request) {
            Ok((head, part)) if request.method == Method::HEAD || part.is_empty() => {
                Response { head, content: Either::Whole(Bytes::new()) }
            }
            Ok((head, part)) => Response { head, content: Either::File(Content::new(file, part)) },
            Err(refusal) => refused(refusal),
        })
    }
}

/// A compressed neighbour of a file.
struct Neighbour {
    file: OwnedFd,
    stat: Stat,
    coding: Coding,
    witness: Witness,
}

/// The neighbour of the file at `path` that suits the client best.
///
/// One that is older than its file was left behind by an edit. Whole seconds count: archives keep no
/// fractions.
fn neighbour(
    root: &Root,
    path: &[u8],
    original: &Stat,
    accepted: Accepted,
    blocking: &dyn Blocking,
) -> Result<Option<Neighbour>> {
    if Coding::ALL.iter().any(|coding| path.ends_with(coding.extension())) {
        return Ok(None); // it was asked for as it is
    }
    for coding in accepted.iter() {
        let name = [path, coding.extension()].concat();
        if let Found::File(file, stat) =
            root.find(&name, blocking).map_err(|error| failed(&error))?
            && stat.st_mtime >= original.st_mtime
        {
            let witness = Witness::new(&name, &stat);
            return Ok(Some(Neighbour { file, stat, coding, witness }));
        }
    }
    Ok(None)
}

/// The response with a file that is in memory.
fn kept_response(kept: &Kept, request: &RequestHead) -> Response {
    match kept.representation.respond(request) {
        Ok((head, part)) => {
            // No larger than what is kept.
            let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
            let bytes = kept.bytes.slice(place(part.start)..place(part.end));
            Response { head, content: Either::Whole(bytes) }
        }
        Err(refusal) => refused(refusal),
    }
}

fn refused((status, range): (StatusCode, Option<HeaderValue>)) -> Response {
    let mut response = plain(status);
    if let Some(range) = range {
        response.head.headers.insert(CONTENT_RANGE, range);
    }
    response
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
