//! Nothing that may hold the data is removed while the data has not been seen (D2).

mod hosts;
mod late;

use crate::commands::{clean_up, reassociate, start, stop};
use crate::script::{DAY, Script};
use crate::stages::{Recovery, bereft_with, fork, keeping, recovering};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, busy, held, machine, machine_id, machines, unknown, volume, volumes,
    waited,
};
use kiloclaw_lifecycle::observe::Volume;
use serde_json::json;

/// A stopped instance that has run, with a volume to be removed at once. Nobody holds it, and the data volume is looked at.
fn leaving() -> Script {
    let mut script = Script::flat("stopped", json!({ "pendingDestroyVolumeId": "vol-2" }));
    script.ring();
    script.answer(volume("vol-2", "created")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn d2_without_the_data_volume_nothing_on_the_list_goes() {
    for gone in [absent(), volume("vol-1", "destroyed"), volume("vol-1", "pending_destroy")] {
        leaving().answer(gone.clone()).is("
            applied: stopped (no commit)
            on the list volume vol-2 left_over due +5m
            call get_machine m1
            alarm +90001ms call_deadline
        ");
        let mut script = keeping();
        script.after(DAY);
        script.ring();
        script.answer(volume("vol-0", "created"));
        script.answer(gone.clone()).is("
            applied: stopped (no commit)
            set recoveryPreviousVolumeCleanupAfter +5m
            on the list volume vol-0 retained until +5m
            call get_machine m1
            alarm +90001ms call_deadline
        ");
        let mut script = keeping();
        script.command(clean_up(None));
        script.answer(volume("vol-0", "created"));
        script.answer(gone).is(r#"
            applied: stopped
            on the list volume vol-0 retained until +86398s
            reply held_back "The volume is held back: the data volume has not been seen to do without it."
            alarm +1798s reconcile
        "#);
    }
}

#[test]
fn d2_what_is_not_retained_does_not_wait_for_the_data_to_be_hydrated() {
    leaving().answer(volume("vol-1", "hydrating")).is("
        applied: stopped
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_data_volume_that_cannot_be_looked_at_is_a_failed_attempt() {
    leaving().answer(unknown()).is(r#"
        applied: stopped
        on the list volume vol-2 left_over due +1m tried 1 "no answer in time (status 503)"
        log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm machine=m1 region=iad volume:"vol-2"
        call get_machine m1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn d2_an_instance_that_never_ran_has_no_data_to_look_at() {
    let record = json!({ "pendingDestroyVolumeId": "vol-2", "lastStartedAt": null });
    let mut script = Script::flat("provisioned", record);
    script.ring().is("
        applied: provisioned (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-2", "created")).is("
        applied: provisioned
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

/// An admin wants the source of a copy gone that is no longer the data; the source is free, and the copy is looked at.
fn after_the_copy() -> Script {
    let mut script = recovering(Recovery::Over);
    script.command(stop());
    script.answers([accepted(), waited("stopped")]);
    script.command(reassociate("vol-7"));
    script.answers([volume("vol-7", "created"), volume("vol-2", "created"), volumes([]), accepted()]);
    script.command(clean_up(Some("vol-1")));
    script.answer(volume("vol-1", "created"));
    script
}

#[test]
fn d2_after_the_copy_the_data_volume_is_looked_at() {
    for gone in [absent(), volume("vol-7", "destroyed")] {
        let mut script = after_the_copy();
        script.answer(fork("created")).is("
            applied: stopped (no commit)
            call get_volume vol-7
            alarm +90001ms call_deadline
        ");
        script.answer(gone).is(r#"
            applied: stopped
            on the list volume vol-1 retained until +604791s for vol-2 healthy hydrated
            reply held_back "The volume is held back: the data volume has not been seen to do without it."
            alarm +44s disposal
        "#);
    }
}

#[test]
fn d2_a_look_at_the_data_survives_a_crash() {
    let mut script = leaving();
    script.resume().is("
        applied: stopped
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-2", "created"));
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        call delete_volume vol-2
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_while_the_data_volume_is_missing_no_volume_is_attempted_and_machines_are() {
    let mut script = leaving();
    script.answers([absent(), machine("m1", "stopped"), absent(), volumes([])]);
    script.after(DAY);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    let record = json!({ "pendingDestroyVolumeId": "vol-2", "pendingDestroyMachineId": "m9" });
    let mut script = Script::flat("stopped", record);
    script.ring();
    script.answers([unknown(), volume("vol-2", "created"), absent(), machine("m1", "stopped"), absent(), volumes([])]);
    script.after(DAY);
    script.ring().is("
        applied: stopped (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is("
        applied: stopped
        off the list machine m9
        log destroy_machine_ok value=1 by=alarm machine=m9 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d5_while_the_data_volume_is_missing_a_clean_up_is_rejected() {
    for which in [None, Some("vol-0"), Some("vol-9")] {
        let mut script = bereft_with(keeping(), volumes([]));
        script.command(clean_up(which)).is("denied data_volume_missing: stopped");
    }
}

#[test]
fn d5_a_clean_up_under_way_is_held_back_when_the_data_volume_turns_out_to_be_missing() {
    let mut script = keeping();
    script.alarm();
    script.answers([machine("m1", "stopped"), absent()]);
    script.command(clean_up(None)).is("
        pending: stopped
        on the list volume vol-0 retained until +84598s asked for
        alarm +90001ms call_deadline
    ");
    script.command(clean_up(Some("vol-0"))).is("
        pending: stopped
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-1 missing"
        on the list volume vol-0 retained until +84597s
        log data_volume_missing error="data volume vol-1 missing" by=cleanup_retained_volume machine=m1 region=iad
        reply held_back "The data volume is missing, and this may be the last copy."
        reply held_back "The data volume is missing, and this may be the last copy."
        alarm +1797s reconcile
    "#);
}

/// The data volume was not shown for a while; `vol-2` was found under our name, in the instance's machine.
fn left_behind() -> Script {
    let found = Volume { attached_machine: Some(machine_id("m1")), ..a_volume("vol-2", "created") };
    let mut script = bereft_with(Script::stopped(), volumes([found]));
    script.alarm();
    script.answers([machine("m1", "stopped"), volume("vol-1", "created")]);
    script
}

/// An admin wants what was found gone, and the machine in it is asked for.
fn holder_asked() -> Script {
    let mut script = left_behind();
    script.command(clean_up(Some("vol-2")));
    script.answer(held("vol-2", "m1")).is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script
}

#[test]
fn d2_the_stopped_machine_in_what_was_found_is_condemned() {
    let mut script = holder_asked();
    script.answer(a_machine("m1", "stopped").mounting("vol-2").seen()).is("
        applied: stopped
        set flyMachineId null
        on the list machine m1 replaced due now
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(a_machine("m1", "stopped").mounting("vol-2").seen()).is("
        applied: stopped
        call destroy_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_a_machine_that_somebody_has_started_on_what_was_found_is_looked_at_first() {
    holder_asked().answer(machine("m1", "started")).is(r#"
        applied: stopped
        on the list volume vol-2 candidate until +602996s
        reply cleanup_failed "The volume could not be deleted: held by the instance's own machine m1, which runs."
        alarm now reconcile
    "#);
    holder_asked().answer(a_machine("m1", "stopped").of_sandbox("sandbox-9").seen()).is(r#"
        applied: stopped
        on the list volume vol-2 candidate until +602996s
        event instance.retained_volume_cleanup_refused error="Refusing to destroy attached machine m1 for volume vol-2: expected sandbox sandbox-1, found sandbox-9" machine=m1 region=iad volume:"vol-2"
        reply not_ours "Refusing to destroy attached machine m1 for volume vol-2: expected sandbox sandbox-1, found sandbox-9"
        alarm +1798s reconcile
    "#);
}

#[test]
fn d2_another_machine_on_what_was_found_is_asked_whose_it_is() {
    let mut script = left_behind();
    script.command(clean_up(Some("vol-2")));
    script.answer(held("vol-2", "m9")).is("
        applied: stopped (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn d2_while_it_starts_the_machine_keeps_what_was_found() {
    let mut script = left_behind();
    script.command(start());
    script.answers([volume("vol-1", "created"), unknown()]);
    script.command(clean_up(Some("vol-2")));
    script.answer(held("vol-2", "m1")).is(r#"
        applied: starting
        on the list volume vol-2 candidate until +602995s
        reply cleanup_failed "The volume could not be deleted: held by the instance's own machine m1."
        alarm now retry
    "#);
}

const IN_TIME_MS: u64 = 10_000;

#[test]
fn d2_without_the_data_volume_nothing_goes_even_though_its_holder_is_gone() {
    let removed = || {
        let mut script = Script::flat("stopped", json!({ "pendingDestroyVolumeId": "vol-2" }));
        script.ring();
        script.answers([held("vol-2", "m9"), machine("m9", "started"), volume("vol-1", "created")]);
        script.answer(accepted()).is("
            applied: stopped
            on the list machine m9 replaced due +1m
            log destroy_machine_for_volume_cleanup by=alarm machine=m9 region=iad
            call get_volume vol-1
            alarm +90001ms call_deadline
        ");
        script
    };
    for gone in [absent(), volume("vol-1", "destroyed")] {
        removed().answer(gone).is("
            applied: stopped (no commit)
            on the list volume vol-2 left_over due +5m
            call get_machine m1
            alarm +90001ms call_deadline
        ");
    }
}

/// The machine in what was found could not be removed, and the look-up of the next start finds it on the instance's volume.
fn stood_in_the_way() -> Script {
    let mut script = holder_asked();
    script.answers([machine("m1", "stopped"), busy(), unknown()]);
    script.command(start());
    script.answer(unknown());
    script.ring();
    script.answers([machines([]), held("vol-1", "m1")]);
    script
}

#[test]
fn m1_a_condemned_machine_that_holds_the_volume_is_removed_by_the_start_and_nothing_else_leaves_the_list() {
    let mut script = stood_in_the_way();
    script.answer(a_machine("m1", "stopped").mounting("vol-1").seen()).is(r#"
        applied: starting
        set flyMachineId "m1"
        off the list machine m1
        call get_volume vol-1
        alarm +57s reconcile
    "#);
    script.answer(held("vol-1", "m1")).is("
        applied: starting
        call destroy_machine m1
        alarm +56s reconcile
    ");
    script.clone().answer(busy()).is("
        applied: starting
        alarm +1s retry
    ");
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call create_machine #1 ours on vol-1 in iad
        alarm +55s reconcile
    ");
}
