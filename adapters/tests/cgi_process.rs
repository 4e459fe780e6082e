//! The CGI backend as real processes: this program runs itself, once for each request.
//!
//! With `GATEWAY_INTERFACE` set it is the CGI program, so that a web server can run it too.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test without the harness")]

use std::{
    env,
    fs::File,
    io::{Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, ExitCode, Output, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use narthex_adapters::{Backend, Options, Stop, Surroundings, cgi::BACKEND};
use narthex_core::{Error, Exchange, ResponseHead, Result, Site};

fn main() -> ExitCode {
    if BACKEND.detect(&surroundings()).is_some() {
        return program();
    }
    for (name, case) in CASES {
        println!("case {name}");
        case();
    }
    ExitCode::SUCCESS
}

const CASES: &[(&str, fn())] = &[
    ("what the application prints is not the response", printing),
    ("the request body is bounded", bounded),
    ("a body that nobody reads does not cost the response", unread),
    ("a file is sent whole", file),
    ("a client that leaves is an error on write", leaving),
    ("closed streams are survived", closed),
    ("a program run by hand says what to do", by_hand),
    ("bytes survive", bytes),
];

fn surroundings() -> Surroundings {
    Surroundings { variables: env::vars_os().collect(), ..Surroundings::default() }
}

/// The CGI program.
fn program() -> ExitCode {
    let door = match BACKEND.open(&Options::default()) {
        Ok(door) => door,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    // What an application does at import.
    println!("printed by the application");
    let mut rest = String::new();
    std::io::stdin().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "the application found the request body");
    door.serve(Arc::new(Site::new(Arc::new(application))), &Stop::new()).unwrap();
    ExitCode::SUCCESS
}

async fn application(exchange: Arc<Exchange>) -> Result<()> {
    println!("printed while answering");
    let path = exchange.request().path_info().into_owned();
    let mut head = ResponseHead::default();
    head.headers.insert("content-type", "text/plain".parse().unwrap());
    match &*path {
        b"/echo" => {
            exchange.start(head).await?;
            while let Some(chunk) = exchange.read().await? {
                exchange.write(chunk).await?;
            }
            exchange.finish().await
        }
        b"/file" => {
            let file = File::open(env::current_exe()?)?;
            let length = file.metadata()?.len();
            exchange.start(head).await?;
            exchange.send_file(&file, length).await?;
            exchange.finish().await
        }
        b"/endless" => {
            exchange.start(head).await?;
            let chunk = Bytes::from(vec![b'x'; 1 << 16]);
            loop {
                if let Err(error) = exchange.write(chunk.clone()).await {
                    eprintln!("write: {error}");
                    return Err(error);
                }
            }
        }
        b"/redirect" => {
            head.status = http::StatusCode::FOUND;
            head.headers.insert("location", "/elsewhere?x=1".parse().unwrap());
            exchange.respond(head, Bytes::new()).await
        }
        b"/located" => {
            head.headers.insert("location", "/elsewhere".parse().unwrap());
            exchange.respond(head, Bytes::from_static(b"here")).await
        }
        b"/untyped" => {
            exchange.respond(ResponseHead::default(), Bytes::from_static(b"<p>untyped")).await
        }
        b"/fail" => Err(Error::application("failed as asked")),
        path => {
            let query = exchange.request().query();
            exchange.respond(head, [path, b"?", query].concat().into()).await
        }
    }
}

fn command(path_info: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .env_clear()
        .env("GATEWAY_INTERFACE", "CGI/1.1")
        .env("REQUEST_METHOD", "POST")
        .env("SCRIPT_NAME", "/cgi-bin/program")
        .env("PATH_INFO", path_info)
        .env("SERVER_NAME", "localhost")
        .env("SERVER_PORT", "80")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn answer(mut command: Command, body: &[u8]) -> Output {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    child.wait_with_output().unwrap()
}

fn body(output: &Output) -> &[u8] {
    let end = output.stdout.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    &output.stdout[end + 4..]
}

fn printing() {
    let output = answer(command("/x"), b"");
    assert!(output.stdout.starts_with(b"Status: 200 OK\r\n"));
    assert_eq!(body(&output), b"/x?");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("printed by the application"), "{log}");
    assert!(log.contains("printed while answering"), "{log}");
}

fn bounded() {
    let mut short = command("/echo");
    short.env("CONTENT_LENGTH", "5");
    assert_eq!(body(&answer(short, b"1234567")), b"12345");
    let mut long = command("/echo");
    long.env("CONTENT_LENGTH", "300000");
    let sent: Vec<u8> = (0..300_000_u32).map(|index| index.to_le_bytes()[1]).collect();
    // Read while it is written: more than a pipe holds goes both ways.
    let mut child = long.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let received = std::thread::scope(|scope| {
        scope.spawn(|| input.write_all(&sent).unwrap());
        child.wait_with_output().unwrap()
    });
    assert_eq!(body(&received), sent);
}

/// As under `mod_cgid`: one socket is the standard input and output.
fn unread() {
    for (path, answered, length) in
        [("/x", "200 OK", "300000"), ("/fail", "500", "300000"), ("/x", "400", "abc")]
    {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut program = command(path);
        program.env("CONTENT_LENGTH", length).stderr(Stdio::null());
        program.stdin(OwnedFd::from(theirs.try_clone().unwrap())).stdout(OwnedFd::from(theirs));
        let mut child = program.spawn().unwrap();
        drop(program);
        // More than the socket holds, and all the time something is left when the response is there.
        let mut response = vec![0; 12];
        ours.write_all(&vec![b'x'; 50_000]).unwrap();
        ours.read_exact(&mut response).unwrap();
        ours.write_all(&vec![b'x'; 250_000]).unwrap();
        if length == "abc" {
            ours.shutdown(std::net::Shutdown::Write).unwrap();
        }
        ours.read_to_end(&mut response).unwrap();
        let response = String::from_utf8(response).unwrap();
        assert!(response.starts_with(&format!("Status: {answered}")), "{response}");
        assert!(child.wait().unwrap().success());
    }
}

fn file() {
    let whole = std::fs::read(env::current_exe().unwrap()).unwrap();
    let output = answer(command("/file"), b"");
    assert!(body(&output) == whole, "through a pipe");
    // The system does not send to a file that is appended to.
    let path = env::temp_dir().join(format!("narthex-cgi-{}", std::process::id()));
    let appended = File::options().create(true).append(true).open(&path).unwrap();
    assert!(command("/file").stdout(appended).status().unwrap().success());
    let response = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(response.ends_with(&whole), "to a file");
}

fn leaving() {
    let mut child = command("/endless").spawn().unwrap();
    let mut some = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    // Rust programs ignore SIGPIPE, and so does Python: the write fails instead.
    assert!(log.contains("write: client disconnected"), "{log}");
    assert!(output.status.success());
}

fn closed() {
    let closing = |streams: &str| {
        let mut shell = Command::new("/bin/sh");
        let program = env::current_exe().unwrap();
        shell.arg("-c").arg(format!("exec \"$0\" {streams}")).arg(program).env_clear();
        for (name, value) in command("/x").get_envs() {
            shell.env(name, value.unwrap());
        }
        shell.output().unwrap()
    };
    // The runtime of a Rust program opens closed streams on /dev/null; either way it goes on.
    assert_eq!(body(&closing("<&-")), b"/x?");
    assert_eq!(body(&closing("2>&-")), b"/x?");
    assert_eq!(body(&closing("<&- 2>&-")), b"/x?");
}

fn by_hand() {
    let mut command = command("/x");
    command.env_remove("REQUEST_METHOD");
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("narthex cgi APP --request"), "{log}");
    assert!(output.stdout.is_empty());
}

fn bytes() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let mut command = command("/");
    command.env("PATH_INFO", OsStr::from_bytes(b"/caf\xe9\x01")).env("QUERY_STRING", "a=%41");
    assert_eq!(body(&answer(command, b"")), b"/caf\xe9\x01?a=%41");
}
