//! The end of an instance.
//!
//! *Decides* when nothing of it is left (X1–X4).
//!
//! ```text
//!   everything known is on the disposal list ─▶ list is clear ─▶ sweep by name and labels ─┬─ found ─▶ on the list
//!                                                                                         └─ nothing ─▶ forgotten
//! ```
//!
//! *Guarantees*: nothing is created; the record is kept until a look that began after everything else was done has found nothing; what
//! nobody has asked for destroys nothing but what the record knows, and ends where something else turns up (M2).

use super::holdings::{Cause, Thing};
use super::note::Note;
use super::phase::Phase;
use super::turn::Turn;
use super::watch::Watched;
use super::{Instance, MachineRef, alarm, dispose};
use crate::call::{Call, Done};
use crate::event::{Action, Milestone};
use crate::fault::Fault;
use crate::id::{MachineId, VolumeId};
use crate::name::{self, Owner};
use crate::observe::MachineState;
use crate::status::Status;
use crate::time::Timestamp;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sweep {
    Volumes,
    Machines,
}

/// Something of ours that a sweep has shown, and the record does not know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Orphan {
    Machine(MachineId),
    Volume(VolumeId),
}

/// A destroy in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Destroying {
    pub(crate) since: Timestamp,
    sweep: Sweep,
    /// Sweeps that could not be made.
    #[serde(default)]
    failed_sweeps: u32,
    /// Sweeps that found something. Lists lag behind: what is found again and again is given more and more time.
    #[serde(default)]
    found_sweeps: u32,
    /// The registration is stale, and nobody has asked for its destroy.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    unasked: bool,
    /// What a sweep has shown meanwhile, which is looked at before it is believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    asking: Vec<Orphan>,
}

/// Removes a stale registration, of which nothing was found (M2).
pub(crate) fn clean_up(t: &mut Turn<'_>) -> Phase {
    announce(t, Some("stale_provision_cleanup"));
    t.enter(Phase::Destroying(Destroying { unasked: true, ..Destroying::new(t.now) }))
}

/// Puts everything that the record knows on the list, and says so (X1).
pub(crate) fn announce(t: &mut Turn<'_>, reason: Option<&str>) {
    t.me.everything_goes(t.now);
    let note = Note::new(Milestone::DestroyStarted).status(Status::Destroying);
    let uptime = t.me.last_started_at.filter(|at| t.me.last_stopped_at.is_none_or(|stop| stop < *at));
    let note = note.value(uptime.map(|at| t.now.since(at)));
    t.emit(match reason {
        Some(reason) => note.label(reason),
        None => note,
    });
}

impl Instance {
    /// Everything the record knows is due for disposal now; what may yet turn up keeps its date.
    pub(crate) fn everything_goes(&mut self, now: Timestamp) {
        if let Some(machine) = self.machine.clone() {
            self.dispose_made(Thing::Machine(machine.id), Cause::Destroyed, now, machine.created_at);
        }
        for machine in core::mem::take(&mut self.holdings.strays) {
            self.dispose(Thing::Machine(machine), Cause::Destroyed, now);
        }
        let volumes: Vec<_> = self.volume.iter().chain(self.previous_volume.iter()).cloned().collect();
        for volume in volumes {
            self.dispose(Thing::Volume(volume), Cause::Destroyed, now);
        }
        for entry in &mut self.holdings.entries {
            match entry.thing {
                Thing::Machine(_) | Thing::Volume(_) => entry.due = entry.due.min(now),
                Thing::MachineNamed(_) | Thing::VolumeNamed(_) => {}
            }
        }
    }
}

impl Destroying {
    pub(crate) fn begun(since: Timestamp) -> Phase {
        Phase::Destroying(Self::new(since))
    }

    fn new(since: Timestamp) -> Self {
        Self { since, sweep: Sweep::Volumes, failed_sweeps: 0, found_sweeps: 0, unasked: false, asking: Vec::new() }
    }

    /// Whether somebody wants the instance gone.
    pub(crate) fn is_asked_for(&self) -> bool {
        !self.unasked
    }

    pub(crate) fn drive(self, t: &mut Turn<'_>) -> Phase {
        if !is_clear(t) {
            t.rest();
            return Phase::Destroying(Self { sweep: Sweep::Volumes, asking: Vec::new(), ..self });
        }
        let prefix = &t.policy.metadata_prefix;
        let call = match (self.asking.last(), &self.sweep) {
            (Some(Orphan::Volume(volume)), _) => Some(Call::GetVolume { volume: volume.clone() }),
            (Some(Orphan::Machine(machine)), _) => Some(Call::GetMachine { machine: machine.clone() }),
            (None, Sweep::Volumes) => name::our_volumes(prefix, &t.me.identity).ok().map(Call::ListVolumes),
            (None, Sweep::Machines) => Some(Call::ListMachines { metadata: name::metadata(prefix, &t.me.identity) }),
        };
        match call {
            Some(call) => t.ask(call),
            None => t.rest(),
        }
        Phase::Destroying(self)
    }

    pub(crate) fn on(mut self, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        if let Some(orphan) = self.asking.pop() {
            return self.looked_at(t, orphan, result);
        }
        let found = match result {
            Ok(Done::Volumes(volumes)) => orphaned_volumes(t, volumes),
            Ok(Done::Machines(machines)) => orphaned_machines(t, machines),
            Ok(_) | Err(_) => return self.cannot_list(t),
        };
        if found.is_empty() {
            return self.swept(t);
        }
        if self.unasked {
            return Phase::Destroying(Self { asking: found, ..self });
        }
        let due = if self.found_sweeps == 0 { t.now } else { t.now.plus(dispose::backoff(t, self.found_sweeps)) };
        for orphan in found {
            t.log(Action::DestroyOrphanFound);
            let thing = match orphan {
                Orphan::Machine(machine) => Thing::Machine(machine),
                Orphan::Volume(volume) => Thing::Volume(volume),
            };
            t.me.dispose(thing, Cause::Orphan, due);
        }
        t.rest();
        let found_sweeps = self.found_sweeps.saturating_add(1);
        Phase::Destroying(Self { sweep: Sweep::Volumes, found_sweeps, ..self })
    }

    /// Nothing is left of this kind.
    fn swept(self, t: &mut Turn<'_>) -> Phase {
        match self.sweep {
            Sweep::Volumes => Phase::Destroying(Self { sweep: Sweep::Machines, ..self }),
            // What came late, while the sweep was under way, is on the list by now, and goes before the sweeps are made again.
            Sweep::Machines if !is_clear(t) => Phase::Destroying(self),
            Sweep::Machines => complete(t, self),
        }
    }

    /// A list shows for a while what is gone, what was destroyed just now above all.
    fn looked_at(self, t: &mut Turn<'_>, orphan: Orphan, result: Result<Done, Fault>) -> Phase {
        let mut holder = None;
        let gone = match result {
            Ok(Done::Volume(volume)) => {
                holder = volume.attached_machine;
                volume.state.is_dead()
            }
            Ok(Done::Machine(machine)) => machine.state == MachineState::Destroyed,
            Err(fault) if fault.is_absent() => true,
            Ok(_) | Err(_) => {
                // What cannot be looked at now is swept for again.
                t.rest();
                return Phase::Destroying(Self { asking: Vec::new(), ..self });
            }
        };
        match gone {
            true if self.asking.is_empty() => self.swept(t),
            true => Phase::Destroying(self),
            false => withdraw(t, orphan, holder.as_ref()),
        }
    }

    fn cannot_list(self, t: &mut Turn<'_>) -> Phase {
        let failed_sweeps = self.failed_sweeps.saturating_add(1);
        if is_clear(t) && failed_sweeps >= t.policy.disposal_max_attempts {
            t.log(Action::DestroyOrphanSweepAbandoned);
            return complete(t, self);
        }
        t.rest();
        Phase::Destroying(Self { failed_sweeps, ..self })
    }
}

fn orphaned_volumes(t: &Turn<'_>, volumes: Vec<crate::observe::Volume>) -> Vec<Orphan> {
    let Ok(ours) = name::our_volumes(&t.policy.metadata_prefix, &t.me.identity) else { return Vec::new() };
    volumes
        .into_iter()
        .filter(|volume| ours.admits(&volume.name) && !volume.state.is_dead())
        .filter(|volume| !t.me.holdings.holds_volume(&volume.id))
        .map(|volume| Orphan::Volume(volume.id))
        .collect()
}

fn orphaned_machines(t: &Turn<'_>, machines: Vec<crate::observe::Machine>) -> Vec<Orphan> {
    let ours = |machine: &crate::observe::Machine| {
        name::owner(&t.policy.metadata_prefix, &t.me.identity.sandbox, machine.config.as_ref()) == Owner::Ours
    };
    machines
        .into_iter()
        .filter(|machine| ours(machine) && !machine.state.is_going())
        .filter(|machine| !t.me.holdings.holds_machine(&machine.id))
        .map(|machine| Orphan::Machine(machine.id))
        .collect()
}

/// Whether nothing on the list is in the way of the end.
fn is_clear(t: &Turn<'_>) -> bool {
    t.me.holdings.entries.iter().all(|entry| entry.abandoned)
}

/// There is something of the registration after all, which may hold the data: the next look says what it is.
fn withdraw(t: &mut Turn<'_>, orphan: Orphan, holder: Option<&MachineId>) -> Phase {
    // What was the record's own is gone, or on the list.
    t.me.volume = None;
    match orphan {
        Orphan::Volume(volume) => {
            dispose::put_aside(t, volume.clone());
            t.me.holdings.note_holder(&volume, holder);
        }
        Orphan::Machine(machine) => take(t, machine),
    }
    looks_again(t);
    t.settle(Watched::Provisioned)
}

/// The same where a machine of ours turns up that holds the record's volume.
pub(super) fn withdraw_for(t: &mut Turn<'_>, holder: MachineId) {
    take(t, holder);
    let own = t.me.volume.clone();
    t.me.holdings.entries.retain(|entry| entry.volume().is_none() || entry.volume() != own.as_ref());
    looks_again(t);
    t.switch(Phase::settled(Watched::Provisioned));
}

fn take(t: &mut Turn<'_>, machine: MachineId) {
    t.me.machine = Some(MachineRef::adopted(machine));
    t.me.may_have_run();
}

fn looks_again(t: &mut Turn<'_>) {
    t.log(Action::DestroyOrphanFound);
    t.me.looked_up_at = None;
    t.keep();
    alarm::pull_look(t);
}

fn complete(t: &mut Turn<'_>, destroying: Destroying) -> Phase {
    t.log(Action::DestroyComplete);
    t.forget();
    Phase::Destroying(destroying)
}
