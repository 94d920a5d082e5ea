//! A volume under our name that says who holds it, while no machine with our labels is shown (M1, V1). It may be of an earlier life.

use super::nobody_found;
use crate::commands::start;
use crate::script::{DAY, Script};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, limited, machine, machine_id, machines, no_room, unauthorized,
    unknown, volume, volumes,
};
use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::observe::Volume;

fn made(id: &str, at: u64, holder: Option<&str>) -> Volume {
    let created_at = Some(Timestamp::from_millis(at));
    Volume { created_at, attached_machine: holder.map(machine_id), ..a_volume(id, "created") }
}

/// An older volume that `m9` holds, and a newer one that nobody does.
fn two() -> [Volume; 2] {
    [made("vol-8", 8, Some("m9")), made("vol-9", 9, None)]
}

/// The holder has been asked for.
fn asked() -> Script {
    let mut script = nobody_found();
    script.answer(volumes(two())).is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn v1_the_holder_is_ours_and_the_volume_is_the_data() {
    for state in ["started", "stopped", "odd"] {
        asked().answer(a_machine("m9", state).mounting("vol-8").seen()).is(&format!(
            r#"
                applied: provisioned
                set flyMachineId "m9"
                set flyRegion "iad"
                set flyVolumeId "vol-8"
                set recoveryPreviousVolumeCleanupAfter +7d
                set recoveryPreviousVolumeId "vol-9"
                on the list volume vol-9 candidate until +7d
                log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"{state}"
                log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-8"
                alarm now reconcile
            "#
        ));
    }
}

#[test]
fn v1_what_the_holder_does_is_seen_at_once() {
    let mut script = asked();
    script.answer(a_machine("m9", "started").mounting("vol-8").seen());
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
fn v1_a_holder_that_is_gone_holds_nothing() {
    for gone in [absent(), machine("m9", "destroyed")] {
        asked().answer(gone.clone()).is(r#"
            applied: provisioned
            set flyRegion "iad"
            set flyVolumeId "vol-9"
            set recoveryPreviousVolumeCleanupAfter +7d
            set recoveryPreviousVolumeId "vol-8"
            on the list volume vol-8 candidate until +7d
            log recover_volume_by_name by=alarm volume:"vol-9"
            alarm +30m reconcile
        "#);
        let mut script = nobody_found();
        script.answer(volumes([made("vol-8", 8, Some("m9"))]));
        script.answer(gone).is(r#"
            applied: provisioned
            set flyRegion "iad"
            set flyVolumeId "vol-8"
            log recover_volume_by_name by=alarm volume:"vol-8"
            alarm +30m reconcile
        "#);
    }
}

#[test]
fn v1_what_somebody_else_holds_is_passed_over_and_kept() {
    let mut script = asked();
    script.answer(a_machine("m9", "started").of_sandbox("sandbox-9").seen()).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        log recover_volume_by_name by=alarm volume:"vol-9"
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_a_holder_that_does_not_show_whose_it_is_or_is_going_leaves_it_open() {
    let hidden = || a_machine("m9", "started").unreachable().seen();
    let unlabelled = || a_machine("m9", "started").unlabelled().seen();
    for answer in [unknown(), limited(), unauthorized(), hidden(), unlabelled(), machine("m9", "destroying")] {
        asked().answer(answer.clone()).is("
            applied: provisioned
            alarm +30m reconcile
        ");
        let mut script = starting();
        script.answer(answer).is("
            applied: starting
            alarm +1s retry
        ");
        script.alarm().is("
            applied: starting (no commit)
            call list_machines ours
            alarm +1m reconcile
        ");
    }
}

/// A start that found nobody has asked for the holder.
fn starting() -> Script {
    let mut script = Script::provisioned();
    script.command(start());
    script.answer(machines([]));
    script.answer(volumes(two())).is("
        applied: starting (no commit)
        call get_machine m9
        alarm +58s reconcile
    ");
    script
}

#[test]
fn v1_a_start_uses_the_holder() {
    let mut script = starting();
    script.answer(a_machine("m9", "started").mounting("vol-8").seen()).is(r#"
        applied: starting
        set flyMachineId "m9"
        set flyRegion "iad"
        set flyVolumeId "vol-8"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-9"
        on the list volume vol-9 candidate until +7d
        log recover_machine_from_metadata by=start machine=m9 region=iad fly_state:"started"
        log recover_volume_by_name by=start machine=m9 region=iad volume:"vol-8"
        call get_machine m9
        alarm +57s reconcile
    "#);
    script.answer(a_machine("m9", "started").mounting("vol-8").seen()).is("
        applied: starting (no commit)
        call probe_health m9 60s every 3000ms
        alarm +56s reconcile
    ");
}

#[test]
fn v1_of_two_holders_the_one_of_the_newer_volume_is_asked_first() {
    let mut script = nobody_found();
    script.answer(volumes([made("vol-8", 8, Some("m8")), made("vol-9", 9, Some("m9"))])).is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is("
        applied: provisioned (no commit)
        call get_machine m8
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        log recover_volume_by_name by=alarm volume:"vol-9"
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_the_question_survives_a_crash() {
    let mut script = asked();
    script.resume().is("
        applied: provisioned
        call get_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn g3_what_was_found_is_forked_and_not_replaced() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([made("vol-9", 9, None)])]);
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" region=iad
        call create_volume #2 in eu fork of vol-9
        alarm +57s reconcile
    "#);
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([a_machine("m9", "stopped").mounting("vol-9")])]);
    script.answer(volume("vol-9", "created")).is(r#"
        applied: starting
        set flyMachineId "m9"
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        log recover_volume_from_mount by=start machine=m9 volume:"vol-9"
        log recover_machine_from_metadata by=start machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-9
        alarm +58s reconcile
    "#);
    script.answer(volume("vol-9", "created")).is("
        applied: starting (no commit)
        call get_machine m9
        alarm +57s reconcile
    ");
    script.answer(a_machine("m9", "stopped").mounting("vol-9").seen());
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" machine=m9 region=iad
        call destroy_machine m9
        alarm +55s reconcile
    "#);
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m9 replaced due +1m
        call create_volume #1 in eu fork of vol-9
        alarm +54s reconcile
    ");
}

#[test]
fn m2_what_was_found_is_no_stale_registration() {
    let mut script = nobody_found();
    script.answer(volumes([made("vol-9", 9, None)]));
    script.after(30 * DAY);
    script.ring();
    script.answers([machines([]), volume("vol-9", "created")]);
    script.answer(volume("vol-9", "created")).is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn v2_what_was_found_is_not_replaced_when_it_is_lost() {
    let mut script = nobody_found();
    script.answer(volumes([made("vol-9", 9, None)]));
    script.alarm();
    script.answer(machines([]));
    script.answer(absent());
    script.answer(absent()).is("
        applied: provisioned (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-9 missing"
        set lastStoppedAt now
        log data_volume_missing error="data volume vol-9 missing" by=alarm region=iad
        alarm +30m reconcile
    "#);
}
