//! Volumes and their snapshots.

use super::{Unreadable, is_about, text, time};
use crate::id::{MachineId, Region, SnapshotId, VolumeId};
use crate::observe::{HostStatus, Snapshot, SnapshotStatus, Volume, VolumeState};
use crate::port::CreatedVolume;
use alloc::string::ToString;
use serde_json::Value;

const GIB: u64 = 1 << 30;

/// A volume, the wanted one if one is.
pub(in super::super) fn volume(value: &Value, wanted: Option<&VolumeId>) -> Result<Volume, Unreadable> {
    let id = id(value)?;
    is_about(id.as_str(), wanted.map(VolumeId::as_str))?;
    Ok(Volume {
        id,
        name: text(value, "name").ok_or(Unreadable("a volume without a name"))?.to_string(),
        state: text(value, "state").map(VolumeState::from).ok_or(Unreadable("a volume without a state"))?,
        region: region(value),
        size_gb: value.get("size_gb").and_then(Value::as_u64).and_then(|size| u32::try_from(size).ok()),
        attached_machine: holder(value)?,
        host_status: text(value, "host_status").map_or(HostStatus::Unknown, HostStatus::from),
        created_at: time(value, "created_at"),
    })
}

/// A volume that was just made. Only its id matters: without it nobody would know what to look after.
pub(in super::super) fn created(value: &Value) -> Result<CreatedVolume, Unreadable> {
    let state = VolumeState::from(text(value, "state").unwrap_or("unknown"));
    Ok(CreatedVolume { volume: id(value)?, region: region(value), state })
}

/// `None` for one that is only announced: it has no id before it is finished, and cannot be restored from.
pub(super) fn snapshot(value: &Value) -> Result<Option<Snapshot>, Unreadable> {
    let status = SnapshotStatus::from(text(value, "status").unwrap_or("unknown"));
    let Some(id) = text(value, "id") else {
        let announced = value.is_object() && !status.is_finished();
        return if announced { Ok(None) } else { Err(Unreadable("a finished snapshot without an id")) };
    };
    let id = SnapshotId::new(id).map_err(|_| Unreadable("a snapshot with an impossible id"))?;
    // In bytes. A volume made of the snapshot has to be this large, so a part of a GiB counts as one.
    let bytes = value.get("volume_size").and_then(Value::as_u64).filter(|bytes| *bytes > 0);
    let size_gb = bytes.and_then(|bytes| u32::try_from(bytes.div_ceil(GIB)).ok());
    Ok(Some(Snapshot { id, status, size_gb }))
}

fn id(value: &Value) -> Result<VolumeId, Unreadable> {
    let id = text(value, "id").ok_or(Unreadable("a volume without an id"))?;
    VolumeId::new(id).map_err(|_| Unreadable("a volume with an impossible id"))
}

fn region(value: &Value) -> Option<Region> {
    text(value, "region").and_then(|region| Region::new(region).ok())
}

/// A volume that somebody holds must not look free. An id that is all zeros is what is left of a holder that is gone.
fn holder(value: &Value) -> Result<Option<MachineId>, Unreadable> {
    match text(value, "attached_machine_id").filter(|id| id.chars().any(|c| c != '\0')) {
        Some(id) => MachineId::new(id).map(Some).map_err(|_| Unreadable("a volume with an impossible holder")),
        None => Ok(None),
    }
}
