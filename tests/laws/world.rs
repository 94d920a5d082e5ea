//! What the provider answers to a call, given what it is said to show. It remembers nothing but which ids it has given out.

use crate::script::{Answer, Config, Holder, Naming, Scene, Snapshots, Which};
use kiloclaw_lifecycle::Instance;
use kiloclaw_lifecycle::call::{Call, CallKind, Done, VolumeFilter};
use kiloclaw_lifecycle::fault::Fault;
use kiloclaw_lifecycle::id::{Identity, MachineId, MachineVersion, Region, ResourceName, SnapshotId, VolumeId};
use kiloclaw_lifecycle::instance::ThingView;
use kiloclaw_lifecycle::observe::{
    Exit, HostStatus, Machine, MachineConfig, Mount, Snapshot, SnapshotStatus, Volume, VolumeState,
};
use kiloclaw_lifecycle::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Everything of which a record says that it is, or may be, the instance's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) machine: Option<MachineId>,
    pub(crate) volume: Option<VolumeId>,
    pub(crate) pending: Option<VolumeId>,
    pub(crate) machines: BTreeSet<MachineId>,
    pub(crate) volumes: BTreeSet<VolumeId>,
    /// On the disposal list, retained volumes included.
    pub(crate) condemned: BTreeSet<VolumeId>,
    /// Given up, visibly.
    pub(crate) abandoned: BTreeSet<String>,
}

impl Known {
    pub(crate) fn of(instance: &Instance) -> Self {
        let view = instance.admin_view();
        let replacement = view.recovery.replacement_machine.clone();
        let mut known = Self {
            machine: replacement.clone().or(view.machine.clone()),
            volume: view.volume.clone(),
            pending: view.pending_volume.clone(),
            ..Self::default()
        };
        known.machines.extend(view.machine.into_iter().chain(replacement).chain(view.strays));
        known.volumes.extend(view.volume.into_iter().chain(view.pending_volume));
        for retained in view.retained {
            known.condemned.insert(retained.volume.clone());
            if retained.abandoned {
                known.abandoned.insert(retained.volume.to_string());
            }
            known.volumes.insert(retained.volume);
        }
        for entry in view.disposal {
            let name = match entry.thing {
                ThingView::Machine(machine) => {
                    known.machines.insert(machine.clone());
                    machine.to_string()
                }
                ThingView::Volume(volume) => {
                    known.condemned.insert(volume.clone());
                    known.volumes.insert(volume.clone());
                    volume.to_string()
                }
                ThingView::MachineNamed(name) | ThingView::VolumeNamed(name) => name.to_string(),
            };
            if entry.abandoned {
                known.abandoned.insert(name);
            }
        }
        known
    }
}

/// Gives out ids and answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    made: u32,
}

fn pick<T: Clone>(of: &BTreeSet<T>, at: u8) -> Option<T> {
    let count = of.len().max(1);
    of.iter().nth(usize::from(at) % count).cloned()
}

impl World {
    fn number(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    pub(crate) fn machine(&mut self, which: Which, known: &Known) -> MachineId {
        let chosen = match which {
            Which::Current | Which::Pending => known.machine.clone(),
            Which::Known(at) => pick(&known.machines, at),
            Which::New => None,
        };
        chosen.unwrap_or_else(|| MachineId::new(format!("m{}", self.number())).expect("an id"))
    }

    pub(crate) fn volume(&mut self, which: Which, known: &Known) -> VolumeId {
        let chosen = match which {
            Which::Current => known.volume.clone(),
            Which::Pending => known.pending.clone().or(known.volume.clone()),
            Which::Known(at) => pick(&known.volumes, at),
            Which::New => None,
        };
        chosen.unwrap_or_else(|| VolumeId::new(format!("v{}", self.number())).expect("an id"))
    }

    /// How a call ends.
    pub(crate) fn answer(
        &mut self,
        call: &Call,
        whose: &Identity,
        answer: &Answer,
        known: &Known,
    ) -> Result<Done, Fault> {
        match answer {
            Answer::Fault(kind, status) => Err(Fault::new(kind.clone(), *status, "as the script says")),
            Answer::Shown(scene) => Ok(self.done(call, whose, scene, known)),
        }
    }

    fn done(&mut self, call: &Call, whose: &Identity, scene: &Scene, known: &Known) -> Done {
        let region = scene.placed.then(|| Region::new("ord").expect("a region"));
        match call {
            Call::GetMachine { machine } => Done::Machine(Box::new(self.shown(machine.clone(), whose, scene, known))),
            Call::ListMachines { .. } => {
                let listed = scene.listed.iter().map(|which| self.machine(*which, known)).collect::<Vec<_>>();
                Done::Machines(listed.into_iter().map(|id| self.shown(id, whose, scene, known)).collect())
            }
            Call::CreateMachine(_) => Done::MachineCreated { machine: self.machine(scene.made, known), region },
            Call::UpdateMachine(_)
            | Call::StartMachine { .. }
            | Call::StopMachine { .. }
            | Call::DestroyMachine { .. }
            | Call::DeleteVolume(_) => Done::Accepted,
            Call::WaitMachine { .. } => Done::Waited { state: scene.machine.clone() },
            Call::GetVolume { volume } => Done::Volume(Box::new(self.kept(volume.clone(), None, scene, known))),
            Call::ListVolumes(filter) => {
                let listed = scene.listed.iter().map(|which| self.volume(*which, known)).collect::<Vec<_>>();
                Done::Volumes(listed.into_iter().map(|id| self.kept(id, Some(filter), scene, known)).collect())
            }
            Call::ListSnapshots { .. } => Done::Snapshots(snapshots(scene.snapshots)),
            Call::CreateVolume(_) => {
                Done::VolumeCreated { volume: self.volume(scene.made, known), region, state: scene.volume.clone() }
            }
            Call::ProbeHealth { .. } => Done::Health { healthy: scene.healthy },
        }
    }

    fn shown(&mut self, id: MachineId, whose: &Identity, scene: &Scene, known: &Known) -> Machine {
        let labels = |sandbox: &str| {
            BTreeMap::from([
                ("kiloclaw_user_id".to_string(), whose.user.to_string()),
                ("kiloclaw_sandbox_id".to_string(), sandbox.to_string()),
            ])
        };
        let (metadata, mount) = match scene.config {
            Config::Ours(mount) => (Some(labels(whose.sandbox.as_str())), mount),
            Config::Foreign(mount) => (Some(labels("somebody-else")), mount),
            Config::Unlabelled => (Some(BTreeMap::new()), None),
            Config::Hidden => (None, None),
        };
        let mounts = mount.map(|which| Mount { volume: self.volume(which, known), path: "/root".to_string() });
        let config = metadata.map(|metadata| MachineConfig {
            mounts: mounts.into_iter().collect(),
            metadata,
            guest: None,
            image: None,
        });
        Machine {
            id,
            name: ResourceName::new(format!("{}-machine", whose.sandbox)).ok(),
            state: scene.machine.clone(),
            region: scene.placed.then(|| Region::new("cdg").expect("a region")),
            version: MachineVersion::new(format!("version{}", scene.version)).ok(),
            config,
            host_status: scene.host.clone(),
            updated_at: Some(Timestamp::from_millis(u64::from(scene.version))),
            exit: Some(Exit::default()),
        }
    }

    fn kept(&mut self, id: VolumeId, filter: Option<&VolumeFilter>, scene: &Scene, known: &Known) -> Volume {
        let asked = match filter {
            Some(VolumeFilter::Named(name)) => name.to_string(),
            Some(VolumeFilter::Ours { prefix, .. }) => format!("{prefix}1"),
            None => "kiloclaw_sb_1".to_string(),
        };
        let name = match scene.naming {
            Naming::Asked => asked,
            Naming::Shared => "kiloclaw_sb_1".to_string(),
            Naming::Foreign => "kiloclaw_somebody_else".to_string(),
        };
        let attached_machine = match scene.holder {
            Holder::Nobody => None,
            Holder::Machine(which) => Some(self.machine(which, known)),
        };
        Volume {
            id,
            name,
            state: scene.volume.clone(),
            region: scene.placed.then(|| Region::new("ord").expect("a region")),
            size_gb: Some(u32::from(scene.version)),
            attached_machine,
            host_status: HostStatus::Ok,
            created_at: Some(Timestamp::from_millis(u64::from(scene.version))),
        }
    }

    /// Something that a call of this kind cannot bring.
    pub(crate) fn misfit(&mut self, kind: CallKind) -> Done {
        if kind == CallKind::CreateVolume {
            return Done::MachineCreated { machine: self.machine(Which::New, &Known::default()), region: None };
        }
        let volume = self.volume(Which::New, &Known::default());
        Done::VolumeCreated { volume, region: None, state: VolumeState::Created }
    }
}

fn snapshots(which: Snapshots) -> Vec<Snapshot> {
    let of = |status: SnapshotStatus| {
        vec![Snapshot { id: SnapshotId::new("snap_1").expect("an id"), status, size_gb: Some(7) }]
    };
    match which {
        Snapshots::Finished => of(SnapshotStatus::Created),
        Snapshots::Failed => of(SnapshotStatus::Failed),
        Snapshots::None => Vec::new(),
    }
}
