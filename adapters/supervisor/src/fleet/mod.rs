//! Decides when workers start and end: events in, actions out, no processes and no clock of its own.
//!
//! A fleet has a slot for each worker that is wanted. A slot has the worker that serves and, while
//! that is to be replaced, the next one, which takes over when it is ready. Who has been taken over
//! from is leaving: finishing its requests, until a deadline.

mod backoff;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use narthex_core::Level;

use backoff::Backoff;

/// Number of a worker in its fleet; never given twice.
pub type Worker = u32;

/// How much longer than the worker itself the fleet waits for its end.
const INSIST: Duration = Duration::from_secs(5);

/// How long running requests may hold up the next worker where the old one ends first.
const BRIEF: Duration = Duration::from_millis(300);

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
    /// It serves the reason why the application does not start.
    failure: Option<String>,
}

/// All workers are being replaced, or started.
#[derive(Debug)]
struct Change {
    /// The old ones have to end before the new ones start.
    emptying: bool,
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

    /// When [`Event::Tick`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let starts = self
            .slots
            .iter()
            .filter_map(|slot| slot.next.as_ref())
            .filter_map(|next| self.start_deadline(next));
        let dues = self.slots.iter().filter_map(|slot| slot.due);
        self.leaving.values().copied().chain(starts).chain(dues).min()
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

    fn ready(&mut self, worker: Worker, now: Instant) {
        let next = self.slots.iter_mut().filter_map(|slot| slot.next.as_mut());
        if let Some(member) = next.into_iter().find(|member| member.worker == worker) {
            member.ready = true;
            member.since = now;
        }
    }

    fn failed(&mut self, worker: Worker, why: String, now: Instant) {
        let Some(index) = self.index_of_next(worker) else { return };
        match self.policy.order {
            // It shows why to whoever asks.
            Order::StopFirst => {
                if let Some(next) = &mut self.slots[index].next {
                    next.failure = Some(why);
                }
            }
            // It ends by itself; to be told so as well would only confuse it.
            Order::StartFirst => {
                self.slots[index].next = None;
                self.leaving.insert(worker, now + INSIST);
                self.next_failed(index, &why, now);
            }
        }
    }

    fn ended(&mut self, worker: Worker, how: &str, now: Instant) {
        if self.leaving.remove(&worker).is_some() {
            return;
        }
        if let Some(index) = self.index_of_next(worker) {
            self.slots[index].next = None;
            self.next_failed(index, &format!("{how} before it was ready"), now);
        } else if let Some(index) = self.index_of_serving(worker) {
            self.serving_ended(index, how, now);
        }
    }

    fn serving_ended(&mut self, index: usize, how: &str, now: Instant) {
        let slot = &mut self.slots[index];
        let Some(member) = slot.serving.take() else { return };
        (slot.retiring, slot.stuck) = (None, false);
        if self.policy.order == Order::StopFirst {
            self.say(Level::Warning, format!("the application ended: {how}; waiting for a change"));
            return;
        }
        let delay = slot.backoff.next(now.saturating_duration_since(member.since));
        let replaced = slot.next.is_some();
        if !replaced {
            slot.due = Some(now + delay);
        }
        let what = match (replaced, delay.is_zero()) {
            (true, _) => "another is starting".to_owned(),
            (false, true) => "starting another".to_owned(),
            (false, false) => format!("starting another in {:.1} s", delay.as_secs_f64()),
        };
        self.say(Level::Warning, format!("a worker ended: {how}: {what}"));
    }

    /// The next worker of a slot will never be ready.
    fn next_failed(&mut self, index: usize, why: &str, now: Instant) {
        if let Some(next) = self.slots[index].next.take() {
            self.expel(next.worker, Manner::Now, now + INSIST);
        }
        if self.policy.order == Order::StopFirst {
            self.say(Level::Warning, format!("the application ended: {why}; waiting for a change"));
            if self.change.take().is_some() {
                self.act(Action::Reloaded(self.reloads, Err(why.to_owned())));
            }
            return;
        }
        if self.change.is_some() {
            return self.abort_change(why, now);
        }
        let slot = &mut self.slots[index];
        let delay = slot.backoff.next(Duration::ZERO);
        slot.due = Some(now + delay);
        let delay = delay.as_secs_f64();
        self.say(Level::Error, format!("a worker does not start: {why}: again in {delay:.1} s"));
    }

    /// A worker ends because it was told to by somebody else.
    fn leaves(&mut self, worker: Worker, now: Instant) {
        let deadline = now + self.policy.graceful + INSIST;
        if let Some(index) = self.index_of_serving(worker) {
            let slot = &mut self.slots[index];
            (slot.serving, slot.retiring, slot.stuck) = (None, None, false);
            self.leaving.insert(worker, deadline);
            if self.policy.order == Order::StopFirst {
                return;
            }
            if slot.next.is_none() {
                slot.due = Some(now);
            }
            self.say(Level::Info, "a worker was told to end: starting another".to_owned());
        } else if let Some(index) = self.index_of_next(worker) {
            self.slots[index].next = None;
            self.leaving.insert(worker, deadline);
            self.next_failed(index, "a worker was told to end while it started", now);
        }
    }

    fn retire(&mut self, worker: Worker, why: String) {
        if let Some(index) = self.index_of_serving(worker) {
            self.slots[index].retiring.get_or_insert(why);
        }
    }

    fn stuck(&mut self, worker: Worker) {
        if let Some(index) = self.index_of_serving(worker) {
            let slot = &mut self.slots[index];
            slot.stuck = true;
            slot.retiring = Some("it hangs".to_owned());
        }
    }

    fn reload(&mut self, reason: String, now: Instant) {
        if self.stopping.is_some() {
            return;
        }
        if self.change.is_some() && self.policy.order == Order::StartFirst {
            self.say(Level::Info, format!("{reason}: reloading once more after this"));
            self.again = Some(reason);
            return;
        }
        self.reloads += 1;
        let what = match self.policy.order {
            Order::StartFirst => "reloading: new workers start, then the old ones leave",
            Order::StopFirst => "restarting",
        };
        self.say(Level::Info, format!("{reason}: {what}"));
        self.act(Action::Reloading);
        self.begin_change(now);
    }

    fn begin_change(&mut self, now: Instant) {
        let stop_first = self.policy.order == Order::StopFirst;
        let mut gone = Vec::new();
        for slot in &mut self.slots {
            slot.due = None;
            gone.extend(slot.next.take().map(|member| (member.worker, Manner::Now)));
            if stop_first {
                gone.extend(slot.serving.take().map(|member| (member.worker, Manner::Graceful)));
                (slot.retiring, slot.stuck) = (None, false);
            }
        }
        for (worker, manner) in gone {
            let patience = if stop_first { BRIEF } else { INSIST };
            self.expel(worker, manner, now + patience);
        }
        self.change = Some(Change { emptying: stop_first });
        if !stop_first {
            self.start_set(now);
        }
    }

    fn start_set(&mut self, now: Instant) {
        for index in 0..self.slots.len() {
            self.start(index, now);
        }
    }

    fn abort_change(&mut self, why: &str, now: Instant) {
        self.change = None;
        let nexts: Vec<_> = self.slots.iter_mut().filter_map(|slot| slot.next.take()).collect();
        for next in nexts {
            self.expel(next.worker, Manner::Now, now + INSIST);
        }
        if !self.served {
            self.act(Action::NotStarted(why.to_owned()));
            return self.stop(Manner::Now, now);
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.serving.is_none()) {
            slot.due = Some(now + slot.backoff.next(Duration::ZERO));
        }
        self.say(Level::Error, format!("not reloaded, the old workers go on: {why}"));
        self.act(Action::Reloaded(self.reloads, Err(why.to_owned())));
        if let Some(reason) = self.again.take() {
            self.reload(reason, now);
        }
    }

    fn more(&mut self, now: Instant) {
        if self.stopping.is_some() {
            return;
        }
        self.slots.push(Slot::default());
        self.say(Level::Info, format!("one worker more: {}", self.slots.len()));
        if self.change.as_ref().is_none_or(|change| !change.emptying) {
            self.start(self.slots.len() - 1, now);
        }
    }

    fn fewer(&mut self, now: Instant) {
        if self.stopping.is_some() {
            return;
        }
        if self.slots.len() == 1 {
            return self.say(Level::Info, "one worker stays: stop the server instead".to_owned());
        }
        if let Some(slot) = self.slots.pop() {
            for member in [slot.serving, slot.next].into_iter().flatten() {
                let deadline = now + self.policy.graceful + INSIST;
                self.expel(member.worker, Manner::Graceful, deadline);
            }
        }
        self.say(Level::Info, format!("one worker less: {}", self.slots.len()));
    }

    fn stop(&mut self, manner: Manner, now: Instant) {
        let (manner, first) = match self.stopping {
            None => (manner, now),
            Some((Manner::Graceful, first)) if now.saturating_duration_since(first) >= ECHO => {
                (Manner::Now, first)
            }
            Some((Manner::Graceful, first)) if manner == Manner::Now => (Manner::Now, first),
            Some(_) => return,
        };
        self.stopping = Some((manner, first));
        let pending = self.change.take().is_some() | self.again.is_some();
        if pending && self.ticket() > 0 {
            self.act(Action::Reloaded(self.ticket(), Err("the server stops".to_owned())));
        }
        self.again = None;
        let members = self.slots.iter_mut().flat_map(|slot| {
            slot.due = None;
            [slot.serving.take(), slot.next.take()].into_iter().flatten()
        });
        let workers: Vec<_> = members.map(|member| member.worker).collect();
        let patience = match manner {
            Manner::Graceful => self.policy.graceful + INSIST,
            Manner::Now => INSIST,
        };
        let leaving: Vec<_> = self.leaving.keys().copied().collect();
        for worker in workers.into_iter().chain(leaving) {
            self.expel(worker, manner, now + patience);
        }
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
        match &mut self.change {
            Some(change) if change.emptying => {
                if self.leaving.is_empty() {
                    change.emptying = false;
                    self.start_set(now);
                }
            }
            Some(_) => self.complete_change(now),
            None => self.replace_one_by_one(now),
        }
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

    /// Lets a whole new set take over, once all of it is ready.
    fn complete_change(&mut self, now: Instant) {
        let is_ready = |slot: &Slot| slot.next.as_ref().is_some_and(|next| next.ready);
        if !self.slots.iter().all(is_ready) {
            return;
        }
        let failure = self.slots.iter().find_map(|slot| slot.next.as_ref()?.failure.clone());
        for index in 0..self.slots.len() {
            self.promote(index, now);
        }
        self.change = None;
        if !std::mem::replace(&mut self.served, true) {
            self.act(Action::Serving);
        } else if self.policy.order == Order::StartFirst {
            self.say(Level::Info, "reloaded: the new workers serve".to_owned());
        }
        if self.reloads > 0 {
            self.act(Action::Reloaded(self.reloads, failure.map_or(Ok(()), Err)));
        }
        if let Some(reason) = self.again.take() {
            self.reload(reason, now);
        }
    }

    /// Lets single workers take over; starts those that are due.
    fn replace_one_by_one(&mut self, now: Instant) {
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.next.as_ref().is_some_and(|next| next.ready) {
                self.promote(index, now);
            } else if slot.due.is_some_and(|due| due <= now) {
                self.start(index, now);
            } else if slot.stuck && slot.next.is_none() && slot.due.is_none() {
                self.start(index, now);
            }
        }
        // A worker that is only old waits until no other is being replaced.
        let busy = self.slots.iter().any(|slot| slot.next.is_some() || slot.due.is_some());
        let old = self.slots.iter().position(|slot| slot.retiring.is_some());
        if let Some(index) = old.filter(|_| !busy) {
            let why = self.slots[index].retiring.clone().unwrap_or_default();
            self.say(Level::Info, format!("a worker is replaced: {why}"));
            self.start(index, now);
        }
    }

    fn promote(&mut self, index: usize, now: Instant) {
        let slot = &mut self.slots[index];
        let before = slot.serving.take();
        slot.serving = slot.next.take();
        slot.due = None;
        slot.retiring = None;
        let stuck = std::mem::take(&mut slot.stuck);
        if let Some(before) = before {
            let insist = if stuck { Duration::ZERO } else { INSIST };
            let deadline = now + self.policy.graceful + insist;
            self.expel(before.worker, Manner::Graceful, deadline);
        }
    }

    fn start(&mut self, index: usize, now: Instant) {
        self.last += 1;
        let slot = &mut self.slots[index];
        slot.due = None;
        slot.next = Some(Member { worker: self.last, since: now, ready: false, failure: None });
        self.act(Action::Start(self.last));
    }

    /// Tells a worker to end, and remembers until when it may take.
    fn expel(&mut self, worker: Worker, manner: Manner, deadline: Instant) {
        self.act(Action::Tell(worker, manner));
        self.leaving.insert(worker, deadline);
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
