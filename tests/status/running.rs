//! We believe the machine serves.

use crate::commands::{any, stop};
use crate::script::{SECOND, Script, knobs};
use crate::stages::QUIET;
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, busy, held, limited, machine, machine_id, machine_made, machines,
    refused, region, seen, unauthorized, unknown, volume,
};
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::observe::{HostStatus, Machine, Volume};
use kiloclaw_lifecycle::policy::Signal;
use kiloclaw_lifecycle::{Command, Input, Knobs};
use serde_json::json;
use std::collections::BTreeSet;

use Signal as S;

fn looking() -> Script {
    looking_under(knobs())
}

fn looking_under(knobs: Knobs) -> Script {
    let mut script = Script::flat_under(knobs, "running", json!({}));
    script.alarm();
    script
}

fn recover_on(signals: impl IntoIterator<Item = Signal>) -> Knobs {
    Knobs { recover_on: BTreeSet::from_iter(signals), ..knobs() }
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
fn r1_a_stopped_machine_begins_a_recovery() {
    looking().answer(machine("m1", "stopped")).is(r#"
        applied: recovering
        set recoveryStartedAt now
        log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:1 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=1 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
}

#[test]
fn r1_the_threshold_counts_consecutive_observations() {
    let mut script = looking_under(Knobs { self_heal_threshold: 3, ..knobs() });
    script.answer(machine("m1", "stopped")).is("
        applied: running
        set healthCheckFailCount 1
        alarm +5m reconcile
    ");
    script.alarm();
    script.answer(machine("m1", "stopped")).is("
        applied: running
        set healthCheckFailCount 2
        alarm +5m reconcile
    ");
    script.alarm();
    script.answer(machine("m1", "started")).is("
        applied: running
        set healthCheckFailCount 0
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: running
        alarm +5m reconcile
    ");
    for _ in 0..2 {
        script.alarm();
        script.answer(machine("m1", "stopped"));
    }
    script.alarm();
    script.answer(machine("m1", "stopped")).is(r#"
        applied: recovering
        set healthCheckFailCount 0
        set recoveryStartedAt now
        log unexpected_stop_recovery_trigger value=3 by=alarm machine=m1 region=iad fail_count:3 fly_state:"stopped" new_state:"recovering" old_state:"running"
        event instance.unexpected_stop_recovery_started recovering "alarm_stopped" value=3 machine=m1 region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
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
fn r1_after_a_started_machine_the_next_observation_counts_at_once() {
    let mut script = looking_under(Knobs { self_heal_threshold: 2, ..knobs() });
    script.answer(machine("m1", "stopped"));
    script.ring();
    script.answers([machine("m1", "started"), volume("vol-1", "created")]);
    script.ring();
    script.answer(machine("m1", "stopped")).is("
        applied: running
        set healthCheckFailCount 1
        alarm +5m reconcile
    ");
}

#[test]
fn reconcile_failed_destroyed_and_gone_recover_only_when_the_policy_says_so() {
    for (signal, answer, stops, recovers) in [
        (
            S::Failed,
            machine("m1", "failed"),
            r#"
                applied: stopped
                set lastStoppedAt now
                log sync_status_failed stopped by=alarm machine=m1 region=iad fly_state:"failed" new_state:"stopped" old_state:"running"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
            r#"
                applied: recovering
                set recoveryStartedAt now
                log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:0 fly_state:"failed" new_state:"recovering" old_state:"running"
                event instance.unexpected_stop_recovery_started recovering "alarm_failed" value=0 machine=m1 region=iad
                call get_volume vol-1
                alarm +1m reconcile
            "#,
        ),
        (
            S::Destroyed,
            machine("m1", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                log sync_status_destroyed stopped by=alarm machine=m1 region=iad fly_state:"destroyed" new_state:"stopped" old_state:"running"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
            r#"
                applied: recovering
                set recoveryStartedAt now
                log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:0 fly_state:"destroyed" new_state:"recovering" old_state:"running"
                event instance.unexpected_stop_recovery_started recovering "alarm_destroyed" value=0 machine=m1 region=iad
                call get_volume vol-1
                alarm +1m reconcile
            "#,
        ),
        (
            S::Gone,
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                log clear_stale_machine stopped by=alarm machine=m1 region=iad fly_state:"gone" new_state:"stopped" old_state:"running"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
            r#"
                applied: recovering
                set recoveryStartedAt now
                log unexpected_stop_recovery_trigger value=1 by=alarm machine=m1 region=iad fail_count:0 fly_state:"gone" new_state:"recovering" old_state:"running"
                event instance.unexpected_stop_recovery_started recovering "alarm_gone" value=0 machine=m1 region=iad
                call get_volume vol-1
                alarm +1m reconcile
            "#,
        ),
    ] {
        looking().answer(answer.clone()).is(stops);
        looking_under(recover_on([S::Stopped, signal])).answer(answer).is(recovers);
    }
}

#[test]
fn recover_on_without_stopped_only_marks() {
    looking_under(recover_on([])).answer(machine("m1", "stopped")).is(r#"
        applied: stopped
        set lastStoppedAt now
        log sync_status_stopped stopped by=alarm machine=m1 region=iad fly_state:"stopped" new_state:"stopped" old_state:"running"
        call get_volume vol-1
        alarm +90001ms call_deadline
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
fn v2_a_missing_volume_is_only_logged_while_the_machine_runs() {
    for gone in [absent(), volume("vol-1", "destroyed")] {
        let mut script = looking();
        script.answer(machine("m1", "started"));
        script.answer(gone).is(r#"
            applied: running
            log volume_check_failed error="data volume vol-1 missing" by=alarm machine=m1 region=iad
            alarm +5m reconcile
        "#);
    }
    for fault in [unknown(), unauthorized()] {
        let mut script = looking();
        script.answer(machine("m1", "started"));
        script.answer(fault).is("
            applied: running
            alarm +5m reconcile
        ");
    }
}

#[test]
fn v3_a_migrated_volume_is_adopted() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen()).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-2", "m1")).is(r#"
        applied: running
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d
        log adopt_migrated_volume by=alarm machine=m1 region=iad old_volume:"vol-1" volume:"vol-2"
        alarm +5m reconcile
    "#);
}

#[test]
fn v3_what_is_mounted_instead_of_a_living_volume_is_retained_and_the_mount_repaired() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(volume("vol-1", "created")).is("
        applied: running (no commit)
        call get_volume vol-2
        alarm +90001ms call_deadline
    ");
    script.answer(held("vol-2", "m1")).is(r#"
        applied: starting
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-2"
        set startingAt now
        on the list volume vol-2 retained until +7d
        log repair_mount by=alarm machine=m1 region=iad mounted:"vol-2" volume:"vol-1"
        call destroy_machine m1
        alarm +1m reconcile
    "#);
    script.answer(accepted()).is("
        applied: starting
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call list_machines ours
        alarm +59s reconcile
    ");
    script.answer(machines([a_machine("m1", "started").mounting("vol-2")])).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +58s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting (no commit)
        call get_volume vol-1
        alarm +57s reconcile
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: starting
        call create_machine #1 ours on vol-1 in iad
        alarm +56s reconcile
    ");
    script.answer(machine_made("m2", "iad")).is(r#"
        applied: starting
        set flyMachineId "m2"
        call wait_machine m2 started 60s
        alarm +55s reconcile
    "#);
}

#[test]
fn v3_a_strangers_volume_is_not_ours_to_keep() {
    let holder = Some(machine_id("m1"));
    let foreign =
        Volume { name: "kiloclaw_other".to_string(), attached_machine: holder, ..a_volume("vol-2", "created") };
    let dead = Volume { attached_machine: Some(machine_id("m1")), ..a_volume("vol-2", "destroyed") };
    for answer in [seen(foreign), absent(), seen(dead)] {
        let mut script = looking();
        script.answer(a_machine("m1", "started").mounting("vol-2").seen());
        script.answer(volume("vol-1", "created"));
        script.answer(answer).is(r#"
            applied: starting
            set startingAt now
            log repair_mount by=alarm machine=m1 region=iad mounted:null volume:"vol-1"
            call destroy_machine m1
            alarm +1m reconcile
        "#);
    }
}

#[test]
fn v3_a_strangers_volume_is_never_adopted() {
    let holder = Some(machine_id("m1"));
    let foreign =
        Volume { name: "kiloclaw_other".to_string(), attached_machine: holder, ..a_volume("vol-2", "created") };
    let elsewhere = held("vol-2", "m9");
    let dead = Volume { attached_machine: Some(machine_id("m1")), ..a_volume("vol-2", "destroyed") };
    for answer in [seen(foreign), elsewhere, seen(dead)] {
        let mut script = looking();
        script.answer(a_machine("m1", "started").mounting("vol-2").seen());
        script.answer(absent());
        script.answer(answer).is(r#"
            applied: running
            log volume_check_failed error="data volume vol-1 missing" by=alarm machine=m1 region=iad mounted:"vol-2"
            alarm +5m reconcile
        "#);
    }
}

#[test]
fn v3_nothing_is_repaired_when_nobody_could_be_asked() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(volume("vol-1", "created"));
    script.answer(unknown()).is("
        applied: running
        alarm +5m reconcile
    ");
}

#[test]
fn v3_a_machine_that_mounts_nothing_is_repaired() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting_nothing().seen()).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is(r#"
        applied: starting
        set startingAt now
        log repair_mount by=alarm machine=m1 region=iad mounted:null volume:"vol-1"
        call destroy_machine m1
        alarm +1m reconcile
    "#);
}

#[test]
fn v3_a_machine_that_shows_no_configuration_is_left_alone() {
    let mut script = looking();
    script.answer(Machine { config: None, ..a_machine("m1", "started") }.seen()).is("
        applied: running (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
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

#[test]
fn v3_with_a_migrated_volume_the_region_changes() {
    let mut script = looking();
    script.answer(a_machine("m1", "started").mounting("vol-2").seen());
    script.answer(absent());
    let moved = Volume {
        attached_machine: Some(machine_id("m1")),
        region: Some(region("ord")),
        ..a_volume("vol-2", "created")
    };
    script.answer(seen(moved)).is(r#"
        applied: running
        set flyRegion "ord"
        set flyVolumeId "vol-2"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 retained until +7d
        log adopt_migrated_volume by=alarm machine=m1 region=iad old_volume:"vol-1" volume:"vol-2"
        alarm +5m reconcile
    "#);
}
