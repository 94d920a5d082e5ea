//! Asking without letting time pass.

use super::{START, create, destroy, get, inhabited, inhabited_in, probe, start, state, wait};
use kiloclaw_lifecycle::call::{CallKind, Done};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::observe::MachineState;
use kiloclaw_lifecycle::testkit::{Attempt, CallRecord, Landing, Said, Strike, World, WorldChange};

fn answered(done: Done) -> Attempt {
    Attempt::Answered(Ok(done))
}

fn waited(state: MachineState) -> Attempt {
    answered(Done::Waited { state })
}

fn starting() -> World {
    let mut world = inhabited_in(MachineState::Stopped);
    assert_eq!(world.attempt(&start("m1"), START, None), answered(Done::Accepted));
    world
}

#[test]
fn a_wait_goes_on_until_the_machine_is_at_rest() {
    let mut world = starting();
    let before = world.clone();
    assert_eq!(world.attempt(&wait("m1"), START, None), Attempt::Unfinished);
    assert_eq!(world, before, "to be asked changes nothing");
    assert_eq!(world.next_change(), Some(START.plus(4_000)));
    world.advance_to(START.plus(3_999));
    assert_eq!(world.attempt(&wait("m1"), START, None), Attempt::Unfinished);
    world.advance_to(START.plus(4_000));
    assert_eq!(world.attempt(&wait("m1"), START, None), waited(MachineState::Started));
    assert_eq!(world.now(), START.plus(4_000));
}

#[test]
fn a_wait_and_a_probe_end_with_their_time() {
    let mut world = starting();
    assert!(world.change(&WorldChange::Machine { id: "m1".to_string(), state: MachineState::Starting, exit: None }));
    assert_eq!(world.next_change(), None, "the boot was overtaken");
    let end = START.plus(60_000);
    for request in [wait("m1"), probe("m1")] {
        assert_eq!(world.next_end(&request, START), Some(end));
    }
    world.advance_to(START.plus(59_999));
    assert_eq!(world.attempt(&wait("m1"), START, None), Attempt::Unfinished);
    assert_eq!(world.attempt(&probe("m1"), START, None), Attempt::Unfinished);
    world.advance_to(end);
    assert_eq!(world.attempt(&wait("m1"), START, None), waited(MachineState::Starting));
    assert_eq!(world.attempt(&probe("m1"), START, None), answered(Done::Health { healthy: false }));
    assert_eq!(world.attempt(&wait("m1"), START.plus(1), None), Attempt::Unfinished, "it began later");
}

#[test]
fn a_probe_is_over_as_soon_as_all_is_well() {
    let mut world = inhabited();
    assert!(world.change(&WorldChange::Healthy(false)));
    assert_eq!(world.attempt(&probe("m1"), START, None), Attempt::Unfinished);
    assert!(world.change(&WorldChange::Healthy(true)));
    assert_eq!(world.attempt(&probe("m1"), START, None), answered(Done::Health { healthy: true }));
}

#[test]
fn every_other_request_is_answered_at_once() {
    let mut world = inhabited();
    assert_eq!(world.next_end(&get("m1"), START), None);
    assert_eq!(world.next_end(&create("a", "v2"), START), None);
    assert!(matches!(
        world.attempt(&create("a", "v2"), START, None),
        Attempt::Answered(Ok(Done::MachineCreated { .. }))
    ));
    assert_eq!(world.now(), START);
}

#[test]
fn a_strike_does_one_thing_and_says_another_at_once() {
    let silent = |landing| Strike { said: Said::Nothing, landing };
    let mut done = inhabited();
    assert_eq!(done.attempt(&destroy("m1"), START, Some(&silent(Landing::Now))), Attempt::Silent);
    assert_eq!((done.now(), state(&done, "m1")), (START, MachineState::Destroyed));

    let mut never = inhabited();
    assert_eq!(never.attempt(&wait("m1"), START, Some(&silent(Landing::Now))), Attempt::Silent);
    assert_eq!(never.attempt(&destroy("m1"), START, Some(&silent(Landing::Never))), Attempt::Silent);
    assert_eq!(never, inhabited());

    let mut later = inhabited();
    assert_eq!(later.attempt(&destroy("m1"), START, Some(&silent(Landing::After(7)))), Attempt::Silent);
    assert_eq!((later.next_change(), state(&later, "m1")), (Some(START.plus(7)), MachineState::Started));
    later.advance_to(START.plus(7));
    assert_eq!(state(&later, "m1"), MachineState::Destroyed);

    let mut refused = inhabited();
    let down = Strike { said: Said::Status(503, "upstream".to_string()), landing: Landing::Now };
    let fault = Fault::new(FaultKind::Unknown, Some(503), "upstream");
    assert_eq!(refused.attempt(&destroy("m1"), START, Some(&down)), Attempt::Answered(Err(fault)));
    assert_eq!(refused, done);
}

#[test]
fn a_wait_that_is_said_to_succeed_still_takes_its_time() {
    let fine = Strike { said: Said::Status(200, String::new()), landing: Landing::Never };
    let mut world = starting();
    assert_eq!(world.attempt(&wait("m1"), START, Some(&fine)), Attempt::Unfinished);
    assert_eq!(world.perform(&wait("m1"), Some(&fine)), Ok(Done::Waited { state: MachineState::Started }));
    assert_eq!(world.now(), START.plus(4_000));
}

#[test]
fn to_perform_is_to_attempt_until_it_is_over() {
    for (boot_ms, request) in [(4_000, wait("m1")), (90_000, wait("m1")), (4_000, probe("m1")), (90_000, probe("m1"))] {
        let mut whole = inhabited_in(MachineState::Stopped);
        whole.boot_ms = boot_ms;
        whole.attempt(&start("m1"), START, None);
        let mut pieces = whole.clone();
        let result = whole.perform(&request, None);
        let end = pieces.next_end(&request, START).expect("an end");
        let last = loop {
            match pieces.attempt(&request, START, None) {
                Attempt::Unfinished => pieces.advance_to(pieces.next_change().map_or(end, |at| at.min(end))),
                over @ (Attempt::Answered(_) | Attempt::Silent) => break over,
            }
        };
        assert_eq!(last, Attempt::Answered(result));
        assert_eq!(pieces, whole);
    }
}

#[test]
fn the_log_holds_a_call_once_and_only_if_it_is_kept() {
    let mut world = starting();
    assert_eq!(world.calls(), []);
    world.keep_log(true);
    assert_eq!(world.attempt(&wait("m1"), START, None), Attempt::Unfinished);
    assert_eq!(world.calls(), []);
    world.advance_to(START.plus(4_000));
    assert_eq!(world.attempt(&wait("m1"), START, None), waited(MachineState::Started));
    let strike = Strike { said: Said::Nothing, landing: Landing::Never };
    assert_eq!(world.attempt(&get("m1"), world.now(), Some(&strike)), Attempt::Silent);
    let record = |at, call, status, args| CallRecord { at, call, args, status };
    let expected = [
        record(START, CallKind::WaitMachine, Some(200), wait("m1").args()),
        record(START.plus(4_000), CallKind::GetMachine, None, get("m1").args()),
    ];
    assert_eq!(world.calls(), expected);
    world.keep_log(false);
    assert!(world.perform(&get("m1"), None).is_ok());
    assert_eq!(world.calls(), expected);
}
