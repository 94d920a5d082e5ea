//! I5: a live instance has exactly one alarm, not in the past, with a reason.

use super::{Held, Seen, demand};
use crate::step::{Alarm, Effect, Why};
use alloc::format;
use alloc::string::ToString;

pub(super) fn i5_alarm(seen: &Seen<'_>) -> Held {
    let mut scheduled = seen.effects.iter().filter_map(alarm);
    let (first, second) = (scheduled.next(), scheduled.next());
    demand(second.is_none(), || "a step schedules two alarms".to_string())?;
    let Some(next) = seen.next else {
        return demand(first.is_none(), || "an alarm without an instance".to_string());
    };
    let Some(first) = first else { return Err("a step of a live instance schedules no alarm".to_string()) };
    let own = next.alarm();
    let expected = Alarm { at: own.at.max(seen.now), ..own };
    demand(!seen.needs_commit || own.at >= seen.now, || format!("the alarm is due at {}, in the past", own.at))?;
    demand(first == expected, || format!("the alarm scheduled ({first:?}) is not the record's ({own:?})"))?;
    let waits = own.why == Why::CallDeadline && next.in_flight().is_none();
    demand(!waits, || "the alarm waits for a call that nobody makes".to_string())
}

fn alarm(effect: &Effect) -> Option<Alarm> {
    if let Effect::ScheduleAlarm(alarm) = effect { Some(*alarm) } else { None }
}
