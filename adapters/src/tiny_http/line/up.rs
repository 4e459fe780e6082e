//! From a client to `tiny_http`: what may pass, and for how long it is waited for.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use http::StatusCode;

use super::{
    super::{TICK, incoming::Incoming},
    End, Line, is_timeout,
};
use crate::guard::{Phase, Refusal};

/// What is to be done about a client that is waited for.
enum Verdict {
    GoOn,
    End,
    Refuse(Refusal),
}

const LATE_BODY: &str = "the client took too long over its body";
/// How long a client may go on sending after its response, before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);
const BUFFER: usize = 16 * 1024;
/// How often a line asks for its thread before it looks after its client again.
const NUDGES: usize = 3;

impl Line {
    /// Copies from the client to `tiny_http`, until either has ended or something is not to be
    /// passed on.
    pub(in super::super) fn copy_up(&self) {
        let mut buffer = [0; BUFFER];
        let mut incoming = Incoming::new(&self.site.limits);
        let mut nudged = false;
        loop {
            match (&self.client).read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    if !self.wanted() || !self.pass_on(&mut incoming, &buffer[..count]) {
                        return self.take_leave(&mut buffer);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {}
                Err(_) => break,
            }
            if incoming.guard.heads() > 0 && !nudged {
                nudged = self.nudge();
            }
            match self.verdict(&incoming) {
                Verdict::GoOn => continue,
                Verdict::End => {}
                Verdict::Refuse(refusal) => self.refuse(refusal),
            }
            return self.take_leave(&mut buffer);
        }
        self.state().gone = true;
        let _ = self.inner.shutdown(Shutdown::Write);
    }

    /// Passes on what may be of `bytes` and those held; `false` when nothing more will be.
    fn pass_on(&self, incoming: &mut Incoming, bytes: &[u8]) -> bool {
        let (passed, refusal) = incoming.take(bytes);
        {
            // To be known before tiny_http is at the end of these bytes: wherever they end, it
            // takes that for the end of a chunked body.
            let mut state = self.state();
            state.heads = incoming.guard.heads();
            state.whole = incoming.whole();
            state.broken = refusal.filter(|refusal| refusal.during == Phase::Body);
        }
        let taken = (&self.inner).write_all(&passed).is_ok();
        let Some(refusal) = refusal else { return taken };
        self.refuse(refusal);
        false
    }

    /// Makes sure that `tiny_http` has a thread for this line; `true` once it is known to have.
    ///
    /// It starts one for a connection unless one is idle, and takes a thread for idle that it has
    /// just given another connection. What waits for a thread then gets it from the next
    /// connection, whatever that is.
    fn nudge(&self) -> bool {
        for _ in 0..NUDGES {
            if self.handed.load(SeqCst) > 0 {
                return true;
            }
            std::thread::sleep(TICK);
            if self.handed.load(SeqCst) == 0
                && let Ok(inner) = self.inner.peer_addr()
            {
                let _ = TcpStream::connect(inner);
            }
        }
        // It holds the request back until its small body is there, or refuses it by itself.
        false
    }

    /// Whether what the client sends is still of interest.
    fn wanted(&self) -> bool {
        match self.state().end {
            End::Open => true,
            End::Orderly => self.running.load(SeqCst) > 0,
            End::Early | End::Reset => false,
        }
    }

    /// Whether the client takes too long, and what to tell it.
    fn verdict(&self, incoming: &Incoming) -> Verdict {
        let timeouts = &self.site.timeouts;
        let refused = |during, reason| {
            Verdict::Refuse(Refusal { status: StatusCode::REQUEST_TIMEOUT, reason, during })
        };
        let silence = incoming.last.elapsed();
        let idle = self.running.load(SeqCst) == 0;
        let state = self.state();
        if state.end >= End::Early {
            return Verdict::End;
        }
        match incoming.guard.phase() {
            Phase::Head if incoming.head.is_some_and(|it| it.elapsed() >= timeouts.header) => {
                refused(Phase::Head, "the client took too long over a request head")
            }
            // tiny_http holds back a request until its body is there, if it is small.
            Phase::Body if idle && silence >= timeouts.body => refused(Phase::Head, LATE_BODY),
            Phase::Body => match state.awaited {
                Some(since) if since.max(incoming.last).elapsed() >= timeouts.body => {
                    refused(Phase::Body, LATE_BODY)
                }
                _ => Verdict::GoOn,
            },
            Phase::Idle if idle && (silence >= timeouts.keep_alive || state.end > End::Open) => {
                Verdict::End
            }
            _ => Verdict::GoOn,
        }
    }

    /// Passes on nothing more, and takes what the client still sends, so that it can read its
    /// response before its own bytes are answered by a reset (RFC 9112, 9.6).
    fn take_leave(&self, buffer: &mut [u8]) {
        let _ = self.inner.shutdown(Shutdown::Write);
        let deadline = Instant::now() + LINGER;
        while Instant::now() < deadline {
            match (&self.client).read(buffer) {
                Ok(0) => return,
                Err(error) if !is_timeout(&error) => return,
                _ => {}
            }
        }
    }
}
