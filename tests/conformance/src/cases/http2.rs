//! HTTP/2 with prior knowledge, as far as the application and its client notice.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::{Request, StatusCode};
use tokio::net::TcpStream;

use crate::{
    Host, PATIENCE, Server, Way,
    script::{Script, pattern, received},
};

type Client = SendRequest<Bytes>;

/// A response, or what cut it.
type Outcome = Result<(StatusCode, http::HeaderMap, Vec<u8>), h2::Error>;

/// Holds a dialogue over one connection to `server`.
fn dialogue<F: Future<Output = ()>>(server: &Server, talk: impl FnOnce(Client) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let address = server.address().trim_start_matches("http://").to_owned();
    runtime.expect("a runtime").block_on(async {
        let whole = async {
            let socket = TcpStream::connect(address).await.expect("a server");
            let handshake = Builder::new().handshake(socket).await;
            let (client, connection) = handshake.expect("HTTP/2 is spoken");
            let driver = tokio::spawn(connection);
            talk(client).await;
            driver.abort();
        };
        tokio::time::timeout(PATIENCE, whole).await.expect("an end of the dialogue");
    });
}

async fn send(client: &Client, request: Request<()>, body: Option<Vec<u8>>) -> Outcome {
    let mut client = client.clone().ready().await?;
    let (response, mut stream) = client.send_request(request, body.is_none())?;
    if let Some(body) = body {
        for (number, piece) in body.chunks(10_000).enumerate() {
            let last = (number + 1) * 10_000 >= body.len();
            stream.send_data(Bytes::copy_from_slice(piece), last)?;
        }
    }
    let (head, mut body) = response.await?.into_parts();
    let mut received = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        received.extend_from_slice(&piece);
    }
    Ok((head.status, head.headers, received))
}

fn request(method: &str, target: &str, way: Way) -> Request<()> {
    let uri = format!("http://example.test{target}");
    let request = Request::builder().method(method).uri(uri).header("way", way.name());
    request.body(()).expect("a request")
}

pub(crate) fn get_and_post(host: &dyn Host) {
    let server = Server::start(host);
    dialogue(&server, async |client| {
        for way in Way::ALL {
            let outcome = send(&client, request("GET", "/a%2fb?c", way), None).await;
            let (status, _, body) = outcome.expect("a response");
            let view = String::from_utf8(body).expect("ASCII");
            assert_eq!(status, 200);
            for line in ["method=GET", "path_info=/a/b", "query=c", "protocol=HTTP/2"] {
                assert!(view.lines().any(|seen| seen == line), "{line}: {view}");
            }
            // `:authority` is what Host is in HTTP/1.
            assert!(view.contains("variable HTTP_HOST=example.test\n"), "{view}");
            let post = request("POST", "/count", way);
            let (status, _, body) = send(&client, post, Some(b"abc".to_vec())).await.expect("one");
            assert_eq!((status.as_u16(), body), (200, received(b"abc")));
            let script = Script::new().status(404).field("set-cookie", "a=b").piece("x").piece("y");
            let outcome = send(&client, request("GET", &script.target(), way), None).await;
            let (status, fields, body) = outcome.expect("a response");
            assert_eq!((status.as_u16(), &body[..]), (404, &b"xy"[..]));
            assert_eq!(fields["set-cookie"], "a=b");
            let outcome = send(&client, request("HEAD", &script.target(), way), None).await;
            assert!(outcome.expect("a response").2.is_empty());
        }
    });
}

pub(crate) fn three_at_once(host: &dyn Host) {
    let server = Server::start(host);
    dialogue(&server, async |client| {
        let (slow, probe) = (client.clone(), server.probe.clone());
        let slow = tokio::spawn(async move {
            send(&slow, request("GET", "/gate", Way::Pushed), None).await.expect("one").2
        });
        while probe.waiting.load(SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        probe.open_the_gate();
        let (first, second) = tokio::join!(
            send(&client, request("POST", "/echo", Way::Pushed), Some(pattern(50_000))),
            send(&client, request("GET", "/", Way::Whole), None),
        );
        assert!(first.expect("a response").2 == pattern(50_000));
        assert_eq!(second.expect("a response").0, 200);
        assert_eq!(slow.await.expect("an end"), b"through");
    });
}

pub(crate) fn failures(host: &dyn Host) {
    let server = Server::start(host);
    dialogue(&server, async |client| {
        for way in Way::ALL {
            for script in [Script::new().fail_early(), Script::new().panic_early()] {
                let outcome = send(&client, request("GET", &script.target(), way), None).await;
                assert_eq!(outcome.expect("a response").0, 500);
            }
        }
        for way in Way::STREAMED {
            for script in [
                Script::new().piece("x").fail(),
                Script::new().piece("x").panic(),
                Script::new().length(10).piece("x"),
            ] {
                let outcome = send(&client, request("GET", &script.target(), way), None).await;
                assert!(outcome.expect_err("the stream is reset").is_reset(), "{way:?}");
            }
        }
        // The connection has survived all of it.
        let outcome = send(&client, request("GET", "/", Way::Pushed), None).await;
        assert_eq!(outcome.expect("a response").0, 200);
    });
}

pub(crate) fn limits(host: &dyn Host) {
    let server = Server::with(host, |site| site.limits.body_size = 1000);
    dialogue(&server, async |client| {
        for way in Way::ALL {
            for (length, status) in [(1000, 200), (1001, 413), (70_000, 413)] {
                let post = request("POST", "/count", way);
                let outcome = send(&client, post, Some(pattern(length))).await;
                assert_eq!(outcome.expect("a response").0, status, "{length} bytes, {way:?}");
            }
        }
        let mut named = request("GET", "/", Way::Pushed);
        named.headers_mut().insert("x_forwarded_for", "evil".parse().expect("a value"));
        let (_, _, body) = send(&client, named, None).await.expect("a response");
        let view = String::from_utf8(body).expect("ASCII");
        assert!(!view.contains("evil"), "underscores are dropped: {view}");
    });
}

pub(crate) fn reset_by_the_client(host: &dyn Host) {
    let server = Server::start(host);
    dialogue(&server, async |client| {
        for way in Way::STREAMED {
            let target = Script::new().endless().target();
            let mut ready = client.clone().ready().await.expect("a connection");
            let (response, _) =
                ready.send_request(request("GET", &target, way), true).expect("one");
            let mut body = response.await.expect("a head").into_body();
            body.data().await.expect("a body").expect("a piece");
            drop(body);
            let probe = &server.probe;
            while probe.released.load(SeqCst) < probe.held.load(SeqCst) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        let outcome = send(&client, request("GET", "/", Way::Pushed), None).await;
        assert_eq!(outcome.expect("a response").0, 200);
    });
}

pub(crate) fn upload_and_download(host: &dyn Host) {
    let server = Server::start(host);
    dialogue(&server, async |client| {
        for way in Way::ALL {
            let body = pattern(1 << 20);
            let upload = send(&client, request("POST", "/count", way), Some(body.clone())).await;
            assert_eq!(upload.expect("a response").2, received(&body));
            let target = Script::new().pattern(1 << 20).target();
            let download = send(&client, request("GET", &target, way), None).await;
            assert!(download.expect("a response").2 == body);
        }
    });
}
