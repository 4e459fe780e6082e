//! The connections that a thread keeps.

use std::time::{Duration, Instant};

use super::{Downstream, Exchange, Line, NotTaken, Outcome};

/// The most connections that a thread keeps, each of another pool of processes.
const MOST: usize = 16;

/// After so many requests a connection is given up, so that connections spread again over all processes
/// of a pool.
const REQUESTS: u32 = 1000;

/// Where an answer takes longer than this the connection is given up: to find a process that is free is
/// worth more then than what a connection costs.
const QUICK: Duration = Duration::from_millis(5);

/// How often a request is sent that nobody reads.
const TRIES: u32 = 4;

/// The connections that a thread keeps, one to a pool of processes.
#[derive(Debug, Default)]
pub struct Kept {
    /// The one used last is last.
    lines: Vec<(usize, Line)>,
}

impl Kept {
    /// Has a request answered by the processes of `pool`: over the connection that is kept, or over one
    /// that `open` makes.
    ///
    /// # Errors
    /// Why there is no connection.
    pub fn answer<D: Downstream>(
        &mut self,
        pool: usize,
        exchange: &mut Exchange<'_, D>,
        mut open: impl FnMut(&mut D) -> Result<Line, NotTaken>,
    ) -> Result<Outcome, NotTaken> {
        let began = Instant::now();
        // What cannot be sent again is sent where it will be read.
        let mut kept = if exchange.is_repeatable() { self.take(pool) } else { None };
        for _ in 0..TRIES {
            let mut line = match kept.take() {
                Some(line) => line,
                None => open(exchange.downstream())?,
            };
            let outcome = exchange.converse(&line);
            if let Outcome::Untouched = outcome {
                continue;
            }
            line.requests += 1;
            if exchange.is_clean() && line.requests < REQUESTS && began.elapsed() < QUICK {
                self.put(pool, line);
            }
            return Ok(outcome);
        }
        Err(NotTaken::Closed)
    }

    pub(super) fn take(&mut self, pool: usize) -> Option<Line> {
        let at = self.lines.iter().rposition(|(its, _)| *its == pool)?;
        Some(self.lines.remove(at).1)
    }

    pub(super) fn put(&mut self, pool: usize, line: Line) {
        self.lines.retain(|(its, _)| *its != pool);
        if self.lines.len() == MOST {
            self.lines.remove(0);
        }
        self.lines.push((pool, line));
    }
}
