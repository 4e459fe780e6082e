//! What happens to single workers, and what is done about it.

use std::time::{Duration, Instant};

use narthex_core::Level;

use super::{Action, Fleet, INSIST, Manner, Member, Order, Worker};

impl Fleet {
    pub(super) fn ready(&mut self, worker: Worker, now: Instant) {
        let next = self.slots.iter_mut().filter_map(|slot| slot.next.as_mut());
        if let Some(member) = next.into_iter().find(|member| member.worker == worker) {
            member.ready = true;
            member.since = now;
        }
    }

    pub(super) fn failed(&mut self, worker: Worker, why: String, now: Instant) {
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

    pub(super) fn ended(&mut self, worker: Worker, how: &str, now: Instant) {
        if self.leaving.remove(&worker).is_some() {
            return self.has_left(worker);
        }
        if let Some(index) = self.index_of_next(worker) {
            self.slots[index].next = None;
            self.next_failed(index, &format!("{how} before it was ready"), now);
        } else if let Some(index) = self.index_of_serving(worker) {
            self.serving_ended(index, how, now);
        }
    }

    pub(super) fn serving_ended(&mut self, index: usize, how: &str, now: Instant) {
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
    pub(super) fn next_failed(&mut self, index: usize, why: &str, now: Instant) {
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
        if self.change.as_ref().is_some_and(|change| change.handover.is_none()) {
            return self.abort_change(why, now);
        }
        let left = self.slots.iter().any(|slot| slot.serving.is_some() || slot.next.is_some());
        if self.policy.on_demand && !left {
            self.act(Action::NotStarted(why.to_owned()));
            return self.stop(Manner::Now, now);
        }
        let slot = &mut self.slots[index];
        let delay = slot.backoff.next(Duration::ZERO);
        slot.due = Some(now + delay);
        let delay = delay.as_secs_f64();
        self.say(Level::Error, format!("a worker does not start: {why}: again in {delay:.1} s"));
    }

    /// A worker ends because it was told to by somebody else.
    pub(super) fn leaves(&mut self, worker: Worker, now: Instant) {
        if self.leaving.contains_key(&worker) {
            return self.has_left(worker);
        }
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

    pub(super) fn retire(&mut self, worker: Worker, why: String) {
        if let Some(index) = self.index_of_serving(worker) {
            self.slots[index].retiring.get_or_insert(why);
        }
    }

    pub(super) fn idle(&mut self, worker: Worker, idle: bool) {
        let members = self.slots.iter_mut().flat_map(|slot| [&mut slot.serving, &mut slot.next]);
        if let Some(member) = members.flatten().find(|member| member.worker == worker) {
            member.idle = idle;
        }
    }

    pub(super) fn stuck(&mut self, worker: Worker) {
        if let Some(index) = self.index_of_serving(worker) {
            let slot = &mut self.slots[index];
            slot.stuck = true;
            slot.retiring = Some("it hangs".to_owned());
        }
    }

    /// Lets single workers take over; starts those that are due.
    pub(super) fn replace_one_by_one(&mut self, now: Instant) {
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.next.as_ref().is_some_and(|next| next.ready) {
                self.promote(index, now);
                continue;
            }
            let at_once = slot.stuck && slot.next.is_none() && slot.due.is_none();
            if at_once || slot.due.is_some_and(|due| due <= now) {
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

    pub(super) fn promote(&mut self, index: usize, now: Instant) {
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

    pub(super) fn start(&mut self, index: usize, now: Instant) {
        self.last += 1;
        let slot = &mut self.slots[index];
        slot.due = None;
        slot.next = Some(Member {
            worker: self.last,
            since: now,
            ready: false,
            idle: false,
            failure: None,
        });
        self.act(Action::Start(self.last));
    }

    /// Tells a worker to end, and remembers until when it may take.
    pub(super) fn expel(&mut self, worker: Worker, manner: Manner, deadline: Instant) {
        self.act(Action::Tell(worker, manner));
        self.leaving.insert(worker, deadline);
    }
}
