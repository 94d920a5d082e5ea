//! We believe the machine serves.

mod mounts;
mod signs;

use crate::commands::{any, stop};
use crate::script::{SECOND, Script, knobs};
use crate::stages::QUIET;
use crate::world::{
    Remade, a_machine, a_volume, absent, busy, held, limited, machine, machines, refused, region, seen, unauthorized,
    unknown, volume,
};
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::observe::{HostStatus, Volume};
use kiloclaw_lifecycle::{Command, Input, Knobs};
use serde_json::json;

fn looking() -> Script {
    looking_under(knobs())
}

fn looking_under(knobs: Knobs) -> Script {
    let mut script = Script::flat_under(knobs, "running", json!({}));
    script.alarm();
    script
}

#[test]
fn a5_a_healthy_instance_costs_two_looks_and_one_commit() {
    let mut script = Script::running();
    script.alarm().is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "started")).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: running
        alarm +5m reconcile
    ");
    script.alarm().is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn reconcile_quiet_states_keep_the_count() {
    for state in QUIET.into_iter().chain(["created"]) {
        let mut script = looking_under(Knobs { self_heal_threshold: 2, ..knobs() });
        script.answer(machine("m1", "stopped"));
        script.alarm();
        script.answer(machine("m1", state)).is("
            applied: running
            alarm +5m reconcile
        ");
        assert_eq!(script.instance.as_ref().unwrap().admin_view().fail_count, 1, "{state}");
    }
}

#[test]
fn a4_a_duplicate_alarm_does_not_confirm_itself() {
    let mut script = looking_under(Knobs { self_heal_threshold: 2, ..knobs() });
    script.answer(machine("m1", "stopped"));
    script.ring();
    script.answer(machine("m1", "stopped")).is("
        applied: running
        alarm +5m reconcile
    ");
    script.after(27 * SECOND);
    script.ring();
    script.answer(machine("m1", "stopped")).is("
        applied: running
        alarm +5m reconcile
    ");
    script.ring();
    script.answer(machine("m1", "stopped")).is(r#"
        applied: recovering
        set healthCheckFailCount 0
        set recoveryStartedAt now
        log unexpected_stop_recovery_trigger value=2 by=alarm machine=m1 region=iad fail_count:2 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=2 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
}

#[test]
fn reconcile_could_not_ask_is_never_gone() {
    for fault in [unknown(), busy(), limited(), unauthorized(), refused()] {
        looking().answer(fault).is("
            applied: running
            alarm +5m reconcile
        ");
    }
}

#[test]
fn reconcile_a_host_that_does_not_answer_is_shown_and_nothing_is_done() {
    for state in ["stopped", "failed", "destroyed", "started"] {
        let mut script = looking();
        script.answer(a_machine("m1", state).unreachable().seen()).is("
            applied: running
            alarm +5m reconcile
        ");
        let trouble = script.instance.as_ref().unwrap().admin_view().host_trouble;
        assert_eq!(trouble, Some(HostStatus::Unreachable));
        script.alarm();
        script.answer(machine("m1", "started"));
        assert_eq!(script.instance.as_ref().unwrap().admin_view().host_trouble, None);
    }
}

#[test]
fn reconcile_without_a_machine_the_labels_are_asked() {
    let bare = || Script::flat("running", json!({ "flyMachineId": null }));
    let mut script = bare();
    script.alarm().is("
        applied: running (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    script.answer(machines([])).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        set lastStoppedAt now
        log sync_status_stopped by=alarm region=iad
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    let mut script = bare();
    script.alarm();
    script.answer(unknown()).is(r#"
        applied: running
        log metadata_recovery_failed error="no answer in time (status 503)" by=alarm region=iad
        alarm +5m reconcile
    "#);
    let mut script = bare();
    script.alarm();
    script.answer(machines([a_machine("m2", "started")])).is(r#"
        applied: running
        set flyMachineId "m2"
        log recover_machine_from_metadata by=alarm machine=m2 region=iad fly_state:"started"
        alarm +5m reconcile
    "#);
    let mut script = bare();
    script.alarm();
    script.answer(machines([a_machine("m2", "stopped")])).is(r#"
        applied: stopped
        set flyMachineId "m2"
        set lastStoppedAt now
        log recover_machine_from_metadata by=alarm machine=m2 region=iad fly_state:"stopped"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
    let mut script = bare();
    script.alarm();
    script.answer(machines([]));
    script.answer(held("vol-1", "m8"));
    script.answer(a_machine("m8", "started").of_sandbox("sandbox-9").seen()).is("
        applied: running
        alarm +5m reconcile
    ");
}

#[test]
fn region_drift_is_taken_from_the_volume_and_an_omitted_region_keeps_ours() {
    let mut script = looking();
    script.answer(machine("m1", "started"));
    script.answer(seen(Volume { region: Some(region("ord")), ..a_volume("vol-1", "created") })).is(r#"
        applied: running
        set flyRegion "ord"
        alarm +5m reconcile
    "#);
    script.alarm();
    script.answer(machine("m1", "started"));
    script.answer(seen(Volume { region: None, ..a_volume("vol-1", "created") })).is("
        applied: running
        alarm +5m reconcile
    ");
}

#[test]
fn refresh_only_pulls_the_alarm_in_and_is_throttled() {
    let mut script = Script::running();
    script.command(Command::Refresh).is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "stopped")).is("
        applied: running
        alarm now reconcile
    ");
    script.command(Command::Refresh).is("ignored nothing_to_do: running");
    script.alarm().is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "started"));
    script.answer(volume("vol-1", "created"));
    script.after(26 * SECOND);
    script.command(Command::Refresh).is("ignored nothing_to_do: running");
    script.after(SECOND);
    script.command(Command::Refresh).is("
        applied: running (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "started")).is("
        applied: running
        alarm +272s reconcile
    ");
}

#[test]
fn refresh_believes_only_terminal_states() {
    for answer in [machine("m1", "failed"), machine("m1", "suspended"), machine("m1", "created"), absent()] {
        let mut script = Script::running();
        script.command(Command::Refresh);
        script.answer(answer).is("
            applied: running
            alarm now reconcile
        ");
    }
    for answer in [machine("m1", "stopping"), unknown(), a_machine("m1", "stopped").unreachable().seen()] {
        let mut script = Script::running();
        script.command(Command::Refresh);
        script.answer(answer).is("
            applied: running
            alarm +299s reconcile
        ");
    }
}

#[test]
fn refresh_while_something_is_asked_already_is_nothing() {
    looking().command(Command::Refresh).is("ignored nothing_to_do: running");
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (
            K::Provision,
            "
                applied: running (no commit)
                alarm +5m reconcile
            ",
        ),
        (
            K::Start,
            "
                applied: running
                alarm now reconcile
            ",
        ),
        (
            K::Stop,
            "
                applied: stopping
                call stop_machine m1
                alarm +1m reconcile
            ",
        ),
        (
            K::Restart,
            r#"
                applied: restarting
                set restartingAt now
                event instance.restarting restarting "redeploy-same-image" machine=m1 region=iad
                call get_machine m1
                alarm +1m reconcile
            "#,
        ),
        (
            K::Destroy,
            r#"
                applied: destroying
                set pendingDestroyMachineId "m1"
                set pendingDestroyVolumeId "vol-1"
                on the list machine m1 destroyed due now
                on the list volume vol-1 destroyed due now
                event instance.destroy_started destroying value=86400000 machine=m1 region=iad
                call get_machine m1
                alarm +1m reconcile
            "#,
        ),
        (
            K::CleanupRetainedVolume,
            "
                pending: running
                reply deleted nothing
                alarm +5m reconcile
            ",
        ),
        (K::ReassociateVolume, "denied must_be_stopped: running"),
        (K::Resize, "denied must_be_stopped: running"),
        (
            K::RestoreSnapshot,
            r#"
                applied: restoring
                set preRestoreStatus "running"
                set restoreStartedAt "2026-04-06T12:00:00.000Z"
                event instance.restore_enqueued restoring "admin_snapshot_restore" machine=m1 region=iad
                call list_snapshots vol-1
                alarm +1m reconcile
            "#,
        ),
        (
            K::RetryLookup,
            "
                applied: running
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied busy: running"),
        (
            K::Refresh,
            "
                applied: running (no commit)
                call get_machine m1
                alarm +90001ms call_deadline
            ",
        ),
    ] {
        Script::running().command(any(kind)).is(expected);
    }
}

#[test]
fn a_command_may_come_while_the_machine_is_looked_at() {
    let mut script = looking();
    let asked = script.call.clone().unwrap().id;
    script.command(stop()).is("
        applied: stopping
        call stop_machine m1
        alarm +1m reconcile
    ");
    script.give(Input::Outcome { op: asked, result: machine("m1", "stopped") }).is("ignored stale: stopping");
}

#[test]
fn t6_what_is_done_after_a_restart_of_the_host_says_so() {
    let mut script = looking();
    script.resume();
    script.answer(absent()).is(r#"
        applied: stopped
        set flyMachineId null
        set lastStoppedAt now
        log clear_stale_machine stopped by=resume machine=m1 region=iad fly_state:"gone" new_state:"stopped" old_state:"running"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn the_error_of_an_event_is_cut() {
    let mut script = Script::running();
    script.command(stop());
    let long = "x".repeat(300);
    let got = script.answer(Err(Fault::new(FaultKind::Refused, None, long)));
    let errors: Vec<_> = got.events.iter().filter_map(|event| event.error.as_ref()).map(String::len).collect();
    assert_eq!(errors, [200]);
}
