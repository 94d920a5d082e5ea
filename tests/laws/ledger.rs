//! An independent account of what the instance owns and of what it has been told: the laws about ids and calls are checked against it.
//!
//! It knows nothing of how the core works. What was reported as made is owned until an answer proves it gone.

use crate::world::Known;
use kiloclaw_lifecycle::Timestamp;
use kiloclaw_lifecycle::call::{Call, Done, Operation};
use kiloclaw_lifecycle::fault::{Fault, FaultKind};
use kiloclaw_lifecycle::id::{MachineId, VolumeId};
use kiloclaw_lifecycle::observe::MachineState;
use std::collections::{BTreeMap, BTreeSet};

/// A create whose call may not be over.
#[derive(Clone, Debug)]
struct Create {
    is_machine: bool,
    name: String,
    issued_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    machines: BTreeSet<MachineId>,
    volumes: BTreeSet<VolumeId>,
    creates: BTreeMap<String, Create>,
    /// When each call was made.
    issued: BTreeMap<String, Timestamp>,
    /// Calls whose outcome was reported.
    answered: BTreeSet<String>,
    /// The clock went back, or jumped: what "later" means is open.
    pub(crate) clock_was_wrong: bool,
}

impl Ledger {
    /// What somebody else's record names.
    pub(crate) fn owning(known: &Known) -> Self {
        Self { machines: known.machines.clone(), volumes: known.volumes.clone(), ..Self::default() }
    }

    /// A call is made.
    pub(crate) fn issued(&mut self, operation: &Operation, now: Timestamp) {
        self.issued.insert(operation.id.to_string(), now);
        let (is_machine, name) = match &operation.call {
            Call::CreateMachine(new) => (true, new.name.to_string()),
            Call::CreateVolume(new) => (false, new.name.to_string()),
            Call::GetMachine { .. }
            | Call::ListMachines { .. }
            | Call::UpdateMachine(_)
            | Call::StartMachine { .. }
            | Call::StopMachine { .. }
            | Call::DestroyMachine { .. }
            | Call::WaitMachine { .. }
            | Call::GetVolume { .. }
            | Call::ListVolumes(_)
            | Call::ListSnapshots { .. }
            | Call::DeleteVolume(_)
            | Call::ProbeHealth { .. } => return,
        };
        self.creates.insert(operation.id.to_string(), Create { is_machine, name, issued_at: now });
    }

    /// Something was reported as made.
    pub(crate) fn made(&mut self, done: &Done) {
        match done {
            Done::MachineCreated { machine, .. } => {
                self.machines.insert(machine.clone());
            }
            Done::VolumeCreated { volume, .. } => {
                self.volumes.insert(volume.clone());
            }
            Done::Accepted
            | Done::Machine(_)
            | Done::Machines(_)
            | Done::Waited { .. }
            | Done::Volume(_)
            | Done::Volumes(_)
            | Done::Snapshots(_)
            | Done::Health { .. } => {}
        }
    }

    /// A call has ended, and its outcome was handed in while it was waited for.
    pub(crate) fn ended(&mut self, operation: &Operation, result: &Result<Done, Fault>, life_ms: u64) {
        if result.as_ref().is_err_and(Fault::is_absent) {
            self.absent(&operation.call);
        }
        let lost = result.as_ref().is_err_and(|fault| fault.kind == FaultKind::Unknown);
        if !lost {
            self.creates.remove(&operation.id.to_string());
        }
        let Ok(done) = result else { return };
        self.answered.insert(operation.id.to_string());
        self.made(done);
        match done {
            Done::Machine(machine) if machine.state == MachineState::Destroyed => {
                self.machines.remove(&machine.id);
            }
            Done::Waited { state: MachineState::Destroyed } => self.absent(&operation.call),
            Done::Volume(volume) if volume.state.is_dead() => {
                self.volumes.remove(&volume.id);
            }
            Done::Machines(_) => self.looked(operation, true, life_ms),
            Done::Volumes(_) => self.looked(operation, false, life_ms),
            Done::Accepted
            | Done::Machine(_)
            | Done::MachineCreated { .. }
            | Done::Waited { .. }
            | Done::Volume(_)
            | Done::Snapshots(_)
            | Done::VolumeCreated { .. }
            | Done::Health { .. } => {}
        }
    }

    /// Nobody waited for this outcome. The second copy of an answer makes nothing: what the first has reported may be gone by now.
    pub(crate) fn ended_late(&mut self, operation: &Operation, result: &Result<Done, Fault>) {
        if let Ok(done) = result
            && self.answered.insert(operation.id.to_string())
        {
            self.made(done);
            self.creates.remove(&operation.id.to_string());
        }
    }

    /// An answer names the thing that was asked about as gone.
    fn absent(&mut self, call: &Call) {
        match call {
            Call::GetMachine { machine }
            | Call::StartMachine { machine }
            | Call::StopMachine { machine }
            | Call::DestroyMachine { machine }
            | Call::WaitMachine { machine, .. }
            | Call::ProbeHealth { machine, .. } => {
                self.machines.remove(machine);
            }
            Call::UpdateMachine(update) => {
                self.machines.remove(&update.machine);
            }
            Call::GetVolume { volume } => {
                self.volumes.remove(volume);
            }
            Call::DeleteVolume(condemned) => {
                self.volumes.remove(condemned.volume());
            }
            Call::ListMachines { .. }
            | Call::CreateMachine(_)
            | Call::ListVolumes(_)
            | Call::ListSnapshots { .. }
            | Call::CreateVolume(_) => {}
        }
    }

    /// A list was seen: it settles every create that was dead when the look began.
    fn looked(&mut self, operation: &Operation, machines: bool, life_ms: u64) {
        let Some(began) = self.issued.get(&operation.id.to_string()).copied() else { return };
        self.creates.retain(|_, create| create.is_machine != machines || began.since(create.issued_at) <= life_ms);
    }

    /// What is owned and of which the record says nothing.
    pub(crate) fn forgotten(&self, known: &Known) -> Vec<String> {
        let machines = self.machines.difference(&known.machines).map(ToString::to_string);
        machines.chain(self.volumes.difference(&known.volumes).map(ToString::to_string)).collect()
    }

    /// What is left when the record goes, apart from what was given up.
    pub(crate) fn left(&self, abandoned: &BTreeSet<String>) -> Vec<String> {
        let machines = self.machines.iter().map(ToString::to_string);
        let owned = machines.chain(self.volumes.iter().map(ToString::to_string));
        owned.filter(|id| !abandoned.contains(id)).collect()
    }

    /// Creates that may yet have brought something of which nobody knows.
    pub(crate) fn unsettled(&self, abandoned: &BTreeSet<String>) -> Vec<String> {
        self.creates.values().map(|create| create.name.clone()).filter(|name| !abandoned.contains(name)).collect()
    }
}
