//! Decides when workers start and end: events in, actions out, no processes and no clock of its own.
//!
//! A fleet has a slot for each worker that is wanted. A slot has the worker that serves and, while
//! that is to be replaced, the next one, which takes over when it is ready. Who has been taken over
//! from is leaving: finishing its requests, until a deadline.

mod backoff;
mod change;
mod single;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use narthex_core::Level;

pub use backoff::Backoff;

/// Number of a worker in its fleet; never given twice.
pub type Worker = u32;

/// How much longer than the worker itself the fleet waits for its end.
const INSIST: Duration = Duration::from_secs(5);

/// How long running requests may hold up the next worker where the old one ends first.
const BRIEF: Duration = Duration::from_millis(300);

/// How long old workers may take to say that they take no more connections.
const HANDOVER: Duration = Duration::from_secs(1);

/// Two requests to stop within this time are one: `timeout`, `uv run` and others send to the process
/// what its group gets anyway.
const ECHO: Duration = Duration::from_millis(100);

/// What a fleet is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Workers at the start.
    pub workers: usize,
    /// Who goes first at a reload.
    pub order: Order,
    /// How long a worker may take to be ready.
    pub start_timeout: Duration,
    /// How long running requests may take to end.
    pub graceful: Duration,
    /// Whether somebody starts it again when it is needed: it ends when no worker has anything to do,
    /// and when none serves and the next does not start.
    pub on_demand: bool,
}

/// Who goes first at a reload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// All new workers are ready before an old one is told to leave: no request is lost, and a set
    /// that does not start changes nothing.
    StartFirst,
    /// The old ones end before a new one starts: no request is answered by old code. A worker that
    /// ends by itself is not replaced before the next reload.
    StopFirst,
}

/// How a worker, or the fleet, is to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// After the running requests.
    Graceful,
    /// At once.
    Now,
}

/// What has happened.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The fleet is wanted.
    Begin,
    /// A worker serves.
    Ready(Worker),
    /// A worker's application does not start.
    Failed(Worker, String),
    /// A worker has begun to end by itself.
    Leaving(Worker),
    /// A worker should be replaced some time.
    Retire(Worker, String),
    /// A worker should be replaced now.
    Stuck(Worker),
    /// A worker has nothing to do, or has something to do again.
    Idle(Worker, bool),
    /// A worker's process is no more; the text says how it ended.
    Ended(Worker, String),
    /// The application is to be loaded anew.
    Reload(String),
    /// One worker more.
    More,
    /// One worker less.
    Fewer,
    /// The fleet is to end.
    Stop(Manner),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Start(Worker),
    Tell(Worker, Manner),
    Kill(Worker),
    Say(Level, String),
    /// The first set serves.
    Serving,
    /// The first set does not start.
    NotStarted(String),
    /// A reload begins.
    Reloading,
    /// The reload of this number has ended.
    Reloaded(u64, Result<(), String>),
    /// The last worker has gone after a stop.
    Finish,
}

/// The workers, as far as decisions need them.
#[derive(Debug)]
pub(crate) struct Fleet {
    policy: Policy,
    slots: Vec<Slot>,
    /// Who is ending, and when it will be killed.
    leaving: BTreeMap<Worker, Instant>,
    change: Option<Change>,
    /// Another reload was asked for during one.
    again: Option<String>,
    reloads: u64,
    /// Some set has been ready.
    served: bool,
    stopping: Option<(Manner, Instant)>,
    finished: bool,
    last: Worker,
    actions: Vec<Action>,
}

#[derive(Debug, Default)]
struct Slot {
    serving: Option<Member>,
    next: Option<Member>,
    /// When the next one may start.
    due: Option<Instant>,
    /// Why the one that serves is to be replaced.
    retiring: Option<String>,
    stuck: bool,
    backoff: Backoff,
}

#[derive(Debug)]
struct Member {
    worker: Worker,
    since: Instant,
    ready: bool,
    /// It has nothing to do.
    idle: bool,
    /// It serves the reason why the application does not start.
    failure: Option<String>,
}

/// All workers are being replaced, or started.
#[derive(Debug)]
struct Change {
    /// The old ones have to end before the new ones start.
    emptying: bool,
    /// The new ones serve; the old ones have still to say that they take no more connections.
    handover: Option<Handover>,
}

/// The end of a reload: whoever waits for it is to find the new application alone.
#[derive(Debug)]
struct Handover {
    from: BTreeSet<Worker>,
    until: Instant,
}

/// Where a worker stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    Starting,
    Serving,
    Leaving,
}

impl Standing {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Leaving => "leaving",
        }
    }
}

impl Fleet {
    /// A fleet that has not begun.
    pub(crate) fn new(policy: Policy) -> Self {
        let slots = (0..policy.workers.max(1)).map(|_| Slot::default()).collect();
        Self {
            policy,
            slots,
            leaving: BTreeMap::new(),
            change: None,
            again: None,
            reloads: 0,
            served: false,
            stopping: None,
            finished: false,
            last: 0,
            actions: Vec::new(),
        }
    }

    /// Workers wanted.
    pub(crate) fn wanted(&self) -> usize {
        self.slots.len()
    }

    /// Workers that serve.
    pub(crate) fn serving(&self) -> usize {
        self.slots.iter().filter(|slot| slot.serving.is_some()).count()
    }

    /// Where a worker stands.
    pub(crate) fn standing(&self, worker: Worker) -> Standing {
        let is = |member: &Option<Member>| member.as_ref().is_some_and(|it| it.worker == worker);
        if self.slots.iter().any(|slot| is(&slot.serving)) {
            Standing::Serving
        } else if self.slots.iter().any(|slot| is(&slot.next)) {
            Standing::Starting
        } else {
            Standing::Leaving
        }
    }

    /// The number of the reload by which the last request for one will be met.
    pub(crate) fn ticket(&self) -> u64 {
        self.reloads + u64::from(self.again.is_some())
    }

    /// Whether all workers are being replaced.
    pub(crate) fn is_reloading(&self) -> bool {
        self.served && self.change.is_some()
    }

    /// Whether it was told to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// When [`Event::Tick`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let starts = self
            .slots
            .iter()
            .filter_map(|slot| slot.next.as_ref())
            .filter_map(|next| self.start_deadline(next));
        let dues = self.slots.iter().filter_map(|slot| slot.due);
        let handover = self.change.iter().filter_map(|change| change.handover.as_ref());
        let handover = handover.map(|handover| handover.until);
        self.leaving.values().copied().chain(starts).chain(dues).chain(handover).min()
    }

    /// Takes note of an event; says what is to be done.
    pub(crate) fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Begin => self.begin_change(now),
            Event::Ready(worker) => self.ready(worker, now),
            Event::Failed(worker, why) => self.failed(worker, why, now),
            Event::Leaving(worker) => self.leaves(worker, now),
            Event::Retire(worker, why) => self.retire(worker, why),
            Event::Stuck(worker) => self.stuck(worker),
            Event::Idle(worker, idle) => self.idle(worker, idle),
            Event::Ended(worker, how) => self.ended(worker, &how, now),
            Event::Reload(reason) => self.reload(reason, now),
            Event::More => self.more(now),
            Event::Fewer => self.fewer(now),
            Event::Stop(manner) => self.stop(manner, now),
            Event::Tick => {}
        }
        self.settle(now);
        std::mem::take(&mut self.actions)
    }

    /// Does what has become possible or due.
    fn settle(&mut self, now: Instant) {
        self.kill_the_late(now);
        if self.stopping.is_some() {
            if self.leaving.is_empty() && !self.finished {
                self.finished = true;
                self.act(Action::Finish);
            }
            return;
        }
        self.end_late_starts(now);
        if self.has_nothing_to_do() {
            self.say(Level::Info, "no requests: the workers end".to_owned());
            return self.stop(Manner::Graceful, now);
        }
        match &mut self.change {
            Some(Change { emptying: emptying @ true, .. }) => {
                if self.leaving.is_empty() {
                    *emptying = false;
                    self.start_set(now);
                }
            }
            Some(Change { handover: Some(handover), .. }) => {
                if handover.from.is_empty() || handover.until <= now {
                    self.end_change(None, now);
                }
            }
            Some(_) => self.complete_change(now),
            None => self.replace_one_by_one(now),
        }
    }

    fn has_nothing_to_do(&self) -> bool {
        let is_idle = |slot: &Slot| {
            let serving = slot.serving.as_ref().is_some_and(|serving| serving.idle);
            serving && slot.next.is_none()
        };
        self.policy.on_demand && self.change.is_none() && self.slots.iter().all(is_idle)
    }

    fn kill_the_late(&mut self, now: Instant) {
        for (&worker, at) in &mut self.leaving {
            if *at <= now {
                self.actions.push(Action::Kill(worker));
                *at = now + INSIST; // until the system has cleared it away
            }
        }
    }

    fn end_late_starts(&mut self, now: Instant) {
        for index in 0..self.slots.len() {
            let next = self.slots.get(index).and_then(|slot| slot.next.as_ref());
            if next.and_then(|next| self.start_deadline(next)).is_some_and(|at| at <= now) {
                let seconds = self.policy.start_timeout.as_secs_f64();
                self.next_failed(index, &format!("a worker was not ready in {seconds} s"), now);
            }
        }
    }

    fn start_deadline(&self, next: &Member) -> Option<Instant> {
        let waits = !next.ready && self.policy.order == Order::StartFirst;
        waits.then(|| next.since + self.policy.start_timeout)
    }

    fn index_of_next(&self, worker: Worker) -> Option<usize> {
        let is = |slot: &Slot| slot.next.as_ref().is_some_and(|next| next.worker == worker);
        self.slots.iter().position(is)
    }

    fn index_of_serving(&self, worker: Worker) -> Option<usize> {
        let is = |slot: &Slot| slot.serving.as_ref().is_some_and(|it| it.worker == worker);
        self.slots.iter().position(is)
    }

    fn say(&mut self, level: Level, text: String) {
        self.act(Action::Say(level, text));
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }
}
