//! Proofs that came too late (D2).

use super::{IN_TIME_MS, after_the_copy, leaving};
use crate::commands::clean_up;
use crate::script::{DAY, Got, LATENCY_MS, Script};
use crate::stages::{fork, keeping, relocated};
use crate::world::{Answer, absent, machine, unknown, volume};

/// The source of the present volume is past its date; it is free, and the copy is looked at.
fn source_due() -> Script {
    let mut script = relocated("created", false);
    script.answer(unknown());
    script.after(7 * DAY);
    script.ring();
    script.answer(volume("vol-1", "created"));
    script
}

const LATE_MS: u64 = IN_TIME_MS + 1;

/// The call in flight ends that many milliseconds after it was made.
fn ends_after(script: &mut Script, ms: u64, result: Answer) -> Got {
    script.after(ms - LATENCY_MS);
    script.answer(result)
}

#[test]
fn d2_a_data_volume_that_was_seen_too_long_ago_proves_nothing() {
    let due = || {
        let mut script = keeping();
        script.after(DAY);
        script.ring();
        script.answer(volume("vol-0", "created"));
        script
    };
    ends_after(&mut due(), LATE_MS, volume("vol-1", "created")).is("
        applied: stopped (no commit)
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-0 retained until +5m
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    ends_after(&mut leaving(), LATE_MS, volume("vol-1", "created")).is("
        applied: stopped (no commit)
        on the list volume vol-2 left_over due +5m
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    let asked = || {
        let mut script = keeping();
        script.command(clean_up(None));
        script.answer(volume("vol-0", "created"));
        script
    };
    ends_after(&mut asked(), LATE_MS, volume("vol-1", "created")).is(r#"
        applied: stopped
        on the list volume vol-0 retained until +86388999ms
        reply held_back "The volume is held back: what shows that it is not needed came too late to be relied on."
        alarm +1788999ms reconcile
    "#);
    for mut script in [due(), asked()] {
        ends_after(&mut script, IN_TIME_MS, volume("vol-1", "created")).is("
            applied: stopped
            call delete_volume vol-0
            alarm +90001ms call_deadline
        ");
    }
    ends_after(&mut leaving(), IN_TIME_MS, volume("vol-1", "created")).is("
        applied: stopped
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_volume_that_was_held_back_by_a_late_answer_is_tried_again() {
    let mut script = leaving();
    ends_after(&mut script, LATE_MS, volume("vol-1", "created"));
    script.answers([machine("m1", "stopped"), volume("vol-1", "created")]);
    script.alarm().is("
        applied: stopped (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-2", "created"));
    ends_after(&mut script, IN_TIME_MS, volume("vol-1", "created")).is("
        applied: stopped
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_copy_that_was_seen_too_long_ago_proves_nothing() {
    ends_after(&mut source_due(), LATE_MS, fork("created")).is("
        applied: running (no commit)
        set recoveryPreviousVolumeCleanupAfter +5m
        on the list volume vol-1 retained until +5m for vol-2 hydrated immediate
        call get_machine m2
        alarm +90001ms call_deadline
    ");
    let asked = || {
        let mut script = relocated("created", false);
        script.answer(unknown());
        script.command(clean_up(None));
        script.answer(volume("vol-1", "created"));
        script
    };
    ends_after(&mut asked(), LATE_MS, fork("created")).is(r#"
        applied: running
        on the list volume vol-1 retained until +604733999ms for vol-2 hydrated immediate
        reply held_back "The volume is held back: what shows that it is not needed came too late to be relied on."
        alarm +288999ms reconcile
    "#);
    for mut script in [source_due(), asked()] {
        ends_after(&mut script, IN_TIME_MS, fork("created")).is("
            applied: running
            call delete_volume vol-1
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn d2_of_a_copy_that_is_no_longer_the_data_both_looks_have_to_be_new() {
    for gone in [absent(), fork("created"), fork("destroyed")] {
        ends_after(&mut after_the_copy(), LATE_MS, gone.clone()).is(r#"
            applied: stopped
            on the list volume vol-1 retained until +604782999ms for vol-2 healthy hydrated
            reply held_back "The volume is held back: what shows that it is not needed came too late to be relied on."
            alarm +35999ms disposal
        "#);
        let mut script = after_the_copy();
        ends_after(&mut script, IN_TIME_MS, gone).is("
            applied: stopped (no commit)
            call get_volume vol-7
            alarm +90001ms call_deadline
        ");
        ends_after(&mut script.clone(), LATE_MS, volume("vol-7", "created")).is(r#"
            applied: stopped
            on the list volume vol-1 retained until +604772999ms for vol-2 healthy hydrated
            reply held_back "The volume is held back: what shows that it is not needed came too late to be relied on."
            alarm +25999ms disposal
        "#);
        ends_after(&mut script, IN_TIME_MS, volume("vol-7", "created")).is("
            applied: stopped
            call delete_volume vol-1
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn d2_a_copy_that_cannot_be_looked_at_is_a_failed_attempt() {
    source_due().answer(unknown()).is(r#"
        applied: running
        set recoveryPreviousVolumeCleanupAfter +1m
        on the list volume vol-1 retained until +1m for vol-2 hydrated immediate tried 1 "no answer in time (status 503)"
        log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm machine=m2 region=ord volume:"vol-1"
        call get_machine m2
        alarm +90001ms call_deadline
    "#);
    after_the_copy().answer(unknown()).is(r#"
        applied: stopped
        on the list volume vol-1 retained until +604792s for vol-2 healthy hydrated
        reply cleanup_failed "The volume could not be deleted: no answer in time (status 503)."
        alarm +45s disposal
    "#);
}
