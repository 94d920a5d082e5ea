//! A machine that is to be replaced, and is all that keeps its volume: somebody has asked for the volume's delete.

use super::again;
use super::capacity::remaking;
use crate::commands::start;
use crate::script::Script;
use crate::world::{
    Remade, a_machine, absent, accepted, held, machine, machine_made, machines, missing_volume, no_room, refused,
    snapshots, unknown, volume, volume_made, waited, waiting,
};
use serde_json::json;

/// The host is full, and what its volume is in is asked for.
fn crowded() -> Script {
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), accepted(), machine("m1", "stopped")]);
    script.answer(no_room());
    script
}

#[test]
fn g3_what_goes_with_its_machine_is_forked_first() {
    let mut script = crowded();
    script.answer(waiting("vol-1", "m1")).is("
        applied: starting
        call create_volume #1 in eu fork of vol-1
        alarm +54s reconcile
    ");
    script.answer(volume_made("vol-2", "ams", "created")).is(r#"
        applied: starting
        set flyMachineId null
        set flyRegion "ams"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list machine m1 stray
        on the list volume vol-1 retained until +7d for vol-2
        call list_snapshots vol-1
        alarm +53s reconcile
    "#);
    script.answer(snapshots(&[("vs-1", "created", 10)])).is("
        applied: starting
        call create_machine #2 ours on vol-2 in ams
        alarm +52s reconcile
    ");
    script.answer(machine_made("m2", "ams")).is(r#"
        applied: starting
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +51s reconcile
    "#);
}

#[test]
fn g3_a_fork_that_is_refused_leaves_the_machine_where_it_is() {
    let mut script = crowded();
    script.answer(waiting("vol-1", "m1"));
    script.answer(refused()).is(r#"
        applied: starting
        set lastStartErrorAt now
        set lastStartErrorMessage "makes no sense (status 422)"
        alarm +1m reconcile
    "#);
    script.alarm().is("
        applied: starting (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
}

#[test]
fn g3_a_fork_that_takes_too_long_leaves_the_machine_where_it_is() {
    let mut script = crowded();
    script.answers([waiting("vol-1", "m1"), unknown()]);
    script.after(600_000);
    script.ring().is("
        applied: starting (no commit)
        on the list volume named #1 late_create due -479999ms
        call get_machine m1
        alarm +1m reconcile
    ");
}

#[test]
fn g3_nothing_is_forked_beside_a_machine_while_a_lost_create_may_bring_up_another() {
    let mut script = remaking();
    script.answer(unknown());
    script.alarm();
    script.answer(machines([]));
    script.answer(no_room());
    script.alarm();
    script.answers([machines([a_machine("m9", "stopped")]), volume("vol-1", "created"), machine("m9", "stopped")]);
    script.answer(no_room());
    script.answer(waiting("vol-1", "m9")).is("
        applied: starting
        alarm +52001ms disposal
    ");
}

#[test]
fn g3_what_cannot_be_looked_at_keeps_its_machine() {
    let mut script = crowded();
    script.answer(unknown()).is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +1m reconcile
    ");
    script.answer(refused()).is("
        applied: starting
        alarm +5s retry
    ");
}

#[test]
fn g3_a_machine_whose_volume_is_gone_is_not_removed_for_room() {
    for gone in [absent(), volume("vol-1", "destroyed")] {
        crowded().answer(gone).is("
            applied: starting (no commit)
            call get_volume vol-1
            alarm +54s reconcile
        ");
    }
}

#[test]
fn v3_a_stopped_machine_goes_whose_other_volume_is_gone() {
    for gone in [absent(), volume("vol-2", "destroyed")] {
        let mut script = again();
        script.answers([volume("vol-1", "created"), a_machine("m1", "stopped").mounting("vol-2").seen()]);
        script.answer(gone).is("
            applied: starting
            call destroy_machine m1
            alarm +57s reconcile
        ");
    }
}

#[test]
fn g3_what_holds_no_data_may_go_with_its_machine() {
    let mut script = Script::flat("stopped", json!({ "lastStartedAt": null }));
    script.command(start());
    script.answers([volume("vol-1", "created"), machine("m1", "created"), no_room()]);
    script.answer(waiting("vol-1", "m1")).is("
        applied: starting
        call destroy_machine m1
        alarm +56s reconcile
    ");
}

#[test]
fn v3_what_a_stopped_machine_mounts_instead_goes_with_it_and_it_stays_aside() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), a_machine("m1", "stopped").mounting("vol-2").seen()]);
    script.answer(waiting("vol-2", "m1")).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 stray
        call list_machines ours
        alarm +57s reconcile
    ");
    script.answers([machines([a_machine("m1", "stopped").mounting("vol-2")]), volume("vol-1", "created")]);
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_machine #1 ours on vol-1 in iad
        alarm +54s reconcile
    ");
}

#[test]
fn s1_what_cannot_be_mounted_and_goes_with_its_machine_is_forked() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), missing_volume()]);
    script.answer(waiting("vol-1", "m1")).is("
        applied: starting
        call create_volume #1 in eu fork of vol-1
        alarm +56s reconcile
    ");
}

#[test]
fn s1_what_was_moved_once_keeps_its_machine() {
    let mut script = crowded();
    script.answers([waiting("vol-1", "m1"), volume_made("vol-2", "ams", "created"), snapshots(&[])]);
    script.answers([machine_made("m2", "ams"), waited("stopped")]);
    script.alarm();
    script.answers([machine("m2", "stopped"), volume("vol-2", "created")]);
    script.answers([a_machine("m2", "stopped").mounting("vol-2").seen(), missing_volume()]);
    script.answer(waiting("vol-2", "m2")).is(r#"
        applied: starting
        set lastStartErrorAt now
        set lastStartErrorMessage "volume vol-2 would be deleted with its machine"
        alarm +1m reconcile
    "#);
}

#[test]
fn m1_a_condemned_machine_that_alone_keeps_the_volume_is_kept_aside() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null, "pendingDestroyMachineId": "m9" }));
    script.command(start());
    script.answers([machines([]), held("vol-1", "m9")]);
    script.answer(a_machine("m9", "stopped").seen()).is(r#"
        applied: starting
        set flyMachineId "m9"
        off the list machine m9
        call get_volume vol-1
        alarm +57s reconcile
    "#);
    script.answer(waiting("vol-1", "m9")).is("
        applied: starting
        call create_volume #1 in eu fork of vol-1
        alarm +56s reconcile
    ");
    script.answer(volume_made("vol-2", "ams", "created")).is(r#"
        applied: starting
        set flyMachineId null
        set flyRegion "ams"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list machine m9 stray
        on the list volume vol-1 retained until +7d for vol-2
        call list_snapshots vol-1
        alarm +55s reconcile
    "#);
}

/// The machine is set aside, and found again, since the data volume says that it holds it.
fn found_again() -> Script {
    let mut script = again();
    let elsewhere = || a_machine("m1", "stopped").mounting("vol-2").seen();
    script.answers([held("vol-1", "m1"), elsewhere(), waiting("vol-2", "m1")]);
    script.answers([machines([]), held("vol-1", "m1"), elsewhere(), held("vol-1", "m1"), elsewhere()]);
    script
}

#[test]
fn v3_a_machine_that_was_set_aside_and_is_found_again_ends_the_attempt() {
    let mut script = found_again();
    script.answer(waiting("vol-2", "m1")).is(r#"
        applied: starting
        set lastStartErrorAt now
        set lastStartErrorMessage "volume vol-2 would be deleted with its machine"
        alarm +1m reconcile
    "#);
}

#[test]
fn v3_what_is_mounted_elsewhere_goes_with_its_machine_too() {
    let elsewhere = || a_machine("m1", "stopped").mounting_nothing().seen();
    let mut script = again();
    script.answers([volume("vol-1", "created"), elsewhere()]);
    script.answer(waiting("vol-1", "m1")).is("
        applied: starting
        call create_volume #1 in eu fork of vol-1
        alarm +57s reconcile
    ");
    let mut script = again();
    script.answers([volume("vol-1", "created"), elsewhere()]);
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call destroy_machine m1
        alarm +57s reconcile
    ");
}

#[test]
fn s1_the_machine_that_takes_the_place_of_one_set_aside_is_updated() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), accepted(), unknown()]);
    script.alarm();
    script.answers([machine("m1", "stopped"), volume("vol-1", "created")]);
    script.answers([a_machine("m1", "stopped").mounting("vol-2").seen(), waiting("vol-2", "m1")]);
    script.answers([machines([a_machine("m9", "stopped")]), volume("vol-1", "created")]);
    script.answer(machine("m9", "stopped")).is("
        applied: starting
        call update_machine m9 ours on vol-1
        alarm +53s reconcile
    ");
}

#[test]
fn v3_what_is_mounted_elsewhere_and_cannot_be_seen_is_waited_for() {
    let looking = || {
        let mut script = again();
        script.answers([volume("vol-1", "created"), a_machine("m1", "stopped").mounting("vol-2").seen()]);
        script
    };
    looking().answer(refused()).is("
        applied: starting
        call destroy_machine m1
        alarm +57s reconcile
    ");
    let mut script = looking();
    for _ in 0..4 {
        script.answer(unknown());
        script.alarm();
    }
    script.answer(unknown()).is("
        applied: starting
        alarm +30s retry
    ");
}
