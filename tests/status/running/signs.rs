//! Signs that the machine has stopped, and what they lead to (R1).

use super::{looking, looking_under};
use crate::script::knobs;
use crate::world::{absent, machine, volume};
use kiloclaw_lifecycle::Knobs;
use kiloclaw_lifecycle::policy::{Signal, Signal as S};
use std::collections::BTreeSet;

fn recover_on(signals: impl IntoIterator<Item = Signal>) -> Knobs {
    Knobs { recover_on: BTreeSet::from_iter(signals), ..knobs() }
}

#[test]
fn r1_a_stopped_machine_begins_a_recovery() {
    looking().answer(machine("m1", "stopped")).is(r#"
        applied: recovering
        set recoveryStartedAt now
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
}

#[test]
fn r1_the_threshold_counts_consecutive_observations() {
    let mut script = looking_under(Knobs { self_heal_threshold: 3, ..knobs() });
    script.answer(machine("m1", "stopped")).is("
        applied: running
        set healthCheckFailCount 1
        alarm +5m reconcile
    ");
    script.alarm();
    script.answer(machine("m1", "stopped")).is("
        applied: running
        set healthCheckFailCount 2
        alarm +5m reconcile
    ");
    script.alarm();
    script.answer(machine("m1", "started")).is("
        applied: running
        set healthCheckFailCount 0
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: running
        alarm +5m reconcile
    ");
    for _ in 0..2 {
        script.alarm();
        script.answer(machine("m1", "stopped"));
    }
    script.alarm();
    script.answer(machine("m1", "stopped")).is(r#"
        applied: recovering
        set healthCheckFailCount 0
        set recoveryStartedAt now
        log unexpected_stop_recovery_trigger value=3 by=alarm machine=m1 region=iad fail_count:3 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=3 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
}

#[test]
fn r1_after_a_started_machine_the_next_observation_counts_at_once() {
    let mut script = looking_under(Knobs { self_heal_threshold: 2, ..knobs() });
    script.answer(machine("m1", "stopped"));
    script.ring();
    script.answers([machine("m1", "started"), volume("vol-1", "created")]);
    script.ring();
    script.answer(machine("m1", "stopped")).is("
        applied: running
        set healthCheckFailCount 1
        alarm +5m reconcile
    ");
}

#[test]
fn reconcile_failed_destroyed_and_gone_recover_only_when_the_policy_says_so() {
    for (signal, answer, stops, recovers) in [
        (
            S::Failed,
            machine("m1", "failed"),
            r#"
                applied: stopped
                set lastStoppedAt now
                log sync_status_failed stopped by=alarm machine=m1 region=iad fly_state:"failed" new_state:"stopped" old_state:"running"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
            r#"
                applied: recovering
                set recoveryStartedAt now
                log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:0 fly_state:"failed" new_state:"recovering" old_state:"running"
                event instance.unexpected_stop_recovery_started recovering "alarm_failed" value=0 machine=m1 region=iad
                call get_volume vol-1
                alarm +1m reconcile
            "#,
        ),
        (
            S::Destroyed,
            machine("m1", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                log sync_status_destroyed stopped by=alarm machine=m1 region=iad fly_state:"destroyed" new_state:"stopped" old_state:"running"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
            r#"
                applied: recovering
                set recoveryStartedAt now
                log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:0 fly_state:"destroyed" new_state:"recovering" old_state:"running"
                event instance.unexpected_stop_recovery_started recovering "alarm_destroyed" value=0 machine=m1 region=iad
                call get_volume vol-1
                alarm +1m reconcile
            "#,
        ),
        (
            S::Gone,
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                log clear_stale_machine stopped by=alarm machine=m1 region=iad fly_state:"gone" new_state:"stopped" old_state:"running"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
            r#"
                applied: recovering
                set recoveryStartedAt now
                log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:0 fly_state:"gone" new_state:"recovering" old_state:"running"
                event instance.unexpected_stop_recovery_started recovering "alarm_gone" value=0 machine=m1 region=iad
                call get_volume vol-1
                alarm +1m reconcile
            "#,
        ),
    ] {
        looking().answer(answer.clone()).is(stops);
        looking_under(recover_on([S::Stopped, signal])).answer(answer).is(recovers);
    }
}

#[test]
fn recover_on_without_stopped_only_marks() {
    looking_under(recover_on([])).answer(machine("m1", "stopped")).is(r#"
        applied: stopped
        set lastStoppedAt now
        log sync_status_stopped stopped by=alarm machine=m1 region=iad fly_state:"stopped" new_state:"stopped" old_state:"running"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
}
