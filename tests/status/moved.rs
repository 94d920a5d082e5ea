//! A volume on the list that is not where the record says may have been moved, with the machine that held it, and live under a new id.

use crate::commands::{clean_up, destroy, restore, start};
use crate::script::{DAY, Got, NOON, SECOND, Script};
use crate::stages::keeping;
use crate::world::{
    a_volume, absent, accepted, machine, machines, no_room, refused, snapshots, unknown, volume, volumes,
};
use kiloclaw_lifecycle::observe::Volume;
use serde_json::json;

/// What is retained is past its date, is not there, and is looked for.
fn searching() -> Script {
    let mut script = keeping();
    script.after(DAY);
    script.ring();
    script.answer(absent()).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn v2_what_has_a_new_id_is_retained() {
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-7", "created") };
    let list = [a_volume("vol-1", "created"), a_volume("vol-8", "created"), a_volume("vol-9", "destroyed"), foreign];
    searching().answer(volumes(list)).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        off the list volume vol-0
        log destroy_volume_ok value=0 by=alarm machine=m1 region=iad volume:"vol-0"
        event instance.retained_volume_deleted machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v2_what_cannot_be_looked_for_stays_on_the_list() {
    searching().answer(unknown()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-0 retained until +1m tried 1 "no answer in time (status 503)"
        log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v2_a_clean_up_is_answered_when_it_was_looked_for() {
    let mut script = keeping();
    script.command(clean_up(None));
    script.answer(volume("vol-0", "destroyed"));
    script.answer(volumes([a_volume("vol-8", "created")])).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        off the list volume vol-0
        log destroy_volume_ok value=0 by=cleanup_retained_volume machine=m1 region=iad volume:"vol-0"
        event instance.retained_volume_deleted machine=m1 region=iad volume:"vol-0"
        reply deleted vol-0
        alarm +1798s reconcile
    "#);
}

/// A recovery has sent for a fork and got no answer, when what was retained falls due.
#[test]
fn v2_what_is_being_made_has_not_moved() {
    let until = NOON + 10 * SECOND;
    let kept = json!({ "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": until });
    let mut script = Script::flat("running", kept);
    script.ring();
    script.answers([machine("m1", "stopped"), volume("vol-1", "created"), accepted(), unknown()]);
    script.after(10 * SECOND);
    script.ring();
    script.answer(absent());
    let named = script.names.get(1).to_string();
    script.answer(volumes([Volume { name: named, ..a_volume("vol-2", "created") }])).is(r#"
        applied: recovering
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=alarm region=iad volume:"vol-0"
        event instance.retained_volume_deleted region=iad volume:"vol-0"
        call list_volumes named #1
        alarm +1m reconcile
    "#);
}

/// `status` without machine or volume, which was never started and keeps `vol-0` for ten seconds.
fn empty(status: &str) -> Script {
    let record = json!({
        "provisionedAt": NOON, "lastStartedAt": null, "flyMachineId": null, "flyVolumeId": null,
        "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOON + 10 * SECOND,
    });
    Script::flat(status, record)
}

/// The create of a volume was lost, what was retained falls due and is looked for, and what was made is there.
fn found_while_made(script: &mut Script) -> Got {
    script.answer(unknown());
    script.after(10 * SECOND);
    script.ring();
    script.answer(absent());
    let named = script.names.get(1).to_string();
    script.answer(volumes([Volume { name: named, ..a_volume("vol-2", "created") }]))
}

#[test]
fn v2_what_is_being_made_for_a_settled_instance_has_not_moved() {
    for status in ["provisioned", "stopped"] {
        let mut script = empty(status);
        script.ring();
        script.answers([machines([]), volumes([])]);
        found_while_made(&mut script).is(&format!(
            r#"
                applied: {status}
                set recoveryPreviousVolumeCleanupAfter null
                set recoveryPreviousVolumeId null
                off the list volume vol-0
                log destroy_volume_ok value=0 by=alarm region=iad volume:"vol-0"
                event instance.retained_volume_deleted region=iad volume:"vol-0"
                call list_volumes named #1
                alarm +90001ms call_deadline
            "#
        ));
    }
}

#[test]
fn v2_what_is_being_made_by_a_start_has_not_moved() {
    let mut script = empty("provisioned");
    script.command(start());
    script.answers([machines([]), volumes([])]);
    found_while_made(&mut script).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=alarm region=iad volume:"vol-0"
        event instance.retained_volume_deleted region=iad volume:"vol-0"
        call list_volumes named #1
        alarm +1m reconcile
    "#);
}

/// The host was full, and the volume is being forked onto another.
#[test]
fn v2_what_is_being_made_off_a_full_host_has_not_moved() {
    let until = NOON + 10 * SECOND;
    let kept = json!({ "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": until });
    let mut script = Script::flat("stopped", kept);
    script.command(start());
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), accepted(), machine("m1", "stopped")]);
    script.answers([
        no_room(),
        volume("vol-1", "created"),
        accepted(),
        machines([]),
        volume("vol-1", "created"),
        volume("vol-1", "created"),
    ]);
    found_while_made(&mut script).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=start region=iad volume:"vol-0"
        event instance.retained_volume_deleted region=iad volume:"vol-0"
        alarm now retry
    "#);
}

#[test]
fn v2_what_is_being_made_by_a_restore_has_not_moved() {
    let mut script = keeping();
    script.command(restore("vs-1"));
    script.answers([snapshots(&[("vs-1", "created", 12)]), volume("vol-1", "created"), accepted(), unknown()]);
    script.command(clean_up(None));
    script.answer(absent());
    let named = script.names.get(1).to_string();
    script.answer(volumes([Volume { name: named, ..a_volume("vol-2", "created") }])).is(r#"
        applied: restoring
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=cleanup_retained_volume region=iad volume:"vol-0"
        event instance.retained_volume_deleted region=iad volume:"vol-0"
        reply deleted vol-0
        alarm now retry
    "#);
}

/// A restore was given up after its create was lost, and what was retained falls due.
#[test]
fn v2_what_a_lost_create_may_have_made_has_not_moved() {
    let mut script = keeping();
    script.command(restore("vs-1"));
    script.answers([snapshots(&[("vs-1", "created", 12)]), volume("vol-1", "created"), accepted(), unknown()]);
    script.alarm();
    script.answers([volumes([]), refused()]);
    let named = script.names.get(1).to_string();
    script.after(DAY);
    script.ring();
    script.answers([machine("m1", "destroyed"), unknown(), absent()]);
    script.answer(volumes([Volume { name: named, ..a_volume("vol-2", "created") }])).is(r#"
        applied: stopped
        set lastMetadataRecoveryAt now
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=alarm region=iad volume:"vol-0"
        event instance.retained_volume_deleted region=iad volume:"vol-0"
        call list_machines ours
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn a_destroy_looks_for_everything_in_the_end_and_not_before() {
    let mut script = keeping();
    script.command(destroy());
    script.answers([machine("m1", "destroyed"), absent()]);
    script.answer(absent()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId null
        off the list volume vol-1
        log destroy_volume_ok value=0 by=destroy machine=m1 region=iad volume:"vol-1"
        call list_volumes ours
        alarm +57s reconcile
    "#);
}
