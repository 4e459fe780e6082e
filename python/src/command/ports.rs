//! Why an address could not be had, and who has it.

use std::{fs, io, os::unix::ffi::OsStrExt, path::Path};

use narthex_adapters::{Bind, Error, SocketTrouble};

use super::{
    failure::Failure,
    options::{self, cgi_bin, statics},
};

/// What to tell the user of a backend that would not open.
pub(super) fn failure(error: &Error) -> Failure {
    match error {
        Error::Bind { bind, source } => bind_failure(bind, source),
        Error::Socket { bind, trouble } => socket_failure(bind, trouble),
        Error::Address(_) => Failure::new(
            "N203",
            &error.to_string(),
            Vec::new(),
            vec!["for example --bind 127.0.0.1:8000 or --bind unix:/run/app.sock".to_owned()],
        ),
        Error::Tls(error) => options::tls::failure(error),
        error @ Error::Directory { .. } => statics::unreadable(error, &full(error)),
        error @ Error::Programs { .. } => cgi_bin::unreadable(error, &full(error)),
        error => Failure::new("N207", &full(error), Vec::new(), Vec::new()),
    }
}

/// An error with its sources, on one line.
pub(super) fn full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn bind_failure(bind: &str, source: &io::Error) -> Failure {
    let port = match bind.parse() {
        Ok(Bind::Tcp(_, port)) => Some(port),
        _ => None,
    };
    let fixes = |fixes: &[&str]| fixes.iter().map(|&fix| fix.to_owned()).collect();
    match (source.kind(), port) {
        (io::ErrorKind::AddrInUse, Some(port)) => in_use(bind, port),
        (io::ErrorKind::AddrInUse, None) => Failure::new(
            "N201",
            &format!("{bind} is in use: a process listens on it"),
            Vec::new(),
            fixes(&["stop that process, or choose another path by --bind unix:PATH"]),
        ),
        (io::ErrorKind::PermissionDenied, Some(port)) => Failure::new(
            "N202",
            &format!("this user may not listen on port {port}"),
            vec![format!("{bind}: ports below {} are for root", first_free_port())],
            fixes(&[
                "choose a port from 1024, such as --bind 127.0.0.1:8000,",
                "and let a web server or a systemd socket hand connections to it",
            ]),
        ),
        (io::ErrorKind::PermissionDenied, None) => Failure::new(
            "N202",
            &format!("this user may not make {bind}"),
            vec![source.to_string()],
            fixes(&["choose a directory that this user may write to"]),
        ),
        (io::ErrorKind::AddrNotAvailable, _) => Failure::new(
            "N203",
            &format!("{bind} is no address of this machine"),
            Vec::new(),
            fixes(&["listen on 0.0.0.0 for every address, 127.0.0.1 for this machine alone"]),
        ),
        _ if bind.starts_with("fd://") => Failure::new(
            "N205",
            &format!("cannot listen on {bind}: {source}"),
            Vec::new(),
            fixes(&[
                "whoever starts narthex has to pass a listening socket (of streams) as this descriptor:",
                "in a systemd socket unit, ListenStream= and not Accept=yes",
            ]),
        ),
        _ => Failure::new(
            "N204",
            &format!("cannot listen on {bind}: {source}"),
            Vec::new(),
            fixes(&["check the address; --bind takes HOST:PORT, unix:PATH or fd://N"]),
        ),
    }
}

fn socket_failure(bind: &str, trouble: &SocketTrouble) -> Failure {
    let (code, fixes) = match trouble {
        SocketTrouble::NotASocket => {
            ("N211", vec!["choose another path, or move away what lies there".to_owned()])
        }
        SocketTrouble::NoDirectory(directory) => (
            "N212",
            vec![
                format!("make it: mkdir -p {}", directory.display()),
                "in a systemd unit, RuntimeDirectory=NAME makes /run/NAME at each start".to_owned(),
            ],
        ),
        SocketTrouble::TooLong => {
            ("N213", vec!["choose a shorter path, such as /run/app.sock".to_owned()])
        }
        SocketTrouble::Owner(_) => (
            "N214",
            vec![
                "only root may give a file to another user; to a group, those who are in it:"
                    .to_owned(),
                "start as root, or add this user to the group and leave out USER:".to_owned(),
            ],
        ),
        SocketTrouble::Mode(_) => ("N214", vec!["choose a directory of this user".to_owned()]),
        _ => ("N204", Vec::new()),
    };
    Failure::new(code, &format!("cannot listen on {bind}: {trouble}"), Vec::new(), fixes)
}

fn in_use(bind: &str, port: u16) -> Failure {
    let holders = holders(port);
    let details = match &holders[..] {
        [] => vec!["Which process has it, /proc does not tell this user.".to_owned()],
        holders => holders
            .iter()
            .map(|(process, command)| format!("process {process} has it: {command}"))
            .collect(),
    };
    let stop = match &holders[..] {
        [(process, _)] => format!("stop that process (kill {process}), or choose another port:"),
        _ => "choose another port:".to_owned(),
    };
    let other = port.checked_add(1).unwrap_or(8000);
    let elsewhere = bind.rsplit_once(':').map_or(bind, |(host, _)| host);
    Failure::new(
        "N201",
        &format!("{bind} is in use"),
        details,
        vec![stop, format!("--bind {elsewhere}:{other}, or port 0 for any that is free")],
    )
}

/// The first port that needs no privilege.
fn first_free_port() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024)
}

/// The processes that listen on `port`, with their command lines, as far as this user may know.
fn holders(port: u16) -> Vec<(u32, String)> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return Vec::new();
    }
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<_> = processes
        .flatten()
        .filter_map(|entry| {
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            has_socket(&entry.path(), &sockets).then(|| (process, command_line(&entry.path())))
        })
        .collect();
    found.sort_unstable();
    found.truncate(4);
    found
}

/// The inodes of the sockets in `table`, as /proc/net/tcp has them, that listen on `port`.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let local = fields.nth(1)?.rsplit_once(':')?.1;
            let state = fields.nth(1)?;
            let inode = fields.nth(5)?;
            (state == LISTEN && u16::from_str_radix(local, 16) == Ok(port))
                .then(|| inode.to_owned())
        })
        .collect()
}

fn has_socket(process: &Path, sockets: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path())
            .is_ok_and(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
    })
}

fn command_line(process: &Path) -> String {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    let words: Vec<_> = line
        .split(|&byte| byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let text = match &words[..] {
        [] => fs::read_link(process.join("exe")).map_or_else(
            |_| "(unknown)".to_owned(),
            |path| String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned(),
        ),
        words => words.join(" "),
    };
    text.chars().take(120).collect()
}
