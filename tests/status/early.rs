//! Alarms that ring while a call is under way, and where the next one is set.

use crate::commands::resize;
use crate::script::{DAY, HOUR, MINUTE, SECOND, Script, knobs};
use kiloclaw_lifecycle::{Knobs, Policy};

/// How far a clock runs ahead.
const AHEAD: [u64; 2] = [HOUR, 70 * 365 * DAY];

/// A command has set the alarm, for this reason, while the clock ran ahead.
fn resized_ahead(script: &mut Script, ahead: u64, why: &str) {
    let right = script.now;
    script.now = right.plus(ahead);
    script.command(resize(4_096)).is(&format!(
        r#"
            applied: stopped
            set machineSize {{"cpus":2,"memory_mb":4096}}
            alarm now {why}
        "#
    ));
    script.now = right;
}

#[test]
fn an_alarm_set_by_a_clock_ahead_is_set_right_while_something_is_asked() {
    for ahead in AHEAD {
        let mut script = Script::stopped();
        script.ring();
        resized_ahead(&mut script, ahead, "call_deadline");
        script.ring().is("
            applied: stopped
            alarm +90001ms call_deadline
        ");
    }
}

#[test]
fn an_alarm_set_by_a_clock_ahead_is_set_right_by_a_resume() {
    for ahead in AHEAD {
        let mut script = Script::stopped();
        resized_ahead(&mut script, ahead, "reconcile");
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
