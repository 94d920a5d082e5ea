//! What keeps the last copy of the tenant's data from being removed.
//!
//! *Decides* what has to be seen before a volume on the list may go, and which of our own machines stands in its way for no reason.
//!
//! *Guarantees*: outside of a destroy no volume is deleted before the data volume has been seen alive, on a host that answers; what one of
//! our machines mounts has a place in the record before the machine goes, and what the instance may have run on outlives its date until the
//! instance has been seen healthy without it.

use super::{Cause, Entry, Stage, Thing, answer, fail, gone, hold_back, proven_gone, settle, stranger, to};
use crate::call::Done;
use crate::command::Code;
use crate::fault::{Fault, FaultKind};
use crate::id::{MachineId, VolumeId};
use crate::instance::phase::Phase;
use crate::instance::turn::Turn;
use crate::instance::{alarm, ensure, recover};
use crate::name;
use crate::observe::{HostStatus, Machine, MachineState, Volume, VolumeState};
use crate::status::Status;
use alloc::format;
use alloc::string::ToString;

/// Nothing that may hold the tenant's data is removed before the data volume has been seen: the provider may have lost it, or moved it
/// to another host under a new id. A copy may still read from what it was made of. It is the last thing to be asked, so that nothing
/// happens between the proof and the removal; and before a machine of ours goes that holds it, since that may be all that keeps it.
pub(super) fn prove(t: &mut Turn<'_>, key: u64) {
    let going = t.me.status() == Status::Destroying;
    let stage = match t.me.holdings.get(key) {
        Some(entry) if !going && entry.relocation().is_some() => Stage::LookAtFork,
        Some(_) if !going => data_stage(t, key),
        Some(_) | None => last_stage(t, key),
    };
    to(t, key, stage);
}

fn data_stage(t: &Turn<'_>, key: u64) -> Stage {
    if t.me.has_data() && t.me.volume.is_some() { Stage::LookAtData } else { last_stage(t, key) }
}

/// What holds it goes first.
fn last_stage(t: &Turn<'_>, key: u64) -> Stage {
    t.me.holdings.get(key).and_then(|entry| entry.held_by.clone()).map_or(Stage::Remove, Stage::RemoveHolder)
}

/// A copy that still reads from this volume, or that is the instance's data and cannot be found, holds it back.
pub(super) fn fork_seen(t: &mut Turn<'_>, key: u64, result: Result<Done, Fault>) {
    let fork = t.me.holdings.get(key).and_then(Entry::relocation).map(|copy| copy.fork.clone());
    let current = fork.is_some() && t.me.volume == fork;
    let free = match result {
        Ok(Done::Volume(volume)) if volume.state.is_dead() => !current,
        Ok(Done::Volume(volume)) => answers(&volume) && recover::is_independent(&volume.state),
        Err(fault) if fault.is_absent() => !current,
        Ok(_) => false,
        Err(fault) => return fail(t, key, &fault),
    };
    let stage = if current { last_stage(t, key) } else { data_stage(t, key) };
    proven(t, key, free, stage, "the copy that was made of it has not been seen to do without it");
}

/// Without the data volume this may be the last copy. What is retained is kept, besides, for as long as the data volume hydrates.
pub(super) fn data_seen(t: &mut Turn<'_>, key: u64, result: Result<Done, Fault>) {
    let retained = t.me.holdings.get(key).is_some_and(Entry::is_retained);
    let safe = match result {
        Ok(Done::Volume(volume)) if volume.state.is_dead() => false,
        // It goes as soon as its machine does.
        Ok(Done::Volume(volume)) if volume.state == VolumeState::WaitingForDetach => false,
        Ok(Done::Volume(volume)) => answers(&volume) && (!retained || recover::is_independent(&volume.state)),
        Err(fault) if !fault.is_absent() => return fail(t, key, &fault),
        Ok(_) | Err(_) => false,
    };
    let stage = last_stage(t, key);
    proven(t, key, safe, stage, "the data volume has not been seen to do without it");
}

/// What is shown of a volume on a host that does not answer is the last that was known: it may be lost with its host.
fn answers(volume: &Volume) -> bool {
    volume.host_status != HostStatus::Unreachable
}

fn proven(t: &mut Turn<'_>, key: u64, safe: bool, stage: Stage, otherwise: &str) {
    if t.me.status() == Status::Destroying {
        to(t, key, last_stage(t, key));
    } else if !safe {
        hold_back(t, key, otherwise);
    } else if t.came_late() {
        hold_back(t, key, "what shows that it is not needed came too late to be relied on");
    } else {
        to(t, key, stage);
    }
}

/// What was only seen in one of our machines is not ours unless its name says so.
pub(super) fn is_somebody_elses(t: &Turn<'_>, key: u64, volume: &Volume) -> bool {
    let candidate =
        t.me.holdings.get(key).is_some_and(|entry| [Cause::Candidate, Cause::Orphan].contains(&entry.cause));
    let ours = name::our_volumes(&t.policy.metadata_prefix, &t.me.identity);
    candidate && !ours.is_ok_and(|ours| ours.admits(&volume.name))
}

/// It is not there, and no delete of ours was confirmed. With the machine that held it, which need not be in the record any more, Fly may
/// have moved it and given it a new id.
pub(super) fn volume_gone(t: &mut Turn<'_>, key: u64) {
    if t.me.status() == Status::Destroying {
        // A destroy looks for everything under our name before it ends.
        gone(t, key);
    } else {
        to(t, key, Stage::Search);
    }
}

pub(super) fn searched(t: &mut Turn<'_>, key: u64, result: Result<Done, Fault>) {
    match result {
        Ok(Done::Volumes(volumes)) => {
            ensure::remember_unknown(t, volumes);
            gone(t, key);
        }
        Ok(_) => fail(t, key, &Fault::lost()),
        Err(fault) => fail(t, key, &fault),
    }
}

/// A stopped instance's machine that holds what was only found can never serve again, since which volume is mounted cannot be changed: Fly
/// has moved it.
pub(super) fn is_left_behind(t: &Turn<'_>, key: u64, holder: &MachineId) -> bool {
    let found = t.me.holdings.get(key).is_some_and(|entry| entry.cause == Cause::Candidate);
    found && t.me.status() == Status::Stopped && t.me.machine.as_ref().is_some_and(|machine| machine.id == *holder)
}

/// What a machine of ours writes to that was passed over, or left with it, may be newer than anything else. That it may go is for an admin to
/// say.
pub(super) fn runs_on_its_own(t: &Turn<'_>, key: u64, machine: &Machine) -> bool {
    let is_stray = t.me.holdings.strays.contains(&machine.id);
    let kept = |entry: &Entry| entry.cause == Cause::Candidate || (entry.is_retained() && is_stray);
    let runs = machine.state == MachineState::Started && t.me.status() != Status::Destroying;
    runs && t.me.holdings.get(key).is_some_and(|entry| kept(entry) && entry.asked.is_none())
}

/// Gives up the machine that is left behind, unless somebody has started it: what runs may have written since, and is for the next look to
/// judge (V3). Either way the volume waits.
pub(super) fn left_behind(t: &mut Turn<'_>, key: u64, machine: &Machine) {
    if machine.state == MachineState::Started {
        alarm::pull_look(t);
        let message = format!("held by the instance's own machine {}, which runs", machine.id);
        return fail(t, key, &Fault::new(FaultKind::Busy, None, message));
    }
    remember_mount(t, machine);
    if let Some(machine) = t.me.machine.take() {
        t.me.dispose_made(Thing::Machine(machine.id), Cause::Replaced, t.now, machine.created_at);
    }
    // This was no attempt: the next one finds the volume free, or the machine on the list.
    to(t, key, Stage::Idle);
    t.keep();
}

/// Fly may have moved the machine since, and given its volume a new id that is nowhere in the record. What the instance has been seen to do
/// without may have been written to again.
pub(in crate::instance) fn remember_mount(t: &mut Turn<'_>, machine: &Machine) {
    let may_hold_data = |volume: &&VolumeId| {
        !t.me.knows_volume(volume) || t.me.holdings.lists_for(volume, |cause| *cause == Cause::Candidate)
    };
    if let Some(volume) = mounted(t, machine).filter(may_hold_data).cloned() {
        remember_held(t, volume, machine);
    }
}

/// The instance's own machine goes, and may have run on what it mounts, whatever else the record knows of that. Returns what it mounts instead
/// of the data volume.
pub(in crate::instance) fn remember_served(t: &mut Turn<'_>, machine: &Machine) -> Option<VolumeId> {
    let volume = mounted(t, machine).filter(|volume| !t.me.uses_volume(volume)).cloned()?;
    remember_held(t, volume.clone(), machine);
    Some(volume)
}

fn remember_held(t: &mut Turn<'_>, volume: VolumeId, machine: &Machine) {
    remember(t, volume.clone());
    t.me.holdings.note_holder(&volume, Some(&machine.id));
}

/// What it mounts may be the data, newer, or needed by a copy, and be deleted as soon as the machine lets go of it.
pub(super) fn before_it_goes(t: &Turn<'_>, machine: &Machine) -> Stage {
    let kept = |entry: &Entry| entry.is_retained() && entry.asked.is_none();
    let may_be_data = |volume: &&VolumeId| {
        let listed = |entry: &Entry| entry.volume() == Some(*volume) && kept(entry);
        t.me.uses_volume(volume) || t.me.holdings.entries.iter().any(listed)
    };
    let held = mounted(t, machine).filter(may_be_data).filter(|_| t.me.status() != Status::Destroying);
    held.cloned().map_or(Stage::Remove, Stage::LookAtHeld)
}

pub(super) fn held_seen(t: &mut Turn<'_>, key: u64, result: Result<Done, Fault>) {
    let going = t.me.status() == Status::Destroying;
    match result {
        Ok(Done::Volume(volume)) if volume.state == VolumeState::WaitingForDetach && !going => leave_with_it(t, key),
        Err(fault) if fault.is_transient() && !going => fail(t, key, &fault),
        Ok(_) | Err(_) => to(t, key, Stage::Remove),
    }
}

/// The machine goes with the volume that it keeps, when that may go.
fn leave_with_it(t: &mut Turn<'_>, key: u64) {
    let machine = t.me.holdings.get(key).and_then(Entry::machine).cloned();
    t.me.holdings.strays.extend(machine);
    settle(t, key);
}

/// What it mounted last may be in nobody's record, or have been deleted since.
pub(super) fn machine_gone(t: &mut Turn<'_>, key: u64, machine: &Machine) {
    // A destroy looks for everything under our name before it ends.
    let searches = t.me.status() == Status::Destroying;
    let mounted = unknown_mount(t, machine).filter(|_| !searches && stranger(t, machine).is_none());
    match mounted {
        Some(volume) => to(t, key, Stage::LookAtMount(volume)),
        None => gone(t, key),
    }
}

pub(super) fn mount_seen(t: &mut Turn<'_>, key: u64, mounted: VolumeId, result: Result<Done, Fault>) {
    match result {
        Ok(Done::Volume(volume)) if volume.state.is_dead() => {}
        Err(fault) if fault.is_absent() => {}
        // What cannot be seen may be there.
        Ok(_) | Err(_) => remember(t, mounted),
    }
    gone(t, key);
}

fn unknown_mount(t: &Turn<'_>, machine: &Machine) -> Option<VolumeId> {
    mounted(t, machine).filter(|volume| !t.me.knows_volume(volume)).cloned()
}

fn mounted<'a>(t: &Turn<'_>, machine: &'a Machine) -> Option<&'a VolumeId> {
    machine.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path))
}

/// What may hold the data has a place in the record from now on.
pub(in crate::instance) fn remember(t: &mut Turn<'_>, volume: VolumeId) {
    if t.me.status() == Status::Destroying {
        t.me.dispose(Thing::Volume(volume), Cause::Orphan, t.now);
    } else {
        put_aside(t, volume);
    }
    t.keep();
}

/// The volume may hold newer data than the data volume, and is kept until the instance has been seen healthy without it.
pub(in crate::instance) fn put_aside(t: &mut Turn<'_>, volume: VolumeId) {
    let until = t.now.plus(t.policy.retention_ms);
    if t.me.put_aside(volume, until) {
        let message = "The volume may hold newer data than the instance's.".to_string();
        answer(t, Err((Code::HeldBack, message)));
    }
}

/// Whether the instance is only being removed as stale.
pub(super) fn is_unasked(t: &Turn<'_>) -> bool {
    matches!(&t.me.phase, Phase::Destroying(destroying) if !destroying.is_asked_for())
}

/// A look for another reason has shown that what may have held the data is gone.
pub(in crate::instance) fn seen_gone(t: &mut Turn<'_>, volume: &VolumeId) {
    let is_it = |entry: &&Entry| entry.volume() == Some(volume) && entry.cause == Cause::Candidate;
    if let Some(key) = t.me.holdings.entries.iter().find(is_it).map(|entry| entry.key) {
        proven_gone(t, key);
    }
}
