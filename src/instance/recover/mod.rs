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
//! replacement are different fields, and the old one's destroy is accepted before the replacement is made, unless the source would go with
//! it; everything that ends an attempt without success goes through one exit, which puts what was made on the disposal list.

mod cutover;
mod joined;
mod replacement;
mod retention;
mod source;

pub(crate) use retention::{counts, is_independent, need_not_be_kept, seen_healthy, seen_hydrated, waits_for_health};

use super::MachineRef;
use super::creation::Creation;
use super::holdings::{Cause, Thing};
use super::note::Note;
use super::phase::Phase;
use super::placement::Placement;
use super::start::wait;
use super::turn::Turn;
use super::watch::{self, Watched};
use crate::call::{Call, Done, WaitFor};
use crate::event::{Action, Milestone};
use crate::fault::Fault;
use crate::id::{Region, VolumeId};
use crate::name;
use crate::policy::Signal;
use crate::status::Status;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Look at what the old machine mounts instead of the source.
    Beside,
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recovering {
    pub(crate) attempt: u64,
    pub(crate) since: Timestamp,
    stage: Stage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fork: Option<VolumeId>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forked_at: Option<Timestamp>,
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
    /// What the old machine mounts instead of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beside: Option<VolumeId>,
}

/// Begins an attempt (R1). What the machine mounts `beside` the data volume may be newer.
pub(crate) fn begin(t: &mut Turn<'_>, signal: Signal, beside: Option<VolumeId>) -> Phase {
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
    let recovering = Recovering { beside, ..Recovering::new(attempt, t.now, Stage::Inspect) };
    t.enter(Phase::Recovering(Box::new(recovering)))
}

impl Recovering {
    fn new(attempt: u64, since: Timestamp, stage: Stage) -> Self {
        Self {
            attempt,
            since,
            stage,
            fork: None,
            forked_at: None,
            region: None,
            regions_left: Vec::new(),
            replacement: None,
            started: false,
            hydrated: false,
            beside: None,
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
            Stage::Beside => "inspecting what the old machine mounts",
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
        let watching =
            matches!(self.stage, Stage::Wait | Stage::Look | Stage::Verify | Stage::Probe | Stage::Snapshots { .. });
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
                None => {
                    return self.fail(
                        t,
                        "Cannot recover unexpected stop: missing user, sandbox, or volume",
                        "alarm_relocated",
                    );
                }
            },
            Stage::Beside => match self.beside.clone() {
                Some(volume) => Some(Call::GetVolume { volume }),
                None => return self.to(Stage::RemoveOld),
            },
            Stage::RemoveOld => match old {
                Some(machine) => Some(source::condemn_old(t, machine)),
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
            Stage::Beside => self.beside_seen(t, result),
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

    /// The fork that is being made.
    pub(crate) fn placement(&self) -> Option<&Placement> {
        if let Stage::Fork(placement) = &self.stage { Some(placement) } else { None }
    }

    pub(crate) fn abandon(mut self, t: &mut Turn<'_>) {
        self.discard(t);
        match self.stage {
            Stage::Fork(placement) => placement.abandon(t),
            Stage::Create(creation) => creation.abandon(t),
            Stage::Identify
            | Stage::FindReplacement
            | Stage::CheckFork
            | Stage::Inspect
            | Stage::Beside
            | Stage::RemoveOld
            | Stage::Wait
            | Stage::Look
            | Stage::Verify
            | Stage::Probe
            | Stage::Snapshots { .. } => {}
        }
    }

    fn time_out(self, t: &mut Turn<'_>) -> Phase {
        t.log(Action::RecoveryTimeout);
        self.fail(t, "unexpected stop recovery timed out", "alarm_timeout")
    }

    /// What the attempt has made is not needed.
    fn discard(&mut self, t: &mut Turn<'_>) {
        if let Some(replacement) = self.replacement.take() {
            let made_at = replacement.created_at;
            t.me.dispose_made(Thing::Machine(replacement.id), Cause::FailedRecovery, t.now, made_at);
        }
        if let Some(fork) = self.fork.take() {
            t.me.dispose_made(Thing::Volume(fork), Cause::FailedRecovery, t.now, self.forked_at);
        }
    }

    /// The one way an attempt ends without success (R10).
    fn fail(mut self, t: &mut Turn<'_>, message: &str, label: &str) -> Phase {
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
