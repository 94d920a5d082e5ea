//! Getting rid of what is on the disposal list (D1–D6).
//!
//! *Decides* what has to be asked before something is removed, and when to try again.
//!
//! ```text
//!   volume:  look ─▶ [not there: look for it under a new id]
//!                 └▶ [look at its holder ─▶ proofs ─▶ remove the holder] ─▶ proofs ─▶ remove ─▶ confirm
//!   proofs:  [look at its fork] ─▶ [look at the data volume]
//!   machine: look ─▶ [look at what it holds] ─▶ remove ─▶ confirm ─▶ [look at what it mounted]          name: look
//! ```
//!
//! *Guarantees*: nothing is removed that another tenant's machine holds, that the instance uses, or that a copy still reads from; an
//! entry goes only when an answer proves the thing gone; what cannot be removed is tried less and less often and at last given up,
//! visibly.

mod guard;
mod late;

pub(super) use guard::{put_aside, remember, remember_mount, remember_served, seen_gone};
use late::looked_for;
pub(super) use late::{late, news};

use super::hold::{Hold, holds};
use super::holdings::{Cause, Condemned, Entry, Stage, Thing};
use super::note::Note;
use super::operation::Owner;
use super::turn::Turn;
use super::{DestroyError, DestroyOp, destroy};
use crate::call::{Call, Done, VolumeFilter};
use crate::command::{Answer, Code, Rejection, RequestId};
use crate::event::{Action, Milestone};
use crate::fault::{Fault, FaultKind};
use crate::id::{MachineId, VolumeId};
use crate::name;
use crate::observe::{Machine, MachineState, Volume};
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use guard::{
    before_it_goes, data_seen, fork_seen, held_seen, is_left_behind, is_somebody_elses, is_unasked, left_behind,
    machine_gone, mount_seen, prove, runs_on_its_own, searched, volume_gone,
};

/// Whether this entry may be attempted in the present status.
fn may(t: &Turn<'_>, entry: &Entry) -> bool {
    !holds(&t.me, entry).any(Hold::bars_attempts)
}

/// The entry to attempt now.
pub(super) fn next(t: &Turn<'_>) -> Option<u64> {
    t.me.holdings.next_due(t.now, |entry| may(t, entry))
}

/// When the next attempt is due.
pub(super) fn next_date(t: &Turn<'_>) -> Option<Timestamp> {
    let entries = t.me.holdings.entries.iter();
    let entries = entries.filter(|entry| (!entry.abandoned || entry.asked.is_some()) && may(t, entry));
    entries.map(|entry| if entry.asked.is_some() { t.now } else { entry.due }).min()
}

pub(super) fn begin(t: &mut Turn<'_>, key: u64) {
    to(t, key, Stage::Look);
}

pub(super) fn drive(t: &mut Turn<'_>, key: u64) {
    let Some(call) = next_call(t, key) else {
        fail(t, key, &Fault::new(FaultKind::Busy, None, "still in use"));
        return;
    };
    t.call(Owner::Disposal(key), call);
}

fn next_call(t: &Turn<'_>, key: u64) -> Option<Call> {
    let entry = t.me.holdings.get(key)?;
    let look = match &entry.thing {
        Thing::Machine(machine) => Call::GetMachine { machine: machine.clone() },
        Thing::Volume(volume) => Call::GetVolume { volume: volume.clone() },
        Thing::VolumeNamed(named) => Call::ListVolumes(VolumeFilter::Named(named.clone())),
        Thing::MachineNamed(_) => {
            Call::ListMachines { metadata: name::metadata(&t.policy.metadata_prefix, &t.me.identity) }
        }
    };
    match &entry.stage {
        Stage::Idle => None,
        Stage::Look | Stage::Confirm => Some(look),
        Stage::Search => name::our_volumes(&t.policy.metadata_prefix, &t.me.identity).ok().map(Call::ListVolumes),
        Stage::LookAtFork => entry.relocation().map(|copy| Call::GetVolume { volume: copy.fork.clone() }),
        Stage::LookAtData => t.me.volume.clone().map(|volume| Call::GetVolume { volume }),
        Stage::LookAtMount(volume) | Stage::LookAtHeld(volume) => Some(Call::GetVolume { volume: volume.clone() }),
        Stage::LookAtHolder(machine) => Some(Call::GetMachine { machine: machine.clone() }),
        Stage::RemoveHolder(machine) => Some(Call::DestroyMachine { machine: machine.clone() }),
        Stage::Remove => match &entry.thing {
            Thing::Machine(machine) => Some(Call::DestroyMachine { machine: machine.clone() }),
            Thing::Volume(_) => Condemned::prove(&t.me, key, t.now, true).map(Call::DeleteVolume),
            Thing::VolumeNamed(_) | Thing::MachineNamed(_) => None,
        },
    }
}

pub(super) fn on(t: &mut Turn<'_>, key: u64, result: Result<Done, Fault>) {
    let Some(entry) = t.me.holdings.get(key) else { return };
    let (thing, stage) = (entry.thing.clone(), entry.stage.clone());
    match (thing, stage, result) {
        (Thing::VolumeNamed(named), _, Ok(Done::Volumes(volumes))) => {
            let turned_up =
                volumes.into_iter().filter(|volume| volume.name == named.as_str() && !volume.state.is_dead());
            let turned_up = turned_up.map(|volume| Thing::Volume(volume.id)).collect();
            looked_for(t, key, turned_up);
        }
        (Thing::MachineNamed(named), _, Ok(Done::Machines(machines))) => {
            let turned_up =
                machines.into_iter().filter(|found| found.name.as_ref() == Some(&named) && !found.state.is_going());
            let turned_up = turned_up.map(|found| Thing::Machine(found.id)).collect();
            looked_for(t, key, turned_up);
        }
        (_, Stage::Search, result) => searched(t, key, result),
        (_, Stage::LookAtFork, result) => fork_seen(t, key, result),
        (_, Stage::LookAtData, result) => data_seen(t, key, result),
        (_, Stage::LookAtMount(mounted), result) => mount_seen(t, key, mounted, result),
        (_, Stage::LookAtHeld(_), result) => held_seen(t, key, result),
        (_, Stage::LookAtHolder(holder), result) => holder_seen(t, key, &holder, result),
        (_, Stage::RemoveHolder(holder), result) => holder_removed(t, key, &holder, result),
        (_, Stage::Look, Err(fault)) if fault.is_absent() && is_young(t, key) => wait_until_visible(t, key),
        (Thing::Volume(_), Stage::Look, Err(fault)) if fault.is_absent() => volume_gone(t, key),
        (_, _, Err(fault)) if fault.is_absent() => gone(t, key),
        (_, _, Err(fault)) => fail(t, key, &fault),
        (Thing::Volume(_), Stage::Look, Ok(Done::Volume(volume))) => volume_seen(t, key, &volume),
        (Thing::Machine(_), Stage::Look, Ok(Done::Machine(machine))) => machine_seen(t, key, &machine),
        (_, Stage::Remove, Ok(Done::Accepted)) => to(t, key, Stage::Confirm),
        (_, Stage::Confirm, Ok(Done::Volume(volume))) if volume.state.is_dead() => gone(t, key),
        (_, Stage::Confirm, Ok(Done::Machine(machine))) if machine.state == MachineState::Destroyed => {
            machine_gone(t, key, &machine);
        }
        (_, _, Ok(_)) => fail(t, key, &Fault::new(FaultKind::Busy, None, "not gone yet")),
    }
}

/// Whether the thing may go has to be asked anew: what was seen before is no longer the last word.
pub(super) fn call_lost(t: &mut Turn<'_>, key: u64) {
    let Some(entry) = t.me.holdings.get_mut(key) else { return };
    match entry.stage {
        Stage::LookAtFork
        | Stage::LookAtData
        | Stage::LookAtHeld(_)
        | Stage::LookAtHolder(_)
        | Stage::RemoveHolder(_)
        | Stage::Remove => entry.stage = Stage::Look,
        Stage::Idle | Stage::Look | Stage::Search | Stage::LookAtMount(_) | Stage::Confirm => {}
    }
}

fn to(t: &mut Turn<'_>, key: u64, stage: Stage) {
    if let Some(entry) = t.me.holdings.get_mut(key) {
        entry.stage = stage;
    }
}

fn volume_seen(t: &mut Turn<'_>, key: u64, volume: &Volume) {
    if volume.state.is_dead() {
        return volume_gone(t, key);
    }
    if is_somebody_elses(t, key, volume) {
        return settle(t, key);
    }
    match &volume.attached_machine {
        None => let_go(t, key),
        Some(holder) if is_kept(t, holder) && !is_left_behind(t, key, holder) => {
            fail(t, key, &Fault::new(FaultKind::Busy, None, format!("held by the instance's own machine {holder}")));
        }
        Some(holder) => to(t, key, Stage::LookAtHolder(holder.clone())),
    }
}

/// The machine that serves, or is about to, is never destroyed for the sake of another volume.
fn is_kept(t: &Turn<'_>, machine: &MachineId) -> bool {
    t.me.status() != Status::Destroying && t.me.uses_machine(machine)
}

fn holder_seen(t: &mut Turn<'_>, key: u64, holder: &MachineId, result: Result<Done, Fault>) {
    let machine = match result {
        Ok(Done::Machine(machine)) => machine,
        Err(fault) if fault.is_absent() => return let_go(t, key),
        Ok(_) => return fail(t, key, &Fault::lost()),
        Err(fault) => return fail(t, key, &fault),
    };
    if machine.state == MachineState::Destroyed {
        return let_go(t, key);
    }
    match name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref()) {
        name::Owner::Ours if is_left_behind(t, key, holder) => left_behind(t, key, &machine),
        name::Owner::Ours if runs_on_its_own(t, key, &machine) => {
            let message = format!("held by a machine of the instance's that serves nobody and runs, {holder}");
            fail(t, key, &Fault::new(FaultKind::Busy, None, message));
        }
        name::Owner::Ours if is_unasked(t) => {
            // The machine is the instance's from now on: this attempt is over.
            to(t, key, Stage::Idle);
            destroy::withdraw_for(t, holder.clone());
        }
        name::Owner::Ours => {
            held_by(t, key, Some(holder));
            prove(t, key);
        }
        name::Owner::Hidden => {
            fail(t, key, &Fault::new(FaultKind::Unknown, None, format!("whose machine {holder} is cannot be seen")));
        }
        name::Owner::Foreign(found) => refuse(t, key, holder, found.as_deref()),
        name::Owner::Unlabelled => refuse(t, key, holder, None),
    }
}

/// No machine holds it any more.
fn let_go(t: &mut Turn<'_>, key: u64) {
    held_by(t, key, None);
    prove(t, key);
}

fn held_by(t: &mut Turn<'_>, key: u64, holder: Option<&MachineId>) {
    if let Some(entry) = t.me.holdings.get_mut(key) {
        entry.held_by = holder.cloned();
    }
}

fn holder_removed(t: &mut Turn<'_>, key: u64, holder: &MachineId, result: Result<Done, Fault>) {
    match result {
        Err(fault) if !fault.is_absent() => fail(t, key, &fault),
        Ok(_) | Err(_) => {
            t.emit(Note::log(Action::DestroyMachineForVolumeCleanup).machine(holder));
            let due = t.now.plus(backoff(t, 1));
            t.me.dispose(Thing::Machine(holder.clone()), Cause::Replaced, due);
            let_go(t, key);
        }
    }
}

/// Ours by record. Where labels say otherwise, the record is wrong.
fn machine_seen(t: &mut Turn<'_>, key: u64, machine: &Machine) {
    if machine.state == MachineState::Destroyed {
        return machine_gone(t, key, machine);
    }
    if machine.state == MachineState::Destroying {
        return fail(t, key, &Fault::new(FaultKind::Busy, None, "still being destroyed"));
    }
    match stranger(t, machine) {
        Some(found) => {
            let message = format!("Refusing to destroy machine {}: it belongs to sandbox {found}", machine.id);
            fail(t, key, &Fault::new(FaultKind::Refused, None, message));
        }
        None => {
            remember_mount(t, machine);
            to(t, key, before_it_goes(t, machine));
        }
    }
}

/// The other sandbox that its labels name.
fn stranger(t: &Turn<'_>, machine: &Machine) -> Option<String> {
    match name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref()) {
        name::Owner::Foreign(found) => found,
        name::Owner::Ours | name::Owner::Unlabelled | name::Owner::Hidden => None,
    }
}

/// The data volume is missing: whatever an admin wanted gone stays.
pub(super) fn withdraw(t: &mut Turn<'_>) {
    let asked = t.me.holdings.entries.iter_mut().filter_map(|entry| entry.asked.take()).count();
    if asked > 0 {
        let message = "The data volume is missing, and this may be the last copy.".to_string();
        answer(t, Err((Code::HeldBack, message)));
    }
}

/// How long to wait after that many attempts.
pub(super) fn backoff(t: &Turn<'_>, attempts: u32) -> u64 {
    let waits = &t.policy.disposal_backoff_ms;
    let at = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
    waits.get(at).or(waits.last()).copied().unwrap_or(60_000)
}

/// Ends this attempt; the next comes after a while.
fn wait(t: &mut Turn<'_>, key: u64) {
    let Some(attempts) = t.me.holdings.get(key).map(|entry| entry.attempts.saturating_add(1)) else { return };
    let due = t.now.plus(backoff(t, attempts));
    if let Some(entry) = t.me.holdings.get_mut(key) {
        entry.attempts = attempts;
        entry.due = due;
        entry.stage = Stage::Idle;
    }
    t.keep();
}

fn is_young(t: &Turn<'_>, key: u64) -> bool {
    let made_at = t.me.holdings.get(key).and_then(|entry| entry.made_at);
    made_at.is_some_and(|at| t.asked_at.since(at) < t.policy.new_machine_grace_ms)
}

/// What was made a moment ago and is not found may only be not visible yet; this was no attempt.
fn wait_until_visible(t: &mut Turn<'_>, key: u64) {
    let grace = t.policy.new_machine_grace_ms;
    let now = t.now;
    if let Some(entry) = t.me.holdings.get_mut(key) {
        entry.due = entry.made_at.unwrap_or(now).plus(grace);
        entry.stage = Stage::Idle;
    }
    t.keep();
}

/// Not yet; this was no attempt.
fn hold_back(t: &mut Turn<'_>, key: u64, why: &str) {
    let again = t.now.plus(t.policy.alarm_running_ms);
    let Some(entry) = t.me.holdings.get_mut(key) else { return };
    entry.stage = Stage::Idle;
    match entry.asked.take() {
        Some(_) => answer(t, Err((Code::HeldBack, format!("The volume is held back: {why}.")))),
        None => entry.due = entry.due.max(again),
    }
}

/// The attempt did not work. What an admin asked for stays as it was.
fn fail(t: &mut Turn<'_>, key: u64, fault: &Fault) {
    let noted = t.noted(fault.to_string());
    let going = t.me.status() == Status::Destroying;
    let Some(entry) = t.me.holdings.get_mut(key) else { return };
    entry.stage = Stage::Idle;
    let is_machine = matches!(entry.thing, Thing::Machine(_) | Thing::MachineNamed(_));
    if entry.asked.take().is_some() {
        let message = format!("The volume could not be deleted: {fault}.");
        return answer(t, Err((Code::CleanupFailed, message)));
    }
    entry.error = Some(noted.clone());
    if going {
        let op = if is_machine { DestroyOp::Machine } else { DestroyOp::Volume };
        t.me.errors.destroy = Some(Box::new(DestroyError { op, status: fault.status, noted: *noted }));
    }
    let action = if is_machine { Action::DestroyMachineFailed } else { Action::DestroyVolumeFailed };
    log(t, key, action, Some(fault.to_string()));
    attempted(t, key);
}

/// Counts the attempt, and gives up after too many.
fn attempted(t: &mut Turn<'_>, key: u64) {
    wait(t, key);
    let most = t.policy.disposal_max_attempts;
    let Some(entry) = t.me.holdings.get_mut(key) else { return };
    if entry.attempts < most {
        return;
    }
    entry.abandoned = true;
    wake_destroy(t);
    let Some(entry) = t.me.holdings.get(key) else { return };
    let is_machine = matches!(entry.thing, Thing::Machine(_) | Thing::MachineNamed(_));
    let action = if is_machine { Action::DestroyMachineAbandoned } else { Action::DestroyVolumeAbandoned };
    log(t, key, action, None);
}

/// Somebody else's machine holds the volume: nothing is destroyed (D3).
fn refuse(t: &mut Turn<'_>, key: u64, holder: &MachineId, found: Option<&str>) {
    let found = found.unwrap_or("unknown");
    let Some(entry) = t.me.holdings.get(key) else { return };
    let volume = entry.volume().map_or("", VolumeId::as_str);
    let sandbox = &t.me.identity.sandbox;
    let message = format!(
        "Refusing to destroy attached machine {holder} for volume {volume}: expected sandbox {sandbox}, found {found}"
    );
    let news = entry.asked.is_some() || entry.error.as_ref().is_none_or(|noted| noted.message != message);
    if entry.is_retained() && news {
        let note = Note::new(Milestone::RetainedVolumeCleanupRefused).error(message.clone()).detail("volume", volume);
        t.emit(note);
    }
    let noted = t.noted(message.clone());
    let Some(entry) = t.me.holdings.get_mut(key) else { return };
    entry.stage = Stage::Idle;
    if entry.asked.take().is_some() {
        return answer(t, Err((Code::NotOurs, message)));
    }
    entry.error = Some(noted);
    log(t, key, Action::DestroyVolumeFailed, Some(message));
    attempted(t, key);
}

/// There is nothing left of it.
fn settle(t: &mut Turn<'_>, key: u64) {
    t.me.holdings.remove(key);
    t.keep();
    wake_destroy(t);
}

/// A destroy waits for the list to clear.
fn wake_destroy(t: &mut Turn<'_>) {
    if t.me.status() == Status::Destroying {
        t.me.resting = false;
    }
}

/// Proven gone (D6).
fn gone(t: &mut Turn<'_>, key: u64) {
    let going = t.me.status() == Status::Destroying;
    let retained = t.me.holdings.get(key).is_some_and(Entry::is_retained);
    let volume = proven_gone(t, key);
    if retained && !going {
        let named = volume.as_ref().map(VolumeId::as_str);
        let note = Note::new(Milestone::RetainedVolumeDeleted).detail("volume", named);
        t.emit(note);
    }
}

fn proven_gone(t: &mut Turn<'_>, key: u64) -> Option<VolumeId> {
    let entry = t.me.holdings.get(key)?;
    let (asked, volume) = (entry.asked.is_some(), entry.volume().cloned());
    let action = if volume.is_some() { Action::DestroyVolumeOk } else { Action::DestroyMachineOk };
    log(t, key, action, None);
    settle(t, key);
    if asked {
        answer(t, Ok(volume.clone()));
    }
    volume
}

fn log(t: &mut Turn<'_>, key: u64, action: Action, error: Option<String>) {
    let Some(entry) = t.me.holdings.get(key) else { return };
    let mut note = Note::log(action).value(Some(u64::from(entry.attempts)));
    match &entry.thing {
        Thing::Machine(machine) => note = note.machine(machine),
        Thing::Volume(volume) => note = note.detail("volume", volume.as_str()),
        Thing::MachineNamed(named) | Thing::VolumeNamed(named) => note = note.detail("name", named.as_str()),
    }
    if let Some(error) = error {
        note = note.error(error);
    }
    t.emit(note);
}

/// One of the volumes an admin wanted gone has come to its end.
fn answer(t: &mut Turn<'_>, end: Result<Option<VolumeId>, (Code, String)>) {
    let status = t.me.status();
    let Some(cleanup) = &mut t.me.cleanup else { return };
    match end {
        Ok(volume) => cleanup.deleted = volume,
        Err((code, message)) => cleanup.failure = Some(Rejection { code, status: Some(status), message }),
    }
}

/// Answers a clean-up of which nothing is left to do, however its last volume has left the list.
pub(super) fn conclude(t: &mut Turn<'_>) {
    let waits = t.me.holdings.entries.iter().any(|entry| entry.asked.is_some());
    if let Some(done) = t.me.cleanup.take_if(|_| !waits) {
        let end = done.failure.map_or(Ok(Answer::Deleted(done.deleted)), Err);
        for request in done.requests {
            t.reply(request, end.clone());
        }
    }
}

/// Makes retained volumes due now (D5). Returns whether there is any.
pub(super) fn clean_up(t: &mut Turn<'_>, id: RequestId, only: Option<&VolumeId>) -> bool {
    let mut any = false;
    let used = |volume: Option<&VolumeId>| volume.is_some_and(|volume| t.me.uses_volume(volume));
    // What may hold the data goes only when it is named.
    let meant = |entry: &&Entry| only.is_some() || !entry.may_hold_data();
    let free: alloc::vec::Vec<u64> =
        t.me.holdings.retained().filter(meant).filter(|entry| !used(entry.volume())).map(|entry| entry.key).collect();
    for entry in t.me.holdings.entries.iter_mut().filter(|entry| free.contains(&entry.key)) {
        if only.is_none() || entry.volume() == only {
            entry.asked = Some(id);
            any = true;
        }
    }
    if any {
        t.me.cleanup.get_or_insert_default().requests.push(id);
    }
    any
}
