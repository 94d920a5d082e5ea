//! What a running machine mounts (V2, V3).

use super::looking;
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, held, machine, machine_id, machine_made, machines, region, seen,
    unauthorized, unknown, volume, waiting,
};
use kiloclaw_lifecycle::observe::{Machine, Volume};

#[test]
fn v2_a_missing_volume_is_only_logged_while_the_machine_runs() {
    for gone in [absent(), volume("vol-1", "destroyed")] {
        let mut script = looking();
        script.answer(machine("m1", "started"));
        script.answer(gone).is(r#"
            applied: running
            log volume_check_failed error="data volume vol-1 missing" by=alarm machine=m1 region=iad
            alarm +5m reconcile
        "#);
    }
    for fault in [unknown(), unauthorized()] {
        let mut script = looking();
        script.answer(machine("m1", "started"));
        script.answer(fault).is("
            applied: running
            alarm +5m reconcile
        ");
    }
}

#[test]
fn v3_a_migrated_volume_is_adopted() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen()).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-2", "m1")).is(r#"
        applied: running
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d
        log adopt_migrated_volume by=alarm machine=m1 region=iad old_volume:"vol-1" volume:"vol-2"
        alarm +5m reconcile
    "#);
}

#[test]
fn v3_what_is_mounted_instead_of_a_living_volume_is_retained_and_the_mount_repaired() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(volume("vol-1", "created")).is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-2", "m1")).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-2"
        set startingAt now
        on the list volume vol-2 candidate until +7d
        log repair_mount by=alarm machine=m1 region=iad mounted:"vol-2" volume:"vol-1"
        call destroy_machine m1
        alarm +1m reconcile
    "#);
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call list_machines ours
        alarm +59s reconcile
    ");
    script.answer(machines([a_machine("m1", "started").mounting("vol-2")])).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +58s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +57s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_machine #1 ours on vol-1 in iad
        alarm +56s reconcile
    ");
    script.answer(machine_made("m2", "iad")).is(r#"
        applied: starting
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +55s reconcile
    "#);
}

#[test]
fn v3_a_strangers_volume_is_not_ours_to_keep() {
    let holder = Some(machine_id("m1"));
    let foreign =
        Volume { name: "kiloclaw_other".to_string(), attached_machine: holder, ..a_volume("vol-2", "created") };
    let dead = Volume { attached_machine: Some(machine_id("m1")), ..a_volume("vol-2", "destroyed") };
    for answer in [seen(foreign), absent(), seen(dead)] {
        let mut script = looking();
        script.answer(a_machine("m1", "started").mounting("vol-2").seen());
        script.answer(volume("vol-1", "created"));
        script.answer(answer).is(r#"
            applied: starting
            set startingAt now
            log repair_mount by=alarm machine=m1 region=iad mounted:null volume:"vol-1"
            call destroy_machine m1
            alarm +1m reconcile
        "#);
    }
}

#[test]
fn v3_a_strangers_volume_is_never_adopted() {
    let holder = Some(machine_id("m1"));
    let foreign =
        Volume { name: "kiloclaw_other".to_string(), attached_machine: holder, ..a_volume("vol-2", "created") };
    let elsewhere = held("vol-2", "m9");
    let dead = Volume { attached_machine: Some(machine_id("m1")), ..a_volume("vol-2", "destroyed") };
    for answer in [seen(foreign), elsewhere, seen(dead)] {
        let mut script = looking();
        script.answer(a_machine("m1", "started").mounting("vol-2").seen());
        script.answer(absent());
        script.answer(answer).is(r#"
            applied: running
            log volume_check_failed error="data volume vol-1 missing" by=alarm machine=m1 region=iad mounted:"vol-2"
            alarm +5m reconcile
        "#);
    }
}

#[test]
fn v3_nothing_is_repaired_when_nobody_could_be_asked() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(volume("vol-1", "created"));
    script.answer(unknown()).is("
        applied: running
        alarm +5m reconcile
    ");
}

#[test]
fn v3_a_machine_that_mounts_nothing_is_repaired() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting_nothing().seen()).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is(r#"
        applied: starting
        set startingAt now
        log repair_mount by=alarm machine=m1 region=iad mounted:null volume:"vol-1"
        call destroy_machine m1
        alarm +1m reconcile
    "#);
}

#[test]
fn v3_a_machine_that_shows_no_configuration_is_left_alone() {
    let mut script = looking();
    script.answer(Machine { config: None, ..a_machine("m1", "started") }.seen()).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: running
        alarm +5m reconcile
    ");
}

#[test]
fn v3_with_a_migrated_volume_the_region_changes() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(absent());
    let moved = Volume {
        attached_machine: Some(machine_id("m1")),
        region: Some(region("ord")),
        ..a_volume("vol-2", "created")
    };
    script.answer(seen(moved)).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d
        log adopt_migrated_volume by=alarm machine=m1 region=iad old_volume:"vol-1" volume:"vol-2"
        alarm +5m reconcile
    "#);
}

#[test]
fn v3_a_machine_that_alone_keeps_what_it_mounts_instead_stays() {
    let mut script = looking();
    script.answers([a_machine("m1", "started").mounting("vol-2").seen(), volume("vol-1", "created")]);
    script.answer(waiting("vol-2", "m1")).is(r#"
        applied: running
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-2"
        on the list volume vol-2 candidate until +7d
        log volume_check_failed error="volume vol-2 would be deleted with the machine" by=alarm machine=m1 region=iad volume:"vol-2"
        alarm +5m reconcile
    "#);
    script.alarm();
    script.answers([a_machine("m1", "started").mounting("vol-2").seen(), volume("vol-1", "created")]);
    script.answer(waiting("vol-2", "m1")).is(r#"
        applied: running
        log volume_check_failed error="volume vol-2 would be deleted with the machine" by=alarm machine=m1 region=iad volume:"vol-2"
        alarm +5m reconcile
    "#);
}

#[test]
fn v3_a_machine_that_alone_keeps_a_strangers_volume_stays() {
    let mut script = looking();
    script.answers([a_machine("m1", "started").mounting("vol-2").seen(), volume("vol-1", "created")]);
    let strangers = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-2", "waiting_for_detach") };
    script.answer(seen(strangers)).is(r#"
        applied: running
        log volume_check_failed error="volume vol-2 would be deleted with the machine" by=alarm machine=m1 region=iad volume:"vol-2"
        alarm +5m reconcile
    "#);
}

#[test]
fn v3_a_machine_that_alone_keeps_the_data_where_it_does_not_belong_stays() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting_nothing().seen());
    script.answer(waiting("vol-1", "m1")).is(r#"
        applied: running
        log volume_check_failed error="volume vol-1 would be deleted with the machine" by=alarm machine=m1 region=iad volume:"vol-1"
        alarm +5m reconcile
    "#);
}
