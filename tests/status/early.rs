//! Alarms that ring while a call is under way, and where the next one is set.

use crate::commands::resize;
use crate::script::{HOUR, MINUTE, SECOND, Script, knobs};
use kiloclaw_lifecycle::{Knobs, Policy};

/// A command has set the alarm while the clock was that far ahead.
fn resized_ahead(script: &mut Script, ahead: u64) {
    let right = script.now;
    script.now = right.plus(ahead);
    script.command(resize(4_096));
    script.now = right;
}

#[test]
fn an_alarm_set_by_a_clock_ahead_is_set_right_while_something_is_asked() {
    for ahead in [HOUR, 70 * 365 * 24 * HOUR] {
        let mut script = Script::stopped();
        script.ring();
        resized_ahead(&mut script, ahead);
        script.ring().is("
            applied: stopped
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn an_alarm_set_by_a_clock_ahead_is_set_right_by_a_resume() {
    for ahead in [HOUR, 70 * 365 * 24 * HOUR] {
        let mut script = Script::stopped();
        resized_ahead(&mut script, ahead);
        script.resume().is("
            applied: stopped
            alarm +30m reconcile
        ");
    }
}

#[test]
fn a_call_made_by_a_clock_ahead_is_given_its_time_anew() {
    let mut script = Script::stopped();
    let right = script.now;
    script.after(HOUR);
    script.ring();
    script.now = right;
    script.ring().is("
        applied: stopped
        alarm +90001ms call_deadline
    ");
}

#[test]
fn an_alarm_waits_for_a_deadline_that_has_moved() {
    let mut script = Script::stopped();
    script.ring();
    script.policy = Policy::new(Knobs { call_deadline_ms: 3 * MINUTE, ..knobs() }).unwrap();
    script.after(90 * SECOND + 1);
    script.ring().is("
        applied: stopped
        alarm +90s call_deadline
    ");
}
