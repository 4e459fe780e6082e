//! The fleet, played through without processes.

use super::*;

const GRACEFUL: Duration = Duration::from_secs(30);
const START: Duration = Duration::from_secs(60);

/// A fleet with a clock that only the test moves.
struct Play {
    fleet: Fleet,
    now: Instant,
}

impl Play {
    fn new(workers: usize, order: Order) -> Self {
        let policy =
            Policy { workers, order, start_timeout: START, graceful: GRACEFUL, on_demand: false };
        Self { fleet: Fleet::new(policy), now: Instant::now() }
    }

    /// A fleet that somebody starts when it is needed, serving with workers from 1 on.
    fn on_demand(workers: u32) -> Self {
        let mut play = Self::serving(workers, Order::StartFirst);
        play.fleet.policy.on_demand = true;
        play
    }

    /// A fleet that serves with workers from 1 on.
    fn serving(workers: u32, order: Order) -> Self {
        let mut play = Self::new(workers as usize, order);
        play.does(Event::Begin);
        for worker in 1..workers {
            assert_eq!(play.does(Event::Ready(worker)), []);
        }
        assert_eq!(play.does(Event::Ready(workers)), [Action::Serving]);
        play
    }

    /// What is done about `event`, without what is only said.
    fn does(&mut self, event: Event) -> Vec<Action> {
        let mut actions = self.fleet.handle(event, self.now);
        actions.retain(|action| !matches!(action, Action::Say(..)));
        actions
    }

    /// Lets time pass up to the next deadline, which must be `after` this time.
    fn pass(&mut self, after: Duration) -> Vec<Action> {
        assert_eq!(self.fleet.deadline(), Some(self.now + after));
        self.now += after;
        self.does(Event::Tick)
    }

    fn ended(&mut self, worker: Worker) -> Vec<Action> {
        self.does(Event::Ended(worker, "was ended by SIGKILL".to_owned()))
    }

    fn reload(&mut self) -> Vec<Action> {
        self.does(Event::Reload("test".to_owned()))
    }
}

fn graceful(worker: Worker) -> Action {
    Action::Tell(worker, Manner::Graceful)
}

fn now(worker: Worker) -> Action {
    Action::Tell(worker, Manner::Now)
}

#[test]
fn it_serves_when_all_workers_are_ready() {
    let mut play = Play::new(2, Order::StartFirst);
    assert_eq!(play.does(Event::Begin), [Action::Start(1), Action::Start(2)]);
    assert_eq!(play.does(Event::Ready(2)), []);
    assert_eq!(play.does(Event::Ready(1)), [Action::Serving]);
    assert_eq!((play.fleet.serving(), play.fleet.deadline()), (2, None));
}

#[test]
fn a_first_set_that_fails_is_no_loop() {
    let mut play = Play::new(2, Order::StartFirst);
    play.does(Event::Begin);
    play.does(Event::Ready(1));
    let done = play.does(Event::Failed(2, "N103".to_owned()));
    assert!(done.contains(&Action::NotStarted("N103".to_owned())));
    assert!(done.contains(&now(1)));
    assert!(!done.iter().any(|action| matches!(action, Action::Start(_))));
    assert_eq!(play.ended(1), []);
    assert_eq!(play.ended(2), [Action::Finish]);
}

#[test]
fn a_first_set_that_takes_too_long_is_killed() {
    let mut play = Play::new(1, Order::StartFirst);
    play.does(Event::Begin);
    let done = play.pass(START);
    assert!(done.contains(&now(1)));
    assert!(done.iter().any(|it| matches!(it, Action::NotStarted(why) if why.contains("60 s"))));
    assert_eq!(play.pass(INSIST), [Action::Kill(1)]);
    assert_eq!(play.ended(1), [Action::Finish]);
}

#[test]
fn a_dead_worker_is_replaced_at_once_and_then_ever_later() {
    let mut play = Play::serving(2, Order::StartFirst);
    assert_eq!(play.ended(1), [Action::Start(3)]);
    assert_eq!(play.does(Event::Ready(3)), []);
    assert_eq!(play.ended(3), []);
    assert_eq!(play.pass(Duration::from_millis(100)), [Action::Start(4)]);
    assert_eq!(play.ended(4), []);
    assert_eq!(play.pass(Duration::from_millis(200)), [Action::Start(5)]);
    play.does(Event::Ready(5));
    // The other slot has a count of its own.
    assert_eq!(play.ended(2), [Action::Start(6)]);
    play.does(Event::Ready(6));
    play.now += Duration::from_secs(31);
    assert_eq!(play.ended(5), [Action::Start(7)]);
}

#[test]
fn a_reload_starts_all_before_any_leaves() {
    let mut play = Play::serving(2, Order::StartFirst);
    assert_eq!(play.reload(), [Action::Reloading, Action::Start(3), Action::Start(4)]);
    assert_eq!(play.fleet.ticket(), 1);
    assert_eq!(play.does(Event::Ready(3)), []);
    assert!(play.fleet.is_reloading());
    assert_eq!(play.does(Event::Ready(4)), [graceful(1), graceful(2)]);
    // Over when no old worker takes connections any more.
    assert_eq!(play.does(Event::Leaving(2)), []);
    assert_eq!(play.ended(1), [Action::Reloaded(1, Ok(()))]);
    assert_eq!(play.pass(GRACEFUL + INSIST), [Action::Kill(2)]);
    assert_eq!(play.ended(2), []);
    assert_eq!((play.fleet.serving(), play.fleet.deadline()), (2, None));
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    for how in ["fails", "ends", "hangs"] {
        let mut play = Play::serving(2, Order::StartFirst);
        play.reload();
        play.does(Event::Ready(3));
        let done = match how {
            "fails" => play.does(Event::Failed(4, "N103".to_owned())),
            "ends" => play.ended(4),
            _ => play.pass(START),
        };
        assert!(done.contains(&now(3)), "{done:?}");
        assert!(done.iter().any(|it| matches!(it, Action::Reloaded(1, Err(_)))), "{done:?}");
        assert!(!done.contains(&graceful(1)) && !done.contains(&graceful(2)), "{done:?}");
        assert_eq!(play.fleet.standing(1), Standing::Serving);
        play.ended(3);
        play.ended(4);
        assert_eq!((play.fleet.serving(), play.fleet.deadline()), (2, None));
    }
}

#[test]
fn a_reload_during_a_reload_comes_after_it() {
    let mut play = Play::serving(1, Order::StartFirst);
    assert_eq!(play.reload(), [Action::Reloading, Action::Start(2)]);
    assert_eq!(play.reload(), []);
    assert_eq!(play.reload(), []);
    assert_eq!(play.fleet.ticket(), 2);
    assert_eq!(play.does(Event::Ready(2)), [graceful(1)]);
    assert_eq!(
        play.does(Event::Leaving(1)),
        [Action::Reloaded(1, Ok(())), Action::Reloading, Action::Start(3)]
    );
    assert_eq!(play.does(Event::Ready(3)), [graceful(2)]);
    // An old worker that does not say so is not waited for long.
    assert_eq!(play.pass(HANDOVER), [Action::Reloaded(2, Ok(()))]);
}

#[test]
fn a_worker_that_dies_during_a_reload_leaves_no_gap() {
    let mut play = Play::serving(2, Order::StartFirst);
    play.reload();
    assert_eq!(play.ended(1), []);
    play.does(Event::Ready(3));
    assert_eq!(play.does(Event::Ready(4)), [graceful(2)]);
    assert_eq!(play.ended(2), [Action::Reloaded(1, Ok(()))]);
    // And if the reload fails, what died is made up for.
    play.reload();
    assert_eq!(play.ended(3), []);
    let done = play.does(Event::Failed(5, "N103".to_owned()));
    assert!(done.contains(&now(6)) && done.contains(&Action::Start(7)), "{done:?}");
    play.does(Event::Ready(7));
    assert_eq!(play.fleet.serving(), 2);
}

#[test]
fn old_workers_are_replaced_one_at_a_time() {
    let mut play = Play::serving(3, Order::StartFirst);
    assert_eq!(play.does(Event::Retire(2, "old".to_owned())), [Action::Start(4)]);
    assert_eq!(play.does(Event::Retire(1, "old".to_owned())), []);
    assert_eq!(play.does(Event::Retire(2, "old".to_owned())), []);
    assert_eq!(play.does(Event::Ready(4)), [graceful(2), Action::Start(5)]);
    assert_eq!(play.does(Event::Ready(5)), [graceful(1)]);
}

#[test]
fn a_replacement_that_does_not_start_keeps_the_old_worker() {
    let mut play = Play::serving(1, Order::StartFirst);
    play.does(Event::Retire(1, "old".to_owned()));
    assert_eq!(play.ended(2), [Action::Start(3)]);
    assert_eq!(play.ended(3), []);
    assert_eq!(play.fleet.standing(1), Standing::Serving);
    assert_eq!(play.pass(Duration::from_millis(100)), [Action::Start(4)]);
    assert_eq!(play.does(Event::Ready(4)), [graceful(1)]);
}

#[test]
fn a_stuck_worker_does_not_wait_for_others() {
    let mut play = Play::serving(2, Order::StartFirst);
    assert_eq!(play.does(Event::Retire(1, "old".to_owned())), [Action::Start(3)]);
    assert_eq!(play.does(Event::Stuck(2)), [Action::Start(4)]);
    assert_eq!(play.does(Event::Ready(4)), [graceful(2)]);
    // It will hardly end by itself: its grace is no longer than that of requests.
    play.does(Event::Ready(3));
    assert_eq!(play.pass(GRACEFUL), [Action::Kill(2)]);
}

#[test]
fn a_worker_told_to_end_by_others_is_replaced_at_once() {
    let mut play = Play::serving(1, Order::StartFirst);
    assert_eq!(play.does(Event::Leaving(1)), [Action::Start(2)]);
    assert_eq!(play.does(Event::Ready(2)), []);
    assert_eq!(play.ended(1), []);
}

#[test]
fn more_and_fewer() {
    let mut play = Play::serving(1, Order::StartFirst);
    assert_eq!(play.does(Event::Fewer), []);
    assert_eq!(play.does(Event::More), [Action::Start(2)]);
    play.does(Event::Ready(2));
    assert_eq!(play.fleet.serving(), 2);
    assert_eq!(play.does(Event::Fewer), [graceful(2)]);
    assert_eq!(play.fleet.wanted(), 1);
    // A reload still works when it loses the slot that it waits for.
    play.does(Event::More);
    play.does(Event::Ready(3));
    play.reload();
    play.does(Event::Ready(4));
    assert_eq!(play.does(Event::Fewer), [graceful(3), graceful(5), graceful(1)]);
    assert_eq!(play.does(Event::Leaving(1)), [Action::Reloaded(1, Ok(()))]);
}

#[test]
fn stopping_waits_then_insists() {
    let mut play = Play::serving(2, Order::StartFirst);
    assert_eq!(play.does(Event::Stop(Manner::Graceful)), [graceful(1), graceful(2)]);
    // The same signal once more, as `timeout` sends it.
    assert_eq!(play.does(Event::Stop(Manner::Graceful)), []);
    assert_eq!(play.ended(1), []);
    play.now += ECHO;
    assert_eq!(play.does(Event::Stop(Manner::Graceful)), [now(2)]);
    assert_eq!(play.pass(INSIST), [Action::Kill(2)]);
    assert_eq!(play.ended(2), [Action::Finish]);
    assert_eq!(play.does(Event::Tick), []);
}

#[test]
fn stopping_ends_a_reload() {
    let mut play = Play::serving(1, Order::StartFirst);
    play.reload();
    let done = play.does(Event::Stop(Manner::Now));
    assert!(matches!(done[0], Action::Reloaded(1, Err(_))), "{done:?}");
    assert!(done.contains(&now(1)) && done.contains(&now(2)), "{done:?}");
    assert_eq!(play.ended(1), []);
    assert_eq!(play.ended(2), [Action::Finish]);
}

#[test]
fn the_old_one_ends_first_where_that_is_the_order() {
    let mut play = Play::serving(1, Order::StopFirst);
    assert_eq!(play.reload(), [Action::Reloading, graceful(1)]);
    assert_eq!(play.ended(1), [Action::Start(2)]);
    // A change during the start: what has been read may be old.
    assert_eq!(play.reload(), [Action::Reloading, now(2)]);
    assert_eq!(play.pass(BRIEF), [Action::Kill(2)]);
    assert_eq!(play.ended(2), [Action::Start(3)]);
    assert_eq!(play.does(Event::Ready(3)), [Action::Reloaded(2, Ok(()))]);
    // What ends by itself would only end again.
    assert_eq!(play.ended(3), []);
    assert_eq!(play.reload(), [Action::Reloading, Action::Start(4)]);
    // The application is broken, and the worker shows how.
    assert_eq!(play.does(Event::Failed(4, "N103".to_owned())), []);
    assert_eq!(play.does(Event::Ready(4)), [Action::Reloaded(3, Err("N103".to_owned()))]);
}

#[test]
fn a_first_start_may_hang_under_development() {
    let mut play = Play::new(1, Order::StopFirst);
    play.does(Event::Begin);
    assert_eq!(play.fleet.deadline(), None);
    assert_eq!(play.reload(), [Action::Reloading, now(1)]);
    assert_eq!(play.ended(1), [Action::Start(2)]);
    assert_eq!(play.does(Event::Ready(2)), [Action::Serving, Action::Reloaded(1, Ok(()))]);
}

#[test]
fn it_ends_when_nobody_has_anything_to_do_and_is_started_again_if_needed() {
    let mut play = Play::serving(2, Order::StartFirst);
    play.does(Event::Idle(1, true));
    assert_eq!(play.does(Event::Idle(2, true)), []);
    let mut play = Play::on_demand(2);
    assert_eq!(play.does(Event::Idle(1, true)), []);
    assert_eq!(play.does(Event::Idle(1, false)), []);
    assert_eq!(play.does(Event::Idle(2, true)), []);
    // What replaces an idle worker has yet to be so itself.
    assert_eq!(play.does(Event::Retire(2, "old".to_owned())), [Action::Start(3)]);
    assert_eq!(play.does(Event::Idle(1, true)), []);
    assert_eq!(play.does(Event::Ready(3)), [graceful(2)]);
    assert_eq!(play.ended(2), []);
    assert_eq!(play.does(Event::Idle(3, true)), [graceful(1), graceful(3)]);
    assert!(play.fleet.is_stopping());
    assert_eq!(play.ended(3), []);
    assert_eq!(play.ended(1), [Action::Finish]);
}

#[test]
fn it_ends_when_the_last_worker_dies_and_no_other_starts_if_it_is_started_again() {
    let mut play = Play::on_demand(2);
    assert_eq!(play.ended(1), [Action::Start(3)]);
    assert_eq!(play.ended(3), []); // the other one serves
    assert_eq!(play.ended(2), [Action::Start(4)]);
    let done = play.does(Event::Failed(4, "N103".to_owned()));
    assert_eq!(done[0], Action::NotStarted("N103".to_owned()));
    assert!(!done.iter().any(|action| matches!(action, Action::Start(_))), "{done:?}");
    assert!(play.fleet.is_stopping());
    assert_eq!(play.ended(4), [Action::Finish]);
}
