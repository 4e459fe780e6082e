//! Runs a program to its end, and hears what it says, for no longer than a time.
//!
//! By no thread of its own: it is called in the parent of httpd, which has none.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// The most that is heard of each stream.
const MOST: usize = 1 << 20;

/// What a program has said.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Whether it ended with 0.
    pub(crate) success: bool,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: Vec<u8>,
}

/// Runs `command`, and kills it after `patience`.
///
/// # Errors
///
/// It could not be started, or took too long.
pub(crate) fn output(command: &mut Command, patience: Duration) -> io::Result<Output> {
    let deadline = Instant::now() + patience;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let heard = hear(&mut child, deadline);
    if heard.is_err() {
        // It may have ended meanwhile, which is as good.
        let _ = child.kill();
    }
    let status = child.wait()?;
    heard.map(|output| Output { success: status.success(), ..output })
}

fn hear(child: &mut Child, deadline: Instant) -> io::Result<Output> {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let mut output = Output::default();
    while stdout.is_some() || stderr.is_some() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it takes too long"));
        }
        let [said, complained] = ready(stdout.as_ref(), stderr.as_ref(), left)?;
        if said && !more(stdout.as_mut(), &mut output.stdout)? {
            stdout = None;
        }
        if complained && !more(stderr.as_mut(), &mut output.stderr)? {
            stderr = None;
        }
    }
    Ok(output)
}

/// Which of the two can be read.
fn ready(
    stdout: Option<&impl AsFd>,
    stderr: Option<&impl AsFd>,
    left: Duration,
) -> io::Result<[bool; 2]> {
    let streams = [stdout.map(AsFd::as_fd), stderr.map(AsFd::as_fd)];
    let open = streams.iter().flatten();
    let mut polled: Vec<_> =
        open.map(|stream| PollFd::from_borrowed_fd(*stream, PollFlags::IN)).collect();
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut polled, Some(&left)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut seen = polled.iter().map(|polled| !polled.revents().is_empty());
    Ok(streams.map(|stream| stream.is_some() && seen.next().unwrap_or(false)))
}

/// Reads what there is; `false` at the end.
fn more(stream: Option<&mut impl Read>, heard: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    let Some(stream) = stream else { return Ok(false) };
    let count = stream.read(&mut buffer)?;
    let room = MOST - heard.len();
    heard.extend_from_slice(&buffer[..count.min(room)]);
    Ok(count > 0)
}
