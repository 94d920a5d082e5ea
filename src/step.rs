//! What goes into a step and what comes out of it.

use crate::call::{Done, Operation};
use crate::command::{Answer, Command, Rejection, RequestId};
use crate::event::Event;
use crate::fault::{Capacity, Fault};
use crate::id::{OpId, Region};
use crate::instance::Instance;
use crate::time::Timestamp;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Why a step happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// Somebody asks for something.
    Command(Command),
    /// A call ended.
    Outcome {
        /// Which.
        op: OpId,
        /// How.
        result: Result<Done, Fault>,
    },
    /// The alarm rings; early, late and twice are harmless.
    Alarm,
    /// The host has restarted and has just loaded the record.
    Resume,
}

/// Why an input changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// What was asked for is so already, or asked for too often.
    NothingToDo,
    /// The outcome is of a call that nobody waits for any more.
    Stale,
    /// There is no instance.
    NoInstance,
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Taken on.
    Applied,
    /// Taken on; the answer comes later, as [`Effect::Reply`] with this id.
    Pending(RequestId),
    /// Nothing changed, and that is right.
    Ignored(Ignored),
    /// Turned down; nothing changed.
    Denied(Rejection),
}

/// Why the alarm is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Time for the next look.
    Reconcile,
    /// A call in flight will be lost by then.
    CallDeadline,
    /// A call that failed for the moment is repeated.
    Retry,
    /// The present status may not last longer.
    Timeout,
    /// Something is due for disposal.
    Disposal,
}

/// The one alarm of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// When.
    pub at: Timestamp,
    /// What for.
    pub why: Why,
    /// Counts up with every change, so that a superseded alarm can be told from the present one.
    pub generation: u64,
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Make a call and hand its outcome in.
    Call(Box<Operation>),
    /// Ring at this time; replaces the alarm before. Part of the commit.
    ScheduleAlarm(Alarm),
    /// Tell the world. Part of the commit; delivered at least once.
    EmitEvent(Box<Event>),
    /// A hint: this region had no room just now.
    EvictRegion {
        /// Which.
        region: Region,
        /// What was missing.
        class: Capacity,
    },
    /// A command that answers with its end has ended.
    Reply {
        /// Which.
        to: RequestId,
        /// How.
        result: Result<Answer, Rejection>,
    },
    /// Delete the record and its alarm. Part of the commit.
    Forget,
}

/// One transition: what the record becomes, and what then has to be done.
///
/// The effects cannot be had before [`Step::committed`] is called, which is to be done when the record, the alarm and the events are
/// durable: an effect never reaches the world before the record that knows of it.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a step that is not committed has not happened"]
pub struct Step {
    /// What became of the input.
    pub verdict: Verdict,
    /// The record from now on; `None` when there is none (any more). Boxed, because steps are handed on.
    pub next: Option<Box<Instance>>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) needs_commit: bool,
}

impl Step {
    /// Whether the step has to be durable before it is acted on. A step that only asks a question, and one that changes nothing, need
    /// not be: after a crash in between, the question is asked again.
    pub fn needs_commit(&self) -> bool {
        self.needs_commit
    }

    /// The alarm that belongs into the same transaction as the record.
    pub fn alarm(&self) -> Option<Alarm> {
        self.effects
            .iter()
            .find_map(|effect| if let Effect::ScheduleAlarm(alarm) = effect { Some(*alarm) } else { None })
    }

    /// The events that belong into the same transaction as the record.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.effects
            .iter()
            .filter_map(|effect| if let Effect::EmitEvent(event) = effect { Some(&**event) } else { None })
    }

    /// The record and what to do now, once the step is durable (or where [`Step::needs_commit`] says that it need not be).
    pub fn committed(self) -> (Option<Box<Instance>>, Vec<Effect>) {
        (self.next, self.effects)
    }
}
