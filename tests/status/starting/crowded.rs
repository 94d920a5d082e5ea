//! A machine on a full host goes before its volume is copied, and what a machine may have run on is data (G3).

use super::capacity::remaking;
use super::{Stage as S, again, first};
use crate::commands::start;
use crate::script::{HOUR, Script};
use crate::world::{
    Remade, a_machine, absent, accepted, conflict, health, machine, machine_made, machines, no_room, refused,
    snapshots, unknown, volume, volume_made, volumes, waited,
};
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::call::{Call, Content};
use kiloclaw_lifecycle::observe::{Exit, Machine};
use serde_json::json;

/// A start of a machine whose host is full: nothing is made before it has gone.
fn crowded() -> Script {
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), accepted(), machine("m1", "stopped")]);
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" machine=m1 region=iad
        call get_volume vol-1
        alarm +55s reconcile
    "#);
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call destroy_machine m1
        alarm +54s reconcile
    ");
    script
}

/// The same after the machine has gone.
fn vacated() -> Script {
    let mut script = crowded();
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call list_machines ours
        alarm +53s reconcile
    ");
    script
}

#[test]
fn g3_the_old_machine_goes_before_its_volume_is_forked() {
    let mut script = vacated();
    script.answer(machines([a_machine("m1", "stopped")])).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +52s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +51s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_volume #1 in eu fork of vol-1
        alarm +50s reconcile
    ");
    script.answer(volume_made("vol-2", "ams", "created")).is(r#"
        applied: starting
        set flyRegion "ams"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d for vol-2
        call list_snapshots vol-1
        alarm +49s reconcile
    "#);
    script.answer(snapshots(&[])).is("
        applied: starting
        on the list volume vol-1 retained until +604799s for vol-2 immediate
        call create_machine #2 ours on vol-2 in ams
        alarm +48s reconcile
    ");
    script.answer(machine_made("m2", "ams")).is(r#"
        applied: starting
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +47s reconcile
    "#);
}

#[test]
fn g3_a_machine_that_does_not_go_keeps_its_volume() {
    for (answer, told) in
        [(refused(), "makes no sense (status 422)"), (conflict(None), "the name is taken (status 409)")]
    {
        let mut script = crowded();
        script.answer(answer).is(&format!(
            r#"
                applied: starting
                set lastStartErrorAt now
                set lastStartErrorMessage "{told}"
                alarm +1m reconcile
            "#
        ));
        script.alarm();
        script.answer(machine("m1", "stopped"));
        script.answer(volume("vol-1", "created"));
        script.answer(machine("m1", "stopped")).is("
            applied: starting
            call start_machine m1
            alarm +57s reconcile
        ");
    }
}

#[test]
fn g3_a_machine_that_somebody_has_started_again_serves_where_it_is() {
    let mut script = crowded();
    script.answer(refused());
    script.alarm();
    script.answer(machine("m1", "started")).is("
        applied: starting (no commit)
        call probe_health m1 60s every 3000ms
        alarm +59s reconcile
    ");
    script.answer(health(true)).is("
        applied: running
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set lastStartedAt now
        set startingAt null
        event instance.started running took=69s machine=m1 region=iad
        alarm +5m reconcile
    ");
}

#[test]
fn g3_another_machine_of_ours_on_the_full_host_is_tried_and_goes_as_well() {
    let mut script = vacated();
    script.answer(machines([a_machine("m9", "stopped")])).is(r#"
        applied: starting
        set flyMachineId "m9"
        log recover_machine_from_metadata by=start machine=m9 region=iad fly_state:"stopped"
        call get_volume vol-1
        alarm +52s reconcile
    "#);
    script.answers([volume("vol-1", "created"), machine("m9", "stopped")]);
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" machine=m9 region=iad
        call get_volume vol-1
        alarm +49s reconcile
    "#);
    script.answer(volume("vol-1", "created"));
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m9 replaced due +1m
        call create_volume #1 in eu fork of vol-1
        alarm +47s reconcile
    ");
}

#[test]
fn g3_the_way_off_a_full_host_survives_a_crash() {
    let mut script = crowded();
    script.resume().is("
        applied: starting
        call destroy_machine m1
        alarm +54s reconcile
    ");
    script.answer(absent()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call list_machines ours
        alarm +53s reconcile
    ");
    script.resume().is("
        applied: starting
        call list_machines ours
        alarm +53s reconcile
    ");
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    script.resume().is("
        applied: starting
        alarm +1s retry
    ");
}

/// A full host, told of when the machine is to be updated.
fn no_room_for(mut script: Script) -> Script {
    script.command(start());
    script.answer(volume("vol-1", "created"));
    script
}

/// The first start has made a machine.
fn first_made() -> Script {
    let mut script = first(S::CreateMachine);
    script.answer(machine_made("m1", "iad"));
    script
}

#[test]
fn g3_what_a_first_start_has_seen_run_holds_data() {
    let mut script = first_made();
    script.answer(waited("started"));
    script.after(HOUR / 30);
    script.ring();
    script.answer(machine("m1", "stopped"));
    script.answer(volume("vol-1", "created"));
    script.answer(machine("m1", "stopped"));
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" machine=m1 region=iad
        call get_volume vol-1
        alarm +56s reconcile
    "#);
    script.answer(volume("vol-1", "created"));
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call create_volume #3 in eu fork of vol-1
        alarm +54s reconcile
    ");
}

#[test]
fn g3_what_may_have_run_between_two_looks_holds_data() {
    let exited = || {
        let exit = Some(Exit { code: Some(0), oom_killed: false, requested_stop: true });
        Machine { exit, ..a_machine("m1", "failed") }.seen()
    };
    for seen in [machine("m1", "stopped"), machine("m1", "suspended"), exited()] {
        let mut script = no_room_for(Script::flat("stopped", json!({ "lastStartedAt": null })));
        script.answer(seen);
        script.answers([no_room(), volume("vol-1", "created"), accepted()]);
        script.answers([machines([]), volume("vol-1", "created")]);
        let content = script.answer(volume("vol-1", "created")).calls;
        assert!(matches!(&content[..], [Call::CreateVolume(new)] if matches!(new.content, Content::Fork { .. })));
    }
    for seen in [machine("m1", "created"), machine("m1", "failed")] {
        let mut script = no_room_for(Script::flat("stopped", json!({ "lastStartedAt": null })));
        script.answer(seen);
        script.answers([no_room(), volume("vol-1", "created"), accepted()]);
        script.answers([machines([]), volume("vol-1", "created")]);
        let content = script.answer(volume("vol-1", "created")).calls;
        assert!(matches!(&content[..], [Call::CreateVolume(new)] if matches!(new.content, Content::Empty { .. })));
    }
}

#[test]
fn g3_what_a_machine_ran_on_that_is_gone_holds_data() {
    let mut script = first_made();
    script.answer(waited("starting"));
    script.after(HOUR);
    script.ring();
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine is gone"
        set lastStoppedAt now
        set startingAt null
        log starting_machine_gone by=alarm machine=m1 region=iad
        event instance.provisioning_failed stopped "starting_machine_gone" error="the machine is gone" region=iad
        alarm +30m reconcile
    "#);
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" region=iad
        call create_volume #4 in eu fork of vol-1
        alarm +56s reconcile
    "#);
}

/// A machine's create was lost; looked for, it is not there, and for another there is no room.
fn crowded_by_a_lost_create() -> Script {
    let mut script = remaking();
    script.answer(unknown());
    script.alarm();
    script.answer(machines([]));
    script.answer(no_room()).is(r#"
        applied: starting
        on the list machine named #1 late_create due +117001ms
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" region=iad
        alarm +1m reconcile
    "#);
    script
}

#[test]
fn g3_nothing_is_forked_while_a_lost_create_may_bring_up_a_machine() {
    let mut script = crowded_by_a_lost_create();
    script.alarm();
    script.answers([machines([]), volume("vol-1", "created")]);
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        alarm +54001ms disposal
    ");
    script.alarm().is("
        applied: starting (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    let mut late = script.clone();
    script.answer(machines([])).is("
        applied: starting
        off the list machine named #1
        call list_machines ours
        alarm +1m reconcile
    ");
    script.answers([machines([]), volume("vol-1", "created")]);
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_volume #2 in eu fork of vol-1
        alarm +57s reconcile
    ");
    let name = late.names.get(1);
    late.answer(machines([a_machine("m9", "started").named(&name)])).is("
        applied: starting
        on the list machine m9 late_create due now
        on the list machine named #1 late_create due +1m tried 1
        log dispose_late_create by=alarm region=iad
        call get_machine m9
        alarm +59s reconcile
    ");
    late.answer(a_machine("m9", "started").named(&name).seen());
    late.answer(volume("vol-1", "created")).is("
        applied: starting
        call destroy_machine m9
        alarm +57s reconcile
    ");
}

#[test]
fn g3_only_the_volume_on_the_full_host_is_taken_elsewhere() {
    let mut script = no_room_for(Script::flat("stopped", json!({ "lastStartedAt": null })));
    script.answer(machine("m1", "created"));
    script.answers([no_room(), volume("vol-1", "created"), accepted(), machines([])]);
    script.answers([absent(), absent(), volumes([])]);
    script.answer(volume_made("vol-2", "ams", "created")).is(r#"
        applied: starting
        set flyRegion "ams"
        set flyVolumeId "vol-2"
        call create_machine #2 ours on vol-2 in ams
        alarm +50s reconcile
    "#);
}

#[test]
fn g3_a_machine_that_was_made_has_run_for_all_that_anybody_knows() {
    let mut script = first_made();
    for _ in 0..40 {
        if script.status() == Some(Status::Stopped) {
            break;
        }
        if script.call.is_some() {
            script.answer(unknown())
        } else {
            script.alarm()
        };
    }
    script.alarm();
    script.answer(absent());
    script.answers([volume("vol-1", "created")]);
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" region=iad
        call create_volume #4 in eu fork of vol-1
        alarm +56s reconcile
    "#);
}
