//! No room, and volumes that cannot be mounted or are missing (G3, S1, V2).

use super::{Stage as S, again, first};
use crate::commands::start;
use crate::script::{Script, knobs};
use crate::world::{
    a_volume, absent, accepted, machine, machines, missing_volume, no_room, refused, region_full, seen, snapshots,
    volume, volume_made, volumes,
};
use kiloclaw_lifecycle::Knobs;
use kiloclaw_lifecycle::fault::{Capacity, Fault, FaultKind};
use kiloclaw_lifecycle::observe::Volume;
use serde_json::json;

/// A start of an instance that has data and no machine: the create is in flight.
pub(super) fn remaking() -> Script {
    let mut script = Script::flat("stopped", json!({ "flyMachineId": null }));
    script.command(start());
    script.answers([machines([]), volume("vol-1", "created"), volume("vol-1", "created")]);
    script
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
