//! Inputs that change nothing.
//!
//! *Decides* which can be told at a glance, so that they cost hardly more than a look: an alarm that rings while a call is under way, an
//! outcome that nobody waits for. All others are decided the long way, which may find nothing to do either.
//!
//! *Guarantees*: what is called idle here, the long way would leave as it is.

use super::operation::InFlight;
use super::{Instance, dispose};
use crate::call::Done;
use crate::fault::Fault;
use crate::id::OpId;
use crate::policy::Policy;
use crate::step::{Ignored, Input, Verdict};
use crate::time::Timestamp;

/// What becomes of the input, if it is one of those.
pub(super) fn verdict(me: &Instance, policy: &Policy, now: Timestamp, input: &Input) -> Option<Verdict> {
    match input {
        Input::Alarm => is_early(me, policy, now).then_some(Verdict::Applied),
        Input::Outcome { op, result } => is_stale(me, *op, result).then_some(Verdict::Ignored(Ignored::Stale)),
        Input::Command(_) | Input::Resume => None,
    }
}

/// A call is under way, neither it nor the next look is due, and the alarm is set for the first of the two. Dates from a clock that ran
/// ahead, or from another policy, are left to the long way.
fn is_early(me: &Instance, policy: &Policy, now: Timestamp) -> bool {
    let waits = |call: &InFlight| {
        let due = me.next_look.min(call.deadline(policy));
        call.issued_at <= now && now < due && me.alarm.at == due
    };
    me.in_flight.as_ref().is_some_and(waits)
}

fn is_stale(me: &Instance, op: OpId, result: &Result<Done, Fault>) -> bool {
    let made = result.as_ref().is_ok_and(|done| dispose::news(me, done).is_some());
    !made && !me.awaits(op, result)
}
