//! A create that was lost is not forgotten, however the intent ends (T5).

use crate::commands::{destroy, start};
use crate::script::{SECOND, Script};
use crate::world::{
    Answer, Remade, a_machine, absent, conflict, health, limited, machine_made, machines, missing_volume, no_room,
    refused, unknown, volume_made, volumes, waited,
};
use kiloclaw_lifecycle::Input;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::id::OpId;

/// A machine is made for the second time, after the first create was lost and nothing was found.
fn making_again() -> Script {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created"), unknown()]);
    script.alarm();
    script.answer(machines([]));
    script
}

/// A first volume is made for the second time, after the first create was lost and nothing was found.
fn placing_again() -> Script {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), unknown()]);
    script.alarm();
    script.answer(volumes([]));
    script
}

#[test]
fn t5_a_lost_machine_is_watched_for_when_the_second_create_is_turned_down() {
    let watched = |answer: Answer| {
        let text = making_again().answer(answer).text;
        text.lines().any(|line| line.starts_with("on the list machine named #2 late_create"))
    };
    assert!(watched(refused()));
    assert!(watched(no_room()));
    assert!(watched(missing_volume()));
    assert!(!watched(unknown()), "the intent goes on");
}

#[test]
fn t5_a_lost_volume_is_watched_for_when_the_second_create_is_turned_down() {
    let watched = |script: &mut Script, answer: Answer| {
        let text = script.answer(answer).text;
        text.lines().any(|line| line.starts_with("on the list volume named #1 late_create"))
    };
    assert!(watched(&mut placing_again(), refused()));
    let mut script = placing_again();
    assert!(!watched(&mut script, no_room()), "there is another region");
    assert!(watched(&mut script, no_room()));
    assert!(!watched(&mut placing_again(), unknown()), "the intent goes on");
}

#[test]
fn t5_of_two_machines_found_one_is_adopted_and_the_other_disposed_of() {
    let mut script = making_again();
    script.answer(unknown());
    script.alarm();
    let name = script.names.get(2);
    let found = |id: &str| a_machine(id, "created").named(&name);
    script.answer(machines([found("m1"), found("m2")])).is(r#"
        applied: starting
        set flyMachineId "m1"
        on the list machine m2 late_create due now
        on the list machine named #2 late_create due +114001ms
        call wait_machine m1 started 60s
        alarm +59s reconcile
    "#);
}

#[test]
fn t5_a_machine_that_is_on_the_list_is_not_adopted() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created"), unknown()]);
    let op = OpId { number: 1_000, kind: CallKind::CreateMachine };
    script.give(Input::Outcome { op, result: machine_made("m8", "iad") });
    script.alarm();
    script.answer(unknown());
    let name = script.names.get(2);
    script.answer(machines([a_machine("m8", "created").named(&name)])).is("
        applied: starting
        call create_machine #2 ours on vol-1 in iad
        alarm +59s reconcile
    ");
}

#[test]
fn t5_a_lost_machine_is_watched_for_when_a_stranger_has_its_name() {
    let mut script = making_again();
    script.answer(conflict(Some("m5")));
    script.answer(a_machine("m5", "started").of_sandbox("sandbox-9").seen()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine's name is taken by another machine: m5"
        set lastStoppedAt now
        set startingAt null
        on the list machine named #2 late_create due +116001ms
        event instance.provisioning_failed stopped "no_machine_created" error="the machine's name is taken by another machine: m5" region=iad
        alarm +116001ms disposal
    "#);
}

#[test]
fn t5_a_machine_that_has_its_name_leaves_the_list() {
    let mut script = making_again();
    let op = OpId { number: 1_000, kind: CallKind::CreateMachine };
    script.give(Input::Outcome { op, result: machine_made("m8", "iad") });
    script.answer(conflict(Some("m8")));
    let name = script.names.get(2);
    script.answer(a_machine("m8", "created").named(&name).seen()).is(r#"
        applied: starting
        set flyMachineId "m8"
        on the list machine named #2 late_create due +116001ms
        off the list machine m8
        call wait_machine m8 started 60s
        alarm +57s reconcile
    "#);
}

#[test]
fn s2_a_machine_that_was_made_at_last_is_waited_for_with_a_back_off_of_its_own() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created"), limited()]);
    script.alarm();
    script.answer(machine_made("m1", "iad"));
    script.answer(limited()).is("
        applied: starting
        alarm +1s retry
    ");
}

#[test]
fn a_start_takes_over_a_volume_that_waits_to_be_made_again() {
    let mut script = Script::provisioned();
    script.alarm();
    script.answers([machines([]), volumes([]), limited()]);
    script.command(start()).is("
        applied: starting
        set startingAt now
        call create_volume #1 in eu empty 10 GB
        alarm +1m reconcile
    ");
}

#[test]
fn t5_a_volume_that_is_only_looked_for_is_watched_for_from_the_time_of_its_create() {
    let mut script = Script::provisioned();
    script.alarm();
    script.answers([machines([]), volumes([]), unknown()]);
    script.alarm();
    script.command(destroy()).is("
        applied: destroying
        on the list volume named #1 late_create due +119001ms
        event instance.destroy_started destroying
        alarm +1m reconcile
    ");
}

#[test]
fn a_new_machine_may_not_be_visible_yet_to_an_alarm() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created"), machine_made("m1", "iad")]);
    script.answers([waited("started"), health(true)]);
    script.ring();
    script.answer(absent()).is("
        applied: running
        alarm +5m reconcile
    ");
    script.after(30 * SECOND);
    script.ring();
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastStoppedAt now
        log clear_stale_machine stopped by=alarm machine=m1 region=iad fly_state:"gone" new_state:"stopped" old_state:"running"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
}
