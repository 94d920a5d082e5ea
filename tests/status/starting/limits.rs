//! What the alarm sees, and when a start is given up (S3).

use super::{Stage as S, again, first};
use crate::script::{LATENCY_MS, MINUTE, NOON, SECOND, Script, provision};
use crate::world::{
    Remade, a_machine, absent, accepted, limited, machine, machines, no_room, refused, unauthorized, unknown, volume,
    waited,
};
use kiloclaw_lifecycle::command::Spec;
use serde_json::json;

/// Imported, with a machine; the alarm looks.
fn watched() -> Script {
    let mut script = Script::flat("starting", json!({ "startingAt": NOON }));
    script.alarm();
    script
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
    script.answers([
        volume("vol-1", "created"),
        machine("m1", "stopped"),
        no_room(),
        volume("vol-1", "created"),
        accepted(),
        machines([]),
    ]);
    script.answers([volume("vol-1", "created"), volume("vol-1", "created"), unknown()]);
    script.after(5 * MINUTE);
    script.ring().is("
        applied: starting (no commit)
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answer(absent()).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "the start took too long and no machine was made"
        set lastStoppedAt now
        set startingAt null
        on the list volume named #1 late_create due -180999ms
        off the list machine m1
        log destroy_machine_ok value=0 by=alarm machine=m1 region=iad
        event instance.provisioning_failed stopped "starting_timeout" error="the start took too long and no machine was made" region=iad
        call list_volumes named #1
        alarm +90001ms call_deadline
    "#);
}
