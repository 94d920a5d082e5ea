//! A start in progress, whoever asked for it.
//!
//! *Decides* which machine to bring up, on which volume, and what to do where its host is full (S1–S3, G3).
//!
//! ```text
//!   find the machine ─▶ ensure the volume ─▶ look ─┬─ none ────▶ create ─┐
//!                                                  ├─ not up ─▶ update ─▶ start ─┴─▶ wait ─▶ probe ─▶ running
//!                                                  └─ up ────────────────────────────────────▶ probe
//! ```
//!
//! *Guarantees*: no machine is made before a conclusive look-up; a full host leads to a fork, never to an empty volume in place of data, and
//! it begins when no machine is left that could write to the source, unless the source would go with its machine; once a machine exists the
//! alarm decides, and it asks about the machine even when the time is over.

mod leave;
mod machine;
mod room;
mod volume;

use super::creation::Creation;
use super::ensure::{self, Ensure, Ensured};
use super::lookup::{Looking, Lookup};
use super::note::Note;
use super::phase::Phase;
use super::placement::Placement;
use super::turn::Turn;
use super::watch::{self, Watched};
use super::{MachineRef, dispose, recover};
use crate::call::{Call, Done, MachineUpdate, WaitFor};
use crate::event::{Action, Milestone};
use crate::fault::Fault;
use crate::id::{MachineVersion, VolumeId};
use crate::name;
use crate::observe::{HostStatus, Machine, MachineState};
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Look for a machine with our labels.
    Find(Lookup),
    /// Make sure of the volume.
    Volume(Ensure),
    /// See what state the machine is in before anything is done to it.
    Machine,
    /// Give it the present configuration.
    Update,
    /// See whether the update left it stopped.
    Recheck,
    /// Start it.
    Boot,
    /// It is to be replaced: see whether the volume that it mounts would go with it.
    Leave(VolumeId),
    /// Destroy it, to make another in its place.
    Remove,
    /// Make one.
    Create(Box<Creation>),
    /// The provider says the volume does not exist: look.
    MissingVolume,
    /// Its host is full: make a volume elsewhere.
    Move(Box<Placement>),
    /// Ask whether the volume left behind has snapshots.
    Snapshots(VolumeId),
    /// Wait for `started`.
    Wait(Option<MachineVersion>),
    /// After an alarm: what has become of the machine?
    Look,
    /// Is what runs in it well?
    Probe,
}

/// A start in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Starting {
    pub(crate) since: Timestamp,
    stage: Stage,
    /// The machine has taken on the present configuration during this start.
    updated: bool,
    /// The machine was made, or found half-made, during this start: while it is `created` it is on its way.
    made: bool,
    /// It was looked for a machine with our labels during this start.
    looked_up: bool,
    /// The volume whose host is full: it is taken elsewhere as soon as no machine is left on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crowded: Option<VolumeId>,
    /// The volume was moved off a full host once.
    moved: bool,
    /// A machine that mounts another volume was set aside once.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    aside: bool,
    /// The machine was made anew once because the provider did not find its volume.
    remade: bool,
}

impl Starting {
    fn at(since: Timestamp, stage: Stage) -> Self {
        Self {
            since,
            stage,
            updated: false,
            made: false,
            looked_up: false,
            crowded: None,
            moved: false,
            aside: false,
            remade: false,
        }
    }

    /// A start that was imported: the next alarm sees how it stands.
    pub(crate) fn imported(since: Timestamp) -> Self {
        Self { made: true, ..Self::at(since, Stage::Look) }
    }

    /// A start from the beginning.
    pub(crate) fn begin(t: &Turn<'_>) -> Self {
        let stage = if t.me.machine.is_some() { Stage::Volume(Ensure::begin(t)) } else { Stage::Find(Lookup::List) };
        Self::at(t.now, stage)
    }

    /// A start that takes over a volume that is already being made.
    pub(crate) fn with_volume(since: Timestamp, ensure: Ensure) -> Self {
        Self::at(since, Stage::Volume(ensure))
    }

    /// The machine mounts the wrong volume: destroy it and make one that mounts ours (V3).
    pub(crate) fn repair(since: Timestamp, machine: Option<MachineRef>) -> Phase {
        let stage = if machine.is_some() { Stage::Remove } else { Stage::Find(Lookup::List) };
        Phase::Starting(Box::new(Self::at(since, stage)))
    }

    pub(crate) fn step_in_words(&self) -> &'static str {
        match self.stage {
            Stage::Find(_) => "looking for the machine",
            Stage::Volume(Ensure::Place(_)) => "making the volume",
            Stage::Volume(_) | Stage::MissingVolume | Stage::Leave(_) => "checking the volume",
            Stage::Machine | Stage::Recheck | Stage::Look => "looking at the machine",
            Stage::Update => "updating the machine",
            Stage::Boot => "starting the machine",
            Stage::Remove => "removing the machine that is replaced",
            Stage::Create(_) => "making the machine",
            Stage::Move(_) => "moving the volume off a full host",
            Stage::Snapshots(_) => "asking for snapshots of the volume left behind",
            Stage::Wait(_) => "waiting for the machine to start",
            Stage::Probe => "asking the gateway whether it is healthy",
        }
    }

    fn to(mut self: Box<Self>, stage: Stage) -> Phase {
        self.stage = stage;
        Phase::Starting(self)
    }

    /// An alarm: a machine is asked about, whatever was being done; without one the start goes on from the look-up. What has begun to
    /// be made or removed goes on, so that nothing is forgotten.
    pub(crate) fn wake(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let over = t.is_over(self.since, t.policy.starting_timeout_ms);
        let at_work = match &self.stage {
            Stage::Remove | Stage::Create(_) | Stage::Move(_) | Stage::Volume(Ensure::Place(_)) => true,
            Stage::Leave(_) | Stage::Snapshots(_) | Stage::MissingVolume => true,
            Stage::Find(_)
            | Stage::Volume(_)
            | Stage::Machine
            | Stage::Update
            | Stage::Recheck
            | Stage::Boot
            | Stage::Wait(_)
            | Stage::Look
            | Stage::Probe => false,
        };
        if at_work && !over {
            return Phase::Starting(self);
        }
        if t.me.machine.is_some() {
            self.clone().abandon(t);
            return self.to(Stage::Look);
        }
        if over {
            self.abandon(t);
            return give_up(t, "starting_timeout", "the start took too long and no machine was made");
        }
        self.to(Stage::Find(Lookup::List))
    }

    pub(crate) fn drive(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let machine = t.me.machine.as_ref().map(|machine| machine.id.clone());
        let call = match &self.stage {
            Stage::Find(lookup) => Some(lookup.call(t)),
            Stage::Volume(ensure) => ensure.call(t),
            Stage::Machine | Stage::Recheck | Stage::Look => machine.map(|machine| Call::GetMachine { machine }),
            Stage::Update => machine.zip(t.me.volume.clone()).map(|(machine, volume)| update(t, machine, volume)),
            Stage::Boot => machine.map(|machine| Call::StartMachine { machine }),
            Stage::Leave(volume) => Some(Call::GetVolume { volume: volume.clone() }),
            Stage::Remove => machine.map(|machine| Call::DestroyMachine { machine }),
            Stage::Create(creation) => Some(creation.call(t)),
            Stage::MissingVolume => t.me.volume.clone().map(|volume| Call::GetVolume { volume }),
            Stage::Move(placement) => placement.call(t),
            Stage::Snapshots(volume) => Some(Call::ListSnapshots { volume: volume.clone() }),
            Stage::Wait(version) => machine.map(|machine| wait(t, machine, version.clone(), WaitFor::Started)),
            Stage::Probe => machine.map(|machine| watch::probe(t, machine)),
        };
        match call {
            Some(call) => t.ask(call),
            None => t.rest(),
        }
        Phase::Starting(self)
    }

    pub(crate) fn on(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match core::mem::replace(&mut self.stage, Stage::Look) {
            Stage::Find(lookup) => {
                let looking = lookup.on(t, result);
                self.looked_up(t, looking)
            }
            Stage::Volume(ensure) => match ensure.on(t, result) {
                Ensured::Next(ensure) => self.to(Stage::Volume(ensure)),
                Ensured::Later(ensure) => self.later(t, Stage::Volume(ensure)),
                Ensured::Ready if t.me.machine.is_some() => self.to(Stage::Machine),
                Ensured::Ready if !self.looked_up => self.to(Stage::Find(Lookup::List)),
                Ensured::Ready => self.create(t),
                // A list may still show the one that is gone: it is believed once.
                Ensured::NoMachine if self.looked_up => self.to(Stage::Volume(Ensure::ByName(Box::default()))),
                Ensured::NoMachine => self.to(Stage::Find(Lookup::List)),
                Ensured::Missing => missing(t),
                Ensured::Failed(fault) => self.fail(t, fault.to_string()),
            },
            Stage::Machine => self.machine_seen(t, result),
            Stage::Update => self.updated(t, result),
            Stage::Recheck => self.rechecked(t, result),
            Stage::Boot => self.booted(t, result),
            Stage::Leave(volume) => self.left(t, volume, result),
            Stage::Remove => self.removed(t, result),
            Stage::Create(creation) => {
                let creating = creation.on(t, result);
                self.created(t, creating)
            }
            Stage::MissingVolume => self.volume_seen(t, result),
            Stage::Move(placement) => {
                let placing = placement.on(t, result);
                self.moved(t, placing)
            }
            Stage::Snapshots(volume) => {
                if let Ok(Done::Snapshots(snapshots)) = result
                    && !snapshots.iter().any(recover::counts)
                {
                    recover::need_not_be_kept(t, &volume);
                }
                self.create(t)
            }
            Stage::Wait(version) => self.waited(t, version, result),
            Stage::Look => self.looked(t, result),
            Stage::Probe => finish(t, self.since, result),
        }
    }

    /// The volume that is being made.
    pub(crate) fn placement(&self) -> Option<&Placement> {
        if let Stage::Volume(Ensure::Place(making)) | Stage::Move(making) = &self.stage { Some(making) } else { None }
    }

    pub(crate) fn abandon(self, t: &mut Turn<'_>) {
        match self.stage {
            Stage::Volume(ensure) => ensure.abandon(t),
            Stage::Create(creation) => creation.abandon(t),
            Stage::Move(placement) => placement.abandon(t),
            Stage::Find(_)
            | Stage::Machine
            | Stage::Update
            | Stage::Recheck
            | Stage::Boot
            | Stage::Leave(_)
            | Stage::Remove
            | Stage::MissingVolume
            | Stage::Snapshots(_)
            | Stage::Wait(_)
            | Stage::Look
            | Stage::Probe => {}
        }
    }

    fn later(self: Box<Self>, t: &mut Turn<'_>, stage: Stage) -> Phase {
        t.back_off();
        self.to(stage)
    }

    fn looked_up(mut self: Box<Self>, t: &mut Turn<'_>, looking: Looking) -> Phase {
        match looking {
            Looking::Next(lookup) => self.to(Stage::Find(lookup)),
            Looking::Found(_) | Looking::None => {
                // A look-up that is only repeated is no progress: what has failed after it before is not to be tried for ever.
                if !self.looked_up {
                    t.progress();
                }
                self.looked_up = true;
                let ensure = Ensure::begin(t);
                self.to(Stage::Volume(ensure))
            }
            Looking::Condemned(machine) => {
                // However often its removal has failed: while it is there no other machine can mount the volume.
                t.me.holdings.entries.retain(|entry| entry.machine() != Some(&machine));
                t.me.machine = Some(MachineRef::adopted(machine));
                self.looked_up = true;
                t.progress();
                t.keep();
                self.anew(t)
            }
            Looking::Foreign(machine) => {
                self.fail(t, format!("foreign_holder: machine {machine} of somebody else holds the data volume"))
            }
            Looking::Inconclusive(lookup, _) if !t.tried_enough() => self.later(t, Stage::Find(lookup)),
            Looking::Inconclusive(..) => {
                self.fail(t, "metadata lookup failed; not starting to avoid a duplicate machine".to_string())
            }
        }
    }

    /// After an alarm (S3).
    fn looked(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let over = t.is_over(self.since, t.policy.starting_timeout_ms);
        let fresh = t.me.machine.as_ref().is_some_and(|machine| machine.is_fresh(t.policy, t.asked_at));
        let machine = match seen(result) {
            Ok(machine) => machine,
            Err(fault) if fault.is_absent() && !fresh => return vanished(t),
            Err(fault) if over => {
                return give_up(t, "starting_timeout_transient_error", &fault.to_string());
            }
            Err(fault) => {
                t.emit(Note::log(Action::StartingTransientError).error(fault.to_string()));
                t.rest();
                return self.to(Stage::Look);
            }
        };
        note_run(t, &machine);
        let known = machine.host_status == HostStatus::Ok;
        match machine.state {
            MachineState::Started if known => self.to(Stage::Probe),
            MachineState::Failed if known => give_up(t, "fly_failed_state", "the machine failed to start"),
            MachineState::Destroyed => {
                dispose::remember_served(t, &machine);
                vanished(t)
            }
            state if over => give_up(
                t,
                "starting_timeout_with_machine",
                &format!("the machine was still {state} when time was over"),
            ),
            MachineState::Created if known && (self.updated || self.made) => {
                t.rest();
                self.to(Stage::Look)
            }
            MachineState::Stopped | MachineState::Suspended | MachineState::Created if known => {
                let ensure = Ensure::begin(t);
                self.to(Stage::Volume(ensure))
            }
            MachineState::Created
            | MachineState::Starting
            | MachineState::Started
            | MachineState::Stopping
            | MachineState::Stopped
            | MachineState::Suspending
            | MachineState::Suspended
            | MachineState::Replacing
            | MachineState::Updating
            | MachineState::Restarting
            | MachineState::Failed
            | MachineState::Destroying
            | MachineState::Other(_) => {
                t.rest();
                self.to(Stage::Look)
            }
        }
    }

    /// The start cannot go on. Without a machine it ends here; with one, the alarm decides (S2).
    fn fail(self: Box<Self>, t: &mut Turn<'_>, message: String) -> Phase {
        t.me.errors.start = Some(t.noted(message.clone()));
        if t.me.machine.is_some() {
            t.keep();
            t.rest();
            return self.to(Stage::Look);
        }
        end(t, "no_machine_created", message)
    }
}

fn seen(result: Result<Done, Fault>) -> Result<Box<Machine>, Fault> {
    match result {
        Ok(Done::Machine(machine)) => Ok(machine),
        Ok(_) => Err(Fault::lost()),
        Err(fault) => Err(fault),
    }
}

fn mounts_another(t: &Turn<'_>, machine: &Machine) -> bool {
    machine.config.as_ref().is_some_and(|config| config.mounted_at(&t.policy.mount_path) != t.me.volume.as_ref())
}

fn mounted(t: &Turn<'_>, machine: &Machine) -> Option<VolumeId> {
    machine.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path)).cloned()
}

pub(crate) fn update(t: &Turn<'_>, machine: crate::id::MachineId, volume: VolumeId) -> Call {
    Call::UpdateMachine(Box::new(MachineUpdate {
        machine,
        guest: t.me.spec.guest.unwrap_or(t.policy.guest),
        volume,
        metadata: name::metadata(&t.policy.metadata_prefix, &t.me.identity),
        image: t.me.spec.image.clone(),
    }))
}

pub(crate) fn wait(
    t: &Turn<'_>,
    machine: crate::id::MachineId,
    version: Option<MachineVersion>,
    state: WaitFor,
) -> Call {
    Call::WaitMachine { machine, version, state, timeout_s: t.policy.wait_timeout_s }
}

/// The machine runs. Whether what runs in it is healthy is noted, and changes nothing.
fn finish(t: &mut Turn<'_>, since: Timestamp, probed: Result<Done, Fault>) -> Phase {
    t.me.last_started_at = Some(t.now);
    // Which says as much from now on.
    t.me.given_data = false;
    t.me.fail_count = 0;
    t.me.counted_at = None;
    t.me.errors.start = None;
    t.me.missing = None;
    if !matches!(probed, Ok(Done::Health { healthy: true })) {
        t.log(Action::StartUnhealthy);
    }
    let took = t.now.since(since);
    t.emit(Note::new(Milestone::Started).status(Status::Running).duration_ms(Some(took)));
    t.settle(Watched::Running)
}

/// What has run has written, whether or not the start comes to its end. The machine may come from an imported record.
fn note_run(t: &mut Turn<'_>, machine: &Machine) {
    let idle = [MachineState::Created, MachineState::Starting, MachineState::Failed];
    if machine.exit.is_some() || !idle.contains(&machine.state) {
        may_have_run(t);
    }
}

fn may_have_run(t: &mut Turn<'_>) {
    if t.me.may_have_run() {
        t.keep();
    }
}

/// The machine is gone for good.
fn vanished(t: &mut Turn<'_>) -> Phase {
    t.log(Action::StartingMachineGone);
    may_have_run(t);
    t.me.machine = None;
    give_up(t, "starting_machine_gone", "the machine is gone")
}

/// The data volume is missing, which the record says by now (V2).
fn missing(t: &mut Turn<'_>) -> Phase {
    let message = ensure::missing_message(t.me.volume.as_ref());
    let label = if t.me.machine.is_some() { "data_volume_missing" } else { "no_machine_created" };
    t.me.errors.start = Some(t.noted(message.clone()));
    end(t, label, message)
}

/// The start ends without success; an error that was noted before says more than that time is over.
fn give_up(t: &mut Turn<'_>, label: &str, message: &str) -> Phase {
    if t.me.errors.start.is_none() {
        t.me.errors.start = Some(t.noted(message));
    }
    end(t, label, message.to_string())
}

fn end(t: &mut Turn<'_>, label: &str, message: String) -> Phase {
    watch::mark_stopped(t);
    t.emit(Note::new(Milestone::ProvisioningFailed).status(Status::Stopped).label(label).error(message));
    t.settle(Watched::Stopped)
}
