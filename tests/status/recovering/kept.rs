//! A machine that is all that keeps its volume: somebody has asked for the volume's delete.

use crate::commands::clean_up;
use crate::script::{DAY, Script};
use crate::stages::{Recovery as R, fork, recovering};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, health, machine, machine_made, refused, region, seen, snapshots,
    unknown, volume, volume_made, waited, waiting,
};
use kiloclaw_lifecycle::observe::Volume;

#[test]
fn r4_what_goes_as_soon_as_its_machine_lets_go_is_forked_first() {
    let mut script = recovering(R::Inspect);
    script.answer(waiting("vol-1", "m1")).is("
        applied: recovering
        call create_volume #1 in eu fork of vol-1
        alarm +59s reconcile
    ");
    let mut refused_fork = script.clone();
    refused_fork.answer(refused()).is(r#"
        applied: stopped
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "makes no sense (status 422)"
        set lastStoppedAt now
        set recoveryStartedAt null
        event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=2s error="makes no sense (status 422)" machine=m1 region=iad
        alarm +30m reconcile
    "#);
    script.answer(volume_made("vol-2", "ams", "created")).is(r#"
        applied: recovering
        set pendingRecoveryVolumeId "vol-2"
        call create_machine #2 ours on vol-2 in ams
        alarm +58s reconcile
    "#);
    script.answers([machine_made("m2", "ams"), waited("started"), fork("created"), health(true)]);
    script.answer(snapshots(&[])).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter now
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list machine m1 stray
        on the list volume vol-1 retained until now for vol-2 healthy hydrated immediate
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=7s machine=m2 region=ord
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
    script.alarm().is("
        applied: running
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(waiting("vol-1", "m1")).is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

/// The machine of a running instance has stopped, and mounts another volume than the instance's.
fn stopped_on_another() -> Script {
    let mut script = Script::running();
    script.alarm();
    script.answers([a_machine("m1", "stopped").mounting("vol-9").seen(), volume("vol-1", "created")]);
    script
}

#[test]
fn r2_where_the_source_is_outlives_a_crash_before_the_machine_goes() {
    let mut script = Script::running();
    script.alarm();
    script.answer(a_machine("m1", "stopped").mounting("vol-9").seen());
    script.answer(seen(Volume { region: Some(region("ord")), ..a_volume("vol-1", "created") })).is(r#"
        applied: recovering
        set flyRegion "ord"
        call get_volume vol-9
        alarm +59s reconcile
    "#);
}

#[test]
fn r2_an_answer_that_omits_the_region_leaves_ours() {
    for region in [None, Some(region("iad"))] {
        let mut script = Script::running();
        script.alarm();
        script.answer(a_machine("m1", "stopped").mounting("vol-9").seen());
        script.answer(seen(Volume { region, ..a_volume("vol-1", "created") })).is("
            applied: recovering (no commit)
            call get_volume vol-9
            alarm +59s reconcile
        ");
    }
}

#[test]
fn r3_a_machine_that_alone_keeps_what_it_mounts_stays_with_it() {
    let mut script = stopped_on_another();
    script.clone().answer(volume("vol-9", "created")).is("
        applied: recovering
        on the list machine m1 replaced due +1m
        call destroy_machine m1
        alarm +58s reconcile
    ");
    script.clone().answer(absent()).is("
        applied: recovering
        on the list machine m1 replaced due +1m
        call destroy_machine m1
        alarm +58s reconcile
    ");
    script.clone().answer(unknown()).is("
        applied: recovering
        alarm +1s retry
    ");
    script.clone().answer(refused()).is("
        applied: recovering
        on the list machine m1 replaced due +1m
        call destroy_machine m1
        alarm +58s reconcile
    ");
    script.answer(waiting("vol-9", "m1")).is("
        applied: recovering
        call create_volume #1 in eu fork of vol-1
        alarm +58s reconcile
    ");
    script.answers([volume_made("vol-2", "ams", "created"), machine_made("m2", "ams"), waited("started")]);
    script.answers([fork("created"), health(true)]);
    script.answer(snapshots(&[("vs-1", "created", 10)])).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list machine m1 stray
        on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
        alarm +5m reconcile
    "#);
}

/// A recovery has cut over from a source that goes with its machine, to a copy that hydrates.
fn left_to_its_machine() -> Script {
    let mut script = recovering(R::Inspect);
    script.answers([waiting("vol-1", "m1"), volume_made("vol-2", "ams", "hydrating"), machine_made("m2", "ams")]);
    script.answers([waited("started"), fork("hydrating"), health(true), snapshots(&[("vs-1", "created", 10)])]);
    script
}

#[test]
fn d5_the_machine_that_keeps_the_source_stays_while_the_copy_hydrates() {
    let mut script = left_to_its_machine();
    script.command(clean_up(Some("vol-1"))).is("
        pending: running
        on the list volume vol-1 retained until +7d for vol-2 healthy asked for
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answers([waiting("vol-1", "m1"), machine("m1", "stopped")]);
    script.answer(fork("hydrating")).is(r#"
        applied: running
        on the list volume vol-1 retained until +604797s for vol-2 healthy
        reply held_back "The volume is held back: the copy that was made of it has not been seen to do without it."
        alarm +297s reconcile
    "#);
}

#[test]
fn d5_what_the_machine_that_keeps_the_source_writes_to_does_not_go_by_itself() {
    let mut script = left_to_its_machine();
    script.after(7 * DAY);
    script.ring();
    script.answer(waiting("vol-1", "m1"));
    let mut runs = script.clone();
    runs.answer(machine("m1", "started")).is(r#"
        applied: running
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-1 retained until +1m for vol-2 healthy tried 1 "held by a machine of the instance's that serves nobody and runs, m1"
        log destroy_volume_failed value=0 error="held by a machine of the instance's that serves nobody and runs, m1" by=alarm machine=m2 region=ord volume:"vol-1"
        call get_machine m2
        alarm +90001ms call_deadline
    "#);
    script.answer(machine("m1", "stopped")).is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    let mut hydrates = script.clone();
    hydrates.answer(fork("hydrating")).is("
        applied: running (no commit)
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-1 retained until +5m for vol-2 healthy
        call get_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(fork("created")).is("
        applied: running
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: running
        on the list machine m1 replaced due +1m
        log destroy_machine_for_volume_cleanup by=alarm machine=m1 region=ord
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(fork("created")).is("
        applied: running
        call delete_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn r10_a_copy_outlives_a_source_that_goes_with_its_machine() {
    let mut script = recovering(R::Inspect);
    script.answers([
        waiting("vol-1", "m1"),
        volume_made("vol-2", "ams", "created"),
        machine_made("m2", "ams"),
        waited("failed"),
    ]);
    script.answers([a_machine("m2", "failed").mounting("vol-2").seen(), accepted(), absent(), fork("created")]);
    script.answer(waiting("vol-1", "m1")).is("
        applied: stopped
        on the list volume vol-2 failed_recovery due +5m
        alarm +5m disposal
    ");
}
