//! What the simulated Fly can be asked: a [`Call`] on the wire.

use crate::call::{Call, CallKind, Content, MachineUpdate, NewMachine, NewVolume, VolumeFilter, WaitFor};
use crate::guest::Guest;
use crate::id::{Image, MachineId, MachineVersion, Region, SnapshotId, VolumeId};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use serde_json::{Map, Value, json};

/// A call as it reaches the provider. Unlike a [`Call`] it needs no proof to be made, so that tests can make any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Look at a machine.
    GetMachine(MachineId),
    /// List the machines with all of these labels.
    ListMachines(BTreeMap<String, String>),
    /// Make a machine.
    CreateMachine(Box<NewMachine>),
    /// Give a machine a new configuration.
    UpdateMachine(Box<MachineUpdate>),
    /// Start a machine.
    StartMachine(MachineId),
    /// Stop a machine.
    StopMachine(MachineId),
    /// Destroy a machine.
    DestroyMachine(MachineId),
    /// Wait for a machine.
    WaitMachine {
        /// Which.
        machine: MachineId,
        /// Which version of it.
        version: Option<MachineVersion>,
        /// The wanted state.
        state: WaitFor,
        /// Seconds.
        timeout_s: u32,
    },
    /// Look at a volume.
    GetVolume(VolumeId),
    /// List volumes.
    ListVolumes(VolumeFilter),
    /// List the snapshots of a volume.
    ListSnapshots(VolumeId),
    /// Make a volume.
    CreateVolume(Box<NewVolume>),
    /// Delete a volume.
    DeleteVolume(VolumeId),
    /// Ask for the health of what runs in a machine.
    ProbeHealth {
        /// Which.
        machine: MachineId,
        /// Seconds.
        timeout_s: u32,
    },
}

impl From<&Call> for Request {
    fn from(call: &Call) -> Self {
        match call {
            Call::GetMachine { machine } => Self::GetMachine(machine.clone()),
            Call::ListMachines { metadata } => Self::ListMachines(metadata.clone()),
            Call::CreateMachine(new) => Self::CreateMachine(new.clone()),
            Call::UpdateMachine(update) => Self::UpdateMachine(update.clone()),
            Call::StartMachine { machine } => Self::StartMachine(machine.clone()),
            Call::StopMachine { machine } => Self::StopMachine(machine.clone()),
            Call::DestroyMachine { machine } => Self::DestroyMachine(machine.clone()),
            Call::WaitMachine { machine, version, state, timeout_s } => Self::WaitMachine {
                machine: machine.clone(),
                version: version.clone(),
                state: *state,
                timeout_s: *timeout_s,
            },
            Call::GetVolume { volume } => Self::GetVolume(volume.clone()),
            Call::ListVolumes(filter) => Self::ListVolumes(filter.clone()),
            Call::ListSnapshots { volume } => Self::ListSnapshots(volume.clone()),
            Call::CreateVolume(new) => Self::CreateVolume(new.clone()),
            Call::DeleteVolume(condemned) => Self::DeleteVolume(condemned.volume().clone()),
            Call::ProbeHealth { machine, timeout_s, interval_ms: _ } => {
                Self::ProbeHealth { machine: machine.clone(), timeout_s: *timeout_s }
            }
        }
    }
}

impl Request {
    /// Its kind.
    pub fn kind(&self) -> CallKind {
        match self {
            Self::GetMachine(_) => CallKind::GetMachine,
            Self::ListMachines(_) => CallKind::ListMachines,
            Self::CreateMachine(_) => CallKind::CreateMachine,
            Self::UpdateMachine(_) => CallKind::UpdateMachine,
            Self::StartMachine(_) => CallKind::StartMachine,
            Self::StopMachine(_) => CallKind::StopMachine,
            Self::DestroyMachine(_) => CallKind::DestroyMachine,
            Self::WaitMachine { .. } => CallKind::WaitMachine,
            Self::GetVolume(_) => CallKind::GetVolume,
            Self::ListVolumes(_) => CallKind::ListVolumes,
            Self::ListSnapshots(_) => CallKind::ListSnapshots,
            Self::CreateVolume(_) => CallKind::CreateVolume,
            Self::DeleteVolume(_) => CallKind::DeleteVolume,
            Self::ProbeHealth { .. } => CallKind::ProbeHealth,
        }
    }

    /// Its arguments by name, as a log of calls shows them; what was not given is left out.
    pub fn args(&self) -> Map<String, Value> {
        let args = match self {
            Self::GetMachine(machine) | Self::StartMachine(machine) | Self::StopMachine(machine) => {
                json!({ "machine": machine })
            }
            Self::DestroyMachine(machine) => json!({ "machine": machine, "force": true }),
            Self::ListMachines(metadata) => json!({ "metadata": metadata }),
            Self::CreateMachine(new) => json!({
                "name": new.name, "region": new.region, "guest": guest(new.guest), "mounts": [new.volume],
                "metadata": new.metadata, "image": new.image.as_ref().map(Image::as_str),
            }),
            Self::UpdateMachine(update) => json!({
                "machine": update.machine, "guest": guest(update.guest), "mounts": [update.volume],
                "metadata": update.metadata, "image": update.image.as_ref().map(Image::as_str),
            }),
            Self::WaitMachine { machine, version, state, timeout_s } => json!({
                "machine": machine, "version": version, "state": state.state().as_str(), "timeout_s": timeout_s,
            }),
            Self::GetVolume(volume) | Self::ListSnapshots(volume) | Self::DeleteVolume(volume) => {
                json!({ "volume": volume })
            }
            Self::ListVolumes(VolumeFilter::Named(name)) => json!({ "name": name }),
            Self::ListVolumes(VolumeFilter::Ours { shared, prefix }) => json!({ "name": shared, "prefix": prefix }),
            Self::CreateVolume(new) => {
                let (size_gb, source, snapshot) = content(&new.content);
                json!({
                    "name": new.name, "region": new.region, "guest": guest(new.guest),
                    "size_gb": size_gb, "source_volume": source, "snapshot": snapshot,
                })
            }
            Self::ProbeHealth { machine, timeout_s } => json!({ "machine": machine, "timeout_s": timeout_s }),
        };
        match args {
            Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
        }
    }

    /// The machine it names.
    pub fn machine(&self) -> Option<&MachineId> {
        match self {
            Self::GetMachine(machine)
            | Self::StartMachine(machine)
            | Self::StopMachine(machine)
            | Self::DestroyMachine(machine)
            | Self::WaitMachine { machine, .. }
            | Self::ProbeHealth { machine, .. } => Some(machine),
            Self::UpdateMachine(update) => Some(&update.machine),
            Self::ListMachines(_)
            | Self::CreateMachine(_)
            | Self::GetVolume(_)
            | Self::ListVolumes(_)
            | Self::ListSnapshots(_)
            | Self::CreateVolume(_)
            | Self::DeleteVolume(_) => None,
        }
    }

    /// The volume it names, to look at, to mount or to copy.
    pub fn volume(&self) -> Option<&VolumeId> {
        match self {
            Self::GetVolume(volume) | Self::ListSnapshots(volume) | Self::DeleteVolume(volume) => Some(volume),
            Self::CreateMachine(new) => Some(&new.volume),
            Self::UpdateMachine(update) => Some(&update.volume),
            Self::CreateVolume(new) => content(&new.content).1,
            Self::GetMachine(_)
            | Self::ListMachines(_)
            | Self::StartMachine(_)
            | Self::StopMachine(_)
            | Self::DestroyMachine(_)
            | Self::WaitMachine { .. }
            | Self::ListVolumes(_)
            | Self::ProbeHealth { .. } => None,
        }
    }

    /// The machine or volume that it is addressed to. `None` for creates and lists, which are addressed to the app.
    pub fn thing(&self) -> Option<&str> {
        match self {
            Self::GetMachine(machine)
            | Self::StartMachine(machine)
            | Self::StopMachine(machine)
            | Self::DestroyMachine(machine)
            | Self::WaitMachine { machine, .. }
            | Self::ProbeHealth { machine, .. } => Some(machine.as_str()),
            Self::UpdateMachine(update) => Some(update.machine.as_str()),
            Self::GetVolume(volume) | Self::ListSnapshots(volume) | Self::DeleteVolume(volume) => Some(volume.as_str()),
            Self::ListMachines(_) | Self::CreateMachine(_) | Self::ListVolumes(_) | Self::CreateVolume(_) => None,
        }
    }

    /// How long it goes on asking, where it does.
    pub fn timeout_s(&self) -> Option<u32> {
        match self {
            Self::WaitMachine { timeout_s, .. } | Self::ProbeHealth { timeout_s, .. } => Some(*timeout_s),
            Self::GetMachine(_)
            | Self::ListMachines(_)
            | Self::CreateMachine(_)
            | Self::UpdateMachine(_)
            | Self::StartMachine(_)
            | Self::StopMachine(_)
            | Self::DestroyMachine(_)
            | Self::GetVolume(_)
            | Self::ListVolumes(_)
            | Self::ListSnapshots(_)
            | Self::CreateVolume(_)
            | Self::DeleteVolume(_) => None,
        }
    }

    /// The region it asks for.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::CreateMachine(new) => new.region.as_ref(),
            Self::CreateVolume(new) => Some(&new.region),
            Self::GetMachine(_)
            | Self::ListMachines(_)
            | Self::UpdateMachine(_)
            | Self::StartMachine(_)
            | Self::StopMachine(_)
            | Self::DestroyMachine(_)
            | Self::WaitMachine { .. }
            | Self::GetVolume(_)
            | Self::ListVolumes(_)
            | Self::ListSnapshots(_)
            | Self::DeleteVolume(_)
            | Self::ProbeHealth { .. } => None,
        }
    }
}

fn guest(guest: Guest) -> Value {
    serde_json::to_value(guest).unwrap_or_default()
}

fn content(content: &Content) -> (Option<u32>, Option<&VolumeId>, Option<&SnapshotId>) {
    match content {
        Content::Empty { size_gb } => (Some(*size_gb), None, None),
        Content::Fork { source } => (None, Some(source), None),
        Content::Snapshot { snapshot, size_gb } => (Some(*size_gb), None, Some(snapshot)),
    }
}
