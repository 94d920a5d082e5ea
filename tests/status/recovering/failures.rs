//! How an attempt fails, and when its time is over (R10 to R12).

use super::looking;
use crate::script::{LATENCY_MS, MINUTE, SECOND};
use crate::stages::{Recovery as R, fork, recovering};
use crate::world::{
    Remade, a_machine, absent, accepted, busy, health, limited, machine, machine_id, refused, snapshots, unauthorized,
    unknown, volume, waited,
};
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::call::Call;
use kiloclaw_lifecycle::event::{EventName, Milestone};
use kiloclaw_lifecycle::step::Why;

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
    script.answer(a_machine("m2", "failed").mounting("vol-2").seen()).is("
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
