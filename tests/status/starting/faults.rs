//! Faults on the way, and the look for a machine (S2, M1).

use super::{Stage as S, again, first};
use crate::commands::start;
use crate::script::{MINUTE, NOON, Script};
use crate::world::{
    Remade, a_machine, busy, held, limited, machine, machines, no_room, refused, unauthorized, unknown, volume,
};
use serde_json::json;

#[test]
fn m1_a_start_ignores_the_cooldown() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null, "lastMetadataRecoveryAt": NOON - MINUTE }));
    script.command(start()).is("
        applied: starting
        set startingAt now
        call list_machines ours
        alarm +1m reconcile
    ");
}

#[test]
fn m1_an_inconclusive_look_up_goes_through_the_back_off_once_and_makes_no_machine() {
    let mut script = first(S::Find);
    script.answer(unknown()).is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: starting (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    script.answer(limited()).is("
        applied: starting
        alarm +5s retry
    ");
    script.alarm().is("
        applied: starting (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    script.answer(unauthorized()).is("
        applied: starting
        alarm +15s retry
    ");
    script.alarm().is("
        applied: starting (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    script.answer(refused()).is("
        applied: starting
        alarm +30s retry
    ");
    script.alarm().is("
        applied: starting (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    script.answer(unknown()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "metadata lookup failed; not starting to avoid a duplicate machine"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="metadata lookup failed; not starting to avoid a duplicate machine"
        alarm +30m reconcile
    "#);
}

#[test]
fn m1_a_machine_found_is_started_and_not_made_again() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    script.answer(machines([a_machine("m3", "stopped")])).is(r#"
        applied: starting
        set flyMachineId "m3"
        log recover_machine_from_metadata by=start machine=m3 region=iad fly_state:"stopped"
        call get_volume vol-1
        alarm +59s reconcile
    "#);
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_machine m3
        alarm +58s reconcile
    ");
}

#[test]
fn m1_a_foreign_holder_ends_the_start() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    script.answers([machines([]), held("vol-1", "m7")]);
    script.answer(a_machine("m7", "started").of_sandbox("sandbox-9").seen()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "foreign_holder: machine m7 of somebody else holds the data volume"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="foreign_holder: machine m7 of somebody else holds the data volume" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn m1_an_unlabelled_holder_is_inconclusive() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    script.answers([machines([]), held("vol-1", "m7")]);
    script.answer(a_machine("m7", "started").unlabelled().seen()).is("
        applied: starting
        alarm +1s retry
    ");
}

#[test]
fn s2_a_start_that_fails_before_a_machine_exists_is_over() {
    first(S::CreateMachine).answer(refused()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "makes no sense (status 422)"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="makes no sense (status 422)" region=iad
        alarm +30m reconcile
    "#);
    first(S::CreateVolume).answer(refused()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "makes no sense (status 422)"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="makes no sense (status 422)"
        alarm +30m reconcile
    "#);
    let mut script = first(S::CreateVolume);
    script.answer(no_room()).is(r#"
        applied: starting
        event region.capacity_eviction "insufficient_resources" region=eu
        evict eu insufficient_resources
        call create_volume #1 in us empty 10 GB
        alarm +57s reconcile
    "#);
    script.answer(no_room()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "insufficient resources (status 412)"
        set lastStoppedAt now
        set startingAt null
        event region.capacity_eviction "insufficient_resources" region=us
        evict us insufficient_resources
        event instance.provisioning_failed stopped "no_machine_created" error="insufficient resources (status 412)"
        alarm +30m reconcile
    "#);
}

#[test]
fn s2_after_a_machine_exists_the_alarm_decides() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped")]);
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
fn s2_transient_faults_are_retried_with_the_back_off() {
    let mut script = first(S::CreateMachine);
    script.answer(busy()).is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: starting
        call create_machine #2 ours on vol-1 in iad
        alarm +1m reconcile
    ");
    script.answer(limited()).is("
        applied: starting
        alarm +5s retry
    ");
    script.alarm().is("
        applied: starting
        call create_machine #2 ours on vol-1 in iad
        alarm +1m reconcile
    ");
    script.answer(unauthorized()).is("
        applied: starting
        alarm +15s retry
    ");
    script.alarm().is("
        applied: starting
        call create_machine #2 ours on vol-1 in iad
        alarm +1m reconcile
    ");
    script.answer(busy()).is("
        applied: starting
        alarm +30s retry
    ");
    script.alarm().is("
        applied: starting
        call create_machine #2 ours on vol-1 in iad
        alarm +1m reconcile
    ");
    script.answer(busy()).is("
        applied: starting
        alarm +30s retry
    ");
}

#[test]
fn s2_a_lost_update_is_looked_at_before_it_is_repeated() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped")]);
    script.answer(unknown()).is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: starting (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
}
