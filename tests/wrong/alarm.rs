//! I5: machines that nobody wakes, or that are woken for nothing.

use crate::machine::{Asked, Wrong, with_next};
use crate::searched::{Search, alarms};
use crate::wrongs;
use kiloclaw_lifecycle::step::Effect;
use kiloclaw_lifecycle::testkit::model::Story;
use kiloclaw_lifecycle::testkit::rig::Decided;
use kiloclaw_lifecycle::{Status, Timestamp};
use serde_json::{Value, json};

fn is_running(decided: &Decided) -> bool {
    decided.next.as_ref().is_some_and(|next| next.status() == Status::Running)
}

/// Once it runs, there is nothing more to be done.
fn sets_none(asked: Asked<'_>) -> Decided {
    let mut decided = asked.really();
    if is_running(&decided) {
        decided.effects.retain(|effect| !matches!(effect, Effect::ScheduleAlarm(_)));
    }
    decided
}

/// The next look is counted from the beginning of time.
fn sets_it_in_the_past(asked: Asked<'_>) -> Decided {
    let mut decided = asked.really();
    if !is_running(&decided) {
        return decided;
    }
    for effect in &mut decided.effects {
        if let Effect::ScheduleAlarm(alarm) = effect {
            alarm.at = Timestamp::from_millis(900_000);
        }
    }
    with_next(decided, |next| next["alarm"]["at"] = json!(900_000))
}

/// Two dates, two alarms.
fn sets_two(asked: Asked<'_>) -> Decided {
    let mut decided = asked.really();
    if is_running(&decided) {
        let alarm = decided.effects.iter().find(|effect| matches!(effect, Effect::ScheduleAlarm(_))).cloned();
        decided.effects.extend(alarm);
    }
    decided
}

/// It waits for a call that it has forgotten.
fn waits_for_nothing(asked: Asked<'_>) -> Decided {
    let decided = asked.really();
    if is_running(&decided) { with_next(decided, |next| next["in_flight"] = Value::Null) } else { decided }
}

wrongs! {
    no_alarm_is_set: Alarm by Search {
        machine: Wrong(sets_none),
        story: Story::destroy(),
        budget: alarms(2),
        moves: 13,
        last: "the answer to probe_health arrives",
        seen: "a step of a live instance schedules no alarm",
    };
    the_alarm_is_in_the_past: Alarm by Search {
        machine: Wrong(sets_it_in_the_past),
        story: Story::destroy(),
        budget: alarms(2),
        moves: 13,
        last: "the answer to probe_health arrives",
        seen: "the alarm is due at 1970-01-01T00:15:00.000Z, in the past",
    };
    there_are_two_alarms: Alarm by Search {
        machine: Wrong(sets_two),
        story: Story::destroy(),
        budget: alarms(2),
        moves: 13,
        last: "the answer to probe_health arrives",
        seen: "a step schedules two alarms",
    };
    the_alarm_waits_for_a_call_that_is_forgotten: Alarm by Search {
        machine: Wrong(waits_for_nothing),
        story: Story::recovery(),
        budget: alarms(2),
        moves: 1,
        last: "time passes",
        seen: "the alarm waits for a call that nobody makes",
    };
}
