//! What a running instance's machine mounts, and what it should (V2, V3).
//!
//! *Decides* whether the data volume is there, and what becomes of a machine that runs on another one.
//!
//! *Guarantees*: a missing volume under a running machine is only noted; a volume that Fly has moved is followed; what the machine ran on
//! instead of a living data volume is retained.

use super::{Watch, healthy_next};
use crate::call::Done;
use crate::event::Action;
use crate::fault::Fault;
use crate::id::VolumeId;
use crate::instance::holdings::{Cause, Thing};
use crate::instance::note::Note;
use crate::instance::phase::Phase;
use crate::instance::start::Starting;
use crate::instance::turn::Turn;
use crate::instance::watch::Watched;
use crate::instance::{MachineRef, dispose, ensure, recover};
use crate::name;
use crate::observe::{Machine, Volume, VolumeState};
use alloc::format;
use serde::{Deserialize, Serialize};

/// What a machine mounts, compared with what it should.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mounted {
    /// Our volume.
    Right,
    /// Nobody can tell.
    Unknown,
    /// No volume.
    Nothing,
    /// Another volume.
    Other(VolumeId),
}

impl Mounted {
    pub(super) fn of(t: &Turn<'_>, machine: &Machine) -> Self {
        let Some(config) = &machine.config else { return Self::Unknown };
        match config.mounted_at(&t.policy.mount_path) {
            Some(volume) if Some(volume) == t.me.volume.as_ref() => Self::Right,
            Some(volume) => Self::Other(volume.clone()),
            None => Self::Nothing,
        }
    }
}

/// The volume of a running instance was looked at.
pub(super) fn volume_seen(t: &mut Turn<'_>, mounted: Mounted, result: Result<Done, Fault>) -> Phase {
    let alive = match &result {
        Ok(Done::Volume(volume)) => !volume.state.is_dead(),
        Err(fault) if fault.is_absent() => false,
        Ok(_) | Err(_) => return t.settle(Watched::Running),
    };
    if let Ok(Done::Volume(volume)) = &result
        && alive
    {
        ensure::found_alive(t, volume);
        if recover::is_independent(&volume.state) {
            recover::seen_hydrated(t);
        }
    }
    match (mounted, alive) {
        (Mounted::Right, true) => {
            // Whatever the provider has said before: a machine runs on it.
            if t.me.missing.take().is_some() {
                t.me.errors.start = None;
                t.keep();
            }
            healthy_next(t)
        }
        (Mounted::Unknown, true) => t.settle(Watched::Running),
        (Mounted::Other(volume), ours_alive) => Phase::Running(Watch::Stranger { volume, ours_alive }),
        (Mounted::Nothing, true) => match result {
            Ok(Done::Volume(volume)) if volume.state == VolumeState::WaitingForDetach => stays(t, &volume.id),
            Ok(_) | Err(_) => repair(t, None),
        },
        (Mounted::Right | Mounted::Unknown | Mounted::Nothing, false) => {
            let message = ensure::missing_message(t.me.volume.as_ref());
            t.emit(Note::log(Action::VolumeCheckFailed).error(message));
            t.settle(Watched::Running)
        }
    }
}

pub(super) fn stranger_seen(
    t: &mut Turn<'_>,
    mounted: &VolumeId,
    ours_alive: bool,
    result: Result<Done, Fault>,
) -> Phase {
    let seen = match result {
        Ok(Done::Volume(volume)) if !volume.state.is_dead() => Some(volume),
        Err(fault) if !fault.is_absent() => return t.settle(Watched::Running),
        Ok(_) | Err(_) => None,
    };
    let goes_with_it = seen.as_ref().is_some_and(|volume| volume.state == VolumeState::WaitingForDetach);
    let ours = seen.filter(|volume| is_ours(t, volume));
    if ours_alive && goes_with_it {
        // What the machine has written to it may be the newest there is.
        if let Some(volume) = ours.filter(|volume| !t.me.holdings.holds_volume(&volume.id)) {
            dispose::remember(t, volume.id.clone());
            let machine = t.me.machine.as_ref().map(|machine| &machine.id);
            t.me.holdings.note_holder(&volume.id, machine);
        }
        return stays(t, mounted);
    }
    match (ours_alive, ours) {
        (true, ours) => repair(t, ours.map(|_| mounted)),
        (false, Some(volume)) if is_attached(t, &volume) => adopt(t, &volume),
        (false, _) => {
            let message = ensure::missing_message(t.me.volume.as_ref());
            t.emit(Note::log(Action::VolumeCheckFailed).error(message).detail("mounted", mounted.as_str()));
            t.settle(Watched::Running)
        }
    }
}

/// The machine is all that keeps the volume from being deleted.
fn stays(t: &mut Turn<'_>, held: &VolumeId) -> Phase {
    let message = format!("volume {held} would be deleted with the machine");
    t.emit(Note::log(Action::VolumeCheckFailed).error(message).detail("volume", held.as_str()));
    t.settle(Watched::Running)
}

/// Ours by name or by record. To be on the list only because a machine of ours mounts it proves nothing.
fn is_ours(t: &Turn<'_>, volume: &Volume) -> bool {
    let filter = name::our_volumes(&t.policy.metadata_prefix, &t.me.identity);
    let named = filter.is_ok_and(|filter| filter.admits(&volume.name));
    let recorded = t.me.holdings.lists_for(&volume.id, |cause| !matches!(cause, Cause::Candidate | Cause::Orphan));
    named || recorded
}

/// Fly gives a volume that it moves to another host a new id; it hangs on our machine.
fn is_attached(t: &Turn<'_>, volume: &Volume) -> bool {
    t.me.machine.as_ref().is_some_and(|machine| volume.attached_machine.as_ref() == Some(&machine.id))
}

fn adopt(t: &mut Turn<'_>, volume: &Volume) -> Phase {
    let old = t.me.take_volume(volume.id.clone());
    let note = Note::log(Action::AdoptMigratedVolume)
        .detail("volume", volume.id.as_str())
        .detail("old_volume", old.as_ref().map(VolumeId::as_str));
    t.emit(note);
    if let Some(old) = old {
        let until = t.now.plus(t.policy.retention_ms);
        t.me.dispose(Thing::Volume(old), Cause::Kept, until);
    }
    ensure::found_alive(t, volume);
    t.settle(Watched::Running)
}

/// The machine has to be made anew with the right mount (V3). What it mounts instead may hold newer data, and is retained.
fn repair(t: &mut Turn<'_>, newer: Option<&VolumeId>) -> Phase {
    let note = Note::log(Action::RepairMount)
        .detail("volume", t.me.volume.as_ref().map(VolumeId::as_str))
        .detail("mounted", newer.map(VolumeId::as_str));
    t.emit(note);
    if let Some(volume) = newer {
        dispose::put_aside(t, volume.clone());
    }
    let machine: Option<MachineRef> = t.me.machine.clone();
    t.enter(Starting::repair(t.now, machine))
}
