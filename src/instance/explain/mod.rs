//! Why an instance is in its status, what it waits for, when it acts next and what it does then (W3): as data, and in sentences.
//!
//! *Decides* nothing; it reads the record, and the policy for what will be done with it.

mod blocked;
mod cause;
mod next;

pub use blocked::Blocked;

use crate::call::Call;
use crate::id::OpId;
use crate::instance::hold::{Hold, holds};
use crate::instance::view::ThingView;
use crate::instance::{Entry, Instance};
use crate::policy::Policy;
use crate::status::Status;
use crate::step::Why;
use crate::time::Timestamp;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Why an instance is as it is, and how it goes on. Its [`Display`](fmt::Display) is a few sentences for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What the instance is doing.
    pub status: Status,
    /// What led to it: a sentence without its full stop.
    pub why: String,
    /// What is being done, in words.
    pub step: Option<String>,
    /// What it waits for.
    pub waiting_for: Awaited,
    /// When it acts, if nothing happens before.
    pub acts_at: Timestamp,
    /// What for.
    pub acts_for: Why,
    /// What it does then: completes "it …".
    pub then: String,
    /// When the work in progress is given up.
    pub gives_up_at: Option<Timestamp>,
    /// What does not go on by itself, or not yet.
    pub blocked: Vec<Blocked>,
}

/// What an instance waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// The answer to a call.
    Answer {
        /// Which.
        op: OpId,
        /// The machine, volume or name that it is about.
        about: Option<String>,
    },
    /// A moment to repeat what failed for now.
    Retry {
        /// Repetitions so far, this one included.
        attempts: u32,
    },
    /// The date of a removal.
    Disposal {
        /// Of what.
        thing: Option<ThingView>,
    },
    /// The end of the time that the status may last.
    Timeout,
    /// The next look.
    Look,
}

impl Instance {
    /// Why the instance is as it is, and how it goes on.
    pub fn explain(&self, policy: &Policy) -> Explanation {
        Explanation {
            status: self.status(),
            why: cause::of(self),
            step: self.step_in_words().map(ToString::to_string),
            waiting_for: awaited(self),
            acts_at: self.alarm.at,
            acts_for: self.alarm.why,
            then: next::action(self, policy),
            gives_up_at: next::end(self, policy),
            blocked: blocked::of(self),
        }
    }

    /// The entry of the disposal list whose turn comes next.
    fn next_disposal(&self) -> Option<&Entry> {
        let waits = |entry: &&Entry| !entry.abandoned && !holds(self, entry).any(Hold::bars_attempts);
        self.holdings.entries.iter().filter(waits).min_by_key(|entry| (entry.asked.is_none(), entry.due))
    }
}

fn awaited(me: &Instance) -> Awaited {
    if let Some(call) = &me.in_flight {
        return Awaited::Answer { op: call.op, about: about(&call.call) };
    }
    match me.alarm.why {
        Why::Retry => Awaited::Retry { attempts: me.retry.attempts },
        Why::Disposal => Awaited::Disposal { thing: me.next_disposal().map(|entry| (&entry.thing).into()) },
        Why::Timeout => Awaited::Timeout,
        Why::Reconcile | Why::CallDeadline => Awaited::Look,
    }
}

/// The machine, volume or name that a call is about.
fn about(call: &Call) -> Option<String> {
    match call {
        Call::GetMachine { machine }
        | Call::StartMachine { machine }
        | Call::StopMachine { machine }
        | Call::DestroyMachine { machine }
        | Call::WaitMachine { machine, .. }
        | Call::ProbeHealth { machine, .. } => Some(machine.to_string()),
        Call::UpdateMachine(update) => Some(update.machine.to_string()),
        Call::GetVolume { volume } | Call::ListSnapshots { volume } => Some(volume.to_string()),
        Call::DeleteVolume(condemned) => Some(condemned.volume().to_string()),
        Call::CreateMachine(new) => Some(new.name.to_string()),
        Call::CreateVolume(new) => Some(new.name.to_string()),
        Call::ListMachines { .. } | Call::ListVolumes(_) => None,
    }
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { op, about: Some(about) } => write!(f, "the answer to {op} about {about}"),
            Self::Answer { op, about: None } => write!(f, "the answer to {op}"),
            Self::Retry { attempts } => write!(f, "the moment of retry {attempts}"),
            Self::Disposal { thing: Some(thing) } => write!(f, "the date of the removal of {thing}"),
            Self::Disposal { thing: None } => f.write_str("the date of the next removal"),
            Self::Timeout => f.write_str("the end of the time it may take"),
            Self::Look => f.write_str("the next look"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.why)?;
        if let Some(step) = &self.step {
            write!(f, " Now: {step}.")?;
        }
        write!(f, " It waits for {}. At {}, it {}.", self.waiting_for, self.acts_at, self.then)?;
        if let Some(end) = self.gives_up_at {
            write!(f, " It gives up at {}.", end)?;
        }
        self.blocked.iter().try_for_each(|blocked| write!(f, " {blocked}."))
    }
}
