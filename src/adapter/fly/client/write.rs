//! The bodies of requests.
//!
//! *Guarantees*: what the core has decided about a machine or volume is in them, whatever the host has added.

use super::config::FlyConfig;
use super::template::MachineSettings;
use crate::call::{Content, MachineUpdate, NewMachine, NewVolume};
use crate::fault::{Fault, FaultKind};
use crate::guest::{CpuKind, Guest};
use crate::id::{Image, VolumeId};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use serde_json::{Map, Value, json};

/// Of both kinds of calls, what the configuration is made from.
struct Decided<'a> {
    guest: Guest,
    volume: &'a VolumeId,
    metadata: &'a BTreeMap<String, String>,
    image: Option<&'a Image>,
}

pub(super) fn create_machine(new: &NewMachine, settings: MachineSettings, mount_path: &str) -> Result<Value, Fault> {
    let NewMachine { name, region, guest, volume, metadata, image } = new;
    let decided = Decided { guest: *guest, volume, metadata, image: image.as_ref() };
    let mut body = machine(&decided, settings, mount_path)?;
    body.insert("name".to_string(), json!(name));
    if let Some(region) = region {
        body.insert("region".to_string(), json!(region));
    }
    Ok(Value::Object(body))
}

/// Without name and region, which cannot be changed.
pub(super) fn update_machine(
    update: &MachineUpdate,
    settings: MachineSettings,
    mount_path: &str,
) -> Result<Value, Fault> {
    let MachineUpdate { machine: _, guest, volume, metadata, image } = update;
    let decided = Decided { guest: *guest, volume, metadata, image: image.as_ref() };
    machine(&decided, settings, mount_path).map(Value::Object)
}

fn machine(decided: &Decided<'_>, settings: MachineSettings, mount_path: &str) -> Result<Map<String, Value>, Fault> {
    let MachineSettings { mut config, min_secrets_version } = settings;
    if config.get("image").is_none_or(Value::is_null) {
        let missing = || Fault::new(FaultKind::Refused, None, "neither the instance nor the host names an image");
        config.insert("image".to_string(), json!(decided.image.ok_or_else(missing)?));
    }
    let mut metadata = match config.remove("metadata") {
        Some(Value::Object(theirs)) => theirs,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => Map::new(),
    };
    metadata.extend(decided.metadata.iter().map(|(key, label)| (key.clone(), json!(label))));
    config.insert("metadata".to_string(), Value::Object(metadata));
    config.insert("guest".to_string(), guest(decided.guest));
    config.insert("mounts".to_string(), json!([{ "volume": decided.volume, "path": mount_path }]));
    let mut body = Map::from_iter([("config".to_string(), Value::Object(config))]);
    if let Some(version) = min_secrets_version {
        body.insert("min_secrets_version".to_string(), json!(version));
    }
    Ok(body)
}

fn guest(guest: Guest) -> Value {
    let kind = guest.cpu_kind().map(|kind| match kind {
        CpuKind::Shared => "shared",
        CpuKind::Performance => "performance",
    });
    let mut size = Map::from_iter([
        ("cpus".to_string(), json!(guest.cpus())),
        ("memory_mb".to_string(), json!(guest.memory_mb())),
    ]);
    if let Some(kind) = kind {
        size.insert("cpu_kind".to_string(), json!(kind));
    }
    Value::Object(size)
}

/// `compute` makes Fly pick a host with room for the machine as well. A zone of its own among volumes of the same name is not asked for:
/// each name is used once, and what is asked for in vain only fails more often. A fork is as large as its source, and as encrypted.
pub(super) fn create_volume(new: &NewVolume, config: &FlyConfig) -> Value {
    let mut body = Map::from_iter([
        ("name".to_string(), json!(new.name)),
        ("region".to_string(), json!(new.region)),
        ("compute".to_string(), guest(new.guest)),
        ("require_unique_zone".to_string(), json!(false)),
    ]);
    let content = match &new.content {
        Content::Empty { size_gb } => json!({ "size_gb": size_gb, "encrypted": true }),
        Content::Fork { source } => json!({ "source_volume_id": source }),
        Content::Snapshot { snapshot, size_gb } => {
            json!({ "snapshot_id": snapshot, "size_gb": size_gb, "encrypted": true })
        }
    };
    if let Value::Object(content) = content {
        body.extend(content);
    }
    if let Some(days) = config.snapshot_retention_days {
        body.insert("snapshot_retention".to_string(), json!(days));
    }
    Value::Object(body)
}
