//! Volumes under our name, while no machine with our labels is shown (M1, V1). They may be of an earlier life.

use super::nobody_found;
use crate::commands::{any, start};
use crate::script::Script;
use crate::world::{
    Answer, Remade, a_machine, a_volume, absent, held, limited, machine_id, machines, unauthorized, unknown, volume,
    volume_id, volumes,
};
use kiloclaw_lifecycle::call::Call;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::observe::{Machine, Volume};
use kiloclaw_lifecycle::{Status, Timestamp};

pub(super) fn made(id: &str, at: u64, holder: Option<&str>) -> Volume {
    let created_at = Some(Timestamp::from_millis(at));
    Volume { created_at, attached_machine: holder.map(machine_id), ..a_volume(id, "created") }
}

/// An older volume that `m9` holds, and a newer one that nobody does.
pub(super) fn two() -> [Volume; 2] {
    [made("vol-8", 8, Some("m9")), made("vol-9", 9, None)]
}

/// The holder has been asked for.
pub(super) fn asked() -> Script {
    let mut script = nobody_found();
    script.answer(volumes(two())).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-8 candidate until +7d
        on the list volume vol-9 candidate until +7d
        call get_machine m9
        alarm +90001ms call_deadline
    "#);
    script
}

/// A start has found no machine.
pub(super) fn starting() -> Script {
    let mut script = Script::provisioned();
    script.command(start());
    script.answer(machines([]));
    script
}

fn ours(state: &str) -> Answer {
    a_machine("m9", state).mounting("vol-8").seen()
}

#[test]
fn v1_the_holder_is_ours_and_what_it_mounts_is_the_data() {
    for state in ["started", "stopped", "odd"] {
        let mut script = asked();
        script.answer(ours(state)).is(&format!(
            r#"
                applied: provisioned
                set flyMachineId "m9"
                set flyRegion "iad"
                on the list volume vol-8 candidate until +7d
                log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"{state}"
                call get_volume vol-8
                alarm +90001ms call_deadline
            "#
        ));
        script.answer(held("vol-8", "m9")).is(r#"
            applied: provisioned
            set flyVolumeId "vol-8"
            off the list volume vol-8
            log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-8"
            alarm now reconcile
        "#);
    }
}

#[test]
fn v1_what_the_holder_does_is_seen_at_once() {
    let mut script = asked();
    script.answers([ours("started"), held("vol-8", "m9")]);
    script.ring().is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(ours("started")).is(r#"
        applied: running
        set lastStartedAt now
        log sync_status running by=alarm machine=m9 region=iad fly_state:"started" new_state:"running" old_state:"provisioned"
        alarm +5m reconcile
    "#);
}

#[test]
fn v1_a_holder_that_is_gone_holds_nothing() {
    for gone in [absent(), a_machine("m9", "destroyed").mounting("vol-8").seen()] {
        let mut script = asked();
        let got = script.answer(gone.clone());
        assert_eq!(got.calls, [Call::GetVolume { volume: volume_id("vol-9") }]);
        script.answer(volume("vol-9", "created"));
        let view = script.instance.as_ref().unwrap().admin_view();
        assert_eq!((view.volume, view.retained.len()), (Some(volume_id("vol-9")), 1));
        let mut script = nobody_found();
        script.answers([volumes([made("vol-8", 8, Some("m9"))]), gone, held("vol-8", "m9")]);
        let view = script.instance.as_ref().unwrap().admin_view();
        assert_eq!((view.volume, view.retained.len()), (Some(volume_id("vol-8")), 0));
    }
}

#[test]
fn v1_what_a_machine_of_ours_had_mounted_that_is_gone_is_looked_for() {
    let mut script = asked();
    script.answer(a_machine("m9", "destroyed").mounting("vol-7").seen()).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-7"
        on the list volume vol-7 candidate until +7d
        call get_volume vol-7
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-7", "created")).is("
        applied: provisioned (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-9", "created")).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        off the list volume vol-9
        log recover_volume_by_name by=alarm volume:"vol-9"
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_what_somebody_else_holds_is_passed_over_and_kept() {
    let foreign = || a_machine("m9", "started").of_sandbox("sandbox-9").seen();
    let mut script = asked();
    script.answer(foreign()).is("
        applied: provisioned (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    let mut script = nobody_found();
    script.answer(volumes([made("vol-8", 8, Some("m9"))]));
    script.answer(foreign()).is("
        applied: provisioned (no commit)
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_a_start_uses_the_holder() {
    let mut script = starting();
    script.answer(volumes(two())).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-8 candidate until +7d
        on the list volume vol-9 candidate until +7d
        call get_machine m9
        alarm +58s reconcile
    "#);
    script.answer(ours("started")).is(r#"
        applied: starting
        set flyMachineId "m9"
        set flyRegion "iad"
        on the list volume vol-8 candidate until +7d
        log recover_machine_from_metadata by=start machine=m9 region=iad fly_state:"started"
        call get_volume vol-8
        alarm +57s reconcile
    "#);
    script.answer(held("vol-8", "m9")).is(r#"
        applied: starting
        set flyVolumeId "vol-8"
        off the list volume vol-8
        log recover_volume_by_name by=start machine=m9 region=iad volume:"vol-8"
        call get_machine m9
        alarm +56s reconcile
    "#);
}

#[test]
fn v1_of_two_holders_the_one_that_runs_is_the_instances_and_the_other_a_stray() {
    let two = || volumes([made("vol-8", 8, Some("m8")), made("vol-9", 9, Some("m9"))]);
    let mut script = nobody_found();
    script.answer(two()).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-8 candidate until +7d
        on the list volume vol-9 candidate until +7d
        call get_machine m9
        alarm +90001ms call_deadline
    "#);
    script.answer(a_machine("m9", "stopped").mounting("vol-9").seen()).is("
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-9 candidate until +7d
        call get_machine m8
        alarm +90001ms call_deadline
    ");
    script.answer(a_machine("m8", "started").mounting("vol-8").seen()).is(r#"
        applied: provisioned
        set flyMachineId "m8"
        set flyRegion "iad"
        on the list machine m9 stray
        on the list volume vol-8 candidate until +7d
        log multiple_machines_found value=1 by=alarm machine=m8
        log recover_machine_from_metadata by=alarm machine=m8 region=iad fly_state:"started"
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-8", "m8")).is(r#"
        applied: provisioned
        set flyVolumeId "vol-8"
        off the list volume vol-8
        log recover_volume_by_name by=alarm machine=m8 region=iad volume:"vol-8"
        alarm now reconcile
    "#);
    let mut script = nobody_found();
    script.answer(two());
    script.answers([absent(), absent()]);
    script.answer(held("vol-9", "m9")).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeId "vol-8"
        off the list volume vol-9
        log recover_volume_by_name by=alarm volume:"vol-9"
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_what_the_holder_mounts_goes_before_what_says_that_it_is_held() {
    let mut script = asked();
    script.answer(a_machine("m9", "stopped").mounting("vol-9").seen()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-9 candidate until +7d
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-9
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-9", "m9")).is(r#"
        applied: provisioned
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter +604798s
        set recoveryPreviousVolumeId "vol-8"
        off the list volume vol-9
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-9"
        alarm now reconcile
    "#);
    let mut script = asked();
    script.answer(a_machine("m9", "stopped").mounting("vol-7").seen()).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-7"
        on the list volume vol-7 candidate until +7d
        call get_volume vol-7
        alarm +90001ms call_deadline
    "#);
    script.answer(absent()).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +604798s
        set recoveryPreviousVolumeId "vol-9"
        off the list volume vol-7
        log destroy_volume_ok value=0 by=alarm volume:"vol-7"
        call list_volumes ours
        alarm +90001ms call_deadline
    "#);
    script.answer(volumes(two())).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        on the list volume vol-9 candidate until +7d
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-8", "m9")).is(r#"
        applied: provisioned
        set flyVolumeId "vol-8"
        off the list volume vol-8
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-8"
        alarm now reconcile
    "#);
}

/// `m1` was found by its labels, and what it mounts is gone; another holds `vol-8`.
fn bare(list: [Machine; 2]) -> Script {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines(list), absent(), a_machine("m1", "stopped").mounting_nothing().seen()]);
    script
}

#[test]
fn v1_nothing_empty_takes_the_place_of_what_another_machine_of_ours_holds() {
    let list = || volumes([made("vol-8", 8, Some("m9"))]);
    for list_of_machines in [
        [a_machine("m1", "stopped"), a_machine("m9", "stopped").mounting("vol-8")],
        [a_machine("m1", "stopped"), a_machine("m7", "destroyed")],
    ] {
        let mut script = bare(list_of_machines);
        script.answers([list(), ours("started")]);
        let view = script.instance.as_ref().unwrap().admin_view();
        assert_eq!(view.strays, [machine_id("m9")]);
        assert_eq!((view.user.status, view.missing.is_some(), view.retained.len()), (Status::Stopped, true, 1));
    }
    let mut script = bare([a_machine("m1", "stopped"), a_machine("m7", "destroyed")]);
    script.answer(list()).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        call get_machine m9
        alarm +56s reconcile
    "#);
    script.answer(ours("started")).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume missing"
        set lastStoppedAt now
        set recoveryPreviousVolumeCleanupAfter +7d
        set startingAt null
        on the list machine m9 stray
        on the list volume vol-8 candidate until +7d
        log multiple_machines_found value=1 by=start machine=m1 region=iad
        log data_volume_missing error="data volume missing" by=start machine=m1 region=iad
        event instance.provisioning_failed stopped "data_volume_missing" error="data volume missing" machine=m1 region=iad
        alarm +30m reconcile
    "#);
    script.command(any(CommandKind::AcceptDataLoss)).is("
        applied: stopped
        set lastStartErrorAt null
        set lastStartErrorMessage null
        log accept_data_loss by=accept_data_loss machine=m1 region=iad
        alarm now reconcile
    ");
    script.alarm();
    let bare = || a_machine("m1", "stopped").mounting_nothing().seen();
    script.answers([bare(), bare()]);
    script.answer(list()).is("
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(ours("started")).is("
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        call create_volume #1 in eu empty 10 GB
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_what_a_list_still_shows_and_is_gone_is_not_the_data() {
    for gone in [absent(), volume("vol-9", "destroyed"), volume("vol-9", "pending_destroy")] {
        let mut script = nobody_found();
        script.answer(volumes([made("vol-9", 9, None)])).is(r#"
            applied: provisioned
            set recoveryPreviousVolumeCleanupAfter +7d
            set recoveryPreviousVolumeId "vol-9"
            on the list volume vol-9 candidate until +7d
            call get_volume vol-9
            alarm +90001ms call_deadline
        "#);
        script.answer(gone).is(r#"
            applied: provisioned
            set recoveryPreviousVolumeCleanupAfter null
            set recoveryPreviousVolumeId null
            off the list volume vol-9
            log destroy_volume_ok value=0 by=alarm volume:"vol-9"
            call list_volumes ours
            alarm +90001ms call_deadline
        "#);
    }
    let waits = a_volume("vol-9", "waiting_for_detach");
    nobody_found().answer(volumes([waits])).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        call get_volume vol-9
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v1_what_cannot_be_looked_at_is_not_taken_yet() {
    for fault in [unknown(), limited(), unauthorized()] {
        let mut script = nobody_found();
        script.answer(volumes([made("vol-9", 9, None)]));
        script.answer(fault).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
}

#[test]
fn v1_the_questions_survive_a_crash() {
    let mut script = asked();
    script.resume().is("
        applied: provisioned
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(ours("stopped"));
    script.resume().is("
        applied: provisioned
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_a_volume_that_has_led_to_the_machine_and_cannot_be_looked_at_is_not_asked_for_at_once() {
    for fault in [unknown(), limited(), unauthorized()] {
        let mut script = asked();
        script.answer(ours("stopped"));
        script.answer(fault).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
}

#[test]
fn v1_a_machine_of_ours_whose_volume_has_moved_is_not_given_an_empty_one() {
    let mut script = asked();
    script.answers([ours("started"), absent(), volumes([made("vol-9", 9, None)]), absent()]);
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume missing"
        set lastStoppedAt now
        log data_volume_missing error="data volume missing" by=alarm machine=m9 region=iad
        alarm +30m reconcile
    "#);
}
