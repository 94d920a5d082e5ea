//! I2: nothing is mounted or destroyed that is not provably ours; the current, the pending and the source volume are never deleted.

use super::{Held, Seen, demand, named_machines, named_volumes};
use crate::call::{Done, VolumeFilter};
use crate::command::CommandKind;
use crate::fault::Fault;
use crate::id::{Identity, MachineId, SandboxId, VolumeId};
use crate::instance::{Instance, Thing};
use crate::name;
use crate::policy::Policy;
use crate::status::Status;
use crate::step::Input;
use crate::testkit::request::Request;
use crate::testkit::shared::Shared;
use crate::testkit::world::{SimMachine, World};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};

fn uses(stored: &Instance, volume: &str) -> bool {
    let own = stored.volume.iter().chain(stored.phase.pending_volume());
    own.map(VolumeId::as_str).any(|used| used == volume)
}

/// What is ours, as far as anybody could prove it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    marks: Shared<Marks>,
    /// What our creates have made, and what an imported record named.
    made: Shared<BTreeSet<String>>,
    /// What nobody can be blamed for not knowing.
    excused: Shared<BTreeSet<String>>,
}

/// What everything of ours is marked with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Marks {
    sandbox: SandboxId,
    /// The label that names a machine's sandbox.
    label: String,
    filter: Option<VolumeFilter>,
}

impl Owner {
    pub(super) fn new(identity: &Identity, policy: &Policy) -> Self {
        let marks = Marks {
            sandbox: identity.sandbox.clone(),
            label: format!("{}_sandbox_id", policy.metadata_prefix),
            filter: name::our_volumes(&policy.metadata_prefix, identity).ok(),
        };
        Self { marks: Shared::new(marks), made: Shared::default(), excused: Shared::default() }
    }

    pub(super) fn adopt(&mut self, instance: &Instance) {
        let made = self.made.make_mut();
        made.extend(named_machines(instance).map(ToString::to_string));
        made.extend(named_volumes(instance).map(ToString::to_string));
    }

    pub(super) fn excuse(&mut self, id: String) {
        self.excused.make_mut().insert(id);
    }

    /// What was given up, visibly, is left behind when the instance is forgotten.
    pub(super) fn gave_up(&mut self, instance: &Instance) {
        for entry in instance.holdings.entries.iter().filter(|entry| entry.abandoned) {
            self.excused.make_mut().insert(match &entry.thing {
                Thing::Machine(id) => id.to_string(),
                Thing::Volume(id) => id.to_string(),
                Thing::MachineNamed(name) | Thing::VolumeNamed(name) => name.to_string(),
            });
        }
    }

    pub(super) fn is_excused(&self, id: &str) -> bool {
        self.excused.contains(id)
    }

    /// Whether a volume is ours by its name.
    pub(super) fn names(&self, volume: &str) -> bool {
        self.marks.filter.as_ref().is_some_and(|filter| filter.admits(volume))
    }

    /// Whether a machine is ours by its label.
    pub(super) fn labels(&self, machine: &SimMachine) -> bool {
        machine.metadata.get(&self.marks.label).is_some_and(|sandbox| sandbox == self.marks.sandbox.as_str())
    }

    /// An admin's word makes a volume ours.
    pub(super) fn heard(&mut self, seen: &Seen<'_>) {
        let (Input::Command(command), Some(next)) = (seen.input, seen.next) else { return };
        if [CommandKind::Provision, CommandKind::ReassociateVolume].contains(&command.kind()) {
            self.adopt(next);
        }
    }

    pub(super) fn landed(&mut self, answer: &Result<Done, Fault>) {
        match answer {
            Ok(Done::MachineCreated { machine, .. }) => {
                self.made.make_mut().insert(machine.to_string());
            }
            Ok(Done::VolumeCreated { volume, .. }) => {
                self.made.make_mut().insert(volume.to_string());
            }
            Ok(
                Done::Accepted
                | Done::Machine(_)
                | Done::Machines(_)
                | Done::Waited { .. }
                | Done::Volume(_)
                | Done::Volumes(_)
                | Done::Snapshots(_)
                | Done::Health { .. },
            )
            | Err(_) => {}
        }
    }

    pub(super) fn i2_ownership(&self, request: &Request, stored: Option<&Instance>, world: &World) -> Held {
        match request {
            Request::DestroyMachine(machine) => self.machine(machine, world),
            Request::StopMachine(machine) | Request::StartMachine(machine) => self.machine(machine, world),
            Request::UpdateMachine(update) => self.machine(&update.machine, world),
            Request::DeleteVolume(volume) => self.volume(volume, stored, world),
            Request::CreateMachine(new) => self.proven(&new.volume, world, "mounted"),
            Request::GetMachine(_)
            | Request::ListMachines(_)
            | Request::WaitMachine { .. }
            | Request::GetVolume(_)
            | Request::ListVolumes(_)
            | Request::ListSnapshots(_)
            | Request::CreateVolume(_)
            | Request::ProbeHealth { .. } => Ok(()),
        }
    }

    fn machine(&self, id: &MachineId, world: &World) -> Held {
        let Some(machine) = world.machine(id.as_str()).filter(|machine| machine.is_live()) else { return Ok(()) };
        let unlabelled = !machine.metadata.contains_key(&self.marks.label);
        let proven = self.labels(machine) || (unlabelled && self.made.contains(id.as_str()));
        demand(proven, || format!("the machine {id} is changed or destroyed, and is not provably ours"))
    }

    fn volume(&self, id: &VolumeId, stored: Option<&Instance>, world: &World) -> Held {
        if let Some(stored) = stored.filter(|stored| stored.status() != Status::Destroying) {
            demand(!stored.uses_volume(id), || format!("the volume {id} is deleted, and the record needs it"))?;
        }
        // A copy that nobody uses is nobody's loss.
        let used = |reader: &str| stored.is_some_and(|me| me.status() != Status::Destroying && uses(me, reader));
        let reader = world.reader(id.as_str()).filter(|reader| used(reader));
        if let Some(reader) = reader {
            return Err(format!("the volume {id} is deleted, and {reader} still reads from it"));
        }
        self.proven(id, world, "deleted")
    }

    fn proven(&self, id: &VolumeId, world: &World, done: &str) -> Held {
        let Some(volume) = world.volume(id.as_str()).filter(|volume| !volume.gone) else { return Ok(()) };
        let proven = self.names(&volume.name) || self.made.contains(id.as_str());
        demand(proven, || format!("the volume {id} is {done}, and is not provably ours"))
    }
}
