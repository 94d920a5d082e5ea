//! The one way anything is deleted.

mod cleanup;
mod proofs;

use crate::commands::clean_up;
use crate::script::{DAY, Got, MINUTE, NOON, Script, knobs};
use crate::stages::{Recovery, fork, keeping, recovering};
use crate::world::{
    Remade, a_machine, absent, accepted, busy, held, limited, machine, refused, unauthorized, unknown, volume, volumes,
};
use kiloclaw_lifecycle::Knobs;
use serde_json::json;

/// What is looked at is not there, nor anywhere else.
fn not_found(script: &mut Script) -> Got {
    script.answer(absent());
    script.answer(volumes([]))
}

/// A retained volume past its date is looked at.
fn due() -> Script {
    let mut script = keeping();
    script.after(DAY);
    script.ring();
    script
}

/// An admin wants the retained volume gone, and it is looked at.
fn asked() -> Script {
    let mut script = keeping();
    script.command(clean_up(None));
    script
}

#[test]
fn d1_a_retained_volume_goes_at_its_date() {
    let mut script = keeping();
    script.after(DAY - 1);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    let mut script = keeping();
    script.after(DAY);
    script.ring().is("
        applied: stopped (no commit)
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-0", "created")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        call delete_volume vol-0
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: stopped
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-0", "pending_destroy")).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=alarm machine=m1 region=iad volume:"vol-0"
        event instance.retained_volume_deleted machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d6_only_an_answer_that_proves_it_gone_removes_an_entry() {
    for gone in [absent(), volume("vol-0", "destroyed"), volume("vol-0", "fork_cleanup")] {
        let mut script = due();
        script.answer(gone).is("
            applied: stopped (no commit)
            call list_volumes ours
            alarm +90001ms call_deadline
        ");
        script.answer(volumes([])).is(r#"
            applied: stopped
            set recoveryPreviousVolumeCleanupAfter null
            set recoveryPreviousVolumeId null
            off the list volume vol-0
            log destroy_volume_ok value=0 by=alarm machine=m1 region=iad volume:"vol-0"
            event instance.retained_volume_deleted machine=m1 region=iad volume:"vol-0"
            call get_machine m1
            alarm +90001ms call_deadline
        "#);
    }
    for (fault, said) in [
        (unknown(), "no answer in time (status 503)"),
        (busy(), "still bound (status 412)"),
        (limited(), "slow down (status 429)"),
        (unauthorized(), "who are you (status 401)"),
        (refused(), "makes no sense (status 422)"),
    ] {
        due().answer(fault).is(&format!(
            "
            applied: stopped
            set recoveryPreviousVolumeCleanupAfter +1m
            on the list volume vol-0 retained until +1m tried 1 {said:?}
            log destroy_volume_failed value=0 error={said:?} by=alarm machine=m1 region=iad volume:\"vol-0\"
            call get_machine m1
            alarm +90001ms call_deadline
            "
        ));
    }
    let mut script = due();
    script.answers([volume("vol-0", "created"), volume("vol-1", "created"), accepted()]);
    script.answer(volume("vol-0", "created")).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-0 retained until +1m tried 1 "not gone yet"
        log destroy_volume_failed value=0 error="not gone yet" by=alarm machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d3_the_holder_is_checked_before_anything_is_destroyed() {
    for (answer, expected) in [
        (
            machine("m9", "started"),
            "
                applied: stopped (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            machine("m9", "destroyed"),
            "
                applied: stopped (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            absent(),
            "
                applied: stopped (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            a_machine("m9", "started").of_sandbox("sandbox-9").seen(),
            r#"
                applied: stopped
                set recoveryPreviousVolumeCleanupAfter +1m
                on the list volume vol-0 retained until +1m tried 1 "Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9"
                event instance.retained_volume_cleanup_refused error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9" machine=m1 region=iad volume:"vol-0"
                log destroy_volume_failed value=0 error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9" by=alarm machine=m1 region=iad volume:"vol-0"
                call get_machine m1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            a_machine("m9", "destroying").of_sandbox("sandbox-9").seen(),
            r#"
                applied: stopped
                set recoveryPreviousVolumeCleanupAfter +1m
                on the list volume vol-0 retained until +1m tried 1 "Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9"
                event instance.retained_volume_cleanup_refused error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9" machine=m1 region=iad volume:"vol-0"
                log destroy_volume_failed value=0 error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9" by=alarm machine=m1 region=iad volume:"vol-0"
                call get_machine m1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            a_machine("m9", "started").unlabelled().seen(),
            r#"
                applied: stopped
                set recoveryPreviousVolumeCleanupAfter +1m
                on the list volume vol-0 retained until +1m tried 1 "Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found unknown"
                event instance.retained_volume_cleanup_refused error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found unknown" machine=m1 region=iad volume:"vol-0"
                log destroy_volume_failed value=0 error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found unknown" by=alarm machine=m1 region=iad volume:"vol-0"
                call get_machine m1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            a_machine("m9", "started").unreachable().seen(),
            r#"
                applied: stopped
                set recoveryPreviousVolumeCleanupAfter +1m
                on the list volume vol-0 retained until +1m tried 1 "whose machine m9 is cannot be seen"
                log destroy_volume_failed value=0 error="whose machine m9 is cannot be seen" by=alarm machine=m1 region=iad volume:"vol-0"
                call get_machine m1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            unknown(),
            r#"
                applied: stopped
                set recoveryPreviousVolumeCleanupAfter +1m
                on the list volume vol-0 retained until +1m tried 1 "no answer in time (status 503)"
                log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm machine=m1 region=iad volume:"vol-0"
                call get_machine m1
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        let mut script = due();
        script.answer(held("vol-0", "m9")).is("
            applied: stopped (no commit)
            call get_machine m9
            alarm +90001ms call_deadline
        ");
        script.answer(answer).is(expected);
    }
    let mut script = due();
    script.answers([held("vol-0", "m9"), machine("m9", "stopped")]);
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        call destroy_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: stopped
        on the list machine m9 replaced due +1m
        log destroy_machine_for_volume_cleanup by=alarm machine=m9 region=iad
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d3_the_current_machine_is_never_destroyed_for_another_volume() {
    due().answer(held("vol-0", "m1")).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-0 retained until +1m tried 1 "held by the instance's own machine m1"
        log destroy_volume_failed value=0 error="held by the instance's own machine m1" by=alarm machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d3_a_refusal_is_told_once_and_counts_as_an_attempt() {
    let foreign = || a_machine("m9", "started").of_sandbox("sandbox-9").seen();
    let mut script = due();
    script.answers([held("vol-0", "m9"), foreign(), machine("m1", "stopped"), volume("vol-1", "created")]);
    script.after(MINUTE);
    script.ring();
    script.answer(held("vol-0", "m9"));
    script.answer(foreign()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-0 retained until +5m tried 2 "Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9"
        log destroy_volume_failed value=1 error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9" by=alarm machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d4_attempts_become_rarer_and_the_last_wait_repeats() {
    let mut script = due();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let got = script.answer(unknown());
        let entry = script.instance.as_ref().unwrap().admin_view().retained.remove(0);
        waits.push(entry.clean_up_after.since(script.now));
        // The alarm's own look ends, and the next attempt becomes due.
        if got.calls.len() == 1 {
            script.answer(unknown());
        }
        script.now = entry.clean_up_after;
        script.ring();
    }
    let minutes = [1, 5, 15, 60, 360, 1_440, 1_440, 1_440];
    assert_eq!(waits, minutes.map(|wait| wait * MINUTE));
}

#[test]
fn d4_after_too_many_attempts_it_is_given_up_and_stays_visible() {
    let knobs = Knobs { disposal_max_attempts: 1, ..knobs() };
    let record = json!({ "recoveryPreviousVolumeId": "vol-0", "recoveryPreviousVolumeCleanupAfter": NOON });
    let mut script = Script::flat_under(knobs, "stopped", record);
    script.alarm();
    script.answer(busy()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-0 retained until +1m tried 1 "still bound (status 412)" abandoned
        log destroy_volume_failed value=0 error="still bound (status 412)" by=alarm machine=m1 region=iad volume:"vol-0"
        log destroy_volume_abandoned_after_max_retries value=1 by=alarm machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
    script.answer(machine("m1", "stopped"));
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        alarm +30m reconcile
    ");
    script.alarm().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn a1_due_disposals_come_before_the_look_of_the_status() {
    let mut script = due();
    not_found(&mut script).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=alarm machine=m1 region=iad volume:"vol-0"
        event instance.retained_volume_deleted machine=m1 region=iad volume:"vol-0"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn a_machine_is_removed_and_confirmed() {
    let failed = || {
        let mut script = recovering(Recovery::Create);
        script.answers([refused(), fork("destroyed"), volumes([])]);
        script.after(MINUTE);
        script.ring().is("
            applied: stopped (no commit)
            call get_machine m1
            alarm +90001ms call_deadline
        ");
        script
    };
    for (answer, expected) in [
        (
            absent(),
            "
                applied: stopped
                set lastMetadataRecoveryAt now
                off the list machine m1
                log destroy_machine_ok value=0 by=alarm machine=m1 region=iad
                call list_machines ours
                alarm +90001ms call_deadline
            ",
        ),
        (
            machine("m1", "destroyed"),
            "
                applied: stopped
                set lastMetadataRecoveryAt now
                off the list machine m1
                log destroy_machine_ok value=0 by=alarm machine=m1 region=iad
                call list_machines ours
                alarm +90001ms call_deadline
            ",
        ),
        (
            machine("m1", "destroying"),
            r#"
                applied: stopped
                set lastMetadataRecoveryAt now
                on the list machine m1 replaced due +1m tried 1 "still being destroyed"
                log destroy_machine_failed value=0 error="still being destroyed" by=alarm machine=m1 region=iad
                call list_machines ours
                alarm +90001ms call_deadline
            "#,
        ),
        (
            machine("m1", "stopped"),
            "
                applied: stopped (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            a_machine("m1", "stopped").unreachable().seen(),
            "
                applied: stopped
                call destroy_machine m1
                alarm +90001ms call_deadline
            ",
        ),
        (
            a_machine("m1", "stopped").labelled("owner", "somebody").seen(),
            "
                applied: stopped (no commit)
                call get_volume vol-1
                alarm +90001ms call_deadline
            ",
        ),
        (
            a_machine("m1", "stopped").of_sandbox("sandbox-9").seen(),
            r#"
                applied: stopped
                set lastMetadataRecoveryAt now
                on the list machine m1 replaced due +1m tried 1 "Refusing to destroy machine m1: it belongs to sandbox sandbox-9"
                log destroy_machine_failed value=0 error="Refusing to destroy machine m1: it belongs to sandbox sandbox-9" by=alarm machine=m1 region=iad
                call list_machines ours
                alarm +90001ms call_deadline
            "#,
        ),
        (
            unknown(),
            r#"
                applied: stopped
                set lastMetadataRecoveryAt now
                on the list machine m1 replaced due +1m tried 1 "no answer in time (status 503)"
                log destroy_machine_failed value=0 error="no answer in time (status 503)" by=alarm machine=m1 region=iad
                call list_machines ours
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        failed().answer(answer).is(expected);
    }
}
