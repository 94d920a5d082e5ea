//! Flat records as this library writes them.

use crate::import::{import, record};
use crate::life::{Life, NOW};
use crate::samples::{all, sample};
use kiloclaw_lifecycle::persist::flat;
use kiloclaw_lifecycle::{Policy, Status, Timestamp, persist};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The keys that the old system knows and this library fills in.
const KEYS: [&str; 43] = [
    "destroyVolumeAttempts",
    "flyAppName",
    "flyMachineId",
    "flyRegion",
    "flyVolumeId",
    "healthCheckFailCount",
    "lastDestroyErrorAt",
    "lastDestroyErrorMessage",
    "lastDestroyErrorOp",
    "lastDestroyErrorStatus",
    "lastMetadataRecoveryAt",
    "lastRecoveryErrorAt",
    "lastRecoveryErrorMessage",
    "lastRestartErrorAt",
    "lastRestartErrorMessage",
    "lastStartErrorAt",
    "lastStartErrorMessage",
    "lastStartedAt",
    "lastStoppedAt",
    "lifecycle",
    "machineSize",
    "pendingDestroyMachineId",
    "pendingDestroyVolumeId",
    "pendingRecoveryVolumeId",
    "pendingRestoreVolumeId",
    "preRestoreStatus",
    "previousVolumeId",
    "provisionedAt",
    "recoveryPreviousVolumeCleanupAfter",
    "recoveryPreviousVolumeId",
    "recoveryStartedAt",
    "restartUpdateSent",
    "restartingAt",
    "restoreStartedAt",
    "sandboxId",
    "startingAt",
    "status",
    "trackedImageTag",
    "userId",
    "volumeSizeGb",
    "channels",
    "orgId",
    "trackedImageDigest",
];

#[test]
fn every_sample_exports_and_comes_back() {
    for (name, life) in all() {
        let record = flat::export(&life.instance);
        let known = KEYS.into_iter().collect::<BTreeSet<_>>();
        let unknown: Vec<_> = record.keys().filter(|key| !known.contains(key.as_str())).collect();
        assert_eq!(unknown, Vec::<&String>::new(), "{name}");
        let status = life.instance.status();
        let shown = if status == Status::Stopping { Status::Running } else { status };
        assert_eq!(record["status"], json!(shown), "{name}");
        for always in ["healthCheckFailCount", "restartUpdateSent", "destroyVolumeAttempts"] {
            assert!(!record[always].is_null(), "{name}: {always}");
        }
        let back = flat::import(&record, 99, &Policy::default(), NOW.plus(5)).expect(name).expect(name);
        assert_eq!(back, life.instance, "{name}");
        assert_eq!(flat::export(&back), record, "{name}");
    }
}

#[test]
fn a_time_belongs_to_its_status() {
    for (name, life) in all() {
        let record = flat::export(&life.instance);
        for (status, key) in [
            (Status::Starting, "startingAt"),
            (Status::Restarting, "restartingAt"),
            (Status::Recovering, "recoveryStartedAt"),
            (Status::Restoring, "restoreStartedAt"),
        ] {
            assert_eq!(!record[key].is_null(), life.instance.status() == status, "{name}: {key}");
        }
    }
}

#[test]
fn a_running_instance() {
    let record = flat::export(&Life::running().instance);
    assert_eq!(record["userId"], json!("user|1"));
    assert_eq!(record["flyAppName"], json!("app-1"));
    assert_eq!(record["flyMachineId"], json!("mach_2"));
    assert_eq!(record["flyVolumeId"], json!("vol_1"));
    assert_eq!(record["flyRegion"], json!("iad"));
    assert_eq!(record["volumeSizeGb"], json!(20));
    assert_eq!(record["trackedImageTag"], json!("registry/image:1"));
    assert_eq!(record["machineSize"], Value::Null);
    assert_eq!(record["provisionedAt"], json!(NOW));
    assert!(record["lastStartedAt"].as_u64().expect("a number") > NOW.as_millis());
    assert_eq!(record["lifecycle"]["version"], json!(1));
}

#[test]
fn a_recovery_shows_source_fork_and_replacement() {
    let record = flat::export(&sample("recovering_waiting").0);
    assert_eq!(record["flyVolumeId"], json!("vol_1"), "the source until the cut-over");
    assert_eq!(record["pendingRecoveryVolumeId"], json!("vol_3"));
    assert_eq!(record["flyMachineId"], json!("mach_4"), "the replacement");
    let record = flat::export(&sample("running_relocated").0);
    assert_eq!(record["flyVolumeId"], json!("vol_3"));
    assert_eq!(record["pendingRecoveryVolumeId"], Value::Null);
    assert_eq!(record["recoveryPreviousVolumeId"], json!("vol_1"));
    assert!(record["recoveryPreviousVolumeCleanupAfter"].as_u64().expect("a number") > NOW.as_millis());
    let record = flat::export(&sample("stopped_after_a_failed_recovery").0);
    assert_eq!(record["flyVolumeId"], json!("vol_1"));
    assert_eq!(record["pendingRecoveryVolumeId"], json!("vol_3"), "while it still has to be removed");
    assert!(record["lastRecoveryErrorMessage"].is_string());
}

#[test]
fn the_newest_retained_volume_is_shown() {
    let mut instance = import(&json!({
        "status": "running", "flyVolumeId": "vol_3", "flyMachineId": "mach_1", "lastStartedAt": 1,
        "recoveryPreviousVolumeId": "vol_1",
    }));
    let policy = Policy::default();
    let again = record(&json!({
        "status": "running", "flyVolumeId": "vol_3", "flyMachineId": "mach_1", "lastStartedAt": 1,
        "recoveryPreviousVolumeId": "vol_2", "lifecycle": flat::export(&instance)["lifecycle"],
    }));
    instance = flat::import(&again, 7, &policy, NOW).expect("a record").expect("an instance");
    let retained: BTreeSet<_> =
        instance.admin_view().retained.into_iter().map(|retained| retained.volume.to_string()).collect();
    assert_eq!(retained, ["vol_1", "vol_2"].map(ToString::to_string).into());
    let shown = flat::export(&instance)["recoveryPreviousVolumeId"].clone();
    assert!([json!("vol_1"), json!("vol_2")].contains(&shown));
}

#[test]
fn a_destroy_shows_what_is_left() {
    let record = flat::export(&sample("destroying").0);
    assert_eq!(record["status"], json!("destroying"));
    assert!(record["pendingDestroyVolumeId"].is_string());
    assert!(record["pendingDestroyMachineId"].is_string());
    assert_eq!(record["destroyVolumeAttempts"], json!(0));
}

#[test]
fn a_restore_shows_its_start_as_javascript_writes_it() {
    let (instance, _) = sample("restoring_looking_for_the_snapshot");
    let record = flat::export(&instance);
    let since = instance.user_view().since.expect("a time");
    assert_eq!(record["restoreStartedAt"], json!(since.to_string()));
    assert!(since.to_string().ends_with('Z'), "{since}");
    assert_eq!(record["preRestoreStatus"], json!("running"));
    let absurd = json!({"status": "restoring", "restoreStartedAt": u64::MAX});
    let record = flat::export(&import(&absurd));
    assert_eq!(record["restoreStartedAt"], json!(u64::MAX), "no calendar reaches it");
}

#[test]
fn keys_of_others_come_out_as_they_went_in() {
    let others = json!({
        "status": "running", "flyVolumeId": "vol_1", "orgId": "org-1", "trackedImageDigest": "sha256:1",
        "channels": {"z": 1, "a": [1.25, -7, "é", null, true, 12_345_678_901_234_567_890_u64]}, "": "", "nothing": null,
    });
    let instance = import(&others);
    let record = flat::export(&instance);
    for (key, value) in others.as_object().expect("an object") {
        assert_eq!(record.get(key), Some(value), "{key}");
    }
    assert_eq!(record["lifecycle"]["instance"].get("extra"), None, "and are not written twice");
    let mut stripped = record;
    stripped.remove("lifecycle");
    let back = flat::import(&stripped, 7, &Policy::default(), NOW).expect("a record").expect("an instance");
    assert_eq!(back, instance);
    let stored = persist::decode(&persist::encode(&instance).expect("text"));
    assert_eq!(stored.as_deref(), Ok(&instance), "the stored form keeps them as well");
}

#[test]
fn the_state_of_the_provider_is_kept_in_step() {
    let state = json!({"provider": "fly", "machineId": "mach_old", "appName": "app-old", "kept": [1]});
    let mut life = Life::imported(&record(&json!({
        "status": "stopped", "flyVolumeId": "vol_1", "flyRegion": "cdg", "flyAppName": "app-1", "providerState": state,
    })));
    let expected = json!({
        "provider": "fly", "machineId": null, "volumeId": "vol_1", "region": "cdg", "appName": "app-1", "kept": [1],
    });
    assert_eq!(flat::export(&life.instance)["providerState"], expected);
    life.start().rest();
    assert_eq!(life.instance.status(), Status::Running);
    let record = flat::export(&life.instance);
    assert_eq!(record["providerState"]["machineId"], record["flyMachineId"]);
    assert_eq!(record["providerState"]["machineId"], json!("mach_1"));
    assert_eq!(record["providerState"]["region"], json!("iad"));

    for other in
        [json!({"provider": "elsewhere", "machineId": "x"}), json!({"machineId": "x"}), json!("fly"), json!(null)]
    {
        let instance = import(&json!({"status": "stopped", "flyVolumeId": "vol_1", "providerState": other}));
        assert_eq!(flat::export(&instance).get("providerState"), Some(&other));
    }
}

#[test]
fn without_lifecycle_the_volumes_are_the_same() {
    for (name, life) in all() {
        let mut record = flat::export(&life.instance);
        record.remove("lifecycle");
        let back = flat::import(&record, 7, &Policy::default(), NOW.plus(5)).expect(name).expect(name);
        let shown = life.instance.status();
        let expected = if shown == Status::Stopping { Status::Running } else { shown };
        assert_eq!(back.status(), expected, "{name}");
        assert_eq!(back.volume(), life.instance.volume(), "{name}");
        assert_eq!(back.machine(), life.instance.machine(), "{name}");
        assert_eq!(back.in_flight(), None, "{name}");
        let (old, new) = (life.instance.admin_view(), back.admin_view());
        assert_eq!(new.last_started_at, old.last_started_at, "{name}");
        assert_eq!(new.recovery.pending_volume, old.recovery.pending_volume, "{name}");
        assert_eq!(new.retained.len(), old.retained.len(), "{name}");
    }
}

#[test]
fn the_age_of_imported_things_is_unknown() {
    let (mut instance, mut life) = (sample("running").0, Life::running());
    let mut record = flat::export(&instance);
    record.remove("lifecycle");
    instance = flat::import(&record, 7, &Policy::default(), life.now).expect("a record").expect("an instance");
    life.instance = instance;
    life.now = Timestamp::from_millis(life.now.as_millis() + 1);
    life.input(kiloclaw_lifecycle::Input::Alarm).fault(kiloclaw_lifecycle::fault::FaultKind::Absent);
    assert_eq!(life.instance.status(), Status::Stopped, "no grace for a machine that may be old");
}
