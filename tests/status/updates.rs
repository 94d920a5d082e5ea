//! What a start remembers on its way: whether the machine it has was updated, and how often the present stage has failed.

use crate::commands::{start, stop};
use crate::script::{NOON, SECOND, Script};
use crate::stages::{fork, relocated, serving};
use crate::world::{
    Remade, a_machine, absent, accepted, health, limited, machine, machine_made, machines, missing_volume, volume,
    waited,
};
use serde_json::json;

/// A start of a stopped machine: the update is in flight.
fn updating() -> Script {
    let mut script = Script::stopped();
    script.command(start());
    script.answers([volume("vol-1", "created"), machine("m1", "stopped")]);
    script
}

/// How long the call in flight is not made again after it has failed. The alarm rings then.
fn back_off(script: &mut Script) -> u64 {
    let alarm = script.answer(limited()).alarm.unwrap();
    let wait = alarm.at.since(script.now);
    script.alarm();
    wait
}

#[test]
fn s2_an_update_has_a_back_off_of_its_own_and_so_has_what_follows() {
    let mut script = updating();
    assert_eq!(back_off(&mut script), SECOND);
    script.answers([machine("m1", "stopped"), volume("vol-1", "created"), machine("m1", "stopped"), accepted()]);
    assert_eq!(back_off(&mut script), SECOND, "the look after the update");
    script.answers([machine("m1", "stopped"), volume("vol-1", "created"), machine("m1", "stopped"), accepted()]);
    assert_eq!(back_off(&mut script), SECOND, "the wait after the boot");
}

#[test]
fn s2_a_look_up_has_a_back_off_of_its_own_and_so_has_what_follows() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    assert_eq!(back_off(&mut script), SECOND);
    script.answers([machines([]), absent()]);
    assert_eq!(back_off(&mut script), SECOND, "the look at the volume");
}

#[test]
fn s2_a_removal_has_a_back_off_of_its_own_and_so_has_what_follows() {
    let mut script = Script::stopped();
    script.command(start());
    script.answers([volume("vol-1", "created"), a_machine("m1", "stopped").mounting("vol-2").seen()]);
    assert_eq!(back_off(&mut script), SECOND, "the look at what it mounts");
    script.answer(volume("vol-2", "created"));
    assert_eq!(back_off(&mut script), SECOND);
    script.answer(accepted());
    assert_eq!(back_off(&mut script), SECOND, "the look for another machine");
}

#[test]
fn s1_another_machine_was_not_updated_by_the_update_of_the_first() {
    let mut script = updating();
    script.answers([accepted(), machine("m1", "stopped"), missing_volume(), volume("vol-1", "created"), accepted()]);
    script.answers([machines([a_machine("m3", "stopped")]), volume("vol-1", "created")]);
    script.answer(machine("m3", "stopped")).is("
        applied: starting
        call update_machine m3 ours on vol-1
        alarm +50s reconcile
    ");
}

#[test]
fn s1_a_machine_made_anew_was_not_updated_by_the_update_of_the_first() {
    let mut script = updating();
    script.answers([accepted(), absent(), machine_made("m2", "iad"), waited("stopped"), absent()]);
    script.alarm();
    script.answers([machine("m2", "stopped"), volume("vol-1", "created")]);
    script.answer(machine("m2", "stopped")).is("
        applied: starting
        call update_machine m2 ours on vol-1
        alarm +57s reconcile
    ");
}

#[test]
fn s1_success_clears_what_an_imported_start_had_on_record() {
    let mut script = Script::flat(
        "starting",
        json!({
            "startingAt": NOON, "healthCheckFailCount": 2, "lastStartErrorMessage": "no luck", "lastStartErrorAt": NOON,
        }),
    );
    script.alarm();
    script.answer(machine("m1", "started"));
    script.answer(health(true)).is("
        applied: running
        set healthCheckFailCount 0
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set lastStartedAt now
        set startingAt null
        event instance.started running took=62s machine=m1 region=iad
        alarm +5m reconcile
    ");
}

#[test]
fn r9_a_start_that_ends_healthy_does_not_show_what_its_machine_mounts() {
    let mut script = relocated("created", false);
    script.answer(serving());
    script.answers([fork("created"), health(false)]);
    script.command(stop());
    script.answers([accepted(), waited("stopped")]);
    script.command(start());
    script.answers([fork("created"), a_machine("m2", "stopped").mounting("vol-2").seen(), accepted()]);
    script.answers([a_machine("m2", "starting").mounting("vol-2").seen(), waited("started")]);
    script.answer(health(true)).is("
        applied: running
        set lastStartedAt now
        set startingAt null
        event instance.started running took=6s machine=m2 region=ord
        alarm +5m reconcile
    ");
}
