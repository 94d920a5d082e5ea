//! Which of the volumes under our name is the data, when the record does not say (V1, M1).
//!
//! *Decides* who holds them, which machine of ours is the instance's, and which volume it, or the next one, is to mount.
//!
//! *Guarantees*: a list that leaves out what was seen before is not believed; no volume that says who holds it is passed over before the
//! holder has been asked; what our machine mounts goes before what nobody holds; a volume is taken only after it has been looked at; an
//! empty one is made only where none of ours is left, or an admin has accepted the loss.

use super::{Ensure, Ensured, found_alive, is_named_ours, missing, place_fresh, remember, sort};
use crate::call::Done;
use crate::event::Action;
use crate::fault::Fault;
use crate::id::{MachineId, VolumeId};
use crate::instance::holdings::{Cause, Entry};
use crate::instance::note::Note;
use crate::instance::turn::Turn;
use crate::instance::{dispose, lookup};
use crate::name::{self, Owner};
use crate::observe::{Machine, MachineState, Volume, VolumeState};
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
    /// Machines that are gone, whatever volumes may still say of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<MachineId>,
    /// Volumes that are not for us to use: somebody else's machine holds them, or they are on their way out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passed: Vec<VolumeId>,
}

impl Named {
    pub(super) fn new(volumes: Vec<Volume>) -> Box<Self> {
        Box::new(Self { volumes, machines: Vec::new(), mounted: None, gone: Vec::new(), passed: Vec::new() })
    }

    /// What our machine mounts is the data; otherwise the newest that nobody holds.
    pub(super) fn choose(mut self: Box<Self>, t: &mut Turn<'_>) -> Ensured {
        if let Some(volume) = self.left_out(t) {
            return Ensured::Next(Ensure::Recall { volume, found: self });
        }
        if let Some(holder) = self.unknown_holder(t) {
            return Ensured::Next(Ensure::AskHolder { holder, found: self });
        }
        self.pass_going();
        self.take_machine(t);
        match self.mounted(t).or_else(|| self.newest(t, true)).or_else(|| self.newest(t, false)) {
            Some(volume) => Ensured::Next(Ensure::Confirm { volume, found: self }),
            None => self.none(t),
        }
    }

    /// What may hold the data, and the list does not show.
    fn left_out(&self, t: &Turn<'_>) -> Option<VolumeId> {
        let considered = |volume: &VolumeId| self.passed.contains(volume) || self.shows(volume).is_some();
        let candidates = t.me.holdings.entries.iter().filter(|entry| entry.cause == Cause::Candidate);
        candidates.filter_map(Entry::volume).find(|volume| !considered(volume)).cloned()
    }

    /// The holder of the newest that is held by somebody of whom nothing is known.
    fn unknown_holder(&self, t: &Turn<'_>) -> Option<MachineId> {
        let asked = |holder: &MachineId| self.machines.iter().any(|machine| machine.id == *holder);
        let mut holders = self.volumes.iter().rev().filter_map(|volume| self.holder(volume));
        holders.find(|holder| !t.me.knows_machine(holder) && !asked(holder)).cloned()
    }

    /// Whose delete somebody has asked for, and no machine keeps, is gone soon.
    fn pass_going(&mut self) {
        let going = self.volumes.iter().filter(|volume| self.is_going(volume));
        let going: Vec<VolumeId> = going.map(|volume| volume.id.clone()).collect();
        self.volumes.retain(|volume| !going.contains(&volume.id));
        self.passed.extend(going);
    }

    fn is_going(&self, volume: &Volume) -> bool {
        volume.state == VolumeState::WaitingForDetach && self.holder(volume).is_none()
    }

    /// What our machine mounts, unless another holds it.
    fn mounted(&self, t: &Turn<'_>) -> Option<VolumeId> {
        let free = |volume: &&VolumeId| {
            let usable = self.shows(volume).is_none_or(|volume| self.is_usable(t, volume));
            usable && !self.passed.contains(volume)
        };
        self.mounted.as_ref().filter(free).cloned()
    }

    fn newest(&self, t: &Turn<'_>, held: bool) -> Option<VolumeId> {
        let fits = |volume: &&Volume| self.holder(volume).is_some() == held && self.is_usable(t, volume);
        self.volumes.iter().rfind(fits).map(|volume| volume.id.clone())
    }

    fn shows(&self, volume: &VolumeId) -> Option<&Volume> {
        self.volumes.iter().find(|shown| shown.id == *volume)
    }

    /// The machine that holds the volume, and is there.
    fn holder<'v>(&self, volume: &'v Volume) -> Option<&'v MachineId> {
        volume.attached_machine.as_ref().filter(|holder| !self.gone.contains(holder))
    }

    /// Whether nobody holds the volume but the machine that is to serve.
    fn is_usable(&self, t: &Turn<'_>, volume: &Volume) -> bool {
        self.holder(volume).is_none_or(|holder| t.me.uses_machine(holder))
    }

    /// Of the machines that were found one is the instance's, if it has none; the others are strays (M1).
    fn take_machine(&mut self, t: &mut Turn<'_>) {
        let machines = core::mem::take(&mut self.machines);
        if let Some(own) = t.me.machine.as_ref().map(|machine| machine.id.clone()) {
            return lookup::pass_over(t, &own, machines);
        }
        let Some(best) = lookup::preferred(t, machines) else { return };
        let mounted = best.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path));
        let may_be_data = |volume: &&VolumeId| self.shows(volume).is_some() || !t.me.knows_volume(volume);
        self.mounted = mounted.filter(may_be_data).cloned();
        lookup::adopt(t, &best);
    }

    /// None can be used. While there are some of ours, what is empty does not take their place.
    fn none(&self, t: &mut Turn<'_>) -> Ensured {
        remember(t, self.volumes.iter().map(|volume| &volume.id));
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
        let held = self.held_by(holder);
        let machine = match result {
            Ok(Done::Machine(machine)) => Some(machine).filter(|machine| machine.state != MachineState::Destroyed),
            Err(fault) if fault.is_absent() => None,
            Ok(_) | Err(_) => return self.unclear(t, held),
        };
        let Some(machine) = machine else {
            self.gone.push(holder.clone());
            return self.choose(t);
        };
        match name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref()) {
            Owner::Ours if !machine.state.is_going() => {
                self.machines.push(*machine);
                self.choose(t)
            }
            Owner::Foreign(_) => self.without(t, held),
            Owner::Ours | Owner::Unlabelled | Owner::Hidden => self.unclear(t, held),
        }
    }

    fn held_by(&self, holder: &MachineId) -> Vec<VolumeId> {
        let held = self.volumes.iter().filter(|volume| volume.attached_machine.as_ref() == Some(holder));
        held.map(|volume| volume.id.clone()).collect()
    }

    /// Whether these are the data cannot be seen now. After a few tries that is for an admin to judge, who may accept the loss.
    fn unclear(self: Box<Self>, t: &mut Turn<'_>, which: Vec<VolumeId>) -> Ensured {
        let tried = t.tried_enough();
        if tried && t.me.fresh_allowed {
            return self.without(t, which);
        }
        remember(t, self.volumes.iter().map(|volume| &volume.id).chain(&which));
        if tried {
            missing(t, None, false);
            return Ensured::Missing;
        }
        Ensured::Later(Ensure::ByName)
    }

    /// These are not for us to use; they have a place in the record.
    fn without(mut self: Box<Self>, t: &mut Turn<'_>, which: Vec<VolumeId>) -> Ensured {
        remember(t, &which);
        self.volumes.retain(|volume| !which.contains(&volume.id));
        self.passed.extend(which);
        self.choose(t)
    }

    /// What the list left out was looked at.
    pub(super) fn recalled(
        mut self: Box<Self>,
        t: &mut Turn<'_>,
        candidate: &VolumeId,
        result: Result<Done, Fault>,
    ) -> Ensured {
        match seen(result) {
            Seen::Alive(volume) if is_named_ours(t, &volume) => self.show(*volume),
            Seen::Alive(volume) => self.passed.push(volume.id),
            Seen::Gone => {
                dispose::seen_gone(t, candidate);
                // It may be there under another id, which the list has left out as well.
                return Ensured::Next(Ensure::ByName);
            }
            Seen::Unclear => return self.unclear(t, Vec::from([candidate.clone()])),
        }
        self.choose(t)
    }

    /// The volume that was chosen was looked at.
    pub(super) fn confirmed(
        mut self: Box<Self>,
        t: &mut Turn<'_>,
        chosen: &VolumeId,
        result: Result<Done, Fault>,
    ) -> Ensured {
        match seen(result) {
            Seen::Alive(volume) if self.is_usable(t, &volume) && !self.is_going(&volume) => self.take(t, &volume),
            // Somebody holds it of whom the list knew nothing.
            Seen::Alive(volume) => {
                self.show(*volume);
                self.choose(t)
            }
            Seen::Gone => {
                dispose::seen_gone(t, chosen);
                self.mounted.take_if(|mounted| mounted == chosen);
                self.volumes.retain(|volume| volume.id != *chosen);
                self.choose(t)
            }
            Seen::Unclear => self.unclear(t, Vec::from([chosen.clone()])),
        }
    }

    /// What was seen last counts.
    fn show(&mut self, volume: Volume) {
        self.volumes.retain(|shown| shown.id != volume.id);
        self.volumes.push(volume);
        sort(&mut self.volumes);
    }

    fn take(&self, t: &mut Turn<'_>, volume: &Volume) -> Ensured {
        remember(t, self.volumes.iter().map(|volume| &volume.id).filter(|other| **other != volume.id));
        t.emit(Note::log(Action::RecoverVolumeByName).detail("volume", volume.id.as_str()));
        found_alive(t, volume);
        t.me.take_found(volume);
        t.keep();
        Ensured::Ready
    }
}

/// What a look at a volume shows.
enum Seen {
    Alive(Box<Volume>),
    Gone,
    Unclear,
}

fn seen(result: Result<Done, Fault>) -> Seen {
    match result {
        Ok(Done::Volume(volume)) if volume.state.is_dead() => Seen::Gone,
        Ok(Done::Volume(volume)) => Seen::Alive(volume),
        Err(fault) if fault.is_absent() => Seen::Gone,
        Ok(_) | Err(_) => Seen::Unclear,
    }
}
