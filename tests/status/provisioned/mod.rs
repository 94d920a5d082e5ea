//! Registered, never started.

mod earlier;
mod gone;
mod held;
mod interrupted;
mod lookup;
mod recalled;
mod stale;
mod unclear;
mod volume;

use crate::commands::{any, restart};
use crate::script::{DAY, HOUR, LATENCY_MS, NOON, Script, identity, provision};
use crate::stages::QUIET;
use crate::world::{
    Remade, a_machine, absent, busy, limited, machine, machines, refused, unauthorized, unknown, volume, volumes,
};
use kiloclaw_lifecycle::Command;
use kiloclaw_lifecycle::command::{CommandKind, Provision, Spec};
use kiloclaw_lifecycle::id::{Identity, Image, UserId};
use serde_json::json;

fn with_machine() -> Script {
    Script::flat("provisioned", json!({ "provisionedAt": NOON, "lastStartedAt": null }))
}

fn without_machine() -> Script {
    Script::flat("provisioned", json!({ "provisionedAt": NOON, "lastStartedAt": null, "flyMachineId": null }))
}

/// Registered at `at`, with nothing.
fn registered(at: u64) -> Script {
    let record = json!({ "provisionedAt": at, "lastStartedAt": null, "flyMachineId": null, "flyVolumeId": null });
    Script::flat("provisioned", record)
}

/// Nobody is found by labels, and no volume is known.
fn nobody_found() -> Script {
    let mut script = Script::provisioned();
    script.alarm();
    script.answer(machines([]));
    script
}

/// A volume is being made.
fn placing() -> Script {
    let mut script = nobody_found();
    script.answer(volumes([]));
    script
}

#[test]
fn m2_a_stale_registration_is_destroyed() {
    let mut script = registered(NOON - 8 * HOUR);
    script.ring();
    script.answer(machines([]));
    script.answer(volumes([])).is(r#"
        applied: destroying
        log auto_destroy_stale_provision by=alarm region=iad
        event instance.destroy_started destroying "stale_provision_cleanup" region=iad
        call list_volumes ours
        alarm +1m reconcile
    "#);
}

#[test]
fn m2_a_stale_registration_goes_with_the_volume_that_was_made_for_it() {
    let mut script = without_machine();
    script.after(9 * HOUR);
    script.ring();
    script.answer(machines([]));
    script.answer(volume("vol-1", "created")).is(r#"
        applied: destroying
        set pendingDestroyVolumeId "vol-1"
        on the list volume vol-1 destroyed due now
        log auto_destroy_stale_provision by=alarm region=iad
        event instance.destroy_started destroying "stale_provision_cleanup" region=iad
        call get_volume vol-1
        alarm +1m reconcile
    "#);
}

#[test]
fn m2_older_means_older_and_never_started_means_never() {
    let begun = Script::flat("provisioned", json!({ "flyMachineId": null, "flyVolumeId": null }));
    for mut script in [registered(NOON - 8 * HOUR + LATENCY_MS), begun] {
        script.ring();
        script.answer(machines([])).is("
            applied: provisioned (no commit)
            call list_volumes ours
            alarm +90001ms call_deadline
        ");
    }
    let mut script = registered(NOON - DAY);
    script.ring();
    script.answer(unknown()).is(r#"
        applied: provisioned
        log metadata_recovery_failed error="no answer in time (status 503)" by=alarm region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn reconcile_the_machine_says_what_the_status_is() {
    for (answer, expected) in [
        (
            machine("m1", "started"),
            r#"
                applied: running
                set lastStartedAt now
                log sync_status running by=alarm machine=m1 region=iad fly_state:"started" new_state:"running" old_state:"provisioned"
                alarm +5m reconcile
            "#,
        ),
        (
            machine("m1", "failed"),
            r#"
                applied: stopped
                set lastStoppedAt now
                log sync_status_failed stopped by=alarm machine=m1 region=iad fly_state:"failed" new_state:"stopped" old_state:"provisioned"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            machine("m1", "destroyed"),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                log sync_status_destroyed stopped by=alarm machine=m1 region=iad fly_state:"destroyed" new_state:"stopped" old_state:"provisioned"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
        (
            absent(),
            r#"
                applied: stopped
                set flyMachineId null
                set lastStoppedAt now
                log clear_stale_machine stopped by=alarm machine=m1 region=iad fly_state:"gone" new_state:"stopped" old_state:"provisioned"
                call get_volume vol-1
                alarm +90001ms call_deadline
            "#,
        ),
    ] {
        let mut script = with_machine();
        script.alarm().is("
            applied: provisioned (no commit)
            call get_machine m1
            alarm +90001ms call_deadline
        ");
        script.answer(answer).is(expected);
    }
}

#[test]
fn reconcile_other_states_mean_nothing() {
    for state in QUIET.into_iter().chain(["stopped", "created"]) {
        let mut script = with_machine();
        script.alarm();
        script.answer(machine("m1", state)).is("
            applied: provisioned (no commit)
            call get_volume vol-1
            alarm +90001ms call_deadline
        ");
        script.answer(volume("vol-1", "created")).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
}

#[test]
fn reconcile_could_not_ask_is_never_gone() {
    for fault in [unknown(), busy(), limited(), unauthorized(), refused()] {
        let mut script = with_machine();
        script.alarm();
        script.answer(fault).is("
            applied: provisioned
            alarm +30m reconcile
        ");
    }
    let mut script = with_machine();
    script.alarm();
    script.answer(a_machine("m1", "destroyed").unreachable().seen()).is("
        applied: provisioned
        alarm +30m reconcile
    ");
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (
            K::Provision,
            "
                applied: provisioned (no commit)
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
        (K::Stop, "ignored nothing_to_do: provisioned"),
        (K::Restart, "denied busy: provisioned"),
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
                pending: provisioned
                reply deleted nothing
                alarm +30m reconcile
            ",
        ),
        (K::ReassociateVolume, "denied must_be_stopped: provisioned"),
        (
            K::Resize,
            r#"
                applied: provisioned
                set machineSize {"cpus":2,"memory_mb":4096}
                alarm +30m reconcile
            "#,
        ),
        (
            K::RestoreSnapshot,
            r#"
                applied: restoring
                set preRestoreStatus "provisioned"
                set restoreStartedAt "2026-04-06T12:00:00.000Z"
                event instance.restore_enqueued restoring "admin_snapshot_restore" machine=m1 region=iad
                call list_snapshots vol-1
                alarm +1m reconcile
            "#,
        ),
        (
            K::RetryLookup,
            "
                applied: provisioned
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied nothing_lost: provisioned"),
        (K::Refresh, "ignored nothing_to_do: provisioned"),
    ] {
        with_machine().command(any(kind)).is(expected);
    }
    Script::provisioned().command(restart()).is("denied no_machine: provisioned");
}

#[test]
fn provision_given_again_replaces_what_is_given() {
    let mut script = Script::provisioned();
    let spec = Spec { volume_size_gb: Some(20), ..Spec::default() };
    script.command(provision(spec)).is("
        applied: provisioned
        set volumeSizeGb 20
        alarm +30m reconcile
    ");
    let spec = Spec { image: Some(Image::new("app:1").unwrap()), ..Spec::default() };
    script.command(provision(spec)).is(r#"
        applied: provisioned
        set trackedImageTag "app:1"
        alarm +30m reconcile
    "#);
    let spec = Spec { volume_size_gb: Some(0), ..Spec::default() };
    script.command(provision(spec)).is("denied invalid_argument: provisioned");
    let stranger = Identity { user: UserId::new("user-2").unwrap(), ..identity() };
    let born = Provision { identity: stranger, seed: 7, spec: Spec::default() };
    script.command(Command::Provision(Box::new(born))).is("denied identity_mismatch: provisioned");
}

#[test]
fn m2_what_a_stale_registration_was_making_is_looked_for() {
    let mut script = placing();
    script.answer(unknown());
    script.after(8 * HOUR);
    script.ring().is("
        applied: provisioned (no commit)
        set lastMetadataRecoveryAt now
        on the list volume named #1 late_create due -28679999ms
        call list_machines ours
        alarm +90001ms call_deadline
    ");
}
