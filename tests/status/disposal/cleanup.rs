//! A clean-up that an admin asks for (D5).

use super::{asked, not_found};
use crate::commands::{clean_up, reassociate};
use crate::script::{Got, Script};
use crate::stages::{fork, keeping, relocated};
use crate::world::{Remade, a_machine, absent, accepted, busy, held, unknown, volume, volumes};
use kiloclaw_lifecycle::Verdict;

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
    script.answers([volume("vol-7", "created"), volume("vol-1", "created"), volumes([]), accepted()]);
    let first = script.command(clean_up(Some("vol-1")));
    let second = script.command(clean_up(Some("vol-0")));
    requests(&first, &second);
    second.is("
        pending: stopped
        on the list volume vol-0 retained until +86396s asked for
        alarm +90001ms call_deadline
    ");
    not_found(&mut script).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +86394s
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
fn d5_of_several_one_can_be_chosen_and_the_last_brings_the_answer() {
    let two = || {
        let mut script = keeping();
        script.command(reassociate("vol-7"));
        script.answers([volume("vol-7", "created"), volume("vol-1", "created"), volumes([]), accepted()]);
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
        set recoveryPreviousVolumeCleanupAfter +86394s
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
        on the list volume vol-0 retained until +86396s asked for
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
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
    script.answers([volume("vol-0", "created"), volume("vol-1", "created")]);
    script.resume().is("
        applied: stopped
        call get_volume vol-0
        alarm +90001ms call_deadline
    ");
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
