//! The bind of those who run a server: figures, and whether it is alive and ready.

use std::{
    fmt, io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tiny_http::{Header, Listener, Method, Request, Response, Server};

use crate::Source;

/// A bind that answers, until it is dropped.
pub struct Management {
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
}

impl Management {
    /// Answers on `listener` for `source`.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn serve(listener: impl Into<Listener>, source: Arc<dyn Source>) -> io::Result<Self> {
        let server = Arc::new(Server::from_listener(listener, None).map_err(io::Error::other)?);
        let answering = Arc::clone(&server);
        let thread = thread::Builder::new().name("management".to_owned()).spawn(move || {
            for request in answering.incoming_requests() {
                // Who does not wait for the answer does not want it.
                let _ = answer(request, &*source);
            }
        })?;
        Ok(Self { server, thread: Some(thread) })
    }
}

impl Drop for Management {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Management").field(&self.server.server_addr()).finish()
    }
}

fn answer(request: Request, source: &dyn Source) -> io::Result<()> {
    let (status, text) = if matches!(request.method(), Method::Get | Method::Head) {
        page(request.url(), source)
    } else {
        (405, "only GET and HEAD\n".to_owned())
    };
    let kind = if status == 200 && text.starts_with('#') {
        "Content-Type: text/plain; version=0.0.4; charset=utf-8"
    } else {
        "Content-Type: text/plain; charset=utf-8"
    };
    let mut response = Response::from_string(text).with_status_code(status);
    // A later answer would be another one.
    for field in [kind, "Cache-Control: no-store"] {
        if let Ok(field) = field.parse::<Header>() {
            response.add_header(field);
        }
    }
    request.respond(response)
}

fn page(target: &str, source: &dyn Source) -> (u16, String) {
    let health = |health: Result<(), String>| match health {
        Ok(()) => (200, "ok\n".to_owned()),
        Err(reason) => (503, format!("{reason}\n")),
    };
    match target.split('?').next().unwrap_or_default() {
        "/metrics" => (200, source.metrics()),
        "/-/live" => health(source.live()),
        "/-/ready" => health(source.ready()),
        _ => (404, "here are /metrics, /-/live and /-/ready\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        time::{Duration, Instant},
    };

    use super::*;

    struct Draining;

    impl Source for Draining {
        fn metrics(&self) -> String {
            "# HELP x X.\n".to_owned()
        }

        fn ready(&self) -> Result<(), String> {
            Err("draining".to_owned())
        }
    }

    #[test]
    fn each_page_has_its_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let management = Management::serve(listener, Arc::new(Draining)).unwrap();
        let ask = |line: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            (head.split(' ').nth(1).unwrap().to_owned(), head.to_ascii_lowercase(), body.to_owned())
        };
        let (status, head, body) = ask("GET /metrics");
        assert_eq!((&status[..], &body[..]), ("200", "# HELP x X.\n"));
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        assert!(head.contains("cache-control: no-store"), "{head}");
        assert_eq!(ask("GET /-/live?x").0, "200");
        let (status, _, body) = ask("GET /-/ready");
        assert_eq!((&status[..], &body[..]), ("503", "draining\n"));
        assert_eq!(ask("HEAD /-/ready").2, "");
        assert_eq!(ask("GET /").0, "404");
        assert_eq!(ask("POST /metrics").0, "405");
        drop(management);
        // tiny_http closes its socket on a thread of its own.
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_ok() {
            assert!(Instant::now() < end, "still listening");
        }
    }
}
