//! Compare-and-swaps that are lost, and hosts that do not know of each other.

use crate::bench::{Bench, block_on, operation, pending, provision, sandbox, start};
use kiloclaw_lifecycle::command::Command;
use kiloclaw_lifecycle::driver::{DriverError, TRIES};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::port::StoreError;
use kiloclaw_lifecycle::step::{Ignored, Input, Verdict};
use kiloclaw_lifecycle::testkit::store::ContendedStore;

#[test]
fn a_lost_compare_and_swap_is_stepped_again() {
    for lost in [1, 2, TRIES - 1] {
        let bench = Bench::new();
        let store = ContendedStore::new(bench.store.clone());
        let host = bench.host_on(store.clone());
        store.lose(lost);
        let handled = block_on(host.handle(&sandbox(), provision())).unwrap();
        assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
        assert_eq!(handled.alarm, bench.store.alarm(&sandbox()));
        assert_eq!(bench.store.commits(), 1);
        assert_eq!(bench.delivered().len(), 1, "an event that was not committed is not told");

        store.lose(lost);
        let handled = block_on(host.handle(&sandbox(), start())).unwrap();
        assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
        assert_eq!(bench.instance().unwrap().status().as_str(), "running");
        let world = bench.world();
        assert_eq!((world.machines.len(), world.volumes.len()), (1, 1));
    }
}

#[test]
fn what_a_committed_call_brought_survives_lost_compare_and_swaps() {
    let bench = Bench::new();
    let store = ContendedStore::new(bench.store.clone());
    let host = bench.host_on(store.clone());
    block_on(host.handle(&sandbox(), provision())).unwrap();
    let mut applied = block_on(host.apply(&sandbox(), None, start())).unwrap();
    while applied.pending.is_some() {
        let next = pending(applied);
        let outcome = block_on(host.execute(&next.operation));
        // Questions that are not committed are only asked again; everything else is made once.
        store.lose(if next.held.is_none() { 2 } else { 0 });
        applied = block_on(host.apply(&sandbox(), next.held, outcome)).unwrap();
        assert_eq!(applied.verdict, Verdict::Applied);
    }
    assert_eq!(bench.instance().unwrap().status().as_str(), "running");
    let world = bench.world();
    assert_eq!((world.machines.len(), world.volumes.len()), (1, 1));
}

#[test]
fn a_record_that_never_stands_still_is_given_up() {
    let bench = Bench::new();
    let store = ContendedStore::new(bench.store.clone());
    let host = bench.host_on(store.clone());
    store.lose(u32::MAX);
    assert_eq!(block_on(host.handle(&sandbox(), provision())).unwrap_err(), DriverError::Contended);
    assert_eq!(bench.store.commits(), 0);
    store.lose(0);
    assert_eq!(block_on(host.handle(&sandbox(), provision())).unwrap().verdict, Verdict::Applied);
}

#[test]
fn of_two_hosts_that_decide_on_one_record_the_second_is_told() {
    let bench = Bench::new();
    let (one, two) = (bench.host(), bench.host());
    block_on(one.handle(&sandbox(), provision())).unwrap();
    let first = block_on(one.decide(&sandbox(), None, start())).unwrap();
    let second = block_on(two.decide(&sandbox(), None, start())).unwrap();
    let applied = block_on(one.commit(first)).unwrap();
    assert!(applied.pending.is_some());
    let stored = bench.store.record(&sandbox());
    assert_eq!(block_on(two.commit(second)).unwrap_err(), DriverError::Store(StoreError::Conflict));
    assert_eq!(bench.store.record(&sandbox()), stored);

    // Stepped again it sees what the first has done.
    let again = block_on(two.apply(&sandbox(), None, start())).unwrap();
    assert_eq!(again.verdict, Verdict::Ignored(Ignored::NothingToDo));
    assert_eq!(again.pending, None);
    assert_eq!(again.alarm, bench.store.alarm(&sandbox()));
    assert_eq!(bench.store.record(&sandbox()), stored);
}

#[test]
fn the_answer_to_a_question_of_the_past_is_stale() {
    let bench = Bench::running();
    let (one, two) = (bench.host(), bench.host());
    // One looks at the machine; before it has the answer, the other one stops the instance.
    let mut asked = block_on(one.apply(&sandbox(), None, Input::Alarm)).unwrap();
    let stopped = block_on(two.handle(&sandbox(), Input::Command(Command::Stop { reason: None }))).unwrap();
    assert_eq!((stopped.verdict, stopped.interrupted), (Verdict::Applied, None));
    assert_eq!(bench.instance().unwrap().status().as_str(), "stopped");
    let stored = bench.store.record(&sandbox());

    // Further questions may follow; what would be written is not.
    while asked.pending.is_some() {
        let next = pending(asked);
        assert!(!next.operation.id.kind.mutates());
        let outcome = block_on(one.execute(&next.operation));
        asked = block_on(one.apply(&sandbox(), next.held, outcome)).unwrap();
    }
    assert_eq!(asked.verdict, Verdict::Ignored(Ignored::Stale));
    assert_eq!((asked.replies, asked.evictions), (vec![], vec![]));
    assert_eq!(asked.alarm, bench.store.alarm(&sandbox()), "the host rings for the record as it is now");
    assert_eq!(bench.store.record(&sandbox()), stored);
}

#[test]
fn an_older_answer_is_not_taken_for_the_answer_to_a_call_of_the_same_number() {
    let bench = Bench::new();
    let (one, two) = (bench.host(), bench.host());
    block_on(one.handle(&sandbox(), provision())).unwrap();
    // A question that is not committed leaves its number free: both hosts ask under the same one.
    let asked = pending(block_on(one.apply(&sandbox(), None, Input::Alarm)).unwrap());
    let started = block_on(two.apply(&sandbox(), None, start())).unwrap();
    assert_eq!(operation(&started).id, asked.operation.id);
    let stored = bench.store.record(&sandbox());
    assert!(started.pending.as_ref().unwrap().held.is_none(), "the start is committed with its question");

    // This answer ends the chain of the first host, so that it has to be written.
    let result = Err(Fault::new(FaultKind::RateLimited, Some(429), "slow down"));
    let answer = Input::Outcome { op: asked.operation.id, result };
    let last = block_on(one.apply(&sandbox(), asked.held, answer)).unwrap();
    assert_eq!(last.verdict, Verdict::Ignored(Ignored::Stale));
    assert_eq!((last.pending, last.alarm), (None, bench.store.alarm(&sandbox())));
    assert_eq!(bench.store.record(&sandbox()), stored, "the start still waits for its own answer");
}

/// Two hosts hand `inputs` in at the same time; afterwards one of them looks after the instance alone.
fn race(bench: &Bench, inputs: &[Input]) {
    let hosts = [bench.host(), bench.host()];
    block_on(hosts[0].handle(&sandbox(), provision())).unwrap();
    std::thread::scope(|scope| {
        for host in &hosts {
            scope.spawn(move || {
                for input in inputs {
                    match block_on(host.handle(&sandbox(), input.clone())) {
                        Ok(handled) => assert!(matches!(handled.interrupted, None | Some(DriverError::Contended))),
                        Err(error) => assert_eq!(error, DriverError::Contended),
                    }
                }
            });
        }
    });
    for _ in 0..20 {
        bench.to_alarm();
        assert_eq!(block_on(hosts[0].handle(&sandbox(), Input::Alarm)).unwrap().interrupted, None);
    }
    assert_eq!(bench.instance().unwrap().status().as_str(), "running");
    let world = bench.world();
    let live: Vec<_> = world.machines.values().filter(|machine| !machine.state.is_going()).collect();
    assert_eq!((live.len(), world.volumes.len()), (1, 1));
}

#[test]
fn two_hosts_at_once_make_one_machine() {
    for _ in 0..20 {
        race(&Bench::new(), &[start(), Input::Alarm, start(), Input::Alarm, Input::Alarm]);
    }
}

#[test]
fn a_host_that_takes_the_other_ones_calls_for_lost_leaves_nothing_behind() {
    for _ in 0..20 {
        let bench = Bench::new();
        // A resume says that nobody is waiting for a call any more. Here somebody is, so that its call leaves while the record has
        // already gone on.
        bench.world().calls_may_be_given_up = true;
        race(&bench, &[start(), Input::Resume, Input::Alarm, Input::Resume, start(), Input::Alarm]);
    }
}
