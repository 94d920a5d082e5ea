//! Everything under the name of the instance is looked for before its record goes (X3, X4).

use super::sweeping;
use crate::commands::{destroy, start};
use crate::script::{MINUTE, SECOND, Script, knobs};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, held, machine, machine_made, machines, unauthorized, unknown,
    volume, volume_made, volumes,
};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::id::OpId;
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::{Input, Knobs};
use serde_json::json;

#[test]
fn x3_orphans_under_our_name_are_swept() {
    let foreign = Volume { name: "kiloclaw_other".to_string(), ..a_volume("vol-4", "created") };
    let dying = a_volume("vol-5", "pending_destroy");
    let mut script = sweeping();
    script.answer(volumes([a_volume("vol-3", "created"), foreign, dying])).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-3"
        on the list volume vol-3 orphan due now
        log destroy_orphan_found by=destroy machine=m1 region=iad
        call get_volume vol-3
        alarm +53s reconcile
    "#);
    script.answer(held("vol-3", "m9")).is("
        applied: destroying (no commit)
        call get_machine m9
        alarm +52s reconcile
    ");
    script.answer(a_machine("m9", "started").of_sandbox("sandbox-9").seen()).is(r#"
        applied: destroying
        set destroyVolumeAttempts 1
        on the list volume vol-3 orphan due +1m tried 1 "Refusing to destroy attached machine m9 for volume vol-3: expected sandbox sandbox-1, found sandbox-9"
        log destroy_volume_failed value=0 error="Refusing to destroy attached machine m9 for volume vol-3: expected sandbox sandbox-1, found sandbox-9" by=destroy machine=m1 region=iad volume:"vol-3"
        alarm +1m reconcile
    "#);
}

#[test]
fn x3_machines_with_our_labels_are_swept() {
    let mut script = sweeping();
    script.answer(volumes([]));
    let list =
        [a_machine("m3", "stopped"), a_machine("m4", "destroyed"), a_machine("m5", "started").of_sandbox("sandbox-9")];
    script.answer(machines(list)).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m3"
        on the list machine m3 orphan due now
        log destroy_orphan_found by=destroy machine=m1 region=iad
        call get_machine m3
        alarm +52s reconcile
    "#);
}

#[test]
fn x3_what_is_found_again_and_again_is_given_more_and_more_time() {
    let mut script = sweeping();
    for due in ["now", "+1m", "+5m", "+15m"] {
        let text = script.answer(volumes([a_volume("vol-3", "created")])).text;
        assert!(text.contains(&format!("on the list volume vol-3 orphan due {due}\n")), "{text}");
        while script.call.is_none() {
            script.alarm();
        }
        script.answer(absent());
    }
}

#[test]
fn x3_after_what_a_sweep_has_found_the_volumes_are_swept_again() {
    let mut script = sweeping();
    script.answers([volumes([]), machines([a_machine("m9", "stopped")]), machine("m9", "stopped"), accepted()]);
    script.answer(absent()).is("
        applied: destroying
        set pendingDestroyMachineId null
        off the list machine m9
        log destroy_machine_ok value=0 by=destroy machine=m9 region=iad
        call list_volumes ours
        alarm +49s reconcile
    ");
}

#[test]
fn x3_after_what_came_between_two_sweeps_the_volumes_are_swept_again() {
    let mut script = sweeping();
    script.answers([volumes([]), unknown()]);
    let op = OpId { number: 1_000, kind: CallKind::CreateVolume };
    script.give(Input::Outcome { op, result: volume_made("vol-8", "iad", "created") });
    script.after(30 * SECOND);
    script.ring();
    script.answer(unknown());
    script.after(MINUTE);
    script.ring();
    script.answer(absent()).is(r#"
        applied: destroying
        set destroyVolumeAttempts 0
        set pendingDestroyVolumeId null
        off the list volume vol-8
        log destroy_volume_ok value=1 by=alarm machine=m1 region=iad volume:"vol-8"
        call list_volumes ours
        alarm +1m reconcile
    "#);
}

#[test]
fn x3_a_sweep_that_cannot_list_blocks_for_a_while_only() {
    let knobs = Knobs { disposal_max_attempts: 2, ..knobs() };
    let mut script = Script::flat_under(knobs, "stopped", json!({ "flyMachineId": null, "flyVolumeId": null }));
    script.command(destroy()).is("
        applied: destroying
        event instance.destroy_started destroying value=86400000 region=iad
        call list_volumes ours
        alarm +1m reconcile
    ");
    script.answer(unknown()).is("
        applied: destroying
        alarm +1m reconcile
    ");
    script.alarm().is("
        applied: destroying (no commit)
        call list_volumes ours
        alarm +1m reconcile
    ");
    script.answer(unauthorized()).is("
        applied: none
        log destroy_orphan_sweep_abandoned by=alarm region=iad
        log destroy_complete by=alarm region=iad
        forget
    ");
}

#[test]
fn x4_a_lost_create_is_outlived_before_the_record_goes() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created")]);
    script.answer(unknown());
    script.command(destroy()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-1"
        set startingAt null
        on the list machine named #2 late_create due +120001ms
        on the list volume vol-1 destroyed due now
        event instance.destroy_started destroying region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
    script.answers([volume("vol-1", "created"), accepted()]);
    script.answer(absent()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId null
        off the list volume vol-1
        log destroy_volume_ok value=0 by=destroy region=iad volume:"vol-1"
        alarm +1m reconcile
    "#);
    script.alarm().is("
        applied: destroying
        alarm +57001ms disposal
    ");
    script.now = script.now.max(script.instance.as_ref().unwrap().alarm().at);
    script.alarm().is("
        applied: destroying (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    script.answer(machines([])).is("
        applied: destroying
        off the list machine named #2
        call list_volumes ours
        alarm +1m reconcile
    ");
    script.answer(volumes([])).is("
        applied: destroying (no commit)
        call list_machines ours
        alarm +59s reconcile
    ");
    script.answer(machines([])).is("
        applied: none
        log destroy_complete by=alarm region=iad
        forget
    ");
}

#[test]
fn x4_what_lands_late_is_removed() {
    let mut script = Script::provisioned();
    script.command(start());
    script.answers([machines([]), volumes([]), volume_made("vol-1", "iad", "created")]);
    let create = script.call.clone().unwrap().id;
    script.command(destroy());
    script.give(Input::Outcome { op: create, result: machine_made("m1", "iad") }).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m1"
        on the list machine m1 late_create due now
        log dispose_late_create by=destroy region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
}
