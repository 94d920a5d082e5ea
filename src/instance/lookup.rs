//! Finding the machine of an instance that has lost its id (M1).
//!
//! *Decides* which machine, if any, carries our labels and is to be used.
//!
//! *Guarantees*: an error is inconclusive; an empty list is conclusive only if no machine holds our volume either; what is about to be
//! removed, or was passed over before, is never adopted; a machine whose labels cannot be seen is never taken for anybody's; what the
//! machine mounts that is found has a place in the record from then on.

use super::holdings::{Cause, Entry};
use super::note::Note;
use super::turn::Turn;
use super::{MachineRef, dispose};
use crate::call::{Call, Done};
use crate::event::Action;
use crate::fault::Fault;
use crate::id::{MachineId, VolumeId};
use crate::name::{self, Owner};
use crate::observe::{Machine, MachineState, Volume};
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How far the look-up has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lookup {
    /// List the machines with our labels.
    List,
    /// None: ask the volume who holds it. `listed` are machines that were seen and passed over.
    AskVolume { volume: VolumeId, listed: Vec<MachineId> },
    /// Ask the holder whose it is.
    AskHolder(MachineId),
    /// One: ask whether the volume in it exists, for the instance knows of none.
    ConfirmMount { machine: Box<Machine>, volume: VolumeId },
}

/// How a look-up goes on.
pub(crate) enum Looking {
    /// Ask again at once.
    Next(Lookup),
    /// This machine is ours to use; the record knows it now.
    Found(MachineState),
    /// There is certainly none.
    None,
    /// A machine of ours that is to be removed still holds our volume.
    Condemned(MachineId),
    /// Another tenant's machine holds our volume.
    Foreign(MachineId),
    /// Nobody knows.
    Inconclusive(Lookup, Fault),
}

/// States in the order in which they are preferred.
const PREFERENCE: [MachineState; 9] = [
    MachineState::Started,
    MachineState::Starting,
    MachineState::Stopped,
    MachineState::Created,
    MachineState::Stopping,
    MachineState::Replacing,
    MachineState::Updating,
    MachineState::Suspended,
    MachineState::Failed,
];

fn rank(state: &MachineState) -> usize {
    PREFERENCE.iter().position(|preferred| preferred == state).unwrap_or(PREFERENCE.len())
}

impl Lookup {
    pub(crate) fn call(&self, t: &Turn<'_>) -> Call {
        match self {
            Self::List => Call::ListMachines { metadata: name::metadata(&t.policy.metadata_prefix, &t.me.identity) },
            Self::AskVolume { volume, .. } | Self::ConfirmMount { volume, .. } => {
                Call::GetVolume { volume: volume.clone() }
            }
            Self::AskHolder(machine) => Call::GetMachine { machine: machine.clone() },
        }
    }

    pub(crate) fn on(self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Looking {
        let fault = match (&self, result) {
            (Self::List, Ok(Done::Machines(machines))) => return listed(t, machines),
            (Self::AskVolume { listed, .. }, Ok(Done::Volume(volume))) => {
                return match volume.attached_machine {
                    // A machine passed over before is the right one after all if it holds our volume, or stands in the way.
                    Some(holder)
                        if !volume.state.is_dead()
                            && (!listed.contains(&holder) || t.me.holdings.holds_machine(&holder)) =>
                    {
                        Looking::Next(Self::AskHolder(holder))
                    }
                    Some(_) | None => Looking::None,
                };
            }
            (Self::AskVolume { .. } | Self::AskHolder(_), Err(fault)) if fault.is_absent() => return Looking::None,
            (Self::AskHolder(_), Ok(Done::Machine(machine))) => return holder(t, *machine),
            (Self::ConfirmMount { machine, .. }, Ok(Done::Volume(seen))) => {
                return confirmed(t, machine, Some(seen).filter(|seen| !seen.state.is_dead()));
            }
            (Self::ConfirmMount { machine, .. }, Err(fault)) if fault.is_absent() => {
                return confirmed(t, machine, None);
            }
            (_, Ok(_)) => Fault::lost(),
            (_, Err(fault)) => fault,
        };
        Looking::Inconclusive(self, fault)
    }
}

fn listed(t: &mut Turn<'_>, machines: Vec<Machine>) -> Looking {
    let ours =
        |machine: &Machine| name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref());
    let usable = |machine: &Machine| {
        !machine.state.is_going() && !t.me.holdings.holds_machine(&machine.id) && !mounts_condemned(t, machine)
    };
    let hidden = machines.iter().any(|machine| usable(machine) && ours(machine) == Owner::Hidden);
    let seen: Vec<MachineId> = machines.iter().map(|machine| machine.id.clone()).collect();
    let candidates = machines.into_iter().filter(|machine| usable(machine) && ours(machine) == Owner::Ours).collect();
    let Some(best) = preferred(t, candidates) else {
        if hidden {
            return Looking::Inconclusive(
                Lookup::List,
                Fault::new(crate::fault::FaultKind::Unknown, None, "labels hidden"),
            );
        }
        let Some(volume) = t.me.volume.clone() else { return Looking::None };
        return Looking::Next(Lookup::AskVolume { volume, listed: seen });
    };
    chosen(t, best)
}

/// The best of several machines of ours; the others are strays.
pub(super) fn preferred(t: &mut Turn<'_>, mut machines: Vec<Machine>) -> Option<Machine> {
    machines.sort_by_key(|machine| (rank(&machine.state), core::cmp::Reverse(machine.updated_at)));
    let mut machines = machines.into_iter();
    let best = machines.next()?;
    pass_over(t, &best.id, machines.collect());
    Some(best)
}

/// Machines of ours that are not the one that serves: they are shown to admins, and go with the instance.
pub(super) fn pass_over(t: &mut Turn<'_>, best: &MachineId, others: Vec<Machine>) {
    let others = others.into_iter().map(|machine| machine.id);
    let new: Vec<MachineId> = others.filter(|machine| !t.me.holdings.strays.contains(machine)).collect();
    if !new.is_empty() {
        t.emit(Note::log(Action::MultipleMachinesFound).machine(best).value(u64::try_from(new.len()).ok()));
        t.me.holdings.strays.extend(new);
    }
}

/// Whether the machine goes with its volume: a lost create of an attempt that has failed may have made it.
fn mounts_condemned(t: &Turn<'_>, machine: &Machine) -> bool {
    let mounted = machine.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path));
    let goes = |entry: &Entry| entry.volume() == mounted && entry.cause != Cause::Candidate;
    mounted.is_some() && t.me.holdings.entries.iter().any(goes)
}

/// A machine that is not in the list but holds our volume.
fn holder(t: &mut Turn<'_>, machine: Machine) -> Looking {
    if machine.state.is_going() {
        return Looking::None;
    }
    match name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref()) {
        Owner::Ours if t.me.holdings.condemns(&machine.id) => Looking::Condemned(machine.id),
        Owner::Ours => chosen(t, machine),
        Owner::Foreign(_) => Looking::Foreign(machine.id),
        Owner::Unlabelled | Owner::Hidden => {
            let fault = Fault::new(crate::fault::FaultKind::Unknown, None, "the volume's holder shows no labels");
            Looking::Inconclusive(Lookup::List, fault)
        }
    }
}

fn chosen(t: &mut Turn<'_>, machine: Machine) -> Looking {
    let mounted = machine.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path)).cloned();
    match mounted {
        Some(volume) if t.me.volume.is_none() && !t.me.holdings.holds_volume(&volume) => {
            Looking::Next(Lookup::ConfirmMount { machine: Box::new(machine), volume })
        }
        Some(_) | None => {
            dispose::remember_served(t, &machine);
            adopt(t, &machine);
            Looking::Found(machine.state)
        }
    }
}

fn confirmed(t: &mut Turn<'_>, machine: &Machine, seen: Option<Box<Volume>>) -> Looking {
    if let Some(seen) = seen {
        t.me.take_found(&seen);
        t.emit(Note::log(Action::RecoverVolumeFromMount).machine(&machine.id).detail("volume", seen.id.as_str()));
    }
    adopt(t, machine);
    Looking::Found(machine.state.clone())
}

/// The machine is the instance's from now on, and has run, for all that anybody knows.
pub(super) fn adopt(t: &mut Turn<'_>, machine: &Machine) {
    t.me.holdings.strays.retain(|stray| *stray != machine.id);
    t.me.machine = Some(MachineRef::adopted(machine.id.clone()));
    t.me.may_have_run();
    if let Some(region) = &machine.region {
        t.me.region = Some(region.clone());
    }
    t.keep();
    t.emit(
        Note::log(Action::RecoverMachineFromMetadata).machine(&machine.id).detail("fly_state", machine.state.as_str()),
    );
}
