//! What is written, and when.

use crate::bench::{Bench, block_on, destroy, operation, pending, provision, sandbox, start};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::{Answer, Code, Command};
use kiloclaw_lifecycle::driver::{Driver, DriverError, Handled};
use kiloclaw_lifecycle::policy::Policy;
use kiloclaw_lifecycle::port::{Revision, StoreError, Stored};
use kiloclaw_lifecycle::step::{Ignored, Input, Verdict};
use kiloclaw_lifecycle::testkit::mocks::MockStore;
use kiloclaw_lifecycle::testkit::store::{FailingStore, Failure};
use kiloclaw_lifecycle::time::Timestamp;

#[test]
fn a_record_an_alarm_and_events_are_written_in_one_transaction() {
    let bench = Bench::new();
    let host = bench.host();
    let decision = block_on(host.decide(&sandbox(), None, provision())).unwrap();
    assert!(decision.step().needs_commit());
    assert_eq!(bench.store.commits(), 0, "a decision writes nothing");
    assert_eq!(bench.store.record(&sandbox()), None);

    let events: Vec<String> = decision.step().events().map(|event| event.event.to_string()).collect();
    assert_eq!(events, ["instance.provisioned"]);
    let alarm = decision.step().alarm();
    let applied = block_on(host.commit(decision)).unwrap();
    assert_eq!(applied.verdict, Verdict::Applied);
    assert_eq!(applied.pending, None);
    assert_eq!((applied.replies, applied.evictions), (Vec::new(), Vec::new()));
    assert_eq!(applied.alarm, alarm);
    assert_eq!(bench.store.alarm(&sandbox()), alarm);
    assert_eq!(bench.store.commits(), 1);
    assert_eq!(bench.delivered().len(), 1);
}

#[test]
fn a_start_runs_to_its_end_and_every_change_is_committed_before_it_is_made() {
    let bench = Bench::running();
    let world = bench.world();
    // `Bench::arrive` has looked into the store at each of them.
    let made: Vec<CallKind> = world.known.iter().map(|op| op.kind).collect();
    assert!(made.contains(&CallKind::CreateVolume) && made.contains(&CallKind::CreateMachine), "{made:?}");
    assert_eq!((world.machines.len(), world.volumes.len()), (1, 1));
}

#[test]
fn by_halves_the_store_knows_the_very_operation_before_it_is_executed() {
    let bench = Bench::new();
    let host = bench.host();
    block_on(host.handle(&sandbox(), provision())).unwrap();
    let mut applied = block_on(host.apply(&sandbox(), None, start())).unwrap();
    let mut questions = 0;
    let mut changes = 0;
    while applied.pending.is_some() {
        assert!(operation(&applied).deadline > Timestamp::from_millis(bench.world().now));
        let next = pending(applied);
        let stored = bench.instance().unwrap().in_flight();
        match next.held {
            Some(_) => {
                questions += 1;
                assert!(!next.operation.id.kind.mutates());
                assert_ne!(stored, Some(next.operation.id));
            }
            None => {
                changes += 1;
                assert_eq!(stored, Some(next.operation.id));
            }
        }
        let outcome = block_on(host.execute(&next.operation));
        applied = block_on(host.apply(&sandbox(), next.held, outcome)).unwrap();
        assert_eq!(applied.verdict, Verdict::Applied);
    }
    assert!(questions > 0 && changes >= 2, "{questions} questions, {changes} changes");
    assert_eq!(bench.instance().unwrap().status().as_str(), "running");
    assert_eq!(applied.alarm, bench.store.alarm(&sandbox()));
}

#[test]
fn a_healthy_alarm_costs_two_looks_and_one_commit() {
    let bench = Bench::running();
    // The first alarm after a start may still have to see the instance healthy, or to tidy up.
    let host = bench.host();
    block_on(host.handle(&sandbox(), Input::Alarm)).unwrap();
    bench.to_alarm();
    bench.world().calls.clear();
    let (commits, delivered) = (bench.store.commits(), bench.delivered());

    let handled = block_on(host.handle(&sandbox(), Input::Alarm)).unwrap();
    let alarm = bench.store.alarm(&sandbox());
    let expected = Handled { verdict: Verdict::Applied, replies: vec![], evictions: vec![], alarm, interrupted: None };
    assert_eq!(handled, expected);
    assert_eq!(handled.reply(), None);
    assert_eq!(bench.calls(), [CallKind::GetMachine, CallKind::GetVolume]);
    assert_eq!(bench.store.commits(), commits + 1);
    assert_eq!(bench.delivered(), delivered, "nothing has changed, so there is nothing to tell");
    assert!(alarm.unwrap().at.as_millis() > bench.world().now);
}

#[test]
fn a_question_is_carried_along_and_not_written() {
    let bench = Bench::running();
    let host = bench.host();
    let before = bench.store.record(&sandbox());
    let applied = block_on(host.apply(&sandbox(), None, Input::Alarm)).unwrap();
    assert_eq!(applied.verdict, Verdict::Applied);
    assert_eq!(operation(&applied).id.kind, CallKind::GetMachine);
    assert_eq!(applied.alarm.unwrap().at, operation(&applied).deadline, "the alarm guards the call");
    assert!(applied.pending.as_ref().unwrap().held.is_some());
    assert_eq!(bench.store.record(&sandbox()), before);
    assert_eq!(bench.store.due(Timestamp::from_millis(bench.world().now)).len(), 1, "the stored alarm stays due");

    // A host that loses what it holds has lost nothing: the alarm is due, and the question is asked again.
    drop(applied);
    let handled = block_on(host.handle(&sandbox(), Input::Alarm)).unwrap();
    assert_eq!((handled.verdict, handled.interrupted), (Verdict::Applied, None));
    assert_ne!(bench.store.record(&sandbox()), before);
    assert!(bench.store.due(Timestamp::from_millis(bench.world().now)).is_empty());
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let bench = Bench::running();
    let host = bench.host();
    let (before, commits) = (bench.store.record(&sandbox()), bench.store.commits());
    let lost = Input::Command(Command::AcceptDataLoss);
    let denied = block_on(host.handle(&sandbox(), lost)).unwrap();
    let Verdict::Denied(rejection) = denied.verdict else { panic!("{:?}", denied.verdict) };
    assert_eq!(rejection.code, Code::Busy);
    assert_eq!(denied.alarm, bench.store.alarm(&sandbox()));
    assert_eq!((bench.store.record(&sandbox()), bench.store.commits()), (before, commits));
    assert_eq!(bench.calls(), []);
}

#[test]
fn without_an_instance_nothing_is_written() {
    let bench = Bench::new();
    let host = bench.host();
    let denied = block_on(host.handle(&sandbox(), start())).unwrap();
    let Verdict::Denied(rejection) = denied.verdict else { panic!("{:?}", denied.verdict) };
    assert_eq!((rejection.code, rejection.status), (Code::NotProvisioned, None));
    assert_eq!(denied.alarm, None);
    for input in [Input::Alarm, Input::Resume] {
        let ignored = block_on(host.handle(&sandbox(), input)).unwrap();
        assert_eq!(ignored.verdict, Verdict::Ignored(Ignored::NoInstance));
        assert_eq!(ignored.alarm, None);
    }
    assert_eq!((bench.store.record(&sandbox()), bench.store.commits()), (None, 0));
}

#[test]
fn a_destroyed_instance_is_forgotten_with_its_alarm() {
    let bench = Bench::running();
    let host = bench.host();
    let mut handled = block_on(host.handle(&sandbox(), destroy())).unwrap();
    assert_eq!(handled.verdict, Verdict::Applied);
    for _ in 0..20 {
        if handled.alarm.is_none() {
            break;
        }
        bench.to_alarm();
        handled = block_on(host.handle(&sandbox(), Input::Alarm)).unwrap();
        assert_eq!(handled.interrupted, None);
    }
    assert_eq!(handled.alarm, None);
    assert_eq!((bench.store.record(&sandbox()), bench.store.alarm(&sandbox())), (None, None));
    assert_eq!(bench.store.undelivered(), []);
    assert!(bench.world().volumes.is_empty());

    // Born again, its revisions go on from where they were.
    let before = bench.store.commits();
    block_on(host.handle(&sandbox(), provision())).unwrap();
    assert_eq!(bench.store.record(&sandbox()).unwrap().revision, Revision(before + 1));
}

#[test]
fn a_command_that_answers_with_its_end_is_answered() {
    let bench = Bench::running();
    let command = Input::Command(Command::CleanupRetainedVolume { volume: None });
    let handled = block_on(bench.host().handle(&sandbox(), command)).unwrap();
    let Verdict::Pending(request) = handled.verdict else { panic!("{:?}", handled.verdict) };
    assert_eq!(handled.reply(), Some(&Ok(Answer::Deleted(None))));
    assert_eq!(handled.replies.iter().map(|reply| reply.to).collect::<Vec<_>>(), [request]);
    assert_eq!(handled.interrupted, None);
}

#[test]
fn a_store_that_fails_before_it_writes_has_taken_nothing_on() {
    let bench = Bench::running();
    let store = FailingStore::new(bench.store.clone());
    let host = bench.host_on(store.clone());
    let before = bench.store.record(&sandbox());
    for failure in [Failure::Load, Failure::BeforeCommit] {
        store.fail(failure);
        let error = block_on(host.handle(&sandbox(), destroy())).unwrap_err();
        assert!(matches!(error, DriverError::Store(StoreError::Unavailable(_))), "{error}");
        assert_eq!(bench.store.record(&sandbox()), before);
    }
    assert_eq!(bench.calls(), [], "nothing was called");
}

#[test]
fn a_call_whose_commit_got_no_answer_is_not_made_and_not_lost() {
    let bench = Bench::new();
    let store = FailingStore::new(bench.store.clone());
    let host = bench.host_on(store.clone());
    block_on(host.handle(&sandbox(), provision())).unwrap();
    store.fail(Failure::AfterCommit);
    let error = block_on(host.handle(&sandbox(), start())).unwrap_err();
    assert_eq!(error, DriverError::Store(StoreError::Unavailable("after commit".to_string())));
    assert_eq!(bench.instance().unwrap().status().as_str(), "starting", "it was written all the same");
    assert_eq!(bench.calls(), []);

    // The alarm that was written with it brings it on.
    for _ in 0..20 {
        bench.to_alarm();
        let handled = block_on(host.handle(&sandbox(), Input::Alarm)).unwrap();
        assert_eq!(handled.interrupted, None);
        if bench.instance().unwrap().status().as_str() == "running" {
            return;
        }
    }
    panic!("still {}", bench.instance().unwrap().status());
}

#[test]
fn a_chain_that_breaks_half_way_does_not_take_its_beginning_back() {
    let bench = Bench::new();
    let store = FailingStore::new(bench.store.clone());
    let host = bench.host_on(store.clone());
    block_on(host.handle(&sandbox(), provision())).unwrap();
    // The second commit of the chain gets no answer.
    store.fail_after(1, Failure::AfterCommit);
    let handled = block_on(host.handle(&sandbox(), start())).unwrap();
    assert_eq!(handled.verdict, Verdict::Applied);
    let broken = DriverError::Store(StoreError::Unavailable("after commit".to_string()));
    assert_eq!(handled.interrupted, Some(broken));
    assert!(handled.alarm.is_some());
    assert_eq!(bench.instance().unwrap().status().as_str(), "starting");

    let resumed = block_on(host.handle(&sandbox(), Input::Resume)).unwrap();
    assert_eq!(resumed.interrupted, None);
    assert!(bench.instance().is_some());
}

#[test]
fn the_driver_hands_the_store_exactly_what_it_loaded() {
    let bench = Bench::running();
    let stored = bench.store.record(&sandbox()).unwrap();
    let mut store = MockStore::new();
    let answer = Stored { record: stored.record, revision: Revision(41) };
    store.expect_load().times(1).returning(move |_| Ok(Some(answer.clone())));
    store.expect_outbox().returning(|_| Ok(Vec::new()));
    store
        .expect_commit()
        .times(1)
        .withf(|of, commit| {
            *of == sandbox()
                && commit.expected == Some(Revision(41))
                && commit.record.is_some()
                && commit.alarm.is_some()
        })
        .returning(|_, _| Ok(Revision(42)));
    let host = Driver::new(Policy::default(), bench.provider(), bench.health(), store, bench.sink(), bench.clock());
    let applied = block_on(host.apply(&sandbox(), None, destroy())).unwrap();
    assert_eq!(applied.verdict, Verdict::Applied);
    assert_eq!(pending(applied).held, None, "the store knows who waits");
}
