//! The repair of an unexpected stop: relocate onto a copy of the volume and a new machine.
//!
//! *Decides* every step of one attempt (R1–R13), and what becomes of the source.
//!
//! ```text
//!   begin ─▶ inspect source ─▶ remove old machine ─▶ fork ─▶ create ─▶ wait ─▶ verify ─▶ probe ─▶ snapshots ─▶ cut over ─▶ running
//!     └───────────┴───────────────────┴────────────────┴────────┴────────┴───── fail ─▶ stopped
//! ```
//!
//! *Guarantees*: until the cut-over is committed the source is the instance's volume and nothing touches it; the old machine and the
//! replacement are different fields, and the old one's destroy is accepted before the replacement is made; everything that ends an
//! attempt without success goes through one exit, which puts what was made on the disposal list.

use super::creation::{Creating, Creation};
use super::holdings::{Cause, Relocation, Thing};
use super::phase::Phase;
use super::placement::{Placed, Placement, Placing};
use super::start::wait;
use super::turn::{Note, Turn};
use super::watch::{self, Watched};
use super::{Instance, MachineRef};
use crate::call::{Call, Content, Done, WaitFor};
use crate::event::{Action, Milestone};
use crate::fault::{Fault, FaultKind};
use crate::id::{MachineId, Region, VolumeId};
use crate::name;
use crate::observe::{HostStatus, Machine, MachineState, Snapshot, SnapshotStatus, VolumeState};
use crate::policy::Signal;
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Imported: is the machine the old one or the replacement?
    Identify,
    /// Imported without a machine: is there one that mounts the fork?
    FindReplacement,
    /// Imported: is the fork still there?
    CheckFork,
    /// Look at the source (R2).
    Inspect,
    /// Destroy the old machine (R3).
    RemoveOld,
    /// Fork the source (R4).
    Fork(Box<Placement>),
    /// Make the replacement (R5).
    Create(Box<Creation>),
    /// Wait for it to start (R6).
    Wait,
    /// After an alarm: how does the replacement stand (R6)?
    Look,
    /// Look at the fork (R7).
    Verify,
    /// Ask what runs in the replacement (R7).
    Probe,
    /// List the snapshots of the source (R8).
    Snapshots { healthy: bool },
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovering {
    pub(crate) attempt: u64,
    pub(crate) since: Timestamp,
    stage: Stage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fork: Option<VolumeId>,
    /// Where the fork is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
    /// Regions that have not been asked.
    #[serde(default)]
    regions_left: Vec<Region>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replacement: Option<MachineRef>,
    /// The replacement was seen `started`; time no longer runs out.
    #[serde(default)]
    started: bool,
    /// The fork was seen not to need its source any more.
    #[serde(default)]
    hydrated: bool,
}

/// Begins an attempt (R1).
pub(crate) fn begin(t: &mut Turn<'_>, signal: Signal) -> Phase {
    let count = t.me.fail_count;
    t.me.fail_count = 0;
    t.me.counted_at = None;
    t.me.errors.recovery = None;
    t.me.recoveries = t.me.recoveries.saturating_add(1);
    let threshold = u64::from(t.policy.self_heal_threshold);
    let trigger = Note::log(Action::RecoveryTrigger)
        .detail("old_state", "running")
        .detail("new_state", "recovering")
        .detail("fly_state", signal.as_str())
        .detail("fail_count", count)
        .value(Some(threshold));
    t.emit(trigger);
    let started = Note::new(Milestone::RecoveryStarted)
        .status(Status::Recovering)
        .label(format!("alarm_{}", signal.as_str()))
        .value(Some(u64::from(count)));
    t.emit(started);
    let attempt = t.me.recoveries;
    t.enter(Phase::Recovering(Box::new(Recovering::new(attempt, t.now, Stage::Inspect))))
}

impl Recovering {
    fn new(attempt: u64, since: Timestamp, stage: Stage) -> Self {
        Self {
            attempt,
            since,
            stage,
            fork: None,
            region: None,
            regions_left: Vec::new(),
            replacement: None,
            started: false,
            hydrated: false,
        }
    }

    /// An attempt that somebody else began; the next alarm finds out how far it has come.
    pub(crate) fn imported(since: Timestamp, fork: Option<VolumeId>) -> Self {
        Self { fork, ..Self::new(1, since, Stage::Identify) }
    }

    pub(crate) fn step_in_words(&self) -> &'static str {
        match self.stage {
            Stage::Identify | Stage::FindReplacement => "finding out which machine is the replacement",
            Stage::CheckFork | Stage::Verify => "checking the replacement volume",
            Stage::Inspect => "inspecting the source volume",
            Stage::RemoveOld => "removing the old machine",
            Stage::Fork(_) => "forking the volume",
            Stage::Create(_) => "making the replacement machine",
            Stage::Wait | Stage::Look => "waiting for the replacement machine to start",
            Stage::Probe => "asking the gateway whether it is healthy",
            Stage::Snapshots { .. } => "asking for snapshots of the old volume",
        }
    }

    fn to(mut self: Box<Self>, stage: Stage) -> Phase {
        self.stage = stage;
        Phase::Recovering(self)
    }

    fn later(self: Box<Self>, t: &mut Turn<'_>, stage: Stage) -> Phase {
        t.back_off();
        self.to(stage)
    }

    fn is_over(&self, t: &Turn<'_>) -> bool {
        t.is_over(self.since, t.policy.recovering_timeout_ms)
    }

    /// An alarm: the attempt goes on where it was. A replacement is looked at first, for one that has started wins over the time.
    pub(crate) fn wake(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let watching = matches!(
            self.stage,
            Stage::Wait | Stage::Look | Stage::Verify | Stage::Probe | Stage::Snapshots { .. }
        );
        if self.replacement.is_some() && (watching || self.is_over(t)) {
            return if self.started { Phase::Recovering(self) } else { self.to(Stage::Look) };
        }
        if self.is_over(t) && !matches!(self.stage, Stage::Identify) {
            return self.time_out(t);
        }
        Phase::Recovering(self)
    }

    pub(crate) fn drive(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let old = t.me.machine.as_ref().map(|machine| machine.id.clone());
        let replacement = self.replacement.as_ref().map(|machine| machine.id.clone());
        let source = t.me.volume.clone();
        let call = match &self.stage {
            Stage::Identify => match old {
                Some(machine) => Some(Call::GetMachine { machine }),
                None if self.is_over(t) => return self.time_out(t),
                None => return self.to(Stage::CheckFork),
            },
            Stage::FindReplacement => {
                Some(Call::ListMachines { metadata: name::metadata(&t.policy.metadata_prefix, &t.me.identity) })
            }
            Stage::CheckFork => match self.fork.clone() {
                Some(volume) => Some(Call::GetVolume { volume }),
                None => return self.to(Stage::Inspect),
            },
            Stage::Inspect => match source {
                Some(volume) => Some(Call::GetVolume { volume }),
                None => return self.fail(t, "Cannot recover unexpected stop: missing user, sandbox, or volume", "alarm_relocated"),
            },
            Stage::RemoveOld => match old {
                Some(machine) => Some(condemn_old(t, machine)),
                None => return self.fork_source(t),
            },
            Stage::Fork(placement) => placement.call(t),
            Stage::Create(creation) => Some(creation.call(t)),
            Stage::Wait => replacement.map(|machine| wait(t, machine, None, WaitFor::Started)),
            Stage::Look => replacement.map(|machine| Call::GetMachine { machine }),
            Stage::Verify => self.fork.clone().map(|volume| Call::GetVolume { volume }),
            Stage::Probe => replacement.map(|machine| watch::probe(t, machine)),
            Stage::Snapshots { .. } => source.map(|volume| Call::ListSnapshots { volume }),
        };
        match call {
            Some(call) => {
                t.ask(call);
                Phase::Recovering(self)
            }
            None => self.fail(t, "the recovery has lost what it needs to go on", "alarm_relocated"),
        }
    }

    pub(crate) fn on(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let stage = core::mem::replace(&mut self.stage, Stage::Look);
        match stage {
            Stage::Identify => self.identified(t, result),
            Stage::FindReplacement => self.searched(t, result),
            Stage::CheckFork => self.fork_checked(t, result),
            Stage::Inspect => self.inspected(t, result),
            Stage::RemoveOld => self.old_removed(t, result),
            Stage::Fork(placement) => {
                let placing = placement.on(t, result);
                self.forked(t, placing)
            }
            Stage::Create(creation) => {
                let creating = creation.on(t, result);
                self.created(t, creating)
            }
            Stage::Wait => self.waited(t, result),
            Stage::Look => self.looked(t, result),
            Stage::Verify => self.verified(t, result),
            Stage::Probe => self.probed(t, result),
            Stage::Snapshots { healthy } => self.cut_over(t, healthy, result),
        }
    }

    pub(crate) fn abandon(mut self: Box<Self>, t: &mut Turn<'_>) {
        self.discard(t);
        match self.stage {
            Stage::Fork(placement) => placement.abandon(t),
            Stage::Create(creation) => creation.abandon(t),
            Stage::Identify
            | Stage::FindReplacement
            | Stage::CheckFork
            | Stage::Inspect
            | Stage::RemoveOld
            | Stage::Wait
            | Stage::Look
            | Stage::Verify
            | Stage::Probe
            | Stage::Snapshots { .. } => {}
        }
    }

    fn identified(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let machine = match result {
            Ok(Done::Machine(machine)) => machine,
            Err(fault) if fault.is_absent() => {
                // The reference forgets the old machine before it forks, so what it names beside a fork is the replacement.
                let gone = t.me.machine.take();
                if self.fork.is_some() {
                    self.replacement = gone;
                    return self.not_found(t);
                }
                return self.to(Stage::CheckFork);
            }
            Ok(_) | Err(_) if self.is_over(t) => return self.time_out(t),
            Ok(_) | Err(_) => return self.later(t, Stage::Identify),
        };
        let Some(config) = &machine.config else {
            if self.is_over(t) {
                return self.time_out(t);
            }
            return self.later(t, Stage::Identify);
        };
        let mounted = config.mounted_at(&t.policy.mount_path);
        if mounted.is_some() && mounted == self.fork.as_ref() {
            self.replacement = t.me.machine.take();
            self.region = machine.region.clone();
            return self.stands(t, &machine);
        }
        if self.is_over(t) {
            return self.time_out(t);
        }
        self.to(Stage::CheckFork)
    }

    fn fork_checked(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Volume(volume)) if !volume.state.is_dead() => {
                self.region = volume.region;
                if t.me.machine.is_some() { self.to(Stage::Inspect) } else { self.to(Stage::FindReplacement) }
            }
            Err(fault) if !fault.is_absent() => self.later(t, Stage::CheckFork),
            Ok(_) | Err(_) => {
                self.fork = None;
                self.to(Stage::Inspect)
            }
        }
    }

    fn searched(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let Ok(Done::Machines(machines)) = result else { return self.later(t, Stage::FindReplacement) };
        let mounts_fork = |machine: &&Machine| {
            machine.config.as_ref().and_then(|config| config.mounted_at(&t.policy.mount_path)) == self.fork.as_ref()
        };
        let Some(machine) = machines.iter().filter(|machine| !machine.state.is_going()).find(mounts_fork) else {
            return self.to(Stage::Inspect);
        };
        self.replacement = Some(MachineRef::adopted(machine.id.clone()));
        t.keep();
        self.stands(t, machine)
    }

    fn inspected(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Volume(volume)) if !volume.state.is_dead() => {
                t.me.region = volume.region.or(t.me.region.take());
                t.progress();
                self.to(Stage::RemoveOld)
            }
            Err(fault) if fault.is_transient() => self.later(t, Stage::Inspect),
            Err(fault) if !fault.is_absent() => self.fail(t, &fault.to_string(), "alarm_relocated"),
            Ok(_) | Err(_) => {
                let source = t.me.volume.as_ref().map_or("unknown", VolumeId::as_str);
                let message = format!("Cannot recover unexpected stop: source volume {source} missing");
                self.fail(t, &message, "alarm_relocated")
            }
        }
    }

    fn old_removed(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Err(fault) if fault.is_transient() => self.later(t, Stage::RemoveOld),
            Err(fault) if !fault.is_absent() => {
                t.me.machine = None;
                self.fail(t, &fault.to_string(), "alarm_relocated")
            }
            Ok(_) | Err(_) => {
                t.me.machine = None;
                t.progress();
                self.fork_source(t)
            }
        }
    }

    fn fork_source(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        if self.fork.is_some() {
            return self.create(t);
        }
        let Some(source) = t.me.volume.clone() else { return self.to(Stage::Inspect) };
        let failed = t.me.region.clone();
        match Placement::new(t, Content::Fork { source }, failed.as_ref()) {
            Ok(placement) => self.to(Stage::Fork(Box::new(placement))),
            Err(fault) => self.fail(t, &fault.to_string(), "alarm_relocated"),
        }
    }

    fn forked(mut self: Box<Self>, t: &mut Turn<'_>, placing: Placing) -> Phase {
        match placing {
            Placing::Next(placement) => self.to(Stage::Fork(Box::new(placement))),
            Placing::Later(placement) => self.later(t, Stage::Fork(Box::new(placement))),
            Placing::Done(Placed { volume, region, regions_left, .. }) => {
                self.fork = Some(volume);
                self.region = region;
                self.regions_left = regions_left;
                self.create(t)
            }
            Placing::NoRoom(fault) => self.no_region(t, &fault),
            Placing::Refused(fault) => self.fail(t, &fault.to_string(), "alarm_relocated"),
        }
    }

    fn no_region(self: Box<Self>, t: &mut Turn<'_>, last: &Fault) -> Phase {
        self.fail(t, &format!("no region can take the replacement volume: {last}"), "alarm_relocated")
    }

    fn create(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let Some(fork) = self.fork.clone() else { return self.fork_source(t) };
        let region = self.region.clone();
        match Creation::new(t, fork, region) {
            Ok(creation) => self.to(Stage::Create(Box::new(creation))),
            Err(fault) => self.fail(t, &fault.to_string(), "alarm_relocated"),
        }
    }

    fn created(mut self: Box<Self>, t: &mut Turn<'_>, creating: Creating) -> Phase {
        match creating {
            Creating::Next(creation) => self.to(Stage::Create(Box::new(creation))),
            Creating::Later(creation) => self.later(t, Stage::Create(Box::new(creation))),
            Creating::Done(machine, region) => {
                self.replacement = Some(machine);
                self.region = region.or(self.region);
                self.to(Stage::Wait)
            }
            Creating::NoRoom(fault) => self.elsewhere(t, &fault),
            Creating::MissingVolume(fault) | Creating::Refused(fault) => {
                self.fail(t, &fault.to_string(), "alarm_relocated")
            }
        }
    }

    /// The fork's host has no room for a machine: give the fork up and try the regions that are left (R5).
    fn elsewhere(mut self: Box<Self>, t: &mut Turn<'_>, fault: &Fault) -> Phase {
        if let (Some(403), Some(region), Some(class)) = (fault.status, self.region.clone(), fault.capacity()) {
            t.evict(region, class);
        }
        if let Some(fork) = self.fork.take() {
            t.me.dispose(Thing::Volume(fork), Cause::FailedRecovery, t.now);
        }
        let regions = core::mem::take(&mut self.regions_left);
        let Some(source) = t.me.volume.clone().filter(|_| !regions.is_empty()) else {
            return self.no_region(t, fault);
        };
        match Placement::among(t, Content::Fork { source }, regions) {
            Ok(placement) => self.to(Stage::Fork(Box::new(placement))),
            Err(fault) => self.fail(t, &fault.to_string(), "alarm_relocated"),
        }
    }

    fn waited(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Waited { state }) => self.state(t, &state),
            Err(fault) if fault.is_absent() => self.not_found(t),
            Err(fault) if fault.kind == FaultKind::Refused => self.fail(t, &fault.to_string(), "alarm_relocated"),
            Ok(_) | Err(_) if self.is_over(t) => self.to(Stage::Look),
            Ok(_) | Err(_) => self.later(t, Stage::Wait),
        }
    }

    fn looked(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Machine(machine)) => self.stands(t, &machine),
            Err(fault) if fault.is_absent() => self.not_found(t),
            Err(fault) if fault.kind == FaultKind::Refused => self.fail(t, &fault.to_string(), "alarm_relocated"),
            Ok(_) | Err(_) if self.is_over(t) => self.time_out(t),
            Ok(_) | Err(_) => self.later(t, Stage::Look),
        }
    }

    /// A state is only believed while the host that reports it answers.
    fn stands(self: Box<Self>, t: &mut Turn<'_>, machine: &Machine) -> Phase {
        if machine.host_status == HostStatus::Ok {
            return self.state(t, &machine.state);
        }
        self.on_its_way(t)
    }

    fn state(mut self: Box<Self>, t: &mut Turn<'_>, state: &MachineState) -> Phase {
        match state {
            MachineState::Started => {
                self.started = true;
                t.progress();
                let machine = self.replacement.as_ref().map(|machine| machine.id.clone());
                t.emit(machine.iter().fold(Note::log(Action::RecoveryMachineStarted), Note::machine));
                self.to(Stage::Verify)
            }
            MachineState::Stopped | MachineState::Failed | MachineState::Destroyed => {
                t.emit(Note::log(Action::RecoveryTerminalMachineState).detail("fly_state", state.as_str()));
                let message = format!("unexpected stop recovery replacement machine entered {state}");
                self.fail(t, &message, &format!("alarm_{state}"))
            }
            MachineState::Created
            | MachineState::Starting
            | MachineState::Stopping
            | MachineState::Suspending
            | MachineState::Suspended
            | MachineState::Replacing
            | MachineState::Updating
            | MachineState::Restarting
            | MachineState::Destroying
            | MachineState::Other(_) => self.on_its_way(t),
        }
    }

    fn on_its_way(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        t.log(Action::RecoveryWaitingForStart);
        if self.is_over(t) {
            return self.time_out(t);
        }
        t.progress();
        t.rest();
        self.to(Stage::Look)
    }

    fn not_found(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        if self.replacement.as_ref().is_some_and(|machine| machine.is_fresh(t.policy, t.now)) {
            return self.later(t, Stage::Look);
        }
        t.log(Action::RecoveryMachineGone);
        self.fail(t, "unexpected stop recovery replacement machine disappeared", "alarm_machine_gone")
    }

    fn verified(mut self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        match result {
            Ok(Done::Volume(volume)) if volume.state.is_dead() => return self.fork_lost(t),
            Ok(Done::Volume(volume)) => {
                self.hydrated = is_independent(&volume.state);
                self.region = volume.region.or(self.region);
            }
            Err(fault) if fault.is_absent() => return self.fork_lost(t),
            Ok(_) | Err(_) if !t.tried_enough() => return self.later(t, Stage::Verify),
            Ok(_) | Err(_) => {}
        }
        t.progress();
        self.to(Stage::Probe)
    }

    fn fork_lost(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        let fork = self.fork.as_ref().map_or("unknown", VolumeId::as_str);
        let message = format!("Cannot recover unexpected stop: replacement volume {fork} missing");
        self.fail(t, &message, "alarm_relocated")
    }

    fn probed(self: Box<Self>, t: &mut Turn<'_>, result: Result<Done, Fault>) -> Phase {
        let healthy = matches!(result, Ok(Done::Health { healthy: true }));
        if !healthy {
            t.log(Action::RecoveryUnhealthy);
        }
        self.to(Stage::Snapshots { healthy })
    }

    /// R8 and R9. The source goes on the list in the same commit that makes the fork the instance's volume.
    fn cut_over(mut self: Box<Self>, t: &mut Turn<'_>, healthy: bool, result: Result<Done, Fault>) -> Phase {
        let immediate = match result {
            Ok(Done::Snapshots(snapshots)) => !snapshots.iter().any(counts),
            Err(fault) if fault.is_transient() && !t.tried_enough() => {
                return self.later(t, Stage::Snapshots { healthy });
            }
            Ok(_) | Err(_) => false,
        };
        let (Some(fork), Some(replacement)) = (self.fork.take(), self.replacement.take()) else {
            return self.fail(t, "the recovery has lost what it needs to go on", "alarm_relocated");
        };
        t.me.machine = Some(replacement);
        t.me.region = self.region.take().or(t.me.region.take());
        let source = t.me.volume.replace(fork.clone());
        if let Some(source) = source {
            let relocation = Relocation { fork, healthy, immediate, hydrated: self.hydrated };
            let due = if relocation.is_proven() { t.now } else { t.now.plus(t.policy.retention_ms) };
            t.me.dispose(Thing::Volume(source), Cause::Relocated(relocation), due);
        }
        t.me.last_started_at = Some(t.now);
        t.me.fail_count = 0;
        t.me.errors.recovery = None;
        t.me.missing = None;
        let note = Note::new(Milestone::RecoverySucceeded)
            .status(Status::Running)
            .label("alarm_relocated")
            .duration_ms(Some(t.now.since(self.since)));
        t.emit(note);
        t.settle(Watched::Running)
    }

    fn time_out(self: Box<Self>, t: &mut Turn<'_>) -> Phase {
        t.log(Action::RecoveryTimeout);
        self.fail(t, "unexpected stop recovery timed out", "alarm_timeout")
    }

    /// What the attempt has made is not needed.
    fn discard(&mut self, t: &mut Turn<'_>) {
        if let Some(replacement) = self.replacement.take() {
            t.me.dispose(Thing::Machine(replacement.id), Cause::FailedRecovery, t.now);
        }
        if let Some(fork) = self.fork.take() {
            t.me.dispose(Thing::Volume(fork), Cause::FailedRecovery, t.now);
        }
    }

    /// The one way an attempt ends without success (R10).
    fn fail(mut self: Box<Self>, t: &mut Turn<'_>, message: &str, label: &str) -> Phase {
        let machine = self.replacement.as_ref().or(t.me.machine.as_ref()).map(|machine| machine.id.clone());
        self.discard(t);
        let asked = t.me.machine.as_ref().is_some_and(|old| t.me.holdings.holds_machine(&old.id));
        if asked {
            t.me.machine = None;
        }
        let took = t.now.since(self.since);
        self.abandon(t);
        t.me.errors.recovery = Some(t.noted(message));
        watch::mark_stopped(t);
        let note = Note::new(Milestone::RecoveryFailed)
            .status(Status::Stopped)
            .label(label)
            .error(message)
            .duration_ms(Some(took));
        t.emit(machine.iter().fold(note, Note::machine));
        t.settle(Watched::Stopped)
    }
}

/// From the moment its destroy is asked for, the old machine is no longer the instance's: it is on the list until it is proven gone.
fn condemn_old(t: &mut Turn<'_>, machine: MachineId) -> Call {
    let due = t.now.plus(t.policy.disposal_backoff_ms.first().copied().unwrap_or_default());
    t.me.dispose(Thing::Machine(machine.clone()), Cause::Replaced, due);
    Call::DestroyMachine { machine }
}

/// Whether a snapshot is worth keeping its volume for. One in a state nobody knows is.
pub(crate) fn counts(snapshot: &Snapshot) -> bool {
    match snapshot.status {
        SnapshotStatus::Created | SnapshotStatus::Complete | SnapshotStatus::Other(_) => true,
        SnapshotStatus::Waiting
        | SnapshotStatus::Pending
        | SnapshotStatus::Creating
        | SnapshotStatus::Running
        | SnapshotStatus::Failed => false,
    }
}

/// Whether a fork in this state can do without its source.
pub(crate) fn is_independent(state: &VolumeState) -> bool {
    [VolumeState::Created, VolumeState::Extending].contains(state)
}

/// Whether a retained source could go if the instance were seen healthy on its copy.
pub(crate) fn waits_for_health(me: &Instance) -> bool {
    let waits = |relocation: &Relocation| relocation.immediate && !relocation.healthy;
    me.holdings.retained().filter_map(super::Entry::relocation).any(|relocation| {
        waits(relocation) && Some(&relocation.fork) == me.volume.as_ref()
    })
}

/// What runs on the present volume is healthy.
pub(crate) fn seen_healthy(t: &mut Turn<'_>) {
    prove(t, |relocation| relocation.healthy = true);
}

/// The present volume no longer depends on the one it was copied from.
pub(crate) fn seen_hydrated(t: &mut Turn<'_>) {
    prove(t, |relocation| relocation.hydrated = true);
}

/// Learns something about the copy the instance runs on. A source that is kept for nothing else may go once the copy is proven.
fn prove(t: &mut Turn<'_>, learn: impl Fn(&mut Relocation)) {
    let current = t.me.volume.clone();
    let now = t.now;
    let mut changed = false;
    for entry in &mut t.me.holdings.entries {
        let Some(relocation) = entry.relocation_mut().filter(|relocation| Some(&relocation.fork) == current.as_ref())
        else {
            continue;
        };
        let before = relocation.is_proven();
        let known = relocation.clone();
        learn(relocation);
        changed |= *relocation != known;
        if relocation.is_proven() && !before {
            entry.due = entry.due.min(now);
        }
    }
    if changed {
        t.keep();
    }
}

/// The volume left behind has no snapshots: it need not be kept once the copy is proven.
pub(crate) fn need_not_be_kept(t: &mut Turn<'_>, source: &VolumeId) {
    let entry = t.me.holdings.entries.iter_mut().find(|entry| entry.volume() == Some(source));
    if let Some(relocation) = entry.and_then(super::Entry::relocation_mut) {
        relocation.immediate = true;
    }
}
