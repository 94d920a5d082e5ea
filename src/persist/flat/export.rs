//! An instance as a flat record.

use crate::instance::{Entry, Instance, Phase, Previous, Thing};
use crate::persist;
use crate::status::Status;
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The flat record of an instance. Fields that are not set are null.
///
/// `stopping`, which the old system does not know, is written as `running`.
pub fn export(instance: &Instance) -> Map<String, Value> {
    let mut record = fields(instance);
    // The keys that mean nothing here are beside it already.
    let bare = Instance { extra: BTreeMap::new(), ..instance.clone() };
    let known: Value =
        persist::encode(&bare).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    record.insert("lifecycle".to_string(), known);
    for (key, value) in &instance.extra {
        record.entry(key.clone()).or_insert_with(|| value.clone());
    }
    sync_provider(&mut record);
    record
}

/// The keys that this library knows, without `lifecycle`.
pub(super) fn fields(me: &Instance) -> Map<String, Value> {
    let mut record = Map::new();
    for part in [identity(me), lifecycle(me), holdings(me), errors(me)] {
        if let Value::Object(part) = part {
            record.extend(part);
        }
    }
    record
}

fn identity(me: &Instance) -> Value {
    json!({
        "userId": me.identity.user,
        "sandboxId": me.identity.sandbox,
        "flyAppName": me.identity.app,
        "flyMachineId": me.machine(),
        "flyVolumeId": me.volume,
        "flyRegion": me.region,
        "machineSize": me.spec.guest,
        "volumeSizeGb": me.spec.volume_size_gb,
        "trackedImageTag": me.spec.image,
    })
}

fn lifecycle(me: &Instance) -> Value {
    let status = if me.status() == Status::Stopping { Status::Running } else { me.status() };
    let since = |wanted: Status| me.phase.since().filter(|_| me.status() == wanted);
    let sent = matches!(&me.phase, Phase::Restarting(restarting) if restarting.sent);
    let restoring = if let Phase::Restoring(restoring) = &me.phase { Some(restoring) } else { None };
    json!({
        "status": status,
        "provisionedAt": me.provisioned_at,
        "startingAt": since(Status::Starting),
        "restartingAt": since(Status::Restarting),
        "recoveryStartedAt": since(Status::Recovering),
        "restartUpdateSent": sent,
        "lastStartedAt": me.last_started_at,
        "lastStoppedAt": me.last_stopped_at,
        "healthCheckFailCount": me.fail_count,
        "lastMetadataRecoveryAt": me.looked_up_at,
        "restoreStartedAt": since(Status::Restoring).map(iso),
        "preRestoreStatus": restoring.map(|restoring| match restoring.previous {
            Previous::Provisioned => Status::Provisioned,
            Previous::Running => Status::Running,
            Previous::Stopped => Status::Stopped,
        }),
    })
}

/// As JavaScript writes it; a plain number where no calendar reaches.
fn iso(at: Timestamp) -> Value {
    let text = at.to_string();
    if text.parse::<jiff::Timestamp>().is_ok() { text.into() } else { at.as_millis().into() }
}

fn holdings(me: &Instance) -> Value {
    use crate::instance::Cause::{FailedRecovery, FailedRestore, LeftOver};
    let volume_of = |causes: &[crate::instance::Cause]| {
        let entry = me.holdings.entries.iter().find(|entry| entry.volume().is_some() && causes.contains(&entry.cause));
        entry.and_then(Entry::volume)
    };
    let fork = if let Phase::Recovering(recovering) = &me.phase { recovering.fork.as_ref() } else { None };
    let restored = if let Phase::Restoring(restoring) = &me.phase { restoring.pending.as_ref() } else { None };
    let retained = me.holdings.retained().max_by_key(|entry| entry.key);
    let going = |pick: fn(&Thing) -> bool| {
        let destroying = me.status() == Status::Destroying;
        me.holdings.entries.iter().find(|entry| destroying && pick(&entry.thing))
    };
    let going_volume = going(|thing| matches!(thing, Thing::Volume(_)));
    json!({
        "pendingRecoveryVolumeId": fork.or_else(|| volume_of(&[FailedRecovery, LeftOver])),
        "pendingRestoreVolumeId": restored.or_else(|| volume_of(&[FailedRestore])),
        "recoveryPreviousVolumeId": retained.and_then(Entry::volume),
        "recoveryPreviousVolumeCleanupAfter": retained.map(|entry| entry.due),
        "previousVolumeId": me.previous_volume,
        "pendingDestroyMachineId": going(|thing| matches!(thing, Thing::Machine(_))).and_then(Entry::machine),
        "pendingDestroyVolumeId": going_volume.and_then(Entry::volume),
        "destroyVolumeAttempts": going_volume.map_or(0, |entry| entry.attempts),
    })
}

fn errors(me: &Instance) -> Value {
    let mut record = Map::new();
    let noted = [("Start", &me.errors.start), ("Restart", &me.errors.restart), ("Recovery", &me.errors.recovery)];
    for (name, noted) in noted {
        record.insert(format!("last{name}ErrorMessage"), noted.as_ref().map(|noted| noted.message.clone()).into());
        record.insert(format!("last{name}ErrorAt"), noted.as_ref().map(|noted| noted.at.as_millis()).into());
    }
    let destroy = me.errors.destroy.as_ref();
    let at = destroy.map(|error| error.noted.at.as_millis());
    for (key, value) in [
        ("lastDestroyErrorOp", to_value(destroy.map(|error| error.op))),
        ("lastDestroyErrorStatus", to_value(destroy.and_then(|error| error.status))),
        ("lastDestroyErrorMessage", to_value(destroy.map(|error| error.noted.message.clone()))),
        ("lastDestroyErrorAt", to_value(at)),
    ] {
        record.insert(key.to_string(), value);
    }
    Value::Object(record)
}

fn to_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Newer records say the same twice.
fn sync_provider(record: &mut Map<String, Value>) {
    let pairs = [
        ("appName", "flyAppName"),
        ("machineId", "flyMachineId"),
        ("volumeId", "flyVolumeId"),
        ("region", "flyRegion"),
    ];
    let values = pairs.map(|(inner, outer)| (inner, record.get(outer).cloned().unwrap_or_default()));
    let Some(Value::Object(state)) = record.get_mut("providerState") else { return };
    if state.get("provider").and_then(Value::as_str) != Some("fly") {
        return;
    }
    for (inner, value) in values {
        state.insert(inner.to_string(), value);
    }
}
