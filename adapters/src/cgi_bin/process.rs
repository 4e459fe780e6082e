//! One process: its start, its end, and what it says on standard error.

use std::{
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use narthex_core::{Journal, Level, RequestHead};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    output::text,
    program::Program,
    queue::{LAST, Place},
};

/// How long a program that nobody waits for any more may take to end at SIGTERM.
const GRACE: Duration = Duration::from_secs(3);

/// How long what a program has left in the pipe of its standard error is read after its end: others
/// may hold that open for ever.
const ECHO: Duration = Duration::from_secs(1);

/// The longest line of standard error that is written as one.
const LINE: usize = 8 * 1024;

/// A running program.
///
/// Dropped, it is ended: SIGTERM for its process group, then SIGKILL.
#[derive(Debug)]
pub(super) struct Running {
    /// Where its input goes; `None` where it gets none.
    pub(super) stdin: Option<ChildStdin>,
    /// Where its output comes from.
    pub(super) stdout: ChildStdout,
    /// What is to become of it.
    pub(super) fate: Fate,
}

/// What is to become of a process, and what became of it.
#[derive(Debug)]
pub(super) struct Fate {
    done: oneshot::Sender<()>,
    ended: oneshot::Receiver<Option<ExitStatus>>,
}

impl Fate {
    /// Lets it end by itself: it has written its response.
    pub(super) fn let_go(self) {
        // An error is one that has ended already.
        let _ = self.done.send(());
    }

    /// How it ended, if it does within `patience`.
    pub(super) async fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        timeout(patience, &mut self.ended).await.ok()?.ok()?
    }
}

/// For whom a program runs, and what is said of it.
pub(super) struct About {
    pub(super) request: Arc<RequestHead>,
    pub(super) journal: Arc<dyn Journal>,
    /// What it is called in the log.
    pub(super) name: String,
}

impl About {
    /// Writes a line of the log.
    pub(super) fn say(&self, level: Level, what: &dyn std::fmt::Display) {
        let message = format_args!("{}: {what}", self.name);
        self.journal.write_about(level, &self.request, &message);
    }
}

/// Starts `program`, and a task that looks after it. It has `patience` to end after its response.
///
/// # Errors
/// The system cannot start it.
pub(super) fn start(
    program: &Program,
    variables: Vec<(OsString, OsString)>,
    has_body: bool,
    patience: Duration,
    place: Place,
    about: Arc<About>,
) -> io::Result<Running> {
    let mut command = Command::new(&program.file);
    command
        .env_clear()
        .envs(variables)
        .current_dir(program.directory())
        .process_group(0)
        .stdin(if has_body { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let (Some(stdout), Some(stderr), Some(id)) = (stdout, stderr, id) else {
        return Err(io::Error::other("a child without its pipes"));
    };
    let (done, told) = oneshot::channel();
    let (tell, ended) = oneshot::channel();
    let group = Group { id, alive: true };
    let warden = Warden { child, group, place, patience, about };
    tokio::spawn(async move {
        let status = warden.watch(told, stderr).await;
        let _ = tell.send(status); // perhaps nobody asks
    });
    Ok(Running { stdin, stdout, fate: Fate { done, ended } })
}

/// The processes that a program is: those of its group, for whom it has started more.
struct Group {
    id: Pid,
    /// Whether its leader has not been waited for yet: until then its number is nobody else's.
    alive: bool,
}

impl Group {
    fn signal(&self, signal: Signal) {
        // It may have gone, or have become somebody else by a set-user-ID program.
        let _ = kill_process_group(self.id, signal);
    }

    /// Returns when no process is left in it. While there is one, the number stays in use.
    async fn emptied(&self) {
        while test_kill_process_group(self.id).is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Group {
    /// The runtime ends before its time: there is none left to be patient.
    fn drop(&mut self) {
        if self.alive {
            self.signal(Signal::KILL);
        }
    }
}

/// Who looks after a process.
struct Warden {
    child: Child,
    group: Group,
    place: Place,
    patience: Duration,
    about: Arc<About>,
}

impl Warden {
    /// Waits until it has ended, and sees to it where nobody waits for its response any more.
    async fn watch(
        mut self,
        told: oneshot::Receiver<()>,
        stderr: ChildStderr,
    ) -> Option<ExitStatus> {
        let mut reporting = tokio::spawn(report(stderr, Arc::clone(&self.about)));
        let unwanted = async {
            if told.await.is_ok() {
                sleep(self.patience).await;
                let what = "it has not ended after its output did: it is ended";
                self.about.say(Level::Warning, &what);
            }
        };
        let status = tokio::select! {
            status = self.child.wait() => Some(status.ok()),
            () = unwanted => None,
            () = self.place.ending() => None,
        };
        let status = match status {
            Some(status) => {
                if let Some(signal) = status.and_then(|status| status.signal()) {
                    self.about
                        .say(Level::Warning, &format_args!("it was ended by signal {signal}"));
                }
                status
            }
            None => self.terminate().await,
        };
        self.group.alive = false;
        if timeout(ECHO, &mut reporting).await.is_err() {
            reporting.abort();
        }
        status
    }

    /// Ends it and what it has started.
    async fn terminate(&mut self) -> Option<ExitStatus> {
        let Self { child, group, place, .. } = self;
        group.signal(Signal::TERM);
        let mut status = None;
        let hurried = async {
            place.ending().await;
            sleep(LAST).await;
        };
        let in_time = {
            let gone = async {
                status = child.wait().await.ok();
                group.emptied().await;
            };
            tokio::select! {
                () = gone => true,
                () = sleep(GRACE) => false,
                () = hurried => false,
            }
        };
        if !in_time {
            group.signal(Signal::KILL);
        }
        match status {
            None => child.wait().await.ok(),
            status => status,
        }
    }
}

/// Writes what a program says on standard error to the log, line by line.
async fn report(mut stderr: ChildStderr, about: Arc<About>) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        lines.take(&buffer[..count], &mut |line| about.say(Level::Warning, &text(line)));
    }
    lines.end(&mut |line| about.say(Level::Warning, &text(line)));
}

/// Cuts what comes into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn take(&mut self, piece: &[u8], say: &mut dyn FnMut(&[u8])) {
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            let mut part = part;
            while !part.is_empty() {
                let (fits, rest) = part.split_at(part.len().min(LINE + 1 - self.0.len()));
                self.0.extend_from_slice(fits);
                part = rest;
                if self.0.ends_with(b"\n") || self.0.len() > LINE {
                    self.end(say);
                }
            }
        }
    }

    fn end(&mut self, say: &mut dyn FnMut(&[u8])) {
        let line = self.0.strip_suffix(b"\n").unwrap_or(&self.0);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            say(line);
        }
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_bounded() {
        let mut said = Vec::new();
        let mut lines = Lines::default();
        let long = [b'x'; LINE + 10];
        for piece in [&b"one\ntw"[..], b"o\r\n\n", &long, b"\nlast"] {
            lines.take(piece, &mut |line| said.push(line.to_vec()));
        }
        lines.end(&mut |line| said.push(line.to_vec()));
        let lengths: Vec<_> = said.iter().map(Vec::len).collect();
        assert_eq!(&said[..2], [b"one", b"two"]);
        assert_eq!(lengths[2..], [LINE + 1, 9, 4]);
    }
}
