//! What a step left behind for the host to do.

use crate::call::Operation;
use crate::command::{Answer, Rejection, RequestId};
use crate::driver::DriverError;
use crate::fault::Capacity;
use crate::id::Region;
use crate::instance::Instance;
use crate::port::Revision;
use crate::step::{Alarm, Effect, Verdict};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// An instance that waits for the answer to a question and was not committed, with the revision that it is based on.
///
/// Losing it is harmless: what is stored rings again and asks again.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub(super) instance: Box<Instance>,
    pub(super) revision: Option<Revision>,
}

impl Held {
    /// The instance that waits for the answer.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }
}

/// A call to be made now.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The call.
    pub operation: Operation,
    /// Who waits for its outcome, if the store does not know. To be handed in together with the outcome, and with nothing else;
    /// where it was lost, the outcome is worth nothing and is dropped.
    pub held: Option<Held>,
}

/// A hint: a region had no room just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Which region.
    pub region: Region,
    /// What was missing.
    pub class: Capacity,
}

/// The end of a command that answers with its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The command, as [`Verdict::Pending`] named it.
    pub to: RequestId,
    /// How it ended.
    pub result: Result<Answer, Rejection>,
}

/// What became of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// What became of the input.
    pub verdict: Verdict,
    /// The call to be made now.
    pub pending: Option<Pending>,
    /// Commands that have ended.
    pub replies: Vec<Reply>,
    /// Regions without room.
    pub evictions: Vec<Eviction>,
    /// When to ring next; `None` without an instance. The alarm of the committed record, except while a [`Held`] instance waits: then
    /// its own, in place of the stored one, which has rung.
    pub alarm: Option<Alarm>,
}

impl Applied {
    /// Sorts out the effects of a step that is as durable as it has to be; `held` is the instance if it was not committed.
    pub(super) fn release(verdict: Verdict, alarm: Option<Alarm>, effects: Vec<Effect>, held: Option<Held>) -> Self {
        let mut applied = Self::nothing(verdict, alarm);
        let mut held = held;
        for effect in effects {
            match effect {
                Effect::Call(operation) => {
                    applied.pending = Some(Pending { operation: *operation, held: held.take() });
                }
                Effect::EvictRegion { region, class } => applied.evictions.push(Eviction { region, class }),
                Effect::Reply { to, result } => applied.replies.push(Reply { to, result }),
                // These were part of the commit.
                Effect::ScheduleAlarm(_) | Effect::EmitEvent(_) | Effect::Forget => {}
            }
        }
        applied
    }

    pub(super) fn nothing(verdict: Verdict, alarm: Option<Alarm>) -> Self {
        Self { verdict, pending: None, replies: Vec::new(), evictions: Vec::new(), alarm }
    }
}

/// What became of one input and of everything that followed from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Handled {
    /// What became of the input itself.
    pub verdict: Verdict,
    /// Commands that have ended, this one or earlier ones.
    pub replies: Vec<Reply>,
    /// Regions without room.
    pub evictions: Vec<Eviction>,
    /// When to ring next; `None` when there is no instance (any more).
    pub alarm: Option<Alarm>,
    /// Why the work stopped half-way. What was taken on is not taken back: it goes on with the next alarm or
    /// [`Resume`](crate::step::Input::Resume).
    pub interrupted: Option<DriverError>,
}

impl Handled {
    pub(super) fn begin(first: Applied) -> (Self, Option<Pending>) {
        let Applied { verdict, pending, replies, evictions, alarm } = first;
        (Self { verdict, replies, evictions, alarm, interrupted: None }, pending)
    }

    pub(super) fn go_on(&mut self, next: Applied) -> Option<Pending> {
        self.replies.extend(next.replies);
        self.evictions.extend(next.evictions);
        self.alarm = next.alarm;
        next.pending
    }

    /// How the command ended, if it is one that answers with its end and has ended.
    pub fn reply(&self) -> Option<&Result<Answer, Rejection>> {
        let Verdict::Pending(asked) = self.verdict else { return None };
        self.replies.iter().find(|reply| reply.to == asked).map(|reply| &reply.result)
    }
}
