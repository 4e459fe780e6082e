//! Python stacks of running calls.
//!
//! With the GIL they are exact, and walking them is safe. Where the GIL cannot be had, C code holds
//! it and no frame changes: then `faulthandler` walks them without.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use pyo3::{intern, prelude::*};

use super::{dump::Dump, slot::Slot};

/// How long the GIL is waited for. Python gives it up every few milliseconds.
const PATIENCE: Duration = Duration::from_millis(400);

/// Where stacks are had.
pub(super) struct Stacks {
    jobs: Sender<Job>,
    /// Jobs that have not been done: while there are any, the GIL cannot be had.
    waiting: Arc<AtomicUsize>,
    dump: Dump,
}

/// Whose stacks.
#[derive(Clone)]
pub(super) enum Wanted {
    /// That of a thread, while it is in the call of that number.
    Call(Arc<Slot>, u64),
    /// Those of all threads, these first.
    All(Vec<u64>),
}

struct Job {
    wanted: Wanted,
    reply: Sender<String>,
}

impl Stacks {
    /// Prepares both ways of having them.
    ///
    /// # Errors
    /// Python or the system refuses what is needed.
    pub(super) fn new(py: Python<'_>) -> PyResult<Self> {
        // Imported now: later the import system itself may be locked.
        let module = py.import("narthex._stacks")?;
        let dump = Dump::new(&module)?;
        let (jobs, receiver) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let module = module.unbind();
        thread::Builder::new().name("narthex-stacks".to_owned()).spawn({
            let waiting = Arc::clone(&waiting);
            move || work(&receiver, &module, &waiting)
        })?;
        Ok(Self { jobs, waiting, dump })
    }

    /// The stacks as further lines of a message; or why there are none.
    pub(super) fn of(&self, wanted: &Wanted) -> String {
        if self.waiting.load(SeqCst) == 0 {
            let (reply, answer) = channel();
            self.waiting.fetch_add(1, SeqCst);
            let sent = self.jobs.send(Job { wanted: wanted.clone(), reply }).is_ok();
            if sent && let Ok(text) = answer.recv_timeout(PATIENCE) {
                return text;
            }
        }
        let Some(dump) = self.dump.take() else {
            return "\nno stack: Python's lock cannot be had".to_owned();
        };
        let text = match wanted {
            Wanted::Call(slot, _) => only(&dump, slot.ident),
            Wanted::All(stuck) => first(&dump, stuck),
        };
        format!(
            "\nPython's lock is held by code that is not Python; as faulthandler sees it:\n{text}"
        )
    }
}

/// Has the GIL, or waits for it, in place of the watcher.
fn work(jobs: &Receiver<Job>, module: &Py<PyModule>, waiting: &AtomicUsize) {
    for Job { wanted, reply } in jobs {
        let text = Python::attach(|py| with_gil(module.bind(py), &wanted));
        waiting.fetch_sub(1, SeqCst);
        // Nobody may have waited for so long.
        let _ = reply.send(text.unwrap_or_else(|error| format!("\nno stack: {error}")));
    }
}

fn with_gil(module: &Bound<'_, PyModule>, wanted: &Wanted) -> PyResult<String> {
    let py = module.py();
    let text: Bound<'_, PyAny> = match wanted {
        // While we have the GIL it cannot go on in Python.
        Wanted::Call(slot, number) if !slot.is_in(*number) => {
            return Ok("\nno stack: it has just ended".to_owned());
        }
        Wanted::Call(slot, _) => module.call_method1(intern!(py, "of_thread"), (slot.ident,))?,
        Wanted::All(stuck) => module.call_method1(intern!(py, "of_all"), (stuck.clone(),))?,
    };
    // Names may hold lone surrogates.
    let bytes = text.call_method1(intern!(py, "encode"), ("utf-8", "backslashreplace"))?;
    let text = String::from_utf8_lossy(bytes.extract()?).into_owned();
    Ok(format!("\n{}", text.trim_end()))
}

/// The part of a dump that is about one thread.
fn only(dump: &str, ident: u64) -> String {
    let part = parts(dump).into_iter().find(|part| is_of(part, ident));
    part.unwrap_or("no stack: the thread is not in Python").trim_end().to_owned()
}

/// A dump with the parts about these threads first.
fn first(dump: &str, idents: &[u64]) -> String {
    let mut parts = parts(dump);
    parts.retain(|part| !is_idle(part) || idents.iter().any(|&ident| is_of(part, ident)));
    parts.sort_by_key(|part| !idents.iter().any(|&ident| is_of(part, ident)));
    parts.iter().map(|part| part.trim_end()).collect::<Vec<_>>().join("\n")
}

fn parts(dump: &str) -> Vec<&str> {
    dump.split("\n\n").collect()
}

/// Whether a thread is ours, waiting for work or for a signal.
fn is_idle(part: &str) -> bool {
    let innermost = part.lines().nth(1).unwrap_or_default();
    innermost.contains("<no Python frame>") || innermost.contains("narthex/_command.py\"")
}

/// `Thread 0x00007f5e1c9fe6c0 (most recent call first):`
fn is_of(part: &str, ident: u64) -> bool {
    part.lines().next().is_some_and(|line| line.contains(&format!("0x{ident:016x} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "\
Thread 0x00007f0000000001 (most recent call first):\n  File \"a.py\", line 1 in a\n\n\
Thread 0x00007f0000000002 [worker] (most recent call first):\n  File \"b.py\", line 2 in b\n";

    #[test]
    fn one_thread_is_found_in_a_dump() {
        assert!(only(DUMP, 0x7f00_0000_0002).ends_with("line 2 in b"));
        assert!(only(DUMP, 0x7f00_0000_0001).ends_with("line 1 in a"));
        assert!(only(DUMP, 0x7f00_0000_0003).starts_with("no stack"));
        assert!(first(DUMP, &[0x7f00_0000_0002]).starts_with("Thread 0x00007f0000000002"));
    }
}
