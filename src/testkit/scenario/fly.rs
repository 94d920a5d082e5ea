//! The `fly` member of a scenario, and the changes of the world that steps bring about.

use super::cursor::{At, When};
use super::{Malformed, Owner};
use crate::guest::Guest;
use crate::id::SandboxId;
use crate::name;
use crate::observe::{Exit, HostStatus, MachineState, SnapshotStatus, VolumeState};
use crate::policy::Policy;
use crate::testkit::world::{Boot, SimMachine, SimSnapshot, SimVolume, World};
use crate::time::Timestamp;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::Value;

const MEMBERS: [&str; 11] = [
    "machines",
    "volumes",
    "snapshots",
    "capacity",
    "boot",
    "boot_ms",
    "hydrate_ms",
    "stop_ms",
    "health",
    "new_machines",
    "new_volumes",
];
const MACHINE: [&str; 9] =
    ["state", "region", "mounts", "name", "metadata", "guest", "host_status", "created", "updated"];
const VOLUME: [&str; 6] = ["region", "created", "state", "size_gb", "name", "attached_machine"];
const OLD_MS: i128 = 30 * 86_400_000;

/// The parts of a machine that a file names.
#[derive(Clone, Debug, Default)]
pub(super) struct MachineParts {
    pub(super) gone: bool,
    state: Option<MachineState>,
    region: Option<String>,
    mounts: Option<Vec<String>>,
    name: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    guest: Option<Option<Guest>>,
    host_status: Option<HostStatus>,
    created: Option<When>,
    updated: Option<When>,
    exit: Option<Option<Exit>>,
}

/// The parts of a volume that a file names.
#[derive(Clone, Debug, Default)]
pub(super) struct VolumeParts {
    pub(super) gone: bool,
    region: Option<Option<String>>,
    created: Option<When>,
    state: Option<VolumeState>,
    size_gb: Option<u32>,
    name: Option<String>,
    attached_machine: Option<Option<String>>,
}

/// What new things of the world look like where nothing is said about them.
#[derive(Clone, Debug)]
pub(super) struct Defaults {
    metadata: BTreeMap<String, String>,
    machine_name: String,
    volume_name: String,
}

/// Names and labels of the instance, as of a policy.
pub(super) fn defaults(policy: &Policy, owner: &Owner) -> Defaults {
    let prefix = &policy.metadata_prefix;
    let shared = SandboxId::new(owner.sandbox.as_str()).and_then(|sandbox| name::shared_volume(prefix, &sandbox));
    Defaults {
        metadata: BTreeMap::from([
            (format!("{prefix}_user_id"), owner.user.clone()),
            (format!("{prefix}_sandbox_id"), owner.sandbox.clone()),
        ]),
        machine_name: owner.sandbox.clone(),
        volume_name: shared.map_or_else(|_| prefix.clone(), |name| name.to_string()),
    }
}

pub(super) fn empty(policy: &Policy, start: Timestamp) -> World {
    let mut world = World::new(start);
    world.mount_path = policy.mount_path.clone();
    world.call_deadline_ms = policy.call_deadline_ms;
    world
}

pub(super) fn world(at: &At<'_>, policy: &Policy, owner: &Owner, start: Timestamp) -> Result<World, Malformed> {
    let members = at.object(Some(&MEMBERS))?;
    let defaults = defaults(policy, owner);
    let mut world = empty(policy, start);
    for volume in members.get("volumes").map_or(Ok(Vec::new()), |volumes| volumes.list())? {
        let id = volume.object(None)?.need("id", "text")?.string()?;
        volume_parts(&volume, "id")?.put(&mut world, &id, &defaults);
    }
    for machine in members.get("machines").map_or(Ok(Vec::new()), |machines| machines.list())? {
        let id = machine.object(None)?.need("id", "text")?.string()?;
        machine_parts(&machine, "id")?.put(&mut world, &id, &defaults);
    }
    if let Some(snapshots) = members.get("snapshots") {
        for (volume, listed) in snapshots.object(None)?.iter() {
            world.put_snapshots(volume, listed.each(snapshot)?);
        }
    }
    for (region, creates) in members.read("capacity", capacity)?.unwrap_or_default() {
        world.limit(&region, creates);
    }
    world.boot = members.read("boot", boot)?.unwrap_or(world.boot);
    world.boot_ms = members.read("boot_ms", |ms| ms.whole(0))?.unwrap_or(world.boot_ms);
    world.hydrate_ms = members.read("hydrate_ms", |ms| ms.whole(0))?.unwrap_or(world.hydrate_ms);
    world.stop_ms = members.read("stop_ms", |ms| ms.whole(0))?.unwrap_or(world.stop_ms);
    world.healthy = members.read("health", health)?.unwrap_or(world.healthy);
    let ids = |name: &str| members.read(name, |ids| ids.each(At::string)).map(Option::unwrap_or_default);
    world.name_next(ids("new_machines")?, ids("new_volumes")?);
    Ok(world)
}

pub(super) fn boot(at: &At<'_>) -> Result<Boot, Malformed> {
    let states = Boot::ALL.map(|boot| (boot.state(), boot));
    let words: Vec<(&str, Boot)> = states.iter().map(|(state, boot)| (state.as_str(), *boot)).collect();
    at.word(&words)
}

pub(super) fn health(at: &At<'_>) -> Result<bool, Malformed> {
    at.word(&[("healthy", true), ("unhealthy", false)])
}

pub(super) fn capacity(at: &At<'_>) -> Result<Vec<(String, u64)>, Malformed> {
    at.object(None)?.iter().map(|(region, creates)| Ok((region.to_string(), creates.whole(0)?))).collect()
}

fn snapshot(at: &At<'_>) -> Result<SimSnapshot, Malformed> {
    let members = at.object(Some(&["id", "status", "size_gb"]))?;
    Ok(SimSnapshot {
        id: members.need("id", "text")?.string()?,
        status: members.read("status", At::text)?.map_or(SnapshotStatus::Created, SnapshotStatus::from),
        size_gb: members.read("size_gb", |size| size.whole_u32(0))?,
        generation: 0,
    })
}

/// `key` is the member that names the machine.
pub(super) fn machine_parts(at: &At<'_>, key: &str) -> Result<MachineParts, Malformed> {
    let mut known: Vec<&str> = MACHINE.into_iter().chain(["exit", key]).collect();
    known.extend((key != "id").then_some("gone"));
    let members = at.object(Some(&known))?;
    members.read("gone", At::yes)?;
    Ok(MachineParts {
        gone: members.get("gone").is_some(),
        state: members.read("state", At::text)?.map(MachineState::from),
        region: members.read("region", At::string)?,
        mounts: members.read("mounts", |mounts| mounts.each(At::string))?,
        name: members.read("name", At::string)?,
        metadata: members.read("metadata", labels)?,
        guest: members.read("guest", guest)?,
        host_status: members.read("host_status", At::text)?.map(HostStatus::from),
        created: members.read("created", At::when)?,
        updated: members.read("updated", At::when)?,
        exit: members.read("exit", |exit| exit.nullable(exit_parts))?,
    })
}

pub(super) fn volume_parts(at: &At<'_>, key: &str) -> Result<VolumeParts, Malformed> {
    let mut known: Vec<&str> = VOLUME.into_iter().chain([key]).collect();
    known.extend((key != "id").then_some("gone"));
    let members = at.object(Some(&known))?;
    members.read("gone", At::yes)?;
    Ok(VolumeParts {
        gone: members.get("gone").is_some(),
        region: members.read("region", |region| region.nullable(At::string))?,
        created: members.read("created", At::when)?,
        state: members.read("state", At::text)?.map(VolumeState::from),
        size_gb: members.read("size_gb", |size| size.whole_u32(1))?,
        name: members.read("name", At::string)?,
        attached_machine: members.read("attached_machine", |machine| machine.nullable(At::string))?,
    })
}

fn labels(at: &At<'_>) -> Result<BTreeMap<String, String>, Malformed> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToString::to_string);
    Ok(at.object(None)?.iter().map(|(name, label)| (name.to_string(), text(label.value))).collect())
}

/// A size as Fly may show it; one that this library does not know is not shown.
fn guest(at: &At<'_>) -> Result<Option<Guest>, Malformed> {
    at.object(None)?;
    Ok(serde_json::from_value(at.value.clone()).ok())
}

fn exit_parts(at: &At<'_>) -> Result<Exit, Malformed> {
    let members = at.object(Some(&["code", "oom_killed", "requested_stop"]))?;
    let code = members.get("code").and_then(|code| code.value.as_i64()).and_then(|code| i32::try_from(code).ok());
    Ok(Exit {
        code,
        oom_killed: members.read("oom_killed", At::flag)?.unwrap_or(false),
        requested_stop: members.read("requested_stop", At::flag)?.unwrap_or(false),
    })
}

impl MachineParts {
    /// Changes the machine of this id, or brings it in.
    pub(super) fn put(&self, world: &mut World, id: &str, defaults: &Defaults) {
        let now = world.now();
        if world.machine(id).is_none() {
            let is_first = world.machines().next().is_none();
            let name = if is_first { &defaults.machine_name } else { id };
            let made = When::FromNow(-OLD_MS).from(now);
            let mut machine = SimMachine::new(name, self.created.map_or(made, |created| created.from(now)));
            machine.metadata = defaults.metadata.clone();
            let home = self.mounts.iter().flatten().find_map(|volume| world.volume(volume)?.region.clone());
            machine.region = home.or_else(|| Some("iad".to_string()));
            self.write(&mut machine, now);
            if self.updated.is_none() {
                machine.updated_at = machine.created_at;
            }
            world.put_machine(id, machine);
        } else {
            world.change_machine(id, |machine| self.write(machine, now));
        }
    }

    fn write(&self, machine: &mut SimMachine, now: Timestamp) {
        fn set<T: Clone>(place: &mut T, value: &Option<T>) {
            if let Some(value) = value {
                *place = value.clone();
            }
        }
        set(&mut machine.state, &self.state);
        set(&mut machine.region, &self.region.clone().map(Some));
        set(&mut machine.mounts, &self.mounts);
        set(&mut machine.name, &self.name);
        set(&mut machine.metadata, &self.metadata);
        set(&mut machine.guest, &self.guest);
        set(&mut machine.host_status, &self.host_status);
        set(&mut machine.exit, &self.exit);
        set(&mut machine.created_at, &self.created.map(|created| created.from(now)));
        machine.updated_at = self.updated.map_or(now, |updated| updated.from(now));
        machine.gone |= self.gone;
    }
}

impl VolumeParts {
    /// Changes the volume of this id, or brings it in.
    pub(super) fn put(&self, world: &mut World, id: &str, defaults: &Defaults) {
        let now = world.now();
        if world.volume(id).is_none() {
            let mut volume = SimVolume::new(defaults.volume_name.as_str(), When::FromNow(-OLD_MS).from(now));
            self.write(&mut volume, now);
            world.put_volume(id, volume);
        } else {
            world.change_volume(id, |volume| self.write(volume, now));
        }
    }

    fn write(&self, volume: &mut SimVolume, now: Timestamp) {
        if let Some(region) = &self.region {
            volume.region = region.clone();
        }
        if let Some(created) = self.created {
            volume.created_at = created.from(now);
        }
        if let Some(state) = &self.state {
            volume.state = state.clone();
        }
        volume.size_gb = self.size_gb.unwrap_or(volume.size_gb);
        if let Some(name) = &self.name {
            volume.name = name.clone();
        }
        if let Some(holder) = &self.attached_machine {
            volume.claimed_by = Some(holder.clone());
        }
        volume.gone |= self.gone;
    }
}
