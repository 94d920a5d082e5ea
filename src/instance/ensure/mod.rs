//! Making sure that the instance has its data volume (V1, V2).
//!
//! *Decides* which volume is the instance's, whether a new one may be made, and when the data is missing.
//!
//! *Guarantees*: only an instance that has never run, or whose loss an admin has accepted, gets an empty volume; a missing volume
//! keeps its place in the record; what could replace it is proposed, not taken.

mod named;

use self::named::Named;
use super::Missing;
use super::dispose;
use super::holdings::{Cause, Thing};
use super::note::Note;
use super::placement::{Placement, Placing};
use super::turn::Turn;
use crate::call::{Call, Content, Done};
use crate::event::Action;
use crate::fault::Fault;
use crate::id::{MachineId, Region, VolumeId};
use crate::name::{self, Owner};
use crate::observe::{Machine, MachineState, Volume, VolumeState};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ensure {
    /// Look at the volume that the record names.
    Check,
    /// The record names none, but a machine: see what that mounts.
    Mount,
    /// The record names none: look for one that carries our name.
    ByName(Box<Named>),
    /// The list leaves out what may hold the data: see what has become of it.
    Recall { volume: VolumeId, found: Box<Named> },
    /// One of those found is held by a machine of which the record knows nothing: ask whose that is (M1).
    AskHolder { holder: MachineId, found: Box<Named> },
    /// One was chosen: see whether it is there.
    Confirm { volume: VolumeId, found: Box<Named> },
    /// Make one.
    Place(Box<Placement>),
    /// The data is missing: look for what could be it. `refused`: it is shown, but cannot be mounted.
    Propose {
        /// Whether the provider shows the volume and yet says it does not exist.
        refused: bool,
    },
}

/// How it goes on.
pub(crate) enum Ensured {
    /// Ask again at once.
    Next(Ensure),
    /// Ask again later.
    Later(Ensure),
    /// The record names a usable volume.
    Ready,
    /// The data is missing, and the record says so.
    Missing,
    /// The machine that the record names is gone, and the record names it no more.
    NoMachine,
    /// A new volume cannot be made.
    Failed(Fault),
}

impl Ensure {
    pub(crate) fn begin(t: &Turn<'_>) -> Self {
        if t.me.volume.is_some() {
            Self::Check
        } else if t.me.machine.is_some() {
            Self::Mount
        } else {
            Self::ByName(Box::default())
        }
    }

    pub(crate) fn call(&self, t: &Turn<'_>) -> Option<Call> {
        match self {
            Self::Check => t.me.volume.clone().map(|volume| Call::GetVolume { volume }),
            Self::Mount => t.me.machine.as_ref().map(|machine| Call::GetMachine { machine: machine.id.clone() }),
            Self::ByName(_) | Self::Propose { .. } => {
                name::our_volumes(&t.policy.metadata_prefix, &t.me.identity).ok().map(Call::ListVolumes)
            }
            Self::AskHolder { holder, .. } => Some(Call::GetMachine { machine: holder.clone() }),
            Self::Recall { volume, .. } | Self::Confirm { volume, .. } => {
                Some(Call::GetVolume { volume: volume.clone() })
            }
            Self::Place(placement) => placement.call(t),
        }
    }

    pub(crate) fn on(self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Ensured {
        match self {
            Self::Check => checked(t, result),
            Self::Mount => mount_seen(t, result),
            Self::ByName(found) => match result {
                Ok(Done::Volumes(volumes)) => found.listed(t, volumes),
                Ok(_) | Err(_) => Ensured::Later(Self::begin(t)),
            },
            Self::AskHolder { holder, found } => found.holder_seen(t, holder, result),
            Self::Recall { volume, found } => found.recalled(t, volume, result),
            Self::Confirm { volume, found } => found.confirmed(t, volume, result),
            Self::Propose { refused } => proposed(t, refused, result),
            Self::Place(placement) => match placement.on(t, result) {
                Placing::Next(placement) => Ensured::Next(Self::Place(Box::new(placement))),
                Placing::Later(placement) => Ensured::Later(Self::Place(Box::new(placement))),
                Placing::NoRoom(fault) | Placing::Refused(fault) => Ensured::Failed(fault),
                Placing::Done(placed) => {
                    t.me.take_volume(placed.volume);
                    t.me.given_data = false;
                    t.me.region = placed.region.or(t.me.region.take());
                    Ensured::Ready
                }
            },
        }
    }

    pub(crate) fn abandon(self, t: &mut Turn<'_>) {
        if let Self::Place(placement) = self {
            placement.abandon(t);
        }
    }
}

/// A fresh volume; the region that just refused is asked last.
pub(crate) fn place_fresh(t: &mut Turn<'_>, refused: Option<&Region>) -> Result<Placement, Fault> {
    let size_gb = t.me.spec.volume_size_gb.unwrap_or(t.policy.volume_size_gb);
    Placement::new(t, Content::Empty { size_gb }, refused)
}

/// Whether the instance may be given an empty volume.
pub(crate) fn may_be_fresh(t: &Turn<'_>) -> bool {
    !t.me.has_data() || t.me.fresh_allowed
}

fn checked(t: &mut Turn<'_>, result: Result<Done, Fault>) -> Ensured {
    match result {
        Ok(Done::Volume(volume)) if !volume.state.is_dead() => {
            found_alive(t, &volume);
            Ensured::Ready
        }
        Err(fault) if !fault.is_absent() => Ensured::Later(Ensure::Check),
        Ok(_) | Err(_) => lost(t),
    }
}

/// The data volume is there: its region is the instance's, and nothing is missing (any more).
pub(crate) fn found_alive(t: &mut Turn<'_>, volume: &Volume) {
    if volume.region.is_some() && volume.region != t.me.region {
        t.me.region.clone_from(&volume.region);
        t.keep();
    }
    t.me.fresh_allowed = false;
    if t.me.missing.take_if(|missing| !missing.refused).is_some() {
        t.me.errors.start = None;
        t.keep();
    }
}

fn lost(t: &mut Turn<'_>) -> Ensured {
    if !may_be_fresh(t) {
        return Ensured::Next(Ensure::Propose { refused: false });
    }
    let lost = t.me.volume.take();
    let named = lost.as_ref().map_or("", VolumeId::as_str);
    if let Some(lost) = lost.clone() {
        // What was made a moment ago may only be not visible yet.
        if t.me.has_data() {
            dispose::put_aside(t, lost);
        } else {
            let due = t.now.plus(t.policy.new_machine_grace_ms);
            t.me.dispose(Thing::Volume(lost), Cause::LateCreate, due);
        }
    }
    t.emit(Note::log(Action::ReplaceLostVolume).detail("volume", named).detail("data_loss", t.me.ever_started()));
    Ensured::Next(Ensure::begin(t))
}

/// What the machine mounts goes before what only carries our name (M1).
fn mount_seen(t: &mut Turn<'_>, result: Result<Done, Fault>) -> Ensured {
    let machine = match result {
        Ok(Done::Machine(machine)) => Some(machine),
        Err(fault) if fault.is_absent() => None,
        Ok(_) | Err(_) => return mount_unclear(t),
    };
    let prefix = &t.policy.metadata_prefix;
    let owner = |machine: &Machine| name::owner(prefix, &t.me.identity.sandbox, machine.config.as_ref());
    let ours = machine.as_ref().is_some_and(|machine| owner(machine) == Owner::Ours);
    if let Some(machine) = machine.as_ref().filter(|_| ours) {
        dispose::remember_mount(t, machine);
    }
    let Some(machine) = machine.filter(|machine| machine.state != MachineState::Destroyed) else {
        if t.me.machine.as_ref().is_some_and(|machine| machine.is_fresh(t.policy, t.asked_at)) {
            return Ensured::Later(Ensure::Mount);
        }
        t.me.machine = None;
        t.keep();
        return Ensured::NoMachine;
    };
    if machine.config.is_none() {
        return mount_unclear(t);
    }
    // What a machine mounts that its labels say is not ours is nothing to us.
    Ensured::Next(Ensure::ByName(if ours { Named::beside(t, &machine) } else { Box::default() }))
}

fn mount_unclear(t: &Turn<'_>) -> Ensured {
    if t.tried_enough() && t.me.fresh_allowed {
        Ensured::Next(Ensure::ByName(Box::default()))
    } else {
        Ensured::Later(Ensure::Mount)
    }
}

/// Live volumes under our name of which the record knows nothing, newest last. Those on the list that only `may` hold the data are for an
/// admin to choose.
fn found(t: &Turn<'_>, volumes: Vec<Volume>, may: impl Fn(&Cause) -> bool) -> Vec<Volume> {
    let filter = name::our_volumes(&t.policy.metadata_prefix, &t.me.identity);
    let unknown = |volume: &VolumeId| !t.me.knows_volume(volume) || t.me.holdings.lists_for(volume, &may);
    let mut found: Vec<Volume> = volumes
        .into_iter()
        .filter(|volume| filter.as_ref().is_ok_and(|ours| ours.admits(&volume.name)))
        .filter(|volume| !volume.state.is_dead() && unknown(&volume.id))
        .collect();
    sort(&mut found);
    found
}

fn is_named_ours(t: &Turn<'_>, volume: &Volume) -> bool {
    name::our_volumes(&t.policy.metadata_prefix, &t.me.identity).is_ok_and(|ours| ours.admits(&volume.name))
}

/// The newest comes last.
fn sort(volumes: &mut [Volume]) {
    volumes.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
}

/// Whether nobody holds the volume but the machine that is to serve.
fn is_usable(t: &Turn<'_>, volume: &Volume) -> bool {
    volume.attached_machine.as_ref().is_none_or(|holder| t.me.uses_machine(holder))
}

fn proposed(t: &mut Turn<'_>, refused: bool, result: Result<Done, Fault>) -> Ensured {
    if may_be_fresh(t) {
        return Ensured::Next(Ensure::ByName(Box::default()));
    }
    let gone_made_at = |volumes: &[Volume]| {
        volumes.iter().find(|volume| Some(&volume.id) == t.me.volume.as_ref()).and_then(|volume| volume.created_at)
    };
    let Ok(Done::Volumes(volumes)) = result else {
        // Who cannot be asked has not taken anything back.
        let proposal = t.me.missing.as_ref().and_then(|missing| missing.proposal.clone());
        missing(t, proposal, refused);
        return Ensured::Missing;
    };
    let since = gone_made_at(&volumes);
    let found = found(t, volumes, |cause| !matches!(cause, Cause::Relocated(_) | Cause::Kept));
    remember(t, &found);
    // Whose delete somebody has asked for is no proposal.
    let stays = |volume: &Volume| volume.state != VolumeState::WaitingForDetach;
    let is_later = |volume: &Volume| is_usable(t, volume) && stays(volume) && volume.created_at > since;
    let mut later = found.into_iter().filter(is_later);
    let proposal = later.next().filter(|_| later.next().is_none()).map(|volume| volume.id);
    missing(t, proposal, refused);
    Ensured::Missing
}

/// The data volume is gone, and the machine may go: gives a place in the record to everything that may be the data under a new id.
pub(crate) fn remember_all(t: &mut Turn<'_>, volumes: Vec<Volume>) {
    let found = found(t, volumes, |cause| *cause == Cause::Candidate);
    remember(t, &found);
    t.keep();
}

/// Something of ours may be there under a new id: gives a place in the record to what has none. What a create of ours has just made, or
/// may yet turn out to have made, is found by its name.
pub(crate) fn remember_unknown(t: &mut Turn<'_>, volumes: Vec<Volume>) {
    let awaited = |named: &str| t.me.awaits_volume_named(named);
    let volumes = volumes.into_iter().filter(|volume| !awaited(&volume.name)).collect();
    let found = found(t, volumes, |_| false);
    remember(t, &found);
}

/// Our machine is about to go, or has gone without anybody having seen it: gives a place in the record to what it holds, and to what nobody
/// knows of; either may be the data under a new id.
pub(crate) fn remember_held(t: &mut Turn<'_>, volumes: Vec<Volume>) {
    let held = |volume: &Volume| volume.attached_machine.as_ref().is_some_and(|holder| t.me.uses_machine(holder));
    let (held, others) = volumes.into_iter().partition(held);
    remember_all(t, held);
    remember_unknown(t, others);
}

/// Whatever may hold the data has a place in the record, and is kept for a while after it has turned out not to be needed.
fn remember(t: &mut Turn<'_>, volumes: &[Volume]) {
    for volume in volumes {
        dispose::put_aside(t, volume.id.clone());
        t.me.holdings.note_holder(&volume.id, volume.attached_machine.as_ref());
    }
}

/// The message shown while the data volume is missing.
pub(crate) fn missing_message(volume: Option<&VolumeId>) -> String {
    volume.map_or_else(|| "data volume missing".to_string(), |volume| format!("data volume {volume} missing"))
}

/// Writes down that the data is missing.
fn missing(t: &mut Turn<'_>, proposal: Option<VolumeId>, refused: bool) {
    let message = missing_message(t.me.volume.as_ref());
    if t.me.missing.is_none() {
        t.emit(Note::log(Action::DataVolumeMissing).error(message.clone()));
        t.me.errors.start = Some(t.noted(message));
    }
    t.me.missing = Some(Missing { proposal, refused });
    dispose::withdraw(t);
    t.keep();
}
