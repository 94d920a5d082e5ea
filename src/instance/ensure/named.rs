//! Which of the volumes under our name is the data, when the record does not say (V1, M1).
//!
//! *Decides* who holds them, which machine of ours is the instance's, and which volume it, or the next one, is to mount.
//!
//! *Guarantees*: no volume that says who holds it is passed over before the holder has been asked; what our machine mounts goes before what
//! nobody holds; a volume is taken only after it has been looked at, since lists lag; an empty one is made only where the list shows none of
//! ours any more, or an admin has accepted the loss.

use super::{Ensure, Ensured, found_alive, is_usable, missing, place_fresh, remember};
use crate::call::Done;
use crate::event::Action;
use crate::fault::Fault;
use crate::id::{MachineId, VolumeId};
use crate::instance::lookup;
use crate::instance::note::Note;
use crate::instance::turn::Turn;
use crate::name::{self, Owner};
use crate::observe::{Machine, MachineState, Volume};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What has been found so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    /// Volumes of which the record knows nothing, or that may hold the data, newest last.
    volumes: Vec<Volume>,
    /// Machines of ours that hold some of them.
    machines: Vec<Machine>,
    /// What the machine mounts that has become the instance's.
    mounted: Option<VolumeId>,
}

impl Named {
    pub(super) fn new(volumes: Vec<Volume>) -> Box<Self> {
        Box::new(Self { volumes, machines: Vec::new(), mounted: None })
    }

    /// What our machine mounts is the data; otherwise the newest that nobody holds.
    pub(super) fn choose(mut self: Box<Self>, t: &mut Turn<'_>) -> Ensured {
        if let Some(holder) = self.unknown_holder(t) {
            return Ensured::Next(Ensure::AskHolder { holder, found: self });
        }
        self.take_machine(t);
        let newest = |held: bool| {
            let fits = |volume: &&Volume| volume.attached_machine.is_some() == held && is_usable(t, volume);
            self.volumes.iter().rfind(fits).map(|volume| volume.id.clone())
        };
        match self.mounted.clone().or_else(|| newest(true)).or_else(|| newest(false)) {
            Some(volume) => Ensured::Next(Ensure::Confirm { volume, found: self }),
            None => self.none(t),
        }
    }

    /// The holder of the newest that is held by somebody of whom nothing is known.
    fn unknown_holder(&self, t: &Turn<'_>) -> Option<MachineId> {
        let asked = |holder: &MachineId| self.machines.iter().any(|machine| machine.id == *holder);
        let mut holders = self.volumes.iter().rev().filter_map(|volume| volume.attached_machine.as_ref());
        holders.find(|holder| !t.me.knows_machine(holder) && !asked(holder)).cloned()
    }

    /// Of the machines that were found one is the instance's, if it has none; the others are strays (M1).
    fn take_machine(&mut self, t: &mut Turn<'_>) {
        let machines = core::mem::take(&mut self.machines);
        if let Some(own) = t.me.machine.as_ref().map(|machine| machine.id.clone()) {
            return lookup::pass_over(t, &own, machines);
        }
        let Some(best) = lookup::preferred(t, machines) else { return };
        let mounted = best.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path));
        let may_be_data =
            |volume: &&VolumeId| self.volumes.iter().any(|found| found.id == **volume) || !t.me.knows_volume(volume);
        self.mounted = mounted.filter(may_be_data).cloned();
        lookup::adopt(t, &best);
    }

    /// None can be used. While there are some of ours, what is empty does not take their place.
    fn none(&self, t: &mut Turn<'_>) -> Ensured {
        remember(t, &self.volumes);
        let may_be_fresh = t.me.fresh_allowed || (!t.me.has_data() && self.volumes.is_empty());
        if !may_be_fresh {
            missing(t, None, false);
            return Ensured::Missing;
        }
        match place_fresh(t, None) {
            Ok(placement) => Ensured::Next(Ensure::Place(Box::new(placement))),
            Err(fault) => Ensured::Failed(fault),
        }
    }

    /// A look-up by labels has not shown this machine. If it is ours it may run on what it holds, and no other may be made.
    pub(super) fn holder_seen(
        mut self: Box<Self>,
        t: &mut Turn<'_>,
        holder: &MachineId,
        result: Result<Done, Fault>,
    ) -> Ensured {
        let machine = match result {
            Ok(Done::Machine(machine)) => Some(machine).filter(|machine| machine.state != MachineState::Destroyed),
            Err(fault) if fault.is_absent() => None,
            Ok(_) | Err(_) => return self.unclear(t, holder),
        };
        let Some(machine) = machine else {
            let held = self.volumes.iter_mut().filter(|volume| volume.attached_machine.as_ref() == Some(holder));
            held.for_each(|volume| volume.attached_machine = None);
            return self.choose(t);
        };
        match name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref()) {
            Owner::Ours if !machine.state.is_going() => {
                self.machines.push(*machine);
                self.choose(t)
            }
            Owner::Foreign(_) if name::is_labelled(machine.config.as_ref()) => self.without(t, holder),
            Owner::Ours | Owner::Foreign(_) | Owner::Hidden => self.unclear(t, holder),
        }
    }

    /// What holds it cannot be seen now, and may be ours. After a few tries that is for an admin to judge, who may accept the loss.
    fn unclear(self: Box<Self>, t: &mut Turn<'_>, holder: &MachineId) -> Ensured {
        if !t.tried_enough() {
            remember(t, &self.volumes);
            return Ensured::Later(Ensure::ByName);
        }
        if t.me.fresh_allowed {
            return self.without(t, holder);
        }
        remember(t, &self.volumes);
        missing(t, None, false);
        Ensured::Missing
    }

    /// What the machine holds is not for us to use; it has a place in the record.
    fn without(mut self: Box<Self>, t: &mut Turn<'_>, holder: &MachineId) -> Ensured {
        let is_theirs = |volume: &Volume| volume.attached_machine.as_ref() == Some(holder);
        let (theirs, others): (Vec<_>, Vec<_>) = self.volumes.into_iter().partition(is_theirs);
        remember(t, &theirs);
        self.volumes = others;
        self.choose(t)
    }

    /// The volume that was chosen was looked at.
    pub(super) fn confirmed(
        mut self: Box<Self>,
        t: &mut Turn<'_>,
        chosen: &VolumeId,
        result: Result<Done, Fault>,
    ) -> Ensured {
        let seen = match result {
            Ok(Done::Volume(volume)) => Some(volume).filter(|volume| !volume.state.is_dead()),
            Err(fault) if fault.is_absent() => None,
            Ok(_) | Err(_) => {
                remember(t, &self.volumes);
                return Ensured::Later(Ensure::ByName);
            }
        };
        self.mounted = None;
        self.volumes.retain(|volume| volume.id != *chosen);
        let Some(volume) = seen else { return self.choose(t) };
        remember(t, &self.volumes);
        t.emit(Note::log(Action::RecoverVolumeByName).detail("volume", volume.id.as_str()));
        found_alive(t, &volume);
        t.me.take_found(&volume);
        t.keep();
        Ensured::Ready
    }
}
