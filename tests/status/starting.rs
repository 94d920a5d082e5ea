//! A start is in progress.

use crate::commands::{any, destroy, restart, start};
use crate::script::{LATENCY_MS, MINUTE, NOON, SECOND, Script, knobs, provision};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, busy, conflict, health, held, limited, machine, machine_made,
    machines, missing_volume, no_room, refused, region, region_full, seen, snapshots, unauthorized, unknown, volume,
    volume_made, volumes, waited,
};
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::{CommandKind, Spec};
use kiloclaw_lifecycle::fault::{Capacity, Fault, FaultKind};
use kiloclaw_lifecycle::id::{Image, OpId};
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::{Input, Knobs};
use serde_json::json;

use Stage as S;

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

/// A start of an instance that has data and no machine: the create is in flight.
fn remaking() -> Script {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    script
}

/// Imported, with a machine; the alarm looks.
fn watched() -> Script {
    let mut script = Script::flat("starting", json!({ "startingAt": NOON }));
    script.alarm();
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
        call destroy_machine m1
        alarm +58s reconcile
    "#);
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call list_machines ours
        alarm +57s reconcile
    ");
    script.answer(machines([])).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +56s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +55s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_machine #1 ours on vol-1 in iad
        alarm +54s reconcile
    ");
}

#[test]
fn s1_a_machine_in_the_way_that_cannot_be_removed_yet_is_removed_later() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), a_machine("m1", "stopped").mounting("vol-2").seen()]);
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
    script.answers([volume("vol-1", "created"), a_machine("m1", "stopped").mounting("vol-2").seen(), accepted()]);
    script.answer(machines([a_machine("m4", "stopped")])).is(r#"
        applied: starting
        set flyMachineId "m4"
        log recover_machine_from_metadata by=start machine=m4 region=iad fly_state:"stopped"
        call get_volume vol-1
        alarm +56s reconcile
    "#);
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_machine m4
        alarm +55s reconcile
    ");
}

#[test]
fn s1_a_start_that_has_looked_for_a_machine_does_not_look_again() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    let wrong = a_machine("m1", "stopped").mounting("vol-2");
    script.answers([machines([wrong.clone()]), volume("vol-1", "created"), wrong.seen()]);
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call create_machine #1 ours on vol-1 in iad
        alarm +56s reconcile
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
fn s3_what_the_alarm_sees_decides() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            "
                applied: starting (no commit)
                call probe_health m1 60s every 3000ms
                alarm +59s reconcile
            ",
        ),
        (
            machine("m1", "failed"),
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine failed to start"
                set lastStoppedAt now
                set startingAt null
                event instance.provisioning_failed stopped "fly_failed_state" error="the machine failed to start" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine is gone"
                set lastStoppedAt now
                set startingAt null
                log starting_machine_gone by=alarm machine=m1 region=iad
                event instance.provisioning_failed stopped "starting_machine_gone" error="the machine is gone" region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine is gone"
                set lastStoppedAt now
                set startingAt null
                log starting_machine_gone by=alarm machine=m1 region=iad
                event instance.provisioning_failed stopped "starting_machine_gone" error="the machine is gone" region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "stopped"),
            "
                applied: starting (no commit)
                call get_volume vol-1
                alarm +59s reconcile
            ",
        ),
        (
            machine("m1", "created"),
            "
                applied: starting
                alarm +1m reconcile
            ",
        ),
        (
            machine("m1", "starting"),
            "
                applied: starting
                alarm +1m reconcile
            ",
        ),
        (
            machine("m1", "stopping"),
            "
                applied: starting
                alarm +1m reconcile
            ",
        ),
        (
            machine("m1", "destroying"),
            "
                applied: starting
                alarm +1m reconcile
            ",
        ),
        (
            machine("m1", "odd"),
            "
                applied: starting
                alarm +1m reconcile
            ",
        ),
        (
            a_machine("m1", "failed").unreachable().seen(),
            "
                applied: starting
                alarm +1m reconcile
            ",
        ),
        (
            a_machine("m1", "started").unreachable().seen(),
            "
                applied: starting
                alarm +1m reconcile
            ",
        ),
        (
            unknown(),
            r#"
                applied: starting
                log starting_transient_error error="no answer in time (status 503)" by=alarm machine=m1 region=iad
                alarm +1m reconcile
            "#,
        ),
        (
            refused(),
            r#"
                applied: starting
                log starting_transient_error error="makes no sense (status 422)" by=alarm machine=m1 region=iad
                alarm +1m reconcile
            "#,
        ),
    ] {
        watched().answer(answer).is(expected);
    }
}

#[test]
fn s3_past_its_time_a_start_is_given_up_but_the_machine_is_asked_first() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            "
                applied: starting (no commit)
                call probe_health m1 60s every 3000ms
                alarm +59s reconcile
            ",
        ),
        (
            machine("m1", "failed"),
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine failed to start"
                set lastStoppedAt now
                set startingAt null
                event instance.provisioning_failed stopped "fly_failed_state" error="the machine failed to start" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine is gone"
                set lastStoppedAt now
                set startingAt null
                log starting_machine_gone by=alarm machine=m1 region=iad
                event instance.provisioning_failed stopped "starting_machine_gone" error="the machine is gone" region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine is gone"
                set lastStoppedAt now
                set startingAt null
                log starting_machine_gone by=alarm machine=m1 region=iad
                event instance.provisioning_failed stopped "starting_machine_gone" error="the machine is gone" region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "stopped"),
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine was still stopped when time was over"
                set lastStoppedAt now
                set startingAt null
                event instance.provisioning_failed stopped "starting_timeout_with_machine" error="the machine was still stopped when time was over" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            machine("m1", "created"),
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine was still created when time was over"
                set lastStoppedAt now
                set startingAt null
                event instance.provisioning_failed stopped "starting_timeout_with_machine" error="the machine was still created when time was over" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            a_machine("m1", "started").unreachable().seen(),
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "the machine was still started when time was over"
                set lastStoppedAt now
                set startingAt null
                event instance.provisioning_failed stopped "starting_timeout_with_machine" error="the machine was still started when time was over" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            unknown(),
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "no answer in time (status 503)"
                set lastStoppedAt now
                set startingAt null
                event instance.provisioning_failed stopped "starting_timeout_transient_error" error="no answer in time (status 503)" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            unauthorized(),
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "who are you (status 401)"
                set lastStoppedAt now
                set startingAt null
                event instance.provisioning_failed stopped "starting_timeout_transient_error" error="who are you (status 401)" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
    ] {
        let mut script = Script::flat("starting", json!({ "startingAt": NOON }));
        script.after(5 * MINUTE);
        script.ring().is("
            applied: starting (no commit)
            call get_machine m1
            alarm +1m reconcile
        ");
        script.answer(answer).is(expected);
    }
}

#[test]
fn s3_without_a_machine_time_alone_decides() {
    let bare = || Script::flat("starting", json!({ "startingAt": NOON, "flyMachineId": null }));
    let mut script = bare();
    script.after(5 * MINUTE);
    script.ring().is("
        applied: starting (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    let mut script = bare();
    script.after(5 * MINUTE + 1);
    script.ring().is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the start took too long and no machine was made"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "starting_timeout" error="the start took too long and no machine was made" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn a_command_in_passing_leaves_the_back_off_alone() {
    let mut script = first(S::CreateMachine);
    script.answer(limited());
    script.command(provision(Spec { volume_size_gb: Some(20), ..Spec::default() })).is("
        applied: starting
        set volumeSizeGb 20
        alarm +1s retry
    ");
}

#[test]
fn s3_at_the_limit_it_is_not_over_yet() {
    let mut script = Script::flat("starting", json!({ "startingAt": NOON }));
    script.after(5 * MINUTE - LATENCY_MS);
    script.ring();
    script.answer(machine("m1", "starting")).is("
        applied: starting
        alarm +1ms timeout
    ");
    script.alarm().is("
        applied: starting (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(machine("m1", "starting")).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine was still starting when time was over"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "starting_timeout_with_machine" error="the machine was still starting when time was over" machine=m1 region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn s3_an_update_accepted_in_this_start_is_not_repeated() {
    let updated = || {
        let mut script = again();
        script.answers([volume("vol-1", "created"), machine("m1", "stopped"), accepted(), machine("m1", "starting")]);
        script.answer(waited("starting"));
        script.alarm();
        script
    };
    let mut script = updated();
    script.answer(machine("m1", "stopped")).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +59s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_machine m1
        alarm +58s reconcile
    ");
    script.answer(machine("m1", "stopped")).is("
        applied: starting
        call start_machine m1
        alarm +57s reconcile
    ");
    let mut script = updated();
    script.answer(machine("m1", "created")).is("
        applied: starting
        alarm +1m reconcile
    ");
    script.alarm();
    script.answer(machine("m1", "stopped"));
    script.answer(volume("vol-1", "created"));
    script.answer(machine("m1", "created")).is("
        applied: starting (no commit)
        call wait_machine m1 of version v1 started 60s
        alarm +57s reconcile
    ");
}

#[test]
fn s3_a_new_machine_may_not_be_visible_yet() {
    let mut script = first(S::Wait);
    script.answer(waited("created"));
    script.after(10 * SECOND);
    script.ring();
    script.answer(absent()).is(r#"
        applied: starting
        log starting_transient_error error="not found (status 404)" by=alarm machine=m1 region=iad
        alarm +1m reconcile
    "#);
    script.alarm();
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
}

#[test]
fn g3_a_full_host_leads_to_a_fork_once() {
    let mut script = remaking();
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" region=iad
        call create_volume #2 in eu fork of vol-1
        alarm +56s reconcile
    "#);
    script.answer(volume_made("vol-2", "ams", "hydrating")).is(r#"
        applied: starting
        set flyRegion "ams"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d for vol-2
        call list_snapshots vol-1
        alarm +55s reconcile
    "#);
    script.answer(snapshots(&[("vs-1", "created", 10)])).is("
        applied: starting
        call create_machine #3 ours on vol-2 in ams
        alarm +54s reconcile
    ");
    script.answer(no_room()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "insufficient resources (status 412)"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="insufficient resources (status 412)" region=ams
        alarm +30m reconcile
    "#);
}

#[test]
fn g3_the_old_machine_goes_before_the_new_one_is_made() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), accepted(), machine("m1", "stopped")]);
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" machine=m1 region=iad
        call create_volume #1 in eu fork of vol-1
        alarm +55s reconcile
    "#);
    script.answer(volume_made("vol-2", "ams", "created")).is(r#"
        applied: starting
        set flyRegion "ams"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d for vol-2
        call list_snapshots vol-1
        alarm +54s reconcile
    "#);
    script.answer(snapshots(&[])).is("
        applied: starting
        on the list volume vol-1 retained until +604799s for vol-2 immediate
        call destroy_machine m1
        alarm +53s reconcile
    ");
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call list_machines ours
        alarm +52s reconcile
    ");
    script.answer(machines([a_machine("m1", "stopped")])).is("
        applied: starting (no commit)
        call get_volume vol-2
        alarm +51s reconcile
    ");
    script.answer(volume("vol-2", "created")).is("
        applied: starting (no commit)
        call get_volume vol-2
        alarm +50s reconcile
    ");
    script.answer(seen(Volume { region: Some(region("ams")), ..a_volume("vol-2", "created") })).is("
        applied: starting
        call create_machine #2 ours on vol-2 in ams
        alarm +49s reconcile
    ");
    script.answer(machine_made("m2", "ams")).is(r#"
        applied: starting
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +48s reconcile
    "#);
}

#[test]
fn g3_machine_calls_hint_on_403_only_and_the_full_region_is_asked_last() {
    let knobs = Knobs { regions: vec!["us".to_string(), "eu".to_string()], ..knobs() };
    let mut script = Script::flat_under(knobs, "stopped", json!({ "flyMachineId": null, "flyRegion": "us" }));
    script.command(start());
    let here = seen(Volume { region: None, ..a_volume("vol-1", "created") });
    script.answers([machines([]), here.clone(), here]);
    script.answer(region_full()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_403_no_capacity" error="no capacity in the region (status 403)" region=us
        event region.capacity_eviction "no_capacity" region=us
        evict us no_capacity
        call create_volume #2 in eu fork of vol-1
        alarm +56s reconcile
    "#);
}

#[test]
fn g3_without_user_data_a_fresh_volume_is_made() {
    let mut script = first(S::CreateMachine);
    script.answer(no_room()).is(r#"
        applied: starting
        event instance.start_capacity_recovery starting "fly_412_insufficient_resources" error="insufficient resources (status 412)" region=iad
        call create_volume #3 in eu empty 10 GB
        alarm +56s reconcile
    "#);
    script.answer(volume_made("vol-2", "ams", "created")).is(r#"
        applied: starting
        set flyRegion "ams"
        set flyVolumeId "vol-2"
        on the list volume vol-1 replaced due now
        call create_machine #4 ours on vol-2 in ams
        alarm +55s reconcile
    "#);
}

#[test]
fn g3_a_fork_that_fails_surfaces_its_error_and_never_falls_back() {
    let mut script = remaking();
    script.answer(no_room());
    script.answer(refused()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "makes no sense (status 422)"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="makes no sense (status 422)" region=iad
        alarm +30m reconcile
    "#);
    let mut script = remaking();
    script.answer(no_room());
    script.answer(no_room()).is(r#"
        applied: starting
        event region.capacity_eviction "insufficient_resources" region=eu
        evict eu insufficient_resources
        call create_volume #2 in us fork of vol-1
        alarm +55s reconcile
    "#);
    script.answer(no_room()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "insufficient resources (status 412)"
        set lastStoppedAt now
        set startingAt null
        event region.capacity_eviction "insufficient_resources" region=us
        evict us insufficient_resources
        event instance.provisioning_failed stopped "no_machine_created" error="insufficient resources (status 412)" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn g3_every_class_has_its_label() {
    for (class, status, label) in [
        (Capacity::InsufficientMemory, 412, "fly_412_insufficient_memory"),
        (Capacity::NoCapacity, 503, "fly_503_no_capacity"),
        (Capacity::QuotaExceeded, 403, "fly_403_quota_exceeded"),
        (Capacity::InsufficientResources, 409, "fly_409_insufficient_resources"),
    ] {
        let got = remaking().answer(Err(Fault::new(FaultKind::NoCapacity(class), Some(status), "full")));
        assert_eq!(got.events[0].label.as_deref(), Some(label));
    }
}

#[test]
fn s1_a_volume_that_exists_and_cannot_be_mounted_gets_another_machine_once() {
    let mut script = first(S::CreateMachine);
    script.answer(missing_volume()).is("
        applied: starting
        call get_volume vol-1
        alarm +56s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_machine #3 ours on vol-1 in iad
        alarm +55s reconcile
    ");
    script.answer(missing_volume()).is("
        applied: starting
        call get_volume vol-1
        alarm +54s reconcile
    ");
    script.answer(volume("vol-1", "created")).is(r#"
        applied: starting
        set flyVolumeId null
        on the list volume vol-1 replaced due now
        log replace_lost_volume by=start region=iad data_loss:false volume:"vol-1"
        call create_volume #4 in eu empty 10 GB
        alarm +53s reconcile
    "#);
}

#[test]
fn s1_with_data_the_second_refusal_is_a_missing_volume() {
    let mut script = remaking();
    script.answer(missing_volume());
    script.answer(volume("vol-1", "created"));
    script.answer(missing_volume());
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +53s reconcile
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-1 missing"
        set lastStoppedAt now
        set startingAt null
        log data_volume_missing error="data volume vol-1 missing" by=start region=iad
        event instance.provisioning_failed stopped "no_machine_created" error="data volume vol-1 missing" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn s1_a_volume_missing_on_update_makes_the_machine_anew() {
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped")]);
    script.answer(missing_volume()).is("
        applied: starting
        call get_volume vol-1
        alarm +57s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call destroy_machine m1
        alarm +56s reconcile
    ");
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call list_machines ours
        alarm +55s reconcile
    ");
    script.answer(machines([])).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +54s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +53s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_machine #1 ours on vol-1 in iad
        alarm +52s reconcile
    ");
}

#[test]
fn v2_a_missing_data_volume_ends_the_start() {
    let mut script = again();
    script.answer(absent()).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +59s reconcile
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume vol-1 missing"
        set lastStoppedAt now
        set startingAt null
        log data_volume_missing error="data volume vol-1 missing" by=start machine=m1 region=iad
        event instance.provisioning_failed stopped "data_volume_missing" error="data volume vol-1 missing" machine=m1 region=iad
        alarm +30m reconcile
    "#);
    script.command(start()).is("denied data_volume_missing: stopped");
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null, "flyVolumeId": null }));
    script.command(start());
    script.answer(machines([])).is("
        applied: starting (no commit)
        call list_volumes ours
        alarm +59s reconcile
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume missing"
        set lastStoppedAt now
        set startingAt null
        log data_volume_missing error="data volume missing" by=start region=iad
        event instance.provisioning_failed stopped "no_machine_created" error="data volume missing" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn v2_before_the_first_start_a_lost_volume_is_replaced() {
    let mut script = Script::flat("provisioned", json!({ "lastStartedAt": null, "flyMachineId": null }));
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created")]);
    script.answer(absent()).is(r#"
        applied: starting
        set flyVolumeId null
        on the list volume vol-1 late_create due +30s
        log replace_lost_volume by=start region=iad data_loss:false volume:"vol-1"
        call list_volumes ours
        alarm +57s reconcile
    "#);
    script.answer(volumes([])).is("
        applied: starting
        call create_volume #1 in eu empty 10 GB
        alarm +56s reconcile
    ");
}

#[test]
fn t5_a_lost_machine_is_looked_up_and_adopted() {
    let mut script = first(S::CreateMachine);
    script.answer(unknown()).is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm().is("
        applied: starting (no commit)
        call list_machines ours
        alarm +1m reconcile
    ");
    let name = script.names.get(2);
    let others = a_machine("m5", "started");
    script.answer(machines([others, a_machine("m1", "created").named(&name)])).is(r#"
        applied: starting
        set flyMachineId "m1"
        call wait_machine m1 started 60s
        alarm +59s reconcile
    "#);
}

#[test]
fn t5_an_empty_look_up_lets_it_be_made_again_and_the_first_is_watched_for() {
    let mut script = first(S::CreateMachine);
    script.answer(unknown());
    script.alarm();
    script.answer(machines([])).is("
        applied: starting
        call create_machine #2 ours on vol-1 in iad
        alarm +59s reconcile
    ");
    script.answer(machine_made("m1", "iad")).is(r#"
        applied: starting
        set flyMachineId "m1"
        on the list machine named #2 late_create due +117001ms
        call wait_machine m1 started 60s
        alarm +58s reconcile
    "#);
    script.answers([waited("started"), health(true)]);
    script.alarm().is("
        applied: running (no commit)
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    let name = script.names.get(2);
    let ours = a_machine("m1", "started").named(&name);
    script.answer(machines([ours.clone(), a_machine("m2", "created").named(&name)])).is("
        applied: running
        on the list machine m2 late_create due now
        on the list machine named #2 late_create due +1m tried 1
        log dispose_late_create by=alarm machine=m1 region=iad
        call get_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m2", "created")).is("
        applied: running
        call destroy_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(accepted()).is("
        applied: running
        call get_machine m2
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m2", "destroyed")).is("
        applied: running
        off the list machine m2
        log destroy_machine_ok value=0 by=alarm machine=m2 region=iad
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "started"));
    script.answer(volume("vol-1", "created"));
    script.alarm().is("
        applied: running (no commit)
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    script.answer(machines([ours])).is("
        applied: running
        off the list machine named #2
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn t5_a_name_that_is_taken_is_verified() {
    let taken = || {
        let mut script = first(S::CreateMachine);
        script.answer(conflict(Some("m3"))).is("
            applied: starting
            call get_machine m3
            alarm +56s reconcile
        ");
        let name = script.names.get(2);
        (script, name)
    };
    let (mut script, name) = taken();
    script.answer(a_machine("m3", "created").named(&name).seen()).is(r#"
        applied: starting
        set flyMachineId "m3"
        call wait_machine m3 started 60s
        alarm +55s reconcile
    "#);
    let (mut script, name) = taken();
    script.answer(a_machine("m3", "created").named(&name).of_sandbox("sandbox-9").seen()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine's name is taken by another machine: m3"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="the machine's name is taken by another machine: m3" region=iad
        alarm +30m reconcile
    "#);
    let (mut script, _) = taken();
    script.answer(absent()).is("
        applied: starting
        alarm +1s retry
    ");
    let (mut script, _) = taken();
    script.answer(a_machine("m3", "created").unreachable().seen()).is("
        applied: starting
        alarm +1s retry
    ");
    first(S::CreateMachine).answer(conflict(None)).is("
        applied: starting
        alarm +1s retry
    ");
}

#[test]
fn t5_a_name_that_was_taken_and_is_free_again_is_used() {
    for gone in [absent(), machine("m5", "destroyed")] {
        let mut script = first(S::CreateMachine);
        script.answer(conflict(Some("m5")));
        script.answer(gone).is("
            applied: starting
            alarm +1s retry
        ");
        script.alarm().is("
            applied: starting
            call create_machine #2 ours on vol-1 in iad
            alarm +1m reconcile
        ");
    }
}

#[test]
fn t5_who_has_the_name_is_asked_again_when_it_cannot_be_seen() {
    for unclear in [unknown(), a_machine("m5", "started").unreachable().seen()] {
        let mut script = first(S::CreateMachine);
        script.answer(conflict(Some("m5")));
        script.answer(unclear).is("
            applied: starting
            alarm +1s retry
        ");
        script.alarm().is("
            applied: starting (no commit)
            call get_machine m5
            alarm +1m reconcile
        ");
    }
}

#[test]
fn t5_a_machine_of_ours_with_another_name_is_not_what_was_asked_for() {
    let mut script = first(S::CreateMachine);
    let volume = script.names.get(1);
    script.answer(conflict(Some("m5")));
    script.answer(a_machine("m5", "started").named(&volume).seen()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine's name is taken by another machine: m5"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "no_machine_created" error="the machine's name is taken by another machine: m5" region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn t6_resume_in_every_stage() {
    for (stage, expected) in [
        (
            S::Find,
            "
                applied: starting
                call list_machines ours
                alarm +1m reconcile
            ",
        ),
        (
            S::ByName,
            "
                applied: starting
                call list_volumes ours
                alarm +59s reconcile
            ",
        ),
        (
            S::CreateVolume,
            "
                applied: starting
                alarm +1s retry
            ",
        ),
        (
            S::CreateMachine,
            "
                applied: starting
                alarm +1s retry
            ",
        ),
        (
            S::Wait,
            "
                applied: starting
                call wait_machine m1 started 60s
                alarm +56s reconcile
            ",
        ),
        (
            S::Probe,
            "
                applied: starting
                call probe_health m1 60s every 3000ms
                alarm +55s reconcile
            ",
        ),
    ] {
        first(stage).resume().is(expected);
    }
    let mut script = again();
    script.resume().is("
        applied: starting
        call get_volume vol-1
        alarm +1m reconcile
    ");
    script.answer(volume("vol-1", "created"));
    script.resume().is("
        applied: starting
        call get_machine m1
        alarm +59s reconcile
    ");
    script.answer(machine("m1", "stopped"));
    script.resume().is("
        applied: starting
        alarm +1s retry
    ");
    script.alarm();
    script.answers([machine("m1", "stopped"), volume("vol-1", "created"), machine("m1", "stopped"), accepted()]);
    script.resume().is("
        applied: starting
        call get_machine m1
        alarm +56s reconcile
    ");
    script.answer(machine("m1", "stopped"));
    script.resume().is("
        applied: starting
        call start_machine m1
        alarm +55s reconcile
    ");
}

#[test]
fn s3_past_its_time_what_was_being_made_is_watched_for() {
    for (stage, expected) in [
        (
            S::CreateVolume,
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "the start took too long and no machine was made"
                set lastStoppedAt now
                set startingAt null
                on the list volume named #1 late_create due -179999ms
                event instance.provisioning_failed stopped "starting_timeout" error="the start took too long and no machine was made"
                call list_volumes named #1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            S::CreateMachine,
            r#"
                applied: stopped
                set lastStartErrorAt now
                set lastStartErrorMessage "the start took too long and no machine was made"
                set lastStoppedAt now
                set startingAt null
                on the list machine named #2 late_create due -179999ms
                event instance.provisioning_failed stopped "starting_timeout" error="the start took too long and no machine was made" region=iad
                call list_machines ours
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        let mut script = first(stage);
        script.answer(unknown());
        script.after(5 * MINUTE);
        script.ring().is(expected);
    }
    let mut script = again();
    script.answers([volume("vol-1", "created"), machine("m1", "stopped"), no_room(), unknown()]);
    script.after(5 * MINUTE);
    script.ring().is("
        applied: starting (no commit)
        on the list volume named #1 late_create due -179999ms
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(machine("m1", "stopped")).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the machine was still stopped when time was over"
        set lastStoppedAt now
        set startingAt null
        event instance.provisioning_failed stopped "starting_timeout_with_machine" error="the machine was still stopped when time was over" machine=m1 region=iad
        call list_volumes named #1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn t3_an_accepted_command_is_committed_even_while_a_question_is_asked() {
    let mut script = first(S::Wait);
    let spec = Spec { image: Some(Image::new("app:1").unwrap()), ..Spec::default() };
    script.command(provision(spec)).is(r#"
        applied: starting
        set trackedImageTag "app:1"
        alarm +56s reconcile
    "#);
}

#[test]
fn t4_stale_outcomes_change_nothing_but_the_list() {
    let mut script = first(S::CreateMachine);
    let old = script.call.clone().unwrap().id;
    script.answer(unknown());
    script.alarm();
    for result in [machine("m1", "started"), absent(), unknown(), accepted()] {
        script.give(Input::Outcome { op: old, result }).is("ignored stale: starting");
    }
    script.give(Input::Outcome { op: old, result: machine_made("m1", "iad") }).is("
        applied: starting
        on the list machine m1 late_create due now
        log dispose_late_create by=alarm region=iad
        alarm +1m reconcile
    ");
    script.give(Input::Outcome { op: old, result: machine_made("m1", "iad") }).is("ignored stale: starting");
    let never = OpId { number: 99, kind: CallKind::CreateVolume };
    script.give(Input::Outcome { op: never, result: volume_made("vol-9", "iad", "created") }).is("
        applied: starting
        on the list volume vol-9 late_create due now
        log dispose_late_create by=alarm region=iad
        alarm +1m reconcile
    ");
    script
        .give(Input::Outcome { op: never, result: volume_made("vol-1", "iad", "created") })
        .is("ignored stale: starting");
}

#[test]
fn t4_an_answer_that_does_not_fit_its_call_is_stale() {
    for (stage, result) in [(S::CreateMachine, machine("m1", "started")), (S::Find, volumes([]))] {
        let mut script = first(stage);
        let op = script.call.clone().unwrap().id;
        script.give(Input::Outcome { op, result }).is("ignored stale: starting");
    }
}

#[test]
fn a3_an_alarm_that_finds_a_call_outstanding_only_rearms() {
    let mut script = first(S::CreateMachine);
    script.after(30 * SECOND);
    script.ring().is("
        applied: starting (no commit)
        alarm +27s reconcile
    ");
    script.after(60 * SECOND);
    script.ring().is("
        applied: starting
        alarm +1ms call_deadline
    ");
    script.after(1);
    script.ring().is("
        applied: starting
        call list_machines ours
        alarm +1m reconcile
    ");
}

#[test]
fn a_create_in_flight_is_watched_for_when_the_instance_goes() {
    let mut script = first(S::CreateMachine);
    let create = script.call.clone().unwrap().id;
    script.command(destroy()).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-1"
        set startingAt null
        on the list machine named #2 late_create due +120001ms
        on the list volume vol-1 destroyed due now
        event instance.destroy_started destroying region=iad
        alarm +1m reconcile
    "#);
    script.give(Input::Outcome { op: create, result: machine_made("m1", "iad") }).is(r#"
        applied: destroying
        set pendingDestroyMachineId "m1"
        on the list machine m1 late_create due now
        log dispose_late_create by=destroy region=iad
        call get_machine m1
        alarm +1m reconcile
    "#);
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
