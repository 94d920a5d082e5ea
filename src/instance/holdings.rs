//! Every id the instance may own and no longer needs: the one place from which things are deleted.
//!
//! *Guarantees*: an id leaves only when an answer proves the thing gone, or when it becomes the instance's own again; a
//! [`Condemned`] volume, without which no delete can be asked for, is made here alone, from the proofs.

use super::placement::Placement;
use super::{Instance, Noted};
use crate::command::RequestId;
use crate::id::{MachineId, ResourceName, VolumeId};
use crate::observe::{Volume, VolumeState};
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Thing {
    Machine(MachineId),
    Volume(VolumeId),
    /// A machine that may yet turn up under this name: the answer of its create was lost.
    MachineNamed(ResourceName),
    /// A volume that may yet turn up under this name: the answer of its create was lost.
    VolumeNamed(ResourceName),
}

/// The volume that a relocated instance left behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Relocation {
    /// The copy that the instance runs on since. While it hydrates it reads from its source.
    pub(crate) fork: VolumeId,
    /// Whether the instance has been seen healthy on the copy.
    pub(crate) healthy: bool,
    /// Whether there is no snapshot, so that the source need not be kept once the copy is proven.
    pub(crate) immediate: bool,
    /// Whether the copy has been seen to need its source no more.
    pub(crate) hydrated: bool,
}

impl Relocation {
    /// Whether the source is kept for nothing.
    pub(crate) fn is_proven(&self) -> bool {
        self.healthy && self.immediate && self.hydrated
    }
}

/// Why something is not needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// Retained: the source of a relocation.
    Relocated(Relocation),
    /// Retained until its date, for no other reason than caution.
    Kept,
    /// Retained: may hold newer data than the data volume. It was found under our name when that was missing, or in one of our machines.
    Candidate,
    /// What a failed recovery had made.
    FailedRecovery,
    /// What a failed restore had made.
    FailedRestore,
    /// What an earlier recovery had left behind.
    LeftOver,
    /// Made by a call whose answer came when nobody waited for it, or never.
    LateCreate,
    /// Replaced by another.
    Replaced,
    /// The instance is being removed.
    Destroyed,
    /// Found under our name while the instance was being removed.
    Orphan,
}

impl Cause {
    /// Whether the thing is kept until its date.
    pub(crate) fn retains(&self) -> bool {
        matches!(self, Self::Relocated(_) | Self::Kept | Self::Candidate)
    }
}

/// How far the present attempt has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// No attempt under way.
    #[default]
    Idle,
    /// Look at the thing.
    Look,
    /// Not there: look for volumes under our name, of which it may be one by now.
    Search,
    /// Look at the copy that may still read from it.
    LookAtFork,
    /// Look at the data volume, without which this may be the last copy.
    LookAtData,
    /// Look at the volume that the machine mounts, which may hold the data.
    LookAtHeld(VolumeId),
    /// Look at the volume that the machine, which is gone, had mounted.
    LookAtMount(VolumeId),
    /// Look at the machine that holds it.
    LookAtHolder(MachineId),
    /// Destroy the machine that holds it.
    RemoveHolder(MachineId),
    /// Remove the thing.
    Remove,
    /// See whether it is gone.
    Confirm,
}

/// Something to be removed, now or later.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) key: u64,
    pub(crate) thing: Thing,
    pub(crate) cause: Cause,
    /// Not before this.
    pub(crate) due: Timestamp,
    #[serde(default)]
    pub(crate) attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Box<Noted>>,
    /// Given up; shown to admins for ever.
    #[serde(default)]
    pub(crate) abandoned: bool,
    /// An admin wants it gone now, whatever its date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<RequestId>,
    #[serde(default)]
    pub(crate) stage: Stage,
    /// When it was made, if that was just now: a 404 may only mean that it is not visible yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) made_at: Option<Timestamp>,
    /// It may hold newer data than the data volume: its date means nothing before the instance has been seen healthy without it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) awaits_health: bool,
    /// The machine that held it last: should the volume be gone, Fly may have given it a new id with that machine. In an attempt to remove it,
    /// who holds it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_by: Option<MachineId>,
}

impl Entry {
    pub(crate) fn is_retained(&self) -> bool {
        self.cause.retains()
    }

    /// Whether it may hold newer data than the data volume, or did before the instance was seen healthy without it.
    pub(crate) fn may_hold_data(&self) -> bool {
        self.awaits_health || self.cause == Cause::Candidate
    }

    /// Whether an admin wants gone what may hold data, for which it has to be named.
    fn is_named(&self) -> bool {
        self.asked.is_some() && self.may_hold_data()
    }

    pub(crate) fn volume(&self) -> Option<&VolumeId> {
        if let Thing::Volume(volume) = &self.thing { Some(volume) } else { None }
    }

    pub(crate) fn machine(&self) -> Option<&MachineId> {
        if let Thing::Machine(machine) = &self.thing { Some(machine) } else { None }
    }

    pub(crate) fn relocation(&self) -> Option<&Relocation> {
        if let Cause::Relocated(relocation) = &self.cause { Some(relocation) } else { None }
    }

    pub(crate) fn relocation_mut(&mut self) -> Option<&mut Relocation> {
        if let Cause::Relocated(relocation) = &mut self.cause { Some(relocation) } else { None }
    }

    /// Machines go first: what they hold cannot go before them.
    fn rank(&self) -> u8 {
        match self.thing {
            Thing::Machine(_) => 0,
            Thing::MachineNamed(_) => 1,
            Thing::VolumeNamed(_) => 2,
            Thing::Volume(_) => 3,
        }
    }
}

/// The disposal list, and machines that look like ours but are not used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Holdings {
    pub(crate) entries: Vec<Entry>,
    /// Further machines with our labels: shown to admins, destroyed with the instance, never on their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) strays: Vec<MachineId>,
}

impl Holdings {
    pub(crate) fn get(&self, key: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.key == key)
    }

    pub(crate) fn remove(&mut self, key: u64) {
        self.entries.retain(|entry| entry.key != key);
    }

    pub(crate) fn holds_volume(&self, volume: &VolumeId) -> bool {
        self.entries.iter().any(|entry| entry.volume() == Some(volume))
    }

    /// Whether the volume is on the list for a cause that `fits`.
    pub(crate) fn lists_for(&self, volume: &VolumeId, fits: impl Fn(&Cause) -> bool) -> bool {
        self.entries.iter().any(|entry| entry.volume() == Some(volume) && fits(&entry.cause))
    }

    pub(crate) fn holds_machine(&self, machine: &MachineId) -> bool {
        self.condemns(machine) || self.strays.contains(machine)
    }

    /// Whether a lost create may yet bring up a machine.
    pub(crate) fn awaits_machine(&self) -> bool {
        self.entries.iter().any(|entry| !entry.abandoned && matches!(entry.thing, Thing::MachineNamed(_)))
    }

    /// Whether the machine is about to be removed.
    pub(crate) fn condemns(&self, machine: &MachineId) -> bool {
        self.entries.iter().any(|entry| entry.machine() == Some(machine))
    }

    pub(crate) fn retained(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_retained())
    }

    /// Whether something is kept until the instance has been seen healthy without it.
    pub(crate) fn await_health(&self) -> bool {
        self.entries.iter().any(|entry| entry.awaits_health)
    }

    /// Writes down which machine holds a volume on the list. Returns whether that is news.
    pub(crate) fn note_holder(&mut self, volume: &VolumeId, holder: Option<&MachineId>) -> bool {
        let entry = self.entries.iter_mut().find(|entry| entry.volume() == Some(volume));
        let Some((entry, holder)) = entry.zip(holder) else { return false };
        let news = entry.held_by.as_ref() != Some(holder);
        entry.held_by = Some(holder.clone());
        news
    }

    pub(crate) fn holder_of(&self, volume: &VolumeId) -> Option<&MachineId> {
        self.entries.iter().find(|entry| entry.volume() == Some(volume))?.held_by.as_ref()
    }

    /// The entry whose attempt is under way.
    pub(crate) fn in_progress(&self) -> Option<u64> {
        self.entries.iter().find(|entry| entry.stage != Stage::Idle).map(|entry| entry.key)
    }

    /// The entry to attempt next, among those that `may` be attempted now.
    pub(crate) fn next_due(&self, now: Timestamp, may: impl Fn(&Entry) -> bool) -> Option<u64> {
        self.entries
            .iter()
            .filter(|entry| entry.asked.is_some() || (!entry.abandoned && entry.due <= now))
            .filter(|entry| may(entry))
            .min_by_key(|entry| (entry.rank(), entry.due, entry.key))
            .map(|entry| entry.key)
    }
}

impl Instance {
    /// Puts something on the list. What is there already keeps the earlier date, unless one of the two reasons is to retain it: then it
    /// is retained.
    pub(crate) fn dispose(&mut self, thing: Thing, cause: Cause, due: Timestamp) {
        self.dispose_made(thing, cause, due, None);
    }

    /// The same for something that may be very young.
    pub(crate) fn dispose_made(&mut self, thing: Thing, cause: Cause, due: Timestamp, made_at: Option<Timestamp>) {
        if let Thing::Machine(machine) = &thing {
            self.holdings.strays.retain(|stray| stray != machine);
        }
        if let Some(entry) = self.holdings.entries.iter_mut().find(|entry| entry.thing == thing) {
            if cause.retains() {
                *entry = Entry { cause, due, attempts: 0, error: None, abandoned: false, ..entry.clone() };
            } else if !entry.is_retained() {
                entry.due = entry.due.min(due);
            }
            return;
        }
        let key = self.number();
        self.holdings.entries.push(Entry {
            key,
            thing,
            cause,
            due,
            attempts: 0,
            error: None,
            abandoned: false,
            asked: None,
            stage: Stage::Idle,
            made_at,
            awaits_health: false,
            held_by: None,
        });
    }

    /// A volume that may hold newer data than the data volume is retained until the instance has been seen healthy without it. What is
    /// retained for a reason of its own keeps that, since it says whose the volume is. An admin who has named what was known to hold such
    /// data has decided. Returns whether a clean-up of something else had meant it.
    pub(crate) fn put_aside(&mut self, volume: VolumeId, until: Timestamp) -> bool {
        if self.holdings.entries.iter().any(|entry| entry.volume() == Some(&volume) && entry.is_named()) {
            return false;
        }
        let retained = self.holdings.lists_for(&volume, |cause| matches!(cause, Cause::Relocated(_) | Cause::Kept));
        if !retained {
            self.dispose(Thing::Volume(volume.clone()), Cause::Candidate, until);
        }
        let Some(entry) = self.holdings.entries.iter_mut().find(|entry| entry.volume() == Some(&volume)) else {
            return false;
        };
        (entry.awaits_health, entry.due) = (true, entry.due.max(until));
        if let Some(copy) = entry.relocation_mut() {
            // It is more than the source of a copy.
            copy.immediate = false;
        }
        entry.asked.take().is_some()
    }

    /// Nothing retained goes before this: while the data volume was missing, dates have passed for which nobody could be sorry.
    pub(crate) fn retain_anew(&mut self, until: Timestamp) {
        for entry in self.holdings.entries.iter_mut().filter(|entry| entry.is_retained()) {
            entry.due = entry.due.max(until);
        }
    }

    /// The instance has been seen healthy on its data volume: from now on, whoever misses newer data has the time of its retention.
    pub(crate) fn seen_without_newer(&mut self, until: Timestamp) {
        for entry in self.holdings.entries.iter_mut().filter(|entry| entry.awaits_health) {
            entry.awaits_health = false;
            entry.due = entry.due.max(until);
        }
    }

    /// Makes a volume the instance's data: nothing is missing any more, and whatever leave there was to start empty is used up.
    pub(crate) fn take_volume(&mut self, volume: VolumeId) -> Option<VolumeId> {
        self.holdings.entries.retain(|entry| entry.volume() != Some(&volume));
        self.fresh_allowed = false;
        self.missing = None;
        self.volume.replace(volume)
    }

    /// The same with a volume that was found: unless a create of ours has made it that was given up, whoever has made it may have left data
    /// on it, an earlier life of the instance above all.
    pub(crate) fn take_found(&mut self, volume: &Volume) {
        self.given_data |= !self.awaits_volume_named(&volume.name);
        self.take_volume(volume.id.clone());
    }

    /// A machine was on the volume, and nobody can say that it has not run: what is there counts as data. Returns whether that is news.
    pub(crate) fn may_have_run(&mut self) -> bool {
        let news = !self.has_data();
        self.given_data |= news;
        news
    }

    /// Whether the record needs this volume: as its data, or for the recovery under way.
    pub(crate) fn uses_volume(&self, volume: &VolumeId) -> bool {
        self.volume.as_ref() == Some(volume) || self.phase.pending_volume() == Some(volume)
    }

    /// Whether the volume, whose delete somebody has asked for, is deleted as soon as the machine lets go of it.
    pub(crate) fn alone_keeps(&self, volume: &Volume) -> bool {
        let ours = |holder: &MachineId| self.machine.as_ref().is_some_and(|machine| machine.id == *holder);
        volume.state == VolumeState::WaitingForDetach && volume.attached_machine.as_ref().is_some_and(ours)
    }

    /// The machine serves no more, and is kept for the sake of what it holds, with which it goes.
    pub(crate) fn keep_aside(&mut self) {
        let left = self.machine.take();
        self.holdings.strays.extend(left.map(|machine| machine.id));
    }

    /// Whether the record needs this machine.
    pub(crate) fn uses_machine(&self, machine: &MachineId) -> bool {
        let is = |known: &super::MachineRef| known.id == *machine;
        self.machine.as_ref().is_some_and(is) || self.phase.replacement().is_some_and(is)
    }

    /// Whether the record names this volume at all.
    pub(crate) fn knows_volume(&self, volume: &VolumeId) -> bool {
        self.uses_volume(volume) || self.holdings.holds_volume(volume)
    }

    /// Whether a volume that turns up under this name is one that a create of ours has made.
    pub(crate) fn awaits_volume_named(&self, named: &str) -> bool {
        let listed = self.holdings.entries.iter().filter_map(|entry| match &entry.thing {
            Thing::VolumeNamed(name) => Some(name),
            Thing::Machine(_) | Thing::Volume(_) | Thing::MachineNamed(_) => None,
        });
        listed.chain(self.phase.placement().map(Placement::name)).any(|name| name.as_str() == named)
    }

    /// Whether the record names this machine at all.
    pub(crate) fn knows_machine(&self, machine: &MachineId) -> bool {
        self.uses_machine(machine) || self.holdings.holds_machine(machine)
    }
}

/// A volume that is proven to be ours by record, not in use, and past its date.
///
/// Only the disposal list makes one, so that a delete without these proofs cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condemned {
    volume: VolumeId,
}

impl Condemned {
    /// The proofs of rule D2: on the list; neither current, pending nor source; past its date, and not waiting for the instance to be
    /// seen healthy, or asked for by an admin; not read by a fork, which `independent` attests. While the instance itself is being
    /// removed, being on the list is enough.
    pub(super) fn prove(instance: &Instance, key: u64, now: Timestamp, independent: bool) -> Option<Self> {
        let entry = instance.holdings.get(key)?;
        let volume = entry.volume()?;
        let going = instance.status() == Status::Destroying;
        let unused = !instance.uses_volume(volume);
        let due = (entry.due <= now && !entry.awaits_health) || entry.asked.is_some();
        (going || (unused && due && independent)).then(|| Self { volume: volume.clone() })
    }

    /// Which volume.
    pub fn volume(&self) -> &VolumeId {
        &self.volume
    }
}
