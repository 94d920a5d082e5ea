//! The one way anything is deleted.

use crate::commands::{clean_up, destroy, reassociate};
use crate::script::{DAY, Got, HOUR, MINUTE, NOON, Script, knobs};
use crate::stages::{Recovery, fork, keeping, recovering, relocated};
use crate::world::{
    Remade, a_machine, absent, accepted, busy, held, limited, machine, refused, unauthorized, unknown, volume, volumes,
};
use kiloclaw_lifecycle::{Knobs, Verdict};
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
                applied: stopped
                call destroy_machine m9
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
    script.answers([held("vol-0", "m9"), machine("m9", "started")]);
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
fn d5_a_clean_up_deletes_now_and_answers_with_its_end() {
    let mut script = keeping();
    script.command(clean_up(None)).is("
        pending: stopped
        on the list volume vol-0 retained until +1d asked for
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
    script.answer(absent()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=cleanup_retained_volume machine=m1 region=iad volume:"vol-0"
        event instance.retained_volume_deleted machine=m1 region=iad volume:"vol-0"
        reply deleted vol-0
        alarm +1796s reconcile
    "#);
}

#[test]
fn d5_with_nothing_to_delete_the_answer_is_nothing() {
    Script::stopped().command(clean_up(None)).is("
        pending: stopped
        reply deleted nothing
        alarm +30m reconcile
    ");
    keeping().command(clean_up(Some("vol-9"))).is("
        pending: stopped
        reply deleted nothing
        alarm +30m reconcile
    ");
}

#[test]
fn d5_what_is_refused_or_fails_stays_as_it_was() {
    asked().answer(unknown()).is(r#"
        applied: stopped
        on the list volume vol-0 retained until +86399s
        reply cleanup_failed "The volume could not be deleted: no answer in time (status 503)."
        alarm +1799s reconcile
    "#);
    let mut script = asked();
    script.answers([volume("vol-0", "created"), volume("vol-1", "created")]);
    script.answer(busy()).is(r#"
        applied: stopped
        on the list volume vol-0 retained until +86397s
        reply cleanup_failed "The volume could not be deleted: still bound (status 412)."
        alarm +1797s reconcile
    "#);
    let mut script = asked();
    script.answer(held("vol-0", "m9"));
    script.answer(a_machine("m9", "started").of_sandbox("sandbox-9").seen()).is(r#"
        applied: stopped
        on the list volume vol-0 retained until +86398s
        event instance.retained_volume_cleanup_refused error="Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9" machine=m1 region=iad volume:"vol-0"
        reply not_ours "Refusing to destroy attached machine m9 for volume vol-0: expected sandbox sandbox-1, found sandbox-9"
        alarm +1798s reconcile
    "#);
}

#[test]
fn d5_a_second_clean_up_is_answered_together_with_the_first() {
    let requests = |first: &Got, second: &Got| {
        let (Verdict::Pending(first), Verdict::Pending(second)) = (&first.verdict, &second.verdict) else {
            panic!("both are accepted");
        };
        assert_ne!(first, second, "each has a request of its own");
    };
    let mut script = keeping();
    let first = script.command(clean_up(None));
    let second = script.command(clean_up(None));
    requests(&first, &second);
    second.is("
        pending: stopped
        alarm +90001ms call_deadline
    ");
    not_found(&mut script).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-0
        log destroy_volume_ok value=0 by=cleanup_retained_volume machine=m1 region=iad volume:"vol-0"
        event instance.retained_volume_deleted machine=m1 region=iad volume:"vol-0"
        reply deleted vol-0
        reply deleted vol-0
        alarm +1798s reconcile
    "#);
    let mut script = keeping();
    script.command(reassociate("vol-7"));
    script.answers([volume("vol-7", "created"), volumes([]), accepted()]);
    let first = script.command(clean_up(Some("vol-1")));
    let second = script.command(clean_up(Some("vol-0")));
    requests(&first, &second);
    second.is("
        pending: stopped
        on the list volume vol-0 retained until +86397s asked for
        alarm +90001ms call_deadline
    ");
    not_found(&mut script).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +86395s
        set recoveryPreviousVolumeId "vol-0"
        off the list volume vol-1
        log destroy_volume_ok value=0 by=cleanup_retained_volume region=iad volume:"vol-1"
        event instance.retained_volume_deleted region=iad volume:"vol-1"
        call get_volume vol-0
        alarm +90001ms call_deadline
    "#);
    let last = not_found(&mut script).text;
    assert_eq!(last.lines().filter(|line| line.starts_with("reply deleted")).count(), 2, "{last}");
}

#[test]
fn d5_a_clean_up_overrides_date_and_health_but_never_a_hydrating_fork() {
    let mut script = relocated("created", false);
    script.answer(unknown());
    script.command(clean_up(None)).is("
        pending: running
        on the list volume vol-1 retained until +604745s for vol-2 hydrated immediate asked for
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created"));
    script.answer(fork("created")).is("
        applied: running
        call delete_volume vol-1
        alarm +90001ms call_deadline
    ");
    let mut script = relocated("hydrating", true);
    script.answer(unknown());
    script.command(clean_up(None)).is("
        pending: running
        on the list volume vol-1 retained until +604745s for vol-2 healthy immediate asked for
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created"));
    script.answer(fork("hydrating")).is(r#"
        applied: running
        on the list volume vol-1 retained until +604743s for vol-2 healthy immediate
        reply held_back "The volume is held back: the copy that was made of it has not been seen to do without it."
        alarm +298s reconcile
    "#);
}

#[test]
fn d2_a_hydrating_volume_holds_back_whatever_is_retained() {
    for state in ["hydrating", "enabling_remote_export", "odd"] {
        let mut script = due();
        script.answer(volume("vol-0", "created"));
        script.answer(volume("vol-1", state)).is("
            applied: stopped (no commit)
            set recoveryPreviousVolumeCleanupAfter +5m
            on the list volume vol-0 retained until +5m
            call get_machine m1
            alarm +90001ms call_deadline
        ");
        let mut script = asked();
        script.answer(volume("vol-0", "created"));
        script.answer(volume("vol-1", state)).is(r#"
            applied: stopped
            on the list volume vol-0 retained until +86398s
            reply held_back "The volume is held back: the data volume has not been seen to do without it."
            alarm +1798s reconcile
        "#);
    }
}

#[test]
fn d5_of_several_one_can_be_chosen_and_the_last_brings_the_answer() {
    let two = || {
        let mut script = keeping();
        script.command(reassociate("vol-7"));
        script.answers([volume("vol-7", "created"), volumes([]), accepted()]);
        script
    };
    let mut script = two();
    script.command(clean_up(Some("vol-1"))).is("
        pending: stopped
        on the list volume vol-1 retained until +7d asked for
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    not_found(&mut script).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +86395s
        set recoveryPreviousVolumeId "vol-0"
        off the list volume vol-1
        log destroy_volume_ok value=0 by=cleanup_retained_volume region=iad volume:"vol-1"
        event instance.retained_volume_deleted region=iad volume:"vol-1"
        reply deleted vol-1
        alarm +58s disposal
    "#);
    let mut script = two();
    script.command(clean_up(None)).is("
        pending: stopped
        on the list volume vol-0 retained until +86397s asked for
        on the list volume vol-1 retained until +7d asked for
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
    not_found(&mut script).is(r#"
        applied: stopped
        off the list volume vol-0
        log destroy_volume_ok value=0 by=cleanup_retained_volume region=iad volume:"vol-0"
        event instance.retained_volume_deleted region=iad volume:"vol-0"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
    not_found(&mut script).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-1
        log destroy_volume_ok value=0 by=cleanup_retained_volume region=iad volume:"vol-1"
        event instance.retained_volume_deleted region=iad volume:"vol-1"
        reply deleted vol-1
        alarm +56s disposal
    "#);
}

#[test]
fn d5_a_clean_up_survives_a_crash() {
    let mut script = asked();
    script.resume().is("
        applied: stopped
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-0", "created"));
    script.resume().is("
        applied: stopped
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created"));
    script.resume().is("
        applied: stopped
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_delete_that_is_lost_is_sent_again_only_after_another_look() {
    let mut script = due();
    script.answers([volume("vol-0", "created"), volume("vol-1", "created")]);
    script.after(90_001);
    script.ring().is("
        applied: stopped
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-0", "created")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is("
        applied: stopped (no commit)
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-0 retained until +5m
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_destroy_needs_no_proof_any_more() {
    for answer in [absent(), volume("vol-1", "hydrating")] {
        let mut script = due();
        script.answer(volume("vol-0", "created"));
        script.command(destroy());
        script.answer(answer).is("
            applied: destroying
            call delete_volume vol-0
            alarm +59s reconcile
        ");
    }
}

#[test]
fn d2_what_is_used_is_not_deleted() {
    let record = json!({ "recoveryPreviousVolumeId": "vol-1", "recoveryPreviousVolumeCleanupAfter": NOON });
    let mut script = Script::flat("stopped", record);
    script.after(HOUR);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_while_the_data_volume_is_missing_nothing_retained_goes() {
    let mut script = keeping();
    script.ring();
    script.answers([machine("m1", "stopped"), absent(), volumes([])]);
    script.after(2 * DAY);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_volume_that_is_to_become_current_while_it_is_being_removed_is_kept() {
    let mut script = due();
    script.command(reassociate("vol-0")).is("
        pending: stopped
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-0", "created"));
    script.answer(volume("vol-1", "created")).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-0 retained until +1m tried 1 "still in use"
        log destroy_volume_failed value=0 error="still in use" by=reassociate_volume machine=m1 region=iad volume:"vol-0"
        call get_volume vol-0
        alarm +90001ms call_deadline
    "#);
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
                applied: stopped
                call destroy_machine m1
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

#[test]
fn d5_an_answer_is_owed_until_it_is_given() {
    let owed = |script: &Script, got: &Got| {
        let Verdict::Pending(request) = got.verdict else { panic!("a pending command: {:?}", got.verdict) };
        script.instance.as_ref().unwrap().owes(request)
    };
    let mut script = keeping();
    let cleans = script.command(clean_up(None));
    assert!(owed(&script, &cleans));
    not_found(&mut script);
    assert!(!owed(&script, &cleans));
    let moves = script.command(reassociate("vol-7"));
    assert!(owed(&script, &moves) && !owed(&script, &cleans));
    script.answer(absent());
    assert!(!owed(&script, &moves));
}
