//! Where lines go: whole, in order, gathered while they come fast, and counted when they are lost.

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use narthex_adapters::ErrorStream;
use rustix::fs::FileType;

use crate::hold::hold;

/// How long a line may wait for others to be written with it.
const DELAY: Duration = Duration::from_millis(100);

/// What is written to a pipe at once never mixes with what others write to it (POSIX, `PIPE_BUF`).
const PIECE: usize = 4096;

/// Lines on their way to a file or a stream.
#[derive(Debug)]
pub(super) struct Output {
    /// Lines are gathered up to this many bytes; each is written at once if it is 0.
    limit: AtomicUsize,
    gathered: Mutex<Gathered>,
    /// There is something to write after a while.
    arrived: Condvar,
    /// A request may have a stream of its own that its lines go to.
    errors: bool,
    /// Taken before `gathered`, and held while writing: lines stay in order.
    writing: Mutex<Writing>,
}

#[derive(Debug, Default)]
struct Gathered {
    lines: Vec<u8>,
    /// When lines were last taken to be written.
    taken: Option<Instant>,
}

#[derive(Debug)]
struct Writing {
    target: Target,
    /// Its writes need not be in pieces: those of an appending file never mix.
    regular: bool,
    /// The last line that was written has no end.
    torn: bool,
    /// Lines that could not be written since the last one that could.
    lost: u64,
    /// Memory to gather in next.
    spare: Vec<u8>,
}

/// What lines are written to.
#[derive(Debug)]
pub(super) enum Target {
    Output,
    Errors,
    File(PathBuf, File),
}

/// What the outcome of a write changes.
#[derive(Debug)]
#[must_use]
pub(super) enum Change {
    None,
    /// Lines are lost from now on.
    Fails(io::Error),
    /// Lines are written again, after so many were lost.
    Works(u64),
}

impl Target {
    /// The file at `path`, to be appended to.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn file(path: &Path) -> io::Result<Self> {
        // A later change of directory must not move the file.
        let path = std::path::absolute(path)?;
        let file = append(&path)?;
        Ok(Self::File(path, file))
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Self::Output => rustix::stdio::stdout(),
            Self::Errors => rustix::stdio::stderr(),
            Self::File(_, file) => file.as_fd(),
        }
    }

    fn is_regular(&self) -> bool {
        rustix::fs::fstat(self.descriptor())
            .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
    }
}

impl Output {
    pub(super) fn new(target: Target, limit: usize) -> Self {
        let regular = target.is_regular();
        Self {
            errors: matches!(target, Target::Errors),
            limit: AtomicUsize::new(limit),
            gathered: Mutex::default(),
            arrived: Condvar::new(),
            writing: Mutex::new(Writing {
                target,
                regular,
                torn: false,
                lost: 0,
                spare: Vec::new(),
            }),
        }
    }

    /// Whether lines may have to wait for [`flush_later`](Self::flush_later).
    pub(super) fn gathers(&self) -> bool {
        self.limit.load(Relaxed) > 0
    }

    /// Writes each line at once from now on.
    pub(super) fn gather_nothing(&self) {
        self.limit.store(0, Relaxed);
        let _ = self.flush();
    }

    /// Writes a line: at once when lines come slowly.
    pub(super) fn write(&self, line: &[u8]) -> Change {
        if self.errors
            && let Some(stream) = ErrorStream::current()
        {
            // A log of its web server's that cannot be written to is the web server's business.
            let _ = stream.with(|errors| write_all(errors, &[line, b"\n"].concat()));
            return Change::None;
        }
        {
            let mut gathered = hold(&self.gathered);
            let first = gathered.lines.is_empty();
            gathered.lines.extend_from_slice(line);
            gathered.lines.push(b'\n');
            if gathered.lines.len() < self.limit.load(Relaxed) {
                if !first {
                    return Change::None;
                }
                if gathered.taken.is_some_and(|taken| taken.elapsed() < DELAY) {
                    self.arrived.notify_one();
                    return Change::None;
                }
            }
        }
        self.flush()
    }

    /// Writes what has been gathered.
    pub(super) fn flush(&self) -> Change {
        let mut writing = self.turn();
        self.write_gathered(&mut writing)
    }

    /// Waits until lines have been gathered for long enough, and writes them.
    pub(super) fn flush_later(&self) -> Change {
        let taken = {
            let gathered = hold(&self.gathered);
            let empty = |gathered: &mut Gathered| gathered.lines.is_empty();
            let waited = self.arrived.wait_while(gathered, empty);
            waited.unwrap_or_else(PoisonError::into_inner).taken
        };
        if let Some(left) = taken.and_then(|taken| DELAY.checked_sub(taken.elapsed())) {
            std::thread::sleep(left);
        }
        self.flush()
    }

    /// Opens the file again, after it was moved away. Says whether there is one.
    ///
    /// # Errors
    /// It cannot be opened; the old one stays in use.
    pub(super) fn reopen(&self) -> io::Result<(bool, Change)> {
        let mut writing = self.turn();
        let change = self.write_gathered(&mut writing);
        let Target::File(path, file) = &mut writing.target else { return Ok((false, change)) };
        *file = append(path)?;
        writing.torn = false;
        writing.regular = writing.target.is_regular();
        Ok((true, change))
    }

    /// Lines that could not be written since the last one that could.
    pub(super) fn lost(&self) -> u64 {
        self.turn().lost
    }

    fn write_gathered(&self, writing: &mut Writing) -> Change {
        let spare = std::mem::take(&mut writing.spare);
        let mut lines = {
            let mut gathered = hold(&self.gathered);
            gathered.taken = Some(Instant::now());
            std::mem::replace(&mut gathered.lines, spare)
        };
        let change = writing.write(&lines);
        lines.clear();
        writing.spare = lines;
        change
    }

    /// Waits for the turn to write.
    ///
    /// Whoever waits may hold the GIL: nobody who writes ever needs it.
    #[expect(clippy::disallowed_methods, reason = "held across a write, which needs no GIL")]
    fn turn(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    fn write(&mut self, lines: &[u8]) -> Change {
        if lines.is_empty() {
            return Change::None;
        }
        let mut left = lines;
        let outcome = self.write_all(&mut left);
        if left.len() < lines.len() {
            self.torn = lines[lines.len() - left.len() - 1] != b'\n';
        }
        match outcome {
            Ok(()) => match std::mem::take(&mut self.lost) {
                0 => Change::None,
                lost => Change::Works(lost),
            },
            Err(error) => {
                let before = self.lost;
                self.lost += left.split(|&byte| byte == b'\n').skip(1).count() as u64;
                if before == 0 { Change::Fails(error) } else { Change::None }
            }
        }
    }

    fn write_all(&mut self, left: &mut &[u8]) -> io::Result<()> {
        let to = self.target.descriptor();
        if self.torn {
            // What remains of a line must not become the beginning of the next.
            self.torn = write_some(to, b"\n")? == 0;
        }
        while !left.is_empty() {
            let piece = if self.regular { *left } else { piece(left) };
            match write_some(to, piece)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => *left = &left[written..],
            }
        }
        Ok(())
    }
}

fn write_some(to: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match rustix::io::write(to, bytes) {
            Err(rustix::io::Errno::INTR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

/// Writes text for the log at once.
///
/// # Errors
/// It cannot be written.
pub(crate) fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write_some(to, bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

/// As many whole lines as a pipe takes at once, at least one.
fn piece(lines: &[u8]) -> &[u8] {
    let is_end = |&byte: &u8| byte == b'\n';
    let within = lines[..lines.len().min(PIECE)].iter().rposition(is_end);
    let end = within.or_else(|| lines.iter().position(is_end));
    &lines[..end.map_or(lines.len(), |end| end + 1)]
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn file() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        (directory, path)
    }

    #[test]
    fn the_first_line_is_written_at_once_and_the_next_with_others() {
        let (_directory, path) = file();
        let output = Output::new(Target::file(&path).unwrap(), 1 << 16);
        let _ = output.write(b"first");
        assert_eq!(std::fs::read(&path).unwrap(), b"first\n");
        let _ = output.write(b"second");
        let _ = output.write(b"third");
        assert_eq!(std::fs::read(&path).unwrap(), b"first\n");
        let _ = output.flush_later();
        assert_eq!(std::fs::read(&path).unwrap(), b"first\nsecond\nthird\n");
    }

    #[test]
    fn no_more_is_gathered_than_the_limit() {
        let (_directory, path) = file();
        let output = Output::new(Target::file(&path).unwrap(), 100);
        for _ in 0..30 {
            let _ = output.write(b"a line");
        }
        assert!(std::fs::read(&path).unwrap().len() > 100);
        assert!(hold(&output.gathered).lines.len() < 100);
    }

    #[test]
    fn nothing_is_lost_between_two_files() {
        let (directory, path) = file();
        let output = Arc::new(Output::new(Target::file(&path).unwrap(), 256));
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let output = Arc::clone(&output);
                std::thread::spawn(move || {
                    for number in 0..2000 {
                        let _ = output.write(format!("{thread} {number}").as_bytes());
                    }
                })
            })
            .collect();
        let moved = directory.path().join("moved");
        for round in 0..20 {
            std::fs::rename(&path, moved.with_extension(round.to_string())).unwrap();
            assert!(output.reopen().unwrap().0);
        }
        for thread in threads {
            thread.join().unwrap();
        }
        let _ = output.flush();
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
        let mut expected: Vec<_> =
            (0..3).flat_map(|it| (0..2000).map(move |number| format!("{it} {number}"))).collect();
        lines.sort();
        expected.sort();
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_is_lost_is_counted_and_said_twice() {
        let output = Output::new(Target::file(Path::new("/dev/full")).unwrap(), 0);
        assert!(matches!(output.write(b"1"), Change::Fails(_)));
        assert!(matches!(output.write(b"2"), Change::None));
        assert_eq!(output.lost(), 2);
        let (_directory, path) = file();
        output.turn().target = Target::file(&path).unwrap();
        assert!(matches!(output.write(b"3"), Change::Works(2)));
        assert_eq!(std::fs::read(&path).unwrap(), b"3\n");
    }

    #[test]
    fn a_torn_line_ends_before_the_next() {
        let (_directory, path) = file();
        let output = Output::new(Target::file(&path).unwrap(), 0);
        std::fs::write(&path, "half a li").unwrap();
        output.turn().torn = true;
        let _ = output.write(b"whole");
        assert_eq!(std::fs::read(&path).unwrap(), b"half a li\nwhole\n");
    }

    #[test]
    fn a_pipe_gets_whole_lines_in_pieces() {
        let lines: Vec<u8> =
            (0..2000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
        let mut rest = &lines[..];
        while !rest.is_empty() {
            let piece = piece(rest);
            assert!(piece.len() <= PIECE && piece.ends_with(b"\n"));
            rest = &rest[piece.len()..];
        }
        let long = [b"x".repeat(2 * PIECE), b"\n".to_vec()].concat();
        assert_eq!(piece(&long), long);
    }
}
