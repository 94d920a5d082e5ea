//! I3: never two running machines of one instance on one volume, and no machine is made while an earlier one may still write.

use super::owner::Owner;
use super::{Held, Seen, demand};
use crate::call::{Call, Done};
use crate::fault::Fault;
use crate::id::MachineId;
use crate::instance::Instance;
use crate::observe::MachineState;
use crate::step::Input;
use crate::testkit::request::Request;
use crate::testkit::shared::Shared;
use crate::testkit::world::{SimMachine, World};
use alloc::collections::BTreeSet;
use alloc::format;

/// Which machines have served, and which of them can do no more harm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Writers {
    served: Shared<BTreeSet<MachineId>>,
}

impl Writers {
    /// The stored record names the machine that serves.
    pub(super) fn serves(&mut self, stored: Option<&Instance>) {
        let Some(stored) = stored else { return };
        // A replacement writes to a copy of its own until the cut-over makes it the machine that serves.
        let serving = stored.machine.as_ref().filter(|machine| !stored.holdings.condemns(&machine.id));
        if let Some(machine) = serving.filter(|machine| !self.served.contains(&machine.id)) {
            self.served.make_mut().insert(machine.id.clone());
        }
    }

    /// A machine whose destroy was accepted is released.
    pub(super) fn landed(&mut self, request: &Request, answer: &Result<Done, Fault>) {
        if let Request::DestroyMachine(machine) = request
            && answer.as_ref().map_or_else(Fault::is_absent, |_| true)
        {
            self.release(machine);
        }
    }

    /// So is one of which the provider has said that it is gone.
    pub(super) fn heard(&mut self, seen: &Seen<'_>) {
        let (Input::Outcome { op, result }, Some(before)) = (seen.input, seen.before) else { return };
        let Some(call) = before.in_flight.as_ref().filter(|call| call.op == *op) else { return };
        let asked = match &call.call {
            Call::GetMachine { machine }
            | Call::StartMachine { machine }
            | Call::StopMachine { machine }
            | Call::WaitMachine { machine, .. } => machine,
            Call::UpdateMachine(update) => &update.machine,
            Call::ListMachines { .. }
            | Call::CreateMachine(_)
            | Call::DestroyMachine { .. }
            | Call::GetVolume { .. }
            | Call::ListVolumes(_)
            | Call::ListSnapshots { .. }
            | Call::CreateVolume(_)
            | Call::DeleteVolume(_)
            | Call::ProbeHealth { .. } => return,
        };
        let gone = match result {
            Ok(Done::Machine(machine)) => machine.state == MachineState::Destroyed,
            Ok(Done::Waited { state }) => *state == MachineState::Destroyed,
            Ok(_) => false,
            Err(fault) => fault.is_absent(),
        };
        if gone {
            self.release(asked);
        }
    }

    fn release(&mut self, machine: &MachineId) {
        if self.served.contains(machine) {
            self.served.make_mut().remove(machine);
        }
    }

    pub(super) fn i3_old_machine_goes_first(&self, request: &Request, world: &World) -> Held {
        if !matches!(request, Request::CreateMachine(_)) {
            return Ok(());
        }
        // One that is going was asked to, whether anybody was told or not.
        let stays = |machine: &SimMachine| machine.is_live() && !machine.state.is_going();
        let live = |id: &&MachineId| world.machine(id.as_str()).is_some_and(stays);
        let old = self.served.iter().find(live);
        demand(old.is_none(), || format!("a machine is made, and {old:?} was not asked to go"))
    }
}

pub(super) fn i3_one_writer(world: &World, owner: &Owner) -> Held {
    let running = || world.machines().filter(|(_, machine)| machine.runs());
    if running().map(|(_, machine)| machine.mounts.len()).sum::<usize>() < 2 {
        return Ok(());
    }
    let mut written: BTreeSet<&str> = BTreeSet::new();
    for (id, machine) in running().filter(|(_, machine)| owner.labels(machine)) {
        for volume in &machine.mounts {
            demand(written.insert(volume), || format!("two machines write to {volume}, {id} is one of them"))?;
        }
    }
    Ok(())
}
