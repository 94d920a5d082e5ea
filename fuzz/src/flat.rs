//! Flat records: real keys with values that may be anything.

use super::decode::carry_on;
use super::edit::edit;
use super::life::{NOW, exported, kept};
use super::raw::Raw;
use super::samples::instances;
use super::told::Told;
use kiloclaw_lifecycle::Policy;
use kiloclaw_lifecycle::persist::flat::{export, import};
use serde_json::{Map, Value, json};

/// The keys that the library reads.
const KEYS: [&str; 41] = [
    "userId",
    "sandboxId",
    "flyAppName",
    "flyMachineId",
    "flyVolumeId",
    "flyRegion",
    "status",
    "machineSize",
    "volumeSizeGb",
    "trackedImageTag",
    "provisionedAt",
    "lastStartedAt",
    "lastStoppedAt",
    "lastMetadataRecoveryAt",
    "healthCheckFailCount",
    "lastStartErrorMessage",
    "lastStartErrorAt",
    "lastRestartErrorMessage",
    "lastRestartErrorAt",
    "lastRecoveryErrorMessage",
    "lastRecoveryErrorAt",
    "lastDestroyErrorOp",
    "lastDestroyErrorStatus",
    "lastDestroyErrorMessage",
    "lastDestroyErrorAt",
    "startingAt",
    "restartingAt",
    "restartUpdateSent",
    "recoveryStartedAt",
    "restoreStartedAt",
    "preRestoreStatus",
    "pendingRecoveryVolumeId",
    "pendingRestoreVolumeId",
    "recoveryPreviousVolumeId",
    "recoveryPreviousVolumeCleanupAfter",
    "previousVolumeId",
    "pendingDestroyMachineId",
    "pendingDestroyVolumeId",
    "destroyVolumeAttempts",
    "providerState",
    "lifecycle",
];

/// Keys of the system that it takes over from which mean nothing to it.
const OTHERS: [&str; 3] = ["orgId", "channels", "gatewayToken"];

/// What can be imported can be exported, comes back the same, and can be carried on.
pub fn flat(data: &[u8]) -> bool {
    let record = written(data).unwrap_or_else(|| made_up(&mut Raw::new(data)));
    let _told = Told(|| Value::Object(record.clone()).to_string());
    let Ok(imported) = import(&record, 7, &Policy::default(), NOW) else { return false };
    let Some(instance) = imported else {
        let named = |key: &str| record.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        assert!(!named("flyVolumeId") && !named("flyMachineId"), "a record that names something is nothing");
        return true;
    };
    kept(&instance);
    exported(&instance);
    untouched(&record, &export(&instance));
    carry_on(instance);
    true
}

/// A record that is written down as it is: how seeds are kept.
fn written(data: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(data).ok()
}

/// Keys that mean nothing to the library come out as they went in.
fn untouched(given: &Map<String, Value>, came_out: &Map<String, Value>) {
    for (key, value) in given.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
        assert_eq!(came_out.get(key), Some(value), "{key}");
    }
}

/// What the library has exported, or next to nothing, with some keys changed.
fn made_up(raw: &mut Raw<'_>) -> Map<String, Value> {
    let mut record = match raw.below(3) {
        0 => Map::from_iter([("userId".to_string(), json!("user|1")), ("sandboxId".to_string(), json!("sb-1"))]),
        1 => export(raw.one_of(instances())),
        _ => {
            let mut record = export(raw.one_of(instances()));
            record.remove("lifecycle");
            record
        }
    };
    for _ in 0..raw.below(16) {
        let key = match raw.below(8) {
            0 => raw.text(),
            1 => (*raw.one_of(&OTHERS)).to_string(),
            _ => (*raw.one_of(&KEYS)).to_string(),
        };
        let value = if key == "lifecycle" { lifecycle(raw) } else { raw.value(2) };
        record.insert(key, value);
    }
    record
}

/// The library's own record of some instance, with some of its members changed.
fn lifecycle(raw: &mut Raw<'_>) -> Value {
    let exported = export(raw.one_of(instances()));
    let mut value = exported.get("lifecycle").cloned().unwrap_or_default();
    edit(raw, &mut value);
    value
}
