//! Looking after an instance in provisioned, running and stopped.
//!
//! *Decides* what the live machine means for the status (section 6), whether its volume is the right one (V1–V3), and when an
//! unexpected stop begins a recovery (R1).
//!
//! ```text
//!   provisioned ──failed, gone──▶ stopped ◀──failed, gone── running ──stopped──▶ recovering
//!        └────────started───────▶ running ◀────started───── stopped
//! ```
//!
//! *Guarantees*: the machine's verdict is acted on before the volume is looked at; "could not ask" is never "gone"; a healthy running
//! instance costs one look at the machine, one at the volume, and no commit but the alarm's.

mod mount;

use self::mount::{Mounted, stranger_seen, volume_seen};
use super::ensure::{Ensure, Ensured};
use super::holdings::Entry;
use super::lookup::{Looking, Lookup};
use super::note::Note;
use super::phase::Phase;
use super::placement::Placement;
use super::recover;
use super::turn::Turn;
use super::{alarm, destroy, dispose};
use crate::call::{Call, Done};
use crate::event::Action;
use crate::fault::Fault;
use crate::id::VolumeId;
use crate::observe::{HostStatus, Machine, MachineState};
use crate::policy::Signal;
use crate::status::Status;
use alloc::string::ToString;
use serde::{Deserialize, Serialize};

/// Which of the settled statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Watched {
    Provisioned,
    Running,
    Stopped,
}

impl Watched {
    fn status(self) -> Status {
        match self {
            Self::Provisioned => Status::Provisioned,
            Self::Running => Status::Running,
            Self::Stopped => Status::Stopped,
        }
    }

    fn phase(self, watch: Watch) -> Phase {
        match self {
            Self::Provisioned => Phase::Provisioned(watch),
            Self::Running => Phase::Running(watch),
            Self::Stopped => Phase::Stopped(watch),
        }
    }
}

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Watch {
    /// The machine.
    #[default]
    Machine,
    /// Machines with our labels.
    Find(Lookup),
    /// The volume of an instance that does not run.
    Volume(Ensure),
    /// The volume of a running instance. `mounted` is what its machine really mounts, if that is another.
    Mounted { mounted: Mounted },
    /// The volume that a running machine mounts instead of ours.
    Stranger { volume: VolumeId, ours_alive: bool },
    /// What runs in the machine, because a retained volume waits for it to be seen healthy on the data volume.
    Health,
    /// The machine, because somebody wants to know.
    Refresh,
}

impl Watch {
    /// A new look. A volume that is being made goes on being made: its intent must not be forgotten.
    pub(crate) fn wake(self, status: Watched, t: &mut Turn<'_>) -> Phase {
        let stale = status == Watched::Provisioned && t.me.machine.is_none() && is_stale(t);
        if matches!(self, Self::Volume(Ensure::Place(_))) && !stale {
            return status.phase(self);
        }
        self.abandon(t);
        if t.me.machine.is_some() {
            return status.phase(Self::Machine);
        }
        let since = t.me.looked_up_at.map(|at| t.now.since(at));
        if since.is_none_or(|since| since >= t.policy.metadata_lookup_cooldown_ms) {
            t.me.looked_up_at = Some(t.now);
            return status.phase(Self::Find(Lookup::List));
        }
        if stale && t.me.volume.is_none() {
            // Whether anything is left of it is for the next look-up to say.
            return t.settle(status);
        }
        Self::volume(status, t)
    }

    pub(crate) fn drive(self, status: Watched, t: &mut Turn<'_>) -> Phase {
        let machine = t.me.machine.as_ref().map(|machine| machine.id.clone());
        let call = match &self {
            Self::Machine | Self::Refresh => machine.map(|machine| Call::GetMachine { machine }),
            Self::Find(lookup) => Some(lookup.call(t)),
            Self::Volume(ensure) => ensure.call(t),
            Self::Mounted { .. } => t.me.volume.clone().map(|volume| Call::GetVolume { volume }),
            Self::Stranger { volume, .. } => Some(Call::GetVolume { volume: volume.clone() }),
            Self::Health => machine.map(|machine| probe(t, machine)),
        };
        match call {
            Some(call) => t.ask(call),
            None => t.rest(),
        }
        status.phase(self)
    }

    pub(crate) fn on(self, status: Watched, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match self {
            Self::Machine => machine_seen(status, t, result),
            Self::Find(lookup) => match lookup.on(t, result) {
                Looking::Next(lookup) => status.phase(Self::Find(lookup)),
                Looking::Found(state) => found(status, t, &state),
                // What is to be removed is not there to be used.
                Looking::None | Looking::Condemned(_) => none_found(status, t),
                Looking::Foreign(_) => Self::volume(status, t),
                Looking::Inconclusive(_, fault) => {
                    t.emit(Note::log(Action::MetadataRecoveryFailed).error(fault.to_string()));
                    t.settle(status)
                }
            },
            Self::Volume(ensure) => Self::ensured(status, t, ensure, result),
            Self::Mounted { mounted } => volume_seen(t, mounted, result),
            Self::Stranger { volume, ours_alive } => stranger_seen(t, &volume, ours_alive, result),
            Self::Health => {
                if let Ok(Done::Health { healthy: true }) = result {
                    seen_healthy(t);
                }
                t.settle(status)
            }
            Self::Refresh => refreshed(status, t, result),
        }
    }

    fn ensured(status: Watched, t: &mut Turn<'_>, ensure: Ensure, result: Result<Done, Fault>) -> Phase {
        let was_found = matches!(ensure, Ensure::Confirm { .. });
        match ensure.on(t, result) {
            Ensured::Next(ensure @ Ensure::Place(_)) if status == Watched::Provisioned && is_stale(t) => {
                ensure.abandon(t);
                return stale(t);
            }
            Ensured::Next(ensure) => return status.phase(Self::Volume(ensure)),
            Ensured::Later(ensure) if matches!(ensure, Ensure::Place(_)) || t.me.fresh_allowed => {
                // Nobody waits for the volume: after a few tries the next alarm is soon enough.
                if t.tried_enough() {
                    t.rest()
                } else {
                    t.back_off()
                }
                return status.phase(Self::Volume(ensure));
            }
            Ensured::Missing => {
                if status != Watched::Stopped {
                    mark_stopped(t);
                }
                return t.settle(Watched::Stopped);
            }
            Ensured::Failed(fault) => t.emit(Note::log(Action::CreateVolumeFailed).error(fault.to_string())),
            Ensured::Ready if was_found && t.me.machine.is_some() => {
                let settled = t.settle(status);
                // The volume may have led to the machine: see what that does.
                alarm::pull_look(t);
                return settled;
            }
            Ensured::Later(_) | Ensured::NoMachine | Ensured::Ready => {}
        }
        t.settle(status)
    }

    /// The volume is next.
    fn volume(status: Watched, t: &mut Turn<'_>) -> Phase {
        match status {
            Watched::Running => t.settle(status),
            Watched::Provisioned | Watched::Stopped => status.phase(Self::Volume(Ensure::begin(t))),
        }
    }

    /// A volume that is being made, to be taken over by a start.
    pub(crate) fn placing(&self) -> Option<Ensure> {
        if let Self::Volume(ensure @ Ensure::Place(_)) = self { Some(ensure.clone()) } else { None }
    }

    /// The volume that is being made.
    pub(crate) fn placement(&self) -> Option<&Placement> {
        if let Self::Volume(Ensure::Place(placement)) = self { Some(placement) } else { None }
    }

    pub(crate) fn abandon(self, t: &mut Turn<'_>) {
        if let Self::Volume(ensure) = self {
            ensure.abandon(t);
        }
    }
}

pub(crate) fn probe(t: &Turn<'_>, machine: crate::id::MachineId) -> Call {
    Call::ProbeHealth { machine, timeout_s: t.policy.health_timeout_s, interval_ms: t.policy.health_interval_ms }
}

/// Every way into `stopped` comes through here.
pub(crate) fn mark_stopped(t: &mut Turn<'_>) {
    t.me.last_stopped_at = Some(t.now);
    t.me.fail_count = 0;
    t.me.counted_at = None;
}

fn machine_seen(status: Watched, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
    let machine = match result {
        Ok(Done::Machine(machine)) => machine,
        Err(fault) if fault.is_absent() => return gone(status, t),
        Ok(_) | Err(_) => return t.settle(status),
    };
    let trouble = (machine.host_status != HostStatus::Ok).then(|| machine.host_status.clone());
    if t.me.host_trouble != trouble {
        t.me.host_trouble.clone_from(&trouble);
        t.keep();
    }
    if trouble.is_some() {
        return t.settle(status);
    }
    match machine.state {
        MachineState::Started => started(status, t, &machine),
        MachineState::Stopped if status == Watched::Running => stopped(t, &machine),
        MachineState::Failed if status != Watched::Stopped => signal(status, t, Signal::Failed, Some(&machine)),
        MachineState::Destroyed => signal(status, t, Signal::Destroyed, Some(&machine)),
        MachineState::Stopped
        | MachineState::Failed
        | MachineState::Created
        | MachineState::Starting
        | MachineState::Stopping
        | MachineState::Suspending
        | MachineState::Suspended
        | MachineState::Replacing
        | MachineState::Updating
        | MachineState::Restarting
        | MachineState::Destroying
        | MachineState::Other(_) => Watch::volume(status, t),
    }
}

fn started(status: Watched, t: &mut Turn<'_>, machine: &Machine) -> Phase {
    if status != Watched::Running {
        t.me.last_started_at = t.me.last_started_at.or(Some(t.now));
        t.me.fail_count = 0;
        let note = Note::log(Action::SyncStatus)
            .status(Status::Running)
            .detail("old_state", status.status().as_str())
            .detail("new_state", "running")
            .detail("fly_state", "started");
        t.emit(note);
        return t.settle(Watched::Running);
    }
    if t.me.fail_count > 0 {
        t.me.fail_count = 0;
        t.me.counted_at = None;
        t.keep();
    }
    match (&t.me.volume, Mounted::of(t, machine)) {
        (Some(_), mounted) => Phase::Running(Watch::Mounted { mounted }),
        (None, Mounted::Other(volume)) => Phase::Running(Watch::Stranger { volume, ours_alive: false }),
        (None, Mounted::Right | Mounted::Unknown | Mounted::Nothing) => {
            t.emit(Note::log(Action::VolumeCheckFailed).error("no volume is known"));
            t.settle(Watched::Running)
        }
    }
}

/// An unexpected stop. Observations too close to each other are one: a duplicate alarm does not confirm itself (A4).
fn stopped(t: &mut Turn<'_>, machine: &Machine) -> Phase {
    let counts = t.me.counted_at.is_none_or(|at| t.now.since(at) >= t.policy.refresh_throttle_ms);
    if counts {
        t.me.fail_count = t.me.fail_count.saturating_add(1);
        t.me.counted_at = Some(t.now);
        t.keep();
    }
    if t.me.fail_count < t.policy.self_heal_threshold {
        return t.settle(Watched::Running);
    }
    signal(Watched::Running, t, Signal::Stopped, Some(machine))
}

/// A sign that the machine does not run: recover if it ran and the policy says so, else the instance is stopped.
fn signal(status: Watched, t: &mut Turn<'_>, signal: Signal, machine: Option<&Machine>) -> Phase {
    if status == Watched::Running && t.policy.recover_on.contains(&signal) {
        // The machine goes; what it mounts beside the volume that is known may hold the data.
        let beside = machine.filter(|_| t.me.volume.is_some()).and_then(|machine| dispose::remember_served(t, machine));
        return recover::begin(t, signal, beside);
    }
    let action = match signal {
        Signal::Stopped => Action::SyncStatusStopped,
        Signal::Failed => Action::SyncStatusFailed,
        Signal::Destroyed => Action::SyncStatusDestroyed,
        Signal::Gone => Action::ClearStaleMachine,
    };
    let note = Note::log(action)
        .status(Status::Stopped)
        .detail("old_state", status.status().as_str())
        .detail("new_state", "stopped")
        .detail("fly_state", signal.as_str());
    t.emit(note);
    match (signal, machine) {
        (Signal::Destroyed, Some(machine)) => {
            dispose::remember_served(t, machine);
            t.me.machine = None;
        }
        (Signal::Destroyed | Signal::Gone, _) => t.me.machine = None,
        (Signal::Stopped | Signal::Failed, _) => {}
    }
    if status != Watched::Stopped {
        mark_stopped(t);
    }
    Watch::volume(Watched::Stopped, t)
}

fn gone(status: Watched, t: &mut Turn<'_>) -> Phase {
    if t.me.machine.as_ref().is_some_and(|machine| machine.is_fresh(t.policy, t.asked_at)) {
        return t.settle(status);
    }
    signal(status, t, Signal::Gone, None)
}

fn found(status: Watched, t: &mut Turn<'_>, state: &MachineState) -> Phase {
    let settled = [MachineState::Stopped, MachineState::Created, MachineState::Failed].contains(state);
    if *state == MachineState::Started {
        t.me.last_started_at = t.me.last_started_at.or(Some(t.now));
        return t.settle(Watched::Running);
    }
    if !settled {
        return Watch::volume(status, t);
    }
    if status != Watched::Stopped {
        mark_stopped(t);
    }
    t.keep();
    Watch::volume(Watched::Stopped, t)
}

fn none_found(status: Watched, t: &mut Turn<'_>) -> Phase {
    match status {
        Watched::Running => {
            t.log(Action::SyncStatusStopped);
            mark_stopped(t);
            t.keep();
            Watch::volume(Watched::Stopped, t)
        }
        // Without a volume, what carries our name and may hold data is looked for first.
        Watched::Provisioned if is_stale(t) && t.me.volume.is_some() => stale(t),
        Watched::Provisioned | Watched::Stopped => Watch::volume(status, t),
    }
}

fn stale(t: &mut Turn<'_>) -> Phase {
    t.log(Action::AutoDestroyStaleProvision);
    destroy::clean_up(t)
}

/// Registered long ago and never started (M2).
fn is_stale(t: &Turn<'_>) -> bool {
    let old = t.me.provisioned_at.is_some_and(|at| t.now.since(at) > t.policy.stale_provision_ms);
    let keeps = t.me.holdings.entries.iter().any(Entry::may_hold_data);
    old && !t.me.has_data() && !keeps
}

/// After the volume: is something waiting for the instance to be seen healthy (R9, V3)?
fn healthy_next(t: &mut Turn<'_>) -> Phase {
    let waits = recover::waits_for_health(&t.me) || t.me.holdings.await_health();
    if waits { Phase::Running(Watch::Health) } else { t.settle(Watched::Running) }
}

/// The machine that was just seen to mount the data volume serves. Only from now on would anybody miss newer data.
fn seen_healthy(t: &mut Turn<'_>) {
    recover::seen_healthy(t);
    t.me.seen_without_newer(t.now.plus(t.policy.retention_ms));
}

fn refreshed(status: Watched, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
    let look = match result {
        Ok(Done::Machine(machine)) => machine.host_status == HostStatus::Ok && machine.state.is_terminal(),
        Err(fault) => fault.is_absent(),
        Ok(_) => false,
    };
    if look {
        alarm::pull_look(t);
    }
    t.settle(status)
}
