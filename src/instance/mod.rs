//! The instance: everything that is known about one tenant's machine and volume, and the one function that changes it.
//!
//! *Decides* every transition: `(policy, record, now, input) → (next record, effects)`.
//!
//! *Guarantees*: total (every input in every status is answered, nothing panics), pure (no clock, no randomness, no I/O), one call in
//! flight at most, an alarm whenever there is a record.
//!
//! *Assumes* that the host commits a step before it acts on it, and hands in each outcome under the id of its call.
//!
//! *Knows nothing of* HTTP, storage, secrets, or what runs inside the machine.

mod accept;
mod alarm;
mod birth;
mod creation;
mod destroy;
mod dispose;
mod ensure;
mod explain;
mod hold;
mod holdings;
mod idle;
mod imported;
mod lookup;
mod note;
mod operation;
mod phase;
mod placement;
mod reassociate;
mod recover;
mod restart;
mod restore;
mod start;
mod stop;
mod turn;
mod view;
mod watch;

pub use explain::{Awaited, Blocked, Explanation};
pub use hold::Hold;
pub use holdings::Condemned;
pub use view::{
    AdminActions, AdminView, CallView, Caller, Control, CopyView, DisposalCause, DisposalView, ErrorKind, ErrorView,
    Gate, MissingView, RecoveryState, RecoveryView, RetainedView, ThingView, UserActions, UserView,
};

pub(crate) use holdings::{Cause, Entry, Holdings, Thing};
pub(crate) use phase::Phase;
pub(crate) use restore::Previous;

use crate::call::Done;
use crate::command::{CommandKind, Rejection, RequestId, Spec};
use crate::fault::Fault;
use crate::id::{Identity, MachineId, OpId, Region, VolumeId};
use crate::observe::HostStatus;
use crate::policy::Policy;
use crate::status::Status;
use crate::step::{Alarm, Input, Step};
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use operation::InFlight;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

/// One transition.
///
/// `record` is `None` for an instance that was never provisioned or has been forgotten. Total and pure: the same arguments
/// bring the same step, byte for byte, on every platform.
pub fn step(record: Option<&Instance>, policy: &Policy, now: Timestamp, input: Input) -> Step {
    match record {
        Some(instance) => Box::new(instance.clone()).step(policy, now, input),
        None => birth::step(policy, now, input),
    }
}

/// A message with its time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Noted {
    pub(crate) message: String,
    pub(crate) at: Timestamp,
}

/// Why the last destroy of something did not work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DestroyError {
    pub(crate) op: DestroyOp,
    pub(crate) status: Option<u16>,
    pub(crate) noted: Noted,
}

/// What a destroy was trying to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DestroyOp {
    Machine,
    Volume,
    Recover,
}

/// What went wrong last, by kind of work; cleared when the work succeeds. Boxed, as what is rarely there should cost nothing to move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Errors {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<Box<Noted>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop: Option<Box<Noted>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restart: Option<Box<Noted>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recovery: Option<Box<Noted>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restore: Option<Box<Noted>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destroy: Option<Box<DestroyError>>,
}

/// A machine of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineRef {
    pub(crate) id: MachineId,
    /// When we made it; `None` for one that was imported or adopted, whose age nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<Timestamp>,
}

impl MachineRef {
    pub(crate) fn adopted(id: MachineId) -> Self {
        Self { id, created_at: None }
    }

    /// Whether a 404 may only mean that it is not visible yet.
    pub(crate) fn is_fresh(&self, policy: &Policy, now: Timestamp) -> bool {
        self.created_at.is_some_and(|at| now.since(at) < policy.new_machine_grace_ms)
    }
}

/// The data volume of an instance that has data cannot be found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Missing {
    /// The one other volume that may hold the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proposal: Option<VolumeId>,
    /// The provider shows the volume, and yet says that it does not exist when it is to be mounted.
    pub(crate) refused: bool,
}

/// Repetition of what failed for the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retry {
    pub(crate) attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<Timestamp>,
}

/// An admin's clean-up of retained volumes that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cleanup {
    /// Who waits for its end.
    pub(crate) requests: Vec<RequestId>,
    pub(crate) deleted: Option<VolumeId>,
    pub(crate) failure: Option<Rejection>,
}

/// Everything that is known about one tenant's machine and volume.
///
/// A value: [`step`] makes the next one of it. Store it with [`Instance::encode`](crate::persist) and show it with
/// [`Instance::user_view`], [`Instance::admin_view`] and [`Instance::explain`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    pub(crate) identity: Identity,
    pub(crate) seed: u64,
    /// Counts calls, names, events and requests, so that no number is used twice.
    pub(crate) sequence: u64,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) machine: Option<MachineRef>,
    /// The data volume; during a recovery the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) volume: Option<VolumeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Region>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provisioned_at: Option<Timestamp>,
    /// The last successful start; what was ever started has data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_stopped_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) errors: Errors,
    /// Consecutive observations of a stopped machine while running.
    #[serde(default)]
    pub(crate) fail_count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) counted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) looked_up_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refreshed_at: Option<Timestamp>,
    /// The host of the machine or volume does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host_trouble: Option<HostStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<Missing>,
    /// An admin has accepted that the data is lost.
    #[serde(default)]
    pub(crate) fresh_allowed: bool,
    /// It has a volume that holds data, or may, whether it was ever started or not: an admin gave it, or it was found.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) given_data: bool,
    /// The volume replaced last by a restore or a reassociation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous_volume: Option<VolumeId>,
    /// Recoveries begun so far.
    #[serde(default)]
    pub(crate) recoveries: u64,
    #[serde(default)]
    pub(crate) holdings: Holdings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cleanup: Option<Box<Cleanup>>,
    pub(crate) phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) in_flight: Option<InFlight>,
    #[serde(default)]
    pub(crate) retry: Retry,
    /// An alarm has rung and the status has not been reconciled yet.
    #[serde(default)]
    pub(crate) wake: bool,
    /// The phase has nothing to do before the next alarm.
    #[serde(default)]
    pub(crate) resting: bool,
    /// What made the present chain of calls begin.
    pub(crate) reason: SmolStr,
    /// When the status wants to be looked at next; the alarm is never later.
    pub(crate) next_look: Timestamp,
    /// Somebody wants it to be looked at as soon as nothing is in flight.
    #[serde(default)]
    pub(crate) pulled: bool,
    pub(crate) alarm: Alarm,
    /// Keys of the flat record that mean nothing to this library.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) extra: BTreeMap<String, Value>,
}

impl Instance {
    /// One transition, for whoever has no more use for the record as it was: the same as the free function [`step`], which copies it.
    pub fn step(self: Box<Self>, policy: &Policy, now: Timestamp, input: Input) -> Step {
        turn::step(self, policy, now, input)
    }

    /// Whether the command that [`Verdict::Pending`](crate::step::Verdict::Pending) named has not come to its end: its answer is still to
    /// come, as [`Effect::Reply`](crate::step::Effect::Reply), from whichever host decides it.
    pub fn owes(&self, request: RequestId) -> bool {
        let reassociates = matches!(&self.phase, Phase::Reassociating(me) if me.request() == request);
        reassociates || self.cleanup.as_ref().is_some_and(|cleanup| cleanup.requests.contains(&request))
    }

    /// Whose it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        self.phase.status()
    }

    /// When to ring next, and why.
    pub fn alarm(&self) -> Alarm {
        self.alarm
    }

    /// The call whose outcome it waits for.
    pub fn in_flight(&self) -> Option<OpId> {
        self.in_flight.as_ref().map(|call| call.op)
    }

    /// The machine that serves, or is about to.
    pub fn machine(&self) -> Option<&MachineId> {
        self.phase.replacement().or(self.machine.as_ref()).map(|machine| &machine.id)
    }

    /// The volume that holds the tenant's data.
    pub fn volume(&self) -> Option<&VolumeId> {
        self.volume.as_ref()
    }

    /// Whether `command` would be taken on now; `Err` says why not. Commands that would find nothing to do are allowed.
    ///
    /// # Errors
    /// The rejection that the command would get.
    pub fn allows(&self, command: CommandKind) -> Result<(), Rejection> {
        accept::gate(self, command).map(|_| ())
    }

    /// Whether this is the outcome of the call in flight.
    fn awaits(&self, op: OpId, result: &Result<Done, Fault>) -> bool {
        let fits = result.as_ref().map_or(true, |done| done.answers(op.kind));
        fits && self.in_flight.as_ref().is_some_and(|call| call.op == op)
    }

    pub(crate) fn ever_started(&self) -> bool {
        self.last_started_at.is_some()
    }

    /// Whether its volume may hold data of the tenant's.
    pub(crate) fn has_data(&self) -> bool {
        self.ever_started() || self.given_data
    }

    /// The next number, used for one thing only.
    pub(crate) fn number(&mut self) -> u64 {
        self.sequence = self.sequence.saturating_add(1);
        self.sequence
    }
}
