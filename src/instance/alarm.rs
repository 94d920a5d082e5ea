//! When the instance is looked at next.
//!
//! *Decides* the one alarm: the interval of the status plus jitter, pulled in by whatever is due before.
//!
//! *Guarantees*: never before now; nothing pushes it out but an alarm that was acted on or a change of status; a clock that was
//! wrong for a while does no lasting harm.

use super::turn::Turn;
use super::{Instance, dispose};
use crate::policy::{LONGEST_MS, Policy};
use crate::random::Random;
use crate::status::Status;
use crate::step::{Alarm, Why};
use crate::time::Timestamp;

fn interval(status: Status, policy: &Policy) -> u64 {
    match status {
        Status::Running => policy.alarm_running_ms,
        Status::Provisioned | Status::Stopped => policy.alarm_idle_ms,
        Status::Starting
        | Status::Stopping
        | Status::Restarting
        | Status::Recovering
        | Status::Restoring
        | Status::Destroying => policy.alarm_transitional_ms,
    }
}

fn look_after(me: &Instance, policy: &Policy, now: Timestamp) -> Timestamp {
    let jitter = Random::of(me.seed, me.alarm.generation).up_to(policy.alarm_jitter_ms);
    now.plus(interval(me.status(), policy)).plus(jitter)
}

/// The alarm has been acted on: the next look is one interval away.
pub(super) fn push_look(t: &mut Turn<'_>) {
    t.me.next_look = look_after(&t.me, t.policy, t.now);
}

/// Look again at once, or as soon as nothing is in flight.
pub(super) fn pull_look(t: &mut Turn<'_>) {
    t.me.next_look = t.now;
    t.me.pulled = true;
}

/// What the next alarm depends on of how things were before the step.
#[derive(Clone, Copy)]
pub(super) struct Was {
    status: Status,
    waiting: bool,
    after_alarm: bool,
}

impl Was {
    pub(super) fn of(me: &Instance) -> Self {
        Self { status: me.status(), waiting: me.in_flight.is_some(), after_alarm: me.reason == "alarm" }
    }
}

/// Sets the alarm at the end of a step.
pub(super) fn arm(t: &mut Turn<'_>, was: Was) {
    let at_rest = t.me.in_flight.is_none();
    // A chain of calls takes time: the next look counts from its end. Only what a command did in passing moves nothing.
    let counts = was.after_alarm || !t.me.status().is_settled();
    let acted = was.waiting && counts && at_rest;
    if t.me.status() != was.status || acted {
        push_look(t);
    }
    if t.me.pulled && at_rest {
        t.me.next_look = t.now;
    }
    let (at, why) = earliest(t);
    t.me.alarm = Alarm { at: at.max(t.now), why, generation: t.me.alarm.generation.saturating_add(1) };
}

/// While a call is in flight nothing else can be done, so nothing else pulls the alarm in.
fn earliest(t: &Turn<'_>) -> (Timestamp, Why) {
    let me = &t.me;
    let look = (me.next_look, Why::Reconcile);
    if let Some(call) = &me.in_flight {
        let deadline = (call.deadline(t.policy), Why::CallDeadline);
        return if deadline.0 < look.0 { deadline } else { look };
    }
    let timeout = me.phase.since().zip(me.phase.timeout_ms(t.policy)).map(|(since, limit)| since.plus(limit).plus(1));
    let pulls = [
        me.retry.due.map(|at| (at, Why::Retry)),
        timeout.filter(|at| *at > t.now).map(|at| (at, Why::Timeout)),
        dispose::next_date(t).map(|at| (at, Why::Disposal)),
    ];
    pulls.into_iter().flatten().fold(look, |first, next| if next.0 < first.0 { next } else { first })
}

/// Further ahead than any other date this library sets: the longest duration a policy may hold, and room for a jitter on top.
const ABSURD_MS: u64 = 2 * LONGEST_MS;

/// Undoes what a clock that ran ahead has left behind: nothing has begun in the future, neither the next look nor the alarm
/// is further away than looks are, and nothing is due in years.
pub(super) fn settle_clock(t: &mut Turn<'_>) {
    let now = t.now;
    let me = &mut t.me;
    for begun in [&mut me.counted_at, &mut me.looked_up_at, &mut me.refreshed_at].into_iter().flatten() {
        *begun = (*begun).min(now);
    }
    if let Some(call) = &mut me.in_flight {
        call.issued_at = call.issued_at.min(now);
    }
    if let Some(since) = me.phase.since_mut() {
        *since = (*since).min(now);
    }
    let machines = me.machine.iter_mut().chain(me.phase.replacement_mut());
    for created in machines.filter_map(|machine| machine.created_at.as_mut()) {
        *created = (*created).min(now);
    }
    if me.next_look > now.plus(t.policy.longest_look_ms()) {
        me.next_look = now;
    }
    // It is set anew at the end of the step, for which this has to count as a change.
    me.alarm.at = me.alarm.at.min(me.next_look.max(now));
    let horizon = now.plus(ABSURD_MS);
    if me.retry.due.is_some_and(|due| due > horizon) {
        me.retry.due = Some(now);
    }
    for made in me.holdings.entries.iter_mut().filter_map(|entry| entry.made_at.as_mut()) {
        *made = (*made).min(now);
    }
    let again = now.plus(t.policy.retention_ms);
    for entry in me.holdings.entries.iter_mut().filter(|entry| entry.due > horizon) {
        entry.due = again;
    }
}
