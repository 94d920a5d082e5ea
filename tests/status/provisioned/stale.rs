//! Nobody has asked for the destroy of a stale registration: what turns up meanwhile is not destroyed, and ends it (M2).

use super::held::made;
use super::{nobody_found, placing, registered, without_machine};
use crate::commands::destroy;
use crate::script::{DAY, HOUR, NOON, Script};
use crate::world::{
    Remade, a_machine, absent, accepted, held, machine, machines, unknown, volume, volume_made, volumes,
};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::step::Input;

/// A stale registration is being removed, and the first sweep is under way.
fn sweeping() -> Script {
    let mut script = registered(NOON - 8 * HOUR);
    script.ring();
    script.answers([machines([]), volumes([])]);
    script
}

/// A volume was made for the registration, which is removed with it.
fn with_a_volume() -> Script {
    let mut script = placing();
    script.answer(volume_made("vol-1", "eu", "created"));
    script.after(DAY);
    script.ring();
    script
}

#[test]
fn m2_a_volume_that_turns_up_ends_it() {
    let mut script = sweeping();
    script.answer(volumes([made("vol-8", 8, Some("m9"))])).is("
        applied: destroying (no commit)
        call get_volume vol-8
        alarm +59s reconcile
    ");
    script.answer(held("vol-8", "m9")).is(r#"
        applied: provisioned
        set lastMetadataRecoveryAt null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        log destroy_orphan_found by=alarm region=iad
        alarm now reconcile
    "#);
    script.ring().is("
        applied: provisioned (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    script.answers([machines([]), volumes([])]);
    script.answer(held("vol-8", "m9")).is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn m2_what_only_a_list_shows_is_not_there() {
    for gone in [absent(), volume("vol-8", "destroyed")] {
        let mut script = sweeping();
        script.answer(volumes([made("vol-8", 8, None), made("vol-9", 9, None)]));
        script.answer(absent()).is("
            applied: destroying (no commit)
            call get_volume vol-8
            alarm +58s reconcile
        ");
        script.answer(gone).is("
            applied: destroying (no commit)
            call list_machines ours
            alarm +57s reconcile
        ");
        script.answer(machines([a_machine("m9", "started")]));
        script.answer(absent()).is("
            applied: none
            log destroy_complete by=alarm region=iad
            forget
        ");
    }
}

#[test]
fn m2_what_turns_up_and_cannot_be_looked_at_is_swept_for_again() {
    let mut script = sweeping();
    script.answer(volumes([made("vol-8", 8, None)]));
    script.resume().is("
        applied: destroying
        call get_volume vol-8
        alarm +59s reconcile
    ");
    script.answer(unknown()).is("
        applied: destroying
        alarm +1m reconcile
    ");
    script.alarm().is("
        applied: destroying (no commit)
        call list_volumes ours
        alarm +1m reconcile
    ");
}

#[test]
fn m2_what_else_turned_up_is_swept_for_again_as_well() {
    let mut script = sweeping();
    script.answers([volumes([made("vol-8", 8, None), made("vol-9", 9, None)]), unknown()]);
    script.alarm().is("
        applied: destroying (no commit)
        call list_volumes ours
        alarm +1m reconcile
    ");
}

#[test]
fn m2_what_comes_late_goes_before_the_registration() {
    let mut script = sweeping();
    script.answer(volumes([]));
    let op = OpId { number: 1, kind: CallKind::CreateVolume };
    script.give(Input::Outcome { op, result: volume_made("vol-9", "iad", "created") }).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-9"
        on the list volume vol-9 late_create due now
        log dispose_late_create by=alarm region=iad
        alarm +59s reconcile
    "#);
    script.answer(machines([])).is("
        applied: destroying (no commit)
        call get_volume vol-9
        alarm +58s reconcile
    ");
    script.answer(absent()).is("
        applied: destroying
        on the list volume vol-9 late_create due +28s
        alarm +28s disposal
    ");
}

#[test]
fn m2_a_machine_of_ours_that_holds_the_volume_ends_it() {
    let mut script = without_machine();
    script.after(9 * HOUR);
    script.ring();
    script.answers([machines([]), volume("vol-1", "created")]);
    script.answer(held("vol-1", "m9")).is("
        applied: destroying (no commit)
        call get_machine m9
        alarm +59s reconcile
    ");
    script.answer(machine("m9", "started")).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set lastMetadataRecoveryAt null
        set pendingDestroyVolumeId null
        off the list volume vol-1
        log destroy_orphan_found by=alarm machine=m9 region=iad
        call get_machine m9
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn m2_a_machine_that_turns_up_ends_it() {
    let mut script = sweeping();
    script.answer(volumes([]));
    script.answer(machines([a_machine("m9", "started").mounting("vol-8")])).is("
        applied: destroying (no commit)
        call get_machine m9
        alarm +58s reconcile
    ");
    script.answer(a_machine("m9", "started").mounting("vol-8").seen()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set lastMetadataRecoveryAt null
        log destroy_orphan_found by=alarm machine=m9 region=iad
        alarm now reconcile
    "#);
    script.ring().is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(a_machine("m9", "started").mounting("vol-8").seen()).is(r#"
        applied: running
        set lastStartedAt now
        log sync_status running by=alarm machine=m9 region=iad fly_state:"started" new_state:"running" old_state:"provisioned"
        alarm +5m reconcile
    "#);
}

#[test]
fn m2_the_volume_that_was_made_for_it_goes_and_what_turns_up_takes_its_place() {
    let mut script = with_a_volume();
    let empty = || volume("vol-1", "created");
    script.answers([machines([]), empty(), empty(), accepted(), absent(), volumes([made("vol-8", 8, None)])]);
    script.answer(volume("vol-8", "created")).is(r#"
        applied: provisioned
        set flyVolumeId null
        set lastMetadataRecoveryAt null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        log destroy_orphan_found by=alarm region=eu
        alarm now reconcile
    "#);
    script.ring();
    script.answers([machines([]), volumes([made("vol-8", 8, None)])]);
    script.answer(volume("vol-8", "created")).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-8"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log recover_volume_by_name by=alarm region=eu volume:"vol-8"
        alarm +30m reconcile
    "#);
}

#[test]
fn m2_what_somebody_wants_gone_meanwhile_goes_whatever_turns_up() {
    let mut script = sweeping();
    script.command(destroy()).is("
        applied: destroying
        event instance.destroy_started destroying region=iad
        call list_volumes ours
        alarm +1m reconcile
    ");
    script.command(destroy()).is("
        ignored nothing_to_do: destroying
    ");
    script.answer(volumes([made("vol-8", 8, None)])).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-8"
        on the list volume vol-8 orphan due now
        log destroy_orphan_found by=destroy region=iad
        call get_volume vol-8
        alarm +59s reconcile
    "#);
}

#[test]
fn m2_a_volume_that_has_moved_is_found_before_the_registration_goes() {
    let mut script = nobody_found();
    script.answers([volumes([made("vol-8", 8, Some("m9"))]), unknown()]);
    script.after(DAY);
    script.ring();
    script.answers([machines([]), volumes([]), absent(), volumes([]), absent()]);
    script.answer(volumes([made("vol-10", 10, Some("m9"))])).is("
        applied: destroying (no commit)
        call get_volume vol-10
        alarm +59s reconcile
    ");
    script.answer(held("vol-10", "m9")).is(r#"
        applied: provisioned
        set lastMetadataRecoveryAt null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-10"
        on the list volume vol-10 candidate until +7d
        log destroy_orphan_found by=alarm
        alarm now reconcile
    "#);
}

#[test]
fn m2_the_end_of_it_survives_a_crash() {
    let mut script = sweeping();
    script.resume().is("
        applied: destroying
        call list_volumes ours
        alarm +1m reconcile
    ");
    script.answer(volumes([made("vol-8", 8, None)]));
    script.answer(volume("vol-8", "created"));
    script.resume().is("
        applied: provisioned (no commit)
        alarm now reconcile
    ");
}

#[test]
fn m2_what_comes_late_goes_first_and_then_everything_is_looked_for_again() {
    let mut script = sweeping();
    script.answer(volumes([made("vol-8", 8, None)]));
    let late = OpId { number: 1, kind: CallKind::CreateVolume };
    script.give(Input::Outcome { op: late, result: volume_made("vol-9", "iad", "created") }).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-9"
        on the list volume vol-9 late_create due now
        log dispose_late_create by=alarm region=iad
        alarm +59s reconcile
    "#);
    script.answer(unknown()).is("
        applied: destroying (no commit)
        call get_volume vol-9
        alarm +58s reconcile
    ");
    script.answers([volume("vol-9", "created"), accepted()]);
    script.answer(absent()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId null
        off the list volume vol-9
        log destroy_volume_ok value=0 by=alarm region=iad volume:"vol-9"
        call list_volumes ours
        alarm +55s reconcile
    "#);
}

#[test]
fn m2_what_comes_while_something_is_looked_at_goes_before_anything_is_swept_for_again() {
    let mut script = sweeping();
    script.answer(volumes([made("vol-7", 7, None), made("vol-8", 8, None)]));
    let late = OpId { number: 1, kind: CallKind::CreateVolume };
    script.give(Input::Outcome { op: late, result: volume_made("vol-9", "iad", "created") });
    script.answer(absent()).is("
        applied: destroying (no commit)
        call get_volume vol-9
        alarm +58s reconcile
    ");
    script.answers([volume("vol-9", "created"), accepted()]);
    script.answer(absent()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId null
        off the list volume vol-9
        log destroy_volume_ok value=0 by=alarm region=iad volume:"vol-9"
        call list_volumes ours
        alarm +55s reconcile
    "#);
}

#[test]
fn m2_a_machine_that_ends_it_is_not_destroyed_for_what_it_holds() {
    let mut script = nobody_found();
    script.answers([volumes([]), unknown()]);
    script.alarm();
    script.after(DAY);
    script.answer(volumes([]));
    let late = Volume { name: script.names.get(1).to_string(), ..made("vol-9", 9, Some("m9")) };
    script.answers([volumes([late]), held("vol-9", "m9")]);
    let ours = || a_machine("m9", "started").mounting("vol-9").seen();
    script.answer(ours()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set lastMetadataRecoveryAt null
        set pendingDestroyVolumeId null
        log destroy_orphan_found by=alarm machine=m9
        call get_machine m9
        alarm +90001ms call_deadline
    "#);
    script.answer(ours()).is(r#"
        applied: running
        set lastStartedAt now
        log sync_status running by=alarm machine=m9 fly_state:"started" new_state:"running" old_state:"provisioned"
        call get_volume vol-9
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-9", "m9")).is(r#"
        applied: running
        on the list volume vol-9 late_create due +1m tried 1 "held by the instance's own machine m9"
        log destroy_volume_failed value=0 error="held by the instance's own machine m9" by=alarm machine=m9 volume:"vol-9"
        alarm now reconcile
    "#);
}
