//! What has to be seen before a volume goes (D2).

use super::{asked, due};
use crate::commands::{destroy, reassociate};
use crate::script::{DAY, HOUR, NOON, Script};
use crate::stages::keeping;
use crate::world::{absent, machine, volume, volumes};
use serde_json::json;

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
