//! The replacement: waited for, looked at, its volume verified (R6, R7).

use super::looking;
use crate::script::{LATENCY_MS, MINUTE, SECOND};
use crate::stages::{Recovery as R, fork, recovering};
use crate::world::{
    Remade, a_machine, a_volume, absent, health, machine, refused, region, seen, snapshots, unknown, waited,
};
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::step::Why;

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
