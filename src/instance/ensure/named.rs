//! Which of the volumes under our name is the data, when the record does not say (V1, M1).
//!
//! *Decides* who holds them, which machine of ours is the instance's, and which volume it, or the next one, is to mount.
//!
//! *Guarantees*: what is seen has a place in the record from then on, and a list that leaves it out is not believed; no volume that says
//! who holds it is passed over before the holder has been asked; what our machine mounts goes before what nobody holds; a volume is taken,
//! or passed over, only after it has been looked at; an empty one is made only where none of ours is left, or an admin has accepted the
//! loss.

use super::{Ensure, Ensured, found, found_alive, is_named_ours, missing, place_fresh, sort};
use crate::call::Done;
use crate::event::Action;
use crate::fault::Fault;
use crate::id::{MachineId, VolumeId};
use crate::instance::holdings::{Cause, Entry};
use crate::instance::note::Note;
use crate::instance::turn::Turn;
use crate::instance::{dispose, lookup};
use crate::name::{self, Owner};
use crate::observe::{HostStatus, Machine, MachineState, Volume, VolumeState};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What a machine that holds a volume has turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Holder {
    Ours,
    Foreign,
    Gone,
}

/// What has been found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    /// Volumes of which the record knew nothing, or that may hold the data, newest last.
    volumes: Vec<Volume>,
    /// Machines that were asked.
    holders: BTreeMap<MachineId, Holder>,
    /// Machines of ours of which none has been chosen yet.
    machines: Vec<Machine>,
    /// What the instance's machine mounts.
    mounted: Option<VolumeId>,
    /// Volumes that were looked at and are out of the question: gone or on their way out, held by somebody else, or not ours by name; and
    /// those that cannot be looked at, if an admin has accepted the loss.
    passed: Vec<VolumeId>,
    /// Some of those: they are gone, and the machine that held them last has not been asked whether it mounts them under another id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<VolumeId>,
    /// Machines that were asked that, and do not say that they mount anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unmoved: Vec<MachineId>,
}

impl Named {
    /// The instance's machine mounts this, unless the record says that it is something else.
    pub(super) fn beside(t: &Turn<'_>, machine: &Machine) -> Box<Self> {
        let mut found = Box::<Self>::default();
        found.mounted = Self::may_be_data(t, machine);
        found
    }

    /// A list came. What is under our name may be the data, unless a lost create of ours has made it.
    pub(super) fn listed(mut self: Box<Self>, t: &mut Turn<'_>, volumes: Vec<Volume>) -> Ensured {
        self.volumes = found(t, volumes, |cause| *cause == Cause::Candidate);
        self.volumes.retain(|volume| !self.passed.contains(&volume.id));
        for volume in &self.volumes {
            if !t.me.awaits_volume_named(&volume.name) {
                dispose::remember(t, volume.id.clone());
                t.me.holdings.note_holder(&volume.id, volume.attached_machine.as_ref());
            }
        }
        self.choose(t)
    }

    /// First everything that is not known is asked for; then one of our machines becomes the instance's, if it has none; then one of the
    /// volumes is chosen.
    fn choose(mut self: Box<Self>, t: &mut Turn<'_>) -> Ensured {
        if let Some(volume) = self.left_out(t) {
            return Ensured::Next(Ensure::Recall { volume, found: self });
        }
        if let Some(holder) = self.unknown_holder(t) {
            return Ensured::Next(Ensure::AskHolder { holder, found: self });
        }
        self.take_machine(t);
        match self.best(t) {
            Some(volume) => Ensured::Next(Ensure::Confirm { volume, found: self }),
            None => self.none(t),
        }
    }

    /// What may hold the data, and the list does not show.
    fn left_out(&self, t: &Turn<'_>) -> Option<VolumeId> {
        let considered = |volume: &VolumeId| self.passed.contains(volume) || self.shown(volume).is_some();
        let candidates = t.me.holdings.entries.iter().filter(|entry| entry.cause == Cause::Candidate);
        candidates.filter_map(Entry::volume).find(|volume| !considered(volume)).cloned()
    }

    /// The holder of the newest that is held by somebody who has not been asked.
    fn unknown_holder(&self, t: &Turn<'_>) -> Option<MachineId> {
        let unknown = |holder: &&MachineId| self.is_unknown(t, holder) && !t.me.holdings.condemns(holder);
        self.volumes.iter().rev().filter_map(|volume| volume.attached_machine.as_ref()).find(unknown).cloned()
    }

    /// The machine that held this last, unless it has been asked what it mounts instead.
    fn unknown_mover(&self, t: &Turn<'_>, gone: &VolumeId) -> Option<MachineId> {
        let unknown = |holder: &&MachineId| self.is_unknown(t, holder) && !self.unmoved.contains(holder);
        t.me.holdings.holder_of(gone).filter(unknown).cloned()
    }

    fn is_unknown(&self, t: &Turn<'_>, holder: &MachineId) -> bool {
        !t.me.uses_machine(holder) && !self.holders.contains_key(holder)
    }

    /// Of the machines that were found one is the instance's, if it has none; the others are strays (M1).
    fn take_machine(&mut self, t: &mut Turn<'_>) {
        let machines = core::mem::take(&mut self.machines);
        if let Some(own) = t.me.machine.as_ref().map(|machine| machine.id.clone()) {
            return lookup::pass_over(t, &own, machines);
        }
        let Some(best) = lookup::preferred(t, machines) else { return };
        self.mounted = Self::may_be_data(t, &best);
        lookup::adopt(t, &best);
    }

    /// What the machine mounts, unless the record needs it for something else, or has done with it.
    fn may_be_data(t: &Turn<'_>, machine: &Machine) -> Option<VolumeId> {
        let mounted = machine.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path))?;
        t.me.holdings.lists_for(mounted, |cause| *cause == Cause::Candidate).then(|| mounted.clone())
    }

    /// What our machine mounts, then the newest that it holds, then the newest that nobody holds. What seems to be out of the question comes
    /// last, since it has to be looked at before it is passed over.
    fn best(&self, t: &Turn<'_>) -> Option<VolumeId> {
        let free = |volume: &&VolumeId| self.shown(volume).is_some_and(|shown| self.is_usable(t, shown));
        let newest = |fits: &dyn Fn(&Volume) -> bool| {
            self.volumes.iter().rfind(|volume| fits(volume)).map(|volume| volume.id.clone())
        };
        let usable = |volume: &Volume| self.is_usable(t, volume) && !self.is_out(volume);
        let mounted = self.mounted.as_ref().filter(free).cloned();
        let held = || newest(&|volume| self.holder(volume).is_some() && usable(volume));
        mounted.or_else(held).or_else(|| newest(&usable)).or_else(|| newest(&|volume| self.is_out(volume)))
    }

    fn shown(&self, volume: &VolumeId) -> Option<&Volume> {
        self.volumes.iter().find(|shown| shown.id == *volume)
    }

    /// The machine that holds the volume, and is there.
    fn holder<'v>(&self, volume: &'v Volume) -> Option<&'v MachineId> {
        volume.attached_machine.as_ref().filter(|holder| self.holders.get(*holder) != Some(&Holder::Gone))
    }

    /// Whether nobody holds the volume but the machine that is to serve.
    fn is_usable(&self, t: &Turn<'_>, volume: &Volume) -> bool {
        self.holder(volume).is_none_or(|holder| t.me.uses_machine(holder))
    }

    /// Whether somebody else's machine holds the volume, or somebody has asked for its delete and no machine keeps it.
    fn is_out(&self, volume: &Volume) -> bool {
        match self.holder(volume) {
            Some(holder) => self.holders.get(holder) == Some(&Holder::Foreign),
            None => volume.state == VolumeState::WaitingForDetach,
        }
    }

    /// None can be used. While there are some of ours, what is empty does not take their place, nor while a machine may mount what is gone
    /// under an id that no list shows.
    fn none(mut self: Box<Self>, t: &mut Turn<'_>) -> Ensured {
        let may_be_fresh = t.me.fresh_allowed || (!t.me.has_data() && self.volumes.is_empty());
        if !may_be_fresh {
            missing(t, None, false);
            return Ensured::Missing;
        }
        if let Some(holder) = self.gone.iter().find_map(|gone| self.unknown_mover(t, gone)) {
            return Ensured::Next(Ensure::AskHolder { holder, found: self });
        }
        for gone in core::mem::take(&mut self.gone) {
            dispose::seen_gone(t, &gone);
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
        holder: MachineId,
        result: Result<Done, Fault>,
    ) -> Ensured {
        let held: Vec<VolumeId> = self.held_by(&holder).map(|volume| volume.id.clone()).collect();
        let mut unmoved = false;
        let whose = match result {
            Ok(Done::Machine(machine)) => {
                unmoved = held.is_empty() && self.has_not_moved(t, &machine);
                self.whose(t, *machine)
            }
            Err(fault) if fault.is_absent() => Some(Holder::Gone),
            Ok(_) | Err(_) => None,
        };
        match whose {
            Some(whose) => {
                self.holders.insert(holder, whose);
                self.choose(t)
            }
            None if unmoved => self.nothing_moved(t, holder),
            None if !t.tried_enough() => Ensured::Later(Ensure::begin(t)),
            // A list has been asked for each time, and has not shown what is gone under another id.
            None if held.is_empty() => self.nothing_moved(t, holder),
            // Whose it is cannot be seen now. After a few tries that is for an admin to judge, who may accept the loss.
            None if !t.me.fresh_allowed => {
                missing(t, None, false);
                Ensured::Missing
            }
            None => self.without(t, &held),
        }
    }

    fn held_by(&self, holder: &MachineId) -> impl Iterator<Item = &Volume> {
        self.volumes.iter().filter(move |volume| volume.attached_machine.as_ref() == Some(holder))
    }

    /// Whether the machine mounts nothing, or still what is gone: whosesoever it is, no data of ours is with it under another id.
    fn has_not_moved(&self, t: &Turn<'_>, machine: &Machine) -> bool {
        let known = machine.config.as_ref().filter(|_| machine.host_status == HostStatus::Ok);
        let mounted = known.map(|config| config.mounted_at(&t.policy.mount_path));
        mounted.is_some_and(|mounted| mounted.is_none_or(|mounted| self.gone.contains(mounted)))
    }

    fn nothing_moved(mut self: Box<Self>, t: &mut Turn<'_>, holder: MachineId) -> Ensured {
        self.unmoved.push(holder);
        self.choose(t)
    }

    /// What our machine mounts has a place in the record, even if the machine does not stay.
    fn whose(&mut self, t: &mut Turn<'_>, machine: Machine) -> Option<Holder> {
        let owner = name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref());
        if owner == Owner::Ours {
            dispose::remember_mount(t, &machine);
        }
        if machine.state == MachineState::Destroyed {
            return Some(Holder::Gone);
        }
        match owner {
            Owner::Ours if !machine.state.is_going() => {
                if !t.me.holdings.condemns(&machine.id) {
                    self.machines.push(machine);
                }
                Some(Holder::Ours)
            }
            Owner::Foreign(_) => Some(Holder::Foreign),
            Owner::Ours | Owner::Unlabelled | Owner::Hidden => None,
        }
    }

    /// It cannot be looked at now, which says nothing of it.
    fn unseen(self: Box<Self>, t: &mut Turn<'_>, volume: VolumeId) -> Ensured {
        if t.tried_enough() && t.me.fresh_allowed {
            return self.without(t, &[volume]);
        }
        Ensured::Later(Ensure::begin(t))
    }

    fn without(mut self: Box<Self>, t: &mut Turn<'_>, which: &[VolumeId]) -> Ensured {
        self.pass(which);
        self.choose(t)
    }

    fn pass(&mut self, which: &[VolumeId]) {
        self.volumes.retain(|volume| !which.contains(&volume.id));
        self.passed.extend_from_slice(which);
    }

    /// What the list left out was looked at.
    pub(super) fn recalled(
        mut self: Box<Self>,
        t: &mut Turn<'_>,
        candidate: VolumeId,
        result: Result<Done, Fault>,
    ) -> Ensured {
        match seen(result) {
            Seen::Alive(volume) if is_named_ours(t, &volume) || self.is_mounted(t, &candidate) => {
                self.show(t, *volume);
                self.choose(t)
            }
            Seen::Alive(_) => self.without(t, &[candidate]),
            Seen::Gone => self.gone(t, candidate),
            Seen::Unclear => self.unseen(t, candidate),
        }
    }

    /// Whether a machine of ours mounts it, whatever its name.
    fn is_mounted(&self, t: &Turn<'_>, volume: &VolumeId) -> bool {
        let mounts = |machine: &Machine| Self::may_be_data(t, machine).as_ref() == Some(volume);
        self.mounted.as_ref() == Some(volume) || self.machines.iter().any(mounts)
    }

    /// The volume that was chosen was looked at.
    pub(super) fn confirmed(
        mut self: Box<Self>,
        t: &mut Turn<'_>,
        chosen: VolumeId,
        result: Result<Done, Fault>,
    ) -> Ensured {
        let volume = match seen(result) {
            Seen::Alive(volume) => volume,
            Seen::Gone => return self.gone(t, chosen),
            Seen::Unclear => return self.unseen(t, chosen),
        };
        if self.is_out(&volume) {
            if self.holder(&volume).is_none() {
                // It is as good as gone.
                self.lose(t, &chosen);
            }
            return self.without(t, &[chosen]);
        }
        // That our machine holds it may be what it was chosen for.
        let let_go =
            self.holder(&volume).is_none() && self.shown(&chosen).is_some_and(|shown| self.holder(shown).is_some());
        if self.is_usable(t, &volume) && !let_go {
            return take(t, &volume);
        }
        self.show(t, *volume);
        self.choose(t)
    }

    /// It is not there. It may be under another id, which a list that still shows this one, or neither, cannot know.
    fn gone(mut self: Box<Self>, t: &mut Turn<'_>, volume: VolumeId) -> Ensured {
        self.lose(t, &volume);
        self.pass(&[volume]);
        Ensured::Next(Ensure::ByName(self))
    }

    /// It leaves the list, unless the machine that held it may know under which id it is: that one is asked before anything empty is made.
    fn lose(&mut self, t: &mut Turn<'_>, volume: &VolumeId) {
        if self.unknown_mover(t, volume).is_some() {
            self.gone.push(volume.clone());
        } else {
            dispose::seen_gone(t, volume);
        }
    }

    /// What was seen last counts.
    fn show(&mut self, t: &mut Turn<'_>, volume: Volume) {
        if t.me.holdings.note_holder(&volume.id, volume.attached_machine.as_ref()) {
            t.keep();
        }
        self.volumes.retain(|shown| shown.id != volume.id);
        self.volumes.push(volume);
        sort(&mut self.volumes);
    }
}

fn take(t: &mut Turn<'_>, volume: &Volume) -> Ensured {
    t.emit(Note::log(Action::RecoverVolumeByName).detail("volume", volume.id.as_str()));
    found_alive(t, volume);
    t.me.take_found(volume);
    t.keep();
    Ensured::Ready
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
