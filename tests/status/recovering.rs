//! An unexpected stop is being repaired.

use crate::commands::{any, restart};
use crate::script::{DAY, LATENCY_MS, MINUTE, NOON, SECOND, Script, knobs};
use crate::stages::{Recovery, fork, past_old_machine, recovering, recovering_under, relocated, serving};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, busy, health, limited, machine, machine_id, machine_made, machines,
    no_room, refused, region, region_full, seen, snapshots, unauthorized, unknown, volume, volume_id, volume_made,
    volumes, waited,
};
use kiloclaw_lifecycle::call::Call;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::event::{EventName, Milestone};
use kiloclaw_lifecycle::instance::{DisposalView, ThingView};
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::step::Why;
use kiloclaw_lifecycle::{Input, Knobs, Status};
use serde_json::{Value, json};

use Recovery as R;

fn regions(list: [&str; 3]) -> Knobs {
    Knobs { regions: list.map(String::from).to_vec(), ..knobs() }
}

/// Imported without anything of our own, under way since `ago` ms.
fn imported(ago: u64, changes: Value) -> Script {
    let mut record = json!({ "recoveryStartedAt": NOON - ago });
    record.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    Script::flat("recovering", record)
}

/// The replacement was seen on its way, and `ms` after the beginning an alarm looks at it.
fn looking(ms: u64) -> Script {
    let mut script = recovering(R::Wait);
    script.answer(waited("starting"));
    script.after(MINUTE);
    script.ring();
    past_old_machine(&mut script);
    script.answer(machine("m2", "starting"));
    let began = script.instance.as_ref().unwrap().admin_view().recovery.started_at.unwrap();
    script.now = began.plus(ms);
    script.ring();
    script
}

#[test]
fn a_recovery_with_snapshots() {
    let mut script = Script::running();
    script.alarm();
    script.answer(machine("m1", "stopped")).is(r#"
        applied: recovering
        set recoveryStartedAt now
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
    script.answer(volume("vol-1", "created")).is("
        applied: recovering
        on the list machine m1 replaced due +1m
        call destroy_machine m1
        alarm +59s reconcile
    ");
    script.answer(accepted()).is("
        applied: recovering
        set flyMachineId null
        call create_volume #1 in eu fork of vol-1
        alarm +58s reconcile
    ");
    script.answer(volume_made("vol-2", "ord", "hydrating")).is(r#"
        applied: recovering
        set pendingRecoveryVolumeId "vol-2"
        call create_machine #2 ours on vol-2 in ord
        alarm +57s reconcile
    "#);
    script.answer(machine_made("m2", "ord")).is(r#"
        applied: recovering
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +56s reconcile
    "#);
    script.answer(waited("started")).is("
        applied: recovering
        log unexpected_stop_recovery_machine_started by=alarm machine=m2 region=iad
        call get_volume vol-2
        alarm +55s reconcile
    ");
    script.answer(fork("created")).is("
        applied: recovering (no commit)
        call probe_health m2 60s every 3000ms
        alarm +54s reconcile
    ");
    script.answer(health(true)).is("
        applied: recovering (no commit)
        call list_snapshots vol-1
        alarm +53s reconcile
    ");
    script.answer(snapshots(&[("vs-1", "created", 10)])).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
        alarm +53s disposal
    "#);
}

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
    script.answer(machine("m1", "stopped")).is("
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

#[test]
fn r6_what_the_wait_brings() {
    for (answer, expected) in [
        (
            waited("started"),
            "
                applied: recovering
                log unexpected_stop_recovery_machine_started by=alarm machine=m2 region=iad
                call get_volume vol-2
                alarm +55s reconcile
            ",
        ),
        (
            waited("starting"),
            "
                applied: recovering
                log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
                alarm +56s disposal
            ",
        ),
        (
            waited("created"),
            "
                applied: recovering
                log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
                alarm +56s disposal
            ",
        ),
        (
            waited("replacing"),
            "
                applied: recovering
                log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
                alarm +56s disposal
            ",
        ),
        (
            waited("stopped"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine entered stopped"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_terminal_machine_state by=alarm region=iad fly_state:"stopped"
                event instance.unexpected_stop_recovery_failed stopped "alarm_stopped" took=5s error="unexpected stop recovery replacement machine entered stopped" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            waited("failed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine entered failed"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_terminal_machine_state by=alarm region=iad fly_state:"failed"
                event instance.unexpected_stop_recovery_failed stopped "alarm_failed" took=5s error="unexpected stop recovery replacement machine entered failed" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            waited("destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine entered destroyed"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_terminal_machine_state by=alarm region=iad fly_state:"destroyed"
                event instance.unexpected_stop_recovery_failed stopped "alarm_destroyed" took=5s error="unexpected stop recovery replacement machine entered destroyed" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            unknown(),
            "
                applied: recovering
                alarm +1s retry
            ",
        ),
        (
            refused(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "makes no sense (status 422)"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=5s error="makes no sense (status 422)" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        recovering(R::Wait).answer(answer).is(expected);
    }
}

#[test]
fn r6_a_new_machine_may_not_be_visible_yet() {
    let mut script = recovering(R::Wait);
    script.answer(absent()).is("
        applied: recovering
        alarm +1s retry
    ");
    script.after(30 * SECOND);
    script.ring().is("
        applied: recovering (no commit)
        call get_machine m2
        alarm +1m reconcile
    ");
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "unexpected stop recovery replacement machine disappeared"
        set lastStoppedAt now
        set recoveryStartedAt null
        on the list machine m2 failed_recovery due now
        on the list volume vol-2 failed_recovery due now
        log unexpected_stop_recovery_machine_gone by=alarm region=iad
        event instance.unexpected_stop_recovery_failed stopped "alarm_machine_gone" took=36s error="unexpected stop recovery replacement machine disappeared" machine=m2 region=iad
        call get_machine m2
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn r6_a_replacement_that_is_not_found_by_a_look_after_its_grace_is_gone() {
    let mut script = recovering(R::Wait);
    script.after(30 * SECOND - LATENCY_MS);
    script.answer(absent()).is("
        applied: recovering
        alarm +1s retry
    ");
    script.alarm();
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "unexpected stop recovery replacement machine disappeared"
        set lastStoppedAt now
        set recoveryStartedAt null
        on the list machine m2 failed_recovery due now
        on the list volume vol-2 failed_recovery due now
        log unexpected_stop_recovery_machine_gone by=alarm region=iad
        event instance.unexpected_stop_recovery_failed stopped "alarm_machine_gone" took=36s error="unexpected stop recovery replacement machine disappeared" machine=m2 region=iad
        call get_machine m2
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn r6_a_wait_asked_within_the_grace_proves_nothing_however_late_it_finds_no_machine() {
    let mut script = recovering(R::Wait);
    script.after(10 * MINUTE);
    // No look at once: the old machine, which is due on the list, comes before it.
    script.answer(absent()).is("
        applied: recovering (no commit)
        call get_machine m1
        alarm now reconcile
    ");
}

#[test]
fn r6_a_wait_that_failed_past_the_time_is_followed_by_a_look_at_once() {
    let mut script = recovering(R::Wait);
    script.after(10 * MINUTE);
    script.answer(unknown()).is("
        applied: recovering (no commit)
        call get_machine m2
        alarm now reconcile
    ");
}

#[test]
fn r6_the_alarm_goes_on_watching() {
    for (answer, expected) in [
        (
            machine("m2", "started"),
            "
                applied: recovering
                log unexpected_stop_recovery_machine_started by=alarm machine=m2 region=iad
                call get_volume vol-2
                alarm +59s reconcile
            ",
        ),
        (
            machine("m2", "starting"),
            "
                applied: recovering
                log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
                alarm +1m reconcile
            ",
        ),
        (
            machine("m2", "created"),
            "
                applied: recovering
                log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
                alarm +1m reconcile
            ",
        ),
        (
            machine("m2", "stopped"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine entered stopped"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_terminal_machine_state by=alarm region=iad fly_state:"stopped"
                event instance.unexpected_stop_recovery_failed stopped "alarm_stopped" took=121s error="unexpected stop recovery replacement machine entered stopped" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            machine("m2", "failed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine entered failed"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_terminal_machine_state by=alarm region=iad fly_state:"failed"
                event instance.unexpected_stop_recovery_failed stopped "alarm_failed" took=121s error="unexpected stop recovery replacement machine entered failed" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            machine("m2", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine entered destroyed"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_terminal_machine_state by=alarm region=iad fly_state:"destroyed"
                event instance.unexpected_stop_recovery_failed stopped "alarm_destroyed" took=121s error="unexpected stop recovery replacement machine entered destroyed" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            a_machine("m2", "stopped").unreachable().seen(),
            "
                applied: recovering
                log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
                alarm +1m reconcile
            ",
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine disappeared"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_machine_gone by=alarm region=iad
                event instance.unexpected_stop_recovery_failed stopped "alarm_machine_gone" took=121s error="unexpected stop recovery replacement machine disappeared" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            unknown(),
            "
                applied: recovering
                alarm +1s retry
            ",
        ),
        (
            refused(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "makes no sense (status 422)"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=121s error="makes no sense (status 422)" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        looking(2 * MINUTE).answer(answer).is(expected);
    }
}

#[test]
fn r7_the_fork_must_still_be_there() {
    for gone in [absent(), fork("fork_cleanup")] {
        recovering(R::Verify).answer(gone).is(r#"
            applied: stopped
            set flyMachineId null
            set lastRecoveryErrorAt now
            set lastRecoveryErrorMessage "Cannot recover unexpected stop: replacement volume vol-2 missing"
            set lastStoppedAt now
            set recoveryStartedAt null
            on the list machine m2 failed_recovery due now
            on the list volume vol-2 failed_recovery due now
            event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=6s error="Cannot recover unexpected stop: replacement volume vol-2 missing" machine=m2 region=iad
            call get_machine m2
            alarm +90001ms call_deadline
        "#);
    }
    recovering(R::Verify).answer(unknown()).is("
        applied: recovering
        alarm +1s retry
    ");
    let mut script = recovering(R::Verify);
    script.answer(seen(Volume { region: Some(region("cdg")), ..a_volume("vol-2", "created") })).is("
        applied: recovering (no commit)
        call probe_health m2 60s every 3000ms
        alarm +54s reconcile
    ");
    script.answer(health(true));
    script.answer(snapshots(&[("vs-1", "created", 10)])).is(r#"
        applied: running
        set flyRegion "cdg"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=cdg
        alarm +53s disposal
    "#);
}

#[test]
fn r7_a_fork_that_cannot_be_looked_at_is_asked_for_through_the_back_off_once() {
    let mut script = recovering(R::Verify);
    for _ in 0..4 {
        let got = script.answer(unknown());
        assert_eq!(got.alarm.map(|alarm| alarm.why), Some(Why::Retry));
        script.alarm();
    }
    script.answer(unknown()).is("
        applied: recovering (no commit)
        call probe_health m2 60s every 3000ms
        alarm +59s reconcile
    ");
}

#[test]
fn r7_an_unhealthy_answer_is_recorded_and_undoes_nothing() {
    for answer in [health(false), unknown(), refused()] {
        recovering(R::Probe).answer(answer).is("
            applied: recovering
            log unexpected_stop_recovery_unhealthy by=alarm region=iad
            call list_snapshots vol-1
            alarm +53s reconcile
        ");
    }
}

#[test]
fn r8_what_snapshots_mean_for_the_source() {
    for (answer, expected) in [
        (
            snapshots(&[]),
            r#"
                applied: running
                set flyRegion "ord"
                set flyVolumeId "vol-2"
                set lastStartedAt now
                set pendingRecoveryVolumeId null
                set recoveryPreviousVolumeCleanupAfter now
                set recoveryPreviousVolumeId "vol-1"
                set recoveryStartedAt null
                on the list volume vol-1 retained until now for vol-2 healthy hydrated immediate
                event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            snapshots(&[("vs-1", "failed", 10), ("vs-2", "running", 10), ("vs-3", "pending", 10)]),
            r#"
                applied: running
                set flyRegion "ord"
                set flyVolumeId "vol-2"
                set lastStartedAt now
                set pendingRecoveryVolumeId null
                set recoveryPreviousVolumeCleanupAfter now
                set recoveryPreviousVolumeId "vol-1"
                set recoveryStartedAt null
                on the list volume vol-1 retained until now for vol-2 healthy hydrated immediate
                event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            snapshots(&[("vs-1", "failed", 10), ("vs-2", "complete", 10)]),
            r#"
                applied: running
                set flyRegion "ord"
                set flyVolumeId "vol-2"
                set lastStartedAt now
                set pendingRecoveryVolumeId null
                set recoveryPreviousVolumeCleanupAfter +7d
                set recoveryPreviousVolumeId "vol-1"
                set recoveryStartedAt null
                on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
                event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
                alarm +53s disposal
            "#,
        ),
        (
            refused(),
            r#"
                applied: running
                set flyRegion "ord"
                set flyVolumeId "vol-2"
                set lastStartedAt now
                set pendingRecoveryVolumeId null
                set recoveryPreviousVolumeCleanupAfter +7d
                set recoveryPreviousVolumeId "vol-1"
                set recoveryStartedAt null
                on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
                event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
                alarm +53s disposal
            "#,
        ),
        (
            absent(),
            r#"
                applied: running
                set flyRegion "ord"
                set flyVolumeId "vol-2"
                set lastStartedAt now
                set pendingRecoveryVolumeId null
                set recoveryPreviousVolumeCleanupAfter +7d
                set recoveryPreviousVolumeId "vol-1"
                set recoveryStartedAt null
                on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
                event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
                alarm +53s disposal
            "#,
        ),
    ] {
        recovering(R::Snapshots).answer(answer).is(expected);
    }
}

#[test]
fn r8_snapshots_that_cannot_be_listed_are_asked_for_through_the_back_off_once() {
    let mut script = recovering(R::Snapshots);
    for wait in [1, 5, 15, 30] {
        let got = script.answer(unknown());
        assert_eq!((got.status, got.calls.len()), (Some(Status::Recovering), 0));
        script.after(wait * SECOND);
        script.ring();
        past_old_machine(&mut script);
    }
    script.answer(limited()).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=64s machine=m2 region=ord
        alarm +5m reconcile
    "#);
}

#[test]
fn r9_a_proven_relocation_deletes_the_source_after_the_cut_over() {
    let mut script = recovering(R::Snapshots);
    script.answer(snapshots(&[])).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter now
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list volume vol-1 retained until now for vol-2 healthy hydrated immediate
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-1", "created")).is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(fork("created")).is("
        applied: running
        call delete_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: running
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is(r#"
        applied: running
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-1
        log destroy_volume_ok value=0 by=alarm machine=m2 region=ord volume:"vol-1"
        event instance.retained_volume_deleted machine=m2 region=ord volume:"vol-1"
        alarm +49s disposal
    "#);
}

#[test]
fn r9_the_source_is_held_back_until_the_fork_does_without_it() {
    let mut script = recovering(R::Verify);
    script.answers([fork("hydrating"), health(true)]);
    script.answer(snapshots(&[])).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list volume vol-1 retained until +7d for vol-2 healthy immediate
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
        alarm +53s disposal
    "#);
    let mut script = relocated("hydrating", true);
    script.answer(serving()).is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(fork("hydrating")).is("
        applied: running
        alarm +5m reconcile
    ");
    script.alarm();
    script.answer(serving());
    script.answer(fork("created")).is("
        applied: running
        set recoveryPreviousVolumeCleanupAfter now
        on the list volume vol-1 retained until now for vol-2 healthy hydrated immediate
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn r9_that_the_fork_does_without_its_source_is_remembered_while_health_is_asked_for() {
    let mut script = relocated("hydrating", false);
    script.answer(serving());
    script.answer(fork("created")).is("
        applied: running
        on the list volume vol-1 retained until +604744s for vol-2 hydrated immediate
        call probe_health m2 60s every 3000ms
        alarm +90001ms call_deadline
    ");
}

#[test]
fn r9_the_source_is_held_back_until_the_replacement_is_seen_healthy() {
    let mut script = recovering(R::Verify);
    script.answers([fork("created"), health(false)]);
    script.answer(snapshots(&[])).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set lastStartedAt now
        set pendingRecoveryVolumeId null
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set recoveryStartedAt null
        on the list volume vol-1 retained until +7d for vol-2 hydrated immediate
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=8s machine=m2 region=ord
        alarm +53s disposal
    "#);
    let mut script = relocated("created", false);
    script.answer(serving());
    script.answer(fork("created")).is("
        applied: running (no commit)
        call probe_health m2 60s every 3000ms
        alarm +90001ms call_deadline
    ");
    script.answer(health(false)).is("
        applied: running
        alarm +5m reconcile
    ");
    script.alarm();
    script.answer(serving());
    script.answer(fork("created"));
    script.answer(health(true)).is("
        applied: running
        set recoveryPreviousVolumeCleanupAfter now
        on the list volume vol-1 retained until now for vol-2 healthy hydrated immediate
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn r9_at_its_date_the_source_goes_even_if_health_was_never_seen_but_never_from_a_hydrating_fork() {
    let date = |mut script: Script| {
        script.answer(unknown());
        script.after(7 * DAY);
        script.ring();
        script.answer(volume("vol-1", "created"));
        script
    };
    let mut script = date(relocated("created", false));
    script.answer(fork("created")).is("
        applied: running
        call delete_volume vol-1
        alarm +90001ms call_deadline
    ");
    let mut script = date(relocated("hydrating", true));
    script.answer(fork("hydrating")).is("
        applied: running (no commit)
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-1 retained until +5m for vol-2 healthy immediate
        call get_machine m2
        alarm +90001ms call_deadline
    ");
    let mut script = date(relocated("created", false));
    script.answer(absent()).is("
        applied: running (no commit)
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-1 retained until +5m for vol-2 hydrated immediate
        call get_machine m2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn r9_snapshots_keep_the_source_for_its_time_only() {
    let mut script = recovering(R::Over);
    let date = script.now.plus(7 * DAY);
    script.alarm();
    script.answers([machine("m1", "destroyed"), unknown()]);
    script.now = date;
    script.ring().is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: running (no commit)
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
fn r10_a_failure_before_the_destroy_was_asked_for_keeps_the_old_machine() {
    recovering(R::Inspect).answer(refused()).is(r#"
        applied: stopped
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "makes no sense (status 422)"
        set lastStoppedAt now
        set recoveryStartedAt null
        event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=1s error="makes no sense (status 422)" machine=m1 region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn r10_everything_made_is_disposed_of() {
    let mut script = recovering(R::Wait);
    script.answer(waited("failed")).is(r#"
        applied: stopped
        set flyMachineId null
        set lastRecoveryErrorAt now
        set lastRecoveryErrorMessage "unexpected stop recovery replacement machine entered failed"
        set lastStoppedAt now
        set recoveryStartedAt null
        on the list machine m2 failed_recovery due now
        on the list volume vol-2 failed_recovery due now
        log unexpected_stop_recovery_terminal_machine_state by=alarm region=iad fly_state:"failed"
        event instance.unexpected_stop_recovery_failed stopped "alarm_failed" took=5s error="unexpected stop recovery replacement machine entered failed" machine=m2 region=iad
        call get_machine m2
        alarm +90001ms call_deadline
    "#);
    script.answer(machine("m2", "failed")).is("
        applied: stopped
        call destroy_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: stopped
        call get_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m2", "destroyed")).is("
        applied: stopped
        off the list machine m2
        log destroy_machine_ok value=0 by=alarm machine=m2 region=iad
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(fork("created")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: stopped
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(fork("pending_destroy")).is(r#"
        applied: stopped
        set pendingRecoveryVolumeId null
        off the list volume vol-2
        log destroy_volume_ok value=0 by=alarm region=iad volume:"vol-2"
        alarm +49s disposal
    "#);
}

#[test]
fn r11_past_its_time_a_recovery_fails_unless_the_replacement_has_started() {
    const LATE: u64 = 10 * MINUTE;
    for (answer, expected) in [
        (
            machine("m2", "started"),
            "
                applied: recovering
                log unexpected_stop_recovery_machine_started by=alarm machine=m2 region=iad
                call get_volume vol-2
                alarm +59s reconcile
            ",
        ),
        (
            machine("m2", "starting"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery timed out"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
                log unexpected_stop_recovery_timeout by=alarm region=iad
                event instance.unexpected_stop_recovery_failed stopped "alarm_timeout" took=601s error="unexpected stop recovery timed out" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            machine("m2", "stopped"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine entered stopped"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_terminal_machine_state by=alarm region=iad fly_state:"stopped"
                event instance.unexpected_stop_recovery_failed stopped "alarm_stopped" took=601s error="unexpected stop recovery replacement machine entered stopped" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery replacement machine disappeared"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_machine_gone by=alarm region=iad
                event instance.unexpected_stop_recovery_failed stopped "alarm_machine_gone" took=601s error="unexpected stop recovery replacement machine disappeared" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            unknown(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery timed out"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_timeout by=alarm region=iad
                event instance.unexpected_stop_recovery_failed stopped "alarm_timeout" took=601s error="unexpected stop recovery timed out" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
        (
            a_machine("m2", "started").unreachable().seen(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "unexpected stop recovery timed out"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list machine m2 failed_recovery due now
                on the list volume vol-2 failed_recovery due now
                log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
                log unexpected_stop_recovery_timeout by=alarm region=iad
                event instance.unexpected_stop_recovery_failed stopped "alarm_timeout" took=601s error="unexpected stop recovery timed out" machine=m2 region=iad
                call get_machine m2
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        looking(LATE).answer(answer).is(expected);
    }
    let mut script = looking(LATE - LATENCY_MS);
    script.answer(machine("m2", "starting")).is("
        applied: recovering
        log unexpected_stop_recovery_waiting_for_start by=alarm machine=m2 region=iad
        alarm +1ms timeout
    ");
    script.alarm().is("
        applied: recovering (no commit)
        call get_machine m2
        alarm +1m reconcile
    ");
}

#[test]
fn r11_every_stage_ends_in_time() {
    for stage in [R::Inspect, R::RemoveOld, R::Fork, R::Create] {
        let mut script = recovering(stage);
        script.answer(unknown());
        let began = script.instance.as_ref().unwrap().admin_view().recovery.started_at.unwrap();
        script.now = began.plus(10 * MINUTE);
        assert_eq!(script.clone().ring().status, Some(Status::Recovering), "{stage:?}");
        script.after(1);
        // The old machine may be asked about first.
        let first = script.ring();
        let got = if first.status == Some(Status::Recovering) { script.answer(unknown()) } else { first };
        assert_eq!(got.status, Some(Status::Stopped), "{stage:?}");
        let failed = got.events.iter().find(|event| event.event == EventName::Life(Milestone::RecoveryFailed)).unwrap();
        let told = (failed.label.as_deref(), failed.error.as_deref());
        assert_eq!(told, (Some("alarm_timeout"), Some("unexpected stop recovery timed out")), "{stage:?}");
    }
}

#[test]
fn r11_a_started_replacement_is_not_timed_out_later() {
    let mut script = recovering(R::Verify);
    script.answer(unknown());
    script.after(11 * MINUTE);
    script.ring().is("
        applied: recovering (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(machine("m1", "destroyed")).is("
        applied: recovering
        off the list machine m1
        log destroy_machine_ok value=0 by=alarm machine=m1 region=iad
        call get_volume vol-2
        alarm +1m reconcile
    ");
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
        on the list volume vol-1 retained until +7d for vol-2 healthy hydrated
        event instance.unexpected_stop_recovery_succeeded running "alarm_relocated" took=670s machine=m2 region=ord
        alarm +5m reconcile
    "#);
}

#[test]
fn r12_transient_faults_are_retried_in_every_stage() {
    for stage in [R::Inspect, R::RemoveOld, R::Fork, R::Create, R::Wait, R::Verify, R::Snapshots] {
        for fault in [busy(), limited(), unauthorized()] {
            let mut script = recovering(stage);
            let asked = script.call.clone().unwrap().call;
            let got = script.answer(fault);
            assert_eq!(got.status, Some(Status::Recovering), "{stage:?}");
            assert_eq!((got.calls.len(), got.events.len()), (0, 0), "{stage:?}");
            let alarm = got.alarm.unwrap();
            assert_eq!((alarm.at, alarm.why), (script.now.plus(SECOND), Why::Retry), "{stage:?}");
            // A wait that failed is followed by a look.
            let look = Call::GetMachine { machine: machine_id("m2") };
            assert_eq!(script.alarm().calls, [if stage == R::Wait { look } else { asked }], "{stage:?}");
        }
    }
}

#[test]
fn r12_the_back_off_grows_and_progress_resets_it() {
    let mut script = recovering(R::Inspect);
    for wait in [1, 5, 15, 30, 30] {
        let alarm = script.answer(unknown()).alarm.unwrap();
        assert_eq!(alarm.at, script.now.plus(wait * SECOND));
        script.alarm();
    }
    script.answer(volume("vol-1", "created"));
    let alarm = script.answer(unknown()).alarm.unwrap();
    assert_eq!(alarm.at, script.now.plus(SECOND));
}

#[test]
fn r12_a_refusal_fails_at_once() {
    for (stage, expected) in [
        (
            R::Inspect,
            r#"
                applied: stopped
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "makes no sense (status 422)"
                set lastStoppedAt now
                set recoveryStartedAt null
                event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=1s error="makes no sense (status 422)" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            R::RemoveOld,
            r#"
                applied: stopped
                set flyMachineId null
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "makes no sense (status 422)"
                set lastStoppedAt now
                set recoveryStartedAt null
                event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=2s error="makes no sense (status 422)" region=iad
                alarm +59s disposal
            "#,
        ),
        (
            R::Fork,
            r#"
                applied: stopped
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "makes no sense (status 422)"
                set lastStoppedAt now
                set recoveryStartedAt null
                event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=3s error="makes no sense (status 422)" region=iad
                alarm +58s disposal
            "#,
        ),
        (
            R::Create,
            r#"
                applied: stopped
                set lastRecoveryErrorAt now
                set lastRecoveryErrorMessage "makes no sense (status 422)"
                set lastStoppedAt now
                set recoveryStartedAt null
                on the list volume vol-2 failed_recovery due now
                event instance.unexpected_stop_recovery_failed stopped "alarm_relocated" took=4s error="makes no sense (status 422)" region=iad
                call get_volume vol-2
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        recovering(stage).answer(refused()).is(expected);
    }
}

#[test]
fn t5_a_lost_fork_is_looked_up() {
    let mut script = recovering(R::Fork);
    script.answer(unknown()).is("
        applied: recovering
        alarm +1s retry
    ");
    script.alarm().is("
        applied: recovering (no commit)
        call list_volumes named #1
        alarm +1m reconcile
    ");
    let name = script.names.get(1);
    let found = Volume { name: name.to_string(), region: Some(region("ord")), ..a_volume("vol-2", "hydrating") };
    script.answer(volumes([found])).is(r#"
        applied: recovering
        set pendingRecoveryVolumeId "vol-2"
        call create_machine #2 ours on vol-2 in ord
        alarm +59s reconcile
    "#);
}

#[test]
fn t5_a_lost_replacement_is_looked_up_and_its_id_committed_before_the_wait() {
    let lost = || {
        let mut script = recovering(R::Create);
        script.answer(unknown()).is("
            applied: recovering
            alarm +1s retry
        ");
        script.alarm().is("
            applied: recovering (no commit)
            call list_machines ours
            alarm +1m reconcile
        ");
        script
    };
    let mut script = lost();
    let name = script.names.get(2);
    script.answer(machines([a_machine("m2", "starting").mounting("vol-2").named(&name)])).is(r#"
        applied: recovering
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +59s reconcile
    "#);
    let mut script = lost();
    script.answer(machines([])).is("
        applied: recovering
        call create_machine #2 ours on vol-2 in ord
        alarm +59s reconcile
    ");
    script.answer(machine_made("m2", "ord")).is(r#"
        applied: recovering
        set flyMachineId "m2"
        on the list machine named #2 late_create due +117001ms
        call wait_machine m2 started 60s
        alarm +58s reconcile
    "#);
}

#[test]
fn t5_a_time_out_leaves_what_may_yet_land_on_the_list() {
    for stage in [R::Fork, R::Create] {
        let mut script = recovering(stage);
        script.answer(unknown());
        let lost_at = script.now;
        script.after(10 * MINUTE);
        script.ring();
        past_old_machine(&mut script);
        assert_eq!(script.status(), Some(Status::Stopped));
        let due = |entry: &DisposalView| match entry.thing {
            ThingView::MachineNamed(_) | ThingView::VolumeNamed(_) => Some(entry.due),
            ThingView::Machine(_) | ThingView::Volume(_) => None,
        };
        let listed = script.instance.as_ref().unwrap().admin_view().disposal;
        assert_eq!(listed.iter().find_map(due), Some(lost_at.plus(120_001)), "{stage:?}");
    }
}

#[test]
fn t6_resume_in_every_stage() {
    for (stage, expected) in [
        (
            R::Inspect,
            "
                applied: recovering
                call get_volume vol-1
                alarm +1m reconcile
            ",
        ),
        (
            R::RemoveOld,
            "
                applied: recovering
                call destroy_machine m1
                alarm +59s reconcile
            ",
        ),
        (
            R::Fork,
            "
                applied: recovering
                alarm +1s retry
            ",
        ),
        (
            R::Create,
            "
                applied: recovering
                alarm +1s retry
            ",
        ),
        (
            R::Wait,
            "
                applied: recovering
                call wait_machine m2 started 60s
                alarm +56s reconcile
            ",
        ),
        (
            R::Verify,
            "
                applied: recovering
                call get_volume vol-2
                alarm +55s reconcile
            ",
        ),
        (
            R::Probe,
            "
                applied: recovering
                call probe_health m2 60s every 3000ms
                alarm +54s reconcile
            ",
        ),
        (
            R::Snapshots,
            "
                applied: recovering
                call list_snapshots vol-1
                alarm +53s reconcile
            ",
        ),
    ] {
        recovering(stage).resume().is(expected);
    }
    looking(2 * MINUTE).resume().is("
        applied: recovering
        call get_machine m2
        alarm +1m reconcile
    ");
}

#[test]
fn a_lost_call_is_made_again_by_the_alarm() {
    for stage in R::ALL {
        let mut script = recovering(stage);
        script.after(90 * SECOND);
        let early = script.ring();
        assert_eq!((early.calls.len(), early.status), (0, Some(Status::Recovering)), "{stage:?}");
        script.after(1);
        assert!(script.ring().calls.len() <= 1, "{stage:?}");
    }
}

#[test]
fn t4_the_outcome_of_another_attempt_changes_nothing() {
    let mut script = recovering(R::Fork);
    let fork = script.call.clone().unwrap().id;
    script.answer(refused());
    script.give(Input::Outcome { op: fork, result: volume_made("vol-2", "ord", "created") }).is("
        applied: stopped
        on the list volume vol-2 late_create due now
        log dispose_late_create by=alarm region=iad
        alarm now disposal
    ");
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

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (K::Provision, "denied recovering: recovering"),
        (K::Start, "denied recovering: recovering"),
        (K::Stop, "ignored nothing_to_do: recovering"),
        (K::Restart, "denied busy: recovering"),
        (K::Destroy, "denied recovering: recovering"),
        (K::CleanupRetainedVolume, "denied recovering: recovering"),
        (K::ReassociateVolume, "denied recovering: recovering"),
        (K::Resize, "denied recovering: recovering"),
        (K::RestoreSnapshot, "denied recovering: recovering"),
        (
            K::RetryLookup,
            "
                applied: recovering
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied recovering: recovering"),
        (K::Refresh, "ignored nothing_to_do: recovering"),
    ] {
        recovering(R::Wait).command(any(kind)).is(expected);
    }
    recovering(R::Fork).command(restart()).is("denied no_machine: recovering");
}
