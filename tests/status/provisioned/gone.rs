//! What was seen under our name before is gone: the machine that held it is asked where its data is (V1).

use super::held::made;
use super::recalled::{assert_makes_one, candidate, foreign, hidden, left_out};
use super::unclear::starts_in_vain;
use crate::commands::any;
use crate::script::{HOUR, Script};
use crate::world::{Remade, a_machine, absent, held, machines, seen, unknown, volume, volumes, waiting};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::observe::Volume;

/// The list leaves out what was seen, and that is gone; no list shows anything else.
fn moved() -> Script {
    let mut script = left_out();
    script.answers([absent(), volumes([])]);
    script
}

#[test]
fn v1_the_machine_that_held_what_is_gone_says_under_which_id_it_is() {
    let mut script = moved();
    script.answer(a_machine("m9", "started").mounting("vol-10").seen()).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-10"
        on the list volume vol-10 candidate until +7d
        call get_volume vol-10
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-10", "m9")).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"started"
        call get_volume vol-10
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v1_nothing_empty_is_made_before_the_machine_that_held_what_is_gone_was_asked() {
    for answer in [hidden(), unknown(), a_machine("m9", "started").unlabelled().mounting("vol-10").seen()] {
        moved().answer(answer).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
    moved().resume().is("
        applied: provisioned
        call get_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_what_is_gone_is_forgotten_if_the_machine_that_held_it_mounts_nothing_else() {
    for answer in [
        foreign(),
        a_machine("m9", "started").unlabelled().mounting_nothing().seen(),
        a_machine("m9", "started").unlabelled().mounting("vol-8").seen(),
        a_machine("m9", "destroying").mounting_nothing().seen(),
        absent(),
    ] {
        moved().answer(answer).is(r#"
            applied: provisioned
            set recoveryPreviousVolumeCleanupAfter null
            set recoveryPreviousVolumeId null
            off the list volume vol-8
            log destroy_volume_ok value=0 by=alarm volume:"vol-8"
            call create_volume #1 in eu empty 10 GB
            alarm +90001ms call_deadline
        "#);
    }
}

#[test]
fn v1_what_nobody_holds_is_taken_whoever_held_what_is_gone() {
    let mut script = left_out();
    script.answers([absent(), volumes([made("vol-9", 9, None)])]);
    script.answer(volume("vol-9", "created")).is(r#"
        applied: provisioned
        set flyRegion "iad"
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeCleanupAfter +601194s
        set recoveryPreviousVolumeId "vol-8"
        off the list volume vol-9
        log recover_volume_by_name by=alarm volume:"vol-9"
        alarm +30m reconcile
    "#);
}

#[test]
fn v1_what_is_as_good_as_gone_may_be_with_the_machine_that_held_it() {
    let mut script = candidate();
    script.after(HOUR);
    script.ring();
    script.answers([machines([]), volumes([made("vol-8", 8, None)]), waiting("vol-8", "m9")]);
    script.answer(hidden());
    script.after(HOUR);
    script.ring();
    let waits = Volume { state: "waiting_for_detach".into(), ..made("vol-8", 8, None) };
    script.answers([machines([]), volumes([waits.clone()])]);
    script.answer(seen(waits)).is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_after_an_accepted_loss_a_machine_that_does_not_say_is_passed_over() {
    let mut script = candidate();
    let shown = [
        (CallKind::ListMachines, machines([])),
        (CallKind::ListVolumes, volumes([])),
        (CallKind::GetVolume, absent()),
        (CallKind::GetMachine, hidden()),
    ];
    starts_in_vain(&mut script, &shown);
    script.command(any(CommandKind::AcceptDataLoss));
    starts_in_vain(&mut script, &shown);
    assert_makes_one(&script);
    assert_eq!(script.instance.as_ref().unwrap().admin_view().retained, []);
}
