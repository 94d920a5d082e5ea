//! What was seen under our name before, and is left out by the list now, is asked for by its id (V1, M2).

use super::held::{asked, made};
use super::nobody_found;
use super::unclear::starts_in_vain;
use crate::commands::any;
use crate::script::{DAY, HOUR, Script};
use crate::world::{
    Answer, Remade, a_machine, absent, held, limited, machines, seen, unauthorized, unknown, volume, volumes,
};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::observe::Volume;

pub(super) fn hidden() -> Answer {
    a_machine("m9", "started").unreachable().seen()
}

pub(super) fn foreign() -> Answer {
    a_machine("m9", "started").of_sandbox("sandbox-9").seen()
}

fn waits(holder: Option<&str>) -> Volume {
    Volume { state: "waiting_for_detach".into(), ..made("vol-8", 8, holder) }
}

/// `vol-8` was seen, held by a machine that hid its labels.
pub(super) fn candidate() -> Script {
    let mut script = nobody_found();
    script.answers([volumes([made("vol-8", 8, Some("m9"))]), hidden()]);
    script
}

#[track_caller]
pub(super) fn assert_makes_one(script: &Script) {
    assert_eq!(script.call.as_ref().map(|call| call.id.kind), Some(CallKind::CreateVolume));
}

/// The next list leaves it out.
pub(super) fn left_out() -> Script {
    let mut script = candidate();
    script.after(HOUR);
    script.ring();
    script.answers([machines([]), volumes([])]);
    script
}

#[test]
fn v1_what_the_list_leaves_out_is_asked_for() {
    let mut script = candidate();
    script.after(HOUR);
    script.ring();
    script.answer(machines([]));
    script.answer(volumes([])).is("
        applied: provisioned (no commit)
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-8", "m9")).is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(hidden()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
    let mut script = left_out();
    script.answer(volume("vol-8", "created")).is("
        applied: provisioned (no commit)
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-8", "created")).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-8"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log recover_volume_by_name by=alarm volume:"vol-8"
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_what_the_list_leaves_out_goes_before_what_nobody_holds() {
    let list = || volumes([made("vol-9", 9, None)]);
    let asked = || {
        let mut script = candidate();
        script.after(HOUR);
        script.ring();
        script.answer(machines([]));
        script.answer(list()).is(r#"
            applied: provisioned
            set recoveryPreviousVolumeCleanupAfter +7d
            set recoveryPreviousVolumeId "vol-9"
            on the list volume vol-9 candidate until +7d
            call get_volume vol-8
            alarm +90001ms call_deadline
        "#);
        script
    };
    let mut script = asked();
    script.answer(held("vol-8", "m9")).is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(a_machine("m9", "stopped").mounting("vol-8").seen()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        on the list volume vol-8 candidate until +7d
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-8", "m9")).is(r#"
        applied: provisioned
        set flyVolumeId "vol-8"
        off the list volume vol-8
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-8"
        alarm now reconcile
    "#);
    let mut script = asked();
    script.answer(seen(made("vol-8", 8, None))).is("
        applied: provisioned (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    let mut script = asked();
    script.answer(seen(made("vol-8", 10, None))).is("
        applied: provisioned (no commit)
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_what_is_gone_leaves_the_list_and_is_looked_for_under_another_id() {
    for gone in [absent(), volume("vol-8", "destroyed"), volume("vol-8", "pending_destroy")] {
        let mut script = left_out();
        script.answer(gone.clone()).is("
            applied: provisioned (no commit)
            call list_volumes ours
            alarm +90001ms call_deadline
        ");
        script.answer(volumes([])).is("
            applied: provisioned (no commit)
            call get_machine m9
            alarm +90001ms call_deadline
        ");
        script.answer(absent()).is(r#"
            applied: provisioned
            set recoveryPreviousVolumeCleanupAfter null
            set recoveryPreviousVolumeId null
            off the list volume vol-8
            log destroy_volume_ok value=0 by=alarm volume:"vol-8"
            call create_volume #1 in eu empty 10 GB
            alarm +90001ms call_deadline
        "#);
        let mut script = left_out();
        script.answer(gone);
        script.answer(volumes([made("vol-10", 10, None)])).is(r#"
            applied: provisioned
            set recoveryPreviousVolumeCleanupAfter +7d
            set recoveryPreviousVolumeId "vol-10"
            on the list volume vol-10 candidate until +7d
            call get_volume vol-10
            alarm +90001ms call_deadline
        "#);
    }
}

#[test]
fn v1_a_candidate_that_the_list_still_shows_and_is_gone_leaves_the_list_too() {
    let mut script = candidate();
    script.after(HOUR);
    script.ring();
    script.answers([machines([]), volumes([made("vol-8", 8, None)])]);
    script.answer(absent()).is("
        applied: provisioned (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_nothing_empty_is_made_while_it_cannot_be_looked_at() {
    for fault in [unknown(), limited(), unauthorized()] {
        left_out().answer(fault).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
}

#[test]
fn v1_after_an_accepted_loss_what_cannot_be_looked_at_is_passed_over_and_kept() {
    for list in [vec![], vec![made("vol-8", 8, None)]] {
        for fault in [unknown(), limited(), unauthorized()] {
            let mut script = candidate();
            let hides = [
                (CallKind::ListMachines, machines([])),
                (CallKind::ListVolumes, volumes([made("vol-8", 8, Some("m9"))])),
                (CallKind::GetMachine, hidden()),
            ];
            starts_in_vain(&mut script, &hides);
            script.command(any(CommandKind::AcceptDataLoss));
            let shown = [
                (CallKind::ListMachines, machines([])),
                (CallKind::ListVolumes, volumes(list.clone())),
                (CallKind::GetVolume, fault),
            ];
            starts_in_vain(&mut script, &shown);
            assert_makes_one(&script);
            let kept = script.instance.as_ref().unwrap().admin_view().retained;
            assert_eq!(kept.iter().map(|volume| volume.volume.as_str()).collect::<Vec<_>>(), ["vol-8"]);
        }
    }
}

#[test]
fn v1_what_somebody_else_holds_is_passed_over_though_the_list_leaves_it_out() {
    let mut script = left_out();
    script.answers([held("vol-8", "m9"), foreign()]);
    script.answer(held("vol-8", "m9")).is("
        applied: provisioned
        call create_volume #1 in eu empty 10 GB
        alarm +90001ms call_deadline
    ");
    let mut script = left_out();
    script.answers([held("vol-8", "m9"), foreign()]);
    script.answer(volume("vol-8", "created")).is("
        applied: provisioned (no commit)
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_what_is_on_its_way_out_is_not_the_data() {
    let mut script = left_out();
    assert_makes_one(script.answers([seen(waits(None)), seen(waits(None)), absent()]));
    let mut script = left_out();
    assert_makes_one(script.answers([volume("vol-8", "created"), seen(waits(None)), absent()]));
    let mut script = left_out();
    assert_makes_one(script.answers([seen(waits(Some("m9"))), absent(), seen(waits(Some("m9")))]));
    let mut script = nobody_found();
    assert_makes_one(script.answers([volumes([waits(None)]), seen(waits(None))]));
    let mut script = nobody_found();
    script.answer(volumes([waits(None)]));
    script.answer(volume("vol-8", "created")).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-8"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log recover_volume_by_name by=alarm volume:"vol-8"
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_what_waits_for_our_machine_to_let_go_leads_to_it() {
    let mut script = nobody_found();
    script.answer(volumes([waits(Some("m9"))])).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        call get_machine m9
        alarm +90001ms call_deadline
    "#);
    script.answer(a_machine("m9", "started").mounting("vol-8").seen()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"started"
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
    script.answer(seen(waits(Some("m9")))).is(r#"
        applied: provisioned
        set flyVolumeId "vol-8"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-8"
        alarm now reconcile
    "#);
}

#[test]
fn v1_what_does_not_carry_our_name_is_not_taken() {
    let mut script = left_out();
    let named = Volume { name: "somebody_else".to_string(), ..made("vol-8", 8, None) };
    script.answer(seen(named)).is("
        applied: provisioned
        call create_volume #1 in eu empty 10 GB
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_the_question_survives_a_crash() {
    let mut script = left_out();
    script.resume().is("
        applied: provisioned
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-8", "m9"));
    script.resume().is("
        applied: provisioned
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(absent());
    script.resume().is("
        applied: provisioned
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
}

#[test]
fn m2_what_is_gone_does_not_keep_a_stale_registration() {
    let mut script = candidate();
    script.after(DAY);
    script.ring();
    script.answers([machines([]), volumes([])]);
    script.answers([absent(), volumes([])]);
    script.answer(absent()).is(r#"
        applied: destroying
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log destroy_volume_ok value=0 by=alarm volume:"vol-8"
        log auto_destroy_stale_provision by=alarm
        event instance.destroy_started destroying "stale_provision_cleanup"
        call list_volumes ours
        alarm +1m reconcile
    "#);
}

/// The list has shown `vol-9` as held by nobody, a look shows that `m9` holds it.
fn turns_out_held() -> Script {
    let mut script = nobody_found();
    script.answer(volumes([made("vol-9", 9, None)]));
    script.answer(held("vol-9", "m9")).is("
        applied: provisioned
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn v1_a_holder_that_only_the_look_shows_is_asked() {
    let mut script = turns_out_held();
    script.answer(a_machine("m9", "started").mounting("vol-9").seen()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-9 candidate until +7d
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"started"
        call get_volume vol-9
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-9", "m9")).is(r#"
        applied: provisioned
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-9
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-9"
        alarm now reconcile
    "#);
    let mut script = turns_out_held();
    script.answer(absent()).is("
        applied: provisioned (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-9", "m9")).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-9
        log recover_volume_by_name by=alarm volume:"vol-9"
        alarm +30m reconcile
    "#);
    let mut script = turns_out_held();
    script.answer(foreign()).is("
        applied: provisioned (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    let mut script = turns_out_held();
    script.answer(hidden()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn v1_what_our_machine_mounts_is_the_data_though_it_still_names_a_machine_that_is_gone() {
    let two = || volumes([made("vol-8", 8, Some("m9")), made("vol-9", 9, None)]);
    let asked = || {
        let mut script = nobody_found();
        script.answer(two());
        script.answer(a_machine("m9", "stopped").mounting("vol-7").seen());
        script.answer(held("vol-7", "m7")).is("
            applied: provisioned
            call get_machine m7
            alarm +90001ms call_deadline
        ");
        script
    };
    let mut script = asked();
    script.answer(absent()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-7
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-7", "m7")).is(r#"
        applied: provisioned
        set flyVolumeId "vol-7"
        set recoveryPreviousVolumeCleanupAfter +604796s
        set recoveryPreviousVolumeId "vol-9"
        off the list volume vol-7
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-7"
        alarm now reconcile
    "#);
    let mut script = asked();
    script.answer(a_machine("m7", "stopped").of_sandbox("sandbox-9").seen()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v1_what_is_gone_leaves_the_list_and_nothing_else_does() {
    let mut script = asked();
    script.answer(absent());
    script.answer(absent()).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeId "vol-8"
        off the list volume vol-9
        log destroy_volume_ok value=0 by=alarm volume:"vol-9"
        call list_volumes ours
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v1_a_machine_with_labels_of_nobody_we_know_is_somebody_elses() {
    let mut script = left_out();
    script.answers([held("vol-8", "m9"), a_machine("m9", "started").labelled("owner", "somebody").seen()]);
    assert_makes_one(script.answers([held("vol-8", "m9")]));
}
