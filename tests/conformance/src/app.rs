//! The application that all cases talk to.

use std::{
    fmt::Write as _,
    fs::File,
    io::{Seek, SeekFrom, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use narthex_core::{
    Answer, Ask, Body, Error, Exchange, Handler, Pulled, Reply, RequestHead, ResponseHead, Result,
    Source, visit_variables,
};

use crate::{
    Probe, Way,
    probe::Held,
    script::{Parsed, Step, checksum_on, pattern},
};

/// Does what the path of the request says, in the [`Way`] that its field `Way` says.
///
/// | path | answer |
/// |---|---|
/// | `/script?…` | the response that the query spells |
/// | `/count` | length and checksum of the request body |
/// | `/echo` | the request body, piece by piece as it arrives |
/// | `/deaf` | `deaf`, without a look at the request body |
/// | `/gate` | `through`, once the suite opens the gate |
/// | `/file` | 100 000 bytes of a file |
/// | `/twice`, `/late-write`, `/late-failure`, `/unfinished`, `/silent` | a broken response |
/// | any other | a view of the request, one `name=value` a line |
#[derive(Debug)]
pub(crate) struct App {
    probe: Arc<Probe>,
}

impl App {
    /// An application that reports to `probe`.
    pub(crate) fn new(probe: Arc<Probe>) -> Self {
        Self { probe }
    }

    fn answer(&self, way: Way, ask: &Ask<'_>) -> Option<Answer> {
        let (head, body) = match &*ask.head.path_info() {
            b"/script" => {
                let parsed = Parsed::from_query(ask.head.query());
                match parsed.early {
                    Some(Step::Panic) => panic!("as the case asks"),
                    Some(_) => return None,
                    None => (parsed.head, parsed.steps),
                }
            }
            b"/count" => (ResponseHead::default(), vec![Step::Piece(count([ask.body]))]),
            b"/echo" => (ResponseHead::default(), vec![Step::Piece(ask.body.clone())]),
            b"/deaf" | b"/gate" | b"/file" | b"/twice" | b"/late-write" | b"/late-failure"
            | b"/unfinished" | b"/silent" => return None,
            _ => {
                let view = view(ask.head, ask.body, way);
                (ResponseHead::default(), vec![Step::Piece(view)])
            }
        };
        self.probe.saw(&ask.head.method, &ask.head.target());
        let parsed = Parsed { early: None, head, steps: body };
        if way == Way::Whole {
            let body = parsed.joined();
            return Some(Answer::whole(parsed.head, body));
        }
        let source = Steps {
            left: parsed.steps.into_iter(),
            endless: false,
            probe: Arc::clone(&self.probe),
            _held: self.probe.hold(),
        };
        Some(Answer { head: parsed.head, body: Body::Pulled(Pulled::new(Box::new(source))) })
    }

    async fn script(&self, way: Way, exchange: &Exchange) -> Result<()> {
        let parsed = Parsed::from_query(exchange.request().query());
        match parsed.early {
            None => {}
            Some(Step::Panic) => panic!("as the case asks"),
            Some(_) => return Err(Error::application("secret: failed as the case asks")),
        }
        if matches!(way, Way::Whole | Way::Responded) {
            let body = parsed.joined();
            return exchange.respond(parsed.head, body).await;
        }
        way.done(exchange, exchange.start(parsed.head)).await?;
        for step in parsed.steps {
            match step {
                Step::Piece(piece) => self.write(way, exchange, piece).await?,
                Step::Endless => loop {
                    self.write(way, exchange, Bytes::from_static(DOTS)).await?;
                },
                Step::Fail => return Err(Error::application("secret: failed as the case asks")),
                Step::Panic => panic!("as the case asks"),
            }
        }
        way.done(exchange, exchange.finish()).await
    }

    async fn write(&self, way: Way, exchange: &Exchange, piece: Bytes) -> Result<()> {
        let length = piece.len() as u64;
        let outcome = way.done(exchange, exchange.write(piece)).await;
        match &outcome {
            Ok(()) => self.probe.accepted.fetch_add(length, SeqCst),
            Err(_) => self.probe.failed_writes.fetch_add(1, SeqCst) as u64,
        };
        outcome
    }

    async fn read(&self, way: Way, exchange: &Exchange) -> Result<Option<Bytes>> {
        let outcome = way.done(exchange, exchange.read()).await;
        if outcome.is_err() {
            self.probe.failed_reads.fetch_add(1, SeqCst);
        }
        outcome
    }

    async fn echo(&self, way: Way, exchange: &Exchange) -> Result<()> {
        way.done(exchange, exchange.start(ResponseHead::default())).await?;
        while let Some(piece) = self.read(way, exchange).await? {
            assert!(!piece.is_empty(), "a transport reads no empty piece");
            self.write(way, exchange, piece).await?;
        }
        way.done(exchange, exchange.finish()).await
    }

    async fn body(&self, way: Way, exchange: &Exchange) -> Result<Vec<Bytes>> {
        let mut pieces = Vec::new();
        while let Some(piece) = self.read(way, exchange).await? {
            pieces.push(piece);
        }
        assert!(self.read(way, exchange).await?.is_none(), "the end of the body stays");
        Ok(pieces)
    }

    async fn broken(&self, path: &[u8], exchange: &Exchange) -> Result<()> {
        let head = ResponseHead::default();
        match path {
            b"/twice" => {
                exchange.start(head.clone()).await?;
                exchange.write(Bytes::from_static(b"once")).await?;
                exchange.start(head).await
            }
            b"/late-write" => {
                exchange.respond(head, Bytes::from_static(b"in time")).await?;
                self.write(Way::Pushed, exchange, Bytes::from_static(b"too late")).await
            }
            b"/late-failure" => {
                exchange.respond(head, Bytes::from_static(b"in time")).await?;
                Err(Error::application("secret: failed after the end"))
            }
            b"/unfinished" => {
                exchange.start(head).await?;
                exchange.write(Bytes::from_static(b"ended by the server")).await
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Handler for App {
    fn now(&self, ask: &Ask<'_>) -> Reply {
        match Way::of(&ask.head.headers) {
            way @ (Way::Whole | Way::Pulled) => {
                self.answer(way, ask).map_or(Reply::Later, Reply::Now)
            }
            _ => Reply::Later,
        }
    }

    async fn handle(&self, exchange: Arc<Exchange>) -> Result<()> {
        let _held: Held = self.probe.hold();
        let request = exchange.request();
        self.probe.saw(&request.method, &request.target());
        let way = Way::of(&request.headers);
        let path = request.path_info();
        match &*path {
            b"/script" => self.script(way, &exchange).await,
            b"/echo" => self.echo(way, &exchange).await,
            b"/count" => {
                let body = self.body(way, &exchange).await?;
                let answer = exchange.respond(ResponseHead::default(), count(&body));
                way.done(&exchange, answer).await
            }
            b"/deaf" => exchange.respond(ResponseHead::default(), "deaf".into()).await,
            b"/gate" => {
                exchange.blocking().block(&mut || self.probe.wait_at_the_gate());
                exchange.respond(ResponseHead::default(), "through".into()).await
            }
            b"/file" => file(&exchange).await,
            broken @ (b"/twice" | b"/late-write" | b"/late-failure" | b"/unfinished"
            | b"/silent") => self.broken(broken, &exchange).await,
            _ => {
                let body = self.body(way, &exchange).await?.concat().into();
                let view = view(request, &body, way);
                if way == Way::Responded {
                    return exchange.respond(ResponseHead::default(), view).await;
                }
                way.done(&exchange, exchange.start(ResponseHead::default())).await?;
                self.write(way, &exchange, view).await?;
                way.done(&exchange, exchange.finish()).await
            }
        }
    }
}

impl Way {
    /// The outcome of an operation, waited for as this way does.
    async fn done<T: Send>(
        self,
        exchange: &Exchange,
        operation: impl Future<Output = T> + Send,
    ) -> T {
        if self == Self::Waited { exchange.wait(operation) } else { operation.await }
    }
}

/// A script as a pulled body.
struct Steps {
    left: std::vec::IntoIter<Step>,
    endless: bool,
    probe: Arc<Probe>,
    _held: Held,
}

impl Source for Steps {
    fn next(&mut self) -> Result<Option<Bytes>> {
        if !self.endless {
            match self.left.next() {
                None => return Ok(None),
                Some(Step::Piece(piece)) => {
                    self.probe.accepted.fetch_add(piece.len() as u64, SeqCst);
                    return Ok(Some(piece));
                }
                Some(Step::Endless) => self.endless = true,
                Some(Step::Fail) => {
                    return Err(Error::application("secret: failed as the case asks"));
                }
                Some(Step::Panic) => panic!("as the case asks"),
            }
        }
        let piece = Bytes::from_static(DOTS);
        self.probe.accepted.fetch_add(piece.len() as u64, SeqCst);
        Ok(Some(piece))
    }
}

/// A piece of an endless body.
static DOTS: &[u8] = &[b'.'; 64 * 1024];

/// Length and checksum of a body.
fn count<'a>(pieces: impl IntoIterator<Item = &'a Bytes>) -> Bytes {
    let (mut length, mut sum) = (0, crate::script::checksum(b""));
    for piece in pieces {
        length += piece.len();
        sum = checksum_on(sum, piece);
    }
    format!("{length} bytes, {sum:016x}").into()
}

async fn file(exchange: &Exchange) -> Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name =
        format!("narthex-conformance-{}-{}", std::process::id(), NUMBER.fetch_add(1, SeqCst));
    let path = std::env::temp_dir().join(name);
    let mut file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    let length: u64 = 100_000;
    file.write_all(&pattern(100_100))?;
    file.seek(SeekFrom::Start(0))?;
    let mut head = ResponseHead::default();
    head.headers.insert(CONTENT_LENGTH, length.into());
    exchange.start(head).await?;
    exchange.send_file(&file, length).await?;
    exchange.finish().await
}

/// What there is to know of a request.
fn view(head: &RequestHead, body: &Bytes, way: Way) -> Bytes {
    let mut lines = String::new();
    let mut line = |name: &str, value: &[u8]| {
        writeln!(lines, "{name}={}", value.escape_ascii()).expect("memory");
    };
    line("way", way.name().as_bytes());
    line("method", head.method.as_str().as_bytes());
    line("protocol", head.protocol().as_bytes());
    line("scheme", head.connection.scheme.as_str().as_bytes());
    line("mount", head.mount());
    line("path_info", &head.path_info());
    line("path", &head.path());
    line("raw_path", &head.raw_path());
    line("query", head.query());
    line("target", &head.target());
    line("client", &head.connection.client.host);
    line("body", body);
    for (name, value) in &head.headers {
        line(&format!("field {name}"), value.as_bytes());
    }
    visit_variables(head, &mut |name, value| {
        line(&format!("variable {}", name.escape_ascii()), value);
    });
    lines.into()
}
