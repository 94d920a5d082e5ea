//! Everything the instance owns is being removed.

mod sweeps;

use crate::commands::{any, destroy, start};
use crate::script::{DAY, HOUR, NOON, Script, knobs};
use crate::world::{
    Remade, a_machine, absent, accepted, busy, held, machine, machines, unknown, volume, volume_made, volumes,
};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::{Command, Input, Knobs};
use serde_json::json;

/// Machine and volume are gone, and the sweep begins.
fn sweeping() -> Script {
    let mut script = Script::running();
    script.command(destroy());
    script.answers([machine("m1", "started"), accepted(), machine("m1", "destroyed")]);
    script.answers([volume("vol-1", "created"), accepted(), absent()]);
    script
}

#[test]
fn x1_a_destroy() {
    let mut script = Script::running();
    script.command(Command::Destroy { reason: Some("manual".to_string()) }).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m1"
        set pendingDestroyVolumeId "vol-1"
        on the list machine m1 destroyed due now
        on the list volume vol-1 destroyed due now
        event instance.destroy_started destroying "manual" value=86400000 machine=m1 region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
    script.answer(machine("m1", "started")).is("
        applied: destroying
        call destroy_machine m1
        alarm +59s reconcile
    ");
    script.answer(accepted()).is("
        applied: destroying
        call get_machine m1
        alarm +58s reconcile
    ");
    script.answer(machine("m1", "destroyed")).is("
        applied: destroying
        set pendingDestroyMachineId null
        off the list machine m1
        log destroy_machine_ok value=0 by=destroy machine=m1 region=iad
        call get_volume vol-1
        alarm +57s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: destroying
        call delete_volume vol-1
        alarm +56s reconcile
    ");
    script.answer(accepted()).is("
        applied: destroying
        call get_volume vol-1
        alarm +55s reconcile
    ");
    script.answer(absent()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId null
        off the list volume vol-1
        log destroy_volume_ok value=0 by=destroy machine=m1 region=iad volume:"vol-1"
        call list_volumes ours
        alarm +54s reconcile
    "#);
    script.answer(volumes([])).is("
        applied: destroying (no commit)
        call list_machines ours
        alarm +53s reconcile
    ");
    script.answer(machines([])).is("
        applied: none
        log destroy_complete by=destroy machine=m1 region=iad
        forget
    ");
}

#[test]
fn x1_the_uptime_told_is_that_of_an_instance_that_runs() {
    for stopped in [NOON - 2 * DAY, NOON - DAY, NOON - HOUR] {
        let mut script = Script::flat("running", json!({ "lastStoppedAt": stopped }));
        let events = script.command(destroy()).events;
        let expected = (stopped < NOON - DAY).then_some(DAY);
        assert_eq!(events.iter().map(|event| event.value).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn x1_everything_the_record_knows_is_due_now() {
    let mut script = Script::flat(
        "stopped",
        json!({
            "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOON + DAY,
            "pendingRecoveryVolumeId": "vol-8", "previousVolumeId": "vol-7",
        }),
    );
    script.command(destroy()).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m1"
        set pendingDestroyVolumeId "vol-0"
        set recoveryPreviousVolumeCleanupAfter now
        on the list machine m1 destroyed due now
        on the list volume vol-0 retained until now
        on the list volume vol-1 destroyed due now
        on the list volume vol-7 destroyed due now
        event instance.destroy_started destroying value=86400000 machine=m1 region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
}

#[test]
fn x1_machines_that_were_passed_over_are_destroyed_too() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.alarm();
    script.answer(machines([a_machine("m1", "stopped"), a_machine("m2", "stopped")]));
    script.command(destroy()).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m1"
        set pendingDestroyVolumeId "vol-1"
        on the list machine m1 destroyed due now
        on the list machine m2 destroyed due now
        on the list volume vol-1 destroyed due now
        event instance.destroy_started destroying value=88201000 machine=m1 region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
}

#[test]
fn x1_what_a_start_was_making_is_looked_for() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([])]);
    script.command(destroy()).is("
        applied: destroying
        set startingAt null
        on the list volume named #1 late_create due +120001ms
        event instance.destroy_started destroying
        alarm +1m reconcile
    ");
}

#[test]
fn x1_machine_and_volume_are_tried_independently() {
    let mut script = Script::running();
    script.command(destroy());
    script.answer(machine("m1", "started"));
    script.answer(unknown()).is(r#"
        applied: destroying
        set lastDestroyErrorAt now
        set lastDestroyErrorMessage "no answer in time (status 503)"
        set lastDestroyErrorOp "machine"
        set lastDestroyErrorStatus 503
        on the list machine m1 destroyed due +1m tried 1 "no answer in time (status 503)"
        log destroy_machine_failed value=0 error="no answer in time (status 503)" by=destroy machine=m1 region=iad
        call get_volume vol-1
        alarm +58s reconcile
    "#);
    script.answer(volume("vol-1", "created")).is("
        applied: destroying
        call delete_volume vol-1
        alarm +57s reconcile
    ");
    script.answer(busy()).is(r#"
        applied: destroying
        set destroyVolumeAttempts 1
        set lastDestroyErrorAt now
        set lastDestroyErrorMessage "still bound (status 412)"
        set lastDestroyErrorOp "volume"
        set lastDestroyErrorStatus 412
        on the list volume vol-1 destroyed due +1m tried 1 "still bound (status 412)"
        log destroy_volume_failed value=0 error="still bound (status 412)" by=destroy machine=m1 region=iad volume:"vol-1"
        alarm +58s disposal
    "#);
    script.alarm().is("
        applied: destroying (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
}

#[test]
fn x2_the_holder_of_the_volume_is_checked_and_destroyed() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(destroy()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-1"
        on the list volume vol-1 destroyed due now
        event instance.destroy_started destroying value=86400000 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
    script.answer(held("vol-1", "m9")).is("
        applied: destroying (no commit)
        call get_machine m9
        alarm +59s reconcile
    ");
    script.answer(machine("m9", "started")).is("
        applied: destroying
        call destroy_machine m9
        alarm +58s reconcile
    ");
    script.answer(accepted()).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m9"
        on the list machine m9 replaced due +1m
        log destroy_machine_for_volume_cleanup by=destroy machine=m9 region=iad
        call delete_volume vol-1
        alarm +57s reconcile
    "#);
    script.answer(accepted()).is("
        applied: destroying
        call get_volume vol-1
        alarm +56s reconcile
    ");
}

#[test]
fn d3_a_foreign_holder_is_not_destroyed_and_does_not_block_for_ever() {
    let knobs = Knobs { disposal_max_attempts: 2, ..knobs() };
    let mut script = Script::flat_under(knobs, "stopped", json!({ "flyMachineId": null }));
    script.command(destroy());
    script.answer(held("vol-1", "m9"));
    script.answer(a_machine("m9", "started").of_sandbox("sandbox-9").seen()).is(r#"
        applied: destroying
        set destroyVolumeAttempts 1
        on the list volume vol-1 destroyed due +1m tried 1 "Refusing to destroy attached machine m9 for volume vol-1: expected sandbox sandbox-1, found sandbox-9"
        log destroy_volume_failed value=0 error="Refusing to destroy attached machine m9 for volume vol-1: expected sandbox sandbox-1, found sandbox-9" by=destroy region=iad volume:"vol-1"
        alarm +1m reconcile
    "#);
    script.alarm().is("
        applied: destroying (no commit)
        call get_volume vol-1
        alarm +1m reconcile
    ");
    script.answer(held("vol-1", "m9"));
    script.answer(a_machine("m9", "started").unlabelled().seen()).is(r#"
        applied: destroying
        set destroyVolumeAttempts 2
        on the list volume vol-1 destroyed due +5m tried 2 "Refusing to destroy attached machine m9 for volume vol-1: expected sandbox sandbox-1, found unknown" abandoned
        log destroy_volume_failed value=1 error="Refusing to destroy attached machine m9 for volume vol-1: expected sandbox sandbox-1, found unknown" by=alarm region=iad volume:"vol-1"
        log destroy_volume_abandoned_after_max_retries value=2 by=alarm region=iad volume:"vol-1"
        call list_volumes ours
        alarm +1m reconcile
    "#);
    script.answer(volumes([])).is("
        applied: destroying (no commit)
        call list_machines ours
        alarm +59s reconcile
    ");
    script.answer(machines([])).is("
        applied: none
        log destroy_complete by=alarm region=iad
        forget
    ");
}

#[test]
fn d4_what_cannot_be_removed_is_given_up_visibly() {
    let knobs = Knobs { disposal_max_attempts: 1, ..knobs() };
    let mut script = Script::flat_under(knobs, "running", json!({}));
    script.command(destroy());
    script.answer(machine("m1", "started"));
    script.answer(unknown()).is(r#"
        applied: destroying
        set lastDestroyErrorAt now
        set lastDestroyErrorMessage "no answer in time (status 503)"
        set lastDestroyErrorOp "machine"
        set lastDestroyErrorStatus 503
        on the list machine m1 destroyed due +1m tried 1 "no answer in time (status 503)" abandoned
        log destroy_machine_failed value=0 error="no answer in time (status 503)" by=destroy machine=m1 region=iad
        log destroy_machine_abandoned_after_max_retries value=1 by=destroy machine=m1 region=iad
        call get_volume vol-1
        alarm +58s reconcile
    "#);
    script.answer(volume("vol-1", "created"));
    script.answer(busy()).is(r#"
        applied: destroying
        set destroyVolumeAttempts 1
        set lastDestroyErrorAt now
        set lastDestroyErrorMessage "still bound (status 412)"
        set lastDestroyErrorOp "volume"
        set lastDestroyErrorStatus 412
        on the list volume vol-1 destroyed due +1m tried 1 "still bound (status 412)" abandoned
        log destroy_volume_failed value=0 error="still bound (status 412)" by=destroy machine=m1 region=iad volume:"vol-1"
        log destroy_volume_abandoned_after_max_retries value=1 by=destroy machine=m1 region=iad volume:"vol-1"
        call list_volumes ours
        alarm +56s reconcile
    "#);
}

#[test]
fn t4_a_stale_create_while_destroying_is_disposed_of() {
    let mut script = sweeping();
    let stale = OpId { number: 1, kind: CallKind::CreateVolume };
    script.give(Input::Outcome { op: stale, result: volume_made("vol-9", "iad", "created") }).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-9"
        on the list volume vol-9 late_create due now
        log dispose_late_create by=destroy machine=m1 region=iad
        alarm +54s reconcile
    "#);
    script.answer(volumes([])).is("
        applied: destroying (no commit)
        call get_volume vol-9
        alarm +53s reconcile
    ");
}

#[test]
fn t6_resume_in_every_stage() {
    let mut script = Script::running();
    script.command(destroy());
    script.resume().is("
        applied: destroying
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(machine("m1", "started"));
    script.resume().is("
        applied: destroying
        call get_machine m1
        alarm +59s reconcile
    ");
    script.answer(machine("m1", "started"));
    script.answer(accepted());
    script.resume().is("
        applied: destroying
        call get_machine m1
        alarm +57s reconcile
    ");
    let mut script = sweeping();
    script.resume().is("
        applied: destroying
        call list_volumes ours
        alarm +54s reconcile
    ");
    script.answer(volumes([]));
    script.resume().is("
        applied: destroying
        call list_machines ours
        alarm +53s reconcile
    ");
}

#[test]
fn import_a_destroy_under_way_goes_on() {
    let mut script = Script::flat(
        "destroying",
        json!({
            "flyMachineId": null, "flyVolumeId": null, "pendingDestroyMachineId": "m1", "pendingDestroyVolumeId": "vol-1",
            "destroyVolumeAttempts": 3,
        }),
    );
    script.alarm().is("
        applied: destroying (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(absent()).is("
        applied: destroying
        set pendingDestroyMachineId null
        off the list machine m1
        log destroy_machine_ok value=0 by=alarm machine=m1 region=iad
        call get_volume vol-1
        alarm +59s reconcile
    ");
    script.answer(volume("vol-1", "created"));
    script.answer(busy()).is(r#"
        applied: destroying
        set destroyVolumeAttempts 4
        set lastDestroyErrorAt now
        set lastDestroyErrorMessage "still bound (status 412)"
        set lastDestroyErrorOp "volume"
        set lastDestroyErrorStatus 412
        on the list volume vol-1 destroyed due +1h tried 4 "still bound (status 412)"
        log destroy_volume_failed value=3 error="still bound (status 412)" by=alarm region=iad volume:"vol-1"
        alarm +1m reconcile
    "#);
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (K::Provision, "denied destroying: destroying"),
        (K::Start, "denied destroying: destroying"),
        (K::Stop, "ignored nothing_to_do: destroying"),
        (K::Restart, "denied busy: destroying"),
        (K::Destroy, "ignored nothing_to_do: destroying"),
        (K::CleanupRetainedVolume, "ignored nothing_to_do: destroying"),
        (K::ReassociateVolume, "denied destroying: destroying"),
        (K::Resize, "denied destroying: destroying"),
        (K::RestoreSnapshot, "denied destroying: destroying"),
        (K::RetryLookup, "denied destroying: destroying"),
        (K::AcceptDataLoss, "denied destroying: destroying"),
        (K::Refresh, "ignored nothing_to_do: destroying"),
    ] {
        let mut script = Script::running();
        script.command(destroy());
        script.command(any(kind)).is(expected);
    }
}
