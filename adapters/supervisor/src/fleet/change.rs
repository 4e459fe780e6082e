//! What happens to all workers at once: start, reload, stop; and how many they are.

use std::{collections::BTreeSet, time::Instant};

use narthex_core::Level;

use super::{
    Action, BRIEF, Change, ECHO, Fleet, HANDOVER, Handover, INSIST, Manner, Order, Slot, Worker,
};

impl Fleet {
    pub(super) fn reload(&mut self, reason: String, now: Instant) {
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

    pub(super) fn begin_change(&mut self, now: Instant) {
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
        self.change = Some(Change { emptying: stop_first, handover: None });
        if !stop_first {
            self.start_set(now);
        }
    }

    pub(super) fn start_set(&mut self, now: Instant) {
        for index in 0..self.slots.len() {
            self.start(index, now);
        }
    }

    pub(super) fn abort_change(&mut self, why: &str, now: Instant) {
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
            slot.due = Some(now); // its death has been counted
        }
        self.say(Level::Error, format!("not reloaded, the old workers go on: {why}"));
        self.act(Action::Reloaded(self.reloads, Err(why.to_owned())));
        if let Some(reason) = self.again.take() {
            self.reload(reason, now);
        }
    }

    /// Lets a whole new set take over, once all of it is ready.
    pub(super) fn complete_change(&mut self, now: Instant) {
        let is_ready = |slot: &Slot| slot.next.as_ref().is_some_and(|next| next.ready);
        if !self.slots.iter().all(is_ready) {
            return;
        }
        let failure = self.slots.iter().find_map(|slot| slot.next.as_ref()?.failure.clone());
        let old = self.slots.iter().filter_map(|slot| Some(slot.serving.as_ref()?.worker));
        let from: BTreeSet<_> = old.collect();
        for index in 0..self.slots.len() {
            self.promote(index, now);
        }
        if from.is_empty() {
            return self.end_change(failure, now);
        }
        if let Some(change) = &mut self.change {
            change.handover = Some(Handover { from, until: now + HANDOVER });
        }
    }

    /// Ends the start or the reload; its workers may show a `failure` to whoever asks.
    pub(super) fn end_change(&mut self, failure: Option<String>, now: Instant) {
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

    /// Notes that a worker takes no more connections.
    pub(super) fn has_left(&mut self, worker: Worker) {
        if let Some(Change { handover: Some(handover), .. }) = &mut self.change {
            handover.from.remove(&worker);
        }
    }

    pub(super) fn more(&mut self, now: Instant) {
        if self.stopping.is_some() {
            return;
        }
        self.slots.push(Slot::default());
        self.say(Level::Info, format!("one worker more: {}", self.slots.len()));
        if self.change.as_ref().is_none_or(|change| !change.emptying) {
            self.start(self.slots.len() - 1, now);
        }
    }

    pub(super) fn fewer(&mut self, now: Instant) {
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

    pub(super) fn stop(&mut self, manner: Manner, now: Instant) {
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
}
