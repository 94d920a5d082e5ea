//! What becomes of the source after the cut-over (R8, R9).

use crate::script::{DAY, SECOND, Script};
use crate::stages::{Recovery as R, fork, past_old_machine, recovering, relocated, serving};
use crate::world::{absent, accepted, health, limited, machine, refused, snapshots, unknown, volume};
use kiloclaw_lifecycle::Status;

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
