//! Attempts that another system began.

use super::regions;
use crate::script::{MINUTE, NOON, Script};
use crate::stages::fork;
use crate::world::{Remade, a_machine, absent, accepted, machine, machines, no_room, volume, volume_id};
use kiloclaw_lifecycle::instance::ThingView;
use serde_json::{Value, json};

/// Imported without anything of our own, under way since `ago` ms.
fn imported(ago: u64, changes: Value) -> Script {
    let mut record = json!({ "recoveryStartedAt": NOON - ago });
    record.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    Script::flat("recovering", record)
}

#[test]
fn import_the_machine_that_mounts_the_fork_is_the_replacement() {
    let mut script = imported(MINUTE, json!({ "pendingRecoveryVolumeId": "vol-2" }));
    script.resume().is("
        applied: recovering (no commit)
        alarm +1m reconcile
    ");
    script.alarm().is("
        applied: recovering (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(a_machine("m1", "started").mounting("vol-2").seen()).is("
        applied: recovering
        log unexpected_stop_recovery_machine_started by=alarm machine=m1 region=iad
        call get_volume vol-2
        alarm +59s reconcile
    ");
}

#[test]
fn import_the_machine_that_mounts_the_source_is_the_old_one() {
    let mut script = imported(MINUTE, json!({ "pendingRecoveryVolumeId": "vol-2" }));
    script.alarm();
    script.answer(machine("m1", "stopped")).is("
        applied: recovering (no commit)
        call get_volume vol-2
        alarm +59s reconcile
    ");
    script.answer(volume("vol-2", "created")).is("
        applied: recovering (no commit)
        call get_volume vol-1
        alarm +58s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: recovering
        on the list machine m1 replaced due +1m
        call destroy_machine m1
        alarm +57s reconcile
    ");
    script.answer(accepted()).is("
        applied: recovering
        set flyMachineId null
        call create_machine #1 ours on vol-2 in iad
        alarm +56s reconcile
    ");
}

#[test]
fn import_what_the_old_machine_mounts_is_in_the_record_before_the_machine_is_replaced() {
    let mut script = imported(MINUTE, json!({ "pendingRecoveryVolumeId": "vol-2" }));
    script.alarm();
    script.answer(a_machine("m1", "stopped").mounting("vol-9").seen()).is(r#"
        applied: recovering
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        call get_volume vol-2
        alarm +59s reconcile
    "#);
}

#[test]
fn import_a_fork_that_is_gone_is_made_again() {
    let mut script = imported(MINUTE, json!({ "pendingRecoveryVolumeId": "vol-2", "flyMachineId": null }));
    script.alarm().is("
        applied: recovering (no commit)
        call get_volume vol-2
        alarm +1m reconcile
    ");
    script.answer(absent()).is("
        applied: recovering (no commit)
        set pendingRecoveryVolumeId null
        call get_volume vol-1
        alarm +59s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: recovering
        call create_volume #1 in eu fork of vol-1
        alarm +58s reconcile
    ");
}

#[test]
fn import_without_a_machine_the_look_up_comes_before_a_create() {
    let mut script = imported(MINUTE, json!({ "pendingRecoveryVolumeId": "vol-2", "flyMachineId": null }));
    script.alarm();
    script.answer(volume("vol-2", "created")).is("
        applied: recovering (no commit)
        call list_machines ours
        alarm +59s reconcile
    ");
    script.answer(machines([a_machine("m1", "stopped"), a_machine("m4", "starting").mounting("vol-2")])).is(r#"
        applied: recovering
        set flyMachineId "m4"
        log unexpected_stop_recovery_waiting_for_start by=alarm machine=m4 region=iad
        alarm +1m reconcile
    "#);
    let mut script = imported(MINUTE, json!({ "pendingRecoveryVolumeId": "vol-2", "flyMachineId": null }));
    script.alarm();
    script.answer(volume("vol-2", "created"));
    script.answer(machines([])).is("
        applied: recovering (no commit)
        call get_volume vol-1
        alarm +58s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: recovering
        call create_machine #1 ours on vol-2 in iad
        alarm +57s reconcile
    ");
}

#[test]
fn import_a_full_host_leads_to_the_regions_that_the_fork_is_not_in() {
    let mut script = Script::flat_under(
        regions(["iad", "ord", "cdg"]),
        "recovering",
        json!({ "recoveryStartedAt": NOON - MINUTE, "pendingRecoveryVolumeId": "vol-2", "flyMachineId": null }),
    );
    script.alarm();
    script.answers([fork("created"), machines([]), volume("vol-1", "created")]);
    script.answer(no_room()).is("
        applied: recovering
        on the list volume vol-2 failed_recovery due now
        call create_volume #2 in cdg fork of vol-1
        alarm +56s reconcile
    ");
}

#[test]
fn import_a_recovery_past_its_time_fails() {
    let mut script = imported(11 * MINUTE, json!({ "flyMachineId": null, "pendingRecoveryVolumeId": "vol-2" }));
    script.alarm().is(r#"
        applied: stopped
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "unexpected stop recovery timed out"
        set lastStoppedAt now
        set recoveryStartedAt null
        on the list volume vol-2 failed_recovery due now
        log unexpected_stop_recovery_timeout by=alarm region=iad
        event instance.unexpected_stop_recovery_failed stopped "alarm_timeout" took=12m error="unexpected stop recovery timed out" region=iad
        call get_volume vol-2
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-2", "created")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    let mut script = imported(11 * MINUTE, json!({ "pendingRecoveryVolumeId": "vol-2" }));
    script.alarm().is("
        applied: recovering (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(a_machine("m1", "started").mounting("vol-2").seen()).is("
        applied: recovering
        log unexpected_stop_recovery_machine_started by=alarm machine=m1 region=iad
        call get_volume vol-2
        alarm +59s reconcile
    ");
}

#[test]
fn import_a_left_over_fork_goes_to_disposal() {
    let script = Script::flat("running", json!({ "pendingRecoveryVolumeId": "vol-9" }));
    let view = script.instance.unwrap().admin_view();
    assert_eq!(view.disposal.len(), 1);
    assert_eq!((&view.disposal[0].thing, view.disposal[0].due), (&ThingView::Volume(volume_id("vol-9")), script.now));
}
