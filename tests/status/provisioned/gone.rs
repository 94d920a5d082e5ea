//! What was seen under our name before is gone: the machine that held it is asked where its data is (V1).

use super::recalled::{assert_makes_one, candidate, foreign, hidden, left_out};
use super::unclear::starts_in_vain;
use crate::commands::any;
use crate::script::Script;
use crate::world::{Remade, a_machine, absent, held, machines, unknown, volumes};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::CommandKind;

/// The list leaves out what was seen, and that is gone.
fn moved() -> Script {
    let mut script = left_out();
    script.answer(absent());
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
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
    script.answer(absent()).is(r#"
        applied: provisioned
        off the list volume vol-8
        log destroy_volume_ok value=0 by=alarm volume:"vol-8"
        call list_volumes ours
        alarm +90001ms call_deadline
    "#);
    script.answer(volumes([])).is("
        applied: provisioned (no commit)
        call get_volume vol-10
        alarm +90001ms call_deadline
    ");
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
fn v1_nothing_is_forgotten_before_the_machine_that_held_it_was_asked() {
    moved().answer(a_machine("m9", "destroying").mounting("vol-8").seen()).is("
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        alarm +30m reconcile
    ");
    for answer in [hidden(), unknown()] {
        moved().answer(answer).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
    let mut script = moved();
    script.resume().is("
        applied: provisioned
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(foreign()).is("
        applied: provisioned (no commit)
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log destroy_volume_ok value=0 by=resume volume:"vol-8"
        call list_volumes ours
        alarm +90001ms call_deadline
    "#);
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
    let kept = script.instance.as_ref().unwrap().admin_view().retained;
    assert_eq!(kept.iter().map(|volume| volume.volume.as_str()).collect::<Vec<_>>(), ["vol-8"]);
}
