//! An instance led through its life by hand: every call is named before it is answered.

use kiloclaw_lifecycle::call::{Call, CallKind, Done, Operation};
use kiloclaw_lifecycle::command::{Provision, Spec};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::{Identity, MachineId, Region, ResourceName, SandboxId, SnapshotId, UserId, VolumeId};
use kiloclaw_lifecycle::observe::{
    HostStatus, Machine, MachineConfig, MachineState, Mount, Snapshot, Volume, VolumeState,
};
use kiloclaw_lifecycle::persist::flat;
use kiloclaw_lifecycle::{Command, Effect, Input, Instance, Knobs, Policy, Timestamp, Verdict, step};
use serde_json::Value;
use std::collections::BTreeMap;

/// 2026-04-06, midnight.
const BIRTH: u64 = 1_775_433_600_000;
/// Every answer takes so long.
const LATENCY_MS: u64 = 1_000;

pub(crate) struct Script {
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    pub(crate) instance: Instance,
    call: Option<Operation>,
}

impl Script {
    /// A registered instance under the default policy.
    pub(crate) fn born() -> Self {
        Self::born_under(Knobs::default())
    }

    pub(crate) fn born_under(knobs: Knobs) -> Self {
        let policy = Policy::new(knobs).expect("the knobs make sense");
        let now = Timestamp::from_millis(BIRTH);
        let first = step(None, &policy, now, Input::Command(Command::Provision(Box::new(provision()))));
        let instance = *first.next.clone().expect("a registered instance");
        Self { policy, now, instance, call: None }
    }

    /// The instance that a flat record describes.
    pub(crate) fn imported(knobs: Knobs, now: Timestamp, record: &Value) -> Self {
        let policy = Policy::new(knobs).expect("the knobs make sense");
        let record = record.as_object().expect("a record is an object");
        let instance = flat::import(record, 7, &policy, now).expect("a record").expect("an instance");
        Self { policy, now, instance, call: None }
    }

    pub(crate) fn command(&mut self, command: Command) -> &mut Self {
        let verdict = self.step(Input::Command(command));
        assert!(matches!(verdict, Verdict::Applied | Verdict::Pending(_)), "{verdict:?}");
        self
    }

    /// The alarm rings when it is due.
    pub(crate) fn alarm(&mut self) -> &mut Self {
        self.now = self.instance.alarm().at.max(self.now);
        self.step(Input::Alarm);
        self
    }

    /// The call in flight is of this kind, and ends like this.
    pub(crate) fn on(&mut self, kind: CallKind, result: Result<Done, Fault>) -> &mut Self {
        self.awaits(kind);
        let call = self.call.take().expect("a call in flight");
        self.now = self.now.plus(LATENCY_MS);
        self.step(Input::Outcome { op: call.id, result });
        self
    }

    /// The call in flight is of this kind.
    pub(crate) fn awaits(&mut self, kind: CallKind) -> &mut Self {
        assert_eq!(self.call.as_ref().map(|call| call.id.kind), Some(kind), "{:?}", self.instance);
        self
    }

    /// Whether the call in flight is about this machine.
    pub(crate) fn is_asked_about(&self, machine: &str) -> bool {
        let asked = Call::GetMachine { machine: machine_id(machine) };
        self.call.as_ref().is_some_and(|operation| operation.call == asked)
    }

    pub(crate) fn rests(&mut self) -> &mut Self {
        assert_eq!(self.call, None);
        self
    }

    fn step(&mut self, input: Input) -> Verdict {
        let made = step(Some(&self.instance), &self.policy, self.now, input);
        let verdict = made.verdict.clone();
        let (next, effects) = made.committed();
        self.instance = *next.expect("the instance lives on");
        for effect in effects {
            if let Effect::Call(call) = effect {
                self.call = Some(*call);
            }
        }
        self.call.take_if(|call| Some(call.id) != self.instance.in_flight());
        verdict
    }
}

pub(crate) fn provision() -> Provision {
    Provision { identity: identity(), seed: 7, spec: Spec::default() }
}

fn identity() -> Identity {
    Identity {
        user: UserId::new("user-1").expect("an id"),
        sandbox: SandboxId::new("sbx-1").expect("an id"),
        app: None,
    }
}

pub(crate) fn volume_id(id: &str) -> VolumeId {
    VolumeId::new(id).expect("an id")
}

pub(crate) fn machine_id(id: &str) -> MachineId {
    MachineId::new(id).expect("an id")
}

fn region(id: &str) -> Region {
    Region::new(id).expect("a region")
}

pub(crate) fn accepted() -> Result<Done, Fault> {
    Ok(Done::Accepted)
}

pub(crate) fn no_machines() -> Result<Done, Fault> {
    Ok(Done::Machines(Vec::new()))
}

pub(crate) fn no_volumes() -> Result<Done, Fault> {
    Ok(Done::Volumes(Vec::new()))
}

pub(crate) fn volume_made(id: &str, state: VolumeState) -> Result<Done, Fault> {
    Ok(Done::VolumeCreated { volume: volume_id(id), region: Some(region("fra")), state })
}

pub(crate) fn machine_made(id: &str) -> Result<Done, Fault> {
    Ok(Done::MachineCreated { machine: machine_id(id), region: Some(region("fra")) })
}

pub(crate) fn waited(state: MachineState) -> Result<Done, Fault> {
    Ok(Done::Waited { state })
}

pub(crate) fn health(healthy: bool) -> Result<Done, Fault> {
    Ok(Done::Health { healthy })
}

pub(crate) fn no_snapshots() -> Result<Done, Fault> {
    Ok(Done::Snapshots(Vec::new()))
}

pub(crate) fn snapshot(id: &str) -> Result<Done, Fault> {
    let id = SnapshotId::new(id).expect("an id");
    Ok(Done::Snapshots(vec![Snapshot { id, status: "created".into(), size_gb: Some(10) }]))
}

pub(crate) fn machine(id: &str, state: MachineState, volume: &str) -> Machine {
    Machine {
        id: machine_id(id),
        name: Some(ResourceName::new(id).expect("a name")),
        state,
        region: Some(region("fra")),
        version: None,
        config: Some(MachineConfig {
            mounts: vec![Mount { volume: volume_id(volume), path: "/root".to_string() }],
            metadata: BTreeMap::from([
                ("kiloclaw_user_id".to_string(), "user-1".to_string()),
                ("kiloclaw_sandbox_id".to_string(), "sbx-1".to_string()),
            ]),
            guest: None,
            image: None,
        }),
        host_status: HostStatus::Ok,
        updated_at: None,
        exit: None,
    }
}

/// What `get_machine` brings.
pub(crate) fn look(machine: Machine) -> Result<Done, Fault> {
    Ok(Done::Machine(Box::new(machine)))
}

pub(crate) fn volume(id: &str, state: VolumeState) -> Volume {
    Volume {
        id: volume_id(id),
        name: "kiloclaw_sbx_1".to_string(),
        state,
        region: Some(region("fra")),
        size_gb: Some(10),
        attached_machine: None,
        host_status: HostStatus::Ok,
        created_at: None,
    }
}

/// What `get_volume` brings.
pub(crate) fn found(volume: Volume) -> Result<Done, Fault> {
    Ok(Done::Volume(Box::new(volume)))
}

pub(crate) fn absent() -> Result<Done, Fault> {
    Err(Fault::new(FaultKind::Absent, Some(404), "not found"))
}

pub(crate) fn refused() -> Result<Done, Fault> {
    Err(Fault::new(FaultKind::Refused, Some(422), "invalid config"))
}

pub(crate) fn unknown() -> Result<Done, Fault> {
    Err(Fault::new(FaultKind::Unknown, Some(503), "upstream timed out"))
}

pub(crate) fn busy() -> Result<Done, Fault> {
    Err(Fault::new(FaultKind::Busy, Some(412), "still bound"))
}
