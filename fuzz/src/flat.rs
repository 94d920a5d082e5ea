//! Flat records: real keys with values that may be anything.

use super::life::{Life, NOW, kept};
use super::raw::Raw;
use super::samples::instances;
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::persist::flat::{export, import};
use kiloclaw_lifecycle::{Input, Policy};
use serde_json::{Map, Value, json};

const KEYS: [&str; 50] = [
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
    "orgId",
    "botName",
    "channels",
    "envVars",
    "gatewayToken",
    "status",
    "status",
    "flyVolumeId",
    "flyMachineId",
];

/// What can be imported can be exported, comes back the same, and can be carried on.
pub fn flat(data: &[u8]) -> bool {
    let record = written(data).unwrap_or_else(|| made_up(&mut Raw::new(data)));
    let shown = Value::Object(record.clone());
    let Ok(imported) = import(&record, 7, &Policy::default(), NOW) else { return false };
    let Some(instance) = imported else {
        let named = |key: &str| record.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        assert!(!named("flyVolumeId") && !named("flyMachineId"), "a record that names something is nothing: {shown}");
        return true;
    };
    kept(&instance);
    untouched(&record, &export(&instance));
    let mut life = Life::of(instance);
    life.ring();
    life.input(Input::Resume);
    for kind in [FaultKind::Unknown, FaultKind::Absent, FaultKind::Refused] {
        if let Some(op) = life.instance.as_ref().and_then(|instance| instance.in_flight()) {
            life.input(Input::Outcome { op, result: Err(Fault::new(kind, Some(500), "as the test says")) });
        }
        life.ring();
    }
    true
}

/// A record that is written down as it is: how seeds are kept.
fn written(data: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(data).ok()
}

/// Keys that mean nothing to the library come out as they went in.
fn untouched(given: &Map<String, Value>, exported: &Map<String, Value>) {
    for (key, value) in given.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
        assert_eq!(exported.get(key), Some(value), "{key} of {}", Value::Object(given.clone()));
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
        let key = if raw.below(8) == 7 { raw.text() } else { (*raw.one_of(&KEYS)).to_string() };
        let value = if key == "lifecycle" { lifecycle(raw) } else { raw.value(2) };
        record.insert(key, value);
    }
    record
}

/// The library's own record of some instance, with some of its members changed.
fn lifecycle(raw: &mut Raw<'_>) -> Value {
    let exported = export(raw.one_of(instances()));
    let mut value = exported.get("lifecycle").cloned().unwrap_or_default();
    for _ in 0..raw.below(4) {
        let mut path = String::new();
        for _ in 0..raw.below(6) {
            let members = names(value.pointer(&path));
            if !members.is_empty() {
                path = format!("{path}/{}", raw.one_of(&members));
            }
        }
        if let Some(place) = value.pointer_mut(&path) {
            *place = raw.value(1);
        }
    }
    value
}

/// What the members of a value are called in a path.
fn names(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Object(members)) => members.keys().cloned().collect(),
        Some(Value::Array(items)) => (0..items.len()).map(|at| at.to_string()).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => Vec::new(),
    }
}
