//! What the provider answers.

use kiloclaw_lifecycle::call::Done;
use kiloclaw_lifecycle::fault::{Capacity, Fault, FaultKind};
use kiloclaw_lifecycle::id::{MachineId, MachineVersion, Region, ResourceName, SnapshotId, VolumeId};
use kiloclaw_lifecycle::observe::{
    HostStatus, Machine, MachineConfig, MachineState, Mount, Snapshot, Volume, VolumeState,
};
use std::collections::BTreeMap;

pub(crate) type Answer = Result<Done, Fault>;

pub(crate) fn machine_id(id: &str) -> MachineId {
    MachineId::new(id).unwrap()
}

pub(crate) fn volume_id(id: &str) -> VolumeId {
    VolumeId::new(id).unwrap()
}

pub(crate) fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

/// A machine of ours in `iad`, with `vol-1`.
pub(crate) fn a_machine(id: &str, state: &str) -> Machine {
    Machine {
        id: machine_id(id),
        name: None,
        state: state.into(),
        region: Some(region("iad")),
        version: Some(MachineVersion::new("v1").unwrap()),
        config: Some(MachineConfig {
            mounts: vec![Mount { volume: volume_id("vol-1"), path: "/root".to_string() }],
            metadata: labels("sandbox-1"),
            guest: None,
            image: None,
        }),
        host_status: HostStatus::Ok,
        updated_at: None,
        exit: None,
    }
}

fn labels(sandbox: &str) -> BTreeMap<String, String> {
    [("kiloclaw_user_id", "user-1"), ("kiloclaw_sandbox_id", sandbox)]
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .into()
}

/// Changes that tests make to a machine.
pub(crate) trait Remade: Sized {
    fn mounting(self, volume: &str) -> Self;
    fn mounting_nothing(self) -> Self;
    fn of_sandbox(self, sandbox: &str) -> Self;
    fn unlabelled(self) -> Self;
    fn labelled(self, key: &str, value: &str) -> Self;
    fn unreachable(self) -> Self;
    fn named(self, name: &ResourceName) -> Self;
    fn version(self, version: &str) -> Self;
    fn seen(self) -> Answer;
}

impl Remade for Machine {
    fn mounting(mut self, volume: &str) -> Self {
        self.config.as_mut().unwrap().mounts[0].volume = volume_id(volume);
        self
    }

    fn mounting_nothing(mut self) -> Self {
        self.config.as_mut().unwrap().mounts.clear();
        self
    }

    fn of_sandbox(mut self, sandbox: &str) -> Self {
        self.config.as_mut().unwrap().metadata = labels(sandbox);
        self
    }

    fn unlabelled(mut self) -> Self {
        self.config.as_mut().unwrap().metadata.clear();
        self
    }

    /// With this label alone.
    fn labelled(mut self, key: &str, value: &str) -> Self {
        self.config.as_mut().unwrap().metadata = [(key.to_string(), value.to_string())].into();
        self
    }

    /// Its host does not answer: the last state, and no configuration.
    fn unreachable(self) -> Self {
        Self { host_status: HostStatus::Unreachable, config: None, ..self }
    }

    fn named(self, name: &ResourceName) -> Self {
        Self { name: Some(name.clone()), ..self }
    }

    fn version(self, version: &str) -> Self {
        Self { version: Some(MachineVersion::new(version).unwrap()), ..self }
    }

    fn seen(self) -> Answer {
        Ok(Done::Machine(Box::new(self)))
    }
}

/// What `get_machine` brings for a machine of ours with `vol-1`.
pub(crate) fn machine(id: &str, state: &str) -> Answer {
    a_machine(id, state).seen()
}

pub(crate) fn machines(list: impl Into<Vec<Machine>>) -> Answer {
    Ok(Done::Machines(list.into()))
}

/// A volume of ours by its name, in `iad`, held by nobody.
pub(crate) fn a_volume(id: &str, state: &str) -> Volume {
    Volume {
        id: volume_id(id),
        name: "kiloclaw_sandbox_1".to_string(),
        state: state.into(),
        region: Some(region("iad")),
        size_gb: Some(10),
        attached_machine: None,
        host_status: HostStatus::Ok,
        created_at: None,
    }
}

/// What `get_volume` brings.
pub(crate) fn seen(volume: Volume) -> Answer {
    Ok(Done::Volume(Box::new(volume)))
}

pub(crate) fn volume(id: &str, state: &str) -> Answer {
    seen(a_volume(id, state))
}

pub(crate) fn held(id: &str, holder: &str) -> Answer {
    seen(Volume { attached_machine: Some(machine_id(holder)), ..a_volume(id, "created") })
}

/// Somebody has asked for its delete, and it goes as soon as the machine lets go.
pub(crate) fn waiting(id: &str, holder: &str) -> Answer {
    seen(Volume { attached_machine: Some(machine_id(holder)), ..a_volume(id, "waiting_for_detach") })
}

pub(crate) fn volumes(list: impl Into<Vec<Volume>>) -> Answer {
    Ok(Done::Volumes(list.into()))
}

pub(crate) fn snapshots(list: &[(&str, &str, u32)]) -> Answer {
    let snapshot = |(id, status, size): &(&str, &str, u32)| Snapshot {
        id: SnapshotId::new(*id).unwrap(),
        status: (*status).into(),
        size_gb: Some(*size),
    };
    Ok(Done::Snapshots(list.iter().map(snapshot).collect()))
}

pub(crate) fn accepted() -> Answer {
    Ok(Done::Accepted)
}

pub(crate) fn machine_made(id: &str, place: &str) -> Answer {
    Ok(Done::MachineCreated { machine: machine_id(id), region: Some(region(place)) })
}

pub(crate) fn volume_made(id: &str, place: &str, state: &str) -> Answer {
    let state: VolumeState = state.into();
    Ok(Done::VolumeCreated { volume: volume_id(id), region: Some(region(place)), state })
}

pub(crate) fn waited(state: &str) -> Answer {
    let state: MachineState = state.into();
    Ok(Done::Waited { state })
}

pub(crate) fn health(healthy: bool) -> Answer {
    Ok(Done::Health { healthy })
}

fn fault(kind: FaultKind, status: u16, message: &str) -> Answer {
    Err(Fault::new(kind, Some(status), message))
}

pub(crate) fn absent() -> Answer {
    fault(FaultKind::Absent, 404, "not found")
}

pub(crate) fn unknown() -> Answer {
    fault(FaultKind::Unknown, 503, "no answer in time")
}

pub(crate) fn busy() -> Answer {
    fault(FaultKind::Busy, 412, "still bound")
}

pub(crate) fn limited() -> Answer {
    fault(FaultKind::RateLimited, 429, "slow down")
}

pub(crate) fn unauthorized() -> Answer {
    fault(FaultKind::Unauthorized, 401, "who are you")
}

pub(crate) fn refused() -> Answer {
    fault(FaultKind::Refused, 422, "makes no sense")
}

pub(crate) fn no_room() -> Answer {
    fault(FaultKind::NoCapacity(Capacity::InsufficientResources), 412, "insufficient resources")
}

pub(crate) fn region_full() -> Answer {
    fault(FaultKind::NoCapacity(Capacity::NoCapacity), 403, "no capacity in the region")
}

pub(crate) fn missing_volume() -> Answer {
    fault(FaultKind::MissingVolume, 400, "volume does not exist")
}

pub(crate) fn conflict(with: Option<&str>) -> Answer {
    fault(FaultKind::Conflict(with.map(machine_id)), 409, "the name is taken")
}
