//! Things of the world in the shapes of the Machines API.

use super::history::History;
use super::ids::{hex, ulid};
use super::{Clock, Emulator};
use crate::observe::HostStatus;
use crate::testkit::world::{SimMachine, SimSnapshot, SimVolume};
use crate::time::Timestamp;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use serde_json::{Map, Value, json};

/// Which version of its configuration a machine has.
pub(super) fn instance_id(id: &str, machine: &SimMachine) -> alloc::string::String {
    ulid(id, machine.version)
}

/// The parts of a machine that a short list leaves out.
const LONG: [&str; 5] = ["config", "incomplete_config", "checks", "events", "host_status"];

/// Adds or replaces members.
fn overlay(under: &mut Map<String, Value>, over: Value) {
    if let Value::Object(members) = over {
        under.extend(members);
    }
}

use alloc::string::String;

impl Emulator {
    /// A machine; `Null` where there is none.
    pub(super) fn machine_json(&self, id: &str) -> Value {
        let Some(machine) = self.world.machine(id) else { return Value::Null };
        let config = self.config_json(id, machine);
        let is_known = machine.host_status == HostStatus::Ok;
        // Put together from elsewhere: what it mounts is not in it.
        let incomplete = json!({ "guest": config.get("guest"), "image": config.get("image"), "metadata": {} });
        let events = self.histories.get(id).map(|history| history.newest(5)).unwrap_or_default();
        json!({
            "id": id,
            "name": machine.name,
            "state": machine.state,
            "region": machine.region,
            "instance_id": instance_id(id, machine),
            "private_ip": format!("fdaa:0:{}:a7b:{}:2", hex(id, 4), hex(&machine.name, 4)),
            "created_at": self.clock.date(machine.created_at),
            "updated_at": self.clock.date(machine.updated_at),
            "config": if is_known { config } else { Value::Null },
            "incomplete_config": if is_known { Value::Null } else { incomplete },
            "image_ref": image_ref(machine),
            "events": events,
            "checks": [],
            "host_status": machine.host_status,
            "cordoned": false,
        })
    }

    pub(super) fn machine_in_short(&self, id: &str) -> Value {
        let mut machine = self.machine_json(id);
        if let Value::Object(members) = &mut machine {
            members.retain(|name, _| !LONG.contains(&name.as_str()));
        }
        machine
    }

    /// What the client has sent, under what the world knows of it.
    fn config_json(&self, id: &str, machine: &SimMachine) -> Value {
        let mut config = self.configs.get(id).and_then(Value::as_object).cloned().unwrap_or_default();
        let first = config.get("mounts").and_then(|mounts| mounts.get(0)).and_then(Value::as_object).cloned();
        let mount = |volume: &String| {
            let mut mount = first.clone().unwrap_or_default();
            let path = mount.get("path").cloned().unwrap_or_else(|| json!(self.world.mount_path));
            overlay(&mut mount, json!({ "volume": volume, "path": path, "encrypted": true }));
            if let Some(volume) = self.world.volume(volume) {
                overlay(&mut mount, json!({ "name": volume.name, "size_gb": volume.size_gb }));
            }
            Value::Object(mount)
        };
        let mounts: Vec<Value> = machine.mounts.iter().map(mount).collect();
        overlay(&mut config, json!({ "mounts": mounts, "metadata": machine.metadata }));
        if let Some(guest) = machine.guest {
            let mut sent = config.get("guest").and_then(Value::as_object).cloned().unwrap_or_default();
            overlay(&mut sent, json!(guest));
            overlay(&mut config, json!({ "guest": sent }));
        }
        if let Some(image) = &machine.image {
            overlay(&mut config, json!({ "image": image }));
        }
        Value::Object(config)
    }

    /// A volume; `Null` where there is none.
    pub(super) fn volume_json(&self, id: &str) -> Value {
        let Some(volume) = self.world.volume(id) else { return Value::Null };
        let blocks = u64::from(volume.size_gb).saturating_mul(262_144);
        let mut shown = json!({
            "id": id,
            "name": volume.name,
            "state": volume.true_state(),
            "region": volume.region,
            "size_gb": volume.size_gb,
            "zone": hex(id, 4),
            "attached_machine_id": self.world.holder(id),
            "attached_alloc_id": null,
            "created_at": self.clock.date(volume.created_at),
            "host_status": host_status(volume),
            "type": "local",
            "block_size": 4_096, "blocks": blocks, "blocks_free": blocks, "blocks_avail": blocks,
            "bytes_total": blocks.saturating_mul(4_096), "bytes_used": 0,
        });
        let given =
            json!({ "encrypted": true, "auto_backup_enabled": true, "snapshot_retention": 5, "fstype": "ext4" });
        if let Value::Object(members) = &mut shown {
            overlay(members, self.volume_options.get(id).cloned().unwrap_or(given));
        }
        shown
    }

    pub(super) fn snapshot_json(&self, snapshot: &SimSnapshot) -> Value {
        let seen = self.snapshots_seen.get(&snapshot.id).copied().unwrap_or(self.world.now());
        let gib = snapshot.size_gb.map(|gib| u64::from(gib).saturating_mul(1 << 30));
        json!({
            "id": snapshot.id,
            "status": snapshot.status,
            "size": 0,
            "volume_size": gib,
            "digest": hex(&snapshot.id, 64),
            "created_at": self.clock.date(seen),
            "retention_days": 5,
        })
    }

    pub(super) fn history(&self, id: &str) -> Option<&History> {
        self.histories.get(id)
    }
}

impl Clock {
    /// As RFC 3339.
    fn date(&self, world: Timestamp) -> String {
        self.shown(world).to_string()
    }
}

fn host_status(volume: &SimVolume) -> HostStatus {
    if volume.host_down { HostStatus::Unreachable } else { HostStatus::Ok }
}

fn image_ref(machine: &SimMachine) -> Value {
    let Some(image) = &machine.image else { return Value::Null };
    let (name, digest) = image.as_str().split_once('@').unwrap_or((image.as_str(), ""));
    let (registry, path) = name.split_once('/').unwrap_or(("docker-hub-mirror.fly.io", name));
    let (repository, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
    let digest = if digest.is_empty() { format!("sha256:{}", hex(name, 64)) } else { digest.to_string() };
    json!({ "registry": registry, "repository": repository, "tag": tag, "digest": digest })
}
