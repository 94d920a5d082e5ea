//! What was seen is not forgotten, whatever comes between two questions (V1, M1): another command, a crash, an answer that never comes, or
//! another question that nobody answers.

use super::held::made;
use super::nobody_found;
use super::unclear::starts_in_vain;
use crate::commands::{any, start};
use crate::script::{Got, HOUR, NOON, Script};
use crate::world::{
    Answer, Remade, a_machine, absent, held, machine, machines, seen, unknown, volume, volume_id, volumes,
};
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::observe::Volume;
use serde_json::json;

/// `m9` holds `vol-8` and has been asked for.
fn asking() -> Script {
    let mut script = nobody_found();
    script.answer(volumes([made("vol-8", 8, Some("m9"))]));
    script
}

/// `m9` is ours, and mounts that.
fn mounting(volume: &str) -> Answer {
    a_machine("m9", "stopped").mounting(volume).seen()
}

/// A record that names a machine and no volume.
fn without_volume(status: &str) -> Script {
    Script::flat(status, json!({ "provisionedAt": NOON, "lastStartedAt": null, "flyVolumeId": null }))
}

#[test]
fn v1_a_start_does_not_forget_what_was_seen() {
    let mut script = asking();
    script.command(start());
    script.answer(machines([]));
    script.answer(volumes([])).is("
        applied: starting (no commit)
        call get_volume vol-8
        alarm +58s reconcile
    ");
}

#[test]
fn v1_an_answer_that_never_comes_makes_nothing_forgotten() {
    let mut script = asking();
    script.after(91_000);
    script.ring().is("
        applied: provisioned
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is("
        applied: provisioned (no commit)
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_a_crash_makes_nothing_forgotten() {
    let mut script = nobody_found();
    let before = script.answer(volumes([made("vol-8", 8, Some("m9"))]));
    before.is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        call get_machine m9
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn v1_what_another_id_is_seen_for_is_not_forgotten_with_it() {
    let mut script = asking();
    script.answer(unknown());
    script.after(HOUR);
    script.ring();
    script.answers([machines([]), volumes([made("vol-10", 10, None)])]);
    script.answer(absent()).is("
        applied: provisioned (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is("
        applied: provisioned (no commit)
        call get_volume vol-10
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-10", "created")).is("
        applied: provisioned (no commit)
        call get_volume vol-10
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_what_the_machine_of_the_record_mounts_is_the_data() {
    for (list, first) in [
        (vec![], "vol-7"),
        (vec![made("vol-7", 7, None), made("vol-9", 9, None)], "vol-7"),
        (vec![made("vol-9", 9, None)], "vol-7"),
    ] {
        let mut script = without_volume("provisioned");
        script.ring();
        let mounted = || a_machine("m1", "stopped").mounting("vol-7").seen();
        script.answers([mounted(), mounted()]);
        script.answer(volumes(list));
        assert_eq!(script.call.as_ref().unwrap().id.kind, CallKind::GetVolume);
        while script.call.is_some() {
            script.answer(seen(made(first, 7, None)));
        }
        assert_eq!(script.instance.as_ref().unwrap().admin_view().volume, Some(volume_id("vol-7")));
    }
}

#[test]
fn v1_a_machine_of_the_record_that_cannot_be_seen_is_waited_for() {
    let hidden = || a_machine("m1", "stopped").unreachable().seen();
    for answer in [unknown(), hidden()] {
        let mut script = without_volume("stopped");
        script.command(start()).is("
            applied: starting
            set startingAt now
            call get_machine m1
            alarm +1m reconcile
        ");
        script.answer(answer).is("
            applied: starting
            alarm +1s retry
        ");
    }
}

/// The same, and an admin has accepted the loss of what was missing.
fn accepted() -> Script {
    let bare = || a_machine("m1", "stopped").mounting_nothing().seen();
    let mut script = Script::flat("stopped", json!({ "flyVolumeId": null }));
    script.ring();
    script.answers([bare(), bare(), volumes([])]);
    script.command(any(CommandKind::AcceptDataLoss));
    script
}

/// The machine is seen, but not when it is asked what it mounts, until a start has tried often enough: what comes of that.
fn never_says(script: &mut Script) -> Got {
    script.command(start());
    for _ in 0..4 {
        assert_eq!((script.answer(unknown()).calls, script.status()), (vec![], Some(Status::Starting)));
        script.alarm();
        script.answer(a_machine("m1", "stopped").seen());
    }
    script.answer(unknown())
}

#[test]
fn v1_a_machine_of_the_record_that_cannot_be_asked_what_it_mounts_is_waited_for_unless_the_loss_was_accepted() {
    let mut script = without_volume("stopped");
    never_says(&mut script).is("
        applied: starting
        alarm +30s retry
    ");
    let mut script = accepted();
    never_says(&mut script).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +58s reconcile
    ");
}

#[test]
fn v1_a_machine_of_the_record_that_is_gone_is_no_machine() {
    for gone in [absent(), machine("m1", "destroyed")] {
        let mut script = without_volume("stopped");
        script.command(start());
        let got = script.answer(gone);
        assert_eq!(got.calls.len(), 1);
        script.answers([machines([]), volumes([made("vol-8", 8, Some("m9"))])]);
    }
    let mut script = without_volume("stopped");
    script.command(start());
    script.answer(absent()).is("
        applied: starting
        set flyMachineId null
        call list_machines ours
        alarm +59s reconcile
    ");
    script.answer(machines([])).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +58s reconcile
    ");
    script.answer(volumes([made("vol-8", 8, Some("m9"))])).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-8"
        on the list volume vol-8 candidate until +7d
        call get_machine m9
        alarm +57s reconcile
    "#);
    script.answer(a_machine("m9", "started").mounting("vol-8").seen()).is(r#"
        applied: starting
        set flyMachineId "m9"
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        log recover_machine_from_metadata by=start machine=m9 region=iad fly_state:"started"
        call get_volume vol-8
        alarm +56s reconcile
    "#);
}

#[test]
fn v1_what_the_machine_mounts_is_the_data_whatever_was_asked_before() {
    let list = || volumes([made("vol-8", 8, Some("m9")), made("vol-9", 9, None)]);
    let mut script = nobody_found();
    script.answers([list(), mounting("vol-9"), unknown()]);
    script.alarm();
    script.answer(mounting("vol-9")).is("
        applied: provisioned (no commit)
        call get_machine m9
        alarm +90001ms call_deadline
    ");
    script.answer(mounting("vol-9")).is("
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-9 candidate until +7d
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(list()).is("
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        on the list volume vol-9 candidate until +7d
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-9", "m9")).is(r#"
        applied: provisioned
        set flyVolumeId "vol-9"
        set recoveryPreviousVolumeId "vol-8"
        off the list volume vol-9
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-9"
        alarm now reconcile
    "#);
    let mut script = nobody_found();
    script.answers([list(), mounting("vol-8")]);
    script.command(start()).is("
        applied: starting
        set startingAt now
        call get_machine m9
        alarm +1m reconcile
    ");
    script.answer(mounting("vol-8"));
    script.answer(volumes([made("vol-9", 9, None)])).is("
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-9 candidate until +7d
        call get_volume vol-8
        alarm +58s reconcile
    ");
    script.answer(held("vol-8", "m9")).is("
        applied: starting (no commit)
        call get_volume vol-8
        alarm +57s reconcile
    ");
    script.answer(held("vol-8", "m9")).is(r#"
        applied: starting
        set flyVolumeId "vol-8"
        off the list volume vol-8
        log recover_volume_by_name by=start machine=m9 region=iad volume:"vol-8"
        call get_machine m9
        alarm +56s reconcile
    "#);
}

#[test]
fn v1_what_is_only_said_to_be_held_by_our_machine_goes_after_what_is_not() {
    let mut script = nobody_found();
    script.answer(volumes([made("vol-8", 8, Some("m9")), made("vol-9", 9, None)]));
    script.answer(a_machine("m9", "stopped").mounting_nothing().seen()).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-8", "created")).is("
        applied: provisioned (no commit)
        call get_volume vol-9
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_what_a_machine_of_ours_mounts_is_remembered_while_another_cannot_be_asked() {
    let mut script = nobody_found();
    script.answer(volumes([made("vol-8", 8, Some("m8")), made("vol-9", 9, Some("m9"))]));
    script.answer(mounting("vol-7")).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-7"
        on the list volume vol-7 candidate until +7d
        call get_volume vol-7
        alarm +90001ms call_deadline
    "#);
    script.answer(volume("vol-7", "created")).is("
        applied: provisioned (no commit)
        call get_machine m8
        alarm +90001ms call_deadline
    ");
    script.answer(unknown()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn v1_what_our_machine_mounts_is_not_on_its_way_out_for_what_a_list_says() {
    let waits = || Volume { state: "waiting_for_detach".into(), ..made("vol-8", 8, None) };
    let mut script = nobody_found();
    script.answer(volumes([waits(), made("vol-9", 9, Some("m9"))]));
    script.answer(mounting("vol-8")).is(r#"
        applied: provisioned
        set flyMachineId "m9"
        set flyRegion "iad"
        on the list volume vol-8 candidate until +7d
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
    script.answer(seen(Volume { attached_machine: Some(crate::world::machine_id("m9")), ..waits() })).is(r#"
        applied: provisioned
        set flyVolumeId "vol-8"
        off the list volume vol-8
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-8"
        alarm now reconcile
    "#);
}

#[test]
fn m1_a_stray_becomes_the_machine_when_there_is_no_other() {
    let mut script = without_volume("stopped");
    script.command(start());
    script.answers([a_machine("m1", "stopped").mounting_nothing().seen(), volumes([made("vol-8", 8, Some("m9"))])]);
    script.answer(mounting("vol-8")).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume missing"
        set lastStoppedAt now
        set recoveryPreviousVolumeCleanupAfter +7d
        set startingAt null
        on the list machine m9 stray
        on the list volume vol-8 candidate until +7d
        log multiple_machines_found value=1 by=start machine=m1 region=iad
        log data_volume_missing error="data volume missing" by=start machine=m1 region=iad
        event instance.provisioning_failed stopped "data_volume_missing" error="data volume missing" machine=m1 region=iad
        alarm +30m reconcile
    "#);
    script.after(HOUR);
    script.ring();
    script.answers([absent(), volumes([made("vol-8", 8, Some("m9"))])]);
    script.answer(mounting("vol-8")).is(r#"
        applied: stopped
        set flyMachineId "m9"
        set recoveryPreviousVolumeCleanupAfter +7d
        on the list volume vol-8 candidate until +7d
        off the list machine m9
        log recover_machine_from_metadata by=alarm machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-8
        alarm +90001ms call_deadline
    "#);
    script.answer(held("vol-8", "m9")).is(r#"
        applied: stopped
        set flyVolumeId "vol-8"
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log recover_volume_by_name by=alarm machine=m9 region=iad volume:"vol-8"
        alarm now reconcile
    "#);
}

#[test]
fn m1_a_stray_that_is_gone_holds_nothing() {
    let mut script = without_volume("stopped");
    script.command(start());
    script.answers([a_machine("m1", "stopped").mounting_nothing().seen(), volumes([made("vol-8", 8, Some("m9"))])]);
    script.answer(mounting("vol-8"));
    script.after(HOUR);
    script.ring();
    script.answers([a_machine("m1", "stopped").mounting_nothing().seen()]);
    script.answers([a_machine("m1", "stopped").mounting_nothing().seen(), volumes([made("vol-8", 8, Some("m9"))])]);
    script.answer(absent()).is("
        applied: stopped (no commit)
        call get_volume vol-8
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-8", "m9")).is(r#"
        applied: stopped
        set flyVolumeId "vol-8"
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log recover_volume_by_name by=alarm machine=m1 region=iad volume:"vol-8"
        alarm now reconcile
    "#);
}

#[test]
fn v1_what_a_machine_of_somebody_else_mounts_is_nothing_to_us() {
    let mut script = without_volume("stopped");
    script.command(start());
    script.answer(a_machine("m1", "stopped").of_sandbox("sandbox-9").mounting("vol-77").seen()).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +59s reconcile
    ");
    script.answer(volumes([])).is("
        applied: starting
        call create_volume #1 in eu empty 10 GB
        alarm +58s reconcile
    ");
}

#[test]
fn v1_a_start_believes_a_list_once_that_shows_a_machine_that_is_gone() {
    for listed in [a_machine("m9", "started").mounting("vol-9"), a_machine("m9", "started").mounting_nothing()] {
        let mut script = Script::provisioned();
        let shown = [
            (CallKind::ListMachines, machines([listed])),
            (CallKind::ListVolumes, volumes([])),
            (CallKind::GetMachine, absent()),
            (CallKind::GetVolume, absent()),
        ];
        starts_in_vain(&mut script, &shown);
        assert_eq!(script.status(), Some(Status::Stopped));
    }
}

#[test]
fn v1_a_volume_that_cannot_be_looked_at_for_a_while_is_not_missing() {
    let mut script = Script::provisioned();
    script.command(start());
    for _ in 0..8 {
        script.answers([machines([]), volumes([made("vol-8", 8, None)]), unknown()]);
        assert_eq!(script.status(), Some(Status::Starting));
        script.alarm();
    }
    script.answers([machines([]), volumes([made("vol-8", 8, None)])]);
    script.answer(volume("vol-8", "created")).is(r#"
        applied: starting
        set flyRegion "iad"
        set flyVolumeId "vol-8"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log recover_volume_by_name by=alarm volume:"vol-8"
        call create_machine #1 ours on vol-8 in iad
        alarm +57s reconcile
    "#);
}

#[test]
fn v1_what_was_on_its_way_out_does_not_keep_a_registration() {
    let waits = || Volume { state: "waiting_for_detach".into(), ..made("vol-8", 8, None) };
    let mut script = nobody_found();
    script.answer(volumes([waits()]));
    script.answer(seen(waits())).is(r#"
        applied: provisioned
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-8
        log destroy_volume_ok value=0 by=alarm volume:"vol-8"
        call create_volume #1 in eu empty 10 GB
        alarm +90001ms call_deadline
    "#);
}
