//! Not serving, by request or by failure.

mod reassociating;

use crate::commands::{any, restart, start};
use crate::script::Script;
use crate::stages::{QUIET, Recovery, bereft, recovering};
use crate::world::{
    Remade, a_machine, a_volume, absent, busy, limited, machine, machines, refused, unauthorized, unknown, volume,
    volume_id, volume_made, volumes, waited,
};
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::{Command, Timestamp};
use serde_json::json;

fn looking() -> Script {
    let mut script = Script::stopped();
    script.alarm();
    script
}

/// Without a machine: nobody is found by labels.
fn bare() -> Script {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.alarm();
    script
}

#[test]
fn reconcile_a_stopped_machine_is_as_it_should_be() {
    let mut script = Script::stopped();
    script.alarm().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "stopped")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        alarm +30m reconcile
    ");
    script.alarm().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn reconcile_the_machine_says_what_the_status_is() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            r#"
                applied: running
                log sync_status running by=alarm machine=m1 region=iad fly_state:"started" new_state:"running" old_state:"stopped"
                alarm +5m reconcile
            "#,
        ),
        (
            machine("m1", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                log sync_status_destroyed stopped by=alarm machine=m1 region=iad fly_state:"destroyed" new_state:"stopped" old_state:"stopped"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                log clear_stale_machine stopped by=alarm machine=m1 region=iad fly_state:"gone" new_state:"stopped" old_state:"stopped"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        looking().answer(answer).is(expected);
    }
    let mut script = Script::flat("stopped", json!({ "lastStartedAt": null }));
    script.alarm();
    script.answer(machine("m1", "started")).is(r#"
        applied: running
        set lastStartedAt now
        log sync_status running by=alarm machine=m1 region=iad fly_state:"started" new_state:"running" old_state:"stopped"
        alarm +5m reconcile
    "#);
}

#[test]
fn reconcile_other_states_mean_nothing() {
    for state in QUIET.into_iter().chain(["failed", "created", "stopped"]) {
        looking().answer(machine("m1", state)).is("
            applied: stopped (no commit)
            call get_volume vol-1
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn reconcile_could_not_ask_is_never_gone() {
    for fault in [unknown(), busy(), limited(), unauthorized(), refused()] {
        looking().answer(fault).is("
            applied: stopped
            alarm +30m reconcile
        ");
    }
    looking().answer(a_machine("m1", "started").unreachable().seen()).is("
        applied: stopped
        alarm +30m reconcile
    ");
}

#[test]
fn m1_without_a_machine_the_labels_are_asked() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.alarm().is("
        applied: stopped (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    script.answer(machines([])).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        alarm +30m reconcile
    ");
    script.ring().is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    let mut script = bare();
    script.answer(machines([a_machine("m3", "started")])).is(r#"
        applied: running
        set flyMachineId "m3"
        log recover_machine_from_metadata by=alarm machine=m3 region=iad fly_state:"started"
        alarm +5m reconcile
    "#);
    let mut script = bare();
    script.answer(machines([a_machine("m3", "failed")])).is(r#"
        applied: stopped
        set flyMachineId "m3"
        log recover_machine_from_metadata by=alarm machine=m3 region=iad fly_state:"failed"
        call get_volume vol-1
        alarm +90001ms call_deadline
    "#);
}

#[test]
fn m1_what_is_to_be_removed_is_never_adopted() {
    let mut script = recovering(Recovery::Wait);
    script.answer(waited("failed"));
    script.answer(machine("m2", "failed"));
    script.answer(unknown());
    script.answer(volume("vol-2", "created"));
    script.answer(unknown()).is(r#"
        applied: stopped
        on the list volume vol-2 failed_recovery due +1m tried 1 "no answer in time (status 503)"
        log destroy_volume_failed value=0 error="no answer in time (status 503)" by=alarm region=iad volume:"vol-2"
        alarm +52s disposal
    "#);
    script.ring().is("
        applied: stopped (no commit)
        set lastMetadataRecoveryAt now
        call list_machines ours
        alarm +90001ms call_deadline
    ");
    script.answer(machines([a_machine("m1", "started"), a_machine("m2", "started")])).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
}

#[test]
fn v1_an_instance_with_data_and_no_volume_gets_none_made() {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null, "flyVolumeId": null }));
    script.alarm();
    script.answer(machines([])).is("
        applied: stopped (no commit)
        call list_volumes ours
        alarm +90001ms call_deadline
    ");
    script.answer(volumes([])).is(r#"
        applied: stopped
        set lastStartErrorAt now
        set lastStartErrorMessage "data volume missing"
        log data_volume_missing error="data volume missing" by=alarm region=iad
        alarm +30m reconcile
    "#);
    script.command(start()).is("denied data_volume_missing: stopped");
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null, "flyVolumeId": null }));
    script.alarm();
    script.answer(machines([]));
    script.answer(volumes([a_volume("vol-6", "created")]));
    script.answer(volume("vol-6", "created")).is(r#"
        applied: stopped
        set flyVolumeId "vol-6"
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-6
        log recover_volume_by_name by=alarm region=iad volume:"vol-6"
        alarm +30m reconcile
    "#);
}

#[test]
fn v2_a_missing_volume_is_said_and_kept_and_nothing_starts() {
    for gone in [absent(), volume("vol-1", "destroyed"), volume("vol-1", "scheduling_destroy")] {
        let mut script = looking();
        script.answer(machine("m1", "stopped"));
        script.answer(gone).is("
            applied: stopped (no commit)
            call list_volumes ours
            alarm +90001ms call_deadline
        ");
        script.answer(volumes([])).is(r#"
            applied: stopped
            set lastStartErrorAt now
            set lastStartErrorMessage "data volume vol-1 missing"
            log data_volume_missing error="data volume vol-1 missing" by=alarm machine=m1 region=iad
            alarm +30m reconcile
        "#);
        script.command(start()).is("denied data_volume_missing: stopped");
        script.command(restart()).is("denied data_volume_missing: stopped");
        script.alarm().is("
            applied: stopped (no commit)
            call get_machine m1
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn v2_one_later_volume_under_our_name_is_proposed_and_not_taken() {
    let at = |id: &str, ms: u64| Volume { created_at: Some(Timestamp::from_millis(ms)), ..a_volume(id, "created") };
    let dead = Volume { state: "destroyed".into(), ..at("vol-1", 5) };
    let waits = Volume { state: "waiting_for_detach".into(), ..at("vol-3", 7) };
    for (list, proposal) in [
        (vec![dead.clone(), waits.clone()], None),
        (vec![dead.clone(), at("vol-2", 6), waits], Some("vol-2")),
        (vec![dead.clone(), at("vol-2", 6)], Some("vol-2")),
        (vec![dead.clone(), at("vol-2", 6), at("vol-3", 7)], None),
        (vec![dead.clone(), at("vol-2", 4)], None),
        (vec![dead.clone(), at("vol-2", 5)], None),
        (vec![dead, at("vol-2", 4), at("vol-3", 6)], Some("vol-3")),
        (vec![], None),
    ] {
        let mut script = looking();
        script.answers([machine("m1", "stopped"), absent(), volumes(list)]);
        let view = script.instance.as_ref().unwrap().admin_view();
        assert_eq!(view.missing.and_then(|missing| missing.proposal), proposal.map(volume_id));
        assert_eq!(view.volume, Some(volume_id("vol-1")));
    }
}

#[test]
fn v2_a_volume_that_comes_back_ends_it() {
    let mut script = bereft();
    script.alarm();
    script.answer(machine("m1", "stopped"));
    script.answer(volume("vol-1", "created")).is("
        applied: stopped
        set lastStartErrorAt null
        set lastStartErrorMessage null
        alarm +30m reconcile
    ");
    script.command(start()).is("
        applied: starting
        set startingAt now
        call get_volume vol-1
        alarm +1m reconcile
    ");
}

#[test]
fn v2_while_a_look_fails_nothing_is_missing() {
    for fault in [unknown(), unauthorized(), refused()] {
        let mut script = looking();
        script.answer(machine("m1", "stopped"));
        script.answer(fault).is("
            applied: stopped
            alarm +30m reconcile
        ");
    }
}

#[test]
fn v2_an_accepted_loss_is_followed_by_an_empty_volume() {
    let mut script = bereft();
    script.command(Command::AcceptDataLoss).is(r#"
        applied: stopped
        set flyVolumeId null
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set previousVolumeId "vol-1"
        log accept_data_loss by=accept_data_loss machine=m1 region=iad
        alarm now reconcile
    "#);
    script.command(Command::AcceptDataLoss).is("denied nothing_lost: stopped");
    script.alarm().is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "stopped")).is("
        applied: stopped (no commit)
        call get_machine m1
        alarm +90001ms call_deadline
    ");
    script.answer(machine("m1", "stopped")).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        on the list volume vol-1 candidate until +7d
        call list_volumes ours
        alarm +90001ms call_deadline
    "#);
    script.answer(volumes([])).is("
        applied: stopped (no commit)
        call get_volume vol-1
        alarm +90001ms call_deadline
    ");
    script.answer(absent()).is(r#"
        applied: stopped
        set recoveryPreviousVolumeCleanupAfter null
        set recoveryPreviousVolumeId null
        off the list volume vol-1
        log destroy_volume_ok value=0 by=alarm machine=m1 region=iad volume:"vol-1"
        call list_volumes ours
        alarm +90001ms call_deadline
    "#);
    script.answer(volumes([])).is("
        applied: stopped
        call create_volume #1 in eu empty 10 GB
        alarm +90001ms call_deadline
    ");
    script.answer(volume_made("vol-5", "ams", "created")).is(r#"
        applied: stopped
        set flyRegion "ams"
        set flyVolumeId "vol-5"
        alarm +30m reconcile
    "#);
    script.command(start()).is("
        applied: starting
        set startingAt now
        call get_volume vol-5
        alarm +1m reconcile
    ");
}

#[test]
fn v2_after_an_accepted_loss_a_start_makes_the_volume() {
    let mut script = bereft();
    script.command(Command::AcceptDataLoss);
    script.command(start()).is("
        applied: starting
        set startingAt now
        call get_machine m1
        alarm +1m reconcile
    ");
    script.answers([a_machine("m1", "stopped").mounting_nothing().seen()]);
    script.answer(volumes([])).is("
        applied: starting
        call create_volume #1 in eu empty 10 GB
        alarm +58s reconcile
    ");
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (
            K::Provision,
            "
                applied: stopped (no commit)
                alarm +30m reconcile
            ",
        ),
        (
            K::Start,
            "
                applied: starting
                set startingAt now
                call get_volume vol-1
                alarm +1m reconcile
            ",
        ),
        (K::Stop, "ignored nothing_to_do: stopped"),
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
                event instance.destroy_started destroying machine=m1 region=iad
                call get_machine m1
                alarm +1m reconcile
            "#,
        ),
        (
            K::CleanupRetainedVolume,
            "
                pending: stopped
                reply deleted nothing
                alarm +30m reconcile
            ",
        ),
        (
            K::ReassociateVolume,
            "
                pending: stopped
                call get_volume vol-7
                alarm +90001ms call_deadline
            ",
        ),
        (
            K::Resize,
            r#"
                applied: stopped
                set machineSize {"cpus":2,"memory_mb":4096}
                alarm +30m reconcile
            "#,
        ),
        (
            K::RestoreSnapshot,
            r#"
                applied: restoring
                set preRestoreStatus "stopped"
                set restoreStartedAt "2026-04-06T12:00:00.000Z"
                event instance.restore_enqueued restoring "admin_snapshot_restore" machine=m1 region=iad
                call list_snapshots vol-1
                alarm +1m reconcile
            "#,
        ),
        (
            K::RetryLookup,
            "
                applied: stopped
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied nothing_lost: stopped"),
        (K::Refresh, "ignored nothing_to_do: stopped"),
    ] {
        Script::stopped().command(any(kind)).is(expected);
    }
    Script::flat("stopped", json!({ "flyMachineId": null })).command(restart()).is("denied no_machine: stopped");
    bereft().command(restart()).is("denied data_volume_missing: stopped");
}

#[test]
fn v1_a_volume_that_is_being_made_goes_on_being_made_however_old_the_instance() {
    let nothing = json!({ "flyMachineId": null, "flyVolumeId": null, "lastStartedAt": null });
    let mut script = Script::flat("stopped", nothing);
    script.alarm();
    script.answers([machines([]), volumes([]), limited()]);
    script.alarm();
    script.answer(limited());
    script.alarm().is("
        applied: stopped
        call create_volume #1 in eu empty 10 GB
        alarm +90001ms call_deadline
    ");
}

#[test]
fn reconcile_a_machine_that_is_up_again_clears_the_count() {
    let mut script = Script::flat("stopped", json!({ "healthCheckFailCount": 2 }));
    script.alarm();
    script.answer(machine("m1", "started")).is(r#"
        applied: running
        set healthCheckFailCount 0
        log sync_status running by=alarm machine=m1 region=iad fly_state:"started" new_state:"running" old_state:"stopped"
        alarm +5m reconcile
    "#);
}
