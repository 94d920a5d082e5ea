//! The life of one instance in a world that answers well, up to the moment that a test is about.

use kiloclaw_lifecycle::call::{Call, CallKind, Done, Operation};
use kiloclaw_lifecycle::command::{Command, Provision, Spec};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::{
    AppName, Identity, Image, MachineId, MachineVersion, Region, SandboxId, SnapshotId, UserId, VolumeId,
};
use kiloclaw_lifecycle::observe::{
    HostStatus, Machine, MachineConfig, MachineState, Mount, Snapshot, SnapshotStatus, Volume, VolumeState,
};
use kiloclaw_lifecycle::persist::flat;
use kiloclaw_lifecycle::{Effect, Input, Instance, Policy, Timestamp, step};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

pub(crate) struct Life {
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    pub(crate) instance: Instance,
    pub(crate) call: Option<Operation>,
    /// What every machine is in.
    pub(crate) machine: MachineState,
    /// What every volume is in.
    pub(crate) volume: VolumeState,
    pub(crate) snapshots: bool,
    made: u32,
}

pub(crate) fn volume_id(text: &str) -> VolumeId {
    VolumeId::new(text).expect("an id")
}

impl Life {
    fn of(instance: Instance) -> Self {
        Self {
            policy: Policy::default(),
            now: NOW,
            instance,
            call: None,
            machine: MachineState::Started,
            volume: VolumeState::Created,
            snapshots: false,
            made: 0,
        }
    }

    pub(crate) fn born() -> Self {
        let identity = Identity {
            user: UserId::new("user|1").expect("a user"),
            sandbox: SandboxId::new("sb-1").expect("a sandbox"),
            app: AppName::new("app-1").ok(),
        };
        let spec = Spec { volume_size_gb: Some(20), image: Image::new("registry/image:1").ok(), ..Spec::default() };
        let provision = Provision { identity, seed: 7, spec };
        let born = step(None, &Policy::default(), NOW, Input::Command(Command::Provision(Box::new(provision))));
        Self::of(*born.committed().0.expect("an instance"))
    }

    pub(crate) fn imported(record: &Map<String, Value>) -> Self {
        let instance = flat::import(record, 7, &Policy::default(), NOW).expect("a flat record");
        Self::of(instance.expect("an instance"))
    }

    /// Started, and nothing to do before the next alarm.
    pub(crate) fn running() -> Self {
        let mut life = Self::born();
        life.start().rest();
        life
    }

    pub(crate) fn input(&mut self, input: Input) -> &mut Self {
        let (next, effects) = step(Some(&self.instance), &self.policy, self.now, input).committed();
        self.instance = *next.expect("a live instance");
        self.call = self.call.take().filter(|call| self.instance.in_flight() == Some(call.id));
        for effect in effects {
            if let Effect::Call(operation) = effect {
                self.call = Some(*operation);
            }
        }
        self
    }

    pub(crate) fn command(&mut self, command: Command) -> &mut Self {
        self.input(Input::Command(command))
    }

    pub(crate) fn start(&mut self) -> &mut Self {
        self.command(Command::Start { reason: None })
    }

    pub(crate) fn ring(&mut self) -> &mut Self {
        self.now = self.now.max(self.instance.alarm().at);
        self.input(Input::Alarm)
    }

    /// Answers until a call of this kind is in flight.
    pub(crate) fn until(&mut self, kind: CallKind) -> &mut Self {
        for _ in 0..40 {
            match &self.call {
                Some(call) if call.id.kind == kind => return self,
                Some(_) => self.well(),
                None => self.ring(),
            };
        }
        panic!("no {kind} in {}", self.instance.status())
    }

    /// Answers until nothing is in flight.
    pub(crate) fn rest(&mut self) -> &mut Self {
        while self.call.is_some() {
            self.well();
        }
        self
    }

    pub(crate) fn answer(&mut self, result: Result<Done, Fault>) -> &mut Self {
        let op = self.call.take().expect("a call in flight").id;
        self.now = self.now.plus(1_000);
        self.input(Input::Outcome { op, result })
    }

    pub(crate) fn fault(&mut self, kind: FaultKind) -> &mut Self {
        self.answer(Err(Fault::new(kind, Some(503), "as the test says")))
    }

    fn id(&mut self, stem: &str) -> String {
        self.made += 1;
        format!("{stem}_{}", self.made)
    }

    pub(crate) fn well(&mut self) -> &mut Self {
        let call = self.call.clone().expect("a call in flight").call;
        let region = Region::new("iad").ok();
        let done = match call {
            Call::GetMachine { machine } => Done::Machine(Box::new(self.shown(machine))),
            Call::ListMachines { .. } => Done::Machines(Vec::new()),
            Call::CreateMachine(_) => {
                Done::MachineCreated { machine: MachineId::new(self.id("mach")).expect("an id"), region }
            }
            Call::UpdateMachine(_)
            | Call::StartMachine { .. }
            | Call::StopMachine { .. }
            | Call::DestroyMachine { .. }
            | Call::DeleteVolume(_) => Done::Accepted,
            Call::WaitMachine { state, .. } => Done::Waited { state: state.state() },
            Call::GetVolume { volume } => Done::Volume(Box::new(Volume {
                id: volume,
                name: "kiloclaw_sb_1".to_string(),
                state: self.volume.clone(),
                region,
                size_gb: Some(20),
                attached_machine: None,
                host_status: HostStatus::Ok,
                created_at: Some(NOW),
            })),
            Call::ListVolumes(_) => Done::Volumes(Vec::new()),
            Call::ListSnapshots { .. } => {
                let id = SnapshotId::new("snap_1").expect("an id");
                let kept = Snapshot { id, status: SnapshotStatus::Created, size_gb: Some(20) };
                Done::Snapshots(Vec::from_iter(self.snapshots.then_some(kept)))
            }
            Call::CreateVolume(_) => {
                Done::VolumeCreated { volume: volume_id(&self.id("vol")), region, state: self.volume.clone() }
            }
            Call::ProbeHealth { .. } => Done::Health { healthy: true },
        };
        self.answer(Ok(done))
    }

    fn shown(&self, id: MachineId) -> Machine {
        let mount = |volume: &VolumeId| Mount { volume: volume.clone(), path: "/root".to_string() };
        let metadata = [("kiloclaw_user_id", "user|1"), ("kiloclaw_sandbox_id", "sb-1")];
        Machine {
            id,
            name: None,
            state: self.machine.clone(),
            region: Region::new("iad").ok(),
            version: MachineVersion::new("01HX").ok(),
            config: Some(MachineConfig {
                mounts: self.instance.volume().map(mount).into_iter().collect(),
                metadata: BTreeMap::from(metadata.map(|(key, value)| (key.to_string(), value.to_string()))),
                guest: None,
                image: None,
            }),
            host_status: HostStatus::Ok,
            updated_at: Some(NOW),
            exit: None,
        }
    }
}
