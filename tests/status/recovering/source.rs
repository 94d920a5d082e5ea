//! How an attempt begins, and what becomes of its source until there is a fork (R1 to R5).

use super::regions;
use crate::commands::start;
use crate::script::{MINUTE, NOON, Script};
use crate::stages::{Recovery as R, fork, recovering, recovering_under, serving};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, health, machine, machine_made, machines, no_room, refused, region,
    region_full, seen, unknown, volume, volume_made, waited,
};
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::observe::Volume;
use serde_json::json;

#[test]
fn r1_an_attempt_has_a_number() {
    let mut script = recovering(R::Over);
    script.alarm();
    script.answer(machine("m1", "destroyed"));
    script.answer(a_machine("m2", "stopped").mounting("vol-2").seen());
    let recovery = script.instance.as_ref().unwrap().admin_view().recovery;
    assert_eq!((recovery.attempt, recovery.attempts), (Some(2), 2));
}

#[test]
fn r1_errors_of_an_earlier_attempt_are_cleared() {
    let mut script =
        Script::flat("running", json!({ "lastRecoveryErrorMessage": "before", "lastRecoveryErrorAt": NOON }));
    script.alarm();
    script.answer(machine("m1", "stopped")).is(r#"
        applied: recovering
        set lastRecoveryErrorAt null
        set lastRecoveryErrorMessage null
        set recoveryStartedAt now
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
}

#[test]
fn r2_a_missing_source_fails() {
    for gone in [absent(), volume("vol-1", "destroyed"), volume("vol-1", "pending_destroy")] {
        recovering(R::Inspect).answer(gone).is(r#"
            applied: stopped
            set lastRecoveryErrorAt now
            set lastRecoveryErrorMessage "Cannot recover unexpected stop: source volume vol-1 missing"
            set lastStoppedAt now
            set recoveryStartedAt null
            event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=1s error="Cannot recover unexpected stop: source volume vol-1 missing" machine=m1 region=iad
            alarm +30m reconcile
        "#);
    }
    let mut script = Script::flat("running", json!({ "flyVolumeId": null }));
    script.alarm();
    script.answer(machine("m1", "stopped")).is(r#"
        applied: stopped
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "Cannot recover unexpected stop: missing user, sandbox, or volume"
        set lastStoppedAt now
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=0ms error="Cannot recover unexpected stop: missing user, sandbox, or volume" machine=m1 region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn r2_the_region_of_the_source_is_noted() {
    let drifted = Volume { region: Some(region("ord")), ..a_volume("vol-1", "created") };
    recovering(R::Inspect).answer(seen(drifted)).is(r#"
        applied: recovering
        set flyRegion "ord"
        on the list machine m1 replaced due +1m
        call destroy_machine m1
        alarm +59s reconcile
    "#);
}

#[test]
fn r3_a_machine_that_is_gone_already_is_fine() {
    recovering(R::RemoveOld).answer(absent()).is("
        applied: recovering
        set flyMachineId null
        call create_volume #1 in eu fork of vol-1
        alarm +58s reconcile
    ");
}

#[test]
fn r3_the_old_machine_stays_on_the_list_until_it_is_proven_gone() {
    let mut script = recovering(R::Over);
    script.after(MINUTE);
    script.ring().is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "destroying")).is(r#"
        applied: running
        on the list machine m1 replaced due +1m tried 1 "still being destroyed"
        log destroy_machine_failed value=0 error="still being destroyed" by=alarm machine=m1 region=ord
        call get_machine m2
        alarm +90001ms call_deadline
    "#);
    script.answers([serving(), fork("created")]);
    script.alarm().is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "stopped"));
    script.answer(volume("vol-1", "created")).is("
        applied: running
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: running
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "destroyed")).is("
        applied: running
        off the list machine m1
        log destroy_machine_ok value=1 by=alarm machine=m1 region=ord
        call get_machine m2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn r4_every_refusal_for_room_moves_on_and_hints_and_all_refused_fails() {
    let mut script = recovering(R::Fork);
    script.answer(no_room()).is(r#"
        applied: recovering
        event region.capacity_eviction "insufficient_resources" region=eu
        evict eu insufficient_resources
        call create_volume #1 in us fork of vol-1
        alarm +57s reconcile
    "#);
    script.answer(region_full()).is(r#"
        applied: stopped
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "no region can take the replacement volume: no capacity in the region (status 403)"
        set lastStoppedAt now
        set recoveryStartedAt null
        event region.capacity_eviction "no_capacity" region=us
        evict us no_capacity
        event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=4s error="no region can take the replacement volume: no capacity in the region (status 403)" region=iad
        alarm +57s disposal
    "#);
}

#[test]
fn r4_the_region_of_the_source_is_left_out_of_three() {
    let mut script = recovering_under(regions(["iad", "ord", "cdg"]), R::Fork);
    let mut asked = Vec::new();
    while script.status() == Some(Status::Recovering) {
        let got = script.answer(no_room());
        asked.extend(
            got.events
                .iter()
                .filter(|event| event.label.as_deref() == Some("insufficient_resources"))
                .filter_map(|event| event.region.clone()),
        );
    }
    asked.sort();
    assert_eq!(asked, [region("cdg"), region("ord")]);
}

#[test]
fn r4_of_two_the_region_of_the_source_comes_last() {
    let mut script = recovering_under(regions(["iad", "ord", "iad"]), R::Fork);
    script.answer(no_room()).is(r#"
        applied: recovering
        event region.capacity_eviction "insufficient_resources" region=ord
        evict ord insufficient_resources
        call create_volume #1 in iad fork of vol-1
        alarm +57s reconcile
    "#);
}

#[test]
fn r5_a_full_host_gives_the_fork_up_and_goes_on_with_the_regions_left() {
    let mut script = recovering(R::Create);
    script.answer(no_room()).is("
        applied: recovering
        on the list volume vol-2 failed_recovery due now
        call create_volume #3 in us fork of vol-1
        alarm +56s reconcile
    ");
    script.answer(volume_made("vol-3", "lax", "created")).is(r#"
        applied: recovering
        set pendingRecoveryVolumeId "vol-3"
        call create_machine #4 ours on vol-3 in lax
        alarm +55s reconcile
    "#);
    script.answer(region_full()).is(r#"
        applied: stopped
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "no region can take the replacement volume: no capacity in the region (status 403)"
        set lastStoppedAt now
        set pendingRecoveryVolumeId "vol-2"
        set recoveryStartedAt null
        on the list volume vol-3 failed_recovery due now
        event region.capacity_eviction "no_capacity" region=lax
        evict lax no_capacity
        event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=6s error="no region can take the replacement volume: no capacity in the region (status 403)" region=iad
        call get_volume vol-2
        alarm +90001ms call_deadline
    "#);
    script.answer(fork("created")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

/// A create was lost, another was turned down, a second start has brought up `m2`, and that has stopped.
fn after_a_lost_create() -> Script {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created"), unknown()]);
    script.alarm();
    script.answers([machines([]), refused()]);
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created"), machine_made("m2", "iad")]);
    script.answers([waited("started"), health(true)]);
    script.ring();
    script.answers([machine("m2", "stopped"), volume("vol-1", "created")]);
    script
}

#[test]
fn r4_nothing_is_forked_while_a_lost_create_may_bring_up_a_machine() {
    let mut script = after_a_lost_create();
    script.answer(accepted()).is("
        applied: recovering
        set flyMachineId null
        alarm +59s disposal
    ");
    script.ring().is("
        applied: recovering (no commit)
        call get_volume vol-1
        alarm +1m reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: recovering
        alarm +58s disposal
    ");
    script.resume().is("
        applied: recovering (no commit)
        alarm +58s disposal
    ");
    script.alarm().is("
        applied: recovering (no commit)
        call get_machine m2
        alarm +1m reconcile
    ");
    script.answer(absent()).is("
        applied: recovering
        off the list machine m2
        log destroy_machine_ok value=0 by=alarm machine=m2 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: recovering
        alarm +47001ms disposal
    ");
    script.alarm().is("
        applied: recovering (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    let mut late = script.clone();
    script.answer(machines([])).is("
        applied: recovering
        off the list machine named #1
        call get_volume vol-1
        alarm +1m reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: recovering
        call create_volume #3 in eu fork of vol-1
        alarm +59s reconcile
    ");
    let name = late.names.get(1);
    late.answer(machines([a_machine("m9", "started").named(&name)])).is("
        applied: recovering
        on the list machine m9 late_create due now
        on the list machine named #1 late_create due +1m tried 1
        log dispose_late_create by=alarm region=iad
        call get_machine m9
        alarm +59s reconcile
    ");
    late.answer(a_machine("m9", "started").named(&name).seen());
    late.answer(volume("vol-1", "created")).is("
        applied: recovering
        call destroy_machine m9
        alarm +57s reconcile
    ");
    late.answer(accepted()).is("
        applied: recovering
        call get_machine m9
        alarm +56s reconcile
    ");
}

#[test]
fn r4_the_wait_for_a_lost_create_leaves_time_for_the_rest() {
    let mut script = after_a_lost_create();
    script.answer(accepted());
    let since = script.now;
    let shown = [
        (CallKind::GetVolume, volume("vol-1", "created")),
        (CallKind::GetMachine, absent()),
        (CallKind::ListMachines, unknown()),
    ];
    while script.call.as_ref().is_none_or(|call| call.id.kind != CallKind::CreateVolume) {
        match script.call.as_ref().map(|call| call.id.kind) {
            Some(kind) => {
                let answer = shown.iter().find(|(shown, _)| *shown == kind).map(|(_, answer)| answer.clone());
                script.answer(answer.unwrap_or_else(|| panic!("{kind} is not foreseen")))
            }
            None => script.alarm(),
        };
    }
    let half = script.policy.recovering_timeout_ms / 2;
    assert!((half..half + 2 * MINUTE).contains(&script.now.since(since)), "after {} ms", script.now.since(since));
}
