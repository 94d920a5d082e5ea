//! What an attempt at recovery keeps and forgets on its way: back-offs that begin anew, the region, errors of before, the old machine.

use crate::script::{MINUTE, NOON, SECOND, Script};
use crate::stages::{Recovery, fork, past_old_machine, recovering};
use crate::world::{
    Answer, Remade, a_machine, a_volume, accepted, health, machine, machine_made, machines, region, seen, snapshots,
    unknown, volume, volume_made, waited,
};
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::observe::{Machine, Volume};
use serde_json::{Value, json};

use Recovery as R;

/// Somebody else has begun the attempt a minute ago.
fn imported(changes: Value) -> Script {
    let mut record = json!({ "recoveryStartedAt": NOON - MINUTE, "pendingRecoveryVolumeId": "vol-2" });
    record.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let mut script = Script::flat("recovering", record);
    script.alarm();
    script
}

/// How long the call in flight is not made again after it has failed.
fn back_off(script: &mut Script) -> u64 {
    let alarm = script.answer(unknown()).alarm.unwrap();
    alarm.at.since(script.now)
}

#[test]
fn r12_every_stage_has_a_back_off_of_its_own() {
    for (stage, answers) in [(R::RemoveOld, vec![accepted()]), (R::Verify, vec![fork("created"), health(true)])] {
        let mut script = recovering(stage);
        assert_eq!(back_off(&mut script), SECOND, "{stage:?}");
        script.alarm();
        script.answers(answers);
        assert_eq!(back_off(&mut script), SECOND, "after {stage:?}");
    }
}

#[test]
fn r12_looks_at_the_replacement_do_not_add_up() {
    let starting = || a_machine("m2", "starting").mounting("vol-2").seen();
    let mut script = recovering(R::Wait);
    assert_eq!(back_off(&mut script), SECOND);
    script.alarm();
    script.answer(starting());
    script.alarm();
    past_old_machine(&mut script);
    assert_eq!(back_off(&mut script), SECOND);
    script.alarm();
    script.answer(a_machine("m2", "started").mounting("vol-2").seen());
    assert_eq!(back_off(&mut script), SECOND);
}

#[test]
fn r8_snapshots_are_asked_for_in_full_after_a_fork_that_could_not_be_looked_at() {
    let mut script = recovering(R::Verify);
    for _ in 0..4 {
        script.answer(unknown());
        script.alarm();
    }
    script.answers([unknown(), health(true)]);
    script.answer(unknown()).is("
        applied: recovering (no commit)
        call get_machine m1
        alarm +57s reconcile
    ");
}

#[test]
fn r3_the_old_machine_is_removed_by_the_attempt_and_not_by_the_list() {
    let mut script = recovering(R::RemoveOld);
    script.answer(unknown());
    script.after(2 * MINUTE);
    script.ring().is("
        applied: recovering
        call destroy_machine m1
        alarm +1m reconcile
    ");
}

#[test]
fn r10_a_machine_whose_destroy_was_asked_for_is_no_longer_the_instances() {
    let mut script = recovering(R::RemoveOld);
    script.answer(unknown());
    script.after(10 * MINUTE);
    script.ring().is(r#"
        applied: stopped
        set flyMachineId null
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "unexpected stop recovery timed out"
        set lastStoppedAt now
        set recoveryStartedAt null
        log unexpected_stop_recovery_timeout by=alarm machine=m1 region=iad
        event instance.unexpected_stop_recovery_failed stopped "alarm_timeout" took=602s error="unexpected stop recovery timed out" machine=m1 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn r9_success_clears_what_an_imported_attempt_had_on_record() {
    let mut script = imported(json!({
        "healthCheckFailCount": 2, "lastRecoveryErrorMessage": "no luck", "lastRecoveryErrorAt": NOON - MINUTE,
    }));
    script.answers([a_machine("m1", "started").mounting("vol-2").seen(), fork("created"), health(true)]);
    script.answer(snapshots(&[("vs-1", "created", 10)])).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set healthCheckFailCount 0
        set lastRecoveryErrorAt null
        set lastRecoveryErrorMessage null
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=124s machine=m1 region=ord
        alarm +5m reconcile
    "#);
}

/// The fork was seen, and does not say where it is; the attempt ends well.
fn ends_with_a_fork_anywhere(script: &mut Script) -> Option<String> {
    let anywhere = seen(Volume { region: None, ..a_volume("vol-2", "created") });
    let answers: [Answer; 3] = [anywhere, health(true), snapshots(&[])];
    script.answers(answers);
    assert_eq!(script.status(), Some(Status::Running));
    script.instance.as_ref().unwrap().admin_view().region.map(|region| region.to_string())
}

#[test]
fn r7_a_fork_that_does_not_say_where_it_is_is_where_its_machine_is() {
    let ord = || Machine { region: Some(region("ord")), ..a_machine("m1", "started").mounting("vol-2") };
    let mut script = imported(json!({}));
    script.answer(ord().seen());
    assert_eq!(ends_with_a_fork_anywhere(&mut script).as_deref(), Some("ord"));
    let mut script = recovering(R::Create);
    script.answers([machine_made("m2", "cdg"), waited("started")]);
    assert_eq!(ends_with_a_fork_anywhere(&mut script).as_deref(), Some("cdg"));
}

#[test]
fn import_a_dead_machine_on_the_fork_is_not_the_replacement() {
    let mut script = imported(json!({ "flyMachineId": null }));
    script.answer(volume("vol-2", "created"));
    script.answer(machines([a_machine("m4", "destroyed").mounting("vol-2")])).is("
        applied: recovering (no commit)
        call get_volume vol-1
        alarm +58s reconcile
    ");
}

#[test]
fn r9_what_is_learned_of_the_present_copy_says_nothing_of_an_earlier_one() {
    let mut script = recovering(R::Verify);
    script.answers([fork("hydrating"), health(false), snapshots(&[])]);
    script.alarm();
    past_old_machine(&mut script);
    script.answer(a_machine("m2", "stopped").mounting("vol-2").seen());
    script.answers([volume("vol-2", "created"), accepted(), volume_made("vol-3", "iad", "hydrating")]);
    script.answers([machine_made("m3", "iad"), waited("started"), volume("vol-3", "hydrating"), health(false)]);
    script.answer(snapshots(&[])).is(r#"
        applied: running
        set flyVolumeId "vol-3"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-2"
        set recoveryStartedAt null
        on the list volume vol-2 retained until +7d for vol-3 immediate
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m3 region=iad
        alarm +53s disposal
    "#);
    script.alarm();
    script.answers([machine("m2", "destroyed"), a_machine("m3", "started").mounting("vol-3").seen()]);
    script.answer(volume("vol-3", "created")).is("
        applied: running
        on the list volume vol-2 retained until +604744s for vol-3 hydrated immediate
        call probe_health m3 60s every 3000ms
        alarm +90001ms call_deadline
    ");
    script.answer(health(true)).is("
        applied: running
        set recoveryPreviousVolumeCleanupAfter now
        on the list volume vol-2 retained until now for vol-3 healthy hydrated immediate
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-2", "created")).is("
        applied: running (no commit)
        call get_volume vol-3
        alarm +90001ms call_deadline
    ");
}
