//! The volume is being replaced from a snapshot.

mod interrupted;

use crate::commands::{any, clean_up, restore};
use crate::script::{SECOND, Script};
use crate::stages::{Restore as R, bereft, keeping, restoring};
use crate::world::{
    Remade, a_machine, a_volume, absent, accepted, busy, limited, machine_id, no_room, refused, region, seen,
    snapshots, unauthorized, unknown, volume, volume_made, volumes, waiting,
};
use kiloclaw_lifecycle::Status;
use kiloclaw_lifecycle::call::CallKind;
use kiloclaw_lifecycle::command::CommandKind;
use kiloclaw_lifecycle::observe::Volume;
use kiloclaw_lifecycle::step::Why;
use serde_json::json;

#[test]
fn x5_a_restore() {
    let mut script = Script::running();
    script.command(restore("vs-1")).is(r#"
        applied: restoring
        set preRestoreStatus "running"
        set restoreStartedAt "2026-04-06T12:00:00.000Z"
        event instance.restore_enqueued restoring "admin_snapshot_restore" machine=m1 region=iad
        call list_snapshots vol-1
        alarm +1m reconcile
    "#);
    script.answer(snapshots(&[("vs-0", "created", 10), ("vs-1", "created", 12)])).is("
        applied: restoring (no commit)
        call get_volume vol-1
        alarm +59s reconcile
    ");
    script.answer(volume("vol-1", "created")).is(r#"
        applied: restoring
        event instance.restore_started restoring "admin_snapshot_restore" machine=m1 region=iad
        call destroy_machine m1
        alarm +58s reconcile
    "#);
    script.answer(accepted()).is("
        applied: restoring
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call create_volume #1 in iad from vs-1 12 GB
        alarm +57s reconcile
    ");
    script.answer(volume_made("vol-2", "iad", "restoring")).is(r#"
        applied: starting
        set flyVolumeId "vol-2"
        set preRestoreStatus null
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set restoreStartedAt null
        set startingAt now
        on the list volume vol-1 retained until +7d
        event instance.restore_completed starting "admin_snapshot_restore" region=iad
        call list_machines ours
        alarm +1m reconcile
    "#);
}

#[test]
fn x5_the_new_volume_is_as_large_as_the_larger_of_the_two() {
    let mut script = restoring("stopped", R::Inspect);
    script.answer(seen(Volume { size_gb: Some(40), region: Some(region("ord")), ..a_volume("vol-1", "created") })).is(
        r#"
            applied: restoring
            set flyRegion "ord"
            event instance.restore_started restoring "admin_snapshot_restore" machine=m1 region=ord
            call destroy_machine m1
            alarm +58s reconcile
        "#,
    );
    script.answer(accepted()).is("
        applied: restoring
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call create_volume #1 in ord from vs-1 40 GB
        alarm +57s reconcile
    ");
}

#[test]
fn x5_the_snapshot_is_looked_for_on_every_volume_that_is_known() {
    let mut script = keeping();
    script.command(restore("vs-1")).is(r#"
        applied: restoring
        set preRestoreStatus "stopped"
        set restoreStartedAt "2026-04-06T12:00:00.000Z"
        event instance.restore_enqueued restoring "admin_snapshot_restore" machine=m1 region=iad
        call list_snapshots vol-1
        alarm +1m reconcile
    "#);
    script.answer(snapshots(&[])).is("
        applied: restoring (no commit)
        call list_snapshots vol-0
        alarm +59s reconcile
    ");
    script.answer(absent()).is(r#"
        applied: stopped
        set lastStoppedAt now
        set preRestoreStatus null
        set restoreStartedAt null
        event instance.restore_failed stopped "snapshot_not_found" error="snapshot vs-1 not found" machine=m1 region=iad
        alarm +30m reconcile
    "#);
}

#[test]
fn x5_a_snapshot_that_cannot_be_used_ends_it_before_anything_is_destroyed() {
    for (status, list, expected) in [
        (
            "running",
            snapshots(&[]),
            r#"
                applied: running
                set preRestoreStatus null
                set restoreStartedAt null
                event instance.restore_failed running "snapshot_not_found" error="snapshot vs-1 not found" machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            "running",
            snapshots(&[("vs-1", "running", 10)]),
            r#"
                applied: running
                set preRestoreStatus null
                set restoreStartedAt null
                event instance.restore_failed running "snapshot_not_finished" error="snapshot vs-1 is not finished but running" machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
        (
            "stopped",
            snapshots(&[("vs-1", "failed", 10)]),
            r#"
                applied: stopped
                set lastStoppedAt now
                set preRestoreStatus null
                set restoreStartedAt null
                event instance.restore_failed stopped "snapshot_not_finished" error="snapshot vs-1 is not finished but failed" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            "provisioned",
            snapshots(&[]),
            r#"
                applied: provisioned
                set preRestoreStatus null
                set restoreStartedAt null
                event instance.restore_failed provisioned "snapshot_not_found" error="snapshot vs-1 not found" machine=m1 region=iad
                alarm +30m reconcile
            "#,
        ),
        (
            "running",
            refused(),
            r#"
                applied: running
                set preRestoreStatus null
                set restoreStartedAt null
                event instance.restore_failed running "snapshot_not_found" error="snapshot vs-1 not found" machine=m1 region=iad
                alarm +5m reconcile
            "#,
        ),
    ] {
        restoring(status, R::Find).answer(list).is(expected);
    }
    let mut script = Script::provisioned();
    script.command(restore("vs-1")).is(r#"
        applied: provisioned
        event instance.restore_enqueued restoring "admin_snapshot_restore"
        event instance.restore_failed provisioned "snapshot_not_found" error="snapshot vs-1 not found"
        alarm +30m reconcile
    "#);
}

#[test]
fn x5_after_the_machine_is_gone_a_failure_leaves_the_previous_volume_and_stopped() {
    for status in ["running", "stopped", "provisioned"] {
        restoring(status, R::Place).answer(refused()).is(r#"
            applied: stopped
            set lastStoppedAt now
            set preRestoreStatus null
            set restoreStartedAt null
            event instance.restore_failed stopped "refused" error="makes no sense (status 422)" region=iad
            alarm +59s disposal
        "#);
    }
    restoring("running", R::Place).answer(no_room()).is(r#"
        applied: stopped
        set lastStoppedAt now
        set preRestoreStatus null
        set restoreStartedAt null
        event region.capacity_eviction "insufficient_resources" region=iad
        evict iad insufficient_resources
        event instance.restore_failed stopped "no_capacity" error="insufficient resources (status 412)" region=iad
        alarm +59s disposal
    "#);
}

#[test]
fn x5_a_refused_destroy_puts_the_previous_status_back() {
    restoring("running", R::Remove).answer(refused()).is(r#"
        applied: running
        set preRestoreStatus null
        set restoreStartedAt null
        event instance.restore_failed running "machine_not_removed" error="makes no sense (status 422)" machine=m1 region=iad
        alarm +5m reconcile
    "#);
    restoring("running", R::Remove).answer(absent()).is("
        applied: restoring
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call create_volume #1 in iad from vs-1 12 GB
        alarm +57s reconcile
    ");
}

#[test]
fn x5_a_missing_volume_is_replaced_all_the_same() {
    let mut script = restoring("running", R::Inspect);
    script.answer(absent()).is("
        applied: restoring (no commit)
        call list_volumes ours
        alarm +58s reconcile
    ");
    script.answer(volumes([])).is(r#"
        applied: restoring
        event instance.restore_started restoring "admin_snapshot_restore" machine=m1 region=iad
        call destroy_machine m1
        alarm +57s reconcile
    "#);
    let mut script = bereft();
    script.command(restore("vs-1")).is(r#"
        applied: restoring
        set preRestoreStatus "stopped"
        set restoreStartedAt "2026-04-06T12:30:03.000Z"
        event instance.restore_enqueued restoring "admin_snapshot_restore" machine=m1 region=iad
        call list_snapshots vol-1
        alarm +1m reconcile
    "#);
    script.answer(snapshots(&[("vs-1", "created", 12)])).is("
        applied: restoring (no commit)
        call get_volume vol-1
        alarm +59s reconcile
    ");
    script.answer(absent()).is("
        applied: restoring (no commit)
        call list_volumes ours
        alarm +58s reconcile
    ");
    script.answer(volumes([])).is(r#"
        applied: restoring
        event instance.restore_started restoring "admin_snapshot_restore" machine=m1 region=iad
        call destroy_machine m1
        alarm +57s reconcile
    "#);
    script.answer(accepted()).is("
        applied: restoring
        set flyMachineId null
        on the list machine m1 replaced due +1m
        call create_volume #1 in iad from vs-1 12 GB
        alarm +56s reconcile
    ");
    script.answer(volume_made("vol-2", "iad", "created")).is(r#"
        applied: starting
        set flyVolumeId "vol-2"
        set lastStartErrorAt null
        set lastStartErrorMessage null
        set preRestoreStatus null
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set restoreStartedAt null
        set startingAt now
        on the list volume vol-1 retained until +7d
        event instance.restore_completed starting "admin_snapshot_restore" region=iad
        call list_machines ours
        alarm +1m reconcile
    "#);
}

#[test]
fn x5_transient_faults_are_retried() {
    for stage in R::ALL {
        for fault in [busy(), limited(), unauthorized()] {
            let mut script = restoring("running", stage);
            let asked = script.call.clone().unwrap().call;
            let got = script.answer(fault);
            assert_eq!((got.status, got.calls.len(), got.events.len()), (Some(Status::Restoring), 0, 0), "{stage:?}");
            let alarm = got.alarm.unwrap();
            assert_eq!((alarm.at, alarm.why), (script.now.plus(SECOND), Why::Retry), "{stage:?}");
            assert_eq!(script.alarm().calls, [asked], "{stage:?}");
        }
    }
}

#[test]
fn x5_a_lost_create_is_looked_up() {
    let mut script = restoring("running", R::Place);
    script.answer(unknown()).is("
        applied: restoring
        alarm +1s retry
    ");
    script.alarm().is("
        applied: restoring (no commit)
        call list_volumes named #1
        alarm +1m reconcile
    ");
    let name = script.names.get(1);
    script.answer(volumes([Volume { name: name.to_string(), ..a_volume("vol-2", "created") }])).is(r#"
        applied: starting
        set flyVolumeId "vol-2"
        set preRestoreStatus null
        set previousVolumeId "vol-1"
        set recoveryPreviousVolumeCleanupAfter +7d
        set recoveryPreviousVolumeId "vol-1"
        set restoreStartedAt null
        set startingAt now
        on the list volume vol-1 retained until +7d
        event instance.restore_completed starting "admin_snapshot_restore" region=iad
        call list_machines ours
        alarm +1m reconcile
    "#);
}

#[test]
fn commands() {
    use CommandKind as K;
    for (kind, expected) in [
        (K::Provision, "denied restoring: restoring"),
        (K::Start, "denied restoring: restoring"),
        (K::Stop, "ignored nothing_to_do: restoring"),
        (K::Restart, "denied busy: restoring"),
        (K::Destroy, "denied restoring: restoring"),
        (
            K::CleanupRetainedVolume,
            "
                pending: restoring
                reply deleted nothing
                alarm +1m reconcile
            ",
        ),
        (K::ReassociateVolume, "denied restoring: restoring"),
        (K::Resize, "denied restoring: restoring"),
        (K::RestoreSnapshot, "ignored nothing_to_do: restoring"),
        (
            K::RetryLookup,
            "
                applied: restoring
                alarm now reconcile
            ",
        ),
        (K::AcceptDataLoss, "denied restoring: restoring"),
        (K::Refresh, "ignored nothing_to_do: restoring"),
    ] {
        restoring("running", R::Find).command(any(kind)).is(expected);
    }
    let mut script = keeping();
    script.command(restore("vs-1"));
    script.command(clean_up(None)).is("
        pending: restoring
        on the list volume vol-0 retained until +1d asked for
        alarm +1m reconcile
    ");
    script.answer(snapshots(&[])).is("
        applied: restoring (no commit)
        call list_snapshots vol-0
        alarm +59s reconcile
    ");
}

#[test]
fn x5_what_goes_with_its_machine_is_not_replaced() {
    let mut script = restoring("running", R::Inspect);
    script.answer(waiting("vol-1", "m1")).is(r#"
        applied: running
        set preRestoreStatus null
        set restoreStartedAt null
        event instance.restore_failed running "volume_goes_with_machine" error="a volume would be deleted with the machine; stop it first" machine=m1 region=iad
        alarm +5m reconcile
    "#);
    let mut script = restoring("stopped", R::Inspect);
    script.answer(waiting("vol-1", "m1")).is(r#"
        applied: restoring
        set flyMachineId null
        on the list machine m1 stray
        event instance.restore_started restoring "admin_snapshot_restore" machine=m1 region=iad
        call create_volume #1 in iad from vs-1 12 GB
        alarm +58s reconcile
    "#);
    let listed = |holder: &str| Volume { attached_machine: Some(machine_id(holder)), ..a_volume("vol-6", "created") };
    for (holder, was, next) in [
        ("m1", "stopped", Some(CallKind::CreateVolume)),
        ("m1", "running", None),
        ("m9", "running", Some(CallKind::DestroyMachine)),
    ] {
        let mut script = restoring(was, R::Inspect);
        script.answers([absent(), volumes([listed(holder)])]);
        if holder == "m1" {
            script.answer(waiting("vol-6", "m1"));
        }
        assert_eq!(script.call.as_ref().map(|call| call.id.kind), next);
    }
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(restore("vs-1"));
    script.answer(snapshots(&[("vs-1", "created", 12)]));
    script.answer(waiting("vol-1", "m1")).is(r#"
        applied: restoring
        event instance.restore_started restoring "admin_snapshot_restore" region=iad
        call create_volume #1 in iad from vs-1 12 GB
        alarm +58s reconcile
    "#);
}

/// The machine of the running instance has been seen to mount `vol-2`, which would be deleted with it.
fn mounting_another() -> Script {
    let mut script = Script::running();
    script.alarm();
    script.answers([a_machine("m1", "started").mounting("vol-2").seen(), volume("vol-1", "created")]);
    script.answer(waiting("vol-2", "m1"));
    script.command(restore("vs-1"));
    script.answer(snapshots(&[("vs-1", "created", 12)]));
    script.answer(volume("vol-1", "created"));
    script
}

#[test]
fn x5_what_the_machine_is_known_to_mount_besides_is_looked_at() {
    let mut script = mounting_another();
    script.clone().answer(waiting("vol-2", "m1")).is(r#"
        applied: running
        set preRestoreStatus null
        set restoreStartedAt null
        event instance.restore_failed running "volume_goes_with_machine" error="a volume would be deleted with the machine; stop it first" machine=m1 region=iad
        alarm +5m reconcile
    "#);
    script.clone().answer(absent()).is("
        applied: restoring
        call destroy_machine m1
        alarm +57s reconcile
    ");
    script.answer(unknown()).is("
        applied: restoring
        alarm +1s retry
    ");
    script.alarm().is("
        applied: restoring (no commit)
        call get_volume vol-2
        alarm +1m reconcile
    ");
}
