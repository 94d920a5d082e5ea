//! A start is in progress.

mod capacity;
mod creates;
mod crowded;
mod faults;
mod leaving;
mod limits;

use crate::commands::{any, restart, start};
use crate::script::Script;
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, health, machine, machine_made, machines, refused, region, seen,
    unknown, volume, volume_made, volumes, waited,
};
use Stage as S;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::observe::Volume;
use serde_json::json;

/// How far a start has come: the call in flight.
#[derive(Clone, Copy)]
enum Stage {
    Find,
    ByName,
    CreateVolume,
    CreateMachine,
    Wait,
    Probe,
}

/// A first start, of an instance that has nothing.
fn first(stage: Stage) -> Script {
    let mut script = Script::provisioned();
    script.command(start());
    let answers = [
        machines([]),
        volumes([]),
        volume_made("vol-1", "iad", "created"),
        machine_made("m1", "iad"),
        waited("started"),
    ];
    script.answers(answers.into_iter().take(stage as usize));
    script
}

/// A start of an instance that has data and a stopped machine.
fn again() -> Script {
    let mut script = Script::stopped();
    script.command(start());
    script
}

#[test]
fn s1_a_first_start() {
    let mut script = Script::provisioned();
    script.command(start()).is("
        applied: starting
        set startingAt now
        call list_machines ours
        alarm +1m reconcile
    ");
    script.answer(machines([])).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +59s reconcile
    ");
    script.answer(volumes([])).is("
        applied: starting
        call create_volume #1 in eu empty 10 GB
        alarm +58s reconcile
    ");
    script.answer(volume_made("vol-1", "iad", "created")).is(r#"
        applied: starting
        set flyRegion "iad"
        set flyVolumeId "vol-1"
        call create_machine #2 ours on vol-1 in iad
        alarm +57s reconcile
    "#);
    script.answer(machine_made("m1", "iad")).is(r#"
        applied: starting
        set flyMachineId "m1"
        call wait_machine m1 started 60s
        alarm +56s reconcile
    "#);
    script.answer(waited("started")).is("
        applied: starting (no commit)
        call probe_health m1 60s every 3000ms
        alarm +55s reconcile
    ");
    script.answer(health(true)).is("
        applied: running
        set lastStartedAt now
        set startingAt null
        event instance.started running took=6s machine=m1 region=iad
        alarm +5m reconcile
    ");
}

#[test]
fn s1_a_stopped_machine_is_updated_started_and_waited_for() {
    let mut script = Script::stopped();
    script.command(start()).is("
        applied: starting
        set startingAt now
        call get_volume vol-1
        alarm +1m reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_machine m1
        alarm +59s reconcile
    ");
    script.answer(machine("m1", "stopped")).is("
        applied: starting
        call update_machine m1 ours on vol-1
        alarm +58s reconcile
    ");
    script.answer(accepted()).is("
        applied: starting
        call get_machine m1
        alarm +57s reconcile
    ");
    script.answer(a_machine("m1", "stopped").version("v2").seen()).is("
        applied: starting
        call start_machine m1
        alarm +56s reconcile
    ");
    script.answer(accepted()).is("
        applied: starting
        call wait_machine m1 started 60s
        alarm +55s reconcile
    ");
    script.answer(waited("started")).is("
        applied: starting (no commit)
        call probe_health m1 60s every 3000ms
        alarm +54s reconcile
    ");
    script.answer(health(true)).is("
        applied: running
        set lastStartedAt now
        set startingAt null
        event instance.started running took=7s machine=m1 region=iad
        alarm +5m reconcile
    ");
}

#[test]
fn s1_every_state_of_a_known_machine() {
    for (state, expected) in [
        (
            "started",
            "
                applied: starting (no commit)
                call probe_health m1 60s every 3000ms
                alarm +58s reconcile
            ",
        ),
        (
            "stopped",
            "
                applied: starting
                call update_machine m1 ours on vol-1
                alarm +58s reconcile
            ",
        ),
        (
            "created",
            "
                applied: starting
                call update_machine m1 ours on vol-1
                alarm +58s reconcile
            ",
        ),
        (
            "failed",
            "
                applied: starting
                call update_machine m1 ours on vol-1
                alarm +58s reconcile
            ",
        ),
        (
            "suspended",
            "
                applied: starting
                call update_machine m1 ours on vol-1
                alarm +58s reconcile
            ",
        ),
        (
            "starting",
            "
                applied: starting (no commit)
                call wait_machine m1 of version v1 started 60s
                alarm +58s reconcile
            ",
        ),
        (
            "stopping",
            "
                applied: starting (no commit)
                call wait_machine m1 of version v1 started 60s
                alarm +58s reconcile
            ",
        ),
        (
            "replacing",
            "
                applied: starting (no commit)
                call wait_machine m1 of version v1 started 60s
                alarm +58s reconcile
            ",
        ),
        (
            "odd",
            "
                applied: starting (no commit)
                call wait_machine m1 of version v1 started 60s
                alarm +58s reconcile
            ",
        ),
        (
            "destroying",
            "
                applied: starting
                set flyMachineId null
                on the list machine m1 replaced due now
                call create_machine #1 ours on vol-1 in iad
                alarm +58s reconcile
            ",
        ),
        (
            "destroyed",
            "
                applied: starting
                set flyMachineId null
                on the list machine m1 replaced due now
                call create_machine #1 ours on vol-1 in iad
                alarm +58s reconcile
            ",
        ),
    ] {
        let mut script = again();
        script.answer(volume("vol-1", "created"));
        script.answer(machine("m1", state)).is(expected);
    }
}

#[test]
fn s1_an_update_that_starts_the_machine_is_waited_for_in_its_version() {
    for state in ["created", "starting", "replacing", "started"] {
        let mut script = again();
        script.answers([volume("vol-1", "created"), machine("m1", "created"), accepted()]);
        script.answer(a_machine("m1", state).version("v2").seen()).is("
            applied: starting (no commit)
            call wait_machine m1 of version v2 started 60s
            alarm +56s reconcile
        ");
    }
}

#[test]
fn s1_a_machine_that_is_gone_is_made_anew() {
    let mut script = again();
    script.answer(volume("vol-1", "created"));
    script.answer(absent()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due now
        call create_machine #1 ours on vol-1 in iad
        alarm +58s reconcile
    ");
}

#[test]
fn s1_a_stopped_machine_with_another_volume_is_replaced() {
    let mut script = again();
    script.answer(volume("vol-1", "created"));
    script.answer(a_machine("m1", "stopped").mounting("vol-2").seen()).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-2"
        on the list volume vol-2 candidate until +7d
        log repair_mount by=start machine=m1 region=iad
        call get_volume vol-2
        alarm +58s reconcile
    "#);
    script.answer(volume("vol-2", "created")).is("
        applied: starting
        call destroy_machine m1
        alarm +57s reconcile
    ");
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call list_machines ours
        alarm +56s reconcile
    ");
    script.answer(machines([])).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +55s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +54s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_machine #1 ours on vol-1 in iad
        alarm +53s reconcile
    ");
}

#[test]
fn s1_a_machine_in_the_way_that_cannot_be_removed_yet_is_removed_later() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), a_machine("m1", "stopped").mounting("vol-2").seen()]);
    script.answer(volume("vol-2", "created"));
    script.answer(unknown()).is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: starting
        call destroy_machine m1
        alarm +1m reconcile
    ");
    script.answer(refused()).is(r#"
        applied: starting
        set lastStartErrorAt now
        set lastStartErrorMessage "makes no sense (status 422)"
        alarm +1m reconcile
    "#);
}

#[test]
fn s1_a_machine_of_ours_that_holds_the_volume_is_found_once_the_wrong_one_is_gone() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), a_machine("m1", "stopped").mounting("vol-2").seen()]);
    script.answers([volume("vol-2", "created"), accepted()]);
    script.answer(machines([a_machine("m4", "stopped")])).is(r#"
        applied: starting
        set flyMachineId "m4"
        log recover_machine_from_metadata by=start machine=m4 region=iad fly_state:"stopped"
        call get_volume vol-1
        alarm +55s reconcile
    "#);
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_machine m4
        alarm +54s reconcile
    ");
}

#[test]
fn s1_a_start_that_has_looked_for_a_machine_does_not_look_again() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    let wrong = a_machine("m1", "stopped").mounting("vol-2");
    script.answers([machines([wrong.clone()]), volume("vol-1", "created"), wrong.seen(), volume("vol-2", "created")]);
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call create_machine #1 ours on vol-1 in iad
        alarm +55s reconcile
    ");
}

#[test]
fn s1_region_drift_is_corrected_and_an_omitted_region_keeps_ours() {
    again().answer(seen(Volume { region: Some(region("ord")), ..a_volume("vol-1", "created") })).is(r#"
        applied: starting
        set flyRegion "ord"
        call get_machine m1
        alarm +59s reconcile
    "#);
    again().answer(seen(Volume { region: None, ..a_volume("vol-1", "created") })).is("
        applied: starting (no commit)
        call get_machine m1
        alarm +59s reconcile
    ");
}

#[test]
fn s1_an_unhealthy_probe_only_warns() {
    for answer in [health(false), unknown(), refused()] {
        first(S::Probe).answer(answer).is("
            applied: running
            set lastStartedAt now
            set startingAt null
            log start_unhealthy by=start machine=m1 region=iad
            event instance.started running took=6s machine=m1 region=iad
            alarm +5m reconcile
        ");
    }
}

#[test]
fn s1_a_wait_that_is_not_over_is_handed_to_the_alarm() {
    for state in ["starting", "created", "stopped", "failed"] {
        let mut script = first(S::Wait);
        script.answer(waited(state)).is("
            applied: starting
            alarm +1m reconcile
        ");
        script.alarm().is("
            applied: starting (no commit)
            call get_machine m1
            alarm +1m reconcile
        ");
    }
    first(S::Wait).answer(unknown()).is("
        applied: starting
        alarm +1s retry
    ");
    first(S::Wait).answer(absent()).is("
        applied: starting
        alarm +1m reconcile
    ");
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (
            K::Provision,
            "
                applied: starting (no commit)
                alarm +56s reconcile
            ",
        ),
        (K::Start, "ignored nothing_to_do: starting"),
        (K::Stop, "ignored nothing_to_do: starting"),
        (K::Restart, "denied busy: starting"),
        (
            K::Destroy,
            r#"
                applied: destroying
                set pendingDestroyMachineId "m1"
                set pendingDestroyVolumeId "vol-1"
                set startingAt null
                on the list machine m1 destroyed due now
                on the list volume vol-1 destroyed due now
                event instance.destroy_started destroying machine=m1 region=iad
                call get_machine m1
                alarm +1m reconcile
            "#,
        ),
        (
            K::CleanupRetainedVolume,
            "
                pending: starting
                reply deleted nothing
                alarm +56s reconcile
            ",
        ),
        (K::ReassociateVolume, "denied must_be_stopped: starting"),
        (K::Resize, "denied busy: starting"),
        (K::RestoreSnapshot, "denied busy: starting"),
        (
            K::RetryLookup,
            "
                applied: starting
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied busy: starting"),
        (K::Refresh, "ignored nothing_to_do: starting"),
    ] {
        first(S::Wait).command(any(kind)).is(expected);
    }
    first(S::Find).command(restart()).is("denied no_machine: starting");
}
